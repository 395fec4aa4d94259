"""mi-tui deploys an Azure ML online endpoint that reads blob storage through a managed identity."""

__version__ = "0.1.0"
