"""Checks as plain text for people, and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from mi_tui.model.check import Check, CheckStatus, offer, tally
from mi_tui.model.text import masked, visible

_MARKS = {
    CheckStatus.OK: "done",
    CheckStatus.WARNING: "warning",
    CheckStatus.FAILED: "failed",
    CheckStatus.SKIPPED: "skipped",
}


def lines(
    checks: Sequence[Check], sign: dict[str, str], group_of: Callable[[Check], str], *, mask: bool = False
) -> Iterator[str]:
    """All checks, in groups, and how many ended how; what is wrong with why, what to do and the command."""
    groups: dict[str, list[Check]] = {}
    for check in checks:
        groups.setdefault(group_of(check), []).append(check)
    for group, members in groups.items():
        yield group
        for check in members:
            yield from _check(check, sign, mask)
    yield f"{tally(checks).words}."


def wrong(checks: Sequence[Check], sign: dict[str, str], *, mask: bool = False) -> Iterator[str]:
    """What stands in the way and what may, and nothing of what is well."""
    for check in checks:
        if check.status in {CheckStatus.FAILED, CheckStatus.WARNING}:
            yield from _check(check, sign, mask)


def as_json(check: Check, *, mask: bool = False) -> str:
    """One check as a JSON object; with every member, in a stable order."""
    value = {
        "id": check.id, "title": check.title, "status": check.status.value, "evidence": check.evidence, "why": check.why,
        "advice": check.advice, "command": check.command,
        "change": msgspec.to_builtins(check.change) if check.change else None, "seconds": check.seconds,
    }  # fmt: skip
    text = msgspec.json.encode(value).decode()
    return masked(text) if mask else text


def _check(check: Check, sign: dict[str, str], mask: bool) -> Iterator[str]:
    def said(text: str) -> str:
        return masked(visible(text)) if mask else visible(text)

    mark = sign[_MARKS[check.status]]
    yield f"  {mark} {check.status.value:<7}  {said(check.title)}: {said(check.evidence)}"
    if check.status in {CheckStatus.FAILED, CheckStatus.WARNING}:
        if check.why:
            yield f"      Why it matters: {said(check.why)}"
        if check.advice:
            yield f"      What to do: {said(check.advice)}"
        for command in check.command.splitlines():
            yield f"      Command: {said(command)}"
        if check.change:
            yield f"      mi-tui can {said(offer(check.change))}: 'mi-tui up' offers it."
