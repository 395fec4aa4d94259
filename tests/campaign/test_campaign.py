"""The crash campaign in small, with every change: some rounds, and four mi-tui at once. In large it is run by hand."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.campaign import checks, faults, long_haul
from tests.campaign.campaign import Campaign
from tests.campaign.nursery import Ended
from tests.campaign.rounds import Drawn, Job, Result
from tests.campaign.together import together
from tests.campaign.victim import Kill
from tests.campaign.world import differences
from tests.e2e.conftest import environment_cache

__all__ = ["environment_cache"]

ROUNDS = 25
"""So many take about two minutes, two at a time."""


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.mark.slow
@pytest.mark.e2e
def test_rounds_of_kills_and_faults_leave_the_world_as_it_was(
    tmp_path: Path, environment_cache: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setenv("MI_TUI_SANDBOX_CACHE", str(environment_cache))
    figures = Campaign(tmp_path, "ci", 2, tmp_path / "state.jsonl", said.append).play(range(1, ROUNDS + 1))
    assert not figures.violations, "\n".join(said)
    assert figures.rounds == ROUNDS
    assert figures.kills
    assert figures.faults.total()
    again = Campaign(tmp_path, "ci", 2, tmp_path / "state.jsonl", said.append).play(range(1, ROUNDS + 1))
    assert str(again) == str(figures), "what is in the state file is not played again"


@pytest.mark.long
@pytest.mark.e2e
@pytest.mark.parametrize(
    ("seed", "number"),
    [
        # A look after a deployment that failed found nothing (an old answer), and the run took it for refused and forgot it.
        ("thousand", 167),
        # The question for the log after the scored request was lost, and the proof with it.
        ("thousand", 67),
    ],
)
def test_rounds_that_once_found_something(
    tmp_path: Path, environment_cache: Path, monkeypatch: pytest.MonkeyPatch, said: list[str], seed: str, number: int
) -> None:
    monkeypatch.setenv("MI_TUI_SANDBOX_CACHE", str(environment_cache))
    figures = Campaign(tmp_path, seed, 1, tmp_path / "state.jsonl", said.append).play([number])
    assert not figures.violations, "\n".join(said)


@pytest.mark.slow
@pytest.mark.e2e
def test_four_at_once_do_not_harm_each_other(
    tmp_path: Path, environment_cache: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setenv("MI_TUI_SANDBOX_CACHE", str(environment_cache))
    assert together(4, tmp_path, said.append) == 0, "\n".join(said)


def _ended(code: int, err: str, out: str = "") -> Ended:
    return Ended(("up",), Kill(), code, out, err, 1.0, False, ())


def test_what_a_command_may_not_say_is_seen() -> None:
    assert not checks.spoken(_ended(0, "Done."))
    assert not checks.spoken(_ended(1, "The name is taken."))
    assert "no sentence" in checks.spoken(_ended(1, "\n"))[0]
    assert "Traceback" in checks.spoken(_ended(1, "Traceback (most recent call last):\n  ..."))[0]
    logged = '{"event":"log","text":"Traceback (most recent call last):"}'
    assert not checks.spoken(_ended(1, "The container ended.", logged)), "what the container says is data"
    assert "ended with 139" in checks.spoken(_ended(139, "x"))[0]


def test_what_was_left_changed_or_taken_away_is_seen() -> None:
    old = {"id": "/a", "type": "t", "body": {"tags": {}}}
    new = {"id": "/b", "type": "t", "body": {}}
    before = {"resources": [old], "role_assignments": [], "blobs": []}
    changed = {"id": "/a", "type": "t", "body": {"tags": {"x": "1"}}}
    assert differences(before, before) == []
    assert differences(before, {**before, "resources": [changed, new]}) == [
        'changed: /a: .body.tags.x null -> "1"',
        "left: /b",
    ]
    assert checks.untouched(before, {**before, "resources": []}) == ["during the run gone: /a"]


def test_a_secret_is_seen_wherever_it_stands() -> None:
    assert checks.kept_secret({"debug.log": b"key=abcdefghijklmnop"}, {"abcdefghijklmnop"})
    assert checks.kept_secret({"out": b"Bearer eyJ0eXAiOiJKV1QiLCJh.eyJhdWQiOiJodHRwczovL20"}, set())
    assert checks.kept_secret({"out": b"https://x/y?sv=1&sig=abcdefghijklmnopqrstuvwxyz%3D"}, set())
    assert not checks.kept_secret({"out": b"https://x/y?sv=1&sig=***"}, {"abcdefghijklmnop"})


@pytest.mark.slow
def test_a_campaign_that_is_ended_from_outside_counts_only_what_it_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    """What a round does is left out; what mi-tui is forked from is there, and is killed."""

    def asks_for_help(job: Job, number: int, begin: object = None) -> Result:
        if number == 3:
            job.nursery.kill()
        assert job.nursery.run("--version").code == 0
        return Result(number)

    monkeypatch.setattr(Job, "round", asks_for_help)
    campaign = Campaign(tmp_path / "worlds", "cut", 1, tmp_path / "state.jsonl", said.append)
    assert campaign.play(range(1, 9)).rounds == 2
    assert "has ended" in campaign.cut
    assert [json.loads(line).get("number") for line in (tmp_path / "state.jsonl").read_text().splitlines()] == [
        None,
        1,
        2,
    ]


def test_a_round_is_drawn_from_its_seed_alone(tmp_path: Path) -> None:
    def drawn(seed: str, name: str) -> tuple[object, ...]:
        folder = tmp_path / name
        folder.mkdir()
        script = Drawn(random.Random(seed), folder, "same")
        troubles = [vars(script.trouble(removing=removing)) for removing in (False, True)]
        return script.choice.words, troubles, [script.kill("up") for _ in range(4)]

    assert drawn("1/7", "a") == drawn("1/7", "b")
    assert drawn("1/7", "c") != drawn("1/8", "d")


def test_every_trouble_is_a_scenario_that_the_sandbox_takes(tmp_path: Path) -> None:
    from mi_tui.sandbox import scenarios

    dice = random.Random("troubles")
    for number in range(200):
        trouble = faults.draw(dice, f"x{number}", removing=bool(number % 2), most=8)
        name = trouble.write(tmp_path / "trouble.yaml")
        assert scenarios.fault(None, name) is None, name


def test_the_slope_of_memory_is_in_kib_a_minute() -> None:
    rising = [long_haul.Sample(60.0 * minute, 1000 + 5 * minute, 9, 3) for minute in range(10)]
    assert long_haul.slope(rising) == pytest.approx(5.0)
    assert long_haul.slope(rising[:1]) == 0.0
