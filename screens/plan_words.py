"""A plan in words: the summary, the tables of resources, grants and steps, the warnings, and the commands by hand."""

from __future__ import annotations

from pathlib import Path

from textual.content import Content

from mi_tui.model.commands import commands
from mi_tui.model.instances import PRICES_READ
from mi_tui.model.marks import marks
from mi_tui.model.names import short_id
from mi_tui.model.plan import Action, Grant, Plan, ResourceKind
from mi_tui.model.text import clock, masked, visible
from mi_tui.widgets.plan_table import Entry


def summary(plan: Plan, *, sandbox: bool) -> Content:
    """How much is made, changed, used and granted, and what it costs."""
    made = sum(item.action in {Action.CREATE, Action.REPLACE} for item in plan.resources)
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


def resources(plan: Plan) -> list[Entry]:
    """The table of resources: create, use or change, and why."""
    return [
        Entry(
            item.action.mark,
            item.action.value,
            (item.kind.value, short_id(item.name) if item.kind is ResourceKind.CODE else item.name),
            (_near(item.detail) + (_fits(plan) if item.kind is ResourceKind.DEPLOYMENT else ""), item.why),
        )
        for item in plan.resources
    ]


def _fits(plan: Plan) -> str:
    fits = plan.fit.fits if plan.fit else None
    return "" if fits is None else f" {marks()['done' if fits else 'failed']}"


def _near(text: str) -> str:
    """A text with paths as one would say them here: from this folder, or from home."""
    return text.replace(f"{Path.cwd()}/", "").replace(f"{Path.home()}/", "~/")


def grants(plan: Plan) -> list[Entry]:
    """The table of grants: principal, role, scope, why, and whether it is there already."""
    return [_grant(each) for each in plan.grants]


def _grant(grant: Grant) -> Entry:
    mark, word = "+", "create"
    if grant.exists:
        mark, word = "=", "exists"
    elif grant.automatic:
        mark, word = "=", "by Azure"
    elif grant.skipped:
        mark, word = "-", "skipped"
    return Entry(mark, word, (grant.principal, grant.role), (f"on {grant.scope_words}", grant.why))


def warnings(plan: Plan) -> Content:
    """What does not stop the plan and should be known."""
    sign = marks()["warning"]
    return Content("\n").join(
        Content.assemble((f"{sign} warning  ", "$text-warning"), visible(words)) for words in plan.warnings
    )


def details(plan: Plan) -> list[Entry]:
    """Each step: what it waits for, how long it usually takes, and why it is there."""
    titles = {step.id: step.title for step in plan.steps}
    made = []
    for number, step in enumerate(plan.steps, 1):
        waits = f"waits for {', '.join(titles[need] for need in step.needs)}" if step.needs else "begins at once"
        notes = (step.why, waits, f"usually {clock(step.typical)} in Azure")
        made.append(Entry(f"{number:>2}", "step", (step.title,), notes))
    return made


def by_hand(plan: Plan, *, hidden: bool) -> Content:
    """The commands that would do the same; `hidden` masks ids."""

    def hide(text: str) -> str:
        safe = visible(text, lines=True)
        return masked(safe) if hidden else safe

    made = [Content.styled("The same by hand, with the Azure CLI and its ml extension.\n", "bold")]
    for command in commands(plan):
        made.append(Content.assemble((f"# {hide(command.why)}\n", "$text-muted"), hide(command.text), "\n"))
    return Content("\n").join(made)
