"""One file and one .tcss per screen. `STAGES` is the order of the journey; a screen is imported when it is first shown."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, cast

from mi_tui.model.stage import Stage

if TYPE_CHECKING:
    from screens.base import WizardScreen

_ROOMS = {
    Stage.WELCOME: ("welcome", "WelcomeScreen"),
    Stage.WORKSPACE: ("workspace", "WorkspaceScreen"),
    Stage.IDENTITY: ("identity", "IdentityScreen"),
    Stage.STORAGE: ("storage", "StorageScreen"),
    Stage.MODEL: ("model", "ModelScreen"),
    Stage.REVIEW: ("review", "ReviewScreen"),
    Stage.DEPLOY: ("deploy", "DeployScreen"),
    Stage.ENDPOINT: ("endpoint", "EndpointScreen"),
    Stage.CLEANUP: ("cleanup", "CleanupScreen"),
}


class _Stages(Mapping[Stage, "type[WizardScreen]"]):
    """Stage -> its screen, imported at the first look: the first paint waits for nothing that it does not show."""

    def __getitem__(self, stage: Stage) -> type[WizardScreen]:
        module, name = _ROOMS[stage]
        return cast("type[WizardScreen]", getattr(importlib.import_module(f"screens.{module}"), name))

    def __iter__(self) -> Iterator[Stage]:
        return iter(_ROOMS)

    def __len__(self) -> int:
        return len(_ROOMS)


STAGES: Mapping[Stage, type[WizardScreen]] = _Stages()
