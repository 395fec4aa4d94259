"""Online endpoints and their deployments (api-versions 2022-02-01-preview to 2024): importing this registers their operations."""

from mi_tui.sandbox.arm import online_deployments, online_endpoints, online_keys, online_operations
from mi_tui.sandbox.hosting import provisioning

__all__ = ["online_deployments", "online_endpoints", "online_keys", "online_operations", "provisioning"]
