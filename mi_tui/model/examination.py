"""Examination: what was seen of an endpoint, and what is wrong with it. Data only; `mi_tui.guide` makes it."""

from __future__ import annotations

from msgspec import Struct

from mi_tui.model.check import Check, CheckStatus
from mi_tui.model.diagnosis import Diagnosis


class Examination(Struct, frozen=True):
    """An endpoint as it was seen. Texts may come from outside and are never markup."""

    endpoint: str
    deployment: str
    """Empty where there is none."""
    healthy: bool
    """Nothing that was seen is wrong. What could not be seen stands among the checks as skipped."""
    words: str
    """The sum in one sentence."""
    checks: tuple[Check, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    """Why it is as it is, the best first; empty where nothing is wrong."""
    remarks: tuple[Diagnosis, ...] = ()
    """What the logs of a deployment that is in order speak of; it may be over."""
    seconds: float = 0.0
    """How long it took."""
    run: str = ""
    """The run that the endpoint is of, where one was examined."""

    @property
    def unseen(self) -> tuple[Check, ...]:
        """What could not be seen."""
        return tuple(check for check in self.checks if check.status is CheckStatus.SKIPPED)
