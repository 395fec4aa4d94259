"""User-assigned managed identities (Microsoft.ManagedIdentity)."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from mi_tui.services.errors import translated
from mi_tui.services.removal import removed
from mi_tui.services.session import Session


class IdentityInfo(Struct, frozen=True):
    """A user-assigned identity. Roles go to `principal_id`; the scoring script names itself by `client_id`."""

    id: str
    name: str
    principal_id: str
    client_id: str
    location: str
    tags: dict[str, str] = {}


def get(session: Session, group: str, name: str) -> IdentityInfo | None:
    """The identity, or None when it is not there. Raises ServiceError. User Assigned Identities - Get."""
    with translated():
        from azure.core.exceptions import ResourceNotFoundError

        try:
            return _info(session.identities().user_assigned_identities.get(group, name))
        except ResourceNotFoundError:
            return None


def create(session: Session, group: str, name: str, location: str, tags: dict[str, str]) -> tuple[IdentityInfo, bool]:
    """Create the identity and read it back, and whether this call made it: it answers 201, or 200 for one that was there. Raises ServiceError.

    User Assigned Identities - Create Or Update.
    """
    with translated():
        identities = session.identities().user_assigned_identities
        status = identities.create_or_update(
            group, name, {"location": location, "tags": tags}, cls=lambda answer, _body, _headers: answer.http_response.status_code
        )  # fmt: skip
        return _info(identities.get(group, name)), bool(status == 201)


def delete(session: Session, group: str, name: str) -> bool:
    """Delete the identity; False when it was gone already. Its role assignments stay: delete those first. Raises ServiceError."""
    return removed(session.identities().user_assigned_identities.delete, group, name)


def list_all(session: Session) -> list[IdentityInfo]:
    """Every user-assigned identity in the subscription that the caller may see, by name. Raises ServiceError."""
    with translated():
        found = [_info(item) for item in session.identities().user_assigned_identities.list_by_subscription()]
    return sorted(found, key=lambda item: item.name.lower())


def _info(item: Any) -> IdentityInfo:
    return IdentityInfo(
        id=item.id,
        name=item.name,
        principal_id=item.principal_id,
        client_id=item.client_id,
        location=item.location,
        tags={str(key): str(value) for key, value in (item.tags or {}).items()},
    )
