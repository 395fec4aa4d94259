"""Template deployments of a resource group: `Microsoft.Resources/deployments`, which make one resource after another as the caller would.

Shapes: Microsoft's OpenAPI file of 2022-09-01. The sentences of a failed deployment and of an invalid template are of public
transcripts (Azure/azure-cli issue 28980, and "Troubleshoot common Azure deployment errors").
"""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from starlette.responses import Response

from mi_tui.sandbox.arm import deploying, operations
from mi_tui.sandbox.arm.deploying import TYPE, Plan
from mi_tui.sandbox.arm.paging import ARM_LIST, page_of
from mi_tui.sandbox.arm.router import Call, page, reply, route
from mi_tui.sandbox.arm.shapes import Map, Shape
from mi_tui.sandbox.errors import GATEWAY, ArmError, bad_request
from mi_tui.sandbox.store import Operation, Resource
from mi_tui.sandbox.times import timestamp

_ALL = f"/subscriptions/{{s}}/resourceGroups/{{g}}/providers/{TYPE}"
_ONE = _ALL + "/{name}"
_BODY: Shape = {
    "location": str,
    "tags": Map(str),
    "properties": {
        "mode": str,
        "template": dict,
        "parameters": Map(object),
        "templateLink": dict,
        "parametersLink": dict,
    },
}
_STEPS = (_ONE + "/operations", "/subscriptions/{s}/resourceGroups/{g}/deployments/{name}/operations")
"""Both ways in which clients write the path; the file has the second."""

_MODES = {"incremental": "Incremental", "complete": "Complete"}


@route("PUT", _ONE, f"{TYPE}/write", _BODY)
async def put_deployment(call: Call) -> Response:
    """Begin a deployment: 201, and 200 for a name that was used before. What is wrong with the template itself is said at once."""
    plan, mode = _read(call)
    identifier = f"{call.group}/providers/{TYPE}/{call.ids['name']}"
    before = call.world.store.resource(identifier)
    if before is not None and before.body["properties"]["provisioningState"] in deploying.BUSY:
        raise ArmError(
            409, "DeploymentActive",
            f"Unable to edit or replace deployment '{before.name}': previous deployment from '{before.body['properties']['timestamp']}' "
            "is still active. Please see https://aka.ms/arm-deploy for usage details.",
        )  # fmt: skip
    properties = {
        "templateHash": _hash(plan.template),
        "parameters": plan.told(),
        "mode": mode,
        "provisioningState": "Accepted",
        "timestamp": timestamp(),
        "duration": "PT0S",
        "correlationId": str(uuid.uuid4()),
        "providers": plan.providers(),
        "dependencies": [],
    }
    body: dict[str, Any] = {"id": identifier, "name": call.ids["name"], "type": TYPE, "properties": properties}
    body |= {"tags": call.body["tags"]} if call.body.get("tags") else {}
    sent = call.body["properties"]
    private = {
        "template": sent["template"],
        "parameters": sent.get("parameters") or {},
        "caller": call.caller.object_id,
        "operations": [],
    }
    with call.world.store.together():
        operation = operations.begin(call.world, deploying.KIND, identifier)
        call.world.store.put(Resource(identifier, TYPE, call.ids["name"], body, private | {"operation": operation.id}))
    return reply(201 if before is None else 200, body, _headers(call, operation))


@route("POST", _ONE + "/validate", body=_BODY)
async def validate(call: Call) -> Response:
    """Whether a template and its parameters can be understood: 200 with what would be made, or 400."""
    call.require(f"{TYPE}/validate/action", call.path.rpartition("/")[0])
    plan, mode = _read(call)
    properties = {
        "templateHash": _hash(plan.template),
        "parameters": plan.told(),
        "mode": mode,
        "provisioningState": "Succeeded",
        "timestamp": timestamp(),
        "duration": "PT0S",
        "correlationId": str(uuid.uuid4()),
        "providers": plan.providers(),
        "dependencies": [],
        "validatedResources": [{"id": step.id} for step in plan.steps],
    }
    return reply(200, {"properties": properties})


@route("GET", _ONE, f"{TYPE}/read")
def get_deployment(call: Call) -> Response:
    """One deployment."""
    return reply(200, _deployment(call).body)


@route("GET", _ALL, f"{TYPE}/read")
def list_deployments(call: Call) -> Response:
    """The deployments of a group."""
    read = call.world.store.each_resource
    return reply(200, page_of(call, ARM_LIST, lambda after: read(TYPE, call.group, after=after)))


@route("DELETE", _ONE, f"{TYPE}/delete")
def delete_deployment(call: Call) -> Response:
    """Forget a deployment; what it made stays. 204 when there is none."""
    found = call.world.store.resource(f"{call.group}/providers/{TYPE}/{call.ids['name']}")
    if found is None:
        return reply(204)
    if found.body["properties"]["provisioningState"] in deploying.BUSY:
        message = f"The deployment '{found.name}' is running and cannot be deleted."
        raise ArmError(409, "DeploymentActive", message)
    call.world.store.remove(found.id)
    return reply(204)


@route("POST", _ONE + "/exportTemplate")
def export_template(call: Call) -> Response:
    """The template of a deployment."""
    call.require(f"{TYPE}/exportTemplate/action", call.path.rpartition("/")[0])
    return reply(200, {"template": _deployment(call).private["template"]})


@route("GET", _STEPS[0], f"{TYPE}/operations/read")
@route("GET", _STEPS[1])
def list_operations(call: Call) -> Response:
    """What a deployment did, resource by resource."""
    _require_steps(call)
    return page(list(_deployment(call).private["operations"]))


@route("GET", _STEPS[0] + "/{operation}", f"{TYPE}/operations/read")
@route("GET", _STEPS[1] + "/{operation}")
def get_operation(call: Call) -> Response:
    """One of its steps."""
    _require_steps(call)
    for found in _deployment(call).private["operations"]:
        if found["operationId"] == call.ids["operation"]:
            return reply(200, found)
    message = f"The deployment operation '{call.ids['operation']}' could not be found."
    raise ArmError(404, "DeploymentOperationNotFound", message, headers=dict(GATEWAY))


@route("GET", _ONE + "/operationStatuses/{operation}", f"{TYPE}/operationStatuses/read")
def get_status(call: Call) -> Response:
    """How far a deployment is, for those who poll."""
    operation = call.world.store.operation(call.ids["operation"])
    if operation is None or operation.kind != deploying.KIND:
        message = f"The deployment operation '{call.ids['operation']}' could not be found."
        raise ArmError(404, "DeploymentOperationNotFound", message, headers=dict(GATEWAY))
    if operation.ended is None:
        return reply(200, {"status": "Running"}, _pace(call))
    answer: dict[str, Any] = {"status": operation.status}
    if operation.error is not None:
        answer["error"] = operation.error
    return reply(200, answer)


def _hash(template: dict[str, Any]) -> str:
    """A number for a template's content; how Azure computes its own is not told."""
    return str(int.from_bytes(hashlib.sha256(json.dumps(template, sort_keys=True).encode()).digest()[:8], "big"))


def _require_steps(call: Call) -> None:
    call.require(f"{TYPE}/operations/read", f"{call.group}/providers/{TYPE}/{call.ids['name']}")


def _read(call: Call) -> tuple[Plan, str]:
    properties = call.body.get("properties")
    if not properties:
        raise bad_request("The request content is not valid: the deployment has no properties.", "InvalidDeployment")
    mode = _MODES.get(str(properties.get("mode")).lower())
    if mode is None:
        raise bad_request(f"The deployment mode '{properties.get('mode')}' is not valid.", "InvalidDeploymentMode")
    if not properties.get("template") and not properties.get("templateLink"):
        raise bad_request("Deployment template validation failed: 'The deployment has no template.'", "InvalidTemplate")
    if properties.get("templateLink"):
        raise bad_request(
            "Unable to download deployment content: nothing outside the sandbox can be reached. Send the template itself.",
            "InvalidContentLink",
        )
    return deploying.plan(
        call.world, call.group, call.ids["name"], properties["template"], properties.get("parameters") or {}
    ), mode


def _headers(call: Call, operation: Operation) -> dict[str, str]:
    where = f"https://management.azure.com{call.path}/operationStatuses/{operation.id}?api-version={call.api_version}"
    return {"azure-asyncoperation": where, **_pace(call)}


def _pace(call: Call) -> dict[str, str]:
    return {} if call.world.profile.poll_ms is None else {"x-ms-retry-after-ms": str(call.world.profile.poll_ms)}


def _deployment(call: Call) -> Resource:
    found = call.world.store.resource(f"{call.group}/providers/{TYPE}/{call.ids['name']}")
    if found is None:
        message = f"Deployment '{call.ids['name']}' could not be found."
        raise ArmError(404, "DeploymentNotFound", message, headers=dict(GATEWAY))
    return found
