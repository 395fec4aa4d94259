"""The steps that a change of a begun plan brings: a provider registered, a conda file changed, and what an older plan made taken away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from mi_tui.engine import evidence, traffic
from mi_tui.engine.context import Context, Done, Say
from mi_tui.engine.mending import conda_file, uploaded
from mi_tui.engine.removal import REMOVABLE, Kept, Removal, certain
from mi_tui.engine.removers import REMOVERS, given_back
from mi_tui.model import names
from mi_tui.model.failure import Failure
from mi_tui.model.plan import REGISTER, Plan, PlannedStep, ResourceKind
from mi_tui.services import deployments, endpoints, providers
from mi_tui.services.errors import ServiceError
from mi_tui.services.operations import Watch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mi_tui.engine.journal import LedgerEntry

CONDA_FILE = "conda-file"
LEAVE_BEHIND = "leave-behind"

CONDA_EDIT = "conda_edit"
"""The fact that says which change of the conda file is still to be made, as JSON of `conda_file.Edit`; empty for none."""
REMAKE = "remake"
"""The fact that the deployment which is there was made by an older plan: its name, or empty. It is deleted before it is made anew."""


def register(ctx: Context, say: Say, step: str) -> Done:
    """Register a resource provider with the subscription. Nothing undoes it: others may need it by then."""
    namespace = step.removeprefix(REGISTER)
    new = providers.register(
        ctx.session, namespace, lambda status: say(status, "Azure needs a moment"), stop=ctx.stop, pause=ctx.pace.state_poll
    )  # fmt: skip
    return Done("done", "Registered; it stays so after clean-up" if new else "was registered already")


def conda_edit(ctx: Context, say: Say) -> Done:
    """Change the conda file as it was shown and confirmed, with the text before kept beside it."""
    text = ctx.fact(CONDA_EDIT)
    if not text:
        return Done("done", "was changed already")
    said = conda_file.carry_out(conda_file.Edit(**json.loads(text)))
    ctx.note(CONDA_EDIT, "")
    return Done("changed", said)


def left_behind(plan: Plan, ledger: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """The endpoints and deployments that the run made under names which the plan does not have any more, endpoints first: Azure deletes
    one with its deployments in one operation."""
    planned = {item.id.lower() for item in plan.resources}
    found = [
        entry
        for entry in ledger
        if entry.kind in {ResourceKind.DEPLOYMENT, ResourceKind.ENDPOINT}
        and entry.verdict in REMOVABLE
        and entry.id.lower() not in planned
    ]
    return sorted(found, key=lambda entry: entry.kind is not ResourceKind.ENDPOINT)


def leave_behind(ctx: Context, say: Say) -> Done:
    """Delete the endpoints and deployments that the run made under other names: they bill, or hold quota. What does neither is left to
    clean-up, which the ledger tells of it."""
    job, removed, left = Removal(ctx), list[str](), list[str]()
    for entry in left_behind(ctx.plan, ctx.journal.ledger(ctx.run)):
        say("Deleting", f"{entry.kind.value} {entry.name}")

        def watch(status: str, name: str = entry.name) -> None:
            say(status, name)

        try:
            if entry.kind is ResourceKind.DEPLOYMENT:
                _delete(job, entry.id, watch)
            else:
                REMOVERS[entry.kind](job, entry, watch)
        except Kept as kept:
            left.append(f"{entry.name} is left: {kept.why}")
            continue
        ctx.journal.removed(ctx.run, entry.id, "seen to be gone, after the plan was changed")
        removed.append(entry.name)
    words = [*([f"{', '.join(removed)} deleted"] if removed else []), *left]
    return Done("done", "; ".join(words) or "was gone already")


def remake(ctx: Context, say: Say) -> None:
    """Delete the deployment that an older plan of this run made, whatever its state, where the change of the plan says so."""
    planned = ctx.plan.resource("deployment")
    if ctx.fact(REMAKE) != planned.name:
        return
    say("Deleting", "it was made before the plan was changed")
    try:
        _delete(Removal(ctx), planned.id, lambda status: say(status, ""))
    except Kept as kept:
        raise not_this_runs(ctx, planned.name) from kept
    ctx.note(REMAKE, "")


def not_this_runs(ctx: Context, name: str) -> ServiceError:
    """That a deployment with the name of the plan's is in the way, and is not this run's to delete or to change."""
    return ServiceError(
        Failure(
            code="mi-tui/deployment-exists",
            message=f"There is a deployment {name!r} that this run did not make. It was left as it is.",
            advice=f"Take another name: 'mi-tui resume {ctx.run} --fix deployment-name'; or have who made it delete it, then resume.",
        )
    )


def say_what_is_older(ctx: Context) -> None:
    """Say that the deployment gets the scoring script as it was uploaded, where the person has changed it since."""
    folder = ctx.plan.answers.deployment.code
    if uploaded.changed_since(Path(folder), ctx.fact(uploaded.MADE_FROM["code"])):
        ctx.say_once(
            f"{folder} was changed since it was uploaded; the deployment gets what was uploaded. "
            f"'mi-tui resume {ctx.run} --fix code' uploads it as it is now."
        )


def _delete(job: Removal, deployment_id: str, watch: Watch) -> None:
    """Delete one of this run's deployments, without its traffic first; nothing when it is gone. Kept when it is not this run's."""
    ctx = job.ctx
    parsed = names.parse_id(deployment_id)
    front, name = parsed.segments[1][1], parsed.name
    where = (ctx.session, ctx.group, ctx.workspace, front)
    back = certain(job, deployment_id, lambda: deployments.get(*where, name))
    info = (
        None
        if back is None
        else certain(job, deployment_id.rpartition("/deployments/")[0], lambda: endpoints.get(*where))
    )
    if info is None or back is None:
        return
    if why := evidence.against(ctx, back):
        raise Kept(why)
    if info.traffic.get(name):
        before = traffic.before(ctx, front)
        others = {found.name for found in deployments.list_all(*where)} - {name}
        shares = given_back(info.traffic, before, name, others)
        endpoints.wait_settled(*where, ctx.pace.endpoint_settle, watch, stop=ctx.stop)
        endpoints.set_traffic(*where, shares, watch, stop=ctx.stop)
    deployments.delete(*where, name, watch, stop=ctx.stop)


# ---- as the plan shows them


def register_step(namespace: str) -> PlannedStep:
    """The step that registers a provider."""
    return PlannedStep(
        f"{REGISTER}{namespace}", f"register {namespace}", "Azure ML needs the provider to make an endpoint", (), 30
    )


def conda_step() -> PlannedStep:
    """The step that changes the conda file."""
    return PlannedStep(CONDA_FILE, "conda file", "what is in it is what the script runs in", (), 1)


def leave_step() -> PlannedStep:
    """The step that deletes what bills under another name."""
    return PlannedStep(
        LEAVE_BEHIND, "leave behind", "what the plan does not have any more bills, or holds quota", (), 60
    )
