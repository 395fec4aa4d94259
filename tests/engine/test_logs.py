"""Following a log of which Azure returns the last N lines each time."""

from hypothesis import given
from hypothesis import strategies as st

from mi_tui.engine.logs import follow, new_lines


@given(st.lists(st.text(max_size=3), max_size=30, unique=True), st.integers(1, 10), st.data())
def test_each_line_is_told_once_while_windows_overlap(log: list[str], window: int, data: st.DataObject) -> None:
    seen: list[str] = []
    told: list[str] = []
    end = 0
    while end < len(log):
        end = min(len(log), end + data.draw(st.integers(0, max(window - 1, 1))))
        if not seen and end > window:
            end = window
        told += follow(log[max(0, end - window) : end], seen)
        if end == len(log):
            break
    assert told == log[: len(told)]
    assert told == log


def test_a_restarted_container_begins_anew() -> None:
    assert new_lines(["a", "b"], ["x", "y"]) == ["x", "y"]
    assert new_lines(["a", "b", "b"], ["b", "b", "b"]) == ["b"]
    assert new_lines([], ["a"]) == ["a"]
    assert new_lines(["a"], []) == []
