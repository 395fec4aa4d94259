"""Scenes from Review to Clean up, and Troubleshoot."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from textual.widgets import SelectionList, TextArea

from mi_tui.app import MiTui
from mi_tui.engine.planner import PlanError
from mi_tui.model.answers import IdentityKind
from mi_tui.model.draft import Stage
from mi_tui.model.events import (
    Event,
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
from mi_tui.model.plan import Plan
from mi_tui.model.progress import RunProgress
from mi_tui.workflow import ScoreAnswer, Stop
from screens import themes
from tests.screens.ended import PRINCIPAL, RUN
from tests.screens.plans import CALM, NARROW, NO_QUOTA, STEPS, a_plan, planned
from tests.screens.snapshots.camera import Camera
from tests.screens.snapshots.still import a_draft
from tests.screens.snapshots.world import Canned, Things, enter
from tests.screens.troubled import ROLE

TITLES = {step.id: step.title for step in STEPS}
Tape = Iterable[float | Event]
"""Events, and seconds that go by between them."""


def begun(step: str) -> Event:
    return StepStarted(run=RUN, step=step, title=TITLES[step])


def done(step: str, seconds: float) -> Event:
    return StepFinished(run=RUN, step=step, title=TITLES[step], result="created", seconds=seconds)


EARLY: tuple[float | Event, ...] = (
    begun("storage-account"), begun("endpoint"), begun("model"),
    StepProgress(run=RUN, step="endpoint", status="Creating"), 8, done("model", 8), 13, done("storage-account", 21),
    begun("container"), 2, done("container", 2), begun("blob"), 6,
)  # fmt: skip
LATER: tuple[float | Event, ...] = (
    done("blob", 2), 60, done("endpoint", 89), begun("grant-storage"), 3, done("grant-storage", 3), begun("effective"), 31,
    done("effective", 31), begun("deployment"), StepProgress(run=RUN, step="deployment", status="Creating"),
    Notice(run=RUN, text="Azure gives no container logs while a deployment is being created; they follow."), 46,
)  # fmt: skip
LOG = (
    "2026-10-01 09:31:02 I azmlinfsrv - Loaded logging config",
    "2026-10-01 09:31:02 I azmlinfsrv - Initializing the server",
    "2026-10-01 09:31:03 I root - Reading hello.txt as principal b57d3205-e8c7-4657-a39a-f80a64aab813",
    "2026-10-01 09:31:04 I root - Blob contains: 'Hello from the blob'",
    "2026-10-01 09:31:04 I gunicorn.access - 10.0.0.1 - \"GET / HTTP/1.1\" 200",
)  # fmt: skip


def logged(lines: Iterable[str]) -> tuple[Event, ...]:
    return tuple(
        LogLine(run=RUN, time=f"2026-10-01T09:31:{second:02d}.000Z", container="inference-server", text=line)
        for second, line in enumerate(lines)
    )


def play(camera: Camera, app: MiTui, plan: Plan, tape: Tape, over: threading.Event, *, more: bool = False) -> None:
    """A run that says the tape and goes on until `over`; with `more`, the run that is there goes on."""
    wizard = app.wizard
    if not more:
        wizard.run, wizard.plan, wizard.stop = RUN, plan, Stop()
        wizard.progress = RunProgress(run=RUN, began=camera.clock.now)
        wizard.progress.take(planned(plan))
        wizard._worker = threading.Thread(target=over.wait, args=(60,), daemon=True)
        wizard._worker.start()
    for part in tape:
        if isinstance(part, float | int):
            camera.clock.move(part)
        else:
            wizard.progress.take(part)


async def review(camera: Camera) -> None:
    """The plan: being made, there for both kinds, its details and commands, refused."""
    things = Things()
    workflow = Canned(
        camera.folder / "home", things, a_plan(warnings=("Shared keys are off: uploading with your sign-in.",))
    )
    async with camera.open(workflow, draft=a_draft()) as app:
        enter(app)
        things.held.clear()
        await camera.go(Stage.REVIEW)
        await camera.take("loading", "Reading what exists")
        things.held.set()
        await camera.take("system", "to create")
        await camera.pilot.press("d")
        await camera.take("details")
        workflow.told.checks = (*CALM[:2], NARROW, CALM[3], NO_QUOTA, CALM[5])
        await camera.go(Stage.REVIEW)
        await camera.take("checks", "1 failed")
        await camera.pilot.press("d")
        await camera.take("checks-details")
        await camera.pilot.press("f2")
        await camera.take("checks-masked")
        await camera.pilot.press("f2", "d")
        await camera.still()
        await camera.pilot.press("ctrl+n")
        await camera.take("checks-anyway", "Deploy all the same")
        await camera.pilot.press("escape")
        workflow.told.checks = CALM
        await camera.go(Stage.REVIEW)
        await camera.still()
        await camera.pilot.press("c")
        await camera.take("commands", "az ")
        workflow.given = a_plan(IdentityKind.UAI)
        await camera.go(Stage.REVIEW)
        await camera.take("user", "3 grants to make")
        quota = Failure(
            "InsufficientQuota",
            "The region westeurope has 4 cores of the family DSv2 left; this needs 8.",
            advice="Take a smaller instance type, or ask for more.",
        )
        missing = Failure(
            "ResourceNotFound", "There is no workspace ml-gone in rg-ml-dev.", advice="Choose another one."
        )
        workflow.given = PlanError([quota, missing])
        await camera.go(Stage.REVIEW)
        await camera.take("error", "There is no plan yet")


async def deploy(camera: Camera) -> None:
    """A run: nothing yet, side by side, waiting for the deployment, its log, done, failed, cancelled."""
    plan, over = a_plan(), threading.Event()
    async with camera.open(Canned(camera.folder / "home", plan=plan), draft=a_draft()) as app:
        enter(app)
        app.wizard.run = ""
        await camera.go(Stage.DEPLOY)
        await camera.take("empty")
        play(camera, app, plan, EARLY, over)
        await camera.go(Stage.DEPLOY)
        await camera.take("parallel")
        play(camera, app, plan, LATER, over, more=True)
        await camera.go(Stage.DEPLOY)
        await camera.take("waiting", "no container logs")
        play(camera, app, plan, (454, *logged(LOG), done("deployment", 500), begun("traffic"), 3), over, more=True)
        await camera.go(Stage.DEPLOY)
        await camera.take("log", "Blob contains")
        await camera.pilot.press("slash")
        await camera.pilot.press(*"blob")
        await camera.take("search")
        await camera.pilot.press("enter", "t")
        await camera.take("found")
        await camera.pilot.press("ctrl+c")
        await camera.take("leave", "Leave it running")
        await camera.pilot.press("escape")
        end = (
            done("traffic", 9),
            begun("request"),
            1,
            done("request", 1),
            RunFinished(run=RUN, outcome=Outcome.SUCCEEDED),
        )
        play(camera, app, plan, end, over, more=True)
        over.set()
        await camera.go(Stage.DEPLOY)
        await camera.take("done", "Done")


FAILURE = Failure(
    "ResourceNotReady",
    "User container has crashed or terminated. Please see the troubleshooting guide, available here: "
    "https://aka.ms/oe-tsg#error-resourcenotready",
    request_id="3d0c1f7a-5a44-4f7e-9a1f-1f0a9c2b7d11",
    raw='{"error": {"code": "ResourceNotReady", "message": "User container has crashed"}}',
)
MISSING = MissingGrant(
    "ep-demo",
    PRINCIPAL,
    "Storage Blob Data Reader",
    "/subscriptions/x/containers/inputs",
    "so that init() may read the blob",
    f"az role assignment create --role 'Storage Blob Data Reader' --assignee-object-id {PRINCIPAL}",
)


async def failed(camera: Camera) -> None:
    """A run that failed, its card and log; a cancelled one; Troubleshoot."""
    plan, over = a_plan(), threading.Event()
    async with camera.open(Canned(camera.folder / "home", plan=plan), draft=a_draft()) as app:
        enter(app)
        log = logged((*LOG[:2], "ErrorCode:AuthorizationPermissionMismatch", "I gunicorn.error - Worker exiting"))
        failure = StepFailed(run=RUN, step="deployment", title=TITLES["deployment"], failure=FAILURE, seconds=312)
        ended = RunFinished(run=RUN, outcome=Outcome.FAILED, failure=FAILURE, missing_grants=(MISSING,), diagnosis=ROLE)
        play(camera, app, plan, (*EARLY, *LATER, 266, *log, failure, ended), over)
        over.set()
        app.wizard.last_failure = FAILURE
        await camera.go(Stage.DEPLOY)
        await camera.take("card", "refuses for want of a role")
        await camera.pilot.press("r")
        await camera.take("raw")
        await camera.pilot.press("r", "l")
        await camera.take("log")
        await camera.pilot.press("f2")
        await camera.pilot.press("f4")
        await camera.take("troubleshoot-masked", "refuses for want of a role")
        await camera.pilot.press("escape", "f2")
        app.wizard.last_failure = None
        await camera.pilot.press("f4")
        await camera.take("troubleshoot-empty", "Nothing has failed so far")
        await camera.pilot.press("escape")
        cancelled = RunFinished(
            run=RUN, outcome=Outcome.CANCELLED, next=f"No new step was begun. 'mi-tui resume {RUN}' goes on."
        )
        over = threading.Event()
        play(camera, app, plan, (*EARLY, cancelled), over)
        over.set()
        await camera.go(Stage.DEPLOY)
        await camera.take("cancelled", "Cancelled")


async def endpoint(camera: Camera) -> None:
    """None yet, being asked, before and after an answer, refused, its log, an answer that is an error."""
    things = Things()
    workflow = Canned(camera.folder / "home", things)
    async with camera.open(workflow, draft=a_draft()) as app:
        enter(app, sandbox=True)
        app.wizard.run = ""
        await camera.go(Stage.ENDPOINT)
        await camera.take("empty")
        app.wizard.run = RUN
        things.held.clear()
        await camera.go(Stage.ENDPOINT)
        await camera.take("loading", "Asking for its state")
        things.held.set()
        await camera.take("before", "deployment Succeeded")
        workflow.score = ScoreAnswer(200, '{"predictions": [3.5, 4.5], "blob": "Hello from the blob"}', 0.042, {}, None)
        await camera.pilot.press("f5")
        await camera.take("answer", "200 in 42 ms")
        workflow.score = ScoreAnswer(424, "KeyError: 'data'", 0.1, {}, 500)
        await camera.pilot.press("f5")
        await camera.take("error", "424")
        app.screen.query_one("#request", TextArea).load_text('{"data":\n [1 2]}')
        await camera.pilot.press("f5")
        await camera.take("not-json", "Line 2")
        workflow.log_lines = list(LOG)
        await camera.pilot.press("f6")
        await camera.take("logs", "Blob contains")
        await camera.pilot.press("escape")
        workflow.states = {"endpoint": "absent"}
        await camera.go(Stage.ENDPOINT)
        await camera.take("gone", "This endpoint is not there")


async def cleanup(camera: Camera) -> None:
    """No run, the list in the sandbox and in Azure, something kept, removing, verified empty."""
    workflow = Canned(camera.folder / "home")
    async with camera.open(workflow, draft=a_draft()) as app:
        enter(app, sandbox=True)
        app.wizard.run = ""
        await camera.go(Stage.CLEANUP)
        await camera.take("none")
        app.wizard.run = RUN
        screen = await camera.go(Stage.CLEANUP)
        await camera.take("list", "deployment blue")
        listing = screen.query_one("#goes", SelectionList)
        listing.focus()
        listing.highlighted = 0
        await camera.pilot.press("space")
        await camera.until(lambda: len(listing.selected) < listing.option_count - 1)
        await camera.take("kept")
        await camera.go(Stage.CLEANUP)
        await camera.sees("deployment blue")
        await camera.pilot.press("enter")
        await camera.take("verified", "Nothing of this run is left")
    azure = Canned(camera.folder / "azure", target="azure")
    over = threading.Event()
    async with camera.open(azure, draft=a_draft()) as app:
        enter(app)
        app.wizard.run = RUN
        await camera.go(Stage.CLEANUP)
        await camera.sees("Type the endpoint's name")
        await camera.take("azure")
        plan = a_plan()
        play(camera, app, plan, (), over)
        app.wizard.progress.rows = {}
        app.wizard.cleaning = True
        names = ("deployment blue", "online endpoint ep-demo", "storage account stdemo")
        for number, name in enumerate(names):
            app.wizard.progress.take(StepStarted(run=RUN, step=name, title=name))
            camera.clock.move(20 * (number + 1))
            if number < 2:
                app.wizard.progress.take(
                    StepFinished(run=RUN, step=name, title=name, result="removed", seconds=20 * (number + 1))
                )
        await camera.go(Stage.CLEANUP)
        await camera.take("removing", "Removing")
        over.set()


async def light_deploy(camera: Camera) -> None:
    """A run in the light theme."""
    await _themed(camera, themes.LIGHT.name)


async def sixteen_deploy(camera: Camera) -> None:
    """A run in the theme of sixteen colours."""
    await _themed(camera, themes.SIXTEEN.name)


async def _themed(camera: Camera, theme: str) -> None:
    plan, over = a_plan(), threading.Event()
    async with camera.open(Canned(camera.folder / "home", plan=plan), draft=a_draft(), theme=theme) as app:
        enter(app)
        play(camera, app, plan, (*EARLY, *LATER), over)
        await camera.go(Stage.DEPLOY)
        await camera.take("waiting", "no container logs")
        over.set()
