"""Times as Azure writes them."""

from __future__ import annotations

import datetime as dt
import time


def timestamp(seconds: float | None = None) -> str:
    """A time as Azure ML writes it, with up to seven decimals, no trailing zeros (recorded) and an offset; now when None."""
    return _written(seconds).rstrip("0").rstrip(".") + "+00:00"


def zulu(seconds: float | None = None) -> str:
    """A time as Storage and Authorization write it, with always seven decimals and a Z (recorded); now when None."""
    return _written(seconds) + "Z"


def _written(seconds: float | None) -> str:
    """Date and time to 100 nanoseconds, the ticks of .NET's clock."""
    ticks = time.time_ns() // 100 if seconds is None else round(seconds * 10_000_000)
    whole, fraction = divmod(ticks, 10_000_000)
    return f"{dt.datetime.fromtimestamp(whole, dt.UTC):%Y-%m-%dT%H:%M:%S}.{fraction:07}"
