"""Long operations whose end nobody saw, because mi-tui was killed or left: Azure is asked what became of them."""

from __future__ import annotations

from mi_tui.engine.context import Context
from mi_tui.engine.journal import OperationRecord
from mi_tui.model.events import Notice
from mi_tui.model.redact import redact
from mi_tui.services import arm
from mi_tui.services.errors import ServiceError, plain
from mi_tui.services.session import ARM, Session

_HOST = ARM.removeprefix("https://")
_LONGEST = 2_000
"""Characters that are kept of how an operation ended."""
_OVER = {"succeeded", "failed", "canceled", "cancelled"}


def settle(ctx: Context) -> None:
    """Journal how each operation without an end has ended, and say it: of a failure, the resource alone would not tell the reason.

    What Azure cannot be asked now stays as it is. Raises Abandoned when the run is to stop.
    """
    for operation in ctx.journal.operations(ctx.run):
        if operation.ended is not None:
            continue
        try:
            said = ask(ctx.session, operation)
        except ServiceError:
            continue
        if said is None:
            ctx.journal.end_operation(operation.number, "unknown: Azure does not tell any more")
        elif said.split(":")[0].lower() in _OVER:
            ctx.journal.end_operation(operation.number, said)
            name = operation.resource.rstrip("/").rsplit("/", 1)[-1]
            ctx.emit(
                Notice(
                    run=ctx.run,
                    text=f"Meanwhile in Azure, {operation.kind} {name} (step {operation.step}) ended: {said}",
                )
            )


def ask(session: Session, operation: OperationRecord) -> str | None:
    """The operation's status as Azure spells it, with the error's code and message when it failed, without secrets; None when Azure does not know it.

    Operations are kept for a while only (Azure Resource Manager asynchronous operations). Raises ServiceError.
    """
    host, _, rest = operation.address.partition("/")
    if host.lower() != _HOST:
        return None  # only this host gets our token
    path, _, version = rest.partition("?api-version=")
    answer = arm.get_with_status(session, f"/{path}", version or "2022-05-01")
    if answer is None:
        return None
    code, body = answer
    # Storage tells an operation that is under way by 202 without a body (recorded).
    otherwise = "InProgress" if code == 202 else "Succeeded"
    status = arm.text(body, "status") or arm.text(body, "properties", "provisioningState") or otherwise
    error, message = arm.text(body, "error", "code"), arm.text(body, "error", "message")
    # What a container said may stand in it, secrets and all; and it is kept.
    return redact(plain(": ".join(part for part in (status, error, message) if part)))[:_LONGEST]
