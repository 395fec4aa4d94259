"""A world without a network: what the screens ask for is there, missing, refused, or held back until the scene lets it come."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mi_tui.model.answers import Answers
from mi_tui.model.failure import Failure
from mi_tui.model.plan import Plan
from mi_tui.model.sign_in import Finding, SignIn, Standing
from mi_tui.workflow import Probed, ServiceError, Target
from tests.screens.asking import FakeCatalog
from tests.screens.ended import Faked
from tests.screens.places import TENANT, FakeTarget, fake_account, findings, subscription
from tests.screens.places import workspace as workspace_in
from tests.screens.plans import Told

DEV = "3f0c6a52-8d1e-4b7a-9c35-62e1d0a4b871"
PROD = "c7d9e1f4-2b60-4e8d-a3f7-915b08d26ce3"

REFUSED = ServiceError(
    Failure(
        "AuthorizationFailed",
        "The client 'you@contoso.example' with object id '5a9d7c1e-0b4e-4c0f-9d53-3f6a2c7e1b90' does not have authorization "
        "to perform action 'Microsoft.Storage/storageAccounts/read' over scope "
        f"'/subscriptions/{DEV}'.",
        advice="Ask for the role Reader on the subscription, or choose another one.",
    )
)
"""What Azure says to somebody without rights."""


@dataclass
class Things:
    """What there is. An exception in place of a list is raised; nothing is answered while `held` is cleared."""

    subscriptions: Any = field(
        default_factory=lambda: [subscription("Contoso Dev", DEV), subscription("Contoso Prod", PROD)]
    )
    workspaces: Any = field(
        default_factory=lambda: [
            workspace_in("ml-dev", "rg-ml-dev"),
            workspace_in("ml-new", "rg-ml-new", registry=False),
        ]
    )
    identities: Any = field(default_factory=list)
    accounts: Any = field(default_factory=list)
    inside: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    held: threading.Event = field(default_factory=threading.Event)
    sign_in: Exception | None = None
    findings: dict[SignIn, Finding] = field(default_factory=findings)

    def __post_init__(self) -> None:
        self.held.set()

    def give(self, what: Any) -> Any:
        """What was asked for, when it may come."""
        self.held.wait(20)
        if isinstance(what, Exception):
            raise what
        return what


class Held(FakeCatalog):
    """The catalog of `Things`."""

    def __init__(self, things: Things) -> None:
        super().__init__(things.workspaces, things.identities, things.accounts, things.inside)
        self.things = things

    def _give(self, what: Any) -> Any:
        return self.things.give(what)

    def subscriptions(self) -> Any:
        """What the sign-in sees."""
        return self._give(self.things.subscriptions)


class Canned(Faked):
    """A workflow over `Things`; its plan is given, its journal is real and has one run that ended."""

    def __init__(
        self, home: Path, things: Things | None = None, plan: Plan | Exception | None = None, *, target: str = "sandbox"
    ) -> None:
        super().__init__(home, target)
        self.things = things or Things()
        self.told = Told(lambda: self.journal)
        self.told.held = self.things.held
        self.advice = self.told
        self.given = plan

    def catalog(self, target: Any, subscription: str | None = None) -> Any:
        return Held(self.things)

    @contextmanager
    def _opened(self, target: FakeTarget) -> Any:
        self.things.give(self.things.sign_in or ())
        yield target

    def sandbox(self, *_: Any, profile: str | None = None, scenario: str | None = None, **__: Any) -> Any:
        return self._opened(in_sandbox(profile or "demo", scenario or "none"))

    def azure(self, subscription: str, *_: Any, **__: Any) -> Any:
        return self._opened(FakeTarget("azure", subscription))

    def try_sign_in(self, kind: SignIn, tenant: str = "") -> Probed:
        finding: Finding = self.things.give(self.things.findings[kind])
        return Probed(finding, fake_account(kind) if finding.standing is Standing.READY else None)

    def tenant_name(self, target: Any, tenant: str) -> str:
        return "Contoso"

    @contextmanager
    def target_of(self, *_: Any, **__: Any) -> Any:
        yield SimpleNamespace()

    def check_files(self, answers: Answers) -> Answers:
        return answers

    def plan(self, target: Target, answers: Answers, waiter: object = None) -> tuple[str, Plan]:
        plan = self.things.give(self.given)
        assert isinstance(plan, Plan)
        return "abc123", plan

    def endpoint_state(self, target: Any, record: Any) -> dict[str, str]:
        states: dict[str, str] = self.things.give(self.states)
        return states


def in_sandbox(profile: str = "demo", scenario: str = "none") -> FakeTarget:
    """An open sandbox."""
    connection = SimpleNamespace(
        profile=profile,
        scenario=scenario,
        user="you@contoso.example",
        tenant=TENANT,
        subscription=DEV,
        resource_group="rg-ml-dev",
        workspace="ml-dev",
        location="westeurope",
    )
    return FakeTarget("sandbox", DEV, connection)


def enter(app: Any, *, sandbox: bool = False) -> None:
    """Be signed in."""
    target = in_sandbox() if sandbox else FakeTarget("azure", DEV)
    app.wizard.wanted = target.name
    app.wizard._opened(target, "you@contoso.example", TENANT)
    if not sandbox:
        app.wizard.tenant_name = "Contoso"
        app.wizard.say_who("Contoso Dev")
