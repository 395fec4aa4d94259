"""Why there is no plan, and which stage mends it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mi_tui.fixing import applies_before_a_run
from mi_tui.model.diagnosis import Diagnosis
from mi_tui.model.draft import Stage, stage_of
from mi_tui.model.failure import BROKEN_ENDPOINT, Failure
from mi_tui.model.text import cut
from mi_tui.widgets.card import Facts, Fix
from mi_tui.workflow import AnswersError, PlanError, ServiceError

if TYPE_CHECKING:
    from screens.wizard import Wizard

_MENDED_IN = {
    "mi-tui/no-such-account": Stage.STORAGE,
    "mi-tui/storage-name": Stage.STORAGE,
    "mi-tui/no-blob": Stage.STORAGE,
    "mi-tui/identity-kind": Stage.IDENTITY,
    "mi-tui/identity-other": Stage.IDENTITY,
    "mi-tui/no-registry": Stage.IDENTITY,
    "mi-tui/broken-endpoint": Stage.MODEL,
    "mi-tui/broken-endpoint-in-use": Stage.MODEL,
    "mi-tui/deployment-exists": Stage.MODEL,
    "mi-tui/sandbox-died": Stage.WELCOME,
    "ResourceGroupNotFound": Stage.WORKSPACE,
    "SubscriptionNotFound": Stage.WORKSPACE,
    "ResourceNotFound": Stage.WORKSPACE,
    "AuthorizationFailed": Stage.WORKSPACE,
}
"""The stage that mends each reason against a plan, by its code (`engine.planner`, and what Azure answers to the reads)."""


_SPEAKING, _LINE = 3, 160
"""How many things that speak for a cause stand on the card, and how long each may be; F4 has all of it."""


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


def explain(wizard: Wizard, found: Sequence[Reason], done: Callable[[Sequence[Diagnosis | None]], None]) -> None:
    """Find out in the background why, with the world as it is now; `done` gets the diagnoses in the order of the reasons, on the UI thread.

    Of what is no answer of Azure's or the planner's there is nothing to find out."""
    target, failures = wizard.target, [reason.failure for reason in found]
    if target is None or not isinstance(wizard.plan_error, PlanError | ServiceError):
        return
    answers, whole = copy.deepcopy(wizard.draft).answers(), wizard.last_failure

    def known(result: tuple[Diagnosis | None, ...] | Failure) -> None:
        if isinstance(result, Failure):
            return  # the reasons themselves are shown already
        first = next(filter(None, result), None)
        if first is not None and whole is not None and wizard.last_failure is whole:
            wizard.told = (whole, first)
        done(result)

    wizard.background(lambda: wizard.workflow.advice.refused(target, answers, failures), known)


def card(found: list[Reason], diagnoses: Sequence[Diagnosis | None] = ()) -> Facts:
    """The card that says all reasons, each with where it is mended; with the diagnoses (in the same order), once they are there, also why,
    what speaks for it, and the changes that mi-tui can make."""
    known = (*diagnoses, *[None] * len(found))[: len(found)]
    many = len(found) > 1
    why: list[str] = []
    fixes: list[Fix] = []
    for number, (reason, diagnosis) in enumerate(zip(found, known, strict=True), 1):
        why += [f"{number}. {_said(reason.failure)}"] if many else []
        why += [*reason.failure.details, *_speaking(reason.failure, diagnosis)]
        what = f"For {number}: " if many and any(known) else ""
        fixes += [replace(fix, words=f"{what}{fix.words}") for fix in _fixes(reason, diagnosis)]
    first, cause = _said(found[0].failure), known[0].cause if known[0] else ""
    if cause and not many and not _is_sentence(found[0].failure):
        # The cause is what people can read; what was said then speaks for it.
        why[why.index(cause)], first = f"failure: {first}", cause
    sure = [diagnosis.confidence.words for diagnosis in known if diagnosis]
    return Facts(
        f"{len(found)} things are in the way of a plan." if many else first,
        tuple(why),
        tuple(fixes),
        "\n".join(filter(None, (reason.failure.raw for reason in found))),
        sure[0] if len(set(sure)) == 1 else "",
    )


def _said(failure: Failure) -> str:
    """What was said; where that is no sentence, as of an answer without a body, with the code."""
    return failure.message if _is_sentence(failure) else failure.sentence()


def _is_sentence(failure: Failure) -> bool:
    return " " in failure.message


def _speaking(failure: Failure, diagnosis: Diagnosis | None) -> list[str]:
    """The cause with what speaks for it, beside what the failure itself says."""
    if diagnosis is None:
        return []
    told = failure.sentence()
    seen = [f"{item.source}: {item.text}" for item in diagnosis.evidence if told not in item.text]
    return [diagnosis.cause, *(cut(line, _LINE) for line in seen[:_SPEAKING])]


def _fixes(reason: Reason, diagnosis: Diagnosis | None) -> Iterator[Fix]:
    """What to do about a reason: what mi-tui can change first, then the stage where the person does."""
    where = f"Enter goes to {reason.stage.label}." if reason.stage else "Enter tries again."
    action = f"go {reason.stage.value}" if reason.stage else "retry"
    known = diagnosis.fixes if diagnosis else ()
    yield from (Fix(fix.words, fix.command, change=fix.change if applies_before_a_run(fix) else None) for fix in known)
    if known:
        other = "Or choose something else yourself." if reason.stage else "Then go on."
        yield Fix(f"{other} {where}", action=action)
        return
    advice = reason.failure.advice or ("Choose something else." if reason.stage else "Try again.")
    if reason.failure.code == BROKEN_ENDPOINT:
        yield Fix("Delete the broken endpoint and make it again: Enter plans that.", action="replace")
        advice = "Or take another endpoint name."
    yield Fix(f"{advice} {where}", action=action)
