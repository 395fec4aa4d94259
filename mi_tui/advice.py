"""Advice: what screens and commands ask the guide. It reads, and changes nothing by itself."""

from __future__ import annotations

from collections.abc import Callable

from mi_tui.engine import diagnosed
from mi_tui.engine.journal import Journal, RunRecord
from mi_tui.guide.case import Case
from mi_tui.guide.diagnose import UNKNOWN, diagnose
from mi_tui.model.diagnosis import Diagnosis
from mi_tui.model.failure import Failure


class Advice:
    """Diagnosis, for those above. Methods block; the caller owns the thread."""

    def __init__(self, journal: Callable[[], Journal]) -> None:
        self._journal = journal

    def kept(self, record: RunRecord) -> Diagnosis | None:
        """Why the run failed when it was last driven, as it was told then; None when it did not fail. JournalError."""
        return diagnosed.kept(self._journal(), record.id)

    @staticmethod
    def diagnose_text(text: str) -> tuple[Diagnosis, ...]:
        """The diagnoses of an error, a command's output, a traceback or a log, best first; never empty. Asks nobody."""
        return diagnose(Case(text=text))

    @staticmethod
    def diagnose_failure(failure: Failure) -> Diagnosis | None:
        """Why something failed before a run was begun, as far as the failure itself tells; None where no rule fits. Asks nobody."""
        found = diagnose(Case(failure))[0]
        return None if found.rule == UNKNOWN else found
