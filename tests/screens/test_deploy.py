"""Deploy: the run as it goes, honest while there is no log, the card when it fails, and the way on when it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Static

from mi_tui.app import MiTui
from mi_tui.model import events
from mi_tui.model.draft import Stage
from mi_tui.model.events import (
    LogLine,
    MissingGrant,
    Notice,
    Outcome,
    RunFinished,
    StepFailed,
    StepFinished,
    StepProgress,
    StepStarted,
)
from mi_tui.model.failure import Failure
from mi_tui.widgets.card import Fix, FixLine, first_sentence, telling
from mi_tui.widgets.logview import LogView
from screens.deploy import DeployScreen
from tests.screens.plans import PRINCIPAL, RUN, STEPS, Scripted, a_plan, drive, screen_text, until

WHY = "Azure gives no container logs while a deployment is being created; they follow."
COMMAND = f"az role assignment create --role 'Storage Blob Data Reader' --assignee-object-id {PRINCIPAL}"


def done(*steps: str) -> list[events.Event]:
    return [
        event
        for step in steps
        for event in (
            StepStarted(run=RUN, step=step, title=step),
            StepFinished(run=RUN, step=step, title=step, result="created", seconds=1.0),
        )
    ]


def creating() -> list[events.Event]:
    """Events up to where the deployment is being created."""
    before = [step.id for step in STEPS if step.id not in {"deployment", "traffic", "request"}]
    return [
        *done(*before),
        StepStarted(run=RUN, step="deployment", title="deployment blue"),
        StepProgress(run=RUN, step="deployment", status="Creating"),
        Notice(run=RUN, text=WHY),
    ]


def failed() -> RunFinished:
    grant = MissingGrant("ep-demo", PRINCIPAL, "Storage Blob Data Reader", "/s/containers/inputs", "to read", COMMAND)
    failure = Failure(
        "ResourceNotReady",
        "User container has crashed. See [bold]the guide[/].",
        request_id="req-1",
        raw='{"raw": true}',
    )
    return RunFinished(run=RUN, outcome=Outcome.FAILED, failure=failure, missing_grants=(grant,))


async def begin(app: MiTui, pilot: Pilot[int]) -> None:
    """From Review to Deploy with the keys."""
    await until(
        app, pilot, lambda: app.wizard.plan is not None and not app.screen.query_one("#primary", Button).disabled
    )
    await pilot.press("enter")
    await until(app, pilot, lambda: isinstance(app.screen, DeployScreen) and bool(app.wizard.progress.rows))
    await pilot.pause(0.2)


def flat(app: MiTui) -> str:
    return " ".join(screen_text(app).replace("│", " ").split())


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_while_it_is_created_the_screen_is_honest_about_logs(tmp_path: Path, size: tuple[int, int]) -> None:
    flow = Scripted(tmp_path, a_plan())
    flow.says = creating()

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await begin(app, pilot)
        text = flat(app)
        assert "◐ Deploying" in text
        assert "of about 11:" in text
        assert "7 of 10 steps" in text
        assert "0.00 USD so far" in text
        assert "◐ running deployment blue" in text
        for words in ("Azure gives no container logs", "Last state: Creating, for 0:0", "Next: the container is ready"):
            assert words in text
        assert not app.screen.query_one(LogView).display
        assert app.screen.query_one("#primary", Button).disabled

    drive(flow, Stage.REVIEW, look, size=size)


def test_before_the_deployment_it_says_what_is_waited_for(tmp_path: Path) -> None:
    flow = Scripted(tmp_path, a_plan())
    flow.says = [*done("storage-account"), StepStarted(run=RUN, step="endpoint", title="online endpoint")]

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await begin(app, pilot)
        assert "It waits for: online endpoint, grants take effect, blob, model." in flat(app)

    drive(flow, Stage.REVIEW, look, target="sandbox")


def test_the_run_goes_on_while_the_screen_is_left(tmp_path: Path) -> None:
    flow = Scripted(tmp_path, a_plan())
    flow.says = creating()

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await begin(app, pilot)
        await pilot.press("escape")
        await until(app, pilot, lambda: app.wizard.stage is Stage.REVIEW)
        flow.end = RunFinished(run=RUN, outcome=Outcome.SUCCEEDED)
        await until(app, pilot, lambda: app.wizard.progress.outcome is Outcome.SUCCEEDED)
        app.go(Stage.DEPLOY)
        await until(app, pilot, lambda: "✓ Done" in screen_text(app))
        assert app.focused is app.screen.query_one("#primary", Button)
        await pilot.press("enter")
        await until(app, pilot, lambda: app.wizard.stage is Stage.ENDPOINT)

    drive(flow, Stage.REVIEW, look)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_failure_is_one_card_with_the_missing_grant_first(
    tmp_path: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = Scripted(tmp_path, a_plan())
    failure = Failure("ResourceNotReady", "User container has crashed.")
    flow.says = [
        *creating(),
        LogLine(
            run=RUN, container="inference-server", text="ErrorCode:AuthorizationPermissionMismatch \x1b]0;x\x07[red]"
        ),
        StepFailed(run=RUN, step="deployment", title="deployment blue", failure=failure, seconds=3),
    ]
    flow.end = failed()
    copied: list[str] = []

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
        await begin(app, pilot)
        await until(app, pilot, lambda: isinstance(app.focused, FixLine))
        await pilot.pause(0.3)
        text = flat(app)
        assert "ResourceNotReady: User container has crashed." in text
        assert "✗ failed deployment blue" in text
        assert "1. Grant Storage Blob Data Reader to ep-demo on inputs: to read" in text
        reasons = [str(line.render()) for line in app.screen.query(".reason")]
        assert "log: ErrorCode:AuthorizationPermissionMismatch [red]" in reasons
        assert "See [bold]the guide[/]." in reasons
        assert "request req-1" in reasons
        await pilot.press("enter")
        assert copied == [COMMAND]
        raw = app.screen.query_one(".raw")
        assert not raw.display
        await pilot.press("r")
        await pilot.pause(0.1)
        assert raw.display
        assert '{"raw": true}' in str(raw.render())
        assert [app.screen.query_one(f"#{name}").display for name in ("clean", "troubleshoot", "stop")] == [
            True,
            True,
            False,
        ]
        assert str(app.screen.query_one("#primary", Button).label) == "Resume"
        await pilot.press("l")
        await pilot.pause(0.2)
        assert "AuthorizationPermissionMismatch" in screen_text(app)
        assert app.screen.query_one("#logs").region.height > 0

    drive(flow, Stage.REVIEW, look, size=size)


def commands(app: MiTui) -> str:
    """The commands of what there is to do."""
    return "\n".join(str(part.render()) for part in app.screen.query("FixLine .command").results(Static))


def test_ids_on_the_card_can_be_masked(tmp_path: Path) -> None:
    flow = Scripted(tmp_path, a_plan())
    flow.says, flow.end = creating(), failed()

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await begin(app, pilot)
        await until(app, pilot, lambda: isinstance(app.focused, FixLine))
        assert PRINCIPAL in commands(app)
        await pilot.press("f2")
        await until(app, pilot, lambda: bool(commands(app)) and PRINCIPAL not in commands(app))

    drive(flow, Stage.REVIEW, look)


def test_cancelled_says_how_to_go_on(tmp_path: Path) -> None:
    flow = Scripted(tmp_path, a_plan())
    flow.says = creating()
    flow.end = RunFinished(run=RUN, outcome=Outcome.CANCELLED, next="No new step was begun.")

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await begin(app, pilot)
        await until(app, pilot, lambda: "Cancelled" in screen_text(app))
        assert "No new step was begun." in screen_text(app)
        assert "– left deployment blue" in flat(app)
        assert str(app.screen.query_one("#primary", Button).label) == "Resume"
        assert app.screen.query_one("#clean").display
        assert app.focused is app.screen.query_one("#primary", Button)

    drive(flow, Stage.REVIEW, look)


def test_with_nothing_begun_it_leads_to_the_plan(tmp_path: Path) -> None:
    flow = Scripted(tmp_path, a_plan())

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        assert "Nothing runs yet." in screen_text(app)
        await pilot.press("enter")
        await until(app, pilot, lambda: app.wizard.stage is Stage.REVIEW)
        assert flow.runs == []

    drive(flow, Stage.DEPLOY, look)


def test_the_log_of_a_run_is_complete_in_its_file(tmp_path: Path) -> None:
    flow = Scripted(tmp_path, a_plan())
    flow.says = [LogLine(run=RUN, container="inference-server", text=f"line {n}\x1b[2J") for n in range(25_000)]

    async def look(app: MiTui, pilot: Pilot[int]) -> None:
        await begin(app, pilot)
        await until(app, pilot, lambda: app.wizard.progress.logs["inference-server"].end == 25_000)
        assert len(app.wizard.progress.logs["inference-server"]) == 20_000, "memory stays bounded"
        flow.end = RunFinished(run=RUN, outcome=Outcome.SUCCEEDED)
        await until(app, pilot, lambda: app.wizard.progress.outcome is Outcome.SUCCEEDED)
        path = tmp_path / "logs" / f"{RUN}-inference-server.log"
        assert path.read_text().splitlines() == [f"line {n}" for n in range(25_000)]
        assert path.stat().st_mode & 0o077 == 0

    drive(flow, Stage.REVIEW, look)


def test_the_lines_that_matter_name_a_cause() -> None:
    log = [
        "I gunicorn.error - Worker exiting",
        "ErrorCode:AuthorizationPermissionMismatch",
        "Worker exited with code 3",
    ]
    assert telling(log) == ["ErrorCode:AuthorizationPermissionMismatch"]
    assert telling(["ok", "ValueError: no"]) == ["ValueError: no"]
    assert telling(["all fine"]) == []


def test_what_happened_is_one_sentence() -> None:
    assert first_sentence("A: it broke. See the guide.") == ("A: it broke.", "See the guide.")
    assert first_sentence("one") == ("one", "")
    assert Fix("x").command == ""
