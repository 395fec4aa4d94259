"""How many requests ARM says a caller has left: counted as Azure counts, and never refused here."""

from __future__ import annotations

import time

_READS, _WRITES, _DELETES = "reads", "writes", "deletes"
_KINDS = {"GET": _READS, "HEAD": _READS, "DELETE": _DELETES}
LIMITS = {_READS: 12000, _WRITES: 1200, _DELETES: 15000}
"""Requests in an hour, of one principal in one subscription ("Understand how Azure Resource Manager throttles requests")."""

_HOUR = 3600.0


class Limits:
    """The hourly counts of one process."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], tuple[float, int]] = {}

    def header(self, method: str, caller: str, path: str) -> tuple[str, str]:
        """Count a request; the name and the value of the header that tells how many are left (recorded: `...-reads: 11999`)."""
        kind = _KINDS.get(method, _WRITES)
        parts = path.split("/", 3)
        scope, key = ("subscription", parts[2].lower()) if path.startswith("/subscriptions/") else ("tenant", "")
        now = time.monotonic()
        began, count = self._counts.get((kind, f"{caller}|{key}"), (now, 0))
        if now - began > _HOUR:
            began, count = now, 0
        self._counts[(kind, f"{caller}|{key}")] = began, count + 1
        # It is told and not enforced: whoever gets to the end of it is told 0 and still answered.
        return f"x-ms-ratelimit-remaining-{scope}-{kind}", str(max(0, LIMITS[kind] - count - 1))
