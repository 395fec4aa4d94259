"""Reusable Textual widgets. They know the model only."""
