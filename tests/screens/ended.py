"""A run that has ended, in a journal of its own, and a workflow that answers for it without Azure: for looks, keys and words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from textual.pilot import Pilot

from mi_tui.app import MiTui
from mi_tui.engine import keeping
from mi_tui.engine.journal import RunState
from mi_tui.model.answers import Answers, Deployment, Endpoint, Identity, IdentityKind, Storage, Workspace
from mi_tui.model.draft import Stage
from mi_tui.model.events import Left, Outcome, RunFinished, StepFinished, StepStarted
from mi_tui.model.failure import Failure
from mi_tui.model.plan import Action, Place, Plan, PlannedResource, ResourceKind
from mi_tui.model.secret import Secret
from mi_tui.workflow import Consent, Emit, RunRecord, ScoreAnswer, ServiceError, Stop, Target, Workflow
from tests.screens.drawn import drawn

RUN = "abc123"
KEY = "the-key-that-nobody-sees"
PRINCIPAL = "b57d3205-e8c7-4657-a39a-f80a64aab813"
MADE = (
    (ResourceKind.STORAGE_ACCOUNT, "/acc", "stdemo"),
    (ResourceKind.CONTAINER, "/acc/c", "inputs"),
    (ResourceKind.BLOB, "/acc/c/b", "hello.txt"),
    (ResourceKind.IDENTITY, "/uai", "id-demo"),
    (ResourceKind.GRANT, "/acc/c/ra", "Storage Blob Data Reader on container inputs"),
    (ResourceKind.ENDPOINT, "/ep", "ep-demo"),
    (ResourceKind.DEPLOYMENT, "/ep/blue", "blue"),
)


def plan(folder: Path, endpoint: str = "ep-demo") -> Plan:
    """A plan that needs no Azure to be made."""
    sample = folder / "sample.json"
    sample.write_text('{"data": [1, 2]}')
    (folder / "score.py").write_text("def init(): ...\ndef run(data): ...\n")
    (folder / "conda.yaml").write_text("dependencies: [python=3.11, {pip: [azureml-inference-server-http]}]\n")
    answers = Answers(
        workspace=Workspace("11111111-2222-3333-4444-555555555555", "rg", "ml-dev"),
        identity=Identity(IdentityKind.UAI, "id-demo"),
        storage=Storage("stdemo", upload=str(sample)),
        endpoint=Endpoint(endpoint),
        deployment=Deployment(str(folder), str(folder), str(folder / "conda.yaml")),
        request=str(sample),
    )
    place = Place(answers.workspace.subscription, "demo", "rg", "/ws", "westeurope", "/wsst", None)
    used = PlannedResource("workspace", ResourceKind.WORKSPACE, "ml-dev", Action.USE, "/ws")
    return Plan(answers, place, (used,), (), (), usd_per_hour=0.29)


class Faked(Workflow):
    """The journal is real; what would ask Azure answers at once."""

    def __init__(self, home: Path, target: str = "sandbox", endpoint: str = "ep-demo") -> None:
        super().__init__(home)
        self.score: ScoreAnswer | Failure = ScoreAnswer(200, "[1.5, 2.5]", 0.042, {}, None)
        self.states: dict[str, str] = {
            "endpoint": "Succeeded",
            "deployment": "Succeeded",
            "traffic": "blue 100 %",
            "scoring_uri": "https://ep-demo.westeurope.inference.ml.azure.com/score",
        }
        self.log_lines = ["first line", "last line"]
        self.stops: list[Stop] = []
        self.bodies: list[bytes] = []
        self.kept_ids: frozenset[str] | None = None
        self.unremovable: dict[str, str] = {}
        self.others: dict[str, tuple[str, ...]] = {}
        self.consent: dict[str, frozenset[str]] | None = None
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.journal.add_run(RUN, target, plan(home, endpoint))
        self.journal.end_run(RUN, RunState.SUCCEEDED)
        for kind, name_id, name in MADE:
            self.journal.created(RUN, kind, name_id, name, "test")
        self.journal.note(RUN, "proof", f"I score - Blob contains: 'Hello' (read by REST as principal {PRINCIPAL})")
        self.journal.note(RUN, "principal_id", PRINCIPAL)

    def target_of(self, record: RunRecord) -> Any:
        from contextlib import nullcontext

        return nullcontext(SimpleNamespace())

    def endpoint_state(self, target: Target, record: RunRecord) -> dict[str, str]:
        return self.states

    def endpoint_key(self, target: Target, record: RunRecord) -> Secret:
        return Secret(KEY)

    def invoke(self, target: Target, record: RunRecord, body: bytes) -> ScoreAnswer:
        self.bodies.append(body)
        if isinstance(self.score, Failure):
            raise ServiceError(self.score)
        return self.score

    def logs(self, *_: Any, stop: Stop, follow: bool, **__: Any) -> Any:
        self.stops.append(stop)
        told = 0
        while True:
            for line in self.log_lines[told:]:
                told += 1
                yield line, True
            if not follow or stop.wait(0.05):
                return

    def foreign(
        self, target: Target, record: RunRecord, keep: frozenset[str] = frozenset(), waiter: object = None
    ) -> dict[str, tuple[str, ...]]:
        return self.others

    def down(
        self, target: Target, record: RunRecord, emit: Emit, stop: Stop, keep: frozenset[str] = frozenset(), *,
        consent: Consent | None = None, take_over: bool = False,
    ) -> RunFinished:  # fmt: skip
        self.kept_ids, self.consent = keep, dict(consent or {})
        stays = {**keeping.kept(self.removable(record), keep), **self.unremovable}
        removed, left = [], []
        for entry in self.removable(record):
            if entry.id in stays:
                left.append(Left(entry.kind.value, entry.name, entry.id, stays[entry.id]))
                continue
            step = f"remove {entry.id}"
            emit(StepStarted(run=RUN, step=step, title=f"{entry.kind.value} {entry.name}"))
            emit(
                StepFinished(run=RUN, step=step, title=f"{entry.kind.value} {entry.name}", result="removed", seconds=1)
            )
            self.journal.removed(RUN, entry.id, "test")
            removed.append(entry.id)
        end = RunFinished(run=RUN, outcome=Outcome.SUCCEEDED, removed=tuple(removed), left=tuple(left))
        emit(end)
        return end


Journey = Callable[[MiTui, Pilot[int]], Awaitable[None]]


def drive(workflow: Faked, stage: Stage, journey: Journey, size: tuple[int, int] = (80, 24), run: str = RUN) -> None:
    """Open the App at a stage of the ended run and let `journey` press keys."""

    async def go() -> None:
        app = MiTui(workflow)
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            app.wizard.run = run
            app.go(stage)
            await pilot.pause()
            await journey(app, pilot)

    asyncio.run(go())


def screen_text(app: MiTui) -> str:
    """Everything that is drawn, line by line."""
    lines = app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in lines)


async def until(pilot: Pilot[int], seen: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is so; the test fails when it never is."""
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end, f"never came:\n{screen_text(pilot.app)}"  # type: ignore[arg-type]
        await pilot.pause(0.03)
    await drawn(pilot)
