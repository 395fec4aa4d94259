"""What is to be troubleshot: a diagnosis, endpoints, and what an examination of one sees, without Azure."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from mi_tui.model.check import Check, CheckStatus
from mi_tui.model.diagnosis import Change, ChangeKind, Confidence, Diagnosis, Evidence, Fix
from mi_tui.model.examination import Examination
from mi_tui.services.endpoints import EndpointInfo
from tests.screens.ended import PRINCIPAL
from tests.screens.snapshots.world import Canned

ROLE = Diagnosis(
    rule="storage-role-missing",
    cause=f"Storage knows who asks and refuses for want of a role. The identity {PRINCIPAL} needs Storage Blob Data Reader on inputs.",
    confidence=Confidence.CERTAIN,
    why="AuthorizationPermissionMismatch is storage's word for a role that is missing; a closed network has another one.",
    evidence=(
        Evidence("log inference-server", "requests.exceptions.HTTPError: 403: AuthorizationPermissionMismatch"),
        Evidence("role assignments on container inputs", f"Storage Blob Data Reader is not held by {PRINCIPAL}"),
    ),
    fixes=(
        Fix(
            "Grant Storage Blob Data Reader on the container inputs to the identity.",
            f"az role assignment create --role 'Storage Blob Data Reader' --assignee-object-id {PRINCIPAL}",
            Change(ChangeKind.GRANT, ("grant-storage",)),
        ),
        Fix("Or ask who may grant it."),
    ),
    links=(
        "https://learn.microsoft.com/azure/machine-learning/how-to-access-resources-from-endpoints-managed-identities",
    ),
    support=(Evidence("request id", "3d0c1f7a-5a44-4f7e-9a1f-1f0a9c2b7d11"),),
)

CHECKS = (
    Check("endpoint", "endpoint ep-others", CheckStatus.OK, "Succeeded"),
    Check("identity", "identity", CheckStatus.OK, f"system-assigned, principal {PRINCIPAL}"),
    Check("deployment", "deployment blue", CheckStatus.FAILED, "Failed, Standard_DS3_v2 x 1"),
    Check("traffic", "traffic", CheckStatus.WARNING, "none: requests are answered with 404"),
    Check("grant-storage", "Storage Blob Data Reader on container inputs", CheckStatus.FAILED, "missing"),
    Check("unseen", "the subscription", CheckStatus.SKIPPED, "could not be read: AuthorizationFailed: you may not"),
)
SICK = Examination("ep-others", "blue", False, f"The endpoint ep-others: {ROLE.cause}", CHECKS, (ROLE,))
WELL = Examination(
    "ep-fine", "blue", True, "The endpoint ep-fine: nothing wrong was seen. It was not asked for an answer.", CHECKS[:2]
)


def endpoint(name: str, state: str = "Succeeded", **traffic: int) -> EndpointInfo:
    """An endpoint of a list."""
    return EndpointInfo(f"/ep/{name}", name, state, "", "SystemAssigned", (), PRINCIPAL, traffic, "westeurope", {})


class Troubled(Canned):
    """A workflow whose workspaces have endpoints; looking at one answers when `seen` is set."""

    def __init__(self, home: Path, *args: Any, **kwargs: Any) -> None:
        super().__init__(home, *args, **kwargs)
        self.there: Any = [endpoint("ep-fine", blue=100), endpoint("ep-others", "Failed")]
        self.found: Any = {"ep-others": SICK, "ep-fine": WELL}
        self.seen = threading.Event()
        self.seen.set()
        self.advice.endpoints = lambda target, where: self.things.give(self.there)  # type: ignore[method-assign]
        self.advice.examine = self._examine  # type: ignore[method-assign]

    def _examine(self, target: Any, where: Any, name: str, deployment: str = "") -> Examination:
        self.seen.wait(20)
        found = self.found[name]
        if isinstance(found, Exception):
            raise found
        assert isinstance(found, Examination)
        return found
