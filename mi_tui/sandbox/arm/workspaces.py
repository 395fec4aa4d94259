"""Azure ML workspaces, as they are read. How they are made and changed is in `workspace_writes`."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.responses import Response

from mi_tui.sandbox.arm.ml import WORKSPACE, WORKSPACE_TYPE, ml_reply, workspace
from mi_tui.sandbox.arm.paging import ML_WORKSPACES, page_of
from mi_tui.sandbox.arm.router import Call, route
from mi_tui.sandbox.store import Place, Resource


@route("GET", WORKSPACE, f"{WORKSPACE_TYPE}/read")
def get_workspace(call: Call) -> Response:
    """One workspace."""
    return ml_reply(200, workspace(call).body)


@route("GET", f"/subscriptions/{{s}}/providers/{WORKSPACE_TYPE}")
@route("GET", f"/subscriptions/{{s}}/resourceGroups/{{g}}/providers/{WORKSPACE_TYPE}")
def list_workspaces(call: Call) -> Response:
    """The workspaces of a group or a subscription; `kind` names the kinds that are wanted, with commas."""
    kinds = {kind.strip().lower() for kind in call.query.get("kind", "").split(",") if kind.strip()}

    def read(after: Place | None) -> Iterator[Resource]:
        for found in call.listing(WORKSPACE_TYPE, f"{WORKSPACE_TYPE}/read", after):
            if not kinds or str(found.body.get("kind")).lower() in kinds:
                yield found

    return ml_reply(200, page_of(call, ML_WORKSPACES, read))
