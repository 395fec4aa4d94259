"""`python -m tests.bench.preflight [ROUNDS]`: how long preflight takes beside its slowest call, and beside the longest chain of calls.

The sandbox answers each request after a delay that a scenario gives it, once the same for all and once different for each kind of
call. A chain is calls of which each needs the answer of the one before: the token, then the workspace, then what its answer names (the
region's sizes and quota, its storage, its registry, the endpoint's address). Nothing can be quicker than the longest chain; where an
earlier run has seen the workspace, the chain is one call shorter. The ratio that must stay under 1.2 is that of the whole to the
longest chain, with each call's own time as it was measured in the same round.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from mi_tui.guide.preflight import TABLE, Known, run
from mi_tui.guide.preflight.once import Once
from mi_tui.guide.preflight.reads import Reads
from mi_tui.model.answers import IdentityKind
from mi_tui.sandbox import client
from tests.scenarios.journey import Journey, opened

SAME = """about: every request waits half a second
rules:
  - {on: {service: management}, delay: 0.5}
  - {on: {service: inference}, delay: 0.5}
  - {on: {service: login}, delay: 0.5}
"""
MIXED = """about: requests wait as long as such calls take in Azure, roughly
rules:
  - {on: {service: management, path: "*/usages"}, delay: 1.4}
  - {on: {service: management, path: "*/vmSizes"}, delay: 0.9}
  - {on: {service: management, path: "*/permissions"}, delay: 0.35}
  - {on: {service: management, path: "*/roleAssignments"}, delay: 0.6}
  - {on: {service: management, path: "*/storageAccounts/*"}, delay: 0.25}
  - {on: {service: management}, delay: 0.45}
  - {on: {service: inference}, delay: 0.3}
  - {on: {service: login}, delay: 0.4}
"""
LIMIT = 1.2


@dataclass
class Round:
    """One measurement, in seconds."""

    whole: float
    slowest: float
    chain: float
    calls: int
    added: float
    names: str

    @property
    def ratio(self) -> float:
        return self.whole / self.chain


def longest(one: Once[object]) -> tuple[float, str]:
    """The longest chain of calls that ends with this one, and its names."""
    before = max((longest(other) for other in one.after if isinstance(other, Once)), default=(0.0, ""))
    return before[0] + one.seconds, f"{before[1]} -> {one.name}" if before[1] else one.name


def measure(journey: Journey, kind: IdentityKind, known: Known | None, *, signed_in: bool) -> Round:
    """Preflight once, in a session that has no connection yet, and no token unless it is `signed_in`."""
    from mi_tui.services.session import Session
    from mi_tui.targets import SignedInUser

    connection = journey.connection
    session = Session(SignedInUser(connection.tenant, connection.user_refresh_token), connection.subscription)
    answers = journey.answers(kind)
    if signed_in:
        session.caller()
    reads = Reads(session, answers, known)
    began = time.perf_counter()
    checks = run(TABLE, reads)
    whole = time.perf_counter() - began
    if wrong := [check.id for check in checks if check.status.value not in {"ok", "skipped"}]:
        sys.exit(f"These checks are not ok in a calm world: {', '.join(wrong)}")
    begun = [one for one in (reads.caller, *reads.all) if one.begun]
    chain, words = max(longest(one) for one in begun)
    return Round(whole, max(one.seconds for one in begun), chain, len(begun), sum(one.seconds for one in begun), words)


def main(rounds: int) -> int:
    """Run everything, print the figures; 1 when a median ratio is over the limit."""
    home = Path(tempfile.mkdtemp(prefix="mi-tui-bench-"))
    worst = 0.0
    try:
        with opened(home / "home") as journey:
            answers = journey.answers()
            plan = journey.workflow.plan(journey.target, answers)[1]
            known = Known(plan.place.location, plan.place.workspace_storage_id, plan.place.registry_id)
            heads = ("added up", "slowest", "chain", "whole", "whole/chain", "whole/slowest")
            print(f"{'delays':7} {'identity':8} {'workspace':15} calls " + " ".join(f"{head:>13}" for head in heads))
            for name, text in (("same", SAME), ("mixed", MIXED)):
                scenario = home / f"{name}.yaml"
                scenario.write_text(text)
                with client.connect(Path(journey.connection.home), scenario=str(scenario)):
                    pass
                for kind in IdentityKind:
                    for where, seen, signed_in in (
                        ("new", None, False),
                        ("seen before", known, False),
                        ("and signed in", known, True),
                    ):
                        found = [measure(journey, kind, seen, signed_in=signed_in) for _ in range(rounds + 1)][1:]
                        ratio = statistics.median(one.ratio for one in found)
                        worst = max(worst, ratio)
                        one = sorted(found, key=lambda one: one.ratio)[len(found) // 2]
                        figures = (one.added, one.slowest, one.chain, one.whole, ratio, one.whole / one.slowest)
                        row = " ".join(f"{figure:13.2f}" for figure in figures)
                        print(f"{name:7} {kind.value:8} {where:15} {one.calls:5} {row}   {one.names}")
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print(f"worst median of whole/chain: {worst:.2f} (limit {LIMIT})")
    return 0 if worst <= LIMIT else 1


if __name__ == "__main__":
    os.environ.setdefault("MI_TUI_SANDBOX_CACHE", str(Path(tempfile.gettempdir()) / "mi-tui-bench-cache"))
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
