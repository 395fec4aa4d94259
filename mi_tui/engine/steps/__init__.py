"""The steps of a run. Each checks what is there, makes what is missing, and can be done again."""

from __future__ import annotations

from collections.abc import Callable

from mi_tui.engine import evidence
from mi_tui.engine.context import Context, Done, Say
from mi_tui.engine.steps import access, assets, data, mended, serving
from mi_tui.model.plan import REGISTER

Apply = Callable[[Context, Say], Done]


def find(step: str) -> Apply:
    """The function that does a step of the plan, its long operations journalled; KeyError when there is none."""
    work = _STEPS.get(step) or _of_kind(step)

    def apply(ctx: Context, say: Say) -> Done:
        with ctx.session.operations.noting(ctx.noted(step)):
            return evidence.gather(ctx, work(ctx, say))

    return apply


def _of_kind(step: str) -> Apply:
    """The function of a step of which a plan may have several."""
    if step.startswith("grant-"):
        return lambda ctx, say: access.grant(ctx, say, step)
    if step.startswith(REGISTER):
        return lambda ctx, say: mended.register(ctx, say, step)
    raise KeyError(step)


_STEPS: dict[str, Apply] = {
    "identity": access.identity,
    "effective": access.effective,
    mended.CONDA_FILE: mended.conda_edit,
    mended.LEAVE_BEHIND: mended.leave_behind,
    "storage-account": data.account,
    "container": data.container,
    "blob": data.blob,
    "model": assets.model,
    "environment": assets.environment,
    "code": assets.code,
    "endpoint": serving.endpoint,
    "deployment": serving.deployment,
    "traffic": serving.traffic,
    "request": serving.request,
}
