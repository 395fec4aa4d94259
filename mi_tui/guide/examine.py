"""Examine: an endpoint looked at and judged, be it of a run or one that mi-tui did not make. Reads only, and never asks the endpoint."""

from __future__ import annotations

import time

from mi_tui.guide import seen, world
from mi_tui.guide.case import Case
from mi_tui.guide.diagnose import UNKNOWN, diagnose
from mi_tui.guide.subject import Subject
from mi_tui.guide.world import ABSENT, Sight
from mi_tui.model.check import Check, CheckStatus
from mi_tui.model.diagnosis import Confidence, Diagnosis
from mi_tui.model.examination import Examination
from mi_tui.model.failure import Failure

SURE = {Confidence.CERTAIN, Confidence.LIKELY}


def examine(subject: Subject, seconds: float, failure: Failure | None = None, run: str = "") -> Examination:
    """Look at the endpoint for `seconds` at most, and say what is wrong with it. `failure` is what a run told of it. Never raises ServiceError."""
    began = time.monotonic()
    sight = world.look(subject, seconds)
    rows = seen.checks(sight)
    told = failure or sight.failure
    found = diagnose(
        Case(told, logs=sight.logs, states=world.states(sight.world), answers=subject.answers, world=sight.world)
    )
    failed = tuple(row for row in rows if row.status is CheckStatus.FAILED)
    causes, remarks = _sorted(found, sight, told, failed)
    there = sight.world.endpoint_state not in {"", ABSENT} and sight.world.deployment_state != ABSENT
    healthy = there and told is None and not failed and not any(cause.confidence in SURE for cause in causes)
    return Examination(
        endpoint=subject.endpoint,
        deployment="" if sight.world.deployment_state in {"", ABSENT} else sight.world.deployment,
        healthy=healthy,
        words=_sum(sight, rows, failed, causes, healthy),
        checks=rows,
        diagnoses=causes,
        remarks=remarks,
        seconds=round(time.monotonic() - began, 3),
        run=run,
    )


def _sorted(
    found: tuple[Diagnosis, ...], sight: Sight, told: Failure | None, failed: tuple[Check, ...]
) -> tuple[tuple[Diagnosis, ...], tuple[Diagnosis, ...]]:
    """What is wrong now, and what only a log speaks of. That no rule fits is worth saying only where something is wrong."""
    known = tuple(one for one in found if one.rule != UNKNOWN)
    serves = sight.world.deployment_state.lower() == "succeeded"
    past = tuple(one for one in known if serves and told is None and _of_logs_alone(one))
    causes = tuple(one for one in known if one not in past)
    if not causes and (told is not None or failed):
        causes = tuple(one for one in found if one.rule == UNKNOWN)
    return causes, past


def _of_logs_alone(one: Diagnosis) -> bool:
    return bool(one.evidence) and all(item.source.startswith("log") for item in one.evidence)


def _sum(
    sight: Sight, rows: tuple[Check, ...], failed: tuple[Check, ...], causes: tuple[Diagnosis, ...], healthy: bool
) -> str:
    now = sight.world
    name = f"The endpoint {now.endpoint}"
    unseen = sum(row.id.startswith("unseen-") for row in rows)
    but = f" {unseen} thing{'s' if unseen != 1 else ''} could not be seen." if unseen else ""
    if now.endpoint_state == ABSENT:
        why = f" {causes[0].cause}" if causes and causes[0].rule != UNKNOWN else ""
        return f"There is no endpoint {now.endpoint} in the workspace {now.workspace}.{why}"
    if not now.endpoint_state:
        return f"{name} could not be looked at.{but}"
    if now.deployment_state == ABSENT and not failed and not causes:
        return f"{name} has no deployment, so nothing answers requests.{but}"
    if not healthy:
        what = causes[0].cause if causes and causes[0].rule != UNKNOWN else "something is wrong with it."
        many = f" {len(failed)} of {len(rows)} things are not as they must be." if failed else ""
        return f"{name}: {what}{many}{but}"
    if now.deployment_state.lower() in {"creating", "updating"}:
        return f"{name}: its deployment is being made ({now.deployment_state}); nothing is wrong so far.{but}"
    return f"{name}: nothing wrong was seen. It was not asked for an answer.{but}"
