"""Online endpoints: `Microsoft.MachineLearningServices/workspaces/onlineEndpoints`, their keys, tokens and traffic."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from starlette.responses import Response

from mi_tui.model.names import ENDPOINT
from mi_tui.sandbox import grants
from mi_tui.sandbox.arm import labels, online_identity, operations
from mi_tui.sandbox.arm.ml import WORKSPACE, ml_empty, ml_reply
from mi_tui.sandbox.arm.ml import workspace as workspace_of
from mi_tui.sandbox.arm.online_operations import (
    begin,
    busy,
    headers,
    invalid,
    parent_not_found,
    stamped,
)
from mi_tui.sandbox.arm.online_secrets import new_key
from mi_tui.sandbox.arm.online_traffic import mirrored, shares
from mi_tui.sandbox.arm.paging import ML_ENDPOINTS, page_of
from mi_tui.sandbox.arm.router import Call, route
from mi_tui.sandbox.arm.shapes import ANY_BODY, TEXTS, Map, Shape
from mi_tui.sandbox.errors import ArmError, ml_detail, ml_error, resource_not_found
from mi_tui.sandbox.hosting import deployments, identities
from mi_tui.sandbox.hosting.deployments import BUSY
from mi_tui.sandbox.providers import FOR_ENDPOINTS, registration
from mi_tui.sandbox.scenarios import overlays
from mi_tui.sandbox.store import Operation, Place, Resource
from mi_tui.sandbox.world import World

TYPE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
ACTION = TYPE
ONE = WORKSPACE + "/onlineEndpoints/{endpoint}"
_IDENTITY: Shape = {"type": str, "userAssignedIdentities": Map(dict)}
_BODY: dict[str, Shape] = {
    **ANY_BODY,
    "kind": str,
    "identity": _IDENTITY,
    "properties": {
        **dict.fromkeys(("authMode", "compute", "description", "publicNetworkAccess"), str),
        "properties": TEXTS,
        "traffic": Map(int),
        "mirrorTraffic": Map(int),
    },
}
_AUTH_MODES = {"key": "Key", "amltoken": "AMLToken", "aadtoken": "AADToken"}


def endpoint_of(call: Call) -> Resource:
    """The endpoint in the request's path, else ARM's 404."""
    workspace = workspace_of(call)
    endpoint = _found(call, workspace)
    if endpoint is None:
        raise resource_not_found(f"{workspace.id}/onlineEndpoints/{call.ids['endpoint']}")
    return endpoint


def _found(call: Call, workspace: Resource) -> Resource | None:
    """The endpoint in the request's path; in a scenario, one that a colleague made before."""
    found = call.world.store.resource(f"{workspace.id}/onlineEndpoints/{call.ids['endpoint']}")
    return found or overlays.appear(call.world, workspace, call.ids["endpoint"])


@route("GET", WORKSPACE + "/onlineEndpoints", f"{ACTION}/read")
def _list(call: Call) -> Response:
    workspace = workspace_of(call)
    name, newest_first = call.query.get("name"), call.query.get("orderby", "").lower().endswith("desc")

    def read(after: Place | None) -> Iterator[Resource]:
        every = call.world.store.each_resource(TYPE, workspace.id, name=name, after=after, newest_first=newest_first)
        return (found for found in every if labels.fits(call, found))

    return ml_reply(200, page_of(call, ML_ENDPOINTS, read))


@route("GET", ONE, f"{ACTION}/read")
def _get(call: Call) -> Response:
    return ml_reply(200, endpoint_of(call).body)


@route("PUT", ONE, f"{ACTION}/write", _BODY)
async def _put(call: Call) -> Response:
    workspace = workspace_of(call)
    existing = _found(call, workspace)
    with call.world.store.together():
        return _create(call, workspace) if existing is None else _update(call, workspace, existing)


_MUTABLE_BEFORE = "2022-05"
"""Later api-versions know no `properties` in a PATCH (OpenAPI files), and pass them over."""


@route("PATCH", ONE, f"{ACTION}/write", {**_BODY, "tags": TEXTS})
async def _patch(call: Call) -> Response:
    """Tags and identity, which must be the one that is there; in older api-versions also traffic, a long operation then. Endpoints
    have no ETag, so that `If-Match` changes nothing."""
    workspace, endpoint = workspace_of(call), endpoint_of(call)
    location = workspace.body["location"]
    refuse_busy(location, endpoint)
    online_identity.refuse_change(call, location, endpoint)
    endpoint.body["tags"] = call.body.get("tags") or endpoint.body["tags"]
    endpoint.body["systemData"] = stamped(call.caller.name, endpoint.body["systemData"])
    sent = {key: value for key, value in (call.body.get("properties") or {}).items() if value is not None}
    if sent and call.api_version < _MUTABLE_BEFORE:
        properties = endpoint.body["properties"]
        wanted = {key: sent.get(key, properties[key]) for key in ("traffic", "mirrorTraffic", "publicNetworkAccess")}
        traffic = shares(call.world, location, endpoint.id, wanted)
        mirror = mirrored(call.world, location, endpoint.id, wanted, traffic)
        properties |= {**wanted, "traffic": traffic, "mirrorTraffic": mirror, "provisioningState": "Updating"}
        operation = begin(call, workspace, "oe", "endpoint.update", endpoint)
        return ml_empty(202, headers(call, workspace, operation.id, results=True))
    call.world.store.put(endpoint)
    return ml_reply(200, endpoint.body)


@route("DELETE", ONE, f"{ACTION}/delete")
async def _delete(call: Call) -> Response:
    """202 with the body `null` (recorded), 204 when there is nothing. What else runs on the endpoint is overtaken."""
    workspace = workspace_of(call)
    endpoint = call.world.store.resource(f"{workspace.id}/onlineEndpoints/{call.ids['endpoint']}")
    if endpoint is None:
        return Response(status_code=204)
    if endpoint.body["properties"]["provisioningState"] == "Deleting":
        return _accepted(call, workspace, endpoint.private["operation"])
    endpoint.body["properties"]["provisioningState"] = "Deleting"
    operation = begin(call, workspace, "oe", "endpoint.delete", endpoint)
    for deployment in call.world.store.resources(deployments.TYPE, endpoint.id):
        deployment.body["properties"]["provisioningState"] = "Deleting"
        deployment.private["operation"] = operation.id
        call.world.store.put(deployment)
    return _accepted(call, workspace, operation.id)


def _accepted(call: Call, workspace: Resource, operation_id: str) -> Response:
    answer = headers(call, workspace, operation_id, results=True)
    return ml_reply(202, None, answer)


def _create(call: Call, workspace: Resource) -> Response:
    name, location = call.ids["endpoint"], str(workspace.body["location"])
    identifier = f"{workspace.id}/onlineEndpoints/{name}"
    fault = ENDPOINT.fault(name)
    if fault is not None:
        raise invalid(location, fault, "Name")
    sent = call.body.get("properties") or {}
    mode = _auth_mode(location, sent)
    traffic = shares(call.world, location, identifier, sent)
    if deployments.held_until(call.world, location, name) > time.time():
        raise ml_error(
            404, "The specified resource was not found.", code="NotFound", location=location,
            details=[ml_detail("InferencingClientCallFailed", '{"title":"Not Found"}')],
        )  # fmt: skip
    elsewhere = call.world.active.taken("endpoint", name)
    for other in call.world.store.resources(TYPE, name=name):
        elsewhere = elsewhere or other.body["location"] == location
    if elsewhere:
        message = "There is already an endpoint with this name, Endpoint name needs to be unique within a region. Try some other name."
        raise invalid(location, message)
    body: dict[str, Any] = {
        "id": identifier,
        "name": name,
        "type": TYPE,
        "properties": {
            "description": sent.get("description"),
            "properties": {**(sent.get("properties") or {}), "azureml.onlineendpointid": identifier.lower()},
            "scoringUri": None,
            "swaggerUri": None,
            "authMode": mode,
            "provisioningState": "Creating",
            "compute": sent.get("compute"),
            "traffic": traffic,
            "mirrorTraffic": mirrored(call.world, location, identifier, sent, traffic),
            "publicNetworkAccess": sent.get("publicNetworkAccess") or "Enabled",
        },
        "systemData": stamped(call.caller.name),
        "tags": call.body.get("tags") or {},
        "location": location,
        "kind": call.body.get("kind") or "Managed",
        "identity": online_identity.attach(call, workspace, identifier, name),
    }
    endpoint = Resource(
        identifier, TYPE, name, body, {"keys": {"primary": new_key(), "secondary": new_key()}, "grants": []}
    )
    operation = begin(call, workspace, "oe", "endpoint.create", endpoint)
    return ml_reply(201, endpoint.body, headers(call, workspace, operation.id))


def _update(call: Call, workspace: Resource, endpoint: Resource) -> Response:
    location = str(workspace.body["location"])
    refuse_busy(location, endpoint)
    if not endpoint.private.get("created"):
        raise invalid(
            location,
            f"Specified endpoint [{endpoint.name}] has not been created successfully. Please recreate the endpoint.",
        )
    online_identity.refuse_change(call, location, endpoint)
    sent = call.body.get("properties") or {}
    properties = endpoint.body["properties"]
    if _auth_mode(location, sent) != properties["authMode"]:
        raise invalid(
            location, "The auth mode of an endpoint cannot be changed after the endpoint was created.", "AuthMode"
        )
    properties["traffic"] = shares(call.world, location, endpoint.id, sent)
    properties["mirrorTraffic"] = mirrored(call.world, location, endpoint.id, sent, properties["traffic"])
    properties["description"] = sent.get("description", properties["description"])
    properties["publicNetworkAccess"] = sent.get("publicNetworkAccess") or properties["publicNetworkAccess"]
    properties["properties"] = {**(sent.get("properties") or {}), "azureml.onlineendpointid": endpoint.id.lower()}
    properties["provisioningState"] = "Updating"
    endpoint.body["tags"] = call.body.get("tags") or {}
    endpoint.body["systemData"] = stamped(call.caller.name, endpoint.body["systemData"])
    operation = begin(call, workspace, "oe", "endpoint.update", endpoint)
    return ml_reply(200, endpoint.body, headers(call, workspace, operation.id))


def _auth_mode(location: str, sent: dict[str, Any]) -> str:
    mode = _AUTH_MODES.get((sent.get("authMode") or "").lower())
    if mode is None:
        raise invalid(
            location, "The value provided is not a valid enum value. Allowed values: AMLToken,Key,AADToken.", "AuthMode"
        )
    return mode


def refuse_busy(location: str, endpoint: Resource) -> None:
    """Raise 409 while another operation runs on the endpoint."""
    state = endpoint.body["properties"]["provisioningState"]
    if state in BUSY:
        raise busy(location, f"Cannot update endpoint {endpoint.name} because it is in {state} provisioning state.")


def require_ready(call: Call, workspace: Resource) -> Resource:
    """The endpoint that a deployment is written to: it must exist, be made well, and not be busy."""
    identifier = f"{workspace.id}/onlineEndpoints/{call.ids['endpoint']}"
    endpoint = call.world.store.resource(identifier)
    if endpoint is None:
        raise parent_not_found("Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments", identifier)
    state, location = endpoint.body["properties"]["provisioningState"], str(workspace.body["location"])
    if state in {"Failed", "Deleting"}:
        raise invalid(
            location,
            "This endpoint has not been created successfully or is in deleting provisioning state. Please recreate endpoint.",
            deployment=True,
        )
    if state in BUSY:
        raise busy(
            location,
            f"Cannot create a deployment in endpoint {endpoint.name} because it is in {state} provisioning state",
        )
    return endpoint


def _current(world: World, operation: Operation) -> Resource:
    endpoint = world.store.resource(operation.resource_id)
    if endpoint is None or endpoint.private.get("operation") != operation.id:
        raise deployments.canceled()
    return endpoint


@operations.finisher("endpoint.create")
async def _finish_create(world: World, operation: Operation) -> None:
    """The endpoint gets its address, and a system-assigned identity the roles that Azure itself gives it."""
    await asyncio.sleep(world.profile.endpoint)
    endpoint = _current(world, operation)
    error = _refused(world, endpoint)
    if error is not None:
        # What fails half-made is left behind, and can only be deleted.
        endpoint.body["properties"]["provisioningState"] = "Failed"
        world.store.put(endpoint)
        raise error
    workspace = deployments.workspace_of(world, endpoint.id)
    facts = workspace.body["properties"]
    if facts.get("containerRegistry"):
        deployments.automatic_grant(world, endpoint, facts["containerRegistry"], identities.ACR_PULL)
    deployments.automatic_grant(world, endpoint, facts["storageAccount"], identities.BLOB_READER)
    deployments.automatic_grant(world, endpoint, workspace.id, identities.METRICS_WRITER)
    host = f"https://{endpoint.name}.{endpoint.body['location']}.inference.ml.azure.com"
    endpoint.body["properties"] |= {"scoringUri": f"{host}/score", "swaggerUri": f"{host}/swagger.json"}
    endpoint.private["created"] = True
    _succeed(world, endpoint)
    if world.profile.endpoint_settling:
        endpoint.body["properties"]["provisioningState"] = "Updating"
        endpoint.private["operation"] = operations.begin(world, "endpoint.settle", endpoint.id).id
        world.store.put(endpoint)


def _refused(world: World, endpoint: Resource) -> ArmError | None:
    """Why Azure ML gives up an endpoint that it had accepted."""
    subscription = world.store.resource("/".join(endpoint.id.split("/")[:3]))
    if subscription is not None and any(
        registration(world, subscription, one) != "Registered" for one in FOR_ENDPOINTS
    ):
        return ArmError(
            400, "SubscriptionNotRegistered",
            "Resource provider [N/A] isn't registered with Subscription [N/A]. Please see troubleshooting guide, available here: "
            "https://aka.ms/register-resource-provider",
        )  # fmt: skip
    broken = world.active.broken("endpoint.create")
    return None if broken is None else ArmError(500, broken.code, broken.message)


@operations.finisher("endpoint.settle")
async def _finish_settling(world: World, operation: Operation) -> None:
    """The service's own change of an endpoint that it has just made."""
    await asyncio.sleep(world.profile.endpoint_settling)
    _succeed(world, _current(world, operation))


@operations.finisher("endpoint.update")
async def _finish_update(world: World, operation: Operation) -> None:
    await asyncio.sleep(world.profile.traffic)
    _succeed(world, _current(world, operation))


@operations.finisher("endpoint.keys")
async def _finish_keys(world: World, operation: Operation) -> None:
    await asyncio.sleep(world.profile.traffic)
    _succeed(world, _current(world, operation))


def _succeed(world: World, endpoint: Resource) -> None:
    properties = endpoint.body["properties"]
    properties["provisioningState"] = "Succeeded"
    # Requests are routed by what is in force, not by what is being rolled out.
    endpoint.private["routed"] = dict(properties["traffic"])
    world.store.put(endpoint)


@operations.finisher("endpoint.delete")
async def _finish_delete(world: World, operation: Operation) -> None:
    """Deployments go first, then the identity with the roles that Azure gave it; grants made by people stay, as in Azure."""
    for deployment in world.store.resources(deployments.TYPE, operation.resource_id):
        await deployments.remove(world, deployment.id)
    await asyncio.sleep(world.profile.endpoint_delete)
    endpoint = world.store.resource(operation.resource_id)
    if endpoint is None:
        return
    for assignment_id in endpoint.private.get("grants", []):
        assignment = world.store.assignment(assignment_id)
        if assignment is not None:
            grants.unassign(world, assignment)
    if endpoint.body["identity"]["type"] == "SystemAssigned":
        world.store.remove_principal(endpoint.body["identity"]["principalId"])
    grants.unassign_under(world, endpoint.id)
    world.store.remove(endpoint.id)
    deployments.hold(world, str(endpoint.body["location"]), endpoint.name)
