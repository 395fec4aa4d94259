"""A look at any resource by its id: whether it is there, whose mark it carries, and when Azure says that it was made."""

from __future__ import annotations

import datetime as dt
import re

from msgspec import Struct

from mi_tui.model.answers import RESERVED_TAG
from mi_tui.services import arm
from mi_tui.services.session import Session

METADATA_MARK = RESERVED_TAG.replace("-", "_")
"""The run's tag in the form of metadata, whose names are C# identifiers ("Setting and retrieving properties and metadata")."""

_VERSIONS = {
    "microsoft.machinelearningservices": "2023-04-01",
    "microsoft.storage": "2023-05-01",
    "microsoft.managedidentity": "2023-01-31",
    "microsoft.authorization": "2022-04-01",
}
_IN_WORDS = re.compile(rf"\b{re.escape(RESERVED_TAG)}=([\w-]+)")


class Seen(Struct, frozen=True):
    """A resource as it is. `run` is the run whose mark it carries (tag, metadata or description), empty for none.

    `made` is ISO 8601 (`systemData.createdAt`, `properties.creationTime` or `createdOn`); empty where Azure does not tell, as for
    containers and user-assigned identities. `stamp` tells those from another of the same name: a container's mark, an identity's principal.
    `changed`, of a container: when it, its properties or its metadata changed last (`properties.lastModifiedTime`; changes of its blobs do
    not count).
    """

    id: str
    run: str
    made: str
    stamp: str = ""
    changed: str = ""


def look(session: Session, resource_id: str) -> Seen | None:
    """The resource with this id, or None when it is not there. Raises ServiceError."""
    version = _VERSIONS.get(_provider(resource_id), "2021-04-01")
    item = arm.get(_in(session, resource_id), resource_id, version)
    return None if item is None else of(item, resource_id)


def told(session: Session, resource_id: str) -> Seen | None:
    """What Azure's 201 said of the resource that the last PUT of this thread made; None when that made none, or another.

    Nobody can have changed that by then: the endpoint's moment and the identity's principal in a 201 are those of every later GET
    (recorded), whereas a look after minutes of creation may find somebody else's tags.
    """
    body = session.operations.calls.last_made()
    if not isinstance(body, dict) or str(body.get("id", "")).lower() != resource_id.lower():
        return None
    return of(body, resource_id)


def of(item: arm.Json, resource_id: str = "") -> Seen:
    """What a resource's body says."""
    metadata = {key.lower(): value for key, value in arm.texts(item, "properties", "metadata").items()}
    words = _IN_WORDS.search(arm.text(item, "properties", "description"))
    # Assets of a workspace carry their tags among the properties.
    tags = {**arm.texts(item, "properties", "tags"), **arm.texts(item, "tags")}
    mark = metadata.get(METADATA_MARK, "")
    made = (
        arm.text(item, "systemData", "createdAt")
        or arm.text(item, "properties", "creationTime")
        or arm.text(item, "properties", "createdOn")
    )
    stamp = f"{METADATA_MARK}={mark}" if mark else ""
    if "userassignedidentities" in resource_id.lower().rsplit("/", 2)[-2:]:
        stamp = arm.text(item, "properties", "principalId")
    return Seen(
        arm.text(item, "id") or resource_id,
        tags.get(RESERVED_TAG, "") or mark or (words[1] if words else ""),
        made,
        stamp,
        arm.text(item, "properties", "lastModifiedTime"),
    )


def moment(made: str) -> float:
    """A creation time in Unix seconds; without an end (infinity) where it is none, so that it is before nothing."""
    try:
        at = dt.datetime.fromisoformat(made)
    except ValueError:
        return float("inf")
    return (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).timestamp()


def same_moment(one: str, other: str) -> bool:
    """Whether two creation times mean the same one; services write them with more or fewer digits."""
    try:
        first, second = dt.datetime.fromisoformat(one), dt.datetime.fromisoformat(other)
    except ValueError:
        return one == other
    first, second = (at if at.tzinfo else at.replace(tzinfo=dt.UTC) for at in (first, second))
    return abs((first - second).total_seconds()) < 1


def _provider(resource_id: str) -> str:
    parts = resource_id.strip("/").lower().split("/")
    at = [index for index, part in enumerate(parts[:-1]) if part == "providers"]
    return parts[at[-1] + 1] if at else ""


def _in(session: Session, resource_id: str) -> Session:
    """The session in the resource's own subscription."""
    found = re.match(r"/subscriptions/([^/]+)", resource_id, re.IGNORECASE)
    if found is None or found[1].lower() == session.subscription_id.lower():
        return session
    return session.in_subscription(found[1])
