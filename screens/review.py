"""Review: everything that will happen, before it happens: resources, grants, cost, and the commands that would do it by hand."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from mi_tui.model.commands import commands
from mi_tui.model.draft import Stage, stage_of
from mi_tui.model.failure import Failure
from mi_tui.model.instances import PRICES_READ
from mi_tui.model.marks import marks
from mi_tui.model.names import short_id
from mi_tui.model.plan import Action, Grant, Plan, ResourceKind
from mi_tui.model.text import clock, masked, visible
from mi_tui.widgets.card import Facts, FailureCard, Fix, FixLine
from mi_tui.widgets.plan_table import Entry, PlanTable
from mi_tui.workflow import SANDBOX, AnswersError, PlanError
from screens.base import WizardScreen

_MENDED_IN = {
    "mi-tui/no-such-account": Stage.STORAGE,
    "mi-tui/storage-name": Stage.STORAGE,
    "mi-tui/no-blob": Stage.STORAGE,
    "mi-tui/identity-kind": Stage.IDENTITY,
    "mi-tui/identity-other": Stage.IDENTITY,
    "mi-tui/no-registry": Stage.IDENTITY,
    "mi-tui/broken-endpoint": Stage.MODEL,
    "mi-tui/deployment-exists": Stage.MODEL,
    "ResourceGroupNotFound": Stage.WORKSPACE,
    "SubscriptionNotFound": Stage.WORKSPACE,
    "ResourceNotFound": Stage.WORKSPACE,
    "AuthorizationFailed": Stage.WORKSPACE,
}
"""The stage that mends each reason against a plan, by its code (`engine.planner`, and what Azure answers to the reads)."""

_SHOWN_AFTER, _SHOWN_FOR = 0.15, 1.0
"""Seconds until the busy sign shows, and how long it stays at least, so that it does not flicker."""


@dataclass(frozen=True)
class Reason:
    """One thing that is in the way of a plan, and the stage that mends it (None: trying again may)."""

    failure: Failure
    stage: Stage | None


def reasons(failure: Failure, error: Exception | None) -> list[Reason]:
    """Every reason why there is no plan. `error` is what was raised, where it is known."""
    if isinstance(error, PlanError):
        return [Reason(item, _MENDED_IN.get(item.code)) for item in error.failures]
    if isinstance(error, AnswersError):
        return [Reason(Failure(code="", message=str(fault)), stage_of(fault)) for fault in error.faults]
    return [Reason(failure, _MENDED_IN.get(failure.code))]


def card(found: list[Reason]) -> Facts:
    """The card that says all reasons, each with where it is mended."""
    fixes = []
    for reason in found:
        advice = reason.failure.advice or ("Choose something else." if reason.stage else "Try again.")
        where = f" Enter goes to {reason.stage.label}." if reason.stage else " Enter tries again."
        fixes.append(Fix(advice + where, action=f"go {reason.stage.value}" if reason.stage else "retry"))
    first = found[0].failure
    many = len(found) > 1
    sentences = tuple(f"{number}. {reason.failure.message}" for number, reason in enumerate(found, 1))
    return Facts(
        f"{len(found)} things are in the way of a plan." if many else first.message,
        (*(sentences if many else ()), *(detail for reason in found for detail in reason.failure.details)),
        tuple(fixes),
        "\n".join(filter(None, (reason.failure.raw for reason in found))),
    )


class ReviewScreen(WizardScreen):
    """Shows the plan, which is made when the screen opens. Its primary button is the first thing in the journey that changes anything."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["base.tcss", "review.tcss"]
    STAGE = Stage.REVIEW
    QUESTION = "This is what will happen. Nothing was changed yet."
    PRIMARY = "Deploy"
    HELP = "review"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll('up')", show=False),
        Binding("down", "scroll('down')", show=False),
        Binding("pageup", "scroll('page_up')", show=False),
        Binding("pagedown", "scroll('page_down')", show=False),
    ]

    _state = "planning"
    """`planning`, `planned`, `failed`, or `begun` when a run has begun with this plan."""
    _view = "plan"
    _began = 0.0

    def content(self) -> Iterable[Widget]:
        yield Static("", id="summary", markup=False)
        yield Static("", id="busy", markup=False)
        yield FailureCard(id="card")
        yield VerticalScroll(
            Vertical(
                PlanTable("Resources", id="resources"),
                PlanTable("Grants", id="grants"),
                Static("", id="warnings", markup=False),
                id="tables",
            ),
            PlanTable("Steps. Those that wait for nothing in common run side by side.", id="details"),
            Static("", id="commands", markup=False),
            id="plan",
        )

    def ready(self) -> None:
        self.query_one("#plan").focus()
        self.set_interval(1.0, self._tick)
        wizard = self.wizard
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
            self._show_card(reasons(result, self.wizard.plan_error))
            return
        waiting = self.focused is None or self.focused.id in {"plan", "back"}
        self._enter("planned")
        if waiting:
            self.query_one("#primary", Button).focus()

    def _tick(self) -> None:
        if self._state != "planning":
            return
        spent = time.monotonic() - self._began
        where = "the sandbox" if self._sandbox else "Azure"
        busy = self.query_one("#busy", Static)
        busy.update(f"{marks()['running']} Reading what exists in {where} … {clock(spent)}. Reading changes nothing.")
        busy.display = spent >= _SHOWN_AFTER

    # ---- what is shown

    @property
    def _sandbox(self) -> bool:
        return self.wizard.target is not None and self.wizard.target.name == SANDBOX

    def _enter(self, state: str) -> None:
        self._state = state
        shown = state in {"planned", "begun"}
        self.query_one("#busy").display = False
        self.query_one("#card").display = state == "failed"
        self.query_one("#summary").display = shown
        self.query_one("#plan").display = state != "failed"
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

    def _show_card(self, found: list[Reason]) -> None:
        self.run_worker(
            self.query_one(FailureCard).show(card(found), title="No plan", hidden=self.wizard.masked), group="card"
        )

    def _draw(self) -> None:
        plan = self.wizard.plan
        shown = plan is not None and self._state in {"planned", "begun"}
        for name in ("tables", "details", "commands"):
            view = "plan" if name == "tables" else name
            self.query_one(f"#{name}").display = shown and self._view == view
        if plan is None or not shown:
            return
        hidden = self.wizard.masked
        self.query_one("#summary", Static).update(_summary(plan, sandbox=self._sandbox))
        self.query_one("#resources", PlanTable).show(_resources(plan), hidden=hidden)
        self.query_one("#grants", PlanTable).show([_grant(grant) for grant in plan.grants], hidden=hidden)
        self.query_one("#warnings", Static).update(_warnings(plan))
        self.query_one("#details", PlanTable).show(_details(plan), hidden=hidden)
        self.query_one("#commands", Static).update(_commands(plan, hidden=hidden))

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

    def action_details(self) -> None:
        """The steps and their reasons, or the plan again."""
        self._turn("details")

    def _turn(self, view: str) -> None:
        self._view = "plan" if self._view == view else view
        self._draw()
        self.query_one("#plan", VerticalScroll).scroll_home(animate=False)

    def action_raw(self) -> None:
        """The error as it came, or not."""
        if self._state == "failed":
            self.query_one(FailureCard).toggle_raw()

    def on_fix_line_chosen(self, event: FixLine.Chosen) -> None:
        event.stop()
        what, _, stage = event.fix.action.partition(" ")
        if what == "go":
            self.mi.go(Stage(stage))
        else:
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
            self.wizard.deploy()
            self.mi.go(Stage.DEPLOY)


def _summary(plan: Plan, *, sandbox: bool) -> Content:
    made = sum(item.action is Action.CREATE for item in plan.resources)
    changed = sum(item.action is Action.CHANGE for item in plan.resources)
    granted = sum(not (grant.exists or grant.automatic or grant.skipped) for grant in plan.grants)
    words = [
        f"{made} to create",
        f"{changed} to change" if changed else "",
        f"{len(plan.resources) - made - changed} used",
    ]
    words.append(f"{granted} grant{'' if granted == 1 else 's'} to make")
    if plan.usd_per_hour is None:
        cost = "The price of this instance type is not known here."
    else:
        free = "In Azure about" if sandbox else "About"
        end = "; here nothing is billed." if sandbox else "."
        cost = (
            f"{free} {plan.usd_per_hour:.2f} USD an hour while the deployment exists (list price, {PRICES_READ}){end}"
        )
    return Content.assemble((", ".join(filter(None, words)) + ". ", ""), (cost, "$text-muted"))


def _resources(plan: Plan) -> list[Entry]:
    return [
        Entry(
            item.action.mark,
            item.action.value,
            (item.kind.value, short_id(item.name) if item.kind is ResourceKind.CODE else item.name),
            (_near(item.detail), item.why),
        )
        for item in plan.resources
    ]


def _near(text: str) -> str:
    """A text with paths as one would say them here: from this folder, or from home."""
    return text.replace(f"{Path.cwd()}/", "").replace(f"{Path.home()}/", "~/")


def _grant(grant: Grant) -> Entry:
    mark, word = "+", "create"
    if grant.exists:
        mark, word = "=", "exists"
    elif grant.automatic:
        mark, word = "=", "by Azure"
    elif grant.skipped:
        mark, word = "-", "skipped"
    return Entry(mark, word, (grant.principal, grant.role), (f"on {grant.scope_words}", grant.why))


def _warnings(plan: Plan) -> Content:
    sign = marks()["warning"]
    return Content("\n").join(
        Content.assemble((f"{sign} warning  ", "$text-warning"), visible(words)) for words in plan.warnings
    )


def _details(plan: Plan) -> list[Entry]:
    """Each step: what it waits for, how long it usually takes, and why it is there."""
    titles = {step.id: step.title for step in plan.steps}
    made = []
    for number, step in enumerate(plan.steps, 1):
        waits = f"waits for {', '.join(titles[need] for need in step.needs)}" if step.needs else "begins at once"
        notes = (step.why, waits, f"usually {clock(step.typical)} in Azure")
        made.append(Entry(f"{number:>2}", "step", (step.title,), notes))
    return made


def _commands(plan: Plan, *, hidden: bool) -> Content:
    def hide(text: str) -> str:
        safe = visible(text, lines=True)
        return masked(safe) if hidden else safe

    made = [Content.styled("The same by hand, with the Azure CLI and its ml extension.\n", "bold")]
    for command in commands(plan):
        made.append(Content.assemble((f"# {hide(command.why)}\n", "$text-muted"), hide(command.text), "\n"))
    return Content("\n").join(made)
