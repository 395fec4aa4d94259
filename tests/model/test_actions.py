"""The table of actions, and that the README tells it."""

from __future__ import annotations

from pathlib import Path

from mi_tui.model.actions import ACTIONS, documented, on, pretty
from mi_tui.model.stage import Stage

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_readme_has_the_keys_of_the_table() -> None:
    table = "\n".join(documented())
    assert table in README.read_text("utf-8"), f"put this into the README, under The wizard:\n{table}"


def test_no_key_means_two_things_on_one_step() -> None:
    for stage in Stage:
        keys = [key for action in on(stage.value) for key in action.keys.split(",")]
        assert len(keys) == len(set(keys)), stage


def test_every_action_is_explained_and_stands_on_steps_that_exist() -> None:
    stages = {stage.value for stage in Stage} | {"troubleshoot"}
    for action in ACTIONS:
        assert action.help.endswith(".")
        assert set(action.on) <= stages


def test_keys_as_they_stand_on_a_keyboard() -> None:
    assert pretty("escape,f1") == "esc, f1"
    assert pretty("question_mark") == "?"
