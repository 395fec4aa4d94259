"""Tags: those at a scope as one resource (`Microsoft.Resources/tags/default`), and the names that a subscription uses."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from mi_tui.sandbox.arm.router import Call, page, reply, route
from mi_tui.sandbox.arm.scopes import require_scope
from mi_tui.sandbox.arm.shapes import TEXTS, Shape
from mi_tui.sandbox.arm.subscriptions import subscription_of
from mi_tui.sandbox.errors import ArmError, bad_request
from mi_tui.sandbox.store import Resource

_TYPE = "Microsoft.Resources/tags"
_TAGS = "{+scope}/providers/" + _TYPE + "/default"
_NAMES = "/subscriptions/{s}/tagNames"
_BODY: Shape = {"operation": str, "properties": {"tags": TEXTS}}

MOST = 50
"""Tags of one resource ("Use tags to organize your Azure resources")."""


@route("GET", _TAGS, f"{_TYPE}/read")
def get_tags(call: Call) -> Response:
    """The tags at a scope."""
    return _answer(_tagged(call))


@route("PUT", _TAGS, f"{_TYPE}/write", _BODY)
def put_tags(call: Call) -> Response:
    """Replace all tags."""
    return _keep(call, _tagged(call), _sent(call))


@route("PATCH", _TAGS, f"{_TYPE}/write", _BODY)
def patch_tags(call: Call) -> Response:
    """`Merge`, `Replace` or `Delete` tags. Names have no case; what is deleted has to have the value that is sent."""
    resource, sent = _tagged(call), _sent(call)
    having: dict[str, str] = dict(resource.body.get("tags") or {})
    spelled = {name.lower(): name for name in having}
    operation = str(call.body.get("operation") or "").lower()
    if operation == "replace":
        having = sent
    elif operation == "merge":
        having |= {spelled.get(name.lower(), name): value for name, value in sent.items()}
    elif operation == "delete":
        for name, value in sent.items():
            known = spelled.get(name.lower())
            if known is not None and having.get(known) == value:
                del having[known]
    else:
        raise bad_request(
            f"The tags patch operation '{call.body.get('operation') or ''}' is invalid. The supported operations are "
            "'Replace,Merge,Delete'.",
            "InvalidTagsPatchOperation",
        )
    return _keep(call, resource, having)


@route("DELETE", _TAGS, f"{_TYPE}/delete")
def delete_tags(call: Call) -> Response:
    """Take all tags away."""
    _keep(call, _tagged(call), {})
    return reply(200)


@route("GET", _NAMES)
def list_names(call: Call) -> Response:
    """The names and values of the tags in a subscription: those in use, and those that were announced."""
    subscription = subscription_of(call)
    call.require_reach("Microsoft.Resources/subscriptions/tagNames/read", subscription.id)
    names = _announced(subscription)
    counts: dict[str, int] = dict.fromkeys(names, 0)
    values = {name: dict.fromkeys(given, 0) for name, given in names.items()}
    for resource in [subscription, *call.world.store.each_resource(under=subscription.id)]:
        for name, value in (resource.body.get("tags") or {}).items():
            if call.allows(f"{_TYPE}/read", resource.id):
                key = next((known for known in counts if known.lower() == name.lower()), name)
                counts[key] = counts.get(key, 0) + 1
                used = values.setdefault(key, {})
                used[value] = used.get(value, 0) + 1
    return page([_name(subscription, name, counts[name], values[name]) for name in sorted(counts, key=str.lower)])


@route("PUT", _NAMES + "/{name}", "Microsoft.Resources/subscriptions/tagNames/write")
def put_name(call: Call) -> Response:
    """Announce a tag name (201); 200 when it was announced before."""
    subscription, name = subscription_of(call), call.ids["name"]
    known = _announced(subscription)
    new = name not in known
    known.setdefault(name, [])
    call.world.store.put(subscription)
    return reply(201 if new else 200, _name(subscription, name, 0, dict.fromkeys(known[name], 0)))


@route("DELETE", _NAMES + "/{name}", "Microsoft.Resources/subscriptions/tagNames/delete")
def delete_name(call: Call) -> Response:
    """Take an announced name back (200; 204 without); first its values have to be gone ("Tags - Delete")."""
    subscription, name = subscription_of(call), call.ids["name"]
    known = _announced(subscription)
    if known.get(name):
        raise ArmError(409, "TagNameHasValues", f"The tag name '{name}' cannot be deleted because it has values.")
    if known.pop(name, None) is None:
        return reply(204)
    call.world.store.put(subscription)
    return reply(200)


@route("PUT", _NAMES + "/{name}/tagValues/{value}", "Microsoft.Resources/subscriptions/tagNames/tagValues/write")
def put_value(call: Call) -> Response:
    """Announce a value of an announced name (201); 200 when it was announced before."""
    subscription, name, value = subscription_of(call), call.ids["name"], call.ids["value"]
    values = _announced(subscription).get(name)
    if values is None:
        raise ArmError(404, "TagNameNotFound", f"The tag name '{name}' could not be found.")
    new = value not in values
    if new:
        values.append(value)
        call.world.store.put(subscription)
    return reply(201 if new else 200, _value(subscription, name, value, 0))


@route("DELETE", _NAMES + "/{name}/tagValues/{value}", "Microsoft.Resources/subscriptions/tagNames/tagValues/delete")
def delete_value(call: Call) -> Response:
    """Take an announced value back (200; 204 without)."""
    subscription, name, value = subscription_of(call), call.ids["name"], call.ids["value"]
    values = _announced(subscription).get(name)
    if values is None or value not in values:
        return reply(204)
    values.remove(value)
    call.world.store.put(subscription)
    return reply(200)


def _tagged(call: Call) -> Resource:
    """What has the tags, or ArmError where nothing can have any."""
    scope = require_scope(call)
    found = call.world.store.resource(scope)
    if found is None or ("location" not in found.body and found.type != "Microsoft.Resources/subscriptions"):
        raise bad_request(f"The resource '{scope}' does not support tags.", "TagsNotSupported")
    return found


def _sent(call: Call) -> dict[str, str]:
    tags = (call.body.get("properties") or {}).get("tags")
    if tags is None:
        raise bad_request("The request body must have properties.tags.", "InvalidTagsRequest")
    return dict(tags)


def _keep(call: Call, resource: Resource, tags: dict[str, str]) -> Response:
    if len(tags) > MOST:
        raise bad_request(
            f"The resource '{resource.id}' has {len(tags)} tags, which exceeds the maximum of {MOST}.", "TooManyTags"
        )
    resource.body["tags"] = tags
    call.world.store.put(resource)
    return _answer(resource)


def _answer(resource: Resource) -> Response:
    tags = resource.body.get("tags") or {}
    body = {"id": f"{resource.id}/providers/{_TYPE}/default", "name": "default", "type": _TYPE}
    return reply(200, {**body, "properties": {"tags": tags}})


def _announced(subscription: Resource) -> dict[str, list[str]]:
    """Name -> values, of tags that nothing need have; a change has to be put back with the subscription."""
    found: dict[str, list[str]] = subscription.private.setdefault("tag_names", {})
    return found


def _name(subscription: Resource, name: str, count: int, values: dict[str, int]) -> dict[str, Any]:
    return {
        "id": f"{subscription.id}/tagNames/{name}",
        "tagName": name,
        "count": {"type": "Total", "value": count},
        "values": [_value(subscription, name, value, used) for value, used in values.items()],
    }


def _value(subscription: Resource, name: str, value: str, count: int) -> dict[str, Any]:
    return {
        "id": f"{subscription.id}/tagNames/{name}/tagValues/{value}",
        "tagValue": value,
        "count": {"type": "Total", "value": count},
    }
