"""The words of a diagnosis and of an examination on a screen: headings with their texts, the most useful first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from mi_tui.model.check import Check
from mi_tui.model.diagnosis import Diagnosis
from mi_tui.model.examination import Examination
from mi_tui.model.failure import Failure
from mi_tui.model.marks import marks
from mi_tui.model.text import cut, masked, visible

Part = tuple[str, str]
"""A heading and a text; either may be empty. A text under no heading is what is wrong."""

Safe = Callable[[str], str]
"""Makes a text from outside fit to be shown: bounded, control characters visible, ids masked where that is asked for."""

_TEXT = 4_000
_EVIDENCE = 12

_MARKS = {"ok": "done", "warning": "warning", "failed": "failed", "skipped": "skipped"}

NOTHING = (
    "Nothing has failed so far.\n\nWhen something does, why it failed, what speaks for that and what to do stand here. F4 brings "
    "you here from every step.\n\n'Text' tells what an error, a traceback or a log from elsewhere means; 'Endpoint' looks at an endpoint, "
    "whoever made it, without changing anything."
)


@dataclass(frozen=True)
class Looked:
    """What was given to look at instead of the last failure."""

    title: str
    diagnoses: tuple[Diagnosis, ...] = ()
    examined: Examination | None = None
    text: str = ""
    failure: Failure | None = None
    """Why it could not be looked at."""
    then: str = ""
    """How to go on, where the screen itself cannot."""


def safe_for(*, hidden: bool) -> Safe:
    """How texts are made fit to be shown; `hidden` masks ids."""

    def safe(text: str) -> str:
        shown = visible(cut(text, _TEXT), lines=True)
        return masked(shown) if hidden else shown

    return safe


def happened(found: Diagnosis, safe: Safe) -> Part:
    """What is wrong."""
    return "", f"{marks()['failed']} {safe(found.cause)}"


def reasons(found: Diagnosis, safe: Safe) -> Iterator[Part]:
    """Why we think so, with the lines, ids and states."""
    lines = [safe(found.why)] if found.why else []
    lines += [f"{safe(item.source)}: {safe(item.text)}" for item in found.evidence[:_EVIDENCE]]
    if lines:
        yield f"Why we think so ({found.confidence.words})", "\n".join(lines)


def more(found: Diagnosis, safe: Safe) -> Iterator[Part]:
    """What else helps: the next question, where to read on, and what support asks for."""
    if found.question:
        yield "The next useful question", safe(found.question)
    if found.links:
        yield "Read more", "\n".join(map(safe, found.links))


def to_do(found: Diagnosis, safe: Safe) -> Iterator[Part]:
    """The fixes as text, for what is copied."""
    lines = [
        f"{number}. {safe(fix.words)}" + "".join(f"\n   {safe(line)}" for line in fix.command.splitlines())
        for number, fix in enumerate(found.fixes, 1)
    ]
    if lines:
        yield "What to do", "\n".join(lines)


def support(failure: Failure | None, found: Diagnosis | None, run: str) -> str:
    """What to send to Azure's support; each thing once."""
    pairs = []
    if failure is not None:
        pairs += [
            ("HTTP status", str(failure.status or "")),
            ("target", failure.target),
            ("request id", failure.request_id),
            ("correlation id", failure.correlation_id),
            ("read more", f"https://aka.ms/oe-tsg#{failure.anchor}" if failure.anchor else ""),
        ]
    pairs += [(item.source, item.text) for item in (found.support if found else ())]
    pairs.append(("run", run))
    return "\n".join(dict.fromkeys(f"{name}: {value}" for name, value in pairs if value))


def seen(rows: Iterable[Check], safe: Safe) -> Part:
    """What was seen of an endpoint, a line each, with its mark."""
    signs = marks()
    lines = [f"{signs[_MARKS[row.status.value]]} {safe(row.title)}: {safe(row.evidence)}" for row in rows]
    return "What was seen", "\n".join(lines)


def sum_of(examined: Examination, safe: Safe) -> Part:
    """The sum of an examination."""
    sign = marks()["done" if examined.healthy else "failed"]
    return ("In order" if examined.healthy else ""), f"{sign} {safe(examined.words)}"
