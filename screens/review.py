"""Review: everything that will happen, before it happens: resources, grants, cost, and the commands that would do it by hand."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Button, Static

from mi_tui.fixing import Mended, StillRefused
from mi_tui.model.draft import Stage, stage_of
from mi_tui.model.failure import Failure
from mi_tui.model.marks import marks
from mi_tui.model.text import clock, visible
from mi_tui.widgets.card import FailureCard, FixLine
from mi_tui.widgets.plan_table import PlanTable
from mi_tui.workflow import SANDBOX
from screens import check_words, plan_words
from screens.base import WizardScreen
from screens.checking import Checking, DeployAnyway
from screens.exporting import SaveCommands
from screens.mending import MendDraft, Repairs
from screens.reasons import Reason, card, explain, reasons

if TYPE_CHECKING:
    from mi_tui.model.diagnosis import Diagnosis

_SHOWN_AFTER, _SHOWN_FOR = 0.15, 1.0
"""Seconds until the busy sign shows, and how long it stays at least, so that it does not flicker."""


class ReviewScreen(WizardScreen):
    """Shows the plan, which is made when the screen opens. Its primary button is the first thing in the journey that changes anything."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["review.tcss"]
    STAGE = Stage.REVIEW
    QUESTION = "This is what will happen. Nothing was changed yet."
    PRIMARY = "Deploy"
    HELP = "review"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll('up')", show=False),
        Binding("down", "scroll('down')", show=False),
        Binding("pageup", "scroll('page_up')", show=False),
        Binding("pagedown", "scroll('page_down')", show=False),
        Binding("home", "scroll('home')", show=False),
        Binding("end", "scroll('end')", show=False),
    ]

    _state = "planning"
    """`planning`, `planned`, `failed`, or `begun` when a run has begun with this plan."""
    _view = "plan"
    _reasons: Sequence[Reason] = ()
    """What the card says."""
    _began = 0.0

    def content(self) -> Iterable[Widget]:
        yield Static("", id="summary", markup=False)
        yield Static("", id="checks", markup=False)
        yield Static("", id="busy", markup=False)
        yield Vertical(FailureCard(id="card"), id="no-plan")
        yield VerticalScroll(
            Vertical(
                PlanTable("Resources", id="resources"),
                PlanTable("Grants", id="grants"),
                Static("", id="warnings", markup=False),
                id="tables",
            ),
            PlanTable("Checks, what is wrong first.", id="all-checks"),
            PlanTable("Steps. Those that wait for nothing in common run side by side.", id="details"),
            Static("", id="commands", markup=False),
            id="plan",
        )

    def ready(self) -> None:
        self.query_one("#plan").focus()
        self.set_interval(1.0, self._tick)
        wizard = self.wizard
        self._checking = Checking(wizard, self._checks_changed)
        begun = wizard.plan is not None and wizard.progress.run == wizard.run and bool(wizard.progress.rows)
        if begun and (wizard.busy or (not wizard.cleaning and wizard.planned_from == wizard.draft)):
            self._enter("begun")
        elif wizard.busy:
            self._enter("failed")
            self._show_card([Reason(Failure(code="", message="Another run is under way."), None)])
        else:
            self._make_plan()

    # ---- making the plan

    def _make_plan(self) -> None:
        self._checking.forget()
        self._enter("planning")
        self._began = time.monotonic()
        faults = list(self.wizard.draft.faults())
        if faults:
            found = [Reason(Failure(code="", message=fault.words), stage_of(fault)) for fault in faults]
            self._enter("failed")
            self._show_card(found)
            return
        if self.wizard.target is None:
            self._enter("failed")
            self._show_card(
                [Reason(Failure(code="", message="No target is open.", advice="Choose one first."), Stage.WELCOME)]
            )
            return
        self.set_timer(_SHOWN_AFTER, self._tick)
        self.wizard.make_plan(self._made)
        self._checking.begin()

    def _made(self, result: object) -> None:
        """The plan is there, or is not. The busy sign, once shown, stays its second."""
        shown = time.monotonic() - self._began
        rest = _SHOWN_FOR + _SHOWN_AFTER - shown if shown > _SHOWN_AFTER else 0.0
        if self.is_attached:
            self.set_timer(max(0.01, rest), lambda: self._take(result))

    def _take(self, result: object) -> None:
        if not self.is_attached or self._state != "planning":
            return
        if isinstance(result, Failure):
            self._enter("failed")
            self._refused(result)
            return
        if self._checking.unreached:
            self._checking.begin()  # the plan waited until Azure could be reached again
        waiting = self.focused is None or self.focused.id in {"plan", "back"}
        self._enter("planned")
        if waiting:
            self.query_one("#primary", Button).focus()

    def _refused(self, failure: Failure) -> None:
        """Show what is in the way at once, and why with what speaks for it as soon as that is known."""
        found = reasons(failure, self.wizard.plan_error)
        self._show_card(found)
        explain(self.wizard, found, lambda known: self._explained(found, known))

    def _explained(self, found: list[Reason], known: Sequence[Diagnosis | None]) -> None:
        if self.is_attached and self._state == "failed" and self._reasons is found and any(known):
            self._show_card(found, known)

    def _tick(self) -> None:
        if self._state != "planning":
            return
        spent = time.monotonic() - self._began
        where = "the sandbox" if self._sandbox else "Azure"
        busy = self.query_one("#busy", Static)
        waits = self.wizard.plan_waits
        said = f"{marks()['waiting']} {visible(waits)}" if waits else "Reading changes nothing."
        busy.update(f"{marks()['running']} Reading what exists in {where} … {clock(spent)}. {said}")
        busy.display = spent >= _SHOWN_AFTER

    # ---- what is shown

    @property
    def _sandbox(self) -> bool:
        return self.wizard.target is not None and self.wizard.target.name == SANDBOX

    def _enter(self, state: str) -> None:
        self._state = state
        shown = state in {"planned", "begun"}
        self.query_one("#busy").display = False
        self.query_one("#summary").display = shown
        button = self.query_one("#primary", Button)
        button.label = {"failed": "Retry", "begun": "Watch it"}.get(state, self.PRIMARY)
        button.disabled = state == "planning"
        words = {
            "planning": "What will happen?",
            "failed": "There is no plan yet. Nothing was changed.",
            "begun": f"This plan is run {self.wizard.run}, which has begun.",
        }
        self.query_one("#question", Static).update(words.get(state, self.QUESTION))
        self._draw()

    def _show_card(self, found: list[Reason], known: Sequence[Diagnosis | None] = ()) -> None:
        """Show the reasons. Who has gone on to something else meanwhile keeps the focus there."""
        self._reasons = found
        shown = self.query_one(FailureCard).show(
            card(found, known), title="No plan", hidden=self.wizard.masked, focus=not known
        )
        self.run_worker(shown, group="card")

    def _checks_changed(self) -> None:
        if self.is_attached:
            self._draw_checks()

    def _draw_checks(self) -> None:
        """The line of the checks, and each of them where that is asked for; also while there is no plan, and when there cannot be one."""
        checking, hidden = self._checking, self.wizard.masked
        said = check_words.line(checking.checks, checking.trouble, running=checking.running, hidden=hidden)
        line = self.query_one("#checks", Static)
        line.update(said)
        line.display = bool(said.plain) and self._state != "begun"
        table = self.query_one("#all-checks", PlanTable)
        table.display = self._view == "details" and bool(checking.checks) and self._state != "begun"
        table.show(check_words.entries(checking.checks), hidden=hidden)

    def _draw(self) -> None:
        plan = self.wizard.plan
        shown = plan is not None and self._state in {"planned", "begun"}
        failed = self._state == "failed"
        self.query_one("#no-plan").display = failed and self._view != "details"
        self.query_one("#plan").display = not failed or self._view == "details"
        for name in ("tables", "details", "commands"):
            view = "plan" if name == "tables" else name
            self.query_one(f"#{name}").display = shown and self._view == view
        self._draw_checks()
        if plan is None or not shown:
            return
        hidden = self.wizard.masked
        self.query_one("#summary", Static).update(plan_words.summary(plan, sandbox=self._sandbox))
        self.query_one("#resources", PlanTable).show(plan_words.resources(plan), hidden=hidden)
        self.query_one("#grants", PlanTable).show(plan_words.grants(plan), hidden=hidden)
        self.query_one("#warnings", Static).update(plan_words.warnings(plan))
        self.query_one("#details", PlanTable).show(plan_words.details(plan), hidden=hidden)
        self.query_one("#commands", Static).update(plan_words.by_hand(plan, hidden=hidden))

    def masking_changed(self) -> None:
        super().masking_changed()
        self._draw()

    # ---- keys

    def action_scroll(self, way: str) -> None:
        """Scroll the plan, wherever the focus is."""
        getattr(self.query_one("#plan", VerticalScroll), f"scroll_{way}")(animate=False)

    def action_commands(self) -> None:
        """The commands by hand, or the plan again."""
        self._turn("commands")

    def action_back(self) -> None:
        """From the commands or the details back to the plan; from the plan one step back."""
        if self._view == "plan":
            super().action_back()
        else:
            self._turn(self._view)

    def action_details(self) -> None:
        """The checks and the steps with their reasons, or the plan again."""
        self._turn("details")

    def action_export(self) -> None:
        """Save the commands by hand as a file."""
        if self.wizard.plan is None or self._state not in {"planned", "begun"}:
            self.complain("There is no plan to export yet.")
        else:
            self.app.push_screen(SaveCommands(self.wizard, self.wizard.plan))

    def action_repair(self) -> None:
        """What mi-tui can change against what the checks found."""
        repairs = self._checking.repairs
        offered = [line for line in self.query(FixLine) if line.fix.change is not None]
        if self._state == "failed" and not repairs and offered and self._view == "plan":
            offered[0].focus()  # the card has what the checks have not
        elif self._state not in {"planned", "failed"} or not repairs:
            self.complain(self.refusal() or "The checks found nothing that mi-tui can change.")
        else:
            self.app.push_screen(Repairs(self.wizard, repairs, self._changed))

    def _changed(self, found: Mended | StillRefused) -> None:
        """Show the plan that a confirmed change made, and check again; or what is still in the way of one."""
        if not isinstance(found, Mended):
            self.wizard.take_answers(found.answers)
            if self.is_attached:
                self.query_one("#plan").focus()
                self._make_plan()
            return
        self.wizard.take_plan(found)
        if self.is_attached:
            self.complain("")
            self._enter("planned")
            self._checking.begin()
            self.query_one("#primary", Button).focus()

    def _turn(self, view: str) -> None:
        self._view = "plan" if self._view == view else view
        self._draw()
        self.query_one("#plan", VerticalScroll).scroll_home(animate=False)
        if self._state == "failed":
            # What had the focus is hidden now: the reader goes on where the eye is.
            shown = self.query("#plan" if self._view == "details" else FixLine)
            self.call_after_refresh(shown.first().focus)

    def action_raw(self) -> None:
        """The error as it came, or not."""
        if self._state == "failed":
            self.query_one(FailureCard).toggle_raw()

    def on_fix_line_chosen(self, event: FixLine.Chosen) -> None:
        event.stop()
        fix = event.fix
        what, _, stage = fix.action.partition(" ")
        if fix.change is not None:
            self.app.push_screen(MendDraft(self.wizard, fix.change, fix.words, self._changed))
        elif what == "go":
            self.mi.go(Stage(stage))
        elif what == "replace":
            self.wizard.draft.replace_broken = self.wizard.draft.endpoint
            self._make_plan()
        elif fix.command:
            self.app.copy_to_clipboard(fix.command)
            self.notify("The command was sent to the terminal's clipboard (OSC 52).", markup=False)
        elif what == "retry":
            self._make_plan()

    def refusal(self) -> str:
        return "The plan is still being made." if self._state == "planning" else ""

    def primary(self) -> None:
        """Deploy; or try again to make a plan; or watch what has begun."""
        if self._state == "failed":
            self.query_one("#plan").focus()
            self._make_plan()
        elif self._state == "begun":
            self.mi.go(Stage.DEPLOY)
        elif not self.wizard.busy:
            if failed := self._checking.failed:
                self.app.push_screen(DeployAnyway(failed, self._deploy, hidden=self.wizard.masked))
            else:
                self._deploy()

    def _deploy(self) -> None:
        if self._state == "planned" and not self.wizard.busy:
            self.wizard.deploy()
            self.mi.go(Stage.DEPLOY)
