"""Text from outside never acts, and events survive the way through JSON."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_tui.model import events
from mi_tui.model.failure import Failure
from mi_tui.model.text import clock, decoded, visible


@given(st.text())
def test_visible_text_has_no_control_character(text: str) -> None:
    shown = visible(text)
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in shown)


def test_escape_sequences_are_taken_out() -> None:
    assert visible("\x1b[31mred\x1b[0m \x1b]0;title\x07x\x9b1m") == "red x\\x9b1m"
    assert visible("a\nb") == "a\\nb"
    assert visible("a\nb", lines=True) == "a\nb"
    assert visible("[bold]") == "[bold]"


def test_clock() -> None:
    assert [clock(s) for s in (0, 61.9, 3600)] == ["0:00", "1:01", "1:00:00"]


def test_events_round_trip_and_name_themselves() -> None:
    failure = Failure(code="OutOfQuota", message="m", details=("a",))
    sent = events.RunFinished(run="r1", outcome=events.Outcome.FAILED, failure=failure, response=[1.5, 2.0])
    text = events.to_json(sent)
    assert '"event":"run_finished"' in text
    assert '"outcome":"failed"' in text
    assert "\n" not in text
    assert events.from_json(text) == sent


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_text_is_read_however_windows_wrote_it(code: str) -> None:
    said = "ERROR: (OutOfQuota) Not enough quota - genügend Kerne fehlen.\r\n"
    assert decoded(said.encode(code)) == said
    assert decoded(b"\xff" * 3 + b"x") == "\ufffd" * 3 + "x"
    assert decoded(b"") == ""
