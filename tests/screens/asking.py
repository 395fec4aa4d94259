"""A catalog without a network, so that the asking screens can be looked at with any world: empty, failing, hostile, slow."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from mi_tui.app import MiTui
from mi_tui.model.capacity import Capacity, MachineSize, Usage
from mi_tui.model.draft import Stage
from mi_tui.services.identities import IdentityInfo
from mi_tui.services.storage import AccountInfo
from mi_tui.services.workspaces import WorkspaceInfo
from mi_tui.workflow import Workflow
from screens.base import WizardScreen

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"


def _id(group: str, provider: str, name: str) -> str:
    return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/{provider}/{name}"


def identity(name: str, group: str = "rg-ml-dev", location: str = "westeurope") -> IdentityInfo:
    return IdentityInfo(_id(group, "Microsoft.ManagedIdentity/userAssignedIdentities", name), name, "p", "c", location)


def account(name: str, group: str = "rg-ml-dev", *, shared_keys: bool = True) -> AccountInfo:
    return AccountInfo(
        _id(group, "Microsoft.Storage/storageAccounts", name),
        name,
        group,
        "westeurope",
        "StorageV2",
        shared_keys,
        True,
        "",
    )


def workspace(name: str = "ml-dev", *, registry: bool = True) -> WorkspaceInfo:
    where = _id("rg-ml-dev", "Microsoft.MachineLearningServices/workspaces", name)
    return WorkspaceInfo(where, name, "rg-ml-dev", "westeurope", "", "/registry" if registry else None, True, "")


@dataclass
class FakeCatalog:
    """What there is. An exception in place of a list is raised."""

    spaces: Any = field(default_factory=lambda: [workspace()])
    uais: Any = field(default_factory=list)
    stores: Any = field(default_factory=list)
    inside: dict[str, Any] = field(default_factory=dict)
    """Account -> container -> blobs."""
    taken: set[str] = field(default_factory=set)
    room: Any = field(
        default_factory=lambda: Capacity(
            "westeurope",
            (
                MachineSize("Standard_DS3_v2", "standardDSv2Family", 4, 14.0),
                MachineSize("STANDARD_F4s_v2", "standardFSv2Family", 4, 8.0),
                MachineSize("Standard_D4as_v4", "standardDASv4Family", 4, 16.0),
                MachineSize("Standard_NC4as_T4_v3", "standardNCASv3_T4Family", 4, 28.0, 1),
            ),
            {
                "standarddsv2family": Usage("DSv2", 0, 24),
                "standardfsv2family": Usage("FSv2", 20, 24),
                "standardncasv3_t4family": Usage("T4", 0, 8),
            },
            Usage("Total", 20, 100),
        )
    )
    slow: float = 0.0
    asked: list[str] = field(default_factory=list)

    def _give(self, what: Any) -> Any:
        time.sleep(self.slow)
        if isinstance(what, Exception):
            raise what
        return what

    def workspaces(self) -> Any:
        return self._give(self.spaces)

    def identities(self) -> Any:
        return self._give(self.uais)

    def accounts(self) -> Any:
        return self._give(self.stores)

    def containers(self, store: AccountInfo) -> Any:
        inside = self._give(self.inside.get(store.name, {}))
        return sorted(inside)

    def blobs(self, store: AccountInfo, container: str) -> Any:
        return self._give(self.inside.get(store.name, {}).get(container, []))

    def storage_name_fault(self, name: str) -> str | None:
        self.asked.append(name)
        return self._give(f"The storage account named {name} is already taken." if name in self.taken else None)

    def capacity(self, group: str, space: str, location: str = "") -> Any:
        return self._give(self.room)

    def endpoint_fault(self, group: str, space: str, name: str, location: str = "") -> str | None:
        self.asked.append(name)
        return self._give(f"There is an endpoint {name!r} in this workspace already." if name in self.taken else None)


class FakeWorkflow(Workflow):
    """The real workflow with another catalog."""

    def __init__(self, home: Any, catalog: FakeCatalog) -> None:
        super().__init__(home)
        self.fake = catalog

    def catalog(self, target: Any, subscription: str | None = None) -> Any:
        return self.fake


def app_at(stage: Stage, home: Any, catalog: FakeCatalog | None = None) -> MiTui:
    """The app with a chosen workspace and suggested answers; `show` goes to the stage."""
    app = MiTui(FakeWorkflow(home, catalog or FakeCatalog()))
    wizard = app.wizard
    wizard.target = SimpleNamespace(connection=None, name="azure", lease=None, gone=False)  # type: ignore[assignment]
    wizard.who = "sandbox · demo · you@contoso.example"
    draft = wizard.draft
    draft.subscription, draft.resource_group, draft.workspace = SUBSCRIPTION, "rg-ml-dev", "ml-dev"
    draft.location = "westeurope"
    wizard.suggest()
    wizard.stage = stage
    return app


async def show(pilot: Any, stage: Stage) -> WizardScreen:
    """Go to a stage and wait for what it loads."""
    pilot.app.go(stage)
    await settle(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, WizardScreen)
    assert screen.STAGE is stage
    return screen


async def settle(pilot: Any, seconds: float = 0.3) -> None:
    """Wait until what was asked in the background is on the screen."""
    await pilot.pause()
    await pilot.pause(seconds)
