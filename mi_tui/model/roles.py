"""The built-in roles that the journey grants, with the GUIDs from Microsoft's role documentation (2026-07)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Role:
    """A built-in role definition: its name and the GUID that is the same in every tenant."""

    name: str
    guid: str

    def definition_id(self, subscription: str) -> str:
        """The id that a role assignment in `subscription` refers to."""
        return f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{self.guid}"


BLOB_READER = Role("Storage Blob Data Reader", "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1")
BLOB_CONTRIBUTOR = Role("Storage Blob Data Contributor", "ba92f5b4-2d11-453d-a403-e96b0029c9fe")
ACR_PULL = Role("AcrPull", "7f951dda-4ed3-4680-a7ca-43fe172d538d")

GRANTED = (BLOB_READER, ACR_PULL)
"""Everything that mi-tui ever grants."""


def by_guid(guid: str) -> Role | None:
    """The role with this GUID, if the journey knows it."""
    return next((role for role in (*GRANTED, BLOB_CONTRIBUTOR) if role.guid == guid.lower()), None)
