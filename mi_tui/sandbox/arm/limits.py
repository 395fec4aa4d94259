"""ARM's throttling: a bucket of tokens for each principal, subscription and kind of request, and one for all principals together.

Figures and rules: "Understand how Azure Resource Manager throttles requests" (Microsoft Learn, 2026-09).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from mi_tui.sandbox.errors import GATEWAY, ArmError

_READS, _WRITES, _DELETES = "reads", "writes", "deletes"
_KINDS = {"GET": _READS, "HEAD": _READS, "DELETE": _DELETES}

BUCKETS: dict[str, tuple[int, float]] = {_READS: (250, 25.0), _WRITES: (200, 10.0), _DELETES: (200, 10.0)}
"""Kind -> the bucket's size and how many tokens it gets back in a second, of a principal in a subscription, or in the tenant."""

ALL_PRINCIPALS = 15
"""How much larger a subscription's bucket for all principals together is."""

_ROUNDING = 1e-6


class Limits:
    """The buckets of one process. `speed` is how many times faster than Azure's the sandbox's time goes: its clients ask that
    much more often, so a request costs that much less of a token; at 1 it costs one."""

    def __init__(self, speed: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._cost = 1 / speed
        self._clock = clock
        self._buckets: dict[tuple[str, str, str], tuple[float, float]] = {}

    def take(self, method: str, actor: str, path: str) -> dict[str, str]:
        """Count a request; the headers that tell what is left. ArmError 429 with `Retry-After` when a bucket is empty.

        Headers as public transcripts of 2025 have them: `x-ms-ratelimit-remaining-subscription-reads: 249` and
        `...-subscription-global-reads: 3749`. What is told is in Azure's measure whatever the speed.
        """
        kind = _KINDS.get(method, _WRITES)
        parts = path.split("/", 3)
        subscription = parts[2].lower() if len(parts) > 2 and parts[1].lower() == "subscriptions" else ""
        size, rate = BUCKETS[kind]
        buckets = [("tenant" if not subscription else "subscription", (kind, subscription, actor), 1)]
        if subscription:
            buckets.append(("subscription-global", (kind, subscription, ""), ALL_PRINCIPALS))
        left = [self._left(key, size * times, rate * times) for _, key, times in buckets]
        missing = max((self._cost - have) / (rate * times) for have, (_, _, times) in zip(left, buckets, strict=True))
        if missing > _ROUNDING:
            raise _throttled(kind, subscription, actor, missing)
        for _, key, _ in buckets:
            have, since = self._buckets[key]
            self._buckets[key] = have - self._cost, since
        return {
            f"x-ms-ratelimit-remaining-{name}-{kind}": _told(have - self._cost)
            for (name, _, _), have in zip(buckets, left, strict=True)
        }

    def _left(self, key: tuple[str, str, str], size: float, rate: float) -> float:
        now = self._clock()
        left, since = self._buckets.get(key, (size, now))
        left = min(size, left + (now - since) * rate)
        self._buckets[key] = left, now
        return left


def _told(left: float) -> str:
    return str(max(0, math.floor(left + _ROUNDING)))


def _throttled(kind: str, subscription: str, actor: str, seconds: float) -> ArmError:
    """The sentence of public transcripts of 2026; the one for a tenant is a guess by its pattern."""
    wait = max(1, math.ceil(seconds))
    where = f"subscription '{subscription}'" if subscription else "tenant"
    return ArmError(
        429,
        "SubscriptionRequestsThrottled" if subscription else "TenantRequestsThrottled",
        f"Number of '{kind[:-1]}' requests for {where} actor '{actor}' exceeded. Please try again after '{wait}' seconds.",
        headers={**GATEWAY, "Retry-After": str(wait)},
    )
