"""What a storage account can have besides blobs and the sandbox's accounts never do: lists that are there and empty, what a private
link could reach, and the revocation of user delegation keys."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from mi_tui.sandbox.arm.router import Call, route
from mi_tui.sandbox.arm.storage import ACCOUNT, account_above, empty, storage_page
from mi_tui.sandbox.blob import delegation
from mi_tui.sandbox.errors import ArmError

_NS = "Microsoft.Storage/storageAccounts"
_SUBSCRIPTION = "/subscriptions/{s}/providers/Microsoft.Storage"

COLLECTIONS = {
    "encryptionScopes": "EncryptionScopeNotFound",
    "inventoryPolicies": "BlobInventoryPolicyNotFound",
    "localUsers": "LocalUserNotFound",
    "objectReplicationPolicies": "ObjectReplicationPolicyNotFound",
    "privateEndpointConnections": "PrivateEndpointConnectionNotFound",
}
"""Nothing can be made in them here. The code for what is not there: of the two policies from public transcripts, else a guess."""

_LINKS = {"blob": "blob", "table": "table", "queue": "queue", "file": "file", "web": "web", "dfs": "dfs"}


def _list(kind: str) -> Callable[[Call], Response]:
    def handler(call: Call) -> Response:
        account_above(call)
        return storage_page([])

    handler.__doc__ = f"GET of all {kind} of an account: there are none."
    return handler


def _missing(kind: str) -> Callable[[Call], Response]:
    def handler(call: Call) -> Response:
        account = account_above(call)
        what = COLLECTIONS[kind].removesuffix("NotFound")
        raise ArmError(404, COLLECTIONS[kind], f"No {what} found for account {account.name}")

    handler.__doc__ = f"GET of one of the {kind}: 404."
    return handler


def _refused(kind: str) -> Callable[[Call], Response]:
    def handler(call: Call) -> Response:
        account_above(call)
        raise ArmError(
            400,
            "FeatureNotSupportedForAccount",
            f"The mi-tui sandbox has no {kind} of storage accounts. Go on without, or use Azure.",
        )

    handler.__doc__ = f"PUT of one of the {kind}: refused, and said that it is the sandbox that cannot."
    return handler


for _kind in COLLECTIONS:
    route("GET", f"{ACCOUNT}/{_kind}", f"{_NS}/{_kind}/read")(_list(_kind))
    route("GET", f"{ACCOUNT}/{_kind}/{{name}}", f"{_NS}/{_kind}/read")(_missing(_kind))
    route("PUT", f"{ACCOUNT}/{_kind}/{{name}}", f"{_NS}/{_kind}/write")(_refused(_kind))


@route("GET", _SUBSCRIPTION + "/deletedAccounts")
def list_deleted(call: Call) -> Response:
    """Accounts that could be recovered: none, because a deleted one is gone here."""
    call.require_reach("Microsoft.Storage/deletedAccounts/read", f"/subscriptions/{call.ids['s']}")
    return storage_page([])


@route("GET", _SUBSCRIPTION + "/locations/{location}/deletedAccounts/{account}")
def get_deleted(call: Call) -> Response:
    """404: there is none of this name (the sentence is a guess)."""
    call.require_reach("Microsoft.Storage/locations/deletedAccounts/read", f"/subscriptions/{call.ids['s']}")
    raise ArmError(404, "DeletedAccountNotFound", f"The deleted account {call.ids['account']} is not found.")


@route("GET", ACCOUNT + "/privateLinkResources", f"{_NS}/privateLinkResources/read")
def list_links(call: Call) -> Response:
    """What a private endpoint of this account could reach."""
    account = account_above(call)
    kind = f"{_NS}/privateLinkResources"
    return storage_page(
        [
            {
                "id": f"{account.id}/privateLinkResources/{group}",
                "name": group,
                "type": kind,
                "properties": {
                    "groupId": group,
                    "requiredMembers": [group],
                    "requiredZoneNames": [f"privatelink.{zone}.core.windows.net"],
                },
            }
            for group, zone in _LINKS.items()
        ]
    )


@route("POST", ACCOUNT + "/revokeUserDelegationKeys")
def revoke_delegation_keys(call: Call) -> Response:
    """From now on no signature counts that was made with a user delegation key that the account gave out before."""
    account = account_above(call)
    call.require(f"{_NS}/revokeUserDelegationKeys/action", account.id)
    account.private[delegation.REVOKED] = int(account.private.get(delegation.REVOKED) or 0) + 1
    call.world.store.put(account)
    return empty(200)
