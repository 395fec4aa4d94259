"""The filters `tags` and `properties` of Azure ML's lists: `a,b=c`."""

from __future__ import annotations

from mi_tui.sandbox.arm.router import Call
from mi_tui.sandbox.store import Resource

Wanted = list[tuple[str, str | None]]


def wanted(call: Call, parameter: str) -> Wanted:
    """The names that a listed resource must have, each with its value, or None where any value will do."""
    pairs = (part.partition("=") for part in call.query.get(parameter, "").split(",") if part.strip())
    return [(key.strip(), value.strip() if mark else None) for key, mark, value in pairs]


def has(labels: dict[str, str] | None, wanted_: Wanted) -> bool:
    """Whether tags or properties fulfil a filter."""
    having = labels or {}
    return all(key in having and value in {None, having[key]} for key, value in wanted_)


def fits(call: Call, endpoint: Resource) -> bool:
    """Whether an endpoint fulfils the request's `tags` and `properties`."""
    properties = endpoint.body["properties"].get("properties")
    return has(endpoint.body.get("tags"), wanted(call, "tags")) and has(properties, wanted(call, "properties"))
