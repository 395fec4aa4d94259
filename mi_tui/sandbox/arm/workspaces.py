"""Azure ML workspaces and their datastores, which hand out access to the workspace's storage."""

from __future__ import annotations

from starlette.responses import Response

from mi_tui.sandbox import containers
from mi_tui.sandbox.arm.ml import WORKSPACE, WORKSPACE_TYPE, ml_reply, workspace
from mi_tui.sandbox.arm.router import Call, route
from mi_tui.sandbox.errors import ml_error
from mi_tui.sandbox.store import Resource

_DATASTORE = WORKSPACE + "/datastores/{name}"
_DATASTORE_TYPE = f"{WORKSPACE_TYPE}/datastores"
_PERMISSIONS = "racwdl"
"""What the SAS of a datastore allows: read, add, create, write, delete, list."""

_LONGEST = 24 * 7
"""Hours; a SAS lives no longer, whatever was asked for."""


@route("GET", WORKSPACE, f"{WORKSPACE_TYPE}/read")
def get_workspace(call: Call) -> Response:
    """One workspace."""
    return ml_reply(200, workspace(call).body)


@route("GET", f"/subscriptions/{{s}}/providers/{WORKSPACE_TYPE}")
@route("GET", f"/subscriptions/{{s}}/resourceGroups/{{g}}/providers/{WORKSPACE_TYPE}")
def list_workspaces(call: Call) -> Response:
    """The workspaces of a group or a subscription."""
    return ml_reply(200, {"value": [found.body for found in call.listing(WORKSPACE_TYPE, f"{WORKSPACE_TYPE}/read")]})


@route("GET", WORKSPACE + "/datastores", f"{_DATASTORE_TYPE}/read")
def list_datastores(call: Call) -> Response:
    """The datastores of a workspace; `isDefault` filters."""
    found = call.world.store.resources(_DATASTORE_TYPE, under=workspace(call).id)
    wanted = call.query.get("isdefault", "").lower()
    return ml_reply(
        200,
        {"value": [d.body for d in found if not wanted or str(d.body["properties"]["isDefault"]).lower() == wanted]},
    )


@route("GET", _DATASTORE, f"{_DATASTORE_TYPE}/read")
def get_datastore(call: Call) -> Response:
    """One datastore, without its secrets."""
    return ml_reply(200, _datastore(call).body)


@route("POST", _DATASTORE + "/listSecrets", body={"expirableSecret": bool, "expireAfterHours": int})
def list_secrets(call: Call) -> Response:
    """The account key of a datastore's account (recorded); with `expirableSecret` a SAS for its container instead."""
    call.require(f"{_DATASTORE_TYPE}/listSecrets/action", call.path.rpartition("/")[0])
    properties = _datastore(call).body["properties"]
    account = containers.account_by_name(call.world, properties["accountName"])
    if account is None:
        raise ml_error(
            400,
            f"The storage account {properties['accountName']} of datastore {call.ids['name']} does not exist.",
            inner="StorageAccountNotFound",
        )
    if not call.body.get("expirableSecret"):
        return ml_reply(200, {"secretsType": "AccountKey", "key": account.private["keys"][0]["value"]})
    # Imported late: the signing module and its neighbours are not needed to answer anything else here.
    from mi_tui.sandbox.blob.sas import service_sas

    hours = min(max(call.body.get("expireAfterHours") or 1, 1), _LONGEST)
    token = service_sas(call.world, account.name, properties["containerName"], _PERMISSIONS, hours * 3600)
    return ml_reply(200, {"secretsType": "Sas", "sasToken": token})


def _datastore(call: Call) -> Resource:
    identifier = f"{workspace(call).id}/datastores/{call.ids['name']}"
    found = call.world.store.resource(identifier)
    if found is None:
        raise ml_error(404, f"Could not find datastore: {call.ids['name']}.", inner="NotFoundError")
    return found
