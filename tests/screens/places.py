"""Targets without a network or a process, so that the first two screens can be looked at in any world: signed out, failing, slow."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from textual.pilot import Pilot
from textual.widgets import Static

from mi_tui.app import MiTui
from mi_tui.model.draft import Stage
from mi_tui.model.sign_in import Finding, SignIn, Standing
from mi_tui.services.session import Caller
from mi_tui.services.sign_in import Account, Probed
from mi_tui.services.subscriptions import SubscriptionInfo
from mi_tui.services.workspaces import WorkspaceInfo
from mi_tui.workflow import Workflow
from screens.base import WizardScreen
from tests.screens.drawn import drawn

DEV = "3f0c6a52-8d1e-4b7a-9c35-62e1d0a4b871"
PROD = "c7d9e1f4-2b60-4e8d-a3f7-915b08d26ce3"
TENANT = "5a9d7c1e-0b4e-4c0f-9d53-3f6a2c7e1b90"


def subscription(name: str, id: str = DEV, state: str = "Enabled") -> SubscriptionInfo:
    return SubscriptionInfo(id, name, state, TENANT)


def workspace(name: str, group: str = "rg-ml", *, id: str = DEV, registry: bool = True) -> WorkspaceInfo:
    where = f"/subscriptions/{id}/resourceGroups/{group}/providers/Microsoft.MachineLearningServices/workspaces/{name}"
    return WorkspaceInfo(where, name, group, "westeurope", "", "/registry" if registry else None, True, "")


@dataclass
class FakeTarget:
    """What the screens ask of a target."""

    name: str
    subscription: str
    connection: Any = None
    gone: bool = False

    @property
    def session(self) -> Any:
        return SimpleNamespace(caller=lambda: Caller("you@contoso.example", "o", TENANT))

    def in_subscription(self, subscription: str) -> FakeTarget:
        return FakeTarget(self.name, subscription, self.connection, self.gone)


def fake_account(kind: SignIn, name: str = "you@contoso.example") -> Account:
    """Somebody who is signed in, with nothing that gives tokens."""
    return Account(kind, Caller(name, "o", TENANT), cast("Any", None))


def findings(**changes: Finding) -> dict[SignIn, Finding]:
    """What a machine with a signed-in Azure CLI and a browser finds, but for the changes (by name, dashes as underscores)."""
    who = f"you@contoso.example, tenant {TENANT}"
    found = [
        Finding(SignIn.AZURE_CLI, Standing.READY, who, name="you@contoso.example", tenant=TENANT),
        Finding(SignIn.ENVIRONMENT, Standing.ABSENT, "AZURE_TENANT_ID is not set.", "Set it."),
        Finding(SignIn.BROWSER, Standing.OFFERED, "Opens a page in your browser, where you sign in."),
        Finding(SignIn.DEVICE_CODE, Standing.OFFERED, "You open a page on any device and enter a code."),
    ]
    return {finding.kind: changes.get(finding.kind.value.replace("-", "_"), finding) for finding in found}


@dataclass
class World:
    """What there is. An exception in place of a list, or in `refuses`, is raised."""

    subscriptions: Any = field(default_factory=lambda: [subscription("Contoso Dev")])
    workspaces: dict[str, Any] = field(default_factory=lambda: {DEV: [workspace("ml-dev")]})
    refuses: Exception | None = None
    slow: float = 0.0
    opened: list[tuple[str, ...]] = field(default_factory=list)
    findings: dict[SignIn, Finding] = field(default_factory=findings)
    tried: list[tuple[str, str, str]] = field(default_factory=list)
    closed: int = 0


class FakeWorkflow(Workflow):
    """The real workflow and journal, with targets that need neither Azure nor a sandbox process."""

    def __init__(self, home: Path, world: World) -> None:
        super().__init__(home)
        self.world = world

    @contextmanager
    def _open(self, target: FakeTarget, *how: str) -> Iterator[Any]:
        self.world.opened.append(how)
        time.sleep(self.world.slow)
        if self.world.refuses is not None:
            raise self.world.refuses
        yield target
        self.world.closed += 1

    def sandbox(
        self, subscription: str | None = None, *, profile: str | None = None, scenario: str | None = None
    ) -> Any:
        os.environ["HTTPS_PROXY"] = "http://127.0.0.1:1"  # as the real one does
        connection = SimpleNamespace(
            profile=profile or "demo",
            scenario=scenario or "none",
            user="you@contoso.example",
            tenant=TENANT,
            subscription=DEV,
            resource_group="rg-ml",
            workspace="ml-dev",
            location="westeurope",
        )
        return self._open(FakeTarget("sandbox", DEV, connection), "sandbox", str(profile), str(scenario))

    def azure(self, subscription: str, account: Any = None, *, tenant: str = "") -> Any:
        return self._open(
            FakeTarget("azure", subscription), "azure", subscription, os.environ.get("HTTPS_PROXY", ""),
            account.kind.value if account else "",
        )  # fmt: skip

    def try_sign_in(self, kind: SignIn, tenant: str = "") -> Probed:
        time.sleep(self.world.slow)
        self.world.tried.append((kind.value, tenant, os.environ.get("HTTPS_PROXY", "")))
        finding = self.world.findings[kind]
        ready = finding.standing is Standing.READY
        return Probed(finding, fake_account(kind, finding.name) if ready else None)

    def tenant_name(self, target: Any, tenant: str) -> str:
        return "Contoso"

    def catalog(self, target: Any, subscription: str | None = None) -> Any:
        world = self.world

        def give(what: Any) -> Any:
            time.sleep(world.slow)
            if isinstance(what, Exception):
                raise what
            return what

        return SimpleNamespace(
            subscriptions=lambda: give(world.subscriptions),
            workspaces=lambda: give(world.workspaces.get(subscription or target.subscription, [])),
        )


def app_in(home: Path, world: World) -> MiTui:
    """The app in a world."""
    return MiTui(FakeWorkflow(home, world))


async def until(pilot: Pilot[int], true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is true; the test fails when it never is."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"it never came to be:\n{said(pilot.app.screen)}"
        await pilot.pause(0.05)
    await drawn(pilot)


async def at(pilot: Pilot[int], stage: Stage) -> WizardScreen:
    """Wait for a stage."""

    def there() -> bool:
        screen = pilot.app.screen
        return isinstance(screen, WizardScreen) and screen.STAGE is stage and screen.is_mounted

    await until(pilot, there)
    if stage is Stage.WELCOME:
        await until(pilot, lambda: bool(pilot.app.screen.query("#earlier")))
    await pilot.pause()
    screen = pilot.app.screen
    assert isinstance(screen, WizardScreen)
    return screen


def said(screen: Any) -> str:
    """Every text that is shown in a Static of the screen."""
    return "\n".join(str(part.render()) for part in screen.query(Static) if part.display)
