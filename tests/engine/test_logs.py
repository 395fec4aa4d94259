"""Following a log of which Azure returns the last N lines each time."""

from hypothesis import given
from hypothesis import strategies as st

from mi_tui.engine.logs import follow, new_lines


@given(st.integers(0, 40), st.integers(1, 10), st.lists(st.integers(1, 10), max_size=40))
def test_each_line_is_told_once_while_windows_overlap(length: int, window: int, steps: list[int]) -> None:
    log = [str(number) for number in range(length)]
    seen: list[str] = []
    told: list[str] = []
    end = 0
    for step in steps:
        # The first look may come late; after it the log grows by less than what one look shows.
        end = min(length, end + (min(step, window - 1) if seen else step))
        told += follow(log[max(0, end - window) : end], seen)
    first = max(0, min(length, steps[0]) - window) if steps else 0
    assert told == log[first:end]


def test_a_restarted_container_begins_anew() -> None:
    assert new_lines(["a", "b"], ["x", "y"]) == ["x", "y"]
    assert new_lines(["a", "b", "b"], ["b", "b", "b"]) == ["b"]
    assert new_lines([], ["a"]) == ["a"]
    assert new_lines(["a"], []) == []
