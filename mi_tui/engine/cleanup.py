"""Clean-up: removes what the ledger says this run created, in an order that leaves no orphan, and verifies by reading."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from mi_tui.engine import keeping, whocan
from mi_tui.engine.context import Context, Say
from mi_tui.engine.journal import JournalError, LedgerEntry, RunState, Verdict
from mi_tui.engine.patience import passes, patiently
from mi_tui.engine.removal import REMOVABLE, Kept, Removal
from mi_tui.engine.removers import REMOVERS, foreign_blobs
from mi_tui.model.events import Left, Outcome, RunFinished, StepFailed, StepFinished, StepProgress, StepStarted
from mi_tui.model.failure import Failure
from mi_tui.model.plan import ResourceKind
from mi_tui.services.errors import Abandoned, ServiceError, as_failure

_ORDER = (
    ResourceKind.DEPLOYMENT,
    ResourceKind.ENDPOINT,
    ResourceKind.GRANT,
    ResourceKind.BLOB,
    ResourceKind.CONTAINER,
    ResourceKind.STORAGE_ACCOUNT,
    ResourceKind.CODE,
    ResourceKind.MODEL,
    ResourceKind.ENVIRONMENT,
    ResourceKind.UPLOAD,
    ResourceKind.IDENTITY,
)


_FREE = {kind.value for kind in (ResourceKind.CODE, ResourceKind.MODEL, ResourceKind.ENVIRONMENT, ResourceKind.UPLOAD)}
"""What costs nothing to leave, and what other deployments of the same content share: leaving it is no failure."""

Consent = Mapping[str, frozenset[str]]
"""Container id -> the names of the blobs in it that this run did not put there and that a person said may go with it."""


def removable(ctx: Context) -> list[LedgerEntry]:
    """What clean-up would remove, in its order: created by this run, or being created when it was interrupted, or adopted by its mark."""
    return in_order(ctx.journal.ledger(ctx.run))


def in_order(ledger: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """Of a run's ledger, what clean-up would remove, in its order."""
    ours = [entry for entry in ledger if entry.verdict in REMOVABLE]
    return sorted(ours, key=lambda entry: _ORDER.index(entry.kind) if entry.kind in _ORDER else -1)


def foreign(ctx: Context, keep: frozenset[str] = frozenset()) -> dict[str, tuple[str, ...]]:
    """The containers that would go but hold blobs which this run did not put there: container id -> their names.

    Without a person's consent they are left. What may not be listed is not in it: its removal says why. Changes nothing. Raises
    ServiceError for what passes by itself.
    """
    found: dict[str, tuple[str, ...]] = {}
    kept_on_wish = keeping.kept(removable(ctx), keep)
    for entry in removable(ctx):
        if entry.kind is not ResourceKind.CONTAINER or entry.id in kept_on_wish:
            continue
        try:
            names = foreign_blobs(Removal(ctx), entry)
        except ServiceError as error:
            if passes(error.failure):
                raise
            continue
        if names:
            found[entry.id] = tuple(names)
    return found


def clean(ctx: Context, keep: frozenset[str] = frozenset(), consent: Consent | None = None) -> RunFinished:
    """Remove everything that the run created, but what stands in `keep` (ids) and what that needs.

    A container in which others' blobs appeared goes only with `consent`, and only while it holds no others than those. What cannot be
    removed is reported with the reason; the run can be cleaned again.
    """
    try:
        return _clean(ctx, keep, consent or {})
    except JournalError as error:
        event = RunFinished(
            run=ctx.run,
            outcome=Outcome.FAILED,
            failure=Failure(code="mi-tui/journal", message=str(error)),
            next=f"'mi-tui down {ctx.run}' tries again.",
        )
        ctx.emit(event)
        return event


def _clean(ctx: Context, keep: frozenset[str], consent: Consent) -> RunFinished:
    removed: list[str] = []
    left: list[Left] = []
    failures: list[Failure] = []
    job = Removal(ctx, {container.lower(): names for container, names in consent.items()})
    kept_on_wish = keeping.kept(removable(ctx), keep)
    for entry in removable(ctx):
        if entry.id in kept_on_wish:
            left.append(_left(entry, kept_on_wish[entry.id]))
        elif ctx.stop.is_set():
            left.append(_left(entry, "clean-up was stopped before it"))
        else:
            result = _remove(job, entry, along=bool(removed))
            if result is None:
                removed.append(entry.id)
            elif isinstance(result, Failure):
                failures.append(result)
                left.append(_left(entry, result.sentence()))
            else:
                left.append(_left(entry, result))
    unasked = [item for item in left if item.id not in kept_on_wish]
    standing = [item for item in unasked if item.kind not in _FREE]
    if standing and not failures and not ctx.stop.is_set():
        # On purpose, and still not what was asked for: who waits for the end of the bill must not read a success.
        failures.append(
            Failure(
                code="mi-tui/left",
                message=f"{len(standing)} of what this run made is left, each for the reason that is told with it.",
                advice="What is in the way is somebody else's: once it is gone, clean up again. On a terminal, 'mi-tui down' asks about "
                "others' blobs.",
            )
        )
    outcome = Outcome.LEFT_RUNNING if ctx.stop.is_set() else Outcome.FAILED if failures else Outcome.SUCCEEDED
    if ctx.stop.is_set() or kept_on_wish:
        state = RunState.FAILED if failures and not ctx.stop.is_set() else RunState.LEFT_RUNNING
    else:
        state = RunState.FAILED if failures else RunState.PARTLY_REMOVED if unasked else RunState.REMOVED
    ctx.journal.end_run(ctx.run, state)
    used = [entry for entry in ctx.journal.ledger(ctx.run) if entry.verdict is Verdict.EXISTED]
    left += [_left(entry, "this run did not make it") for entry in used]
    event = RunFinished(
        run=ctx.run, outcome=outcome, failure=failures[0] if failures else None, removed=tuple(removed), left=tuple(left),
        next=_next(ctx.run, state, unasked),
    )  # fmt: skip
    ctx.emit(event)
    return event


def _next(run: str, state: RunState, left: list[Left]) -> str:
    """What the person can do now."""
    match state:
        case RunState.REMOVED:
            return ""
        case RunState.PARTLY_REMOVED:
            # An upload's name says itself what it is.
            things = ", ".join(
                item.name if item.kind == ResourceKind.UPLOAD.value else f"{item.kind} {item.name}" for item in left
            )
            return f"Left, because others use it and it costs nothing: {things}. Once nobody does, 'mi-tui down {run}' removes it."
        case RunState.FAILED:
            return f"'mi-tui down {run}' tries again."
        case _:
            return f"'mi-tui down {run}' removes what is left."


def _remove(job: Removal, entry: LedgerEntry, *, along: bool) -> Failure | str | None:
    """Remove one resource: None when it is gone; else why it is left, in words or as the failure."""
    ctx = job.ctx
    step, title, began = f"remove {entry.id}", f"{entry.kind.value} {entry.name}", time.monotonic()
    ctx.journal.begin_step(ctx.run, step)
    ctx.emit(StepStarted(run=ctx.run, step=step, title=title))

    def finished(result: str, detail: str) -> None:
        ctx.journal.end_step(ctx.run, step, result, detail)
        ctx.emit(
            StepFinished(
                run=ctx.run, step=step, title=title, result=result, seconds=time.monotonic() - began, detail=detail, resource=entry.id
            )
        )  # fmt: skip

    try:
        with ctx.session.operations.noting(ctx.noted(step)):
            was_there = patiently(
                ctx, step, _say(ctx, step), lambda: REMOVERS[entry.kind](job, entry, _progress(ctx, step)), "down"
            )
    except Kept as kept:
        finished("left", kept.why)
        return kept.why
    except Abandoned:
        ctx.journal.end_step(ctx.run, step, "abandoned")
        return "clean-up was stopped while it was being removed"
    except JournalError:
        raise
    except Exception as error:  # noqa: BLE001 - one thing that cannot be removed must not keep the rest
        failure = whocan.explained(ctx.session, as_failure(error), entry)
        ctx.journal.end_step(ctx.run, step, "failed", failure.sentence()[:500])
        ctx.emit(StepFailed(run=ctx.run, step=step, title=title, failure=failure, seconds=time.monotonic() - began))
        return failure
    gone = "went with its deployment" if entry.kind is ResourceKind.ENDPOINT and along else "was gone already"
    finished("removed", "" if was_there else gone)
    # Last: a clean-up that dies in between looks at the resource again, and no step is left without its end.
    ctx.journal.removed(ctx.run, entry.id, "seen to be gone")
    return None


def _left(entry: LedgerEntry, why: str) -> Left:
    return Left(entry.kind.value, entry.name, entry.id, why)


def _say(ctx: Context, step: str) -> Say:
    return lambda status, detail: ctx.emit(StepProgress(run=ctx.run, step=step, status=status, detail=detail))


def _progress(ctx: Context, step: str) -> Callable[[str], None]:
    last = ""

    def watch(status: str) -> None:
        nonlocal last
        if status != last:
            last = status
            ctx.emit(StepProgress(run=ctx.run, step=step, status=status))

    return watch
