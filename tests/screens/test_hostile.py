"""Text from outside is data on every screen: no markup of it acts, no escape sequence of it reaches the terminal, none holds up the screen."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import SelectionList

from mi_tui.app import MiTui
from mi_tui.engine.context import Pace
from mi_tui.engine.journal import Verdict
from mi_tui.model.answers import Answers
from mi_tui.model.diagnosis import Confidence, Diagnosis, Evidence, Fix
from mi_tui.model.draft import Draft, Stage
from mi_tui.model.events import LogLine, MissingGrant, Notice, Outcome, Planned, RunFinished, StepFailed, StepStarted
from mi_tui.model.failure import Failure
from mi_tui.model.plan import Action, Plan, PlannedResource, PlannedStep, ResourceKind
from mi_tui.model.text import cut, visible
from mi_tui.workflow import ScoreAnswer, Target
from tests.screens.ended import RUN, Faked, drive, screen_text, until
from tests.screens.plans import a_plan

ESC = "\x1b"
HOSTILE = {
    "markup": "[bold red]loud[/bold red]",
    "closing tag": "[/] [/nothing] [@click=app.quit]here[/]",
    "escape sequence": f"{ESC}[2J{ESC}[31mred{ESC}[0m",
    "clipboard": f"{ESC}]52;c;ZXZpbA==\x07evil",
    "unfinished sequence": f"tail {ESC}]0;title",
    "right to left": "safe\u202egnp.exe\u2066x\u2069\u200f",
    "c1": "\x9b31m\x85next",
    "half a character": "half\udc80",
    "controls": "bell\x07 back\x08 null\x00 cr\rover",
}
MEGABYTE = "x" * 1_000_000
FORBIDDEN = {chr(n) for n in (*range(0x20), *range(0x7F, 0xA0))} - {"\n"} | set(
    "\u200e\u200f\u202a\u202e\u2066\u2069\udc80"
)


def drawn(app: MiTui) -> str:
    """What is drawn, which holds no character that a terminal would act on."""
    shown = screen_text(app)
    assert not FORBIDDEN & set(shown), sorted(map(repr, FORBIDDEN & set(shown)))
    shown.encode()
    return shown


_MARKUP = {"markup", "closing tag"}
_UNFINISHED = "unfinished sequence"  # last in its line, since it would swallow what follows
TOGETHER = {
    "markup": " ".join(text for name, text in HOSTILE.items() if name in _MARKUP),
    "sequences": " ".join(text for name, text in HOSTILE.items() if name not in {*_MARKUP, _UNFINISHED}),
    _UNFINISHED: HOSTILE[_UNFINISHED],
}
"""What a screen is shown: an app for each text alone would take a minute and show nothing more."""


@pytest.fixture(
    params=[
        pytest.param(text, marks=() if name == "sequences" else pytest.mark.slow) for name, text in TOGETHER.items()
    ],
    ids=[*TOGETHER],
)
def hostile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("text", [*HOSTILE.values()], ids=[*HOSTILE])
def test_visible_leaves_nothing_that_acts(text: str) -> None:
    shown = visible(text)
    assert not FORBIDDEN & set(shown)
    shown.encode()


def test_endpoint(tmp_path: Path, hostile: str) -> None:
    stored = hostile.replace("\udc80", "")  # SQLite takes no half characters, so none come from the journal
    workflow = Faked(tmp_path, endpoint=stored)
    workflow.journal.note(RUN, "proof", f"Blob contains: {stored}")
    workflow.states["endpoint"] = hostile
    workflow.score = ScoreAnswer(200, f'"{hostile}', 0.1, {}, None)
    workflow.log_lines = [hostile]

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "deployment Succeeded" in drawn(app))
        await pilot.press("f5")
        await until(pilot, lambda: "200 in 100 ms" in drawn(app))
        workflow.score = Failure(code="Bad", message=hostile, advice=hostile)
        await pilot.press("f5")
        await until(pilot, lambda: "no answer" in drawn(app))
        await pilot.press("f6")
        await until(pilot, lambda: "1 line · following" in drawn(app))

    drive(workflow, Stage.ENDPOINT, journey)


def test_clean_up(tmp_path: Path, hostile: str) -> None:
    stored = hostile.replace("\udc80", "")
    workflow = Faked(tmp_path)
    workflow.journal.created(RUN, ResourceKind.MODEL, "/model", stored, "test")
    workflow.journal._enter(RUN, ResourceKind.CODE, "/code", stored, Verdict.EXISTED, "test")
    workflow.unremovable = {"/model": hostile}

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "deployment blue" in drawn(app))
        assert app.screen.query_one("#goes", SelectionList).option_count == 8
        await pilot.press("enter")
        await until(pilot, lambda: "Removed: 7" in drawn(app))

    drive(workflow, Stage.CLEANUP, journey, (120, 40))


def test_troubleshoot(tmp_path: Path, hostile: str) -> None:
    failure = Failure(
        code=hostile,
        message=hostile,
        advice=hostile,
        target=hostile,
        request_id=hostile,
        details=(hostile,),
        raw=hostile,
    )
    grant = MissingGrant(hostile, hostile, hostile, hostile, hostile, hostile)

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        app.wizard.last_failure = failure
        app.wizard.progress.take(LogLine(run=RUN, container=hostile, text=hostile))
        evidence, fix = Evidence(hostile, hostile), Fix(hostile, hostile)
        found = Diagnosis(
            hostile, hostile, Confidence.LIKELY, (evidence,), (fix,), (hostile,), (evidence,), hostile, hostile
        )
        end = RunFinished(run=RUN, outcome=Outcome.FAILED, failure=failure, missing_grants=(grant,), diagnosis=found)
        app.wizard.progress.take(end)
        await pilot.press("f4")
        await until(pilot, lambda: "Why we think so (likely)" in drawn(app))
        await pilot.press("r")
        await until(pilot, lambda: "The error as it came" in drawn(app))
        copied: list[str] = []
        app.copy_to_clipboard = copied.append  # type: ignore[method-assign]
        await pilot.press("y")
        await until(pilot, lambda: bool(copied))
        assert not FORBIDDEN & set(copied[0])

    drive(Faked(tmp_path), Stage.CLEANUP, journey, (120, 60))


def test_deploy(tmp_path: Path, hostile: str) -> None:
    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        failure = Failure(code="Bad", message=hostile, advice=hostile, details=(hostile,))
        take = app.wizard._events.append
        step = PlannedStep("endpoint", hostile, hostile)
        resource = PlannedResource("endpoint", ResourceKind.ENDPOINT, hostile, Action.CREATE, "/ep")
        take(Planned(run=RUN, target="sandbox", resources=(resource,), grants=(), steps=(step,)))
        take(StepStarted(run=RUN, step="endpoint", title=hostile))
        take(LogLine(run=RUN, container="inference-server", text=hostile))
        take(LogLine(run=RUN, container="inference-server", text=MEGABYTE))
        take(Notice(run=RUN, text=hostile))
        for _ in range(10):
            await pilot.pause(0.05)
            drawn(app)
        take(StepFailed(run=RUN, step="endpoint", title=hostile, failure=failure, seconds=1))
        take(RunFinished(run=RUN, outcome=Outcome.FAILED, failure=failure))
        for _ in range(10):
            await pilot.pause(0.05)
            drawn(app)

    drive(Faked(tmp_path), Stage.DEPLOY, journey)


@pytest.mark.parametrize("kind", ["closing tag", "clipboard", "controls"])
def test_review(tmp_path: Path, kind: str) -> None:
    hostile = HOSTILE[kind]
    good = a_plan(tags={"mark": hostile}, warnings=(hostile,))
    resources = tuple(msgspec.structs.replace(r, name=hostile, detail=hostile, why=hostile) for r in good.resources)
    grants = tuple(msgspec.structs.replace(g, principal=hostile, scope_words=hostile, why=hostile) for g in good.grants)
    plan = msgspec.structs.replace(good, resources=resources, grants=grants)

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        app.wizard.draft = Draft.of(good.answers)
        app.wizard.target = Target("sandbox", None, Pace())  # type: ignore[arg-type]
        app.go(Stage.REVIEW)
        await until(pilot, lambda: "Storage Blob Data Reader" in drawn(app))

    drive(HostilePlan(tmp_path, plan), Stage.ENDPOINT, journey, (120, 40))


class HostilePlan(Faked):
    """Its planner answers with one plan, whatever is asked."""

    def __init__(self, home: Path, plan: Plan) -> None:
        super().__init__(home)
        self._plan = plan

    def check_files(self, answers: Answers) -> Answers:
        return answers

    def plan(self, target: Target, answers: Answers, waiter: object = None) -> tuple[str, Plan]:
        return "new123", self._plan


def test_a_line_of_a_megabyte_is_cut_and_does_not_hold_the_screen_up(tmp_path: Path) -> None:
    workflow = Faked(tmp_path)
    workflow.score = ScoreAnswer(200, f'["{MEGABYTE}"]', 0.1, {}, None)
    workflow.log_lines = [MEGABYTE] * 3

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "deployment Succeeded" in drawn(app))
        began = time.monotonic()
        await pilot.press("f5")
        await until(pilot, lambda: "200 in 100 ms" in drawn(app))
        await pilot.press("f6")
        await until(pilot, lambda: "more characters" in drawn(app))
        await pilot.press("escape")
        app.wizard.last_failure = Failure(code="Big", message=MEGABYTE, details=(MEGABYTE,), raw=MEGABYTE)
        await pilot.press("f4")
        await until(pilot, lambda: "Big:" in drawn(app) and "xxx" in drawn(app))
        assert time.monotonic() - began < 10

    drive(workflow, Stage.ENDPOINT, journey)


def test_cut_says_how_much_is_missing() -> None:
    assert cut("abc", 3) == "abc"
    assert cut("abcd" * 10, 3) == "abc … (37 more characters)"
    assert cut("abcd", 3) == "abcd", "saying how much is left out is no longer than it"
