"""A plan that is refused, with why: told as text, as an event, and as an exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mi_tui.model.answers import Answers
    from mi_tui.model.diagnosis import Diagnosis
    from mi_tui.model.failure import Failure
    from mi_tui.workflow import PlanError, ServiceError, Target, Workflow


class Refused(Exception):
    """There is no plan for the answers. `failures` says what is in the way, and `found` why, each in the same place."""

    def __init__(self, failures: tuple[Failure, ...], found: tuple[Diagnosis | None, ...], *, ours: bool) -> None:
        super().__init__("; ".join(failure.sentence() for failure in failures))
        self.failures, self.found = failures, found
        self.told = False
        """Whether it stands on standard error already."""
        self._ours = ours

    @property
    def bad_input(self) -> bool:
        """Whether the answers are what has to change."""
        return self._ours or self.failures[0].status in {400, 404}

    def tell(self) -> None:
        """Say it on standard error, once."""
        if not self.told:
            self.told = True
            for line in self.lines():
                click.echo(line, err=True)

    def lines(self) -> Iterator[str]:
        """What is in the way, and why. What the failure itself advises is said where no diagnosis says what to do."""
        import msgspec

        from mi_tui.cli.render import failure_lines, marks
        from mi_tui.cli.telling import diagnosis_lines

        yield "This cannot be planned. Nothing was changed."
        for failure, found in zip(self.failures, self.found, strict=True):
            plain = msgspec.structs.replace(failure, advice="") if self._ours and found and found.fixes else failure
            yield from failure_lines(plain)
            if found is not None:
                # The failure itself stands above.
                others = tuple(item for item in found.evidence if item.source != "failure")
                yield from diagnosis_lines(msgspec.structs.replace(found, evidence=others), marks(sys.stderr)["failed"])

    def event(self) -> str:
        """It as a line of JSON."""
        from mi_tui.cli.render import ascii_json
        from mi_tui.model.events import PlanRefused, to_json

        return ascii_json(to_json(PlanRefused(run="", failures=self.failures, diagnoses=self.found)))


def refused(workflow: Workflow, target: Target, answers: Answers, error: PlanError | ServiceError) -> Refused:
    """What was raised instead of a plan, with why."""
    from mi_tui.workflow import PlanError

    ours = isinstance(error, PlanError)
    failures = tuple(error.failures) if isinstance(error, PlanError) else (error.failure,)
    return Refused(failures, workflow.advice.refused(target, answers, failures), ours=ours)
