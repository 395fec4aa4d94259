"""Advice: what screens and commands ask the guide. It reads, and changes nothing by itself."""

from __future__ import annotations

from mi_tui.guide.case import Case
from mi_tui.guide.diagnose import diagnose
from mi_tui.model.diagnosis import Diagnosis


class Advice:
    """Diagnosis, for those above. Methods block; the caller owns the thread."""

    @staticmethod
    def diagnose_text(text: str) -> tuple[Diagnosis, ...]:
        """The diagnoses of an error, a command's output, a traceback or a log, best first; never empty. Asks nobody."""
        return diagnose(Case(text=text))
