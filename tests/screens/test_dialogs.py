"""Files, help, keys, the palette, leaving, Troubleshoot, and what a crash leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pexpect
import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from mi_tui.app import MiTui
from mi_tui.crash import crash_report, say_crash
from mi_tui.model import actions, explain
from mi_tui.model.answers_file import parse
from mi_tui.model.draft import Draft, Stage
from mi_tui.model.events import LogLine, MissingGrant, Outcome, RunFinished
from mi_tui.model.failure import Failure
from mi_tui.model.fields import WIDGETS
from mi_tui.workflow import Stop
from screens.file_dialogs import OpenAnswers
from screens.leave import Leave
from screens.troubleshoot import TroubleshootScreen
from tests.e2e.conftest import REPOSITORY
from tests.screens.ended import Faked, drive, plan, screen_text, until

HIDDEN = "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl"


def test_saved_answers_open_again_and_say_the_same(tmp_path: Path) -> None:
    target = tmp_path / "my answers.yaml"
    answers = plan(tmp_path).answers

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        app.wizard.draft = Draft.of(answers)
        app.save_answers()
        await pilot.pause()
        app.screen.query_one("#path", Input).value = str(target)
        await pilot.press("enter")
        await until(pilot, target.exists)
        await until(pilot, lambda: "Saved as" in screen_text(app))
        assert parse(target.read_text()) == answers

        target.write_text("mine")
        app.save_answers()
        await pilot.pause()
        app.screen.query_one("#path", Input).value = str(target)
        await pilot.press("enter")
        await until(pilot, lambda: "Replace it" in screen_text(app))
        assert target.read_text() == "mine", "never overwritten without asking"
        await pilot.click("#go")
        await until(pilot, lambda: target.read_text() != "mine")

        place = answers.workspace
        app.wizard.draft = Draft(place.subscription, place.resource_group, place.name, "westeurope")
        app.open_answers()
        await pilot.pause()
        app.screen.query_one("#path", Input).value = f"'{target}'"
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, OpenAnswers))
        assert app.wizard.draft.answers() == answers
        assert app.wizard.draft.location == "westeurope", "the region of the same workspace stays known"
        assert len(app.screen_stack) == 2, "the dialog is gone, one step is shown"

        app.wizard.draft.workspace = "another"
        app.open_answers()
        await pilot.pause()
        app.screen.query_one("#path", Input).value = str(target)
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, OpenAnswers))
        assert app.wizard.draft.location == "", "another workspace may lie elsewhere"

    drive(Faked(tmp_path / "home"), Stage.ENDPOINT, journey)


def test_every_fault_of_an_answers_file_is_listed_with_its_line(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("workspace:\n  subscriptoin: x\nstorage: 3\n")

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        app.open_answers()
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: "Give the path" in screen_text(app))
        app.screen.query_one("#path", Input).value = str(bad)
        await pilot.press("enter")
        await until(pilot, lambda: "line 2, workspace.subscriptoin" in screen_text(app))
        assert "line 3" in screen_text(app)
        app.screen.query_one("#path", Input).value = str(tmp_path / "nowhere.yaml")
        await pilot.press("enter")
        await until(pilot, lambda: "cannot be read" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, OpenAnswers))

    drive(Faked(tmp_path / "home"), Stage.ENDPOINT, journey)


def test_incomplete_answers_are_not_saved(tmp_path: Path) -> None:
    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        app.wizard.draft = Draft()
        app.save_answers()
        await pilot.pause()
        app.screen.query_one("#path", Input).value = str(tmp_path / "no.yaml")
        await pilot.press("enter")
        await until(pilot, lambda: "not complete yet" in screen_text(app))
        assert not (tmp_path / "no.yaml").exists()

    drive(Faked(tmp_path / "home"), Stage.ENDPOINT, journey)


def test_f1_explains_what_has_the_focus_and_else_the_step(tmp_path: Path) -> None:
    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "deployment Succeeded" in screen_text(app))
        app.screen.query_one("#primary").focus()  # it has no text of its own
        await pilot.press("f1")
        await until(pilot, lambda: "Online endpoint" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        app.screen.query_one("#request").focus()
        await pilot.press("f1")
        await until(pilot, lambda: "The request" in screen_text(app))

    drive(Faked(tmp_path), Stage.ENDPOINT, journey)


def test_every_stage_and_every_text_is_explained_in_three_short_paragraphs() -> None:
    for stage in Stage:
        assert explain.explained(stage.value), stage
    for key in WIDGETS.values():
        assert key in explain.EXPLAINED
    for title, paragraphs in explain.EXPLAINED.values():
        assert title
        assert len(paragraphs) == 3
        assert all(len(paragraph) < 330 and paragraph.endswith(".") for paragraph in paragraphs)


@pytest.mark.parametrize("stage", [Stage.ENDPOINT, Stage.CLEANUP])
def test_the_list_of_keys_is_the_table_of_actions(tmp_path: Path, stage: Stage) -> None:
    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        app.action_keys()
        await pilot.pause()
        shown = " ".join(str(static.render()) for static in app.screen.query("Static"))
        for action in actions.on(stage.value):
            assert action.help.split(".")[0][:30] in shown

    drive(Faked(tmp_path), stage, journey, (120, 40))


def test_the_palette_does_what_it_lists_and_goes_to_stages_that_were_reached(tmp_path: Path) -> None:
    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await pilot.press("ctrl+p")
        await pilot.press(*"mask")
        await until(pilot, lambda: "Mask ids" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.wizard.masked)
        await pilot.press("ctrl+p")
        await pilot.press(*"go to identity")
        await until(pilot, lambda: "Go to Identity" in screen_text(app))
        assert "Clean up" not in screen_text(app).split("Go to Identity")[1].split("\n")[0]
        await pilot.press("enter")
        await until(pilot, lambda: app.wizard.stage is Stage.IDENTITY)

    drive(Faked(tmp_path), Stage.ENDPOINT, journey, (120, 40))


class _Run:
    """A run that is under way until it is told to stop."""

    def __init__(self, app: MiTui, *, obeys: bool = True) -> None:
        self.over = threading.Event()

        def work(stop: Stop) -> RunFinished:
            (stop if obeys else self.over).wait(20)
            end = RunFinished(run="abc123", outcome=Outcome.CANCELLED)
            app.wizard._events.append(end)
            return end

        app.wizard._begin(work, cleaning=False)


def test_leaving_a_run_asks_and_leaving_it_running_is_the_default(tmp_path: Path) -> None:
    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        _Run(app)
        await pilot.press("ctrl+c")
        await until(pilot, lambda: "The run is under way" in screen_text(app))
        assert app.focused is not None
        assert app.focused.id == "leave"
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, Leave))
        assert app.wizard.busy, "staying changes nothing"
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, Leave))
        await pilot.press("enter")
        await until(pilot, lambda: app.return_value is not None)
        assert app.return_value == 3
        assert app.wizard.stop is not None
        assert not app.wizard.stop.cancelled

    drive(Faked(tmp_path), Stage.ENDPOINT, journey)


def test_ctrl_c_twice_leaves_at_once(tmp_path: Path) -> None:
    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        run = _Run(app, obeys=False)
        await pilot.press("ctrl+c")
        await until(pilot, lambda: isinstance(app.screen, Leave))
        await pilot.press("ctrl+c")
        await until(pilot, lambda: app.return_value is not None, seconds=3)
        assert app.return_value == 3
        run.over.set()

    drive(Faked(tmp_path), Stage.ENDPOINT, journey)


def test_cancelling_begins_no_new_step_and_then_offers_to_clean_up(tmp_path: Path) -> None:
    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        _Run(app)
        await pilot.press("ctrl+c")
        await until(pilot, lambda: isinstance(app.screen, Leave))
        await pilot.click("#cancel")
        await until(pilot, lambda: "Nothing is under way any more" in screen_text(app))
        assert app.wizard.stop is not None
        assert app.wizard.stop.cancelled
        await until(pilot, lambda: app.focused is app.screen.query_one("#clean", Button))
        await pilot.press("enter")
        await until(pilot, lambda: "storage account stdemo" in screen_text(app))

    drive(Faked(tmp_path), Stage.ENDPOINT, journey)


def test_with_nothing_under_way_it_just_ends(tmp_path: Path) -> None:
    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await pilot.press("ctrl+c")
        await until(pilot, lambda: app.return_value is not None)
        assert app.return_value == 0

    drive(Faked(tmp_path), Stage.CLEANUP, journey)


def test_troubleshoot_says_what_is_known_and_that_nothing_failed(tmp_path: Path) -> None:
    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await pilot.press("f4")
        await until(pilot, lambda: "Nothing has failed so far" in screen_text(app))
        await pilot.press("y", "escape")
        await until(pilot, lambda: not isinstance(app.screen, TroubleshootScreen))
        failure = Failure(
            code="OutOfQuota", message="Not enough cores.", advice="Ask for more.", details=("4 of 8",),
            request_id="req-1", raw='{"error": "as it came"}',
        )  # fmt: skip
        grant = MissingGrant("ep", "id", "AcrPull", "/scope", "so that it may pull", "az role assignment create")
        app.wizard.last_failure = failure
        app.wizard.progress.take(LogLine(run="abc123", container="inference-server", text="the last words"))
        app.wizard.progress.take(
            RunFinished(run="abc123", outcome=Outcome.FAILED, failure=failure, missing_grants=(grant,))
        )
        await pilot.press("f4")
        await until(pilot, lambda: "OutOfQuota: Not enough cores." in screen_text(app))
        for words in ("Ask for more.", "4 of 8", "req-1", "AcrPull", "az role assignment create", "the last words"):
            assert words in screen_text(app)
        assert "as it came" not in screen_text(app)
        await pilot.press("r")
        await until(pilot, lambda: "as it came" in screen_text(app))
        copied: list[str] = []
        app.copy_to_clipboard = copied.append  # type: ignore[method-assign]
        await pilot.press("y")
        await until(pilot, lambda: bool(copied) and "req-1" in copied[0])

    drive(Faked(tmp_path), Stage.CLEANUP, journey, (120, 50))


def test_a_crash_report_is_for_its_owner_and_has_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise RuntimeError(f"Bearer {HIDDEN}")
    except RuntimeError as error:
        path = crash_report(tmp_path / "home", error)
        say_crash(tmp_path / "home", error)
    assert path is not None
    assert path.stat().st_mode & 0o777 == 0o600
    assert HIDDEN not in path.read_text()
    assert "RuntimeError" in path.read_text()
    said = capsys.readouterr().err
    assert str(path.parent) in said
    assert said.count("\n") == 1


def test_a_crash_report_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    say_crash(tmp_path / "file", RuntimeError("x"))
    assert "no report" in capsys.readouterr().err


def test_without_a_usable_terminal_it_names_the_commands_before_textual_is_imported() -> None:
    program = "import sys; from mi_tui.cli import start\ncode = start.wizard(); print(code, 'textual' in sys.modules)\n"
    done = subprocess.run(
        [sys.executable, "-c", program],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == ["2", "False"]
    assert "mi-tui up --sandbox --yes" in done.stderr


_BREAKS = """
import sys
from mi_tui import app
def boom(self):
    raise RuntimeError("Bearer " + sys.argv[1])
app.MiTui.action_keys = boom
sys.exit(app.run_app())
"""


def test_a_crash_leaves_the_terminal_clean_and_names_its_report(tmp_path: Path) -> None:
    environment = {**os.environ, "MI_TUI_HOME": str(tmp_path / "home"), "TERM": "xterm-256color"}
    process = pexpect.spawn(
        sys.executable, ["-c", _BREAKS, HIDDEN], env=environment, dimensions=(24, 80), timeout=20, cwd=str(REPOSITORY)
    )
    process.expect("opens an answers file")
    process.send("?")
    process.expect(pexpect.EOF)
    process.close()
    said = process.before.decode(errors="replace")
    assert process.exitstatus == 1
    assert "\x1b[?1049l" in said, "the person's own screen is back"
    assert "\x1b[?25h" in said, "the cursor is back"
    after = said.rsplit("\x1b", 1)[1]
    assert "mi-tui broke (RuntimeError)" in after
    assert "Traceback" not in said
    (report,) = (tmp_path / "home").glob("crash-*.txt")
    assert HIDDEN not in report.read_text() + said
