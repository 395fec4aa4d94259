"""Connections of a workspace: addresses of other services with the credentials for them, which only `listsecrets` tells.

Members and kinds: "Workspace Connections" in Microsoft's OpenAPI file of 2024-07-01-preview; the sentence of the 404 is recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from starlette.responses import Response

from mi_tui.sandbox.arm.account_rp import AccountError
from mi_tui.sandbox.arm.ml import WORKSPACE, WORKSPACE_TYPE, ml_empty, ml_reply, system_data, workspace
from mi_tui.sandbox.arm.paging import ML_CONNECTIONS, page_of
from mi_tui.sandbox.arm.router import Call, route
from mi_tui.sandbox.arm.shapes import ANY_BODY, TEXTS, Shape
from mi_tui.sandbox.store import Place, Resource

_TYPE = f"{WORKSPACE_TYPE}/connections"
_ALL = f"{WORKSPACE}/connections"
_ONE = _ALL + "/{name}"
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,254}", re.ASCII)

_CREDENTIALS = {
    "PAT": ("pat",),
    "ManagedIdentity": ("clientId", "resourceId"),
    "UsernamePassword": ("username", "password"),
    "None": (),
    "SAS": ("sas",),
    "AccountKey": ("key",),
    "ServicePrincipal": ("clientId", "clientSecret", "tenantId"),
    "AccessKey": ("accessKeyId", "secretAccessKey"),
    "ApiKey": ("key",),
    "CustomKeys": ("keys",),
    "OAuth2": ("authUrl", "clientId"),
    "AAD": (),
}
"""The kinds of authentication, and what each one's credentials are made of."""

_GROUPS = {
    **dict.fromkeys(("AzureOpenAI", "AIServices", "CognitiveSearch", "CognitiveService", "Serverless"), "AzureAI"),
    **dict.fromkeys(("ADLSGen2", "AzureBlob", "AzureOneLake", "CosmosDb", "AzureSqlDb", "Redis"), "Azure"),
    **dict.fromkeys(("S3", "GoogleCloudStorage", "FileServer", "FtpServer", "Sftp", "Hdfs"), "File"),
    **dict.fromkeys(("Snowflake", "MySql", "Oracle", "PostgreSql", "SqlServer"), "Database"),
}
"""Group by category, where a name of the file's enumeration fits; which one Azure chooses is recorded for none."""

_DATA = frozenset({"AzureBlob", "ADLSGen2", "AzureOneLake"})
"""Categories of data: a list has them only with `includeAll`."""

_BODY: Shape = {
    **ANY_BODY,
    "properties": {
        **dict.fromkeys(("authType", "category", "target", "error", "expiryTime", "peRequirement", "peStatus"), str),
        **dict.fromkeys(("isSharedToAll", "useWorkspaceManagedIdentity"), bool),
        "metadata": TEXTS,
        "sharedUserList": list,
        "credentials": dict,
    },
}


@route("GET", _ALL, f"{_TYPE}/read")
def list_connections(call: Call) -> Response:
    """The connections of a workspace; `category` and `target` filter, `includeAll` adds those to data."""
    space = workspace(call)
    everything = call.query.get("includeall", "").lower() == "true"
    wanted = {key: call.query[key].lower() for key in ("category", "target") if call.query.get(key)}

    def read(after: Place | None) -> Iterator[Resource]:
        for found in call.world.store.each_resource(_TYPE, space.id, after=after):
            properties = found.body["properties"]
            shown = everything or properties["category"] not in _DATA or "category" in wanted
            if shown and all(str(properties.get(key)).lower() == value for key, value in wanted.items()):
                yield found

    return ml_reply(200, page_of(call, ML_CONNECTIONS, read))


@route("GET", _ONE, f"{_TYPE}/read")
def get_connection(call: Call) -> Response:
    """One connection, without its secrets."""
    return ml_reply(200, _connection(call).body)


@route("PUT", _ONE, f"{_TYPE}/write", _BODY)
def put_connection(call: Call) -> Response:
    """Make a connection or replace one: 200 either way, as the file has it."""
    space, name = workspace(call), call.ids["name"]
    if _NAME.fullmatch(name) is None:
        raise _invalid(space, f"The connection name '{name}' is invalid: 3 to 255 letters, digits, '-' and '_'.")
    return _write(call, space, call.world.store.resource(f"{space.id}/connections/{name}"), {})


@route("PATCH", _ONE, f"{_TYPE}/write", _BODY)
def patch_connection(call: Call) -> Response:
    """Change some of a connection's members."""
    space, found = workspace(call), _connection(call)
    kept = {**found.body["properties"], "credentials": found.private.get("credentials")}
    return _write(call, space, found, kept)


@route("DELETE", _ONE, f"{_TYPE}/delete")
def delete_connection(call: Call) -> Response:
    """Forget a connection: 200 without a body (recorded), 204 when there is none."""
    identifier = f"{workspace(call).id}/connections/{call.ids['name']}"
    if not call.world.store.has(identifier):
        return ml_empty(204)
    call.world.store.remove(identifier)
    return ml_empty(200)


@route("POST", _ONE + "/listsecrets")
def list_secrets(call: Call) -> Response:
    """A connection with its credentials."""
    call.require(f"{_TYPE}/listsecrets/action", call.path.rpartition("/")[0])
    found = _connection(call)
    return ml_reply(200, {**found.body, "properties": {**found.body["properties"], **found.private}})


def _write(call: Call, space: Resource, existing: Resource | None, kept: dict[str, Any]) -> Response:
    sent = {**kept, **{key: value for key, value in (call.body.get("properties") or {}).items() if value is not None}}
    kind, category = sent.get("authType"), sent.get("category")
    if kind not in _CREDENTIALS:
        raise _invalid(space, f"The authType '{kind}' is not one of {', '.join(_CREDENTIALS)}.")
    if not category:
        raise _invalid(space, "A connection has a category.")
    credentials = sent.get("credentials")
    missing = [name for name in _CREDENTIALS[kind] if not (credentials or {}).get(name)]
    if credentials is not None and missing and len(missing) == len(_CREDENTIALS[kind]):
        raise _invalid(space, f"The credentials of a connection with authType {kind} need {', '.join(missing)}.")
    identifier = existing.id if existing else f"{space.id}/connections/{call.ids['name']}"
    name = existing.name if existing else call.ids["name"]
    body = {
        "id": identifier,
        "name": name,
        "type": _TYPE,
        "properties": {
            "authType": kind,
            "category": category,
            "createdByWorkspaceArmId": space.id,
            **{key: sent[key] for key in ("error", "expiryTime") if sent.get(key)},
            "group": _GROUPS.get(category, "ServicesAndApps"),
            "isSharedToAll": sent.get("isSharedToAll", True),
            "metadata": sent.get("metadata") or {},
            "peRequirement": sent.get("peRequirement") or "NotRequired",
            "peStatus": sent.get("peStatus") or "NotApplicable",
            "sharedUserList": sent.get("sharedUserList") or [],
            "target": sent.get("target"),
            "useWorkspaceManagedIdentity": sent.get("useWorkspaceManagedIdentity", False),
        },
        "systemData": system_data(call, existing.body["systemData"] if existing else None),
    }
    private = {"credentials": credentials} if credentials else {}
    call.world.store.put(Resource(identifier, _TYPE, name, body, private))
    return ml_reply(200, body)


def _connection(call: Call) -> Resource:
    space = workspace(call)
    found = call.world.store.resource(f"{space.id}/connections/{call.ids['name']}")
    if found is None:
        message = f"Connection {call.ids['name']} can't be found in this workspace"
        raise AccountError(404, message, location=str(space.body["location"]), inner="NotFoundError")
    return found


def _invalid(space: Resource, message: str) -> AccountError:
    return AccountError(400, message, location=str(space.body["location"]), inner="BadArgument")
