"""Resource groups, and the resources of a group or a subscription. Deleting a group is next door."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from starlette.responses import Response

from mi_tui.sandbox.arm import filters
from mi_tui.sandbox.arm.paging import ARM_LIST, page_of
from mi_tui.sandbox.arm.router import Call, reply, route
from mi_tui.sandbox.arm.shapes import TEXTS
from mi_tui.sandbox.arm.subscriptions import location_of
from mi_tui.sandbox.errors import ArmError, bad_request, group_being_deleted, group_not_found
from mi_tui.sandbox.store import Place, Resource
from mi_tui.sandbox.times import zulu

_READ_GROUP = "Microsoft.Resources/subscriptions/resourceGroups/read"
_WRITE_GROUP = "Microsoft.Resources/subscriptions/resourceGroups/write"
_TYPE = "Microsoft.Resources/resourceGroups"
_GROUP = "/subscriptions/{s}/resourceGroups/{g}"


@route("GET", "/subscriptions/{s}/resourceGroups")
def list_groups(call: Call) -> Response:
    """Resource groups that the caller may read; `tagName eq 'x' and tagValue eq 'y'` filters, as "Resource Groups - List" says."""
    test = filters.parse(call.query.get("$filter", ""), {"tagname", "tagvalue"})

    def read(after: Place | None) -> Iterator[Resource]:
        return (group for group in call.listing(_TYPE, _READ_GROUP, after) if test(group))

    return reply(200, page_of(call, ARM_LIST, read))


@route("GET", _GROUP, _READ_GROUP)
def get_group(call: Call) -> Response:
    """One resource group."""
    return reply(200, _group(call).body)


@route("HEAD", _GROUP, _READ_GROUP)
def head_group(call: Call) -> Response:
    """204 when the group exists, else 404."""
    _group(call)
    return reply(204)


@route("PUT", _GROUP, _WRITE_GROUP)
def put_group(call: Call) -> Response:
    """Make a resource group (201) or replace its tags (200)."""
    location = location_of(call, "resource group")
    existing = call.world.store.resource(call.group)
    if existing is None and re.fullmatch(r"[\w.()-]{0,89}[\w()-]", call.ids["g"], re.ASCII) is None:
        raise bad_request(
            f"The provided resource group name '{call.ids['g'][:100]}' has these invalid characters or is too long. The name can only "
            "be a letter, digit, '-', '.', '(', ')' or '_', at most 90 of them, and must not end with a period.",
            "InvalidResourceGroup",
        )
    if existing is None:
        body = {"id": call.group, "name": call.ids["g"], "type": _TYPE, "location": location}
        existing = Resource(call.group, _TYPE, call.ids["g"], body)
        status = 201
    elif existing.body["location"] != location:
        raise ArmError(
            409,
            "InvalidResourceGroupLocation",
            f"Invalid resource group location '{location}'. The Resource group already exists in location "
            f"'{existing.body['location']}'.",
        )
    else:
        status = 200
    if call.body.get("tags") is not None:
        existing.body["tags"] = call.body["tags"]
    existing.body["properties"] = {"provisioningState": "Succeeded"}
    call.world.store.put(existing)
    return reply(status, existing.body)


@route("PATCH", _GROUP, _WRITE_GROUP, {"tags": TEXTS, "properties": dict})
def patch_group(call: Call) -> Response:
    """Replace a group's tags; nothing else of it can be changed."""
    group = _group(call)
    if group.body["properties"]["provisioningState"] == "Deleting":
        raise group_being_deleted(group.name)
    if call.body.get("tags") is not None:
        group.body["tags"] = call.body["tags"]
    call.world.store.put(group)
    return reply(200, group.body)


@route("GET", "/subscriptions/{s}/resources")
@route("GET", _GROUP + "/resources")
def list_resources(call: Call) -> Response:
    """Resources with a location that the caller may read, filtered; `$expand` adds `createdTime`, `changedTime` and
    `provisioningState`."""
    where = f"/subscriptions/{call.ids['s']}" if "g" not in call.ids else call.group
    call.require_reach("Microsoft.Resources/subscriptions/resources/read", where)
    test = filters.parse(call.query.get("$filter", ""), filters.OF_RESOURCES)
    expand = {name.strip().lower() for name in call.query.get("$expand", "").split(",")}

    def read(after: Place | None) -> Iterator[Resource]:
        for found in call.world.store.each_resource(under=where, after=after):
            listed = "location" in found.body and found.type != _TYPE
            if listed and test(found) and call.allows(f"{found.type}/read", found.id):
                yield found

    if "g" in call.ids:
        _group(call)
    return reply(200, page_of(call, ARM_LIST, read, lambda found: _listed(found, expand)))


def _listed(resource: Resource, expand: set[str]) -> dict[str, Any]:
    members = ("id", "name", "type", "sku", "kind", "managedBy", "location", "identity", "tags")
    shown = {key: resource.body[key] for key in members if key in resource.body}
    if "createdtime" in expand:
        shown["createdTime"] = zulu(resource.created)
    if "changedtime" in expand:
        shown["changedTime"] = zulu(resource.created)
    if "provisioningstate" in expand:
        shown["provisioningState"] = (resource.body.get("properties") or {}).get("provisioningState", "Succeeded")
    return shown


def _group(call: Call) -> Resource:
    found = call.world.store.resource(call.group)
    if found is None:
        raise group_not_found(call.ids["g"])
    return found
