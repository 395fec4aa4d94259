"""Why there is no plan, and which stage mends it."""

from __future__ import annotations

from dataclasses import dataclass

from mi_tui.model.draft import Stage, stage_of
from mi_tui.model.failure import BROKEN_ENDPOINT, Failure
from mi_tui.widgets.card import Facts, Fix
from mi_tui.workflow import AnswersError, PlanError

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
        if reason.failure.code == BROKEN_ENDPOINT:
            fixes.append(Fix("Delete the broken endpoint and make it again: Enter plans that.", action="replace"))
            advice = "Or take another endpoint name."
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
