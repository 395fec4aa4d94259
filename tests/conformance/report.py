"""The table: every operation, how often it was answered, what it was held against, and what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tests.conformance.comparison import Outcome
from tests.conformance.differences import Held
from tests.conformance.operations import Class


def table(outcome: Outcome) -> str:
    """One line for each class of answers, the sums, and every difference that nothing explains."""
    return "\n".join(_lines(outcome))


def _lines(outcome: Outcome) -> Iterator[str]:
    by_class: dict[Class, list[Held]] = defaultdict(list)
    for one in outcome.held:
        by_class[one.of].append(one)
    yield f"{'answers':>7}  {'OpenAPI file':<20} {'recorded':>8}  {'differ':>6} {'unexplained':>11}  operation"
    unexplained = set(outcome.unexplained)
    for of, held in sorted(by_class.items()):
        found = {difference for one in held for difference in one.differences}
        versions = sorted({one.spec for one in held if one.spec})
        version = "-" if not versions else versions[0] if len(versions) == 1 else f"{len(versions)} versions"
        recorded = held[0].recordings or "-"
        yield f"{len(held):>7}  {version:<20} {recorded:>8}  {len(found):>6} {len(found & unexplained):>11}  {of}"
    yield ""
    yield from _sums(outcome, by_class)
    for of in outcome.unanswered:
        yield f"recorded, and not answered so by the sandbox: {of}"
    for difference in outcome.unexplained:
        yield f"unexplained: {difference}"
    for entry in outcome.useless:
        yield f"explains nothing any more: {entry}"
    for operation in outcome.unexercised:
        yield f"never answered with success (give a drive of tests/conformance/drives a request for it): {operation}"


def _sums(outcome: Outcome, by_class: dict[Class, list[Held]]) -> Iterator[str]:
    spec = {of for of, held in by_class.items() if any(one.spec for one in held)}
    recording = {of for of, held in by_class.items() if any(one.recordings for one in held)}
    neither = set(by_class) - spec - recording
    answers = len(outcome.held)
    yield (
        f"{answers} answers in {len(by_class)} classes (operation, status, error code): held against an OpenAPI file "
        f"{len(spec - recording)}, a recording {len(recording - spec)}, both {len(spec & recording)}, neither {len(neither)}."
    )
    operations = {of.operation for of in by_class}
    yield (
        f"{len(operations)} operations. Differences: {len(outcome.as_recorded)} from a file that a recorded answer breaks alike, "
        f"{len(outcome.explained)} explained by {len(set(outcome.explained.values()))} entries of the list, "
        f"{len(outcome.unexplained)} unexplained."
    )
