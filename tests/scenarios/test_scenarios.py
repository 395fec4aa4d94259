"""Every scenario of the library, in the whole journey through the real SDK: Azure's error, and the remedy that ends in an answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mi_tui.engine.context import Stop
from mi_tui.sandbox import scenarios
from tests.e2e.conftest import environment_cache
from tests.scenarios.cases import CASES, Case, run, until
from tests.scenarios.journey import Journey, Outcome, opened

pytestmark = pytest.mark.e2e

IN_CI = {"missing-role", "provider-unregistered", "no-quota", "missing-package"}
"""One of each kind: a right, a provider, a limit, a container; the network breaks in the campaign's rounds. The others are run by hand: `-m long`."""

__all__ = ["environment_cache"]


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory, environment_cache: Path) -> Iterator[Journey]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MI_TUI_SANDBOX_CACHE", str(environment_cache))
        with opened(tmp_path_factory.mktemp("scenarios") / "home") as found:
            yield found


def test_each_scenario_has_its_case() -> None:
    assert {case.scenario for case in CASES} | {"no-capacity"} == set(scenarios.library())


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=pytest.mark.slow if case.scenario in IN_CI else pytest.mark.long, id=case.scenario)
        for case in CASES
    ],
)
def test_a_scenario_fails_as_azure_does_and_its_remedy_helps(journey: Journey, case: Case, tmp_path: Path) -> None:
    seen = run(journey, case, tmp_path)
    first = seen.first
    assert case.log in f"{first.said}\n{seen.asked}\n{seen.logged}"
    assert first.rule == case.rule
    if first.finished is not None and first.finished.diagnosis is not None:
        assert first.finished.diagnosis.evidence
    if not case.words and not case.code:
        assert first.scored, first.message
    else:
        assert not first.scored
        assert case.words in f"{first.message} {first.raw} {seen.logged}"
        if case.code:
            assert first.code == case.code
    if seen.remedied is not None:
        assert seen.remedied.scored, f"{seen.remedied.code} {seen.remedied.message}"


@pytest.mark.long
def test_a_region_without_machines_lets_a_deployment_wait_for_ever(journey: Journey) -> None:
    journey.scenario("no-capacity")
    answers, stop, found = journey.answers(), Stop(), list[Outcome]()
    attempt = threading.Thread(target=lambda: found.append(journey.up(answers, stop)))
    attempt.start()
    deployment = f"{journey.workspace}/onlineEndpoints/{answers.endpoint.name}/deployments/blue"
    try:
        until(lambda: journey.arm("GET", deployment)[0] == 200)
        polls = [row for row in journey.log() if "mfeOperationsStatus/od:" in row["path"]]
        until(lambda: len([row for row in journey.log() if "mfeOperationsStatus/od:" in row["path"]]) > len(polls) + 5)
        assert journey.arm("GET", deployment)[1]["properties"]["provisioningState"] == "Creating"
        # Long enough that the run has looked whether there is a machine.
        time.sleep(journey.target.pace.capacity_look + 2)
    finally:
        stop.set()
        attempt.join()
    assert not found[0].scored
    assert found[0].rule == "no-capacity"
    assert "longer than usual" in found[0].said
    smaller = journey.up(journey.answers(deployment={"instance_type": "Standard_F4s_v2"}))
    assert smaller.scored, smaller.message
    journey.down()
    journey.scenario("none")
