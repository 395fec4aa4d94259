"""The runner: does a plan's steps, those without an order among them at once, journals each, and says what happens as events."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, replace

import msgspec

from mi_tui.engine import cancelling, missing, steps
from mi_tui.engine.context import Context, Done, Interrupted
from mi_tui.engine.journal import JournalError, RunState
from mi_tui.engine.patience import patiently
from mi_tui.model.events import (
    MissingGrant,
    Notice,
    Outcome,
    RunFinished,
    StepFailed,
    StepFinished,
    StepProgress,
    StepStarted,
)
from mi_tui.model.failure import Failure
from mi_tui.model.plan import PlannedStep
from mi_tui.services.errors import Abandoned, as_failure

_PULL = "AcrPull"


@dataclass(frozen=True)
class _Ended:
    step: PlannedStep
    done: Done | None
    failure: Failure | None
    seconds: float


def run(ctx: Context) -> RunFinished:
    """Do every step of the plan that is not done; returns the last event, which was emitted and journalled.

    Setting `ctx.stop` ends it as soon as the calls under way return: Azure finishes its long operations by itself.
    """
    waiting = {step.id: step for step in ctx.plan.steps}
    done: set[str] = set()
    ended: queue.SimpleQueue[_Ended] = queue.SimpleQueue()
    under_way: set[str] = set()
    failures: list[Failure] = []
    while True:
        if not failures and not ctx.stop.is_set():
            for step in [step for step in waiting.values() if done.issuperset(step.needs)]:
                del waiting[step.id]
                under_way.add(step.id)
                threading.Thread(target=_work, args=(ctx, step, ended), name=f"step-{step.id}", daemon=True).start()
        if not under_way:
            break
        try:
            # A bounded wait, so that the main thread sees Ctrl+C on every platform.
            result = ended.get(timeout=0.2)
        except queue.Empty:
            continue
        under_way.discard(result.step.id)
        if result.failure is not None:
            failures.append(result.failure)
            ctx.emit(
                StepFailed(
                    run=ctx.run,
                    step=result.step.id,
                    title=result.step.title,
                    failure=result.failure,
                    seconds=result.seconds,
                )
            )
        elif result.done is not None:
            if result.done.result not in cancelling.UNDONE:
                done.add(result.step.id)
            ctx.emit(
                StepFinished(
                    run=ctx.run, step=result.step.id, title=result.step.title, result=result.done.result, seconds=result.seconds,
                    detail=result.done.detail, resource=result.done.resource,
                )
            )  # fmt: skip
    return _finish(ctx, failures, complete=len(done) == len(ctx.plan.steps))


def _work(ctx: Context, step: PlannedStep, ended: queue.SimpleQueue[_Ended]) -> None:
    """One step on its own thread. Whatever it raises becomes an event: a thread that dies silently would hang the run."""
    began = time.monotonic()
    done: Done | None = None
    failure: Failure | None = None
    last = ("", "")

    def say(status: str, detail: str) -> None:
        nonlocal last
        if (status, detail) != last:
            last = (status, detail)
            ctx.emit(StepProgress(run=ctx.run, step=step.id, status=status, detail=detail))

    try:
        try:
            ctx.journal.begin_step(ctx.run, step.id)
            ctx.emit(StepStarted(run=ctx.run, step=step.id, title=step.title, typical=step.typical))
            done = patiently(ctx, step.id, say, lambda: steps.find(step.id)(ctx, say))
            if ctx.stop.cancelled:
                done = replace(done, detail=f"{cancelling.BEFORE}; {done.detail}".rstrip("; "))
            ctx.journal.end_step(ctx.run, step.id, "done", done.detail)
        except (Interrupted, Abandoned):
            if ctx.stop.cancelled:
                done = cancelling.end(ctx, step, lambda status: say(status, "cancelling"))
            over = done is not None and done.result not in cancelling.UNDONE
            ctx.journal.end_step(ctx.run, step.id, "done" if over else "abandoned", done.detail if done else "")
        except JournalError:
            raise
        except Exception as error:  # noqa: BLE001 - a step's failure of any kind is an event, never a traceback
            failure = as_failure(error)
            ctx.journal.end_step(ctx.run, step.id, "failed", failure.sentence()[:500])
    except JournalError as error:
        failure = failure or _unwritten(error)
    finally:
        ended.put(_Ended(step, done, failure, time.monotonic() - began))


def _unwritten(error: JournalError) -> Failure:
    return Failure(code="mi-tui/journal", message=str(error))


def _finish(ctx: Context, failures: list[Failure], *, complete: bool) -> RunFinished:
    facts: dict[str, str] = {}
    try:
        facts = ctx.journal.facts(ctx.run)
    except JournalError as error:
        failures = failures or [_unwritten(error)]
    if failures:
        outcome, state = Outcome.FAILED, RunState.FAILED
    elif complete:
        outcome, state = Outcome.SUCCEEDED, RunState.SUCCEEDED
    elif ctx.stop.cancelled:
        outcome, state = Outcome.CANCELLED, RunState.CANCELLED
    else:
        outcome, state = Outcome.LEFT_RUNNING, RunState.LEFT_RUNNING
    # A failure of our own, such as of the network, comes from no grant, and asking Azure would fail likewise.
    lacking = _lacking(ctx, failures) if failures and not failures[0].code.startswith("mi-tui/") else ()
    event = RunFinished(
        run=ctx.run,
        outcome=outcome,
        response=_response(facts.get("response", "")) if outcome is Outcome.SUCCEEDED else None,
        proof=facts.get("proof", "") if outcome is Outcome.SUCCEEDED else "",
        scoring_uri=facts.get("scoring_uri", ""),
        failure=failures[0] if failures else None,
        missing_grants=lacking,
        next=_next(ctx.run, outcome, bool(lacking)),
    )
    try:
        ctx.journal.end_run(ctx.run, state)
    except JournalError as error:
        # Everything was done or said already; the run's record stays without an end, as after a crash.
        ctx.emit(Notice(run=ctx.run, text=str(error)))
    ctx.emit(event)
    return event


def _lacking(ctx: Context, failures: list[Failure]) -> tuple[MissingGrant, ...]:
    """The missing grants, when the failure or the logs may come from one. Looking must not hide the failure itself."""
    try:
        found = missing.grants(ctx.session, ctx.plan, ctx.fact("principal_id"))
        said = failures[0].message.lower()
        pull = "pull" in said or "registry" in said
        # The one that this failure speaks of comes first.
        return tuple(sorted(found, key=lambda grant: (grant.role == _PULL) != pull))
    except Exception as error:  # noqa: BLE001 - said in the failure's details instead
        said = f"The grants could not be read: {as_failure(error).sentence()}"
        failures[0] = msgspec.structs.replace(failures[0], details=(*failures[0].details, said))
        return ()


def _response(text: str) -> object:
    """What the endpoint answered, as JSON where it is JSON (which NaN and endless integers are not)."""
    if not text:
        return None
    try:
        value = msgspec.json.decode(text)
        msgspec.json.encode(value)
    except (ValueError, OverflowError, RecursionError):
        return text
    return value


def _next(run: str, outcome: Outcome, lacking: bool) -> str:
    match outcome:
        case Outcome.SUCCEEDED:
            return f"'mi-tui invoke {run}' asks again; 'mi-tui down {run}' removes what this run made."
        case Outcome.FAILED if lacking:
            return (
                f"Grant what is missing, then 'mi-tui resume {run}'. 'mi-tui down {run}' removes what was made so far."
            )
        case Outcome.FAILED:
            return f"'mi-tui resume {run}' goes on where it stopped; 'mi-tui down {run}' removes what was made so far."
        case Outcome.CANCELLED:
            return f"No new step was begun. 'mi-tui down {run}' removes what was made; 'mi-tui resume {run}' goes on after all."
        case _:
            return f"Azure finishes what is under way. 'mi-tui resume {run}' goes on; 'mi-tui down {run}' removes what was made."
