"""Advice: what screens and commands ask the guide. It reads, and changes nothing by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mi_tui.engine import answering, diagnosed, files
from mi_tui.engine.journal import Journal, JournalError, RunRecord
from mi_tui.guide import explaining
from mi_tui.guide import preflight as looks
from mi_tui.guide.case import Case
from mi_tui.guide.diagnose import UNKNOWN, diagnose
from mi_tui.model.answers import Answers
from mi_tui.model.check import Check
from mi_tui.model.diagnosis import Diagnosis
from mi_tui.model.failure import Failure
from mi_tui.services import quiet
from mi_tui.targets import Target


class Advice:
    """Preflight and diagnosis, for those above. Methods block; the caller owns the thread."""

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

    @staticmethod
    def explain(word: str) -> explaining.Text | None:
        """What a word means, as a title and three paragraphs: a notion, something on the screens, or an error code that a rule knows."""
        return explaining.explain(word)

    @staticmethod
    def words() -> tuple[str, ...]:
        """The words that can be explained, without the error codes."""
        return explaining.words()

    @staticmethod
    def codes() -> tuple[str, ...]:
        """The error codes that can be explained."""
        return explaining.codes()

    @staticmethod
    def nearest(word: str) -> tuple[str, ...]:
        """What may have been meant by a word that is not known; the nearest first."""
        return explaining.nearest(word)

    # ---- before a run

    @staticmethod
    def answers_to_check(path: Path) -> Answers:
        """The answers in a file, whatever is wrong with the files they name: the checks say that. AnswersError for the answers' own faults."""
        return answering.read_to_check(path)

    def preflight(self, target: Target, answers: Answers, tell: Callable[[Check], None] | None = None) -> list[Check]:
        """Every check of these answers, in a fixed order; `tell` hears each as soon as it is known, from any thread. Reads only.

        Needs no plan: answers that cannot be planned are told why. Raises ServiceError only where no session can be had.
        """
        with quiet.Prints():
            session = target.in_subscription(answers.workspace.subscription).session
            whole = files.absolute(answers, files.here())[0]
            return looks.preflight(session, whole, self._known(answers), tell)

    @staticmethod
    def basics(target: Target) -> list[Check]:
        """The checks that need no answers."""
        with quiet.Prints():
            return looks.basics(target.session)

    @staticmethod
    def group_of(check: Check) -> str:
        """The group under which a check is told."""
        return looks.group_of(check.id)

    def _known(self, answers: Answers) -> looks.Known | None:
        """What the last run in the same workspace saw of it: its parts are then read beside it instead of after it."""
        where = answers.workspace
        try:
            runs = self._journal().runs()
        except JournalError:
            return None  # whoever needs the journal hears of it
        for record in runs:
            if record.plan.answers.workspace == where and record.plan.place.location:
                place = record.plan.place
                return looks.Known(place.location, place.workspace_storage_id, place.registry_id)
        return None
