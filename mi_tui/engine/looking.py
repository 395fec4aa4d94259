"""Looking at a run's endpoint from outside the run: its states, its logs, its answer. Reads only, but for the request itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tui.engine.logs import Tail
from mi_tui.model.failure import Failure
from mi_tui.services import deployments, endpoints, quiet, scoring
from mi_tui.services.errors import ServiceError

if TYPE_CHECKING:
    import threading

    from mi_tui.model.plan import Plan
    from mi_tui.model.secret import Secret
    from mi_tui.services.scoring import ScoreAnswer
    from mi_tui.services.session import Session


def _where(plan: Plan) -> tuple[str, str, str]:
    return plan.place.resource_group, plan.answers.workspace.name, plan.answers.endpoint.name


def states(session: Session, plan: Plan) -> dict[str, str]:
    """What Azure tells now: `endpoint`, `deployment`, `traffic`, `scoring_uri`; `absent` where there is none. Raises ServiceError."""
    front = endpoints.get(session, *_where(plan))
    if front is None:
        return {"endpoint": "absent"}
    back = deployments.get(session, *_where(plan), plan.answers.deployment.name)
    return {
        "endpoint": front.state,
        "deployment": back.state if back else "absent",
        "traffic": ", ".join(f"{name} {share} %" for name, share in front.traffic.items() if share) or "none",
        "scoring_uri": front.scoring_uri,
    }


def logs(
    session: Session, plan: Plan, container: deployments.Container, tail: int, *, follow: bool, stop: threading.Event, pause: float
) -> Iterator[tuple[str, bool]]:  # fmt: skip
    """The lines of a container's log; with `follow`, new ones as they come, asked for every `pause` seconds until `stop`.

    The flag is False for a sentence that says why there is no log. Raises ServiceError.
    """
    seen, said = Tail(), ""
    while True:
        with quiet.Prints():
            found = deployments.logs(session, *_where(plan), plan.answers.deployment.name, container, tail)
        if found.available:
            yield from ((line, True) for line in seen.take(found.text))
        elif found.sentence != said:
            said = found.sentence
            yield said, False
        if not follow or stop.wait(pause):
            return


def invoke(session: Session, plan: Plan, run: str, body: bytes) -> ScoreAnswer:
    """Ask the endpoint. The key stays here. Raises ServiceError."""
    front = endpoints.get(session, *_where(plan))
    if front is not None and not front.scoring_uri:
        raise ServiceError(
            Failure(
                code="mi-tui/no-address",
                message=f"The endpoint {front.name!r} has no address yet (state {front.state}).",
                advice=f"'mi-tui status {run}' tells its state; 'mi-tui resume {run}' goes on until it answers.",
            )
        )
    if front is None:
        raise ServiceError(
            Failure(
                code="mi-tui/no-endpoint",
                message=f"The endpoint {plan.answers.endpoint.name!r} is not there.",
                advice=f"'mi-tui status {run}' tells what is; 'mi-tui resume {run}' makes it again.",
            )
        )
    return scoring.invoke(front.scoring_uri, key(session, plan), body)


def key(session: Session, plan: Plan) -> Secret:
    """The endpoint's key. Raises ServiceError."""
    return endpoints.key(session, *_where(plan))
