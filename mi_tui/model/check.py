"""Check: what preflight found out of one thing, before anything is made. Data only; `mi_tui.guide` finds it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from mi_tui.model.diagnosis import Change, ChangeKind


class CheckStatus(StrEnum):
    """How a check ended. `failed`: the run would fail; `warning`: it may, or something is worth knowing; `skipped`: see the evidence."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


class Check(Struct, frozen=True, omit_defaults=True):
    """One check. Texts are for people; what came from outside in them is never markup."""

    id: str
    """Such as `providers-registered`; stays the same over versions."""
    title: str
    status: CheckStatus
    evidence: str = ""
    """What was read, with its figures and ids; of a skipped check, because of what it was skipped."""
    why: str = ""
    """Why it matters."""
    advice: str = ""
    """What to do, where it is not ok."""
    command: str = ""
    """The exact command for whoever has the right."""
    change: Change | None = None
    """The change of the plan that repairs it, where mi-tui can."""
    seconds: float = 0.0
    """How long it took."""


class Tally(Struct, frozen=True):
    """How many checks ended how."""

    ok: int = 0
    warnings: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def words(self) -> str:
        """Such as `34 checks: 32 ok, 1 warning, 1 failed`."""
        parts = [f"{self.ok} ok"]
        parts += [f"{self.warnings} warning{'s' if self.warnings > 1 else ''}"] if self.warnings else []
        parts += [f"{self.failed} failed"] if self.failed else []
        parts += [f"{self.skipped} skipped"] if self.skipped else []
        return f"{self.ok + self.warnings + self.failed + self.skipped} checks: {', '.join(parts)}"


def tally(checks: Sequence[Check]) -> Tally:
    """The checks counted by how they ended."""
    states = [check.status for check in checks]
    return Tally(
        states.count(CheckStatus.OK),
        states.count(CheckStatus.WARNING),
        states.count(CheckStatus.FAILED),
        states.count(CheckStatus.SKIPPED),
    )


_OFFERS = {
    ChangeKind.GRANT: "make the grants itself",
    ChangeKind.WAIT: "wait, and try again",
    ChangeKind.REGISTER: "register {}",
    ChangeKind.INSTANCE_TYPE: "take {} instead",
    ChangeKind.ENDPOINT_NAME: "name the endpoint {}",
    ChangeKind.DEPLOYMENT_NAME: "name the deployment {}",
    ChangeKind.STORAGE_ACCOUNT: "name the storage account {}",
    ChangeKind.IDENTITY: "take the identity that the endpoint has",
    ChangeKind.REPLACE_BROKEN: "delete the broken endpoint {} and make it again",
    ChangeKind.CONDA: "put {} into the conda file",
    ChangeKind.CODE: "upload the scoring script's folder again",
    ChangeKind.MODEL: "upload the model again",
    ChangeKind.VARIABLE: "set {}",
    ChangeKind.TAG: "set the tag {}",
    ChangeKind.RETRY: "try again",
}


_WITHOUT_A_VALUE = {
    ChangeKind.INSTANCE_TYPE: "take another type that fits",
    ChangeKind.ENDPOINT_NAME: "name the endpoint otherwise",
    ChangeKind.DEPLOYMENT_NAME: "name the deployment otherwise",
    ChangeKind.STORAGE_ACCOUNT: "name the storage account otherwise",
}
"""Where the value is found when the change is looked at."""


def offer(change: Change) -> str:
    """What mi-tui can do about it, as the end of `mi-tui can ...`."""
    if not change.values and change.kind in _WITHOUT_A_VALUE:
        return _WITHOUT_A_VALUE[change.kind]
    values = ", ".join(value.removesuffix("=") for value in change.values)
    return _OFFERS[change.kind].format(values)
