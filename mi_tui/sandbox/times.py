"""Times as Azure writes them."""

from __future__ import annotations

import datetime as dt


def timestamp(seconds: float | None = None) -> str:
    """A time as Azure ML writes it, with seven decimals and an offset; now when None."""
    moment = dt.datetime.now(dt.UTC) if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0+00:00"


def zulu(seconds: float | None = None) -> str:
    """A time as Storage and Authorization write it, with seven decimals and a Z; now when None."""
    return timestamp(seconds).replace("+00:00", "Z")
