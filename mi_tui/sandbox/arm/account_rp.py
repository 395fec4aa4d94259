"""Azure ML's account service, which keeps workspaces and connections: its error envelope and its long operations.

Both differ from those of assets and endpoints; they are recorded for a missing connection, for a PATCH of a workspace, and for the
polling of a diagnosis. What a finished operation says at `type=async` is in no recording: the members are ARM's ("Track asynchronous
Azure operations").
"""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from starlette.responses import Response

from mi_tui.sandbox.arm import operations
from mi_tui.sandbox.arm.ml import WORKSPACE_TYPE, ml_empty, ml_reply
from mi_tui.sandbox.arm.router import Call, route
from mi_tui.sandbox.errors import ArmError
from mi_tui.sandbox.store import Operation, Resource
from mi_tui.sandbox.times import timestamp

_STATUS = "/subscriptions/{s}/providers/Microsoft.MachineLearningServices/locations/{location}/workspaceOperationsStatus/{operation}"
PREFIX = "ws."
"""What the kinds of this service's operations begin with."""


class AccountError(ArmError):
    """An error of the account service: everything that is not told is null, and the correlation stands beside `error` (recorded)."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        location: str,
        code: str = "UserError",
        inner: str | None = None,
        target: str | None = None,
        details: list[dict[str, Any]] | None = None,
    ) -> None:
        headers = {"x-ms-response-type": "error", "x-aml-cluster": f"vienna-{location}-01"}
        super().__init__(status, code, message, target, details or [], headers=headers)
        self._inner = inner
        self._location = location

    def body(self) -> dict[str, Any]:
        """The whole envelope."""
        inner = None if self._inner is None else {"code": self._inner, "innerError": None}
        return {
            "error": {
                **account_detail(self.code, self.message, self.target),
                "details": self.details,
                "innerError": inner,
                "debugInfo": None,
                "additionalInfo": None,
            },
            "correlation": {"operation": secrets.token_hex(16), "request": secrets.token_hex(8)},
            "environment": self._location,
            "location": self._location,
            "time": timestamp(),
            "componentName": "account-rp",
        }


def account_detail(code: str, message: str, target: str | None = None) -> dict[str, Any]:
    """What an error and each of its `details` have in common."""
    return {
        "code": code,
        "severity": None,
        "message": message,
        "messageFormat": None,
        "messageParameters": None,
        "referenceCode": None,
        "detailsUri": None,
        "target": target,
    }


def accept(call: Call, kind: str, resource: Resource, *, writes: bool = True) -> Response:
    """Begin an operation on a workspace: 202 without a body, and both addresses to poll (recorded). One that `writes` keeps the
    resource as it is given, and takes it over from an earlier one."""
    with call.world.store.together():
        operation = operations.begin(call.world, PREFIX + kind, resource.id, str(uuid.uuid4()))
        if writes:
            resource.private["operation"] = operation.id
            call.world.store.put(resource)
    return _running(call, operation, str(resource.body["location"]))


def _running(call: Call, operation: Operation, location: str) -> Response:
    subscription = operation.resource_id.split("/")[2]
    where = (
        f"https://management.azure.com/subscriptions/{subscription}/providers/Microsoft.MachineLearningServices/locations/{location}"
        f"/workspaceOperationsStatus/{operation.id}?api-version={call.api_version}"
    )
    both = {"azure-asyncoperation": f"{where}&type=async", "location": f"{where}&type=location"}
    return ml_empty(202, both | _pace(call))


@route("GET", _STATUS)
def status(call: Call) -> Response:
    """`type=location`: 202 while it runs (recorded), then the result; else ARM's operation status."""
    location = call.ids["location"]
    operation = call.world.store.operation(call.ids["operation"])
    if operation is None or not operation.kind.startswith(PREFIX):
        message = f"The operation '{call.ids['operation']}' was not found."
        raise AccountError(404, message, location=location, inner="NotFoundError")
    call.require(f"{WORKSPACE_TYPE}/read", operation.resource_id)
    if call.query.get("type", "async").lower() == "location":
        return _result(call, operation, location)
    word = "InProgress" if operation.ended is None else operation.status
    body: dict[str, Any] = {"id": call.path, "name": operation.id, "status": word}
    body["startTime"] = timestamp(operation.started)
    if operation.ended is not None:
        body["endTime"] = timestamp(operation.ended)
    if operation.error is not None:
        body["error"] = operation.error
    return ml_reply(200, body, _pace(call) if operation.ended is None else None)


def _pace(call: Call) -> dict[str, str]:
    return {} if call.world.profile.poll_ms is None else {"x-ms-retry-after-ms": str(call.world.profile.poll_ms)}


def _result(call: Call, operation: Operation, location: str) -> Response:
    if operation.ended is None:
        return _running(call, operation, location)
    if operation.error is not None:
        raise AccountError(400, operation.error["message"], location=location, code=operation.error["code"])
    if operation.result is not None:
        return ml_reply(200, operation.result)
    found = call.world.store.resource(operation.resource_id)
    writes = operation.kind in {f"{PREFIX}create", f"{PREFIX}update"}
    return ml_empty(200) if found is None or not writes else ml_reply(200, found.body)
