"""Advice: what screens and commands ask the guide. It reads, and changes nothing by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from mi_tui.engine import answering, diagnosed, files
from mi_tui.engine.journal import Journal, JournalError, RunRecord
from mi_tui.guide import explaining, world
from mi_tui.guide import preflight as looks
from mi_tui.guide.case import Case
from mi_tui.guide.diagnose import UNKNOWN, diagnose
from mi_tui.guide.examine import examine
from mi_tui.guide.subject import NOTHING, Subject, of_answers, of_plan, wish_of
from mi_tui.guide.world import Sight
from mi_tui.inquest import DEAF
from mi_tui.model.answers import Answers, Workspace
from mi_tui.model.check import Check
from mi_tui.model.diagnosis import Diagnosis, Evidence
from mi_tui.model.examination import Examination
from mi_tui.model.failure import Failure
from mi_tui.services import endpoints, quiet
from mi_tui.services.endpoints import EndpointInfo
from mi_tui.services.errors import as_failure
from mi_tui.targets import SANDBOX, Target


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
    def diagnose_failure(failure: Failure, logs: Mapping[str, tuple[str, ...]] | None = None) -> Diagnosis | None:
        """Why something failed that no run told, as far as the failure itself and the containers' logs tell; None where no rule fits.

        Asks nobody."""
        found = diagnose(Case(failure, logs=logs or {}))[0]
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
        # Nothing that is called here prints; the caller may go on talking to the terminal meanwhile.
        session = target.in_subscription(answers.workspace.subscription).session
        whole = files.absolute(answers, files.here())[0]
        return looks.preflight(session, whole, self._known(answers), tell)

    @staticmethod
    def basics(target: Target) -> list[Check]:
        """The checks that need no answers."""
        return looks.basics(target.session)

    @staticmethod
    def unreached(checks: Sequence[Check]) -> bool:
        """Whether a check was skipped for what passes by itself, such as a lost network."""
        return looks.unreached(checks)

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

    @staticmethod
    def refused(target: Target, answers: Answers, failures: Sequence[Failure]) -> tuple[Diagnosis | None, ...]:
        """Why answers could not be planned, for each of the failures that say so, with the world as it is now; None where no rule fits.

        Reads only, for a second at most in Azure; never raises ServiceError: what Azure does not answer is not among the evidence.
        """
        said = Failure("", " ".join(part for each in failures for part in (each.sentence(), *each.details)))
        sight, trouble = None, ""
        if not target.gone and not any(each.code in DEAF for each in failures):
            session = target.in_subscription(answers.workspace.subscription).session
            wanted = of_answers(session, answers, sandbox=target.name == SANDBOX, wish=wish_of(said))
            try:
                with quiet.Prints():
                    sight = world.look(wanted, target.pace.look)
            except Exception as error:  # noqa: BLE001 - a fault in the search must not hide the refusal itself
                trouble = f"The search for the cause broke off: {as_failure(error).sentence()}"
        found = [_of_refusal(answers, failure, sight) for failure in failures]
        if trouble:
            also = Evidence("mi-tui", trouble)
            found = [one and msgspec.structs.replace(one, evidence=(*one.evidence, also)) for one in found]
        return tuple(found)

    # ---- looking at an endpoint

    def endpoints(self, target: Target, where: Workspace) -> list[EndpointInfo]:
        """The online endpoints of a workspace, by name. Raises ServiceError."""
        session = target.in_subscription(where.subscription).session
        with quiet.Prints():
            found = endpoints.list_all(session, where.resource_group, where.name)
        return sorted(found, key=lambda one: one.name.lower())

    def examine(self, target: Target, where: Workspace, endpoint: str, deployment: str = "") -> Examination:
        """An endpoint, be it made by mi-tui or not, as it is now. Reads only, and asks it nothing; takes `SECONDS` at most."""
        wanted = Subject(
            session=target.in_subscription(where.subscription).session,
            group=where.resource_group,
            workspace=where.name,
            endpoint=endpoint,
            deployment=deployment,
            sandbox=target.name == SANDBOX,
        )
        with quiet.Prints():
            return examine(wanted, SECONDS)

    def examine_run(self, target: Target, record: RunRecord) -> Examination:
        """A run's endpoint as it is now, judged with what the run told of its failure. Reads only; what is found is kept with the run, so
        that its fixes can be chosen by number. JournalError."""
        journal = self._journal()
        failure = diagnosed.failure(journal, record.id)
        session = target.in_subscription(record.plan.place.subscription).session
        wanted = of_plan(
            session,
            record.plan,
            journal.facts(record.id),
            sandbox=target.name == SANDBOX,
            wish=NOTHING if failure is None else wish_of(failure),
        )
        with quiet.Prints():
            seen = examine(replace(wanted, logs=True), SECONDS, failure, record.id)
        found = seen.diagnoses[0] if seen.diagnoses else None
        # What was found when Azure could be asked is not given up for what is found when it cannot.
        looked = any(row.id == "endpoint" for row in seen.checks)
        if failure is not None and found is not None and looked and record.driver is None and not journal.why_not:
            diagnosed.keep(journal, record.id, found, failure)
        return seen


def _of_refusal(answers: Answers, failure: Failure, sight: Sight | None) -> Diagnosis | None:
    case = Case(failure, answers=answers)
    if sight is not None:
        case = replace(case, states=world.states(sight.world), world=sight.world)
    found = diagnose(case)[0]
    return None if found.rule == UNKNOWN else found


SECONDS = 10.0
"""How long somebody who asks for an examination waits at most for what Azure is slow to answer."""
