"""Check: what preflight found out of one thing, before anything is made. Data only; `mi_tui.guide` finds it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from mi_tui.model.diagnosis import Change


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
