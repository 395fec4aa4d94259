"""An endpoint's traffic before this run took it: what is given back when the run's deployment goes. Of each endpoint by itself, as a change
of the plan may bring another one."""

from __future__ import annotations

import msgspec

from mi_tui.engine.context import Context

_OF_ANY = "traffic_before"
"""The fact of runs that began with an earlier version, which knew of one endpoint only."""


def note(ctx: Context, endpoint: str, traffic: dict[str, int]) -> None:
    """Remember it, once: what a resumed run sees may already be its own doing."""
    if not ctx.fact(_of(endpoint)):
        ctx.note(_of(endpoint), msgspec.json.encode(traffic).decode())


def before(ctx: Context, endpoint: str) -> dict[str, int]:
    """The shares that were noted; none when nothing was."""
    known = ctx.fact(_of(endpoint)) or ctx.fact(_OF_ANY)
    return msgspec.json.decode(known, type=dict[str, int]) if known else {}


def forget(ctx: Context, endpoint: str) -> None:
    """It was given back."""
    for name in (_of(endpoint), _OF_ANY):
        if ctx.fact(name):
            ctx.note(name, "")


def _of(endpoint: str) -> str:
    return f"{_OF_ANY} {endpoint.lower()}"
