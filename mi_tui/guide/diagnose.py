"""Diagnosis: a case matched to causes, the best first. What fits no rule is said to be unknown, with what was read and what to ask next."""

from __future__ import annotations

from mi_tui.guide.case import Case
from mi_tui.model.diagnosis import Confidence, Diagnosis, Evidence, Fix
from mi_tui.model.failure import Failure
from mi_tui.model.redact import redact

UNKNOWN = "unknown"
"""The rule's id of the diagnosis of what fits no rule."""

_SHOWN = 2_000
"""Characters of a raw text that stand in the evidence."""


def diagnose(case: Case) -> tuple[Diagnosis, ...]:
    """The diagnoses of a case, best first; never empty: the last one is `unknown`."""
    return (_unknown(case),)


def _unknown(case: Case) -> Diagnosis:
    """What can be said of a failure that fits no rule: the raw error, the ids for support, and the next useful question."""
    evidence = []
    if case.failure is not None:
        evidence.append(Evidence("failure", redact(case.failure.sentence())[:_SHOWN]))
        evidence += [Evidence("details", redact(detail)[:_SHOWN]) for detail in case.failure.details]
    if case.text.strip():
        evidence.append(Evidence("text", redact(case.text.strip()[:_SHOWN])))
    evidence += [Evidence(what, state) for what, state in case.states.items()]
    return Diagnosis(
        rule=UNKNOWN,
        cause="No rule fits this.",
        confidence=Confidence.UNKNOWN,
        evidence=tuple(evidence),
        fixes=(Fix("Send what stands under 'support' to Azure's support, with the error as it came."),),
        links=("https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints",),
        support=_support(case.failure),
        question="What do the last 50 lines of the container's log say?",
    )


def _support(failure: Failure | None) -> tuple[Evidence, ...]:
    if failure is None:
        return ()
    ids = (("request id", failure.request_id), ("correlation id", failure.correlation_id))
    return tuple(Evidence(name, value) for name, value in ids if value)
