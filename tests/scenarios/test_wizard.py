"""Every scenario by a person at the wizard's screen, by keys in a terminal; and how its texts are read off there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mi_tui.guide import rules
from tests.e2e.conftest import environment_cache
from tests.scenarios import reading
from tests.scenarios.guided import GUIDED, Guided
from tests.scenarios.journey import Journey, opened
from tests.scenarios.wizard import walk

pytestmark = pytest.mark.e2e

__all__ = ["environment_cache"]

_SCREEN = (
    " ✓ Review   ▕  ✗ 34 checks: 33 ok, 1 failed. Granting roles: You may not grant  ",
    "            ▕  roles there.  (d details)                                        ",
    " ● Deploy   ▕  ╭─ ✗ Failed ───────────────────────────────────────────────────╮ ",
    "            ▕  │ The endpoint's name is taken. It is unique in the region,    │ ",
    "            ▕  │ among all customers of Azure; a deletion that is not over    │ ",
    "            ▕  │ holds it too.                                                │ ",
    "            ▕  │                                                              │ ",
    "            ▕  │ Why we think so (certain)                                    │ ",
    "            ▕  │   Azure says that it is taken; whose it is it does not say.  │ ",
    "            ▕  │   failure: There is already an endpoint with this name,      │ ",
    "            ▕  │   Endpoint name needs to be unique within a region.       ▇▇ │ ",
    "            ▕  │                                                              │ ",
    "            ▕  │ What to do                                                   │ ",
    "            ▕  │ █ 1. Take another name, such as ep-1.  (enter shows the      │ ",
    "            ▕  │ █    change)                                                 │ ",
    "            ▕  │   2. Resume: what is done is kept                            │ ",
    "            ▕  ╰──────────────────────────────────────────────────────────────╯ ",
)


def test_a_card_is_read_off_the_screen() -> None:
    lines = reading.box(_SCREEN, "✗ Failed")
    card = reading.card(lines)
    assert card.rule == "endpoint-name-taken"
    assert card.evidence == ("failure: There is already an endpoint with this name,",)
    assert card.offers == (
        "1. Take another name, such as ep-1.  (enter shows the change)",
        "2. Resume: what is done is kept",
    )
    assert reading.box(_SCREEN, "✗ No plan") == []
    assert reading.counted(_SCREEN) == "34 checks: 33 ok, 1 failed"


def test_pages_that_were_scrolled_make_one_text() -> None:
    assert reading.joined([["a", "b", "c"], ["b", "c", "d"], ["d", "e"], ["e"]]) == ["a", "b", "c", "d", "e"]


def test_failed_checks_are_known_by_their_titles() -> None:
    table = ["✗ failed   Storage account     taken", "✗ failed   Storage network  closed", "✓ ok   Signed in   you"]
    assert reading.failed_checks(table) == ("storage-account", "storage-network")


def test_each_cause_is_known_from_the_others() -> None:
    for rule in rules.load().rules:
        assert reading.rule_told([rule.cause.replace("{", "").replace("}", "")]) == rule.id


@pytest.fixture(scope="module")
def outside(environment_cache: Path) -> dict[str, str]:
    return {**os.environ, "MI_TUI_SANDBOX_CACHE": str(environment_cache)}


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory, outside: dict[str, str]) -> Iterator[Journey]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MI_TUI_SANDBOX_CACHE", outside["MI_TUI_SANDBOX_CACHE"])
        with opened(tmp_path_factory.mktemp("wizard") / "home") as found:
            yield found


@pytest.mark.long
@pytest.mark.parametrize("guided", GUIDED, ids=lambda guided: guided.scenario)
def test_a_scenario_is_explained_and_mended_on_the_screen(
    journey: Journey, outside: dict[str, str], guided: Guided, tmp_path: Path
) -> None:
    assert walk(journey, guided, tmp_path, outside, (120, 40)).faults() == []
