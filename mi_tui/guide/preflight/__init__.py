"""Preflight: what would fail, found out before anything is made. It reads, side by side, and changes nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from mi_tui.guide.preflight.basics import BASICS, Basics
from mi_tui.guide.preflight.finding import Finding, Spec, sentence, skipped
from mi_tui.guide.preflight.once import Once
from mi_tui.guide.preflight.reads import Known, Reads
from mi_tui.guide.preflight.table import GROUPS, TABLE
from mi_tui.model.answers import Answers
from mi_tui.model.check import Check, CheckStatus
from mi_tui.services.errors import NETWORK, ServiceError
from mi_tui.services.session import Session

__all__ = ["GROUPS", "TABLE", "Known", "basics", "group_of", "preflight", "run", "unreached"]


class Begun(Protocol):
    """Reads that can all be begun."""

    def begin(self) -> None: ...


R = TypeVar("R", bound=Begun)
UNREACHED = "because Azure could not be reached"
"""How the evidence begins of a check that was skipped for what passes by itself: it may be made again."""
Tell = Callable[[Check], None]
_BAD = frozenset({CheckStatus.FAILED, CheckStatus.SKIPPED})
_log = logging.getLogger(__name__)


def preflight(session: Session, answers: Answers, known: Known | None = None, tell: Tell | None = None) -> list[Check]:
    """Every check of these answers (with absolute paths), in the table's order. Never raises ServiceError.

    `tell` hears each check as soon as it is known, from any thread. What `known` says of the workspace saves a wait; where it turns
    out wrong, everything is read again.
    """
    reads = Reads(session, answers, known)
    checks = run(TABLE, reads, tell)
    if _stale(reads):
        checks = run(TABLE, Reads(session, answers), tell)
    return checks


def _stale(reads: Reads) -> bool:
    try:
        return reads.stale()
    except ServiceError:
        return False  # the check of the workspace says so


def basics(session: Session, tell: Tell | None = None) -> list[Check]:
    """The checks that need no answers. Never raises ServiceError."""
    return run(BASICS, Basics(session), tell)


def run(table: Sequence[Spec[R]], reads: R, tell: Tell | None = None) -> list[Check]:
    """The checks of a table, side by side, in its order."""
    reads.begin()
    specs = {spec.id: spec for spec in table}
    made: dict[str, Once[Check]] = {}

    def make(name: str) -> Once[Check]:
        if name not in made:
            needs = [make(need) for need in specs[name].needs]
            made[name] = Once(name, _work(specs[name], reads, needs, tell), after=needs)
        return made[name]

    checks = [make(spec.id) for spec in table]
    for one in checks:
        one.start()
    return [one.result() for one in checks]


def unreached(checks: Sequence[Check]) -> bool:
    """Whether a check was skipped for what passes by itself."""
    return any(check.evidence.startswith(UNREACHED) for check in checks)


def group_of(identifier: str) -> str:
    """The group under which a check is told."""
    return next((spec.group for spec in TABLE if spec.id == identifier), GROUPS[0])


def _work(spec: Spec[R], reads: R, needs: list[Once[Check]], tell: Tell | None) -> Callable[[], Check]:
    def work() -> Check:
        began = time.perf_counter()
        check = _check(spec, _look(spec, reads, [one.result() for one in needs]), time.perf_counter() - began)
        if tell is not None:
            tell(check)
        return check

    return work


def _look(spec: Spec[R], reads: R, needs: list[Check]) -> Finding:
    for need in needs:
        if need.status in _BAD:
            return skipped(
                f"because of '{need.title}', which {'failed' if need.status is CheckStatus.FAILED else 'was skipped'}"
            )
    try:
        return spec.look(reads)
    except ServiceError as error:
        failure = error.failure
        passes = failure.code == NETWORK or failure.status in {408, 429} or failure.status >= 500
        return skipped(f"{UNREACHED if passes else 'because it could not be read'}: {sentence(failure)}")
    except Exception as error:  # noqa: BLE001 - one check that breaks must not take the others away, nor a run that would work
        _log.exception("The check %s broke", spec.id)
        return skipped(f"because mi-tui itself failed here ({type(error).__name__}: {error})")


def _check(spec: Spec[R], found: Finding, seconds: float) -> Check:
    told = found.status in {CheckStatus.WARNING, CheckStatus.FAILED}
    return Check(
        id=spec.id,
        title=spec.title,
        status=found.status,
        evidence=found.evidence,
        why=spec.why if told else "",
        advice=found.advice,
        command=found.command,
        change=found.change,
        seconds=round(seconds, 3),
    )
