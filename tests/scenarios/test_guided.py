"""Every scenario as a person meets it: caught before anything is made where that can be, the right diagnosis first, and fixes that help."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mi_tui.sandbox import scenarios
from tests.campaign.world import differences
from tests.e2e.conftest import environment_cache
from tests.scenarios.guided import GUIDED, LATEST, Guided, sure, walk
from tests.scenarios.journey import Journey, opened

pytestmark = pytest.mark.e2e

__all__ = ["environment_cache"]


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory, environment_cache: Path) -> Iterator[Journey]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MI_TUI_SANDBOX_CACHE", str(environment_cache))
        with opened(tmp_path_factory.mktemp("guided") / "home") as found:
            yield found


def test_every_scenario_is_expected_to_be_something() -> None:
    assert {guided.scenario for guided in GUIDED} == set(scenarios.library())
    for guided in GUIDED:
        assert bool(guided.caught) != bool(guided.unseen), guided.scenario


@pytest.mark.long
@pytest.mark.parametrize("guided", GUIDED, ids=lambda guided: guided.scenario)
def test_a_scenario_is_foreseen_explained_and_mended(journey: Journey, guided: Guided, tmp_path: Path) -> None:
    before = journey.tree()
    seen = walk(journey, guided, tmp_path)
    assert not seen.changed_before
    assert (guided.caught in seen.failed) if guided.caught else not seen.failed
    if guided.rule:
        assert seen.diagnosis is not None
        assert seen.diagnosis.rule in {guided.rule, guided.also}
        assert sure(seen.diagnosis)
        assert seen.diagnosis.fixes
        # Generous: other processes share the machine. `python -m tests.scenarios --guided` prints the seconds.
        assert seen.seconds < 10 * LATEST
    else:
        assert seen.diagnosis is None
    assert seen.fixes == guided.fixes
    assert seen.scored, seen.ended
    # What a scenario, or whoever mends it by hand, does to the world stays.
    left = [line for line in differences(before, journey.tree()) if line.startswith("left: ")]
    assert [line for line in left if not guided.left or guided.left not in line] == []
