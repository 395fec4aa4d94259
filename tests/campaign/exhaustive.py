"""Every point of the journal of a run with fresh parts, once before and once after it, and every changing request of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.campaign import plans
from tests.campaign.nursery import Ended
from tests.campaign.rounds import Job, Script
from tests.campaign.victim import Kill

AT_ONCE = 4
"""Points in one round: of `up`, and of the resumes after it; so of `down`."""

ALONE = 10_000
"""From this number on a round is about one point alone: one that the first pass did not meet, because a resume does less."""

AGAIN = 100_000
"""So much is added to a round's number with each further try: how often a run writes down that it still waits differs from run to run."""
TRIES = 4


@dataclass(frozen=True)
class Points:
    """Where `up` and `down` can die: by name, as their order differs from run to run."""

    up: tuple[Kill, ...]
    down: tuple[Kill, ...]

    def first_pass(self) -> range:
        """The numbers of the rounds in which points far from each other are met."""
        return range(1, -(-max(len(self.up), len(self.down)) // AT_ONCE) + 1)

    def missed(self, met: set[str]) -> dict[int, str]:
        """The points that were not met, by the numbers of their rounds; `met` is a campaign's kills, as they are written down."""
        up = {
            ALONE + at: f"up: {kill}" for at, kill in enumerate(self.up) if not {f"up: {kill}", f"resume: {kill}"} & met
        }
        return up | {2 * ALONE + at: f"down: {kill}" for at, kill in enumerate(self.down) if f"down: {kill}" not in met}


class Once(Script):
    """A round in which `up`, the resumes after it and the first `down` die where they are told."""

    def __init__(self, kind: str, name: str, folder: Path, up: list[Kill], down: list[Kill]) -> None:
        self.choice = plans.fresh(kind, name, folder)
        self._up, self._down = list(up), list(down)

    def kill(self, command: str) -> Kill:
        """The next point of this command."""
        left = self._down if command == "down" else self._up
        return left.pop(0) if left else Kill()


class Counted(Once):
    """A round without a kill, which tells what points there are."""

    def __init__(self, kind: str, folder: Path) -> None:
        super().__init__(kind, "x00000", folder, [], [])
        self.points: dict[str, dict[str, list[str]]] = {}

    def ended(self, ended: Ended) -> None:
        """A command ended."""
        self.points[ended.arguments[0]] = ended.counts


def count(job: Job, kind: str) -> Points:
    """An undisturbed run, and its points. SystemExit when it is not whole: then there is nothing to compare with."""
    script: list[Counted] = []

    def begin(folder: Path) -> Script:
        script.append(Counted(kind, folder))
        return script[0]

    result = job.round(0, begin)
    if result.violations:
        raise SystemExit(f"The undisturbed run is not whole: {result.violations}")
    found = script[0].points
    return Points(tuple(_kills(found["up"])), tuple(_kills(found["down"])))


def _kills(counts: dict[str, list[str]]) -> list[Kill]:
    """Before and after each change of the journal; with the request sent, and with its answer come."""
    found = []
    for names, kinds in ((counts["writes"], ("before", "after")), (counts["requests"], ("sent", "effect"))):
        seen: Counter[str] = Counter()
        for name in names:
            seen[name] += 1
            found += [Kill(kind, seen[name], name) for kind in kinds]
    return found


def script(points: Points, kind: str, number: int, folder: Path) -> Script:
    """The round of this number."""
    name = f"x{number:05}"
    number %= AGAIN
    if number >= 2 * ALONE:
        return Once(kind, name, folder, [], [points.down[number - 2 * ALONE]])
    if number >= ALONE:
        alone = Once(kind, name, folder, [points.up[number - ALONE]], [])
        alone.new_journal = True
        return alone
    return Once(kind, name, folder, _share(points.up, number), _share(points.down, number))


def _share(kills: tuple[Kill, ...], number: int) -> list[Kill]:
    """The points of the first pass's round: as far from each other as they can be."""
    step = -(-len(kills) // AT_ONCE)
    return list(kills[number - 1 :: step]) if number <= step else []
