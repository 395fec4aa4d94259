"""Following a log of which Azure returns the last N lines each time."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_tui.engine import logs
from mi_tui.engine.context import Context, Pace
from mi_tui.engine.journal import Journal
from mi_tui.engine.logs import TAIL, Follower, Tail, new_lines
from mi_tui.model.events import Event, LogLine, Notice
from mi_tui.model.failure import Failure
from mi_tui.services import deployments
from mi_tui.services.deployments import NOT_YET, Logs
from mi_tui.services.errors import ServiceError
from tests.screens.plans import RUN, a_plan

HEAD = "Instance status:\nUserContainerStart: {}\n\nContainer events:\n{}\n\nContainer logs:\n"
MAIN, STARTER = logs.CONTAINERS


@given(st.integers(0, 40), st.integers(1, 10), st.lists(st.integers(1, 10), max_size=40))
def test_each_line_is_told_once_while_windows_overlap(length: int, window: int, steps: list[int]) -> None:
    log = [str(number) for number in range(length)]
    tail = Tail()
    told: list[str] = []
    end = 0
    for number, step in enumerate(steps):
        # The first look may come late; after it the log grows by less than what one look shows.
        end = min(length, end + (min(step, window - 1) if number else step))
        told += tail.take("\n".join(log[max(0, end - window) : end]))
    first = max(0, min(length, steps[0]) - window) if steps else 0
    assert told == log[first:end]


def test_a_restarted_container_begins_anew() -> None:
    assert new_lines(["a", "b"], ["x", "y"]) == ["x", "y"]
    assert new_lines(["a", "b", "b"], ["b", "b", "b"]) == ["b"]
    assert new_lines([], ["a"]) == ["a"]
    assert new_lines(["a"], []) == []
    assert new_lines(["a", "b", "c"], ["c"]) == []


def test_what_stands_before_the_log_is_told_when_it_changes() -> None:
    tail = Tail()
    first = HEAD.format("InProgress", "Kind: Pod, Name: Pulling") + "one\n"
    assert tail.take(first) == first.splitlines()
    assert tail.take(first) == []
    then = HEAD.format("Succeeded", "Kind: Pod, Name: Pulling\nKind: Pod, Name: Pulled") + "one\ntwo\n"
    assert tail.take(then) == ["UserContainerStart: Succeeded", "Kind: Pod, Name: Pulled", "two"]
    assert tail.take(HEAD.format("Succeeded", "")) == []
    assert tail.take(then) == ["Kind: Pod, Name: Pulling", "Kind: Pod, Name: Pulled"]


Answer = Callable[[str, int], Logs]


@pytest.fixture
def followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], tuple[Follower, list[Event]]]:
    """A follower whose logs are answered by a function of container and tail, and the events that it emits."""
    journal = Journal(tmp_path / "journal.db")
    journal.add_run(RUN, "sandbox", a_plan())

    def begin(answer: Answer) -> tuple[Follower, list[Event]]:
        def fetch(
            session: object, group: str, workspace: str, front: str, name: str, container: str, tail: int
        ) -> Logs:
            return answer(container, tail)

        monkeypatch.setattr(deployments, "logs", fetch)
        told: list[Event] = []
        ctx = Context(RUN, a_plan(), cast("Any", None), journal, told.append, Pace(log_poll=0.01))
        return Follower(ctx, "ep", "blue"), told

    return begin


def lines(told: list[Event], container: str = MAIN) -> list[str]:
    """The lines that were emitted."""
    return [event.text for event in told if isinstance(event, LogLine) and event.container == container]


def until(true: Callable[[], bool]) -> None:
    """Wait for something that another thread does."""
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_lines_come_while_the_operation_goes_each_once(
    followed: Callable[[Answer], tuple[Follower, list[Event]]],
) -> None:
    log = {MAIN: list[str](), STARTER: ["fetched"]}
    asked = 0

    def answer(container: str, tail: int) -> Logs:
        nonlocal asked
        asked += 1
        if not log[MAIN]:
            return Logs(False, "", NOT_YET)
        return Logs(True, "\n".join(log[container][-tail:]), "")

    follower, told = followed(answer)
    with follower:
        until(lambda: asked > 6)
        assert told == [], "a refusal that is expected is no news"
        for number in range(5):
            log[MAIN].append(f"line {number}")
            until(lambda: len(lines(told)) == len(log[MAIN]))
    assert lines(told) == log[MAIN]
    log[MAIN].append("Blob contains: hello")
    assert follower.look().endswith("hello")
    assert lines(told) == log[MAIN]
    assert lines(told, STARTER) == ["fetched"]
    looks = asked
    time.sleep(0.1)
    assert asked == looks, "it went on after the end"


def test_more_than_one_look_shows_is_asked_for_again(
    followed: Callable[[Answer], tuple[Follower, list[Event]]],
) -> None:
    log = [str(number) for number in range(100)]
    follower, told = followed(lambda _, tail: Logs(True, "\n".join(log[-tail:]), ""))
    follower.look()
    log += [str(number) for number in range(100, 100 + 3 * TAIL)]
    follower.look()
    assert lines(told) == log
    assert not [event for event in told if isinstance(event, Notice)]
    log += [str(number) for number in range(len(log), len(log) + 2 * logs.MORE)]
    follower.look()
    assert lines(told)[-logs.MORE :] == log[-logs.MORE :]
    assert any("may be missing" in event.text for event in told if isinstance(event, Notice))


def test_a_log_that_cannot_be_had_is_said_once_and_never_raised(
    followed: Callable[[Answer], tuple[Follower, list[Event]]],
) -> None:
    asked = 0

    def answer(container: str, _: int) -> Logs:
        nonlocal asked
        asked += 1
        if container == MAIN:
            raise ServiceError(Failure(code="AuthorizationFailed", message="You may not read logs.", status=403))
        raise RuntimeError("the SDK stumbled")

    follower, told = followed(answer)
    with follower:
        until(lambda: asked > 6)
    assert follower.look() == ""
    said = [event.text for event in told if isinstance(event, Notice)]
    assert len(said) == len(told) == 2
    assert "You may not read logs" in said[0]


def test_a_question_without_an_answer_is_told_from_an_empty_log(
    followed: Callable[[Answer], tuple[Follower, list[Event]]],
) -> None:
    lost = {MAIN: True, STARTER: False}

    def answer(container: str, _tail: int) -> Logs:
        if lost[cast("Any", container)]:
            raise ServiceError(Failure(code="mi-tui/network", message="The connection broke off."))
        return Logs(False, "", NOT_YET)

    follower, _told = followed(answer)
    follower.look()
    assert not follower.answered
    lost = {MAIN: False, STARTER: True}
    follower.look()
    assert follower.answered, "the other container's log is another question"
