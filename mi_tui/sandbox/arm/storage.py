"""Storage accounts: names, creation as a long operation, keys. The blob service and the containers are next door."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from mi_tui.model import names
from mi_tui.sandbox import containers, grants
from mi_tui.sandbox.accounts import account_body, merge_properties, new_key, new_keys, tier
from mi_tui.sandbox.arm import operations
from mi_tui.sandbox.arm.paging import STORAGE_LIST, page_of
from mi_tui.sandbox.arm.router import Call, reply, route
from mi_tui.sandbox.arm.shapes import ANY_BODY, Shape
from mi_tui.sandbox.arm.subscriptions import location_of
from mi_tui.sandbox.errors import ArmError, bad_request, other_location, resource_not_found
from mi_tui.sandbox.store import Operation, Resource
from mi_tui.sandbox.times import zulu
from mi_tui.sandbox.world import World

ACCOUNTS = "/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.Storage/storageAccounts"
ACCOUNT = ACCOUNTS + "/{a}"
_NS = "Microsoft.Storage/storageAccounts"
_CREATE = "storage.create"

TAKEN = frozenset(
    {
        "contoso",
        "fabrikam",
        "adventureworks",
        "northwind",
        "storage",
        "test",
        "data",
        "demo",
        "mystorage",
        "mlworkspace",
    }
)
"""Names that somebody else in the world has."""

SKUS = frozenset(
    {
        "Standard_LRS",
        "Standard_GRS",
        "Standard_RAGRS",
        "Standard_ZRS",
        "Standard_GZRS",
        "Standard_RAGZRS",
        "Premium_LRS",
        "Premium_ZRS",
    }
)
_BODY: Shape = {
    **ANY_BODY,
    "kind": str,
    "sku": {"name": str, "tier": str},
    "identity": {"type": str},
    "properties": {
        **dict.fromkeys(
            (
                "allowBlobPublicAccess",
                "allowSharedKeyAccess",
                "allowCrossTenantReplication",
                "supportsHttpsTrafficOnly",
            ),
            bool,
        ),
        **dict.fromkeys(("accessTier", "minimumTlsVersion", "publicNetworkAccess"), str),
        "encryption": {"keySource": str, "services": dict},
        "networkAcls": {"defaultAction": str, "bypass": str, "ipRules": list, "virtualNetworkRules": list},
    },
}
KINDS = frozenset({"Storage", "StorageV2", "BlobStorage", "FileStorage", "BlockBlobStorage"})


@route("POST", "/subscriptions/{s}/providers/Microsoft.Storage/checkNameAvailability")
def check_name(call: Call) -> Response:
    """Whether a name is valid and free in the whole world.

    Asks for any role in the subscription only, so that somebody with rights on one group can still pick a name.
    """
    call.require_reach("Microsoft.Storage/checknameavailability/read", f"/subscriptions/{call.ids['s']}")
    name = call.body.get("name")
    if not isinstance(name, str) or not name:
        raise bad_request("The request body must have a name.", "InvalidValuesForRequestParameters")
    if names.STORAGE_ACCOUNT.fault(name):
        return storage_reply(
            200, {"nameAvailable": False, "reason": "AccountNameInvalid", "message": _invalid_name(name)}
        )
    if _taken(call.world, name):
        message = f"The storage account named {name} is already taken."
        return storage_reply(200, {"nameAvailable": False, "reason": "AlreadyExists", "message": message})
    return storage_reply(200, {"nameAvailable": True})


@route("PUT", ACCOUNT, f"{_NS}/write", _BODY)
def put_account(call: Call) -> Response:
    """Begin to make an account (202, then poll Location), or change an existing one (200)."""
    name = call.ids["a"]
    if names.STORAGE_ACCOUNT.fault(name):
        raise bad_request(_invalid_name(name), "AccountNameInvalid")
    location = location_of(call, f"resource type '{_NS}'")
    sku, kind = _sku(call), _kind(call)
    identifier = f"{call.group}/providers/{_NS}/{name}"
    existing = call.world.store.resource(identifier)
    if existing is not None:
        _settled(existing)
        if existing.body["location"] != location:
            raise other_location(call.ids["g"], existing.name, existing.body["location"], location)
        _change(call, existing)
        return storage_reply(200, existing.body)
    _check_free(call, name)
    body = account_body(
        identifier, name, location, sku, kind, call.body.get("tags") or {},
        (call.body.get("properties") or {}) | call.world.active.new_account(),
    )  # fmt: skip
    if call.body.get("identity"):
        body["identity"] = {"type": call.body["identity"].get("type", "None")}
    with call.world.store.together():
        call.world.store.put(Resource(identifier, _NS, name, body, {"keys": new_keys()}))
        operation = operations.begin(call.world, _CREATE, identifier)
    return _running(call, operation, location)


@operations.finisher(_CREATE)
async def _create(world: World, operation: Operation) -> None:
    """Let the time pass that Azure takes. A deleted account ends it."""
    seconds = world.profile.storage_account
    for state, share in (("ResolvingDNS", 0.7), ("Succeeded", 0.3)):
        await asyncio.sleep(seconds * share)
        account = world.store.resource(operation.resource_id)
        if account is None:
            raise resource_not_found(operation.resource_id)
        account.body["properties"]["provisioningState"] = state
        world.store.put(account)


@route("GET", "/subscriptions/{s}/providers/Microsoft.Storage/locations/{location}/asyncoperations/{operation}")
def poll(call: Call) -> Response:
    """202 without a body while the account is made, then 200 with the account."""
    operation = call.world.store.operation(call.ids["operation"])
    if operation is None or operation.kind != _CREATE:
        raise ArmError(404, "OperationNotFound", f"The operation '{call.ids['operation']}' was not found.")
    call.require(f"{_NS}/read", operation.resource_id)
    if operation.status == "InProgress":
        return _running(call, operation, call.ids["location"])
    if operation.error is not None:
        raise ArmError(409, operation.error["code"], operation.error["message"])
    return storage_reply(200, _account(call, operation.resource_id).body)


@route("GET", ACCOUNT, f"{_NS}/read")
def get_account(call: Call) -> Response:
    """One account."""
    return storage_reply(200, _account(call).body)


@route("GET", ACCOUNTS)
@route("GET", "/subscriptions/{s}/providers/Microsoft.Storage/storageAccounts")
def list_accounts(call: Call) -> Response:
    """The accounts of a group or a subscription."""
    read = f"{_NS}/read"
    return storage_reply(200, page_of(call, STORAGE_LIST, lambda after: call.listing(_NS, read, after)))


@route("PATCH", ACCOUNT, f"{_NS}/write", _BODY)
def patch_account(call: Call) -> Response:
    """Change an account's SKU, tags or properties."""
    account = _account(call)
    _settled(account)
    _change(call, account)
    return storage_reply(200, account.body)


@route("DELETE", ACCOUNT, f"{_NS}/delete")
def delete_account(call: Call) -> Response:
    """Delete an account with its containers, blobs and the role assignments at it and below; 204 when there is none."""
    identifier = f"{call.group}/providers/{_NS}/{call.ids['a']}"
    account = call.world.store.resource(identifier)
    if account is None:
        return reply(204)
    _settled(account)
    call.world.store.remove_blobs(account.name)
    grants.unassign_under(call.world, account.id)
    call.world.store.remove(account.id)
    return empty(200)


@route("POST", ACCOUNT + "/listKeys")
def list_keys(call: Call) -> Response:
    """Both account keys."""
    account = _keys_of(call, "listkeys")
    return storage_reply(200, {"keys": account.private["keys"]})


@route("POST", ACCOUNT + "/regenerateKey", body={"keyName": str})
def regenerate_key(call: Call) -> Response:
    """Replace one key; what was signed with the old one is refused from now on."""
    account = _keys_of(call, "regeneratekey")
    wanted = call.body.get("keyName")
    for key in account.private["keys"]:
        if key["keyName"] == wanted:
            key |= {"value": new_key(), "creationTime": zulu()}
            account.body["properties"]["keyCreationTime"][wanted] = key["creationTime"]
            call.world.store.put(account)
            return storage_reply(200, {"keys": account.private["keys"]})
    raise bad_request("Values for request parameters are invalid: keyName.", "InvalidValuesForRequestParameters")


def _account(call: Call, identifier: str | None = None) -> Resource:
    found = call.world.store.resource(identifier or call.path)
    if found is None:
        raise resource_not_found(identifier or call.path)
    return found


def account_above(call: Call) -> Resource:
    """The account whose name is in the path of something below it."""
    return _account(call, f"{call.group}/providers/{_NS}/{call.ids['a']}")


def _keys_of(call: Call, what: str) -> Resource:
    identifier = f"{call.group}/providers/{_NS}/{call.ids['a']}"
    call.require(f"{_NS}/{what}/action", identifier)
    account = _account(call, identifier)
    _settled(account)
    return account


def _taken(world: World, name: str) -> bool:
    return name in TAKEN or world.active.taken("account", name) or containers.account_by_name(world, name) is not None


def _check_free(call: Call, name: str) -> None:
    """409 when somebody has the name; it is told whether that is this subscription ("Storage account errors")."""
    other = containers.account_by_name(call.world, name)
    if other is not None and other.id.split("/")[2].lower() == call.ids["s"].lower():
        message = f"The account {name} is already in another resource group in this subscription."
        raise ArmError(409, "StorageAccountInAnotherResourceGroup", message)
    if _taken(call.world, name):
        raise ArmError(409, "StorageAccountAlreadyTaken", f"The storage account named {name} is already taken.")


def _invalid_name(name: str) -> str:
    return (
        f"{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters "
        "in length and use numbers and lower-case letters only."
    )


def _sku(call: Call) -> dict[str, Any]:
    sku = call.body.get("sku")
    if not isinstance(sku, dict) or sku.get("name") not in SKUS:
        raise bad_request("Values for request parameters are invalid: sku.name.", "InvalidValuesForRequestParameters")
    return sku


def _kind(call: Call) -> str:
    kind = call.body.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise bad_request("Values for request parameters are invalid: kind.", "InvalidValuesForRequestParameters")
    return kind


def _settled(account: Resource) -> None:
    """409 while the account is being made."""
    if account.body["properties"]["provisioningState"] != "Succeeded":
        raise ArmError(
            409,
            "StorageAccountOperationInProgress",
            "An operation is currently performing on this storage account that requires exclusive access.",
        )


def _change(call: Call, account: Resource) -> None:
    if call.body.get("sku"):
        sku = _sku(call)
        account.body["sku"] = {"name": sku["name"], "tier": tier(sku["name"])}
    if call.body.get("tags") is not None:
        account.body["tags"] = call.body["tags"]
    merge_properties(account.body["properties"], call.body.get("properties") or {})
    call.world.store.put(account)


def _running(call: Call, operation: Operation, location: str) -> Response:
    """202 with an empty text body and the Location to ask again (recorded)."""
    subscription = operation.resource_id.split("/")[2]
    where = (
        f"https://management.azure.com/subscriptions/{subscription}/providers/Microsoft.Storage/locations/{location}"
        f"/asyncoperations/{operation.id}?monitor=true&api-version={call.api_version}"
    )
    poll_ms = call.world.profile.poll_ms
    return empty(202, {"location": where} | ({} if poll_ms is None else {"x-ms-retry-after-ms": str(poll_ms)}))


def empty(status: int, headers: dict[str, str] | None = None) -> Response:
    """An answer without a body, which Storage calls text (recorded)."""
    return Response(b"", status, headers, media_type="text/plain")


def storage_reply(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    """Storage's JSON answers name no charset (recorded)."""
    answer = reply(status, body, headers)
    answer.headers["content-type"] = "application/json"
    return answer


def storage_page(values: list[dict[str, Any]]) -> Response:
    """The answer of a list that never has more than one page."""
    return storage_reply(200, {"value": values})
