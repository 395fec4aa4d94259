"""A diagnosis as plain text for people: the cause, why it is thought so, and what to do, numbered."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from mi_tui.model.diagnosis import Diagnosis
from mi_tui.model.text import cut, visible

_WIDTH = 110
_LINE = 300
"""Characters of one line of evidence that are shown; JSON has all of it."""
_EVIDENCE = 12


def diagnosis_lines(found: Diagnosis, mark: str = "", run: str = "") -> Iterator[str]:
    """A diagnosis, line by line; with the `run` that failed, each fix that mi-tui can make has its command.

    Texts from outside are shown as they are; long sentences are folded, evidence and commands are not."""
    yield from _folded(f"{mark} Why ({found.confidence.words}): {found.cause}".strip(), "", "    ")
    if found.why:
        yield from _folded(found.why, "    ", "    ")
    for item in found.evidence[:_EVIDENCE]:
        for number, line in enumerate(item.text.splitlines() or [""]):
            head = f"{visible(item.source)}: " if not number else "  "
            yield f"    - {head}{cut(visible(line), _LINE)}"
    if len(found.evidence) > _EVIDENCE:
        yield f"    - and {len(found.evidence) - _EVIDENCE} more (--json)"
    if found.fixes:
        yield "  What to do:"
    for place, fix in enumerate(found.fixes, 1):
        yield from _folded(f"{place}. {fix.words}", "    ", "       ")
        for line in fix.command.splitlines():
            yield f"       {visible(line)}"
        if run and fix.change is not None:
            yield f"       mi-tui resume {run} --fix {place}"
    if found.question:
        yield from _folded(found.question, "  ", "  ")
    for link in found.links:
        yield f"  {visible(link)}"
    ids = ", ".join(f"{visible(item.source)} {visible(item.text)}" for item in found.support)
    if ids:
        yield f"  For Azure's support: {ids}"


def _folded(text: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        visible(" ".join(text.split())), _WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
