"""The part of OData's `$filter` in which ARM's own lists are asked: comparisons joined by `and` and `or`, `substringof`, `startswith`.

"Resources - List" tells the properties; what cannot be applied is refused, never overlooked.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from mi_tui.sandbox.arm.router import Call
from mi_tui.sandbox.errors import ArmError, bad_request
from mi_tui.sandbox.store import Resource

Test = Callable[[Resource], bool]

OF_RESOURCES = frozenset(
    {
        "location",
        "resourcetype",
        "name",
        "resourcegroup",
        "identity",
        "identity/principalid",
        "plan",
        "plan/publisher",
        "plan/product",
        "plan/name",
        "plan/version",
        "plan/promotioncode",
        "tagname",
        "tagvalue",
    }
)
"""What "Resources - List" takes, in lower case."""

_COMPARISON = re.compile(r"([\w/]+)\s+(eq|ne)\s+'((?:[^']|'')*)'", re.IGNORECASE)
_STARTS = re.compile(r"startswith\(\s*([\w/]+)\s*,\s*'((?:[^']|'')*)'\s*\)", re.IGNORECASE)
_WITHIN = re.compile(r"substringof\(\s*'((?:[^']|'')*)'\s*,\s*([\w/]+)\s*\)", re.IGNORECASE)
_JOIN = re.compile(r"\s+(and|or)\s+", re.IGNORECASE)
_LONGEST = 4000


def parse(text: str, known: frozenset[str] | set[str]) -> Test:
    """What a filter asks of a resource. ArmError 400 for one that is not understood (the code is Azure's, the sentence a guess)."""
    if not text.strip():
        return lambda resource: True
    if len(text) > _LONGEST:
        raise _invalid(text[:100])
    # `and` binds closer than `or`, as in OData; parentheses around the whole change nothing.
    either: list[list[Test]] = [[]]
    tag: list[str] = []
    rest = text.strip()
    while rest.startswith("(") and rest.endswith(")") and rest.count("(") == 1:
        rest = rest[1:-1].strip()
    while True:
        for pattern in (_COMPARISON, _STARTS, _WITHIN):
            found = pattern.match(rest)
            if found is not None:
                either[-1].append(_test(found, pattern, known, tag))
                break
        else:
            raise _invalid(text)
        rest = rest[found.end() :]
        if not rest.strip():
            break
        joined = _JOIN.match(rest)
        if joined is None:
            raise _invalid(text)
        if joined.group(1).lower() == "or":
            either.append([])
        rest = rest[joined.end() :]
    return lambda resource: any(all(test(resource) for test in every) for every in either)


def number(call: Call, name: str) -> int | None:
    """A query parameter that is a number from 1 on; None without it. ArmError 400 for anything else."""
    text = call.query.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:10]) < 2**31):
        raise bad_request(
            f"The value '{text[:50]}' of the query parameter '{name}' is invalid.", "InvalidQueryParameterValue"
        )
    return int(text)


def _test(found: re.Match[str], pattern: re.Pattern[str], known: frozenset[str] | set[str], tag: list[str]) -> Test:
    if pattern is _COMPARISON:
        name, operator, value = found.group(1).lower(), found.group(2).lower(), _plain(found.group(3))
    elif pattern is _STARTS:
        name, operator, value = found.group(1).lower(), "starts", _plain(found.group(2))
    else:
        name, operator, value = found.group(2).lower(), "within", _plain(found.group(1))
    if name not in known:
        raise _invalid(found.group(0))
    if name == "tagname":
        tag[:] = [value]
        return lambda resource: any(_compare(operator, key, value) for key in resource.body.get("tags") or {})
    if name == "tagvalue":
        # Only of the tag that was named before it.
        key = tag[0] if tag else ""
        return lambda resource: any(
            _compare(operator, str(having), value)
            for told, having in (resource.body.get("tags") or {}).items()
            if told.lower() == key
        )
    return lambda resource: _compare(operator, _member(resource, name), value)


def _member(resource: Resource, name: str) -> str:
    if name == "resourcetype":
        return resource.type
    if name == "resourcegroup":
        parts = resource.id.split("/")
        return parts[4] if len(parts) > 4 else ""
    outer, _, inner = name.partition("/")
    value = resource.body.get(outer)
    if inner and isinstance(value, dict):
        value = next((item for key, item in value.items() if key.lower() == inner), None)
    return "" if value is None or isinstance(value, dict) else str(value)


def _compare(operator: str, value: str, wanted: str) -> bool:
    value = value.lower()
    if operator == "eq":
        return value == wanted
    if operator == "ne":
        return value != wanted
    return value.startswith(wanted) if operator == "starts" else wanted in value


def _plain(text: str) -> str:
    return text.replace("''", "'").lower()


def _invalid(text: str) -> ArmError:
    return ArmError(400, "InvalidFilterInQueryString", f"Invalid $filter '{text[:200]}' specified in the query string.")
