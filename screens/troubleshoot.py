"""Troubleshoot: why it failed, how sure that is, why we think so and what to do; of the last failure, a text, or any endpoint."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Button, Static

from mi_tui.model import actions
from mi_tui.model.diagnosis import Diagnosis
from mi_tui.model.examination import Examination
from mi_tui.model.failure import Failure
from mi_tui.model.marks import marks
from mi_tui.model.stage import Stage
from mi_tui.model.text import clock, masked
from mi_tui.widgets.card import Fix, FixLine
from mi_tui.widgets.keybar import KeyBar
from screens import diagnosis_words as words
from screens.diagnosis_words import Looked, Part
from screens.journey import Journey
from screens.mending import MendDialog
from screens.runs import last_failed

if TYPE_CHECKING:
    from mi_tui.fixing import Mended
    from mi_tui.model.answers import Workspace
    from mi_tui.workflow import RunRecord, Target
    from screens.examining import Told
    from screens.wizard import Wizard

_TAIL = 40
_LINE = 1_000
_HELD = 600
"""Lines of each log that are held against the rules, where no run told a diagnosis."""
_LOW = 30
"""Below this height of the screen, what to do stands above the reasons, so that it is seen."""

_RAW = "The error as it came"
_LOG = "Log of"


class TroubleshootScreen(Screen[None]):
    """Shows the last failure, or what was given to look at. Esc goes back to the step."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["troubleshoot.tcss"]
    HELP = "troubleshoot"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "back", tooltip="Go back to the step."),
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
        self._looked: Looked | None = None
        self._earlier: Looked | None = None
        """Why the last run that failed did so, where nothing failed since mi-tui was started."""
        self._looking = 0.0
        """Since when an endpoint is being looked at; 0 when none is."""
        self._turn = 0
        self._asked: Failure | None = None
        """The failure whose diagnosis was asked for, because no run told it."""
        self._answer: Diagnosis | None = None
        self._offered: tuple[object, ...] = ()

    @property
    def journey(self) -> Journey:
        """The App, as far as a screen knows it."""
        return cast("Journey", self.app)

    @property
    def _wizard(self) -> Wizard:
        return self.journey.wizard

    def compose(self) -> ComposeResult:
        yield Static("Troubleshoot", id="head", markup=False)
        fixes = Vertical(id="fixes")
        why = Static("", id="why", markup=False)
        parts = (fixes, why) if self.app.size.height < _LOW else (why, fixes)
        yield VerticalScroll(
            Static("", id="text", markup=False),
            *parts,
            *(Static("", id=place, markup=False) for place in ("more", "raw-error", "logs")),
            id="card",
        )
        with Horizontal(id="buttons"):
            yield Button("Text", id="paste")
            yield Button("Endpoint", id="endpoint")
            yield Button("Last failure", id="last")
            yield Button("Raw error", id="raw")
            yield Button("Copy all", id="copy")
            yield Button("Back", id="close", variant="primary")
        yield KeyBar()

    def on_mount(self) -> None:
        self.query_one("#close", Button).focus()
        self._draw()
        self.set_interval(1, self._draw)
        if self._wizard.last_failure is None and not self._wizard.busy:
            self._wizard.background(lambda: last_failed(self._wizard.workflow), self._earlier_came)

    # ---- what is looked at

    def _diagnosis(self) -> Diagnosis | None:
        """Why it failed, where that is known."""
        if self._looked is not None:
            return self._looked.diagnoses[0] if self._looked.diagnoses else None
        finished, failure = self._wizard.progress.finished, self._wizard.last_failure
        if finished is not None and finished.diagnosis is not None and finished.failure in {failure, None}:
            return finished.diagnosis
        if finished is None and self._wizard.progress.found is not None:
            return self._wizard.progress.found
        if self._wizard.told is not None and self._wizard.told[0] == failure:
            return self._wizard.told[1]
        if failure is not None and failure is not self._asked:
            self._asked, self._answer = failure, None
            logs = {name: tuple(lines)[-_HELD:] for name, lines in self._wizard.progress.logs.items()}
            self._wizard.background(
                lambda: self._wizard.workflow.advice.diagnose_failure(failure, logs), self._diagnosed
            )
        return self._answer if failure is not None else None

    def _failure(self) -> Failure | None:
        """The failure that is told: of what was looked at, of the run whose diagnosis is shown, or else the last one."""
        if self._looked is not None:
            return self._looked.failure
        finished = self._wizard.progress.finished
        if finished is not None and finished.diagnosis is not None and finished.failure is None:
            return None
        return self._wizard.last_failure

    def _earlier_came(self, result: Looked | Failure | None) -> None:
        """Show why an earlier run failed, unless something else is looked at by now."""
        if isinstance(result, Looked) and self.is_attached:
            self._earlier = result
            if self._looked is None and self._wizard.last_failure is None:
                self._looked = result
                self._draw()

    def _diagnosed(self, result: Diagnosis | Failure | None) -> None:
        if isinstance(result, Diagnosis) and self.is_attached:
            self._answer = result
            self._draw()

    def _draw(self) -> None:
        if not self.is_attached:
            return
        wizard, found = self._wizard, self._diagnosis()
        seconds = int(time.monotonic() - self._looking) if self._looking else -1
        state = (self._looked, wizard.last_failure, wizard.progress.finished, wizard.masked, self._raw, found, seconds)
        if self._drawn == state:
            return
        self._drawn = state
        failure = self._failure()
        there = failure is not None or self._looked is not None or found is not None
        for name, shown in (
            ("raw", failure is not None and self._looked is None),
            ("copy", there),
            ("last", self._looked is not None and self._looked is not self._earlier),
        ):
            self.query_one(f"#{name}", Button).display = shown and not self._looking
        goes = wizard.progress.finished is None and wizard.progress.found is not None
        title = self._looked.title if self._looked is not None else "the run, so far" if goes else "the last failure"
        self.query_one("#head", Static).update(f"Troubleshoot: {self._safe(title)}")
        if self._looking:
            self._show({"text": [("", f"{marks()['running']} Looking at {self._safe(title)} … {clock(seconds)}")]})
            self._offer(())
            return
        if not there:
            self._show({"text": [("Nothing", words.NOTHING)]})
            self._offer(())
            return
        blocks: dict[str, list[Part]] = {}
        for place, part in self._parts(failure, found):
            if part[1]:
                blocks.setdefault(place, []).append(part)
        self._show(blocks)
        self._offer(found.fixes if found else ())

    def _show(self, blocks: dict[str, list[Part]]) -> None:
        for place in ("text", "why", "more", "raw-error", "logs"):
            found = [self._block(*part) for part in blocks.get(place, ())]
            block = self.query_one(f"#{place}", Static)
            block.update(Content("\n\n").join(found))
            block.display = bool(found)

    @staticmethod
    def _block(heading: str, text: str) -> Content:
        if heading == "Nothing":
            return Content(text)
        if heading == "In order":
            return Content.styled(text, "$text-success bold")
        if not heading:
            return Content.styled(text, "$text-error bold")
        return Content.assemble((heading, "$text-muted"), "\n", text)

    # ---- what to do

    def _offer(self, fixes: Iterable[object]) -> None:
        self.run_worker(self._offer_fixes(tuple(fixes)), group="fixes", exclusive=True)

    async def _offer_fixes(self, fixes: tuple[object, ...]) -> None:
        """What to do, each under the number that `--fix` knows it by; a change is offered for the run that told the failure alone."""
        wizard, place = self._wizard, self.query_one("#fixes")
        finished = wizard.progress.finished
        found = self._diagnosis()
        told = found is not None and finished is not None and found == finished.diagnosis
        mine = self._looked is None and told and not wizard.busy
        able = any(fix.change for fix in (found.fixes if found else ()))
        goes = finished is None and wizard.busy and able
        refused = self._looked is None and not told and wizard.plan_error is not None and able
        offered = (found.fixes if found is not None and fixes else (), mine, goes, refused, wizard.masked)
        if offered == self._offered:
            return
        self._offered = offered
        lines = [
            FixLine(
                number,
                Fix(fix.words, fix.command, change=fix.change if mine else None),
                masked if wizard.masked else str,
            )
            for number, fix in enumerate(offered[0], 1)
        ]
        await place.remove_children()
        if lines:
            first = " (Ctrl+C cancels the run: then mi-tui can change it)" if goes else ""
            first = " (on the review Enter shows what mi-tui can change itself)" if refused and not goes else first
            await place.mount_all([Static(f"What to do{first}", classes="heading", markup=False), *lines])
        place.display = bool(lines)
        if lines and self.focused is not None and self.focused.id == "close":
            lines[0].focus(scroll_visible=False)

    def on_fix_line_chosen(self, event: FixLine.Chosen) -> None:
        event.stop()
        if event.fix.change is not None:
            dialog = MendDialog(self._wizard, event.fix.change, event.fix.words, self._mended)
            self.app.push_screen(dialog)
        elif event.fix.command:
            self.app.copy_to_clipboard(event.fix.command)
            self.notify("The command was sent to the terminal's clipboard (OSC 52).", markup=False)

    def _mended(self, record: RunRecord, mended: Mended) -> None:
        """The run goes on where it is watched."""
        journey = self.journey
        if not journey.wizard.busy:
            journey.wizard.mend(record, mended)
        self.dismiss(None)
        journey.go(Stage.DEPLOY)

    # ---- what it says

    def _safe(self, text: str) -> str:
        return words.safe_for(hidden=self._wizard.masked)(text)

    def _parts(self, failure: Failure | None, found: Diagnosis | None) -> Iterator[tuple[str, Part]]:
        """What is known, each with the place where it stands, the most useful first."""
        safe, looked = words.safe_for(hidden=self._wizard.masked), self._looked
        if looked is not None and looked.examined is not None:
            if found is None:
                yield "text", words.sum_of(looked.examined, safe)
            if looked.examined.healthy:
                yield "why", words.seen(looked.examined.checks, safe)
        if found is not None:
            yield "text", words.happened(found, safe)
            yield from (("why", part) for part in words.reasons(found, safe))
        if failure is not None:
            told = failure.sentence()
            yield (
                ("more", ("What was said", safe(told)))
                if found
                else ("text", ("", f"{marks()['failed']} {safe(told)}"))
            )
            yield from (("more", part) for part in self._told(failure, found))
        if found is not None:
            yield from (("more", part) for part in words.more(found, safe))
        if looked is None:
            yield "more", ("For Azure's support", safe(words.support(failure, found, self._wizard.progress.run)))
        else:
            yield from (("more", part) for part in self._given(looked))
        if self._raw and failure is not None:
            yield "raw-error", (_RAW, safe(failure.raw or "Nothing more came."))
        yield from (("logs", part) for part in self._logs() if looked is None)

    def _told(self, failure: Failure, found: Diagnosis | None) -> Iterator[Part]:
        """What the failure itself says. What the diagnosis tells as well is not told twice."""
        if failure.advice and not (found and any(failure.advice in fix.words for fix in found.fixes)):
            yield "What to do" if found is None else "What it advises", self._safe(failure.advice)
        missing = self._wizard.progress.finished.missing_grants if self._wizard.progress.finished else ()
        for grant in missing if self._looked is None else ():
            if not (found and any(grant.command in fix.command for fix in found.fixes)):
                text = f"{grant.role} for {grant.principal}, {grant.why}\non {grant.scope}\n{grant.command}"
                yield "A grant is missing", self._safe(text)
        for detail in failure.details:
            yield "More of what was said", self._safe(detail)

    def _given(self, looked: Looked) -> Iterator[Part]:
        """What was given to look at, or seen of it, and what else may be the cause."""
        safe = words.safe_for(hidden=self._wizard.masked)
        if looked.examined is not None and not looked.examined.healthy:
            yield words.seen(looked.examined.checks, safe)
        for other in looked.diagnoses[1:4]:
            yield f"It may also be ({other.confidence.words})", safe(other.cause)
        for remark in looked.examined.remarks[:3] if looked.examined else ():
            yield "In the log of a deployment that is in order, perhaps over by now", safe(remark.cause)
        if looked.text:
            yield "The text", safe(looked.text)
        if looked.then:
            yield "To go on", safe(looked.then)

    def _logs(self) -> Iterator[Part]:
        for container, lines in self._wizard.progress.logs.items():
            tail = [self._safe(line[:_LINE]).replace("\n", " ") for line in list(lines)[-_TAIL:]]
            if tail:
                yield f"{_LOG} {self._safe(container[:80])}, last {len(tail)} lines", "\n".join(tail)

    # ---- other things to look at

    def action_paste(self) -> None:
        """Take a text from outside."""
        from screens.examining import TextDialog

        self.app.push_screen(TextDialog(self._wizard, self._text_came))

    def _text_came(self, told: Told) -> None:
        text, found = told
        self._turn += 1
        self._looking, self._raw = 0.0, False
        self._looked = Looked("a text from outside", found, text=text)
        self._draw()

    def action_endpoint(self) -> None:
        """Choose an endpoint to look at."""
        from screens.examining import EndpointDialog

        self.app.push_screen(EndpointDialog(self._wizard, self._look_at))

    def _look_at(self, target: Target, where: Workspace, endpoint: str) -> None:
        self._turn += 1
        turn, self._looking, self._raw = self._turn, time.monotonic(), False
        self._looked = Looked(f"endpoint {endpoint}")
        self._draw()

        def came(result: Examination | Failure) -> None:
            if turn != self._turn or not self.is_attached:
                return
            self._looking = 0.0
            title = f"endpoint {endpoint} in {where.name}"
            if isinstance(result, Failure):
                self._looked = Looked(title, failure=result)
            else:
                self._looked = Looked(title, result.diagnoses, result)
            self._draw()

        self._wizard.background(lambda: self._wizard.workflow.advice.examine(target, where, endpoint), came)

    # ---- keys

    def action_raw(self) -> None:
        """Show the error as it came, or hide it again."""
        self._raw = not self._raw
        self._draw()
        block = self.query_one("#raw-error")
        if self._raw and block.display:
            self.call_after_refresh(block.scroll_visible, animate=False, top=True)

    def action_copy(self) -> None:
        """Everything that is known, to paste into a ticket."""
        failure = self._failure()
        found = self._diagnosis()
        if failure is None and self._looked is None and found is None:
            return
        parts = [part for _, part in self._parts(failure, found) if part[1]]
        if found is not None:
            parts[2:2] = words.to_do(found, words.safe_for(hidden=self._wizard.masked))
        self.app.copy_to_clipboard("\n\n".join(f"{heading}\n{text}" if heading else text for heading, text in parts))
        self.notify("All of it was sent to the terminal's clipboard (OSC 52).", markup=False)

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
            case "paste":
                self.action_paste()
            case "endpoint":
                self.action_endpoint()
            case "last":
                self._turn += 1
                self._looked = self._earlier if self._wizard.last_failure is None else None
                self._looking = 0.0
                self._draw()
            case _:
                self.action_close()
