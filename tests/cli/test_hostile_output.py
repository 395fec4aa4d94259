"""Text from outside in what the commands say: no escape sequence of it reaches the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from mi_tui.cli.exits import guarded
from mi_tui.cli.main import cli
from mi_tui.cli.render import PlainRenderer, failure_lines
from mi_tui.model.answers import IdentityKind
from mi_tui.model.answers_file import template
from mi_tui.model.diagnosis import Confidence, Diagnosis, Evidence, Fix
from mi_tui.model.events import (
    LogLine,
    MissingGrant,
    Notice,
    Outcome,
    RunFinished,
    StepFailed,
    StepFinished,
    StepStarted,
)
from mi_tui.model.failure import Failure
from mi_tui.model.plan import ResourceKind
from mi_tui.workflow import ScoreAnswer
from tests.screens.ended import RUN
from tests.screens.plans import a_plan
from tests.screens.snapshots.world import Canned
from tests.screens.test_hostile import ESC, FORBIDDEN, HOSTILE, MEGABYTE

EVIL = " ".join(text for text in HOSTILE.values() if "\udc80" not in text)
STORED = EVIL.replace("\x00", "")


def harmless(said: str) -> None:
    assert "loud" in said or "evil" in said, "the text itself is there"
    found = FORBIDDEN & set(said)
    assert not found, sorted(map(repr, found))
    assert ESC not in said


@pytest.fixture
def workflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Canned:
    good = a_plan(tags={"mark": STORED}, warnings=(STORED,))
    resources = tuple(msgspec.structs.replace(r, name=STORED, detail=STORED, why=STORED) for r in good.resources)
    grants = tuple(msgspec.structs.replace(g, principal=STORED, scope_words=STORED, why=STORED) for g in good.grants)
    made = Canned(tmp_path, plan=msgspec.structs.replace(good, resources=resources, grants=grants))
    made.journal.created(RUN, ResourceKind.MODEL, "/model", STORED, "test")
    made.journal.note(RUN, "proof", STORED)
    made.states["endpoint"] = STORED
    made.log_lines = [EVIL, "half\udc80", MEGABYTE]
    made.score = ScoreAnswer(200, EVIL, 0.1, {}, None)
    monkeypatch.setattr("mi_tui.workflow.Workflow", lambda *_, **__: made)
    return made


@pytest.mark.parametrize(
    "words",
    [("status", RUN), ("logs", RUN), ("invoke", RUN, "--data", "-"), ("down", RUN, "--yes")],
    ids=lambda words: words[0],
)
def test_what_is_said_of_a_run(workflow: Canned, words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(cli, list(words), input="{}")
    harmless(done.output)


def test_the_list_of_runs(workflow: Canned) -> None:
    answers = a_plan().answers
    answers = msgspec.structs.replace(answers, endpoint=msgspec.structs.replace(answers.endpoint, name=STORED))
    evil = msgspec.structs.replace(a_plan(), answers=answers)
    workflow.journal.add_run("evil12", "azure", evil)
    harmless(CliRunner().invoke(cli, ["runs"]).output)


def test_a_plan(workflow: Canned, tmp_path: Path) -> None:
    path = tmp_path / "answers.yaml"
    path.write_text(template(workflow.example_answers(IdentityKind.SAI)))
    harmless(CliRunner().invoke(cli, ["plan", str(path), "--sandbox"]).output)


def test_faults_of_an_answers_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MI_TUI_HOME", str(tmp_path / "home"))
    path = tmp_path / "answers.yaml"
    path.write_text('workspace: {"\\e]52;c;ZXZpbA==\\x07evil\\u202e": 1}\nstorage: "\\e[2J[bold red]loud"\n')
    assert guarded(lambda: cli.main(["plan", str(path)], standalone_mode=False)) == 2
    harmless(capsys.readouterr().err)


def test_the_events_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    failure = Failure(EVIL, EVIL, target=EVIL, details=(EVIL,), request_id=EVIL, advice=EVIL, raw=EVIL)
    evidence, fix = Evidence(EVIL, EVIL), Fix(EVIL, EVIL)
    diagnosis = Diagnosis(EVIL, EVIL, Confidence.LIKELY, (evidence,), (fix,), (EVIL,), (evidence,), EVIL)
    say: Any = PlainRenderer()
    for event in (
        StepStarted(run=RUN, step="a", title=EVIL),
        StepFinished(run=RUN, step="a", title=EVIL, result="created", seconds=1, detail=EVIL),
        StepFailed(run=RUN, step="b", title=EVIL, failure=failure, seconds=1),
        LogLine(run=RUN, container=EVIL, text=EVIL),
        Notice(run=RUN, text=EVIL, diagnosis=diagnosis),
        RunFinished(
            run=RUN, outcome=Outcome.FAILED, failure=failure, missing_grants=(MissingGrant(*[EVIL] * 6),), proof=EVIL
        ),
        RunFinished(run=RUN, outcome=Outcome.FAILED, failure=failure, diagnosis=diagnosis),
    ):
        say(event)
    said = capsys.readouterr()
    harmless(said.err)
    for line in failure_lines(failure):
        harmless(line)
