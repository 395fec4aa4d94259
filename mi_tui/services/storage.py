"""Storage accounts and blob containers, as Azure Resource Manager sees them (Microsoft.Storage)."""

from __future__ import annotations

import threading
from typing import Any

from msgspec import Struct

from mi_tui.model.secret import Secret
from mi_tui.services import arm
from mi_tui.services.errors import ServiceError, translated
from mi_tui.services.operations import Watch
from mi_tui.services.removal import removed
from mi_tui.services.session import Session

_API = "2023-05-01"


class AccountInfo(Struct, frozen=True):
    """A storage account. `shared_keys`: requests signed with the account key are allowed. `ready`: it is not being created any more.
    `firewall`: only named networks, addresses and services are let in (the default action of its network rules is Deny)."""

    id: str
    name: str
    group: str
    location: str
    kind: str
    shared_keys: bool
    public_network: bool
    blob_endpoint: str
    tags: dict[str, str] = {}
    ready: bool = True
    firewall: bool = False


def check_name(session: Session, account: str) -> str | None:
    """Why the name cannot be taken, in Azure's words; None when it is free. Raises ServiceError.

    Storage Accounts - Check Name Availability. Names are unique among all customers of Azure.
    """
    with translated():
        answer = session.storage().storage_accounts.check_name_availability(
            {"name": account, "type": "Microsoft.Storage/storageAccounts"}
        )
        if answer.name_available:
            return None
        return str(answer.message or answer.reason or "The name is not available.")


def get_account(session: Session, group: str, account: str) -> AccountInfo | None:
    """The account, or None when it is not in the group. Raises ServiceError."""
    with translated():
        from azure.core.exceptions import ResourceNotFoundError

        try:
            return _info(session.storage().storage_accounts.get_properties(group, account))
        except ResourceNotFoundError:
            return None


def create_account(
    session: Session,
    group: str,
    account: str,
    location: str,
    tags: dict[str, str],
    watch: Watch | None = None,
    stop: threading.Event | None = None,
) -> tuple[AccountInfo, bool]:
    """Create a StorageV2 account (LRS, TLS 1.2, HTTPS only, no anonymous access), wait, and read it back; and whether this call made it.

    Azure takes a new account with 202, and answers 200 where there was one, whose tags and properties are those of this call then: it
    has no condition against that (Storage Accounts - Create; recorded). What is read back may differ from what was asked: a policy can
    leave a property as it was. Raises ServiceError, and Abandoned when `stop` is set.
    """
    asked = {
        "sku": {"name": "Standard_LRS"},
        "kind": "StorageV2",
        "location": location,
        "tags": tags,
        "properties": {
            "minimumTlsVersion": "TLS1_2",
            "allowBlobPublicAccess": False,
            "supportsHttpsTrafficOnly": True,
        },
    }
    accounts = session.storage().storage_accounts
    session.operations.finish(lambda: accounts.begin_create(group, account, asked), watch, stop)
    fresh = session.operations.calls.last_status() != 200
    with translated():
        return _info(accounts.get_properties(group, account)), fresh


def delete_account(session: Session, group: str, account: str) -> bool:
    """Delete the account with all that is in it; False when it was gone already. Raises ServiceError."""
    return removed(session.storage().storage_accounts.delete, group, account)


def list_accounts(session: Session) -> list[AccountInfo]:
    """Every account in the subscription that the caller may see, by name. Raises ServiceError."""
    with translated():
        found = [_info(item) for item in session.storage().storage_accounts.list()]
    return sorted(found, key=lambda item: item.name)


def container_exists(session: Session, group: str, account: str, container: str) -> bool:
    """Whether the container is there, by Azure Resource Manager (no right on the data is needed). Raises ServiceError."""
    with translated():
        from azure.core.exceptions import ResourceNotFoundError

        try:
            session.storage().blob_containers.get(group, account, container)
        except ResourceNotFoundError:
            return False
        return True


def create_container(
    session: Session, group: str, account: str, container: str, metadata: dict[str, str] | None = None
) -> bool:
    """Create the container, closed to anonymous readers; False when it was there (200 in place of 201). Raises ServiceError.

    `metadata` is what a container can carry in place of tags; its names are C# identifiers.
    """
    asked = {"properties": {"publicAccess": "None", "metadata": dict(metadata or {})}}
    with translated():
        status = session.storage().blob_containers.create(
            group, account, container, asked, cls=lambda answer, _body, _headers: answer.http_response.status_code
        )
        return bool(status == 201)


def take_off_metadata(session: Session, container_id: str, name: str, value: str) -> None:
    """Take this one off a container's metadata, where it has this value. Blob Containers - Update. Raises ServiceError."""
    item = arm.get(session, container_id, _API)
    metadata = arm.texts(item, "properties", "metadata") if item is not None else {}
    rest = {key: text for key, text in metadata.items() if (key.lower(), text) != (name, value)}
    if rest != metadata:
        body: arm.Json = {"properties": {"metadata": dict(rest)}}
        arm.patch(session, container_id, _API, body)


def delete_container(session: Session, group: str, account: str, container: str) -> bool:
    """Delete the container with its blobs; False when it was gone already. Raises ServiceError."""
    return removed(session.storage().blob_containers.delete, group, account, container)


def list_containers(session: Session, group: str, account: str) -> list[str]:
    """The names of the account's containers, sorted. Raises ServiceError."""
    with translated():
        return sorted(str(item.name) for item in session.storage().blob_containers.list(group, account))


_BESIDE_BLOBS = (
    ("fileServices", "shares", "file share"),
    ("queueServices", "queues", "queue"),
    ("tableServices", "tables", "table"),
)


def list_beside_blobs(session: Session, account_id: str) -> list[str]:
    """What an account holds in its other three services, each with its kind, such as `queue orders`; what an account's kind does not have
    is not in it, nor what Azure keeps for itself. Raises ServiceError.

    File Shares, Queue and Table - List, of Azure Resource Manager (no right on the data is needed).
    """
    found: list[str] = []
    for service, kind, words in _BESIDE_BLOBS:
        try:
            items = list(arm.list_all(session, f"{account_id}/{service}/default/{kind}", _API))
        except ServiceError as error:
            if error.status != 404 and error.code != "FeatureNotSupportedForAccount":
                raise
            continue
        found += [f"{words} {name}" for item in items if not (name := arm.text(item, "name")).startswith("$")]
    return found


def account_key(session: Session, group: str, account: str) -> Secret:
    """The account's first key. Raises ServiceError. Storage Accounts - List Keys."""
    with translated():
        # The models are mappings: `.keys` is their method, the field is `keys_property`.
        keys = session.storage().storage_accounts.list_keys(group, account).keys_property
        return Secret(str(keys[0].value))


def _info(item: Any) -> AccountInfo:
    group = str(item.id).split("/")[4]
    endpoints, rules = item.primary_endpoints, item.network_rule_set
    return AccountInfo(
        id=str(item.id),
        name=str(item.name),
        group=group,
        location=str(item.location),
        kind=str(getattr(item.kind, "value", item.kind)),
        # Absent means allowed. Azure's documentation of allowSharedKeyAccess.
        shared_keys=item.allow_shared_key_access is not False,
        public_network=str(getattr(item.public_network_access, "value", item.public_network_access)).lower()
        != "disabled",
        blob_endpoint=str((endpoints.blob if endpoints else None) or f"https://{item.name}.blob.core.windows.net/"),
        tags={str(key): str(value) for key, value in (item.tags or {}).items()},
        ready=str(getattr(item.provisioning_state, "value", item.provisioning_state)).lower() == "succeeded",
        firewall=str(getattr(rules.default_action, "value", rules.default_action) if rules else "").lower() == "deny",
    )
