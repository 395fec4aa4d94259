"""Runs and clean-up through a network that loses answers, a service that refuses, and a sign-in that ends; in the sandbox, by rules."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mi_tui.engine.context import Stop
from mi_tui.model.answers import IdentityKind
from mi_tui.model.events import Event, Notice, Outcome, RunFinished, StepProgress
from mi_tui.model.failure import Failure
from tests.e2e.conftest import environment_cache
from tests.scenarios.journey import Journey, opened

pytestmark = [pytest.mark.e2e, pytest.mark.long]

__all__ = ["environment_cache"]

Rules = list[dict[str, Any]]

WRITES = "PUT|DELETE|PATCH"
LOST_WRITES: Rules = [
    {"on": {"method": WRITES}, "when": {"every": 2}, "reset": "after"},
    {"on": {"service": "blob", "method": WRITES}, "when": {"every": 2}, "reset": "after"},
]
CUT_BEFORE: Rules = [
    {"on": {"method": "*"}, "when": {"probability": 0.15, "seed": 1}, "reset": "before"},
    {"on": {"service": "blob", "method": "*"}, "when": {"probability": 0.15, "seed": 2}, "reset": "before"},
    {"on": {"service": "login", "method": "*"}, "when": {"every": 2}, "reset": "before"},
]
BUSY: Rules = [
    {
        "on": {"method": "*"},
        "when": {"every": 7},
        "answer": {"status": 503, "code": "ServerBusy", "message": "Busy.", "headers": {"Retry-After": "1"}},
    },
    {
        "on": {"method": WRITES},
        "when": {"every": 5},
        "answer": {"status": 500, "code": "InternalServerError", "message": "?"},
    },
]
SIGN_IN_ENDS: Rules = [
    {"on": {"method": "GET", "path": "*/mfeOperationsStatus/od:*"}, "when": {"skip": 1, "times": 1}, "expire": True},
    {
        "on": {"service": "login", "method": "POST"},
        "when": {"skip": 2, "times": 1},
        "answer": {"status": 400, "code": "invalid_grant", "message": "AADSTS700082: The refresh token has expired."},
    },
]


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory, environment_cache: Path) -> Iterator[Journey]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MI_TUI_SANDBOX_CACHE", str(environment_cache))
        with opened(tmp_path_factory.mktemp("faults") / "home") as found:
            yield found


class Ran:
    """One run and its clean-up, both under the same rules."""

    def __init__(self, journey: Journey, folder: Path, rules: Rules, kind: IdentityKind, **more: Any) -> None:
        self.events: list[Event] = []
        scenario = folder / "rules.yaml"
        scenario.write_text(yaml.safe_dump({"about": "faults", "rules": rules, **more}))
        self.before = journey.tree()
        flow, target = journey.workflow, journey.target
        run, plan = flow.plan(target, journey.answers(kind))
        journey.scenario(str(scenario))
        try:
            self.up: RunFinished = flow.up(target, run, plan, self.events.append, Stop())
            self.made = [entry.id.lower() for entry in flow.journal.ledger(run)]
            self.down: RunFinished = flow.down(target, flow.journal.run(run), self.events.append, Stop())
        finally:
            journey.scenario("none")
        self.after = journey.tree()

    @property
    def waits(self) -> list[str]:
        return [e.detail for e in self.events if isinstance(e, StepProgress) and e.status == "Waiting"]

    @property
    def notices(self) -> str:
        return "\n".join(e.text for e in self.events if isinstance(e, Notice))

    def must_have_lost_nothing(self) -> None:
        assert self.up.outcome is Outcome.SUCCEEDED, self.up.failure
        assert self.up.response
        assert len(set(self.made)) == len(self.made)
        assert self.down.outcome is Outcome.SUCCEEDED, self.down.left
        assert self.after == self.before


@pytest.mark.parametrize("kind", list(IdentityKind))
@pytest.mark.parametrize("rules", [LOST_WRITES, CUT_BEFORE, BUSY], ids=["lost writes", "cut before", "busy"])
def test_nothing_is_lost_and_nothing_left(journey: Journey, tmp_path: Path, rules: Rules, kind: IdentityKind) -> None:
    ran = Ran(journey, tmp_path, rules, kind)
    ran.must_have_lost_nothing()
    assert ran.waits


@pytest.mark.parametrize("kind", list(IdentityKind))
def test_a_deployment_that_comes_before_its_roles_act_ends_well(
    journey: Journey, tmp_path: Path, kind: IdentityKind
) -> None:
    """What init() may not read yet fails the deployment, which is made again. What the pull of the image may not read yet is tried
    for minutes by Azure itself (failures of AcrPull come after about ten), so with a user-assigned identity one try is enough."""
    pace = journey.target.pace
    # Long enough that the first try comes too early on a slow machine as well.
    journey.target.pace = dataclasses.replace(pace, propagation=70.0, young_grant=120.0)
    try:
        ran = Ran(journey, tmp_path, [], kind, timings={"role_propagation": 60})
    finally:
        journey.target.pace = pace
    ran.must_have_lost_nothing()
    if kind is IdentityKind.SAI:
        assert "Every grant is there, but young" in ran.notices
        assert "(try 2 of 3)" in ran.notices


def test_a_sign_in_that_ends_is_asked_for_once_and_the_run_goes_on(journey: Journey, tmp_path: Path) -> None:
    asked: list[Failure] = []

    def ask(failure: Failure, stop: threading.Event) -> bool:
        asked.append(failure)
        return True

    journey.target.session.credential.forget()
    journey.target.ask_sign_in = ask
    try:
        ran = Ran(journey, tmp_path, SIGN_IN_ENDS, IdentityKind.SAI)
    finally:
        journey.target.ask_sign_in = None
    ran.must_have_lost_nothing()
    assert len(asked) <= 1
