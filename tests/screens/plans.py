"""Plans and runs as data, so that Review and Deploy can be looked at in any state without a target."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from mi_tui.advice import Advice
from mi_tui.app import MiTui
from mi_tui.model import events, names
from mi_tui.model.answers import Answers, Deployment, Endpoint, Identity, IdentityKind, Storage, Workspace
from mi_tui.model.check import Check, CheckStatus
from mi_tui.model.diagnosis import Change, ChangeKind, Diagnosis
from mi_tui.model.draft import Draft, Stage
from mi_tui.model.events import Event, RunFinished
from mi_tui.model.failure import Failure
from mi_tui.model.plan import Action, Grant, Place, Plan, PlannedResource, PlannedStep, ResourceKind
from mi_tui.workflow import Emit, Stop, Target, Workflow
from tests.screens.drawn import drawn

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
PRINCIPAL = "b57d3205-e8c7-4657-a39a-f80a64aab813"
RUN = "abc123"


def a_plan(
    kind: IdentityKind = IdentityKind.SAI,
    *,
    upload: str = "/data/hello.txt",
    tags: dict[str, str] | None = None,
    warnings: tuple[str, ...] = (),
) -> Plan:
    """The plan of a first run, as the planner would make it."""
    uai = kind is IdentityKind.UAI
    answers = Answers(
        workspace=Workspace(SUBSCRIPTION, "rg-ml-dev", "ml-dev"),
        identity=Identity(kind, "id-demo" if uai else None),
        storage=Storage("stdemo", upload=upload),
        endpoint=Endpoint("ep-demo"),
        deployment=Deployment("/data/model", "/data/code", "/data/conda.yaml"),
        request="/data/request.json",
        tags=tags or {},
    )
    space = names.workspace_id(SUBSCRIPTION, "rg-ml-dev", "ml-dev")
    account = names.storage_account_id(SUBSCRIPTION, "rg-ml-dev", "stdemo")
    container = names.container_id(account, "inputs")
    own = names.storage_account_id(SUBSCRIPTION, "rg-ml-dev", "stmldev")
    registry = f"{names.group_id(SUBSCRIPTION, 'rg-ml-dev')}/providers/Microsoft.ContainerRegistry/registries/crmldev"
    front = names.endpoint_id(space, "ep-demo")
    kinds = ResourceKind
    identity = names.identity_id(SUBSCRIPTION, "rg-ml-dev", "id-demo")
    resources = [
        PlannedResource("workspace", kinds.WORKSPACE, "ml-dev", Action.USE, space, "westeurope", "where the endpoint lives"),
        *([PlannedResource("identity", kinds.IDENTITY, "id-demo", Action.CREATE, identity, "", "who reads")] if uai else []),
        PlannedResource("storage-account", kinds.STORAGE_ACCOUNT, "stdemo", Action.CREATE, account, "StorageV2", "holds the file"),
        PlannedResource("container", kinds.CONTAINER, "inputs", Action.CREATE, container, "private", "what the grant covers"),
        PlannedResource("blob", kinds.BLOB, "hello.txt", Action.CREATE, f"{container}/blobs/hello.txt", "", "what init() reads"),
        PlannedResource("endpoint", kinds.ENDPOINT, "ep-demo", Action.CREATE, front, "key authentication", "what you call"),
        PlannedResource("deployment", kinds.DEPLOYMENT, "blue", Action.CREATE, f"{front}/deployments/blue", "", "what answers"),
    ]  # fmt: skip
    who = "id-demo" if uai else "ep-demo"
    reader, guid = "Storage Blob Data Reader", "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
    grants = (
        Grant("grant-storage", who, "", reader, guid, container, "container inputs of stdemo", "so that init() may read"),
        Grant("grant-registry", who, "", "AcrPull", "7f951dda-4ed3-4680-a7ca-43fe172d538d", registry, "registry crmldev", "to pull", automatic=not uai),
        Grant("grant-workspace", who, "", reader, guid, own, "account stmldev", "to fetch the model", automatic=not uai),
    )  # fmt: skip
    return Plan(
        answers=answers,
        place=Place(SUBSCRIPTION, "demo", "rg-ml-dev", space, "westeurope", own, registry),
        resources=tuple(resources),
        grants=grants,
        steps=STEPS,
        warnings=warnings,
        usd_per_hour=0.293,
    )


STEPS = (
    PlannedStep("storage-account", "storage account", "holds the file", (), 22),
    PlannedStep("container", "container", "what the grant covers", ("storage-account",), 2),
    PlannedStep("blob", "blob", "what init() reads", ("container",), 2),
    PlannedStep("endpoint", "online endpoint", "its identity is born with it", (), 92),
    PlannedStep("model", "model", "uploaded meanwhile", (), 8),
    PlannedStep("grant-storage", "grant Storage Blob Data Reader on container inputs of stdemo", "why", ("endpoint", "container"), 3),
    PlannedStep("effective", "grants take effect", "Azure needs a while", ("grant-storage",), 30),
    PlannedStep("deployment", "deployment blue", "runs the script", ("endpoint", "effective", "blob", "model"), 540),
    PlannedStep("traffic", "traffic 100 %", "requests reach it", ("deployment",), 15),
    PlannedStep("request", "first request", "proves it", ("traffic",), 2),
)  # fmt: skip


def planned(plan: Plan) -> Event:
    """The first event of a run."""
    return events.Planned(run=RUN, target="azure", resources=plan.resources, grants=plan.grants, steps=plan.steps)


def check(name: str, status: CheckStatus = CheckStatus.OK, evidence: str = "as it should be", **more: Any) -> Check:
    """One check."""
    return Check(name, name.capitalize().replace("-", " "), status, evidence, **more)


CALM = tuple(
    check(name) for name in ("signed-in", "workspace", "granting-roles", "storage-account", "quota", "scoring-script")
)
NO_QUOTA = check(
    "quota", CheckStatus.FAILED, "Standard_DS3_v2 x 1 needs 8 cores, 6 free. These fit: Standard_F2s_v2, Standard_DS2_v2.",
    why="Azure refuses a deployment whose cores the quota does not have.", advice="Take a smaller type.",
    command="az ml compute list-usage --location westeurope", change=Change(ChangeKind.INSTANCE_TYPE, ("Standard_F2s_v2",)),
)  # fmt: skip
NARROW = check(
    "granting-roles", CheckStatus.WARNING, f"Your right to grant on {SUBSCRIPTION} has a condition that mi-tui cannot evaluate.",
    why="Without its roles the endpoint's init() is refused.", advice="Look at it.",
)  # fmt: skip


class Told(Advice):
    """Checks that are given; they come when `held` is set."""

    def __init__(self, journal: Callable[[], Any]) -> None:
        super().__init__(journal)
        self.checks: tuple[Check, ...] = CALM
        self.held = threading.Event()
        self.held.set()
        self.looked: list[Answers] = []
        self.known: tuple[Diagnosis | None, ...] = ()
        """Why a plan is refused; it comes when `held` is set."""

    def refused(self, target: Target, answers: Answers, failures: Sequence[Failure]) -> tuple[Diagnosis | None, ...]:
        self.held.wait(20)
        return self.known

    def preflight(self, target: Target, answers: Answers, tell: Callable[[Check], None] | None = None) -> list[Check]:
        self.looked.append(answers)
        self.held.wait(20)
        for one in self.checks:
            if tell is not None:
                tell(one)
        return list(self.checks)


class Scripted(Workflow):
    """Plans are given (an exception is raised); a run says the events of `says` and waits for `go` before its end.

    A target is not needed to see what the screens make of plans and events."""

    def __init__(self, home: Path, plan: Plan | Exception) -> None:
        super().__init__(home)
        self.told = Told(lambda: self.journal)
        self.advice = self.told
        self.given: Plan | Exception = plan
        self.says: list[Event] = []
        self.end: RunFinished | None = None
        self.asked: list[Answers] = []
        self.held = threading.Event()
        """Cleared, no plan comes until it is set."""
        self.held.set()
        self.runs: list[str] = []

    def check_files(self, answers: Answers) -> Answers:
        return answers

    def plan(self, target: Target, answers: Answers, waiter: object = None) -> tuple[str, Plan]:
        self.asked.append(answers)
        self.held.wait(20)
        if isinstance(self.given, Exception):
            raise self.given
        return RUN, self.given

    def up(self, target: Target, run: str, plan: Plan, emit: Emit, stop: Stop) -> RunFinished:
        self.runs.append(run)
        emit(planned(plan))
        for event in self.says:
            emit(event)
        while self.end is None:
            if stop.wait(0.02):
                return RunFinished(run=run, outcome=events.Outcome.LEFT_RUNNING)
        emit(self.end)
        return self.end


class Place_:
    """Stands for an open target."""

    def __init__(self, name: str = "azure") -> None:
        self.name = name
        self.connection = None
        self.gone = False


Journey = Callable[[MiTui, Pilot[int]], Awaitable[None]]


def drive(
    workflow: Scripted, stage: Stage, journey: Journey, *, size: tuple[int, int] = (80, 24), target: str = "azure"
) -> None:
    """Open the App at a stage with a complete draft and an open target, and let `journey` press keys."""

    async def go() -> None:
        app = MiTui(workflow)
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            answers = workflow.given.answers if isinstance(workflow.given, Plan) else a_plan().answers
            place: Any = Place_(target)
            app.wizard.target, app.wizard.draft = place, Draft.of(answers)
            app.go(stage)
            await pilot.pause()
            try:
                await journey(app, pilot)
            finally:
                app.wizard.close()

    asyncio.run(go())


def screen_text(app: MiTui) -> str:
    """Everything that is drawn, line by line."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def until(app: MiTui, pilot: Pilot[int], seen: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is so; the test fails when it never is."""
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end, f"never came:\n{screen_text(app)}"
        await pilot.pause(0.05)
    await drawn(pilot)
