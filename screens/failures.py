"""What a screen shows of an error, whatever raised it."""

from __future__ import annotations

from collections.abc import Iterable

from mi_tui.model.failure import Failure


def failure_of(error: Exception) -> Failure:
    """What a screen shows of any error."""
    from mi_tui.workflow import AnswersError, JournalError, PlanError, SandboxError, as_failure

    match error:
        case AnswersError():
            return Failure(
                code="mi-tui/answers", message="These answers cannot be used.", details=tuple(map(str, error.faults))
            )
        case PlanError():
            return _merged(error.failures)
        case JournalError() | SandboxError():
            return Failure(code="mi-tui", message=str(error))
        case _:
            return as_failure(error)


def _merged(failures: Iterable[Failure]) -> Failure:
    """Several reasons why there is no plan, as one card: the first in front, the others as details."""
    first, *others = failures
    if not others:
        return first
    details = tuple(f"{other.message} {other.advice}".strip() for other in others)
    return Failure(code=first.code, message=first.message, advice=first.advice, details=(*first.details, *details))
