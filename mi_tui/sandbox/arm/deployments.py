"""Template deployments elsewhere than in a group: there are none here and none can be made, which is said in ARM's envelopes; a group's
template can be had. Those of a group are next door.

Moving resources to another group is refused too, as ARM refuses it for types that cannot move.
"""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import Response

from mi_tui.sandbox.arm import versions
from mi_tui.sandbox.arm.router import Call, page, reply, route
from mi_tui.sandbox.arm.scopes import check_scope
from mi_tui.sandbox.errors import GATEWAY, ArmError, bad_request, group_not_found, resource_not_found
from mi_tui.sandbox.store import Resource

_TYPE = "Microsoft.Resources/deployments"
_AT = ("", "{+scope}")
_GROUP = "/subscriptions/{s}/resourceGroups/{g}"
_SCHEMA = "https://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#"
_AZURES_OWN = frozenset(
    {
        *("provisioningState", "creationTime", "keyCreationTime", "primaryEndpoints", "primaryLocation"),
        *("statusOfPrimary", "secondaryEndpoints", "secondaryLocation", "statusOfSecondary"),
        *(
            "principalId",
            "clientId",
            "tenantId",
            "workspaceId",
            "scoringUri",
            "swaggerUri",
            "notebookInfo",
            "loginServer",
        ),
        *("discoveryUrl", "mlFlowTrackingUri", "sdkTelemetryAppInsightsKey", "privateLinkCount", "storageHnsEnabled"),
        *("privateEndpointConnections", "lastModifiedTime", "serviceProvisionedResourceGroup"),
    }
)
"""Properties that Azure tells and nobody sets: a template leaves them out."""


def _list(call: Call) -> Response:
    """The deployments at a scope: none."""
    _require(call, f"{_TYPE}/read")
    return page([])


def _missing(call: Call) -> Response:
    """404: there is no deployment of any name (the sentence is that of Azure/azure-cli issue 28834)."""
    _require(call, f"{_TYPE}/read")
    raise ArmError(
        404, "DeploymentNotFound", f"Deployment '{call.ids['name']}' could not be found.", headers=dict(GATEWAY)
    )


def _refuse(call: Call) -> Response:
    """400: the sandbox performs no template. The code is ARM's for a template that it does not take."""
    _require(call, f"{_TYPE}/write")
    raise bad_request(
        "Deployment template validation failed: 'The mi-tui sandbox performs template deployments of resource groups only, and "
        "no what-if.'.",
        "InvalidTemplate",
    )


def _delete(call: Call) -> Response:
    """204: there is no such deployment."""
    _require(call, f"{_TYPE}/delete")
    return reply(204)


for _where in _AT:
    _all = f"{_where}/providers/{_TYPE}"
    route("GET", _all)(_list)
    route("GET", _all + "/{name}")(_missing)
    for _below in ("/operations", "/operations/{operation}", "/operationStatuses/{operation}"):
        route("GET", _all + "/{name}" + _below)(_missing)
    for _action in ("/cancel", "/exportTemplate"):
        route("POST", _all + "/{name}" + _action)(_missing)
    route("PUT", _all + "/{name}")(_refuse)
    for _action in ("/validate", "/whatIf"):
        route("POST", _all + "/{name}" + _action)(_refuse)
    route("DELETE", _all + "/{name}")(_delete)


def _require(call: Call, action: str) -> None:
    scope = call.ids.get("scope")
    if "g" in call.ids:
        scope = call.group
    if scope is None:
        # At the tenant itself nobody in the sandbox has a role.
        raise call.denied(action, "/")
    if action.endswith("/read"):
        call.require_reach(action, scope)
    else:
        call.require(action, scope)
    check_scope(call, scope)


@route("POST", _GROUP + "/exportTemplate", body={"resources": list, "options": str})
def export_template(call: Call) -> Response:
    """A template that would make the group's resources again: all (`*`), or those named."""
    call.require("Microsoft.Resources/subscriptions/resourceGroups/exportTemplate/action", call.group)
    if not call.world.store.has(call.group):
        raise group_not_found(call.ids["g"])
    wanted = [str(item).rstrip("/").lower() for item in call.body.get("resources") or []]
    if not wanted:
        raise bad_request("The request content must name the resources to export; '*' names all.")
    found = [
        resource
        for resource in call.world.store.each_resource(under=call.group)
        if "location" in resource.body
        and resource.id.lower().count("/providers/") == 1
        and ("*" in wanted or resource.id.lower() in wanted)
        and call.allows(f"{resource.type}/read", resource.id)
    ]
    for identifier in wanted:
        if identifier != "*" and identifier not in {resource.id.lower() for resource in found}:
            raise resource_not_found(identifier)
    parameters = {_parameter(resource): {"defaultValue": resource.name, "type": "String"} for resource in found}
    entries = [_entry(resource) for resource in found]
    template = {
        "$schema": _SCHEMA, "contentVersion": "1.0.0.0", "parameters": parameters, "variables": {}, "resources": entries,
    }  # fmt: skip
    return reply(200, {"template": template})


def _parameter(resource: Resource) -> str:
    return re.sub(r"\W", "_", f"{resource.type.rpartition('/')[2]}_{resource.name}_name")


def _entry(resource: Resource) -> dict[str, Any]:
    own = f"parameters('{_parameter(resource)}')"
    # `a/b` for a resource inside another one, in the order of the types.
    segments = resource.id.rpartition("/providers/")[2].split("/")[2::2]
    name = f"[{own}]" if len(segments) == 1 else f"[concat('{'/'.join(segments[:-1])}/', {own})]"
    shown: dict[str, Any] = {
        "type": resource.type,
        "apiVersion": versions.newest_first(resource.type.partition("/")[0])[0],
        "name": name,
    }
    shown |= {key: resource.body[key] for key in ("location", "tags", "sku", "kind") if resource.body.get(key)}
    if (resource.body.get("identity") or {}).get("type"):
        shown["identity"] = {"type": resource.body["identity"]["type"]}
    properties = resource.body.get("properties") or {}
    shown["properties"] = {
        key: value for key, value in properties.items() if key not in _AZURES_OWN and value is not None
    }
    return shown


@route("POST", _GROUP + "/moveResources", body={"resources": list, "targetResourceGroup": str})
@route("POST", _GROUP + "/validateMoveResources", body={"resources": list, "targetResourceGroup": str})
def refuse_move(call: Call) -> Response:
    """409: what is named cannot move. Azure does move accounts and identities; the sandbox moves nothing, and says it as Azure does
    for a type that cannot ("Move operation support for resources": workspaces cannot)."""
    what = "validateMoveResources" if call.path.lower().endswith("/validatemoveresources") else "moveResources"
    call.require(f"Microsoft.Resources/subscriptions/resourceGroups/{what}/action", call.group)
    if not call.world.store.has(call.group):
        raise group_not_found(call.ids["g"])
    target = str(call.body.get("targetResourceGroup") or "")
    if not target or not call.body.get("resources"):
        raise bad_request("The request content must have 'resources' and 'targetResourceGroup'.")
    if not call.world.store.has(target):
        raise group_not_found(target.rstrip("/").rpartition("/")[2])
    types = []
    for identifier in map(str, call.body["resources"]):
        resource = call.world.store.resource(identifier)
        if resource is None:
            raise resource_not_found(identifier)
        types.append(resource.type)
    message = f"Resource move is not supported for resource types '{','.join(dict.fromkeys(types))}'."
    raise ArmError(
        409,
        "ResourceMoveValidationFailed",
        "The resource move validation failed. Please see details.",
        details=[{"code": "ResourceMoveNotSupported", "message": message, "target": types[0]}],
        headers=dict(GATEWAY),
    )
