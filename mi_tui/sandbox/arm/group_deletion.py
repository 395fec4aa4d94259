"""Deleting a resource group with everything in it: a long operation, asked about at `operationresults`."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from mi_tui.sandbox import grants
from mi_tui.sandbox.arm import operations
from mi_tui.sandbox.arm.router import Call, reply, route
from mi_tui.sandbox.errors import GATEWAY, ArmError, group_not_found
from mi_tui.sandbox.store import Operation, Resource
from mi_tui.sandbox.world import World

_GROUP = "/subscriptions/{s}/resourceGroups/{g}"
_DELETE = "group.delete"
_ENDPOINT = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
_ACCOUNT = "Microsoft.Storage/storageAccounts"


@route("DELETE", _GROUP, "Microsoft.Resources/subscriptions/resourceGroups/delete")
async def delete_group(call: Call) -> Response:
    """202 with an empty body and the Location to ask (recorded). A group that is going already is told where, too."""
    group = call.world.store.resource(call.group)
    if group is None:
        raise group_not_found(call.ids["g"])
    if group.body["properties"]["provisioningState"] == "Deleting":
        return _going(call, str(group.private["operation"]))
    group.body["properties"]["provisioningState"] = "Deleting"
    with call.world.store.together():
        operation = operations.begin(call.world, _DELETE, group.id)
        group.private["operation"] = operation.id
        call.world.store.put(group)
    return _going(call, operation.id)


@route("GET", "/subscriptions/{s}/operationresults/{operation}")
def poll(call: Call) -> Response:
    """202 while the group is being deleted, then 200 without a body."""
    operation = call.world.store.operation(call.ids["operation"])
    if operation is None or operation.kind != _DELETE:
        raise ArmError(
            404, "NotFound", f"The operation '{call.ids['operation']}' was not found.", headers=dict(GATEWAY)
        )
    call.require_reach("Microsoft.Resources/subscriptions/operationresults/read", f"/subscriptions/{call.ids['s']}")
    if operation.status == "InProgress":
        return _going(call, operation.id)
    if operation.error is not None:
        raise ArmError(409, operation.error["code"], operation.error["message"])
    return reply(200)


def _going(call: Call, operation_id: str) -> Response:
    where = f"https://management.azure.com/subscriptions/{call.ids['s']}/operationresults/{operation_id}?api-version={call.api_version}"
    pace = call.world.profile.poll_ms
    return reply(202, None, {"location": where} | ({} if pace is None else {"x-ms-retry-after-ms": str(pace)}))


@operations.finisher(_DELETE)
async def _finish(world: World, operation: Operation) -> None:
    """Endpoints go first, because what they run has to end; then whatever else there is, with its principals and grants."""
    for endpoint in world.store.resources(_ENDPOINT, operation.resource_id):
        await operations.within(world, "endpoint.delete", endpoint.id)
    await asyncio.sleep(world.profile.endpoint_delete)
    for resource in world.store.resources(under=operation.resource_id):
        _remove(world, resource)
    group = world.store.resource(operation.resource_id)
    if group is not None:
        _remove(world, group)


def _remove(world: World, resource: Resource) -> None:
    if resource.type == _ACCOUNT:
        world.store.remove_blobs(resource.name)
    principal = world.store.principal_of(resource.id)
    if principal is not None:
        world.store.remove_principal(principal.object_id)
    grants.unassign_under(world, resource.id)
    world.store.remove(resource.id)
