"""The tags of any resource (Microsoft.Resources/tags, "Tags - Update At Scope")."""

from __future__ import annotations

from mi_tui.services import arm
from mi_tui.services.session import Session

API_VERSION = "2021-04-01"


def take_off(session: Session, resource_id: str, tags: dict[str, str]) -> None:
    """Take these tags, where they have these values, from a resource. Raises ServiceError."""
    body: arm.Json = {"operation": "Delete", "properties": {"tags": dict(tags)}}
    arm.patch(session, f"{resource_id}/providers/Microsoft.Resources/tags/default", API_VERSION, body)
