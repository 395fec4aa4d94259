"""What all answers of Azure Machine Learning share: its headers, its `systemData`, its workspace."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from mi_tui.sandbox.arm.router import Call
from mi_tui.sandbox.errors import resource_not_found
from mi_tui.sandbox.store import Resource
from mi_tui.sandbox.times import timestamp
from mi_tui.sandbox.world import REGION

WORKSPACE = "/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.MachineLearningServices/workspaces/{w}"
"""The template of a workspace's path."""

WORKSPACE_TYPE = "Microsoft.MachineLearningServices/workspaces"


_HEADERS = {"x-ms-response-type": "standard", "x-aml-cluster": f"vienna-{REGION}-01"}


def ml_reply(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    """An answer with Azure ML's headers. None is written as `null`, as Azure ML does when it accepts a deletion (recorded)."""
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    return Response(text, status, {**_HEADERS, **(headers or {})}, media_type="application/json; charset=utf-8")


def ml_empty(status: int, headers: dict[str, str] | None = None) -> Response:
    """An answer with Azure ML's headers and without a body, such as that of an asset's deletion (recorded)."""
    return Response(b"", status, {**_HEADERS, **(headers or {})})


def created(call: Call, body: dict[str, Any]) -> Response:
    """201 with the Location of the new resource (recorded)."""
    location = f"https://management.azure.com{body['id']}?api-version={call.api_version}"
    return ml_reply(201, body, {"location": location})


def system_data(call: Call, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """`systemData` for a resource that the caller makes, or changes when `before` is its present one."""
    now, kind, who = timestamp(), "User", call.caller.name
    if call.caller.kind != "User":
        # An application is told by its id (recorded for the default datastore).
        kind, who = "Application", call.caller.client_id
    made = {"createdAt": now, "createdBy": who, "createdByType": kind} if before is None else before
    return {**made, "lastModifiedAt": now, "lastModifiedBy": who, "lastModifiedByType": kind}


def workspace(call: Call) -> Resource:
    """The workspace of the request's path; ARM's 404 without it. The right must have been checked before."""
    identifier = f"{call.group}/providers/{WORKSPACE_TYPE}/{call.ids['w']}"
    found = call.world.store.resource(identifier)
    if found is None:
        raise resource_not_found(identifier)
    return found
