"""The failure card: what happened, why we think so, what to do (numbered, the first has the focus), and the raw error behind a key."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from mi_tui.model.diagnosis import Change, ChangeKind, Confidence, Diagnosis
from mi_tui.model.events import RunFinished
from mi_tui.model.failure import VANISHED, Failure
from mi_tui.model.marks import marks
from mi_tui.model.names import short_id
from mi_tui.model.text import cut, masked, visible

_CAUSES = re.compile(
    r"Authorization\w+|\b40[13]\b|[Dd]enied|not authorized|No such file|ModuleNotFoundError|ImportError|MemoryError|ErrorCode"
)
_SIGNS = re.compile(r"(?<![.])\b[A-Z]\w*(?:Error|Exception)\b|Traceback|exited with|[Ff]ailed")
"""What a line of a log says when it names a cause, and when it only tells that something went wrong."""

_END = re.compile(r"[.!?]\s+(?=[A-Z])")
_TOLD = 5
_SPEAKING, _LINE = 3, 160
"""How many things that speak for a cause stand on the card, and how long each may be: what to do is to be seen below them."""
_LOW = 30
"""Below this height of the screen, what to do stands above the reasons, so that it is seen."""


@dataclass(frozen=True)
class Fix:
    """One thing to do. Enter copies `command`, or else asks the screen for `action`."""

    words: str
    command: str = ""
    action: str = ""
    change: Change | None = None
    """The change of the plan that mi-tui can make: Enter asks the screen to show it."""


@dataclass(frozen=True)
class Facts:
    """What a card says. Texts may come from outside: they are shown as they are, never interpreted."""

    happened: str
    why: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = ()
    raw: str = ""
    sure: str = ""
    """How sure it is, in a word; empty where nobody looked for the cause."""


def telling(log: Iterable[str], count: int = _TOLD) -> list[str]:
    """The last lines of a log that name a cause, or, where none does, that speak of an error; each once."""
    lines = list(dict.fromkeys(line.strip() for line in log))
    for pattern in (_CAUSES, _SIGNS):
        if found := [line for line in lines if pattern.search(line)]:
            return found[-count:]
    return []


def ids(failure: Failure) -> str:
    """The ids that Azure's support asks for; empty when there are none."""
    pairs = (("request", failure.request_id), ("correlation", failure.correlation_id), ("target", failure.target))
    return ", ".join(f"{name} {value}" for name, value in pairs if value)


def facts_of(end: RunFinished, log: Iterable[str] = ()) -> Facts:
    """The card of a run that failed, or that was left for a cause that was found: the cause with what speaks for it where it is known,
    else Azure's words, the lines of the log that matter, and the grants that are missing first."""
    failure = end.failure or Failure(code="", message="" if end.diagnosis else "The run failed and gave no reason.")
    found = end.diagnosis if end.diagnosis and end.diagnosis.confidence is not Confidence.UNKNOWN else None
    if found is not None:
        happened, why, sure = found.cause, _speaking(found, failure), found.confidence.words
    else:
        happened, more = first_sentence(failure.sentence())
        why = [*([more] if more else []), *failure.details[:_TOLD], *(f"log: {line}" for line in telling(log))]
        sure = ""
        if said := ids(failure):
            why.append(said)
    known = found.fixes if found else ()
    # In the diagnosis' order, so that each has the number that `--fix` knows it by.
    fixes = [Fix(fix.words, fix.command, change=fix.change) for fix in known]
    covered = any(fix.change is not None and fix.change.kind is ChangeKind.GRANT for fix in known)
    fixes += [
        Fix(
            f"Grant {grant.role} to {grant.principal} on {short_id(grant.scope.rsplit('/', 1)[-1], 40)}: {grant.why}",
            command=grant.command,
        )
        for grant in (() if covered else end.missing_grants)
    ]
    if failure.advice:
        fixes.append(Fix(failure.advice))
    if failure.code == VANISHED:
        fixes.append(Fix("Let this run make what is gone, and go on", action="make-missing"))
    if found is None and end.diagnosis is not None:
        fixes += [Fix(fix.words, fix.command) for fix in end.diagnosis.fixes]
    fixes.append(Fix("Resume: what is done is kept, the rest is tried again", action="resume"))
    return Facts(happened, tuple(why), tuple(fixes), failure.raw or failure.message, sure)


def _speaking(found: Diagnosis, failure: Failure) -> list[str]:
    """What speaks for the cause: the lines, ids and states, and what Azure said where that is not among them. Troubleshoot has all of it."""
    lines = [cut(f"{item.source}: {item.text}", _LINE) for item in found.evidence[:_SPEAKING]]
    if failure.message and not any(item.source == "failure" for item in found.evidence):
        lines.append(cut(f"failure: {failure.sentence()}", _LINE))
    return ([found.why] if found.why else []) + lines


def first_sentence(text: str) -> tuple[str, str]:
    """What happened in one sentence, and the rest of what was said."""
    found = _END.search(text)
    return (text[: found.start() + 1], text[found.end() :]) if found else (text, "")


class FixLine(Widget, can_focus=True):
    """One numbered thing to do. What is too long for a line goes on below its first word."""

    DEFAULT_CSS = """
    FixLine { layout: horizontal; height: auto; border-left: blank; padding-left: 1; }
    FixLine:focus { background: $boost; border-left: thick $accent; }
    FixLine > .number { width: auto; margin-right: 1; }
    FixLine > .thing { width: 1fr; height: auto; }
    FixLine .command { color: $text-accent; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "do this", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    class Chosen(Message):
        """Enter or a click on it."""

        def __init__(self, fix: Fix) -> None:
            super().__init__()
            self.fix = fix

    def __init__(self, number: int, fix: Fix, hide: Callable[[str], str]) -> None:
        super().__init__()
        self.fix = fix
        self._number, self._hide = number, hide

    def compose(self) -> ComposeResult:
        fix, hide = self.fix, self._hide
        does = "shows the change" if fix.change is not None else "copies the command" if fix.command else ""
        words = Content(hide(visible(fix.words)))
        yield Static(f"{self._number}.", classes="number", markup=False)
        with Vertical(classes="thing"):
            yield Static(Content.assemble(words, (f"  (enter {does})", "$text-muted")) if does else words, markup=False)
            if fix.command:
                yield Static(hide(visible(fix.command, lines=True)), classes="command", markup=False)

    def action_choose(self) -> None:
        """Say that this is wanted."""
        self.post_message(self.Chosen(self.fix))

    def on_click(self, event: Click) -> None:
        event.stop()
        self.focus()
        self.action_choose()


class FailureCard(VerticalScroll, can_focus=False):
    """Shows one failure. `r` (the screen's key) calls `toggle_raw`."""

    DEFAULT_CSS = """
    FailureCard { height: auto; border: round $error; padding: 0 1; border-title-color: $text-error; }
    FailureCard > Static { height: auto; }
    FailureCard .heading { color: $text-muted; margin-top: 1; }
    FailureCard .happened { text-style: bold; }
    FailureCard .reason { padding-left: 2; }
    FailureCard .raw { display: none; color: $text-muted; }
    FailureCard.-raw .raw { display: block; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._facts = Facts("")
        self._hidden = False
        self._focusing = False
        self._drawing = asyncio.Lock()
        """What is known may come while the card is still drawn: the parts of both would stand beside each other."""

    def compose(self) -> ComposeResult:
        def hide(text: str) -> str:
            return masked(text) if self._hidden else text

        facts = self._facts
        if not facts.happened:
            return
        yield Static(hide(visible(facts.happened)), classes="happened", markup=False)
        parts = [self._why(facts, hide), self._fixes(facts, hide)]
        for part in parts[::-1] if self.app.size.height < _LOW else parts:
            yield from part
        if facts.raw:
            yield Static("r shows the raw error", classes="heading", markup=False)
            yield Static(hide(visible(facts.raw, lines=True)), classes="raw", markup=False)

    def _why(self, facts: Facts, hide: Callable[[str], str]) -> Iterator[Widget]:
        if facts.why:
            sure = f" ({facts.sure})" if facts.sure else ""
            yield Static(f"Why we think so{sure}", classes="heading", markup=False)
            for line in facts.why:
                yield Static(hide(visible(line)), classes="reason", markup=False)

    def _fixes(self, facts: Facts, hide: Callable[[str], str]) -> Iterator[Widget]:
        if facts.fixes:
            yield Static("What to do", classes="heading", markup=False)
            for number, fix in enumerate(facts.fixes, 1):
                yield FixLine(number, fix, hide)

    async def show(
        self, facts: Facts, *, title: str = "Failed", mark: str = "failed", hidden: bool = False, focus: bool = True
    ) -> None:  # fmt: skip
        """Show this failure; the first thing to do gets the focus, without `focus` only when one had it. `hidden` masks ids."""
        if facts == self._facts and hidden == self._hidden:
            return
        self._facts, self._hidden = facts, hidden
        self.border_title = f"{marks()[mark]} {title}"
        async with self._drawing:
            mine = focus or self._focusing or any(line.has_focus for line in self.query(FixLine))
            await self.recompose()
            if mine and (first := next(iter(self.query(FixLine)), None)) is not None:
                self._focusing = True  # it comes with a later message
                first.focus()

    def on_descendant_focus(self) -> None:
        """The first thing to do has the focus."""
        self._focusing = False

    def toggle_raw(self) -> None:
        """Show the raw error, or hide it again."""
        self.toggle_class("-raw")
        if self.has_class("-raw"):
            self.query_one(".raw").scroll_visible(animate=False)
