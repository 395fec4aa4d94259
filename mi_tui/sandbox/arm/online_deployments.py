"""Deployments of online endpoints: `Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments`, and their logs."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from starlette.responses import Response

from mi_tui.model.names import DEPLOYMENT
from mi_tui.sandbox.arm import capacity
from mi_tui.sandbox.arm.ml import WORKSPACE, ml_reply
from mi_tui.sandbox.arm.ml import workspace as workspace_of
from mi_tui.sandbox.arm.online_endpoints import endpoint_of, require_ready
from mi_tui.sandbox.arm.online_operations import (
    begin,
    busy,
    headers,
    invalid,
    stamped,
)
from mi_tui.sandbox.arm.paging import ML_DEPLOYMENTS, page_of
from mi_tui.sandbox.arm.router import Call, route
from mi_tui.sandbox.arm.shapes import ANY_BODY, DURATION, TEXTS, Shape
from mi_tui.sandbox.errors import ml_error, resource_not_found
from mi_tui.sandbox.hosting import deployments
from mi_tui.sandbox.store import Place, Resource

_ACTION = deployments.TYPE
_ALL = WORKSPACE + "/onlineEndpoints/{endpoint}/deployments"
ONE = _ALL + "/{deployment}"

_PROBE_BODY: Shape = {
    **dict.fromkeys(("failureThreshold", "successThreshold"), int),
    **dict.fromkeys(("timeout", "period", "initialDelay"), DURATION),
}
_SKU: Shape = {**dict.fromkeys(("name", "tier", "size", "family"), str), "capacity": int}
_BODY: Shape = {
    **ANY_BODY,
    "kind": str,
    "sku": _SKU,
    "properties": {
        **dict.fromkeys(
            (
                "description", "endpointComputeType", "instanceType", "environmentId", "model", "modelMountPath",
                "egressPublicNetworkAccess",
            ),
            str,
        ),
        **dict.fromkeys(("appInsightsEnabled", "privateNetworkConnection"), bool),
        **dict.fromkeys(("properties", "environmentVariables"), TEXTS),
        "codeConfiguration": {"codeId": str, "scoringScript": str},
        "scaleSettings": {"scaleType": str},
        "requestSettings": {"maxQueueWait": DURATION, "requestTimeout": DURATION, "maxConcurrentRequestsPerInstance": int},
        "livenessProbe": _PROBE_BODY,
        "readinessProbe": _PROBE_BODY,
    },
}  # fmt: skip
_PROBE = {"failureThreshold": 30, "successThreshold": 1, "timeout": "PT2S", "period": "PT10S", "initialDelay": "PT10S"}
_REQUESTS = {"maxQueueWait": "PT0S", "requestTimeout": "PT5S", "maxConcurrentRequestsPerInstance": 1}
LARGEST = 50
"""Instances of a deployment."""

_CONTAINERS = {"inferenceserver": "InferenceServer", "storageinitializer": "StorageInitializer"}


def deployment_of(call: Call) -> Resource:
    """The deployment in the request's path, else ARM's 404."""
    endpoint = endpoint_of(call)
    deployment = call.world.store.resource(f"{endpoint.id}/deployments/{call.ids['deployment']}")
    if deployment is None:
        raise resource_not_found(f"{endpoint.id}/deployments/{call.ids['deployment']}")
    return deployment


@route("GET", _ALL, f"{_ACTION}/read")
def _list(call: Call) -> Response:
    endpoint = endpoint_of(call)
    newest_first = call.query.get("$orderby", "").lower().endswith("desc")

    def read(after: Place | None) -> Iterator[Resource]:
        return call.world.store.each_resource(deployments.TYPE, endpoint.id, after=after, newest_first=newest_first)

    return ml_reply(200, page_of(call, ML_DEPLOYMENTS, read))


@route("GET", ONE, f"{_ACTION}/read")
def _get(call: Call) -> Response:
    return ml_reply(200, deployment_of(call).body)


@route("PUT", ONE, f"{_ACTION}/write", _BODY)
async def _put(call: Call) -> Response:
    """201 for a new deployment, 200 for a change of one; both only begin. One whose first provisioning failed is past repair."""
    workspace = workspace_of(call)
    location = str(workspace.body["location"])
    endpoint = require_ready(call, workspace)
    name = call.ids["deployment"]
    fault = DEPLOYMENT.fault(name)
    if fault is not None:
        raise invalid(location, fault, "Name", deployment=True)
    existing = call.world.store.resource(f"{endpoint.id}/deployments/{name}")
    if existing is not None:
        state = existing.body["properties"]["provisioningState"]
        if state in deployments.BUSY:
            raise busy(
                location, f"Cannot update deployment {existing.name} because it is in {state} provisioning state"
            )
        if "live" not in existing.private:
            message = f"Specified deployment [{existing.name}] failed during initial provisioning and is in an unrecoverable state. Delete and re-create."
            raise invalid(location, message, deployment=True)
    deployment = _resource(call, workspace, endpoint, existing)
    _check_quota(call, location, deployment)
    operation = begin(call, workspace, "od", "deployment.create", deployment)
    return ml_reply(200 if existing else 201, _first_answer(call, deployment), headers(call, workspace, operation.id))


@route("PATCH", ONE, f"{_ACTION}/write", {"tags": TEXTS, "sku": _SKU})
async def _patch(call: Call) -> Response:
    """Tags and the number of instances, which the sandbox keeps and hosts as one."""
    workspace, deployment = workspace_of(call), deployment_of(call)
    state = deployment.body["properties"]["provisioningState"]
    if state in deployments.BUSY:
        message = f"Cannot update deployment {deployment.name} because it is in {state} provisioning state"
        raise busy(str(workspace.body["location"]), message)
    deployment.body["tags"] = call.body.get("tags") or deployment.body["tags"]
    deployment.body["sku"] = _sku(str(workspace.body["location"]), deployment.body["sku"], call.body.get("sku"))
    deployment.body["systemData"] = stamped(call.caller.name, deployment.body["systemData"])
    _check_quota(call, str(workspace.body["location"]), deployment)
    call.world.store.put(deployment)
    return ml_reply(200, deployment.body)


@route("DELETE", ONE, f"{_ACTION}/delete")
async def _delete(call: Call) -> Response:
    workspace, endpoint = workspace_of(call), endpoint_of(call)
    deployment = call.world.store.resource(f"{endpoint.id}/deployments/{call.ids['deployment']}")
    if deployment is None:
        return Response(status_code=204)
    traffic = endpoint.body["properties"]["traffic"] | endpoint.private.get("routed", {})
    if traffic.get(deployment.name, 0) > 0:
        message = f"Can't delete deployment [{deployment.name}] with non-zero traffic weight"
        raise invalid(str(workspace.body["location"]), message, deployment=True)
    if deployment.body["properties"]["provisioningState"] == "Deleting":
        operation_id = str(deployment.private["operation"])
    else:
        deployment.body["properties"]["provisioningState"] = "Deleting"
        operation_id = begin(call, workspace, "od", "deployment.delete", deployment).id
    answer = headers(call, workspace, operation_id, results=True)
    return ml_reply(202, None, answer)


@route("POST", ONE + "/getLogs", f"{_ACTION}/getLogs/action", {"containerType": str, "tail": int})
def _logs(call: Call) -> Response:
    workspace, deployment = workspace_of(call), deployment_of(call)
    container = _CONTAINERS.get((call.body.get("containerType") or "InferenceServer").lower())
    if container is None:
        message = "The value provided is not a valid enum value. Field: containerType. Allowed values: StorageInitializer,InferenceServer."
        raise ml_error(400, message, code="RequestInvalid", location=str(workspace.body["location"]))
    tail = call.body.get("tail")
    lines = tail if tail is not None and tail >= 0 else None
    return ml_reply(200, {"content": deployments.logs(call.world, deployment, container, lines)})


def _check_quota(call: Call, location: str, deployment: Resource) -> None:
    kind, count = str(deployment.body["properties"]["instanceType"]), int(deployment.body["sku"]["capacity"])
    words = capacity.refusal(call.world, deployment.id, location, kind, count)
    if words is not None:
        raise invalid(location, words, "VmSize", deployment=True)


def _resource(call: Call, workspace: Resource, endpoint: Resource, existing: Resource | None) -> Resource:
    """The deployment as it will be, with Azure's defaults (recorded)."""
    location = str(workspace.body["location"])
    sent = call.body.get("properties") or {}
    if (sent.get("endpointComputeType") or "Managed") != "Managed":
        raise invalid(location, "The sandbox has managed endpoints only.", "EndpointComputeType", deployment=True)
    if not sent.get("instanceType"):
        raise invalid(location, "The VmSize field is required.", "VmSize", deployment=True)
    sku = _sku(location, {"name": "Default", "tier": "Standard", "capacity": 1}, call.body.get("sku"))
    identifier = existing.id if existing else f"{endpoint.id}/deployments/{call.ids['deployment']}"
    name = existing.name if existing else call.ids["deployment"]
    properties: dict[str, Any] = {
        "description": sent.get("description"),
        "properties": sent.get("properties") or {},
        "codeConfiguration": sent.get("codeConfiguration"),
        "environmentId": sent.get("environmentId"),
        "environmentVariables": _given(sent.get("environmentVariables")),
        "scaleSettings": sent.get("scaleSettings") or {"scaleType": "Default"},
        "requestSettings": {**_REQUESTS, **_given(sent.get("requestSettings"))},
        "modelMountPath": sent.get("modelMountPath"),
        "appInsightsEnabled": bool(sent.get("appInsightsEnabled")),
        "livenessProbe": {**_PROBE, **_given(sent.get("livenessProbe"))},
        "readinessProbe": {**_PROBE, **_given(sent.get("readinessProbe"))},
        "provisioningState": "Updating" if existing else "Creating",
        "instanceType": sent["instanceType"],
        "model": sent.get("model"),
        "privateNetworkConnection": bool(sent.get("privateNetworkConnection")),
        "egressPublicNetworkAccess": sent.get("egressPublicNetworkAccess") or "Enabled",
        "endpointComputeType": "Managed",
    }
    body = {
        "id": identifier,
        "name": name,
        "type": deployments.TYPE,
        "properties": properties,
        "systemData": stamped(call.caller.name, existing.body["systemData"] if existing else None),
        "tags": call.body.get("tags") or {},
        "location": location,
        "kind": call.body.get("kind") or "Managed",
        "sku": sku,
    }
    if existing is None:
        return Resource(identifier, deployments.TYPE, name, body)
    return Resource(identifier, deployments.TYPE, name, body, existing.private, existing.created)


def _sku(location: str, before: dict[str, Any], sent: dict[str, Any] | None) -> dict[str, Any]:
    sku = {**before, **_given(sent)}
    if not 1 <= sku["capacity"] <= LARGEST:
        raise invalid(location, f"The instance count must be from 1 to {LARGEST}.", "InstanceCount", deployment=True)
    return sku


def _given(settings: dict[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (settings or {}).items() if value is not None}


def _first_answer(call: Call, deployment: Resource) -> dict[str, Any]:
    """The body of the PUT's own answer, which has no defaults for probes and timeout yet and says `Updating` (recorded)."""
    body = copy.deepcopy(deployment.body)
    sent = call.body.get("properties") or {}
    body["properties"] |= {
        "provisioningState": "Updating",
        "livenessProbe": sent.get("livenessProbe"),
        "readinessProbe": sent.get("readinessProbe"),
        "requestSettings": {**_REQUESTS, "requestTimeout": "PT0S", **_given(sent.get("requestSettings"))},
    }
    return body
