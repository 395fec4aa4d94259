"""Troubleshoot: the parsed failure, the raw error and the ends of the logs, over whatever step was shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Button, Static

from mi_tui.model import actions
from mi_tui.model.failure import Failure
from mi_tui.model.marks import marks
from mi_tui.model.stage import Stage
from mi_tui.model.text import cut, masked, visible
from mi_tui.widgets.card import Fix, FixLine
from mi_tui.widgets.keybar import KeyBar
from screens.journey import Journey
from screens.mending import MendDialog

if TYPE_CHECKING:
    from mi_tui.fixing import Mended
    from mi_tui.workflow import RunRecord

_TAIL = 40
_LINE = 1_000
_TEXT = 4_000

_RAW = "The error as it came"
_LOG = "Log of"

Part = tuple[str, str]
"""A heading and a text; either may be empty."""


class TroubleshootScreen(Screen[None]):
    """Shows the last failure. Esc goes back to the step."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["troubleshoot.tcss"]
    HELP = "troubleshoot"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "back"),
        *(
            Binding(action.keys, action.name, action.label, tooltip=action.help)
            for action in actions.on("troubleshoot")
            if "troubleshoot" in action.on
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._raw = False
        self._drawn: tuple[object, ...] = ()

    @property
    def journey(self) -> Journey:
        """The App, as far as a screen knows it."""
        return cast("Journey", self.app)

    def compose(self) -> ComposeResult:
        yield Static("Troubleshoot: the last failure", id="head", markup=False)
        yield VerticalScroll(
            Static("", id="text", markup=False),
            Vertical(id="fixes"),
            *(Static("", id=place, markup=False) for place in ("raw-error", "logs")),
            id="card",
        )
        with Horizontal(id="buttons"):
            yield Button("Raw error", id="raw")
            yield Button("Copy all", id="copy")
            yield Button("Back", id="close", variant="primary")
        yield KeyBar()

    def on_mount(self) -> None:
        self.query_one("#close", Button).focus()
        self._draw()
        self.set_interval(1, self._draw)

    def _draw(self) -> None:
        wizard = self.journey.wizard
        state = (wizard.last_failure, wizard.progress.finished, wizard.masked, self._raw)
        if self._drawn == state:
            return
        self._drawn = state
        there = wizard.last_failure is not None
        for name in ("raw", "copy"):
            self.query_one(f"#{name}", Button).display = there
        card = self.query_one("#text", Static)
        if wizard.last_failure is None:
            card.update(
                "Nothing has failed so far.\n\nWhen something does, what Azure said of it, what it may mean and the ends of the "
                "logs stand here. F4 brings you here from every step."
            )
            for place in ("raw-error", "logs"):
                self.query_one(f"#{place}", Static).display = False
            return
        blocks: dict[str, list[Content]] = {"text": [], "raw-error": [], "logs": []}
        for heading, text in self._parts(wizard.last_failure):
            place = "raw-error" if heading == _RAW else "logs" if heading.startswith(_LOG) else "text"
            words = Content.assemble((heading, "$text-muted"), "\n", text)
            blocks[place].append(words if heading else Content.styled(text, "$text-error bold"))
        for place, found in blocks.items():
            block = self.query_one(f"#{place}", Static)
            block.update(Content("\n\n").join(found))
            block.display = bool(found)
        self.run_worker(self._offer_fixes(), group="fixes", exclusive=True)

    # ---- what mi-tui can do about it

    async def _offer_fixes(self) -> None:
        """The changes of the plan that the last run's diagnosis names, each under the number that `--fix` knows it by."""
        wizard, place = self.journey.wizard, self.query_one("#fixes")
        finished = wizard.progress.finished
        known = finished.diagnosis.fixes if finished and finished.diagnosis and not wizard.busy else ()
        lines = [
            FixLine(number, Fix(fix.words, fix.command, change=fix.change), masked if wizard.masked else str)
            for number, fix in enumerate(known, 1)
            if fix.change is not None
        ]
        await place.remove_children()
        await place.mount_all(lines)
        place.display = bool(lines)

    def on_fix_line_chosen(self, event: FixLine.Chosen) -> None:
        event.stop()
        if event.fix.change is not None:
            dialog = MendDialog(self.journey.wizard, event.fix.change, event.fix.words, self._mended)
            self.app.push_screen(dialog)

    def _mended(self, record: RunRecord, mended: Mended) -> None:
        """The run goes on where it is watched."""
        journey = self.journey
        if not journey.wizard.busy:
            journey.wizard.mend(record, mended)
        self.dismiss(None)
        journey.go(Stage.DEPLOY)

    # ---- what it says

    def _parts(self, failure: Failure) -> Iterator[Part]:
        """What is known of the failure, the most useful first."""
        wizard = self.journey.wizard

        def safe(text: str, limit: int = _TEXT, *, lines: bool = True) -> str:
            shown = visible(cut(text, limit), lines=lines)
            return masked(shown) if wizard.masked else shown

        yield "", f"{marks()['failed']} {safe(failure.sentence())}"
        if failure.advice:
            yield "What to do", safe(failure.advice)
        missing = wizard.progress.finished.missing_grants if wizard.progress.finished else ()
        for grant in missing:
            yield (
                "A grant is missing",
                safe(f"{grant.role} for {grant.principal}, {grant.why}\non {grant.scope}\n{grant.command}"),
            )
        for detail in failure.details:
            yield "More of what was said", safe(detail)
        ids = [
            f"{name}: {value}"
            for name, value in (
                ("HTTP status", str(failure.status or "")),
                ("target", failure.target),
                ("request id", failure.request_id),
                ("correlation id", failure.correlation_id),
                ("read more", f"https://aka.ms/oe-tsg#{failure.anchor}" if failure.anchor else ""),
                ("run", wizard.progress.run),
            )
            if value
        ]
        if ids:
            yield "For Azure's support", safe("\n".join(ids))
        if self._raw:
            yield _RAW, safe(failure.raw or "Nothing more came.", 8_000)
        for container, lines in wizard.progress.logs.items():
            tail = [safe(line, _LINE, lines=False) for line in list(lines)[-_TAIL:]]
            if tail:
                yield f"{_LOG} {safe(container, 80, lines=False)}, last {len(tail)} lines", "\n".join(tail)

    # ---- keys

    def action_raw(self) -> None:
        """Show the error as it came, or hide it again."""
        self._raw = not self._raw
        self._draw()
        if self._raw and self.journey.wizard.last_failure is not None:
            block = self.query_one("#raw-error")
            self.call_after_refresh(block.scroll_visible, animate=False, top=True)

    def action_copy(self) -> None:
        """Everything that is known, to paste into a ticket."""
        failure = self.journey.wizard.last_failure
        if failure is None:
            return
        parts = (f"{heading}\n{text}" if heading else text for heading, text in self._parts(failure))
        self.app.copy_to_clipboard("\n\n".join(parts))
        self.notify("Copied.", markup=False)

    def action_close(self) -> None:
        """Back to the step."""
        self.dismiss(None)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        match event.button.id:
            case "raw":
                self.action_raw()
            case "copy":
                self.action_copy()
            case _:
                self.action_close()
