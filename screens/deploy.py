"""Deploy: the run as it goes: a timeline, the logs, and when it fails one card that says what happened and what to do."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterable
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from mi_tui.model.draft import Stage
from mi_tui.model.events import Outcome
from mi_tui.model.failure import Failure
from mi_tui.model.marks import marks
from mi_tui.model.progress import RunProgress
from mi_tui.model.text import clock, masked
from mi_tui.widgets.card import FailureCard, FixLine, facts_of
from mi_tui.widgets.logpane import CONTAINERS, LogKeys, LogPane
from mi_tui.widgets.timeline import Timeline
from mi_tui.workflow import SANDBOX
from screens.base import WizardScreen
from screens.mending import MendDialog

if TYPE_CHECKING:
    from mi_tui.fixing import Mended
    from mi_tui.workflow import RunRecord

_WIDE = 110
"""Columns from which the log stands beside the timeline."""


_SECOND = 0.9
"""Seconds between two looks at the clocks."""
_WHILE_TYPING = 3.0


class DeployScreen(LogKeys, WizardScreen):
    """Watches the run. It goes on when the screen is left; coming back shows it as it is then."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["deploy.tcss"]
    STAGE = Stage.DEPLOY
    PRIMARY = "See it answer"
    HELP = "deploy"

    _shown: tuple[RunProgress, Outcome | None] | None = None
    _said = 0
    _facts_length = 0
    _drawn_at = 0.0
    _composed = False
    """Events may arrive before the widgets are there."""

    def content(self) -> Iterable[Widget]:
        yield Static("", id="facts", markup=False)
        yield Container(
            VerticalScroll(Timeline(id="timeline"), id="steps"),
            Vertical(LogPane(id="pane"), id="logs"),
            id="halves",
        )
        yield FailureCard(id="card")

    def extra_buttons(self) -> Iterable[Widget]:
        yield Button("Stop …", id="stop")
        yield Button("Troubleshoot", id="troubleshoot")
        yield Button("Clean up", id="clean")

    def ready(self) -> None:
        self._composed = True
        _calm_collector()
        self.set_interval(0.25, self._tick)
        self._lay_out()
        self._draw()

    def _tick(self) -> None:
        """The clocks go on each second; while somebody types into the log's line, less often."""
        since = time.monotonic() - self._drawn_at
        if since >= (_WHILE_TYPING if self.query_one(LogPane).view.typing else _SECOND):
            self._draw()

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        self.set_class(self.size.width >= _WIDE, "-wide")
        self.set_class(self.size.height < 30, "-low")
        self.call_after_refresh(self._draw)

    def events_arrived(self) -> None:
        """Log lines alone change nothing here: the log view looks for them itself."""
        if (said := self.wizard.progress.said) != self._said:
            self._said = said
            self._draw()

    # ---- what is shown

    @property
    def _sandbox(self) -> bool:
        return self.wizard.target is not None and self.wizard.target.name == SANDBOX

    @property
    def _played(self) -> bool:
        """Whether times are not Azure's: the sandbox in a hurry."""
        return self._sandbox and self.wizard.profile != "azure"

    def _draw(self) -> None:
        if not self._composed or not self.is_attached:
            return
        self._drawn_at = time.monotonic()
        progress = self.wizard.progress
        facts = self._facts(progress)
        self.query_one("#facts", Static).update(facts, layout=facts.cell_length != self._facts_length)
        self._facts_length = facts.cell_length
        timeline = self.query_one(Timeline)
        timeline.show(progress, usual="in Azure" if self._played else "usual", height=self._room())
        pane = self.query_one(LogPane)
        files = {name: self.wizard.log.path(name) for name in CONTAINERS} if self.wizard.log else {}
        pane.view.set_masked(self.wizard.masked)
        pane.show(progress.logs, say_of(progress, played=self._played), files)
        now = (progress, progress.outcome)
        if now != self._shown:
            self._shown = now
            self._turn()

    def _room(self) -> int:
        """How many lines the timeline may take."""
        if self.has_class("-wide"):
            return self.query_one("#steps").size.height
        if self.has_class("-failed"):
            return 6
        return max(6, (self.query_one("#main").content_size.height - 2) // 2)

    @property
    def _explained(self) -> bool:
        """Whether a card says what happened: the run failed, or was cancelled while it waited for what does not come by itself."""
        finished = self.wizard.progress.finished
        if finished is None or finished.outcome is Outcome.SUCCEEDED:
            return False
        return finished.outcome is Outcome.FAILED or finished.diagnosis is not None

    @property
    def _outcome(self) -> Outcome | None:
        return self.wizard.progress.outcome

    def _facts(self, progress: RunProgress) -> Content:
        """How long of how long, how many steps of how many, and what it cost so far."""
        if not progress.rows and not self.wizard.busy and progress.finished is None:
            return Content("Nothing runs yet. Look at the plan first; its button begins the run.")
        sign, word = self._state()
        parts = [
            f"{clock(progress.elapsed)}{self._expected(progress)}",
            f"{progress.done} of {len(progress.rows)} steps",
        ]
        if cost := self._cost(progress):
            parts.append(cost)
        run = "" if self.has_class("-narrow") else f"   run {progress.run}"
        return Content.assemble((f"{sign} {word}", "bold"), f"  {'   '.join(parts)}", (run, "$text-muted"))

    def _state(self) -> tuple[str, str]:
        signs = marks()
        what = "Cleaning up" if self.wizard.cleaning else "Deploying"
        return {
            None: (signs["running"], what),
            Outcome.SUCCEEDED: (signs["done"], "Done"),
            Outcome.FAILED: (signs["failed"], "Failed"),
            Outcome.CANCELLED: (signs["skipped"], "Cancelled"),
            Outcome.LEFT_RUNNING: (signs["skipped"], "Left running"),
        }[self._outcome]

    def _expected(self, progress: RunProgress) -> str:
        if not progress.expected or self.wizard.cleaning:
            return ""
        return (
            f" (in Azure about {clock(progress.expected)})" if self._played else f" of about {clock(progress.expected)}"
        )

    def _cost(self, progress: RunProgress) -> str:
        plan, row = self.wizard.plan, progress.rows.get("deployment")
        if plan is None or plan.usd_per_hour is None or row is None or self.wizard.cleaning:
            return ""
        hours = ((progress.ended or time.monotonic()) - row.began) / 3600 if row.began else 0.0
        said = f"{plan.usd_per_hour * hours:.2f} USD"
        return f"{said} in Azure" if self._sandbox else f"{said} so far"

    def _turn(self) -> None:
        """The run began, or ended: buttons, card and focus follow."""
        outcome, began = self._outcome, bool(self.wizard.progress.rows) or self.wizard.busy
        explained = self._explained
        self.set_class(explained, "-failed")
        self.remove_class("-log")
        primary = self.query_one("#primary", Button)
        primary.label = (
            "Review" if not began and outcome is None
            else "Go on" if self.wizard.cleaning
            else self.PRIMARY if outcome in {None, Outcome.SUCCEEDED}
            else "Resume"
        )  # fmt: skip
        primary.disabled = began and outcome is None
        self.query_one("#stop").display = began and outcome is None
        ended_badly = outcome not in {None, Outcome.SUCCEEDED}
        self.query_one("#clean").display = ended_badly and not self.wizard.cleaning
        self.query_one("#troubleshoot").display = explained
        finished = self.wizard.progress.finished
        self.complain(finished.next if finished and ended_badly and not explained else "")
        if explained:
            self._show_card()
        elif primary.disabled:
            self.query_one("#steps").focus()
        else:
            primary.focus()

    def _show_card(self) -> None:
        finished = self.wizard.progress.finished
        assert finished is not None
        log = [line for buffer in self.wizard.progress.logs.values() for line in buffer]
        failed = finished.outcome is Outcome.FAILED
        title = "Clean-up failed" if self.wizard.cleaning else "Failed" if failed else self._state()[1]
        facts, mark, hidden = facts_of(finished, log), "failed" if failed else "skipped", self.wizard.masked

        async def show() -> None:
            await self.query_one(FailureCard).show(facts, title=title, mark=mark, hidden=hidden)
            self.call_after_refresh(self._draw)  # the timeline has less room now

        self.run_worker(show(), group="card")

    def masking_changed(self) -> None:
        super().masking_changed()
        self._draw()
        if self._explained:
            self._show_card()

    # ---- what can be done

    def action_raw(self) -> None:
        """The error as it came, or not."""
        if self._explained:
            self.query_one(FailureCard).toggle_raw()

    def action_swap(self) -> None:
        """The log in place of the card, or the card again."""
        if self._explained:
            self.toggle_class("-log")

    def refusal(self) -> str:
        running = self.wizard.busy and self._outcome is None
        return "The run still goes. You may leave this screen: it goes on." if running else ""

    def primary(self) -> None:
        """See the endpoint answer; or go on with a run that ended before its time."""
        outcome = self._outcome
        if self.wizard.cleaning:
            self.mi.go(Stage.CLEANUP)
        elif outcome is None:
            self.mi.go(Stage.REVIEW)
        elif outcome is Outcome.SUCCEEDED:
            self.mi.go(Stage.ENDPOINT)
        else:
            self._resume()

    def _resume(self, *, make_missing: bool = False) -> None:
        """Go on with this run. The journal is read in the background."""
        wizard, run = self.wizard, self.wizard.run
        self.query_one("#primary", Button).disabled = True
        wizard.background(lambda: wizard.workflow.journal.run(run), lambda found: self._resumed(found, make_missing))

    def _resumed(self, found: RunRecord | Failure, make_missing: bool) -> None:
        if isinstance(found, Failure):
            if self.is_attached:
                self.query_one("#primary", Button).disabled = False
                self.complain(masked(found.sentence()) if self.wizard.masked else found.sentence())
            return
        if not self.wizard.busy:
            self.wizard.resume(found, make_missing=make_missing)
        if self.is_attached:
            self._draw()

    def on_fix_line_chosen(self, event: FixLine.Chosen) -> None:
        event.stop()
        if event.fix.change is not None:
            self.app.push_screen(MendDialog(self.wizard, event.fix.change, event.fix.words, self._mended))
        elif event.fix.command:
            self.app.copy_to_clipboard(event.fix.command)
            self.app.notify(
                "The command was sent to the terminal's clipboard (OSC 52). Run it, then resume.", markup=False
            )
        elif event.fix.action == "resume":
            self.action_forward()
        elif event.fix.action == "make-missing":
            self._resume(make_missing=True)

    def _mended(self, record: RunRecord, mended: Mended) -> None:
        """Go on as a confirmed change has the plan, on this screen."""
        if not self.wizard.busy:
            self.wizard.mend(record, mended)
        if self.is_attached:
            self._draw()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The buttons of this screen; Back and the primary one are the frame's, whose handler Textual calls too."""
        match event.button.id:
            case "stop":
                self.call_later(self.app.run_action, "quit")
            case "troubleshoot":
                self.call_later(self.app.run_action, "troubleshoot")
            case "clean":
                self.mi.go(Stage.CLEANUP)
            case _:
                pass


def _calm_collector() -> None:
    """Keep the garbage collector from stalling the screen while lines pour in: every drawn row makes some ten objects that it counts,
    so that it would look through all that was imported (0.1 s) every few seconds. It goes on, more rarely, over what is new."""
    if gc.get_threshold()[0] < 10_000:
        gc.freeze()
        gc.set_threshold(10_000, 20, 50)


def say_of(progress: RunProgress, *, played: bool) -> str:
    """The honest words for where a log would stand: why there is none, what was said last, and what comes next."""
    notices = "\n".join(f"{marks()['warning']} {notice}" for notice in progress.notices[-3:])
    row = progress.rows.get("deployment")
    if row is None:
        return notices or "There is no log yet."
    if row.state == "waiting" and progress.finished is None:
        open_ = [need for need in (progress.rows.get(name) for name in row.needs) if need and need.state != "done"]
        waits = ", ".join(need.title for need in open_ if need.state != "skipped")
        words = "No log yet: a container's log begins with the deployment."
        return f"{words} It waits for: {waits}." if waits else words
    if row.state == "running":
        said = f"Last state: {row.status}, for {clock(time.monotonic() - row.status_at)}." if row.status else ""
        usual = "in Azure after 8 to 14 minutes" if played else "usually after 8 to 14 minutes"
        coming = f"Next: the container is ready and the operation ends, {usual}. Lines stand here as soon as Azure gives any."
        why = "" if notices else "Azure gives no container logs while a deployment is being created."
        return "\n".join(filter(None, (notices, why, said, coming)))
    return notices or "Azure gave no log of this container."
