"""What an Azure ML workspace can hold and a sandbox's never does: the lists are there and empty, so that clients that look get their answer."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from mi_tui.sandbox.arm.ml import WORKSPACE, WORKSPACE_TYPE, ml_reply, workspace
from mi_tui.sandbox.arm.router import Call, route

COLLECTIONS = (
    "batchEndpoints",
    "components",
    "computes",
    "connections",
    "data",
    "jobs",
    "schedules",
    "serverlessEndpoints",
)
"""Those that the SDK and `az ml` list; nothing can be made in them here."""


def _list(kind: str) -> Callable[[Call], Response]:
    def handler(call: Call) -> Response:
        workspace(call)
        return ml_reply(200, {"value": []})

    handler.__doc__ = f"GET of all {kind}: there are none."
    return handler


for _kind in COLLECTIONS:
    route("GET", f"{WORKSPACE}/{_kind}", f"{WORKSPACE_TYPE}/{_kind}/read")(_list(_kind))
