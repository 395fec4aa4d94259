"""What online endpoints and deployments share: their long operations as clients poll them, and Azure ML's long error envelope."""

from __future__ import annotations

import json
import uuid
from typing import Any

from starlette.responses import Response

from mi_tui.sandbox.arm import operations
from mi_tui.sandbox.arm.ml import ml_empty, ml_reply
from mi_tui.sandbox.arm.router import Call, route
from mi_tui.sandbox.errors import GATEWAY, ArmError, ml_detail, ml_error
from mi_tui.sandbox.store import Operation, Resource
from mi_tui.sandbox.times import timestamp
from mi_tui.sandbox.world import World

_LOCATION = "/subscriptions/{s}/providers/Microsoft.MachineLearningServices/locations/{location}"
PROVIDER = "Microsoft.MachineLearningServices"


def begin(call: Call, workspace: Resource, prefix: str, kind: str, resource: Resource) -> Operation:
    """Write a resource down as being worked on and start the work. The operation's id is made as Azure ML makes it."""
    identifier = f"{prefix}:{workspace.body['properties']['workspaceId']}:{uuid.uuid4()}"
    resource.private["operation"] = identifier
    if "provisioningState" in resource.body["properties"] and kind.endswith(("create", "update")):
        resource.body["properties"].setdefault("properties", {})["AzureAsyncOperationUri"] = _url(
            call, workspace, identifier
        )
    with call.world.store.together():
        call.world.store.put(resource)
        return operations.begin(call.world, kind, resource.id, identifier)


def headers(call: Call, workspace: Resource, operation_id: str, *, results: bool = False) -> dict[str, str]:
    """The headers of an accepted operation: `Location` names the resource for a PUT, the operation's result for a DELETE (recorded)."""
    location = _url(call, workspace, operation_id, "mfeOperationResults")
    if not results:
        location = f"https://management.azure.com{call.path}?api-version={call.api_version}"
    return {
        "Azure-AsyncOperation": _url(call, workspace, operation_id),
        "Location": location,
        "x-ms-async-operation-timeout": "PT30M",
        **_pace(call.world),
    }


def _url(call: Call, workspace: Resource, operation_id: str, kind: str = "mfeOperationsStatus") -> str:
    subscription, location = workspace.id.split("/")[2], workspace.body["location"]
    base = f"https://management.azure.com/subscriptions/{subscription}/providers/{PROVIDER}/locations/{location}"
    return f"{base}/{kind}/{operation_id}?api-version={call.api_version}"


def _pace(world: World) -> dict[str, str]:
    return {} if world.profile.poll_ms is None else {"x-ms-retry-after-ms": str(world.profile.poll_ms)}


@route("GET", _LOCATION + "/mfeOperationsStatus/{operation}")
def _status(call: Call) -> Response:
    operation = _operation(call)
    body: dict[str, Any] = {
        "id": call.path,
        "name": operation.id,
        "startTime": timestamp(operation.started),
        "percentComplete": 0.0,
        # What runs is called "Updating" here, whatever it does (recorded for PUT and DELETE alike).
        "status": "Updating" if operation.status == "InProgress" else operation.status,
    }
    if operation.ended is None:
        return ml_reply(200, body, _pace(call.world))
    body = {
        "id": body["id"],
        "name": body["name"],
        "startTime": body["startTime"],
        "endTime": timestamp(operation.ended),
    }
    body |= {"percentComplete": 100.0, "status": operation.status}
    if operation.error is not None:
        body["error"] = {"target": None, "details": [], "additionalInfo": [], **operation.error}
    return ml_reply(200, body)


@route("GET", _LOCATION + "/mfeOperationResults/{operation}")
def _results(call: Call) -> Response:
    operation = _operation(call)
    if operation.ended is None:
        here = f"https://management.azure.com{call.path}?api-version={call.api_version}"
        return ml_reply(202, {}, {"Location": here, **_pace(call.world)})
    if operation.error is not None:
        return ml_reply(400, {"error": operation.error})
    return ml_empty(200)


def _operation(call: Call) -> Operation:
    """The polled operation, for those who may read what it works on (also when that is gone by now)."""
    operation = call.world.store.operation(call.ids["operation"])
    if operation is None or not operation.id.startswith(("oe:", "od:")):
        raise ml_error(404, f"The operation '{call.ids['operation']}' was not found.", inner="NotFoundError")
    kind = "/deployments" if operation.id.startswith("od:") else ""
    call.require(f"{PROVIDER}/workspaces/onlineEndpoints{kind}/read", operation.resource_id)
    return operation


def invalid(location: str, message: str, field: str = "", *, deployment: bool = False) -> ArmError:
    """The 400 of a refused endpoint or deployment: the sentence that helps is JSON in a string, as in public issues."""
    inner = {
        "errors": {field: [message]},
        "type": "https://tools.ietf.org/html/rfc7231#section-6.5.1",
        "title": "One or more validation errors occurred.",
        "status": 400,
        "traceId": f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-01",
    }
    code = "InferencingClientCreateDeploymentFailed" if deployment else "InferencingClientCallFailed"
    details = [ml_detail(code, json.dumps(inner, separators=(",", ":")))]
    return ml_error(400, "The request is invalid.", code="BadRequest", details=details, location=location)


def busy(location: str, message: str) -> ArmError:
    """The 409 of something that is being worked on."""
    return ml_error(409, message, code="Conflict", inner="ConflictError", location=location)


def stamped(caller: str, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """`systemData` of endpoints and deployments, which tells no kind of creator and not who changed them (recorded)."""
    now = timestamp()
    created = before or {"createdAt": now, "createdBy": caller}
    return {"createdAt": created["createdAt"], "createdBy": created["createdBy"], "lastModifiedAt": now}


def parent_not_found(kind: str, parent: str) -> ArmError:
    """ARM's 404 for a write below something that does not exist."""
    message = f"Failed to perform 'write' on resource(s) of type '{kind}', because the parent resource '{parent}' could not be found."
    return ArmError(404, "ParentResourceNotFound", message, headers=dict(GATEWAY))
