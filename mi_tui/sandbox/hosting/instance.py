"""What `getLogs` tells around a container's own output: the stages of the instance and the events of its containers.

The wording is that of `Get-AzMLWorkspaceOnlineDeploymentLog`'s documented example and of logs in public issues.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

SYSTEM, PULL, MODEL, START = "SystemSetup", "UserContainerImagePull", "ModelDownload", "UserContainerStart"
_STAGES = (SYSTEM, PULL, MODEL, START)
_EVENTS_KEPT = 50

NOT_YET = "Deployment is in deleting or creating state so logs can't be retrieved."
NO_LOGS = "There are no logs for this deployment at the moment."


@dataclass
class Instance:
    """The stages (Waiting, InProgress, Succeeded, Failed) and the events of one instance; kept in the deployment's private part."""

    stages: dict[str, str] = field(default_factory=lambda: dict.fromkeys(_STAGES, "Waiting"))
    events: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, private: dict[str, Any]) -> Instance:
        """The instance as it was kept, or a new one."""
        kept = private.get("instance")
        return cls(dict(kept["stages"]), list(kept["events"])) if kept else cls()

    def kept(self) -> dict[str, Any]:
        """What to keep."""
        return {"stages": self.stages, "events": self.events[-_EVENTS_KEPT:]}

    def event(self, name: str, message: str, *, warning: bool = False) -> None:
        """Add an event that happens now."""
        moment = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        kind = "Warning" if warning else "Normal"
        self.events.append(f"Kind: Pod, Name: {name}, Type: {kind}, Time: {moment}, Message: {message}")

    def text(self, container_lines: list[str]) -> str:
        """The whole answer of `getLogs`."""
        parts = ["Instance status:", *(f"{stage}: {state}" for stage, state in self.stages.items())]
        parts += ["", "Container events:", *self.events, "", "Container logs:", *container_lines]
        return "\n".join(parts) + "\n"
