"""The datastores of a workspace, which hand out access to its storage. Blobs can be read and written here; the other types are kept only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from starlette.responses import Response

from mi_tui.sandbox import containers
from mi_tui.sandbox.arm.ml import WORKSPACE, WORKSPACE_TYPE, ml_empty, ml_reply, system_data, workspace
from mi_tui.sandbox.arm.paging import ML_DATASTORES, page_of
from mi_tui.sandbox.arm.router import Call, route
from mi_tui.sandbox.arm.shapes import TEXTS, Shape
from mi_tui.sandbox.errors import ml_error
from mi_tui.sandbox.store import Place, Resource

_DATASTORE = WORKSPACE + "/datastores/{name}"
_DATASTORE_TYPE = f"{WORKSPACE_TYPE}/datastores"
_PERMISSIONS = "racwdl"
"""What the SAS of a datastore allows: read, add, create, write, delete, list."""

_NAME = re.compile(r"[a-zA-Z0-9_]{1,255}", re.ASCII)
_PARTS = {
    "AzureBlob": ("accountName", "containerName"),
    "AzureFile": ("accountName", "fileShareName"),
    "AzureDataLakeGen2": ("accountName", "filesystem"),
    "AzureDataLakeGen1": ("storeName",),
}
"""The types of datastores, and what each must name."""

_CREDENTIALS: dict[str, tuple[str, ...]] = {
    "AccountKey": (),
    "Sas": (),
    "None": (),
    "ServicePrincipal": ("authorityUrl", "clientId", "resourceUrl", "tenantId"),
    "Certificate": ("authorityUrl", "clientId", "resourceUrl", "tenantId", "thumbprint"),
}
"""The kinds of credentials, and what of each is no secret."""

_BODY: Shape = {
    "properties": {
        **dict.fromkeys(
            (
                "description", "datastoreType", "accountName", "containerName", "fileShareName", "filesystem", "storeName",
                "endpoint", "protocol", "serviceDataAccessAuthIdentity", "resourceGroup", "subscriptionId",
            ),
            str,
        ),
        **dict.fromkeys(("tags", "properties"), TEXTS),
        "credentials": {
            **dict.fromkeys(("credentialsType", "authorityUrl", "clientId", "resourceUrl", "tenantId", "thumbprint"), str),
            "secrets": dict.fromkeys(("secretsType", "key", "sasToken", "clientSecret", "certificate"), str),
        },
    }
}  # fmt: skip
_LONGEST = 24 * 7
"""Hours; a SAS lives no longer, whatever was asked for."""


@route("GET", WORKSPACE + "/datastores", f"{_DATASTORE_TYPE}/read")
def list_datastores(call: Call) -> Response:
    """The datastores of a workspace; `isDefault`, `names` (with commas) and `searchText` (a part of the name) filter."""
    space, default = workspace(call), call.query.get("isdefault", "").lower()
    names = {name.strip().lower() for name in call.query.get("names", "").split(",") if name.strip()}
    text = call.query.get("searchtext", "").lower()

    def read(after: Place | None) -> Iterator[Resource]:
        for found in call.world.store.each_resource(_DATASTORE_TYPE, space.id, after=after):
            name, is_default = found.name.lower(), str(found.body["properties"]["isDefault"]).lower()
            if (not default or is_default == default) and (not names or name in names) and text in name:
                yield found

    return ml_reply(200, page_of(call, ML_DATASTORES, read))


@route("GET", _DATASTORE, f"{_DATASTORE_TYPE}/read")
def get_datastore(call: Call) -> Response:
    """One datastore, without its secrets."""
    return ml_reply(200, _datastore(call).body)


@route("PUT", _DATASTORE, f"{_DATASTORE_TYPE}/write", _BODY)
def put_datastore(call: Call) -> Response:
    """Register a container as a datastore (201), or change one (200). Nobody looks whether the container is there: the sandbox
    takes `skipValidation` as given."""
    name, sent = call.ids["name"], call.body.get("properties") or {}
    if _NAME.fullmatch(name) is None:
        raise ml_error(400, f"The datastore name '{name}' is invalid: letters, digits and '_'.", inner="BadArgument")
    type_, credentials = str(sent.get("datastoreType")), sent.get("credentials") or {}
    if type_ not in _PARTS:
        raise ml_error(400, f"A datastore has one of the types {', '.join(_PARTS)}.", inner="BadArgument")
    kind = credentials.get("credentialsType")
    if kind not in _CREDENTIALS or not all(sent.get(part) for part in _PARTS[type_]):
        message = f"A datastore of the type {type_} has {' and '.join(_PARTS[type_])}, and credentials of the type {', '.join(_CREDENTIALS)}."
        raise ml_error(400, message, inner="BadArgument")
    identifier = f"{workspace(call).id}/datastores/{name}"
    existing = call.world.store.resource(identifier)
    body: dict[str, Any] = {
        "id": identifier,
        "name": name,
        "type": _DATASTORE_TYPE,
        "properties": {
            "description": sent.get("description"),
            "tags": sent.get("tags"),
            "properties": sent.get("properties"),
            "isDefault": False if existing is None else existing.body["properties"]["isDefault"],
            "credentials": {"credentialsType": kind, **{key: credentials.get(key) for key in _CREDENTIALS[kind]}},
            "datastoreType": type_,
            **{part: sent[part] for part in _PARTS[type_]},
            **({} if type_ == "AzureDataLakeGen1" else _address(sent)),
            "serviceDataAccessAuthIdentity": sent.get("serviceDataAccessAuthIdentity") or "None",
        },
        "systemData": system_data(call, existing.body["systemData"] if existing else None),
    }
    private = {"secrets": credentials.get("secrets")} if credentials.get("secrets") else {}
    call.world.store.put(Resource(identifier, _DATASTORE_TYPE, name, body, private))
    if existing is not None:
        return ml_reply(200, body)
    # The address is the request's own, with all that was asked (recorded).
    return ml_reply(201, body, {"location": f"https://management.azure.com{identifier}?{call.request.url.query}"})


@route("DELETE", _DATASTORE, f"{_DATASTORE_TYPE}/delete")
def delete_datastore(call: Call) -> Response:
    """Forget a datastore, and keep what is in it; 204 when there is none. The default one stays."""
    identifier = f"{workspace(call).id}/datastores/{call.ids['name']}"
    found = call.world.store.resource(identifier)
    if found is None:
        return ml_empty(204)
    if found.body["properties"]["isDefault"]:
        raise ml_error(400, "The default datastore of a workspace cannot be deleted.", inner="BadArgument")
    call.world.store.remove(identifier)
    return ml_empty(200)


@route("POST", _DATASTORE + "/listSecrets", body={"expirableSecret": bool, "expireAfterHours": int})
def list_secrets(call: Call) -> Response:
    """The account key of a datastore's account (recorded); with `expirableSecret` a SAS instead. Of which kind is in no recording: it
    must be good for the whole account, as the SDK downloads code with it, which lies in a container of its own."""
    call.require(f"{_DATASTORE_TYPE}/listSecrets/action", call.path.rpartition("/")[0])
    datastore = _datastore(call)
    if "secrets" in datastore.private:
        return ml_reply(200, datastore.private["secrets"])
    properties = datastore.body["properties"]
    kind, container = properties["credentials"]["credentialsType"], properties.get("containerName")
    if kind not in {"AccountKey", "Sas"} or "accountName" not in properties:
        raise ml_error(400, f"The datastore {call.ids['name']} has no credentials.", inner="BadArgument")
    account = containers.account_by_name(call.world, properties["accountName"])
    if account is None:
        raise ml_error(
            400,
            f"The storage account {properties['accountName']} of datastore {call.ids['name']} does not exist.",
            inner="StorageAccountNotFound",
        )
    if not call.body.get("expirableSecret") or container is None:
        return ml_reply(200, {"secretsType": "AccountKey", "key": account.private["keys"][0]["value"]})
    # Imported late: the signing module and its neighbours are not needed to answer anything else here.
    from mi_tui.sandbox.blob.sas import account_sas

    hours = min(max(call.body.get("expireAfterHours") or 1, 1), _LONGEST)
    token = account_sas(call.world, account.name, _PERMISSIONS, hours * 3600)
    return ml_reply(200, {"secretsType": "Sas", "sasToken": token})


def _address(sent: dict[str, Any]) -> dict[str, Any]:
    return {"endpoint": sent.get("endpoint") or "core.windows.net", "protocol": sent.get("protocol") or "https"}


def _datastore(call: Call) -> Resource:
    identifier = f"{workspace(call).id}/datastores/{call.ids['name']}"
    found = call.world.store.resource(identifier)
    if found is None:
        raise ml_error(404, f"Could not find datastore: {call.ids['name']}.", inner="NotFoundError")
    return found
