"""Policy assignments, to be read: those of a scenario, on the first subscription. Their definitions are not kept, and nobody makes any here.

Answers have the shape of Policy Assignments - List For Resource Group (api-version 2022-06-01).
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from mi_tui.sandbox.arm.router import Call, page, route
from mi_tui.sandbox.arm.scopes import check_scope
from mi_tui.sandbox.furnish import DEV
from mi_tui.sandbox.rbac import covers
from mi_tui.sandbox.scenarios.description import Policy

_TYPE = "Microsoft.Authorization/policyAssignments"
_SUBSCRIPTION = f"/subscriptions/{DEV}"


@route("GET", "{+scope}/providers/" + _TYPE)
def list_policies(call: Call) -> Response:
    """The assignments at, above and below a scope; here all are on the subscription, so that filters leave none out."""
    scope = call.ids["scope"].rstrip("/")
    call.require(f"{_TYPE}/read", scope)
    check_scope(call, scope)
    return page([_body(one) for one in call.world.active.policies() if covers(_SUBSCRIPTION, scope)])


def _body(one: Policy) -> dict[str, Any]:
    return {
        "properties": {
            "displayName": one.display or one.name,
            "policyDefinitionId": f"/providers/Microsoft.Authorization/policyDefinitions/{one.definition}",
            "scope": _SUBSCRIPTION,
            "notScopes": [],
            "parameters": {name: {"value": value} for name, value in one.parameters.items()},
            "enforcementMode": "Default",
        },
        "id": f"{_SUBSCRIPTION}/providers/{_TYPE}/{one.name}",
        "type": _TYPE,
        "name": one.name,
    }
