"""Blob containers: one resource, whether ARM or the data plane makes it. Here because both have to agree on it."""

from __future__ import annotations

import json
import time

from mi_tui.sandbox import grants
from mi_tui.sandbox.store import Resource
from mi_tui.sandbox.world import World

ACCOUNT_TYPE = "Microsoft.Storage/storageAccounts"
TYPE = "Microsoft.Storage/storageAccounts/blobServices/containers"


def etag(seconds: float | None = None) -> str:
    """An ETag as Storage writes it: 100-nanosecond ticks since the year 1, in quotes."""
    moment = time.time() if seconds is None else seconds
    return f'"0x{int((moment + 62_135_596_800) * 10_000_000):X}"'


def container_id(account_id: str, name: str) -> str:
    """The resource id of a container, from the id of its account."""
    return f"{account_id.rstrip('/')}/blobServices/default/containers/{name}"


def account_by_name(world: World, name: str) -> Resource | None:
    """The storage account with this name, which is unique in the whole world; None when there is none."""
    return next(iter(world.store.resources(ACCOUNT_TYPE, name=name)), None)


def create_container(world: World, account_id: str, name: str) -> Resource:
    """Make a container and return it; the one that is there already is returned as it is.

    `body["etag"]` is its ETag, `private["last_modified"]` its time of change in Unix seconds, and
    `body["properties"]["metadata"]`, where there is any, its metadata.
    """
    identifier = container_id(account_id, name)
    existing = world.store.resource(identifier)
    if existing is not None:
        return existing
    now = time.time()
    body = {
        "id": identifier,
        "name": name,
        "type": TYPE,
        "etag": etag(now),
        "properties": {
            "deleted": False,
            "remainingRetentionDays": 0,
            "defaultEncryptionScope": "$account-encryption-key",
            "denyEncryptionScopeOverride": False,
            "publicAccess": "None",
            "leaseStatus": "Unlocked",
            "leaseState": "Available",
            "lastModifiedTime": _written(now),
            "hasImmutabilityPolicy": False,
            "hasLegalHold": False,
        },
    }
    container = Resource(identifier, TYPE, name, body, {"last_modified": now}, now)
    world.store.put(container)
    return container


def touch(world: World, container: Resource) -> None:
    """Write back a changed container with a new ETag and time of change."""
    now = time.time()
    container.body["etag"] = etag(now)
    container.body["properties"]["lastModifiedTime"] = _written(now)
    container.private["last_modified"] = now
    world.store.put(container)


def account_name(container: Resource) -> str:
    """The name of the account that a container belongs to, which is the `account` of its blobs' rows."""
    return container.id.strip("/").split("/")[7].lower()


def delete_container(world: World, container: Resource) -> None:
    """Delete a container with its blobs and the role assignments at its scope. Its name is held as long as the profile says."""
    world.store.remove_blobs(account_name(container), container.name)
    grants.unassign_under(world, container.id)
    world.store.remove(container.id)
    account = world.store.resource(container.id.rsplit("/blobServices/", 1)[0])
    if account is not None and world.profile.container_delete:
        now = time.time()
        held = {name: until for name, until in _held(world, account).items() if until > now}
        held[container.name] = now + world.profile.container_delete
        world.store.set_value(_held_key(account), json.dumps(held))


def being_deleted(world: World, account: Resource, name: str) -> bool:
    """Whether the account's container of this name was deleted so lately that another of the name is refused.

    For at least 30 seconds making it is refused with 409, and all else that is asked of it is answered with 404 ("Delete Container" of
    the blob service's reference). Ask only where there is none of the name: what the sandbox puts there by itself may be there.
    """
    return _held(world, account).get(name, 0.0) > time.time()


def _held(world: World, account: Resource) -> dict[str, float]:
    """Until when (Unix seconds) names of deleted containers are held, by the name."""
    return dict(json.loads(world.store.value(_held_key(account)) or "{}"))


def _held_key(account: Resource) -> str:
    # Made with the account, so that in another account of the same name all are free.
    return f"deleted_containers:{account.id.lower()}:{account.created}"


def _written(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
