"""The whole comparison: every exchange held against the files and the recordings, and what of it is explained."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.coverage import unexercised
from tests.conformance.differences import Difference, Held
from tests.conformance.drives.replay import EXPECTED
from tests.conformance.exchange import Exchange
from tests.conformance.explained import Entry, entries, explain
from tests.conformance.material import recordings
from tests.conformance.openapi import Files
from tests.conformance.operations import Class, class_of
from tests.conformance.recording_check import Recordings
from tests.conformance.spec_check import Specification


@dataclass(frozen=True)
class Outcome:
    """`as_recorded` are breaches of a file that a recorded answer of Azure commits alike. `unexplained` must be empty, and so must
    `useless`, the entries of the list that explain nothing any more, and `unexercised`, operations that no drive asked for.
    `unanswered`, for information, are the recorded classes that the sandbox gave no answer of."""

    held: list[Held]
    as_recorded: list[Difference]
    explained: dict[Difference, Entry]
    unexplained: list[Difference]
    useless: list[Entry]
    unexercised: list[str]
    unanswered: list[Class]

    @property
    def whole(self) -> bool:
        """Whether nothing is left to explain, to remove from the list, or to exercise."""
        return not (self.unexplained or self.useless or self.unexercised)


def compare(exchanges: Iterable[Exchange], place: Path, known: list[Entry] | None = None) -> Outcome:
    """Hold every exchange against the material in `place`."""
    recorded = recordings(place)
    answers, files = Recordings(recorded), Specification(Files(place / "specs"))
    azures = {_breach(difference) for exchange in recorded for difference in files.compare(exchange)[1]}
    held = []
    for exchange in exchanges:
        version, breaches = files.compare(exchange)
        count, differences = answers.compare(exchange)
        held.append(Held(class_of(exchange), version, count, (*breaches, *differences, *_replayed(exchange))))
    every = sorted({difference for one in held for difference in one.differences})
    as_recorded = [one for one in every if one.against == "spec" and _breach(one) in azures]
    rest = [one for one in every if one not in set(as_recorded)]
    explained, unexplained, useless = explain(rest, entries() if known is None else known)
    unanswered = sorted({class_of(exchange) for exchange in recorded} - {one.of for one in held})
    return Outcome(held, as_recorded, explained, unexplained, useless, unexercised(one.of for one in held), unanswered)


def _replayed(exchange: Exchange) -> Iterator[Difference]:
    """What was recorded of Azure and sent again must be answered with the recorded status."""
    recorded = exchange.request_headers.get(EXPECTED)
    answered = f"{exchange.status} {exchange.code}".strip()
    if recorded is not None and recorded != answered:
        # The class is the recorded one, so that its reason is found whatever the sandbox answers instead.
        of = f"{class_of(exchange).operation} {recorded}"
        yield Difference("recording", of, "replay", "status", f"{answered} to the recorded request")


def _breach(difference: Difference) -> tuple[str, str, str]:
    """What is broken where, whatever the method, the status, and whether it is one resource or a list of them."""
    operation = re.sub(r"/\{\}$|^subscriptions/(?=microsoft)", "", difference.of.split(" ")[1])
    return operation, difference.kind, difference.at.replace(".value[]", "")
