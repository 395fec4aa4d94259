"""A change of a plan, computed against the world: the other answers, the other plan, and the lines that show the difference.

Of a run that has begun what is done is kept: the plan is made as if nothing of this run were there, so that each step finds its own and
keeps it; only what the change touches gets other names, or is deleted and made again. The ledger keeps what was made under an old name.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from mi_tui.engine import found, planner
from mi_tui.engine.journal import Journal, LedgerEntry, RunRecord
from mi_tui.engine.mending import conda_file, uploaded
from mi_tui.engine.mending.case import Case, Wish, refused
from mi_tui.engine.mending.conda_file import Aside, Edit
from mi_tui.engine.mending.wishes import wish
from mi_tui.engine.planner import PlanError
from mi_tui.engine.removal import REMOVABLE
from mi_tui.engine.steps import mended
from mi_tui.model import names
from mi_tui.model.answers import Answers, GrantPolicy, IdentityKind
from mi_tui.model.diagnosis import Change
from mi_tui.model.failure import Failure
from mi_tui.model.instances import PRICES_READ
from mi_tui.model.plan import Action, Plan, PlannedResource, PlannedStep
from mi_tui.model.redact import redact
from mi_tui.services import endpoints
from mi_tui.services.session import Session


@dataclass(frozen=True)
class Mended:
    """A change that was looked at and not made yet: nothing is other than before until a person confirms it."""

    run: str
    change: Change
    answers: Answers
    plan: Plan
    lines: tuple[str, ...]
    """The difference, in words."""
    diff: tuple[str, ...] = ()
    """The lines of the conda file that change, as a unified diff."""
    facts: dict[str, str] = field(default_factory=dict)
    """What the steps of a begun run are to know."""
    edit: Edit | None = None
    """The change of the conda file that belongs to it."""


class StillRefused(PlanError):
    """The change can be made, and something else is in the way of a plan still: `failures`. Nothing was changed.

    `answers` are those with the change, `lines` say what it changes.
    """

    def __init__(self, failures: list[Failure], answers: Answers, lines: tuple[str, ...]) -> None:
        super().__init__(failures)
        self.answers, self.lines = answers, lines


_AFTER_ANOTHER_ENDPOINT = dict.fromkeys(("principal_id", "scoring_uri", "response", "proof"), "")
"""What is known of the endpoint that the run does not have any more."""

_ASSETS = {"model": "model", "code": "code", "environment": "conda"}
"""Key of a registered asset -> the member of `answers.deployment` that it is made from."""


def mend_new(
    session: Session, run: str, answers: Answers, change: Change, aside: Aside | None = None, changed: Plan | None = None
) -> Mended:  # fmt: skip
    """The change of a plan that has not begun; `changed` is what earlier changes made of it, of which the providers are kept.

    Changes nothing. Raises PlanError (StillRefused where another reason is left), or ServiceError when the world cannot be read.
    """
    wanted = wish(Case(session, answers, None), change)
    edit, diff = _edit(wanted, aside)
    if wanted.conda is not None and edit is None:
        raise refused("not-begun", "Nothing was registered yet: the conda file is read when the run begins.")
    if wanted.anew:
        raise refused("not-begun", "Nothing was uploaded yet: the files are read when the run begins.")
    try:
        plan = planner.make_plan(session, wanted.answers, run)
    except PlanError as error:
        if edit is not None:
            raise
        raise StillRefused(error.failures, wanted.answers, tuple(wanted.lines)) from error
    register = (*(changed.registers if changed else ()), *wanted.register)
    plan = msgspec.structs.replace(plan, steps=_with_steps(plan.steps, register, edit=False, leaving=False))
    lines = (*wanted.lines, *_edit_lines(edit), *_new_warnings(None, plan))
    return Mended(run, change, wanted.answers, _told(plan), lines, diff, {}, edit)


def mend(
    session: Session, journal: Journal, record: RunRecord, change: Change, aside: Aside | None = None
) -> Mended:  # fmt: skip
    """The change of a run that has begun and stands still. Changes nothing. Raises PlanError, or ServiceError when the world cannot be
    read, JournalError when the run's own record cannot be."""
    old, facts = record.plan, journal.facts(record.id)
    if not old.steps:
        raise refused(
            "adopted", "The run was begun on another machine: it can be removed, but not changed or gone on with."
        )
    ledger = journal.ledger(record.id)
    wanted = wish(Case(session, old.answers, old, _principal(session, old, facts)), change)
    _with_pending(wanted, facts)
    if wanted.conda == () and facts.get(conda_file.MADE_FROM) == conda_file.hash_of(
        conda_file.text_of(old.answers.deployment.conda)
    ):
        raise refused(
            "conda-file", "The conda file is as it was when its environment was registered.",
            "Mend it first; then the same fix reads it again.",
        )  # fmt: skip
    for key in sorted(wanted.anew):
        wanted.lines += uploaded.differences(key, wanted.answers.deployment, facts)
    edit, diff = _edit(wanted, aside)
    plan = _plan_anew(session, record.id, old, wanted, ledger)
    leaving = mended.left_behind(plan, ledger)
    pending = edit is not None or bool(facts.get(mended.CONDA_EDIT))
    register = (*old.registers, *wanted.register)
    plan = msgspec.structs.replace(plan, steps=_with_steps(plan.steps, register, edit=pending, leaving=bool(leaving)))
    noted = dict(wanted.facts)
    if edit is not None:
        noted[mended.CONDA_EDIT] = msgspec.json.encode(edit).decode()
    moved = _id(old, "endpoint") != _id(plan, "endpoint") or old.answers.identity != plan.answers.identity
    if moved:
        noted |= _AFTER_ANOTHER_ENDPOINT
    again = _made_again(old, plan, wanted, ledger)
    if again:
        noted[mended.REMAKE] = plan.answers.deployment.name
    lines = [*wanted.lines, *_edit_lines(edit)]
    lines += _difference(old, plan)
    lines += [f"- the {entry.kind.value} {entry.name}, which this run made, is deleted" for entry in leaving]
    lines += _kept_lines(plan, ledger)
    if again:
        lines.append(f"! the deployment {plan.answers.deployment.name} of this run is deleted and made again")
    lines += _new_warnings(old, plan)
    return Mended(record.id, change, plan.answers, _told(plan), tuple(dict.fromkeys(lines)), diff, noted, edit)


def _principal(session: Session, plan: Plan, facts: dict[str, str]) -> str:
    """The object id of the endpoint's identity, as far as there is one."""
    known = facts.get("principal_id", "")
    if known or plan.answers.identity.kind is IdentityKind.UAI:
        return known
    front = endpoints.get(session, plan.place.resource_group, plan.answers.workspace.name, plan.answers.endpoint.name)
    return (front.principal_id or "") if front else ""


# ---- the plan


def _plan_anew(session: Session, run: str, old: Plan, wanted: Wish, ledger: list[LedgerEntry]) -> Plan:
    """The plan of the changed answers, as if nothing that this run made were there."""
    made = {entry.id.lower() for entry in ledger if entry.verdict in REMOVABLE}
    answers, store = wanted.answers, wanted.answers.storage
    look = found.look(session, answers)
    account = (
        look.account.id
        if look.account
        else names.storage_account_id(look.place.subscription, look.place.resource_group, store.account)
    )
    container = names.container_id(account, store.container)
    look = look.without(lambda one: one.lower() in made, container, planner.blob_id(container, store.blob))
    plan = planner.plan_from(session, answers, run, look)
    resources = tuple(_asset(run, item, old, wanted, ledger) for item in plan.resources)
    same = old.answers.identity == answers.identity
    before = {grant.key: grant for grant in old.grants} if same else {}
    granted = tuple(
        msgspec.structs.replace(
            grant,
            # What an earlier change let this run make, it makes now too.
            skipped=grant.skipped and grant.key not in wanted.grants and (grant.key not in before or before[grant.key].skipped),
            automatic=grant.automatic and grant.key not in wanted.grants and (grant.key not in before or before[grant.key].automatic),
        )
        for grant in plan.grants
    )  # fmt: skip
    if answers.grants is GrantPolicy.SKIP:
        # One that Azure was to make and that is this run's now is nobody else's.
        granted = tuple(
            msgspec.structs.replace(grant, skipped=False) if grant.key in wanted.grants else grant for grant in granted
        )
    return msgspec.structs.replace(
        plan, resources=resources, grants=granted, steps=tuple(planner.steps_of(answers, granted))
    )


def _asset(run: str, item: PlannedResource, old: Plan, wanted: Wish, ledger: list[LedgerEntry]) -> PlannedResource:
    """A registered asset as it was, unless what it is made from changes: then under a name that was not used."""
    member = _ASSETS.get(item.key)
    if member is None:
        return item
    before = old.resource(item.key)
    anew = item.key in wanted.anew or (item.key == "environment" and wanted.conda is not None)
    if not anew and getattr(old.answers.deployment, member) != getattr(wanted.answers.deployment, member):
        return item
    if not anew:
        return before
    used = {before.name, *(entry.name.split("/")[-1].split(":")[0] for entry in ledger if entry.kind is item.kind)}
    number = 2
    while (name := _numbered(item.key, wanted.answers.endpoint.name, run, number)) in used:
        number += 1
    return msgspec.structs.replace(
        item, name=name, id=names.asset_id(old.place.workspace_id, f"{item.kind.value}s", name, "1")
    )


def _numbered(key: str, endpoint: str, run: str, number: int) -> str:
    """The name of a registered asset that this run makes for the `number`th time; clean-up without the journal knows it by this form."""
    if key == "code":
        return planner.code_name(run, number)
    return f"{endpoint}-{number}-{run}-{'env' if key == 'environment' else key}"


def _told(plan: Plan) -> Plan:
    """The plan with a sentence about what it registers, which is no resource of it."""
    if not plan.registers:
        return plan
    many = "they stay" if len(plan.registers) > 1 else "it stays"
    words = (
        f"The run registers {', '.join(plan.registers)} with the subscription first; {many} registered after clean-up."
    )
    return msgspec.structs.replace(plan, warnings=tuple(dict.fromkeys((*plan.warnings, words))))


def _with_steps(
    steps: Iterable[PlannedStep], register: Iterable[str], *, edit: bool, leaving: bool
) -> tuple[PlannedStep, ...]:
    """The graph with the steps that changes bring, each before what needs it."""
    more = [mended.register_step(namespace) for namespace in dict.fromkeys(register)]
    before: dict[str, tuple[str, ...]] = {"endpoint": tuple(step.id for step in more)}
    if edit:
        more.append(mended.conda_step())
        before["environment"] = (mended.CONDA_FILE,)
    if leaving:
        more.append(mended.leave_step())
        before["deployment"] = (mended.LEAVE_BEHIND,)
    return (
        *more,
        *(msgspec.structs.replace(step, needs=(*step.needs, *before.get(step.id, ()))) for step in steps),
    )


def _id(plan: Plan, key: str) -> str:
    return plan.resource(key).id.lower()


def _made_again(old: Plan, plan: Plan, wanted: Wish, ledger: Iterable[LedgerEntry]) -> bool:
    """Whether a deployment is there, as far as the ledger knows, that was made by the old plan and is to be other than it was."""
    there = {entry.id.lower() for entry in ledger if entry.verdict in REMOVABLE}
    if _id(plan, "deployment") not in there or _id(plan, "deployment") != _id(old, "deployment"):
        return False
    return (
        wanted.remake
        or old.answers.deployment != plan.answers.deployment
        or old.answers.storage != plan.answers.storage
    )


# ---- the conda file


def _with_pending(wanted: Wish, facts: dict[str, str]) -> None:
    """A change of the conda file that was confirmed and not carried out yet is part of the next one."""
    text = facts.get(mended.CONDA_EDIT, "")
    if wanted.conda is None or not text:
        return
    pending = msgspec.json.decode(text, type=Edit)
    wanted.conda = (*pending.requirements, *wanted.conda)
    if pending.source:
        deployment = msgspec.structs.replace(wanted.answers.deployment, conda=pending.source)
        wanted.answers = msgspec.structs.replace(wanted.answers, deployment=deployment)


def _edit(wanted: Wish, aside: Aside | None) -> tuple[Edit | None, tuple[str, ...]]:
    """The change of the conda file, and its diff; nothing where none is asked for. Where it makes a copy, the answers name that."""
    if not wanted.conda:
        return None, ()
    path = wanted.answers.deployment.conda
    edit, before, after = conda_file.plan_edit(path, wanted.conda, aside)
    if edit.source:
        deployment = msgspec.structs.replace(wanted.answers.deployment, conda=edit.path)
        wanted.answers = msgspec.structs.replace(wanted.answers, deployment=deployment)
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), path, edit.path if edit.source else f"{path} (changed)", lineterm="", n=2
    )  # fmt: skip
    return edit, tuple(redact(line) for line in lines)


def _edit_lines(edit: Edit | None) -> list[str]:
    if edit is None:
        return []
    if edit.source:
        return [f"+ {edit.path} is written: the example that comes with mi-tui stays as it is"]
    return [f"~ {edit.path} is changed; as it is now, it is kept beside it as {edit.backup}"]


# ---- words


def _difference(old: Plan, new: Plan) -> list[str]:
    """What is other in the new plan, beside what the change itself said."""
    before = {item.key: item for item in old.resources}
    lines = [
        f"{item.action.mark} {item.action.value} {item.kind.value} {item.name}{_before(before.get(item.key), item)}"
        for item in new.resources
        if (was := before.get(item.key)) is None or not names.same_id(was.id, item.id) or was.action is not item.action
    ]
    told = {(grant.key, grant.scope.lower(), grant.principal) for grant in old.grants if _is_made(old, grant.key)}
    lines += [
        f"+ {grant.role} for {grant.principal} on {grant.scope_words}: {grant.why}"
        for grant in new.grants
        if _is_made(new, grant.key) and (grant.key, grant.scope.lower(), grant.principal) not in told
    ]
    if old.usd_per_hour != new.usd_per_hour and new.usd_per_hour is not None:
        instead = f" instead of {old.usd_per_hour:.2f}" if old.usd_per_hour is not None else ""
        lines.append(f"Price: about {new.usd_per_hour:.2f} USD/h{instead} (list, {PRICES_READ})")
    return lines


def _before(was: PlannedResource | None, item: PlannedResource) -> str:
    """How the old plan had it, where that helps."""
    if was is None:
        return ""
    if not names.same_id(was.id, item.id):
        return f" (was {was.name})" if was.name != item.name else ""
    gone = was.action is Action.USE and item.action is Action.CREATE
    return " (it was used, and is not there any more)" if gone else f" (was: {was.action.value})"


def _is_made(plan: Plan, key: str) -> bool:
    grant = next(grant for grant in plan.grants if grant.key == key)
    return not (grant.automatic or grant.skipped)


def _kept_lines(plan: Plan, ledger: Iterable[LedgerEntry]) -> list[str]:
    """What the run made under names that the plan does not have any more, and that lies there without a bill of its own."""
    planned = {item.id.lower() for item in plan.resources}
    lying = [
        entry
        for entry in ledger
        if entry.verdict in REMOVABLE and entry.id.lower() not in planned and entry.kind.value in _LYING
    ]
    return [
        f"= the {entry.kind.value} {entry.name}, which this run made, stays until clean-up; 'mi-tui down' removes it"
        for entry in lying
    ]


_LYING = {"storage account", "user-assigned identity", "environment", "model", "code"}


def _new_warnings(old: Plan | None, new: Plan) -> list[str]:
    known = set(old.warnings) if old else set()
    return [f"Note: {warning}" for warning in new.warnings if warning not in known]
