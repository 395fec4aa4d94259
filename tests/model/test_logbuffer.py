"""The ring of log lines and the rows of a view of it."""

from __future__ import annotations

import pytest

from mi_tui.model.logbuffer import LIMIT, WIDEST, LogBuffer, LogIndex, displayable, holds, pieces, spans, step


def filled(*texts: str, limit: int = LIMIT) -> LogBuffer:
    buffer = LogBuffer(limit)
    buffer.extend(texts, "12:00:00")
    return buffer


def test_lines_keep_their_numbers_while_old_ones_are_dropped() -> None:
    buffer = filled(*(f"line {number}" for number in range(10)), limit=4)
    assert (len(buffer), buffer.first, buffer.end) == (4, 6, 10)
    assert list(buffer) == ["line 6", "line 7", "line 8", "line 9"]
    line = buffer.line(7)
    assert line is not None
    assert (line.text, line.at) == ("line 7", "12:00:00")
    assert buffer.line(5) is None
    assert buffer.line(10) is None
    assert [line.text for line in buffer.lines(8)] == ["line 8", "line 9"]


def test_a_snapshot_is_changed_by_nothing_that_comes() -> None:
    buffer = filled("one")
    copy = buffer.snapshot()
    buffer.append("two")
    assert list(copy) == ["one"]
    assert (copy.end, buffer.end) == (1, 2)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]52;c;aGVsbG8=\x07stolen", "stolen"),
        ("[bold]x[/] [/nothing]", "[bold]x[/] [/nothing]"),
        ("a\u202eb\u200fc", "a\\x202eb\\x200fc"),
        ("bad \udcff byte", "bad \\xdcff byte"),
        ("bell\x07 back\x08", "bell\\x07 back\\x08"),
    ],
)
def test_hostile_text_is_kept_harmless(text: str, shown: str) -> None:
    assert list(filled(text)) == [shown]


def test_a_line_of_a_megabyte_is_cut_and_says_so() -> None:
    shown = displayable("x" * 1_000_000)
    assert len(shown) < WIDEST + 100
    assert "998,000 more characters" in shown


def test_case_counts_only_when_capitals_are_asked_for() -> None:
    assert holds("An Error here", "error")
    assert not holds("an error here", "Error")
    assert spans("Error error", "error") == [(0, 5), (6, 11)]
    assert spans("Error error", "Error") == [(0, 5)]
    assert spans("x", "") == []


@pytest.mark.parametrize(
    "text", ["", "abc", "one two three four five", "x" * 33, "日本語テキスト" * 5, "é" * 21, "ab\u0301" * 20]
)
def test_pieces_lose_nothing_and_fit(text: str) -> None:
    from mi_tui.model.logbuffer import cells

    rows = pieces(text, 10)
    assert "".join(rows) == text
    assert all(sum(map(cells, row.removesuffix(" "))) <= 10 for row in rows)


def test_pieces_break_at_spaces() -> None:
    assert pieces("one two three four", 10) == ["one two ", "three four"]


def test_rows_of_wrapped_lines_are_found_both_ways() -> None:
    index = LogIndex(filled("short", "x" * 25, "end"))
    index.reset(width=10)
    assert index.rows == 5
    assert [index.at(row) for row in range(5)] == [(0, 0), (1, 0), (1, 1), (1, 2), (2, 0)]
    assert [index.row_of(number) for number in range(3)] == [0, 1, 4]
    with pytest.raises(IndexError):
        index.at(5)


def test_the_index_follows_a_ring_that_drops_lines() -> None:
    buffer = filled("a" * 25, "b", "c", limit=3)
    index = LogIndex(buffer)
    index.reset(width=10)
    assert index.rows == 5
    buffer.append("d")
    assert index.update() == 3, "the three rows of the first line went away"
    assert index.rows == 3
    assert index.at(0) == (1, 0)
    buffer.extend("efghij")
    assert index.update() == 3
    assert index.texts() == ["h", "i", "j"]


def test_a_filter_shows_only_what_holds_the_words() -> None:
    buffer = filled("GET /score 200", "GET /health 200", "POST /score 500")
    index = LogIndex(buffer)
    index.reset(filter="score")
    assert index.texts() == ["GET /score 200", "POST /score 500"]
    buffer.extend(["nothing", "GET /score 404"])
    index.update()
    assert index.lines == 3
    assert index.texts(1) == ["GET /score 404"]
    assert index.matches("get") == [0, 4]


def test_search_goes_round_the_end() -> None:
    index = LogIndex(filled("hit", "miss", "hit", "miss", "hit"))
    index.reset()
    found = index.matches("hit")
    assert found == [0, 2, 4]
    assert [step(found, at) for at in (None, 0, 2, 4)] == [0, 2, 4, 0]
    assert [step(found, at, back=True) for at in (None, 4, 2, 0)] == [4, 2, 0, 4]
    assert step([], None) is None


def test_an_empty_buffer_is_a_buffer_too() -> None:
    index = LogIndex(filled("old"))
    fresh = LogBuffer()
    index.reset(fresh)
    fresh.append("new")
    index.update()
    assert index.texts() == ["new"]
