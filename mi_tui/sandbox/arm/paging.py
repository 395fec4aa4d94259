"""Long lists in pages: `$top`, the `nextLink`, and the place in the list that it remembers.

A page ends at a resource, not at a count: whoever deletes what a page told still gets everything that comes after it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from mi_tui.sandbox.arm import filters
from mi_tui.sandbox.arm.router import Call
from mi_tui.sandbox.errors import ArmError
from mi_tui.sandbox.store import Place, Resource


@dataclass(frozen=True)
class Paging:
    """How a list pages: its page's size, the query parameter that its `nextLink` carries, whether `$top` changes the size, and
    whether it can make it larger."""

    size: int
    parameter: str = "$skiptoken"
    top: bool = False
    larger: bool = False


ARM_LIST = Paging(1000, top=True)
"""ARM's own lists, of resources and groups, and what it merges from the regions ("Resources - List": 1000 a page at most)."""

STORAGE_LIST = Paging(5000)
"""A guess, after the storage provider's list of containers, which tells 5000 as its most; its list of accounts takes no `$top`."""

IDENTITY_LIST = Paging(1000)
"""A guess: the provider's file has `nextLink`, and no source tells at what length."""

ML_ASSETS = Paging(30, "$skip", top=True, larger=True)
"""Versions and containers of assets. That they page at 30 is a guess from public issues about the SDK's `list`; the continuation
goes into `$skip`, as the file says."""

ML_WORKSPACES = Paging(1000, "$skip")
"""A guess, as for what ARM lists."""

ML_DATASTORES = Paging(30, "$skip")
"""`count` and its default of 30 are in the file ("Maximum number of results to return", default 30)."""

ML_CONNECTIONS = Paging(100, "$skip")
"""A guess: the file has `nextLink`, and no source tells at what length."""

ML_ENDPOINTS = Paging(30, "$skip")
"""A guess, after datastores; `count` changes it."""

ML_DEPLOYMENTS = Paging(30, "$skip", top=True, larger=True)
"""A guess, after datastores."""


def page_of(
    call: Call,
    paging: Paging,
    read: Callable[[Place | None], Iterable[Resource]],
    show: Callable[[Resource], dict[str, Any]] = lambda resource: resource.body,
) -> dict[str, Any]:
    """One page of a list: `value`, and `nextLink` when there is more. `read` gives the resources after a place, in a fixed order.

    ArmError for a `$top` that is no number from 1 and for a token that this list did not give.
    """
    size = _size(call, paging)
    values: list[dict[str, Any]] = []
    last: Resource | None = None
    for resource in read(_place(call, paging)):
        if len(values) == size:
            assert last is not None
            return {"value": values, "nextLink": _next(call, paging, last)}
        values.append(show(resource))
        last = resource
    return {"value": values}


def _size(call: Call, paging: Paging) -> int:
    """What the caller wants on a page: `$top`, or Azure ML's `count`."""
    name = next((name for name in ("$top", "count") if call.query.get(name)), None)
    if name is None or (name == "$top") != paging.top:
        return paging.size
    wanted = filters.number(call, name) or paging.size
    return wanted if paging.larger or name == "count" else min(wanted, paging.size)


def _place(call: Call, paging: Paging) -> Place | None:
    token = call.query.get(paging.parameter.lower())
    if not token:
        return None
    try:
        created, key = json.loads(base64.urlsafe_b64decode(token.encode()))
        return Place(float(created), str(key))
    except (ValueError, TypeError, binascii.Error) as error:
        raise ArmError(400, "InvalidSkipToken", f"The provided skip token '{token[:100]}' is invalid.") from error


def _next(call: Call, paging: Paging, last: Resource) -> str:
    place = Place.of(last)
    token = base64.urlsafe_b64encode(json.dumps([place.created, place.key]).encode()).decode()
    kept = {key: value for key, value in call.request.query_params.items() if key.lower() != paging.parameter.lower()}
    query = urlencode({**kept, paging.parameter: token}, safe="$")
    return f"https://management.azure.com{quote(call.path, safe='/()')}?{query}"
