"""The whole journey in one process, against a sandbox in a scenario: what it answers, and whether a remedy ends in a scored answer."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import requests

from mi_tui.engine.context import Stop
from mi_tui.model.answers import Answers, IdentityKind
from mi_tui.model.diagnosis import Diagnosis
from mi_tui.model.events import Event, RunFinished
from mi_tui.sandbox import client
from mi_tui.services.errors import ServiceError
from mi_tui.workflow import PlanError, Target, Workflow


@dataclass
class Outcome:
    """How one attempt ended. `refused` is what the plan said instead of being carried out; `said` is every event's text."""

    finished: RunFinished | None = None
    refused: str = ""
    said: str = ""
    found: Diagnosis | None = None
    """Why it could not even be planned."""

    @property
    def scored(self) -> bool:
        """Whether it ended in a scored answer."""
        return self.finished is not None and self.finished.outcome.value == "succeeded" and bool(self.finished.response)

    @property
    def code(self) -> str:
        """Azure's code of the failure."""
        failure = self.finished.failure if self.finished else None
        return failure.code if failure else ""

    @property
    def message(self) -> str:
        """Azure's words of the failure."""
        failure = self.finished.failure if self.finished else None
        return failure.message if failure else self.refused

    @property
    def rule(self) -> str:
        """The rule of the diagnosis; empty where there is none."""
        found = self.finished.diagnosis if self.finished else self.found
        return found.rule if found else ""

    @property
    def raw(self) -> str:
        """The failure as it came."""
        failure = self.finished.failure if self.finished else None
        return failure.raw if failure else ""

    @property
    def inner(self) -> str:
        """The sentences inside the failure, such as those of Azure ML's nested JSON."""
        failure = self.finished.failure if self.finished else None
        return " ".join(failure.details) if failure else ""


@dataclass
class Journey:
    """A workflow in an open sandbox."""

    workflow: Workflow
    target: Target
    runs: list[str] = field(default_factory=list)

    @property
    def connection(self) -> client.Connection:
        """Where the sandbox is."""
        connection = self.target.connection
        assert connection is not None
        return connection

    def scenario(self, name: str) -> None:
        """Go on in another scenario."""
        with client.connect(Path(self.connection.home), scenario=name):
            pass

    def answers(self, kind: IdentityKind = IdentityKind.SAI, **changes: Any) -> Answers:
        """The example's answers; `changes` replaces members: `storage={"account": ...}`."""
        made = self.workflow.example_answers(kind, self.connection)
        for name, values in changes.items():
            part = getattr(made, name)
            new = msgspec.structs.replace(part, **values) if isinstance(part, msgspec.Struct) else values
            made = msgspec.structs.replace(made, **{name: new})
        return self.workflow.check_files(made)

    def up(self, answers: Answers | None = None, stop: Stop | None = None) -> Outcome:
        """Plan and carry out."""
        wanted = answers or self.answers()
        try:
            run, plan = self.workflow.plan(self.target, wanted)
        except ServiceError as error:
            found = self.workflow.advice.refused(self.target, wanted, [error.failure])[0]
            return Outcome(refused=f"({error.failure.code}) {error.failure.message}", found=found)
        except PlanError as error:
            found = self.workflow.advice.refused(self.target, wanted, error.failures)[0]
            return Outcome(refused=f"{type(error).__name__}: {error}", found=found)
        except Exception as error:  # noqa: BLE001  # a plan that is refused says why; the test looks at the words
            return Outcome(refused=f"{type(error).__name__}: {error}")
        self.runs.append(run)
        return self._watched(lambda emit: self.workflow.up(self.target, run, plan, emit, stop or Stop()))

    def resume(self) -> Outcome:
        """Go on with the last run."""
        record = self.workflow.journal.run(self.runs[-1])
        return self._watched(lambda emit: self.workflow.resume(self.target, record, emit, Stop()))

    def down(self) -> None:
        """Remove what the runs made."""
        for run in reversed(self.runs):
            record = self.workflow.journal.run(run)
            self.workflow.down(self.target, record, lambda _event: None, Stop())
        self.runs.clear()

    def arm(self, method: str, path: str, body: Any = None, version: str = "2024-10-01") -> tuple[int, Any]:
        """One request to ARM by the person's own sign-in: status and body."""
        token = self.target.session.credential.get_token("https://management.azure.com/.default").token
        answer = requests.request(
            method,
            f"https://management.azure.com{path}",
            params={"api-version": version},
            headers={"Authorization": f"Bearer {token}"},
            json=body,
            timeout=30,
        )
        return answer.status_code, answer.json() if answer.content else None

    @property
    def group(self) -> str:
        """The id of the resource group."""
        return f"/subscriptions/{self.connection.subscription}/resourceGroups/{self.connection.resource_group}"

    @property
    def workspace(self) -> str:
        """The id of the workspace."""
        return f"{self.group}/providers/Microsoft.MachineLearningServices/workspaces/{self.connection.workspace}"

    def log(self) -> list[dict[str, Any]]:
        """The sandbox's request log."""
        return client.log(self.connection)

    def tree(self) -> dict[str, Any]:
        """The sandbox's world."""
        return client.tree(self.connection)

    @staticmethod
    def _watched(work: Any) -> Outcome:
        said: list[str] = []

        def emit(event: Event) -> None:
            said.append(str(msgspec.to_builtins(event)))

        return Outcome(work(emit), "", "\n".join(said))


@contextmanager
def opened(home: Path) -> Iterator[Journey]:
    """A sandbox of the profile instant, and the person who uses it. It ends with this."""
    workflow = Workflow(home)
    with workflow.sandbox(profile="instant", scenario="none") as target:
        yield Journey(workflow, target)


def suffix() -> str:
    """A few random hex digits for a name."""
    return secrets.token_hex(3)
