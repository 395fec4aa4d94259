"""The Endpoint screen: asks, shows what came, keeps the key off the screen."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import TextArea

from mi_tui.app import MiTui
from mi_tui.model.draft import Stage
from mi_tui.model.exchange import Exchange, Sent, json_fault, laid_out
from mi_tui.model.failure import Failure
from mi_tui.workflow import ScoreAnswer
from tests.screens.ended import KEY, PRINCIPAL, Faked, drive, screen_text, until


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_request_is_sent_and_its_answer_shown(tmp_path: Path, size: tuple[int, int]) -> None:
    workflow = Faked(tmp_path)

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "deployment Succeeded" in screen_text(app))
        shown = screen_text(app)
        assert "ep-demo" in shown
        assert PRINCIPAL in shown
        assert "Blob contains" in shown
        await pilot.press("enter")  # Send has the focus
        await until(pilot, lambda: "200 in 42 ms" in screen_text(app))
        assert workflow.bodies == [b'{"data": [1, 2]}']
        assert "p50 42 ms, p95 42 ms" in screen_text(app)
        assert "As it came" in screen_text(app)
        await pilot.press("f7")
        assert "[1.5, 2.5]" in screen_text(app)
        await until(pilot, lambda: "Laid out" in screen_text(app))
        await pilot.press("f7")
        await until(pilot, lambda: "As it came" in screen_text(app))

    drive(workflow, Stage.ENDPOINT, journey, size)


def test_what_is_no_json_is_not_sent_and_the_place_is_named(tmp_path: Path) -> None:
    workflow = Faked(tmp_path)

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "deployment Succeeded" in screen_text(app))
        app.screen.query_one("#request", TextArea).load_text('{"data":\n [1 2]}')
        await pilot.press("f5")
        await until(pilot, lambda: "Line 2, column 5" in screen_text(app))
        assert "a comma is missing" in screen_text(app)
        assert workflow.bodies == []
        # What was typed is there after going away and coming back.
        app.go(Stage.CLEANUP)
        await pilot.pause()
        app.go(Stage.ENDPOINT)
        await until(pilot, lambda: "[1 2]" in screen_text(app))

    drive(workflow, Stage.ENDPOINT, journey)


def test_the_key_reaches_the_clipboard_and_never_the_screen(tmp_path: Path) -> None:
    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        copied: list[str] = []
        app.copy_to_clipboard = copied.append  # type: ignore[method-assign]
        await until(pilot, lambda: "deployment Succeeded" in screen_text(app))
        await pilot.press("f9")
        await until(pilot, lambda: copied == [KEY])
        await until(pilot, lambda: "never shown" in screen_text(app))
        assert KEY not in screen_text(app)
        assert app.clipboard == "", "ctrl+v would type the key into a field"

    drive(Faked(tmp_path), Stage.ENDPOINT, journey)


def test_a_failure_stands_where_the_answer_would_have_stood(tmp_path: Path) -> None:
    workflow = Faked(tmp_path)
    workflow.score = Failure(code="mi-tui/network", message="no route to the endpoint", advice="Look at the proxy.")

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "deployment Succeeded" in screen_text(app))
        await pilot.press("f5")
        await until(pilot, lambda: "no answer" in screen_text(app))
        assert "Look at the proxy." in screen_text(app)
        workflow.score = ScoreAnswer(424, "boom", 0.1, {}, 500)
        await pilot.press("f5")
        await until(pilot, lambda: "424, from the script 500" in screen_text(app))
        assert "1 of 2 answered" in screen_text(app)

    drive(workflow, Stage.ENDPOINT, journey)


def test_without_an_endpoint_it_says_so(tmp_path: Path) -> None:
    workflow = Faked(tmp_path)

    async def none(app: MiTui, pilot: Pilot[int]) -> None:
        assert "There is no endpoint yet" in screen_text(app)
        await pilot.press("f5", "f6", "f9")
        assert workflow.bodies == []

    async def gone(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "This endpoint is not there" in screen_text(app))

    drive(workflow, Stage.ENDPOINT, none, run="")
    workflow.states = {"endpoint": "absent"}
    drive(workflow, Stage.ENDPOINT, gone)


def test_masking_hides_the_principal(tmp_path: Path) -> None:
    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: PRINCIPAL in screen_text(app))
        await pilot.press("f2")
        await until(pilot, lambda: PRINCIPAL not in screen_text(app))

    drive(Faked(tmp_path), Stage.ENDPOINT, journey)


def test_letters_typed_into_the_request_are_text(tmp_path: Path) -> None:
    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "deployment Succeeded" in screen_text(app))
        app.screen.query_one("#request", TextArea).focus()
        await pilot.press("q", "question_mark")
        assert app.screen.query_one("#request", TextArea).text.startswith("q?")

    drive(Faked(tmp_path), Stage.ENDPOINT, journey)


@pytest.mark.parametrize(
    ("request_text", "said"),
    [
        ("", "empty"),
        ("{", "Line 1, column 2"),
        ('{"a": NaN}', "NaN"),
        ("[" * 200_000, "nested too deeply"),
        ('["\ud800"]', "column 3"),
        ("[1] 2", "more after the end"),
    ],
)
def test_faults_of_json_in_words(request_text: str, said: str) -> None:
    assert said in json_fault(request_text)


def test_good_json_has_no_fault() -> None:
    assert json_fault('{"a": [1, 2.5, null, "x"]}') == ""


def test_percentiles_are_of_answers_only() -> None:
    exchange = Exchange()
    for ms in range(1, 31):
        exchange.sent.append(Sent("", 200, float(ms)))
    assert (exchange.percentile(0.5), exchange.percentile(0.95)) == (20.0, 29.0), "of the last 20: 11 to 30"
    exchange.sent.append(Sent("", 0, 0.0))
    assert exchange.percentile(0) == 12.0


def test_what_is_no_json_is_laid_out_as_it_is() -> None:
    assert laid_out("plain <text>") == "plain <text>"


def test_a_fault_gets_the_cursor(tmp_path: Path) -> None:
    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "deployment Succeeded" in screen_text(app))
        editor = app.screen.query_one("#request", TextArea)
        editor.load_text('{\n  "data": [1, 2\n}')
        await pilot.press("f5")
        await until(pilot, lambda: "Line 3, column 1" in screen_text(app))
        assert app.focused is editor
        assert editor.cursor_location == (2, 0)

    drive(Faked(tmp_path), Stage.ENDPOINT, journey)


def test_the_logs_follow_while_they_stand(tmp_path: Path) -> None:
    workflow = Faked(tmp_path)

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "deployment Succeeded" in screen_text(app))
        app.screen.query_one("#request", TextArea).focus()
        await pilot.press("f6")  # which the editor would take for itself
        await until(pilot, lambda: "the first line" in screen_text(app))
        workflow.log_lines.append("one that came later")
        await until(pilot, lambda: "one that came later" in screen_text(app))
        await pilot.press("slash", *"later", "enter")
        await until(pilot, lambda: "1 of 1" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: workflow.stops[0].is_set() and workflow.stops[1].is_set())
        assert app.screen is app.screen_stack[1]

    workflow.log_lines = ["the first line"]
    drive(workflow, Stage.ENDPOINT, journey, (120, 40))
