"""Checks in words: the line on Review, and each with what was read and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from mi_tui.model.check import Check, CheckStatus, offer, tally
from mi_tui.model.failure import Failure
from mi_tui.model.marks import marks
from mi_tui.model.text import cut, masked, visible
from mi_tui.widgets.plan_table import Entry

_MARKS = {
    CheckStatus.OK: "done",
    CheckStatus.WARNING: "warning",
    CheckStatus.FAILED: "failed",
    CheckStatus.SKIPPED: "skipped",
}
_STYLES = {
    CheckStatus.OK: "$text-success",
    CheckStatus.WARNING: "$text-warning",
    CheckStatus.FAILED: "$text-error",
    CheckStatus.SKIPPED: "$text-muted",
}
_WRONG = frozenset({CheckStatus.FAILED, CheckStatus.WARNING})

_LONGEST = 110
"""Characters of the worst check's evidence in the line; all of it stands behind the key."""


def line(checks: Sequence[Check], trouble: Failure | None, *, running: bool, hidden: bool) -> Content:
    """How the checks stand, and the worst of them; empty when there are none and none are under way."""
    sign = marks()
    if trouble is not None:
        return Content.assemble(
            (f"{sign['skipped']} Checks", "$text-muted"), f" could not be made: {visible(trouble.message)}"
        )
    if not checks and not running:
        return Content("")
    worst = next(
        (check for status in (CheckStatus.FAILED, CheckStatus.WARNING) for check in checks if check.status is status),
        None,
    )
    status = worst.status if worst else CheckStatus.OK
    counted = tally(checks)
    mark = sign["running"] if running and not worst else sign[_MARKS[status]]
    words = f"{counted.words.partition(': ')[2]} so far" if checks else "under way"
    words = f"{words} {sign['dots']}" if running else counted.words
    parts: list[Content | str | tuple[str, str]] = [
        (f"{mark} ", _STYLES[status] if worst or not running else "$text-accent")
    ]
    parts.append(f"Checks: {words}" if running else f"{words[:1].upper()}{words[1:]}")
    if worst is not None:
        said = cut(visible(f"{worst.title}: {worst.evidence}"), _LONGEST)
        parts.append(f". {masked(said) if hidden else said}")
    able = any(check.change is not None and check.status in _WRONG for check in checks)
    parts.append(("  (d details, x repair)" if able else "  (d details)", "$text-muted"))
    return Content.assemble(*parts)


def entries(checks: Sequence[Check]) -> list[Entry]:
    """A row for each check, what is wrong first."""
    order = [CheckStatus.FAILED, CheckStatus.WARNING, CheckStatus.SKIPPED, CheckStatus.OK]
    found = sorted(checks, key=lambda check: order.index(check.status))
    return [Entry(marks()[_MARKS[check.status]], check.status.value, (check.title,), _notes(check)) for check in found]


def _notes(check: Check) -> tuple[str, ...]:
    wrong = check.status in _WRONG
    command = " && ".join(check.command.splitlines())
    return (
        check.evidence.rstrip("."),
        f"why it matters: {check.why.rstrip('.')}" if check.why else "",
        f"what to do: {check.advice.rstrip('.')}" if check.advice else "",
        f"by hand: {command}" if wrong and command else "",
        f"mi-tui can {offer(check.change)}" if check.change else "",
    )
