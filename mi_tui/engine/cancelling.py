"""Cancelling a run: what Azure lets be cancelled is, and for every step that was under way it is said how it ended.

Azure Resource Manager has a cancel for template deployments only (Deployments - Cancel, Microsoft Learn); an online deployment that is
being created may be deleted instead, which is what ends its bill. Everything else that was accepted is finished by Azure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mi_tui.engine import evidence
from mi_tui.engine.context import Context, Done
from mi_tui.engine.patience import Waiter, outlast, passes
from mi_tui.engine.steps.mended import LEAVE_BEHIND
from mi_tui.model import names
from mi_tui.model.plan import REGISTER
from mi_tui.services import deployments, endpoints, storage
from mi_tui.services.errors import ServiceError

if TYPE_CHECKING:
    from mi_tui.model.plan import PlannedStep

BEFORE = "finished before it could be cancelled"

GOES_ON = "Azure cannot cancel it and finishes it by itself"

UNDONE = frozenset({"cancelled", "left"})
"""How a step ends that a resumed run has to do (again)."""

Say = Callable[[str], None]


def end(ctx: Context, step: PlannedStep, say: Say) -> Done:
    """How a step that was given up in the middle ended: `done`, `cancelled` or `left`, with a line for people. What cannot be seen is said;
    only JournalError is raised.

    A deployment that is being created is deleted, and seen to be gone.
    """
    if step.id == LEAVE_BEHIND or step.id.startswith(REGISTER):
        return Done("left", GOES_ON)
    look = _LOOKS.get(step.id)
    if look is None:
        return Done("cancelled", "nothing of it was under way in Azure")

    def wait(words: str) -> None:
        if words:
            say(words)

    try:
        return outlast(
            ctx.session, ctx.pace, lambda: look(ctx, say), Waiter(wait, way="Ctrl+C leaves it."),
            longest=ctx.pace.cancelling_patience, later="", gone=ctx.gone,
        )  # fmt: skip
    except ServiceError as error:
        return Done("left", f"how it ended cannot be seen: {error.failure.sentence()}")


def _deployment(ctx: Context, say: Say) -> Done:
    planned, front = ctx.plan.resource("deployment"), ctx.plan.answers.endpoint.name
    info = deployments.get(ctx.session, ctx.group, ctx.workspace, front, planned.name)
    if info is None or evidence.against(ctx, info):
        return Done("cancelled", "it had not been begun")
    if info.state.lower() == "succeeded":
        ctx.journal.created(ctx.run, planned.kind, planned.id, planned.name, f"tag mi-tui-run={ctx.run}")
        return Done("done", f"{BEFORE}; it bills until it is removed", planned.id)
    say("Deleting")
    try:
        deployments.delete(ctx.session, ctx.group, ctx.workspace, front, planned.name, say)
    except ServiceError as error:
        if error.status not in {400, 409} or passes(error.failure):
            raise
        return Done("left", f"{GOES_ON}: {error.failure.message}", planned.id)
    ctx.journal.removed(ctx.run, planned.id, "deleted while it was being created, as the run was cancelled")
    return Done("cancelled", "Azure deleted it while it was being created", planned.id)


def _endpoint(ctx: Context, say: Say) -> Done:
    planned = ctx.plan.resource("endpoint")
    info = endpoints.get(ctx.session, ctx.group, ctx.workspace, planned.name)
    if info is None:
        return Done("cancelled", "it had not been begun")
    if info.state.lower() in endpoints.BUSY:
        return Done("left", f"{GOES_ON} (state {info.state})", planned.id)
    if info.broken:
        return Done("cancelled", "Azure could not make it, and left it broken", planned.id)
    return Done("done", BEFORE, planned.id)


def _account(ctx: Context, say: Say) -> Done:
    planned = ctx.plan.resource("storage-account")
    info = storage.get_account(ctx.session, names.parse_id(planned.id).group, planned.name)
    if info is None:
        return Done("cancelled", "it had not been begun")
    return Done("done", BEFORE, planned.id) if info.ready else Done("left", GOES_ON, planned.id)


def _traffic(ctx: Context, say: Say) -> Done:
    name, wanted = ctx.plan.answers.endpoint.name, ctx.plan.answers.deployment.name
    info = endpoints.get(ctx.session, ctx.group, ctx.workspace, name)
    if info is not None and info.traffic.get(wanted) == 100:
        return Done("done", BEFORE)
    return Done("left", GOES_ON) if info is not None and info.state.lower() in endpoints.BUSY else Done("cancelled", "")


_LOOKS: dict[str, Callable[[Context, Say], Done]] = {
    "deployment": _deployment,
    "endpoint": _endpoint,
    "storage-account": _account,
    "traffic": _traffic,
}
