"""What an Azure ML workspace can hold and a sandbox's never does: the lists are there and empty, so that clients that look get their answer."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from mi_tui.sandbox.arm.ml import WORKSPACE, WORKSPACE_TYPE, ml_reply, workspace
from mi_tui.sandbox.arm.router import Call, route
from mi_tui.sandbox.errors import resource_not_found

COLLECTIONS = (
    "batchEndpoints",
    "components",
    "computes",
    "jobs",
    "schedules",
    "outboundRules",
    "privateEndpointConnections",
    "privateLinkResources",
    "serverlessEndpoints",
)
"""Those that the SDK and `az ml` list; nothing can be made in them here."""


def _list(kind: str) -> Callable[[Call], Response]:
    def handler(call: Call) -> Response:
        workspace(call)
        return ml_reply(200, {"value": []})

    handler.__doc__ = f"GET of all {kind}: there are none."
    return handler


def _one(kind: str) -> Callable[[Call], Response]:
    def handler(call: Call) -> Response:
        raise resource_not_found(f"{workspace(call).id}/{kind}/{call.ids['name']}")

    handler.__doc__ = f"GET of one of the {kind}: ARM's 404."
    return handler


REGISTRIES = "Microsoft.MachineLearningServices/registries"


@route("GET", f"/subscriptions/{{s}}/providers/{REGISTRIES}")
@route("GET", f"/subscriptions/{{s}}/resourceGroups/{{g}}/providers/{REGISTRIES}")
def list_registries(call: Call) -> Response:
    """GET of all registries: there are none."""
    call.require_reach(f"{REGISTRIES}/read", call.path.partition("/providers/")[0])
    return ml_reply(200, {"value": []})


@route("GET", f"/subscriptions/{{s}}/resourceGroups/{{g}}/providers/{REGISTRIES}/{{name}}", f"{REGISTRIES}/read")
def get_registry(call: Call) -> Response:
    """GET of one registry: ARM's 404."""
    raise resource_not_found(call.path)


for _kind in COLLECTIONS:
    route("GET", f"{WORKSPACE}/{_kind}/{{name}}", f"{WORKSPACE_TYPE}/{_kind}/read")(_one(_kind))
    route("GET", f"{WORKSPACE}/{_kind}", f"{WORKSPACE_TYPE}/{_kind}/read")(_list(_kind))
