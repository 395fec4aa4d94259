"""The diagnosis that is kept with a run: what `status`, `diagnose RUN` and a fix by its number read again later."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from mi_tui.engine.journal import Journal
from mi_tui.model.diagnosis import Diagnosis, Evidence, Fix
from mi_tui.model.failure import Failure
from mi_tui.model.redact import redact

_DIAGNOSIS, _FAILURE = "diagnosis", "failure"
"""The facts of a run that hold them, as JSON; empty when its last try did not fail."""

_TEXT = 2_000
"""Characters that are kept of one text."""
_MANY = 20
"""How many lines of evidence, fixes or ids are kept."""


def keep(journal: Journal, run: str, diagnosis: Diagnosis | None, failure: Failure | None) -> None:
    """Remember why a run failed, without secrets and in bounded size; None takes away what was kept. JournalError when it cannot be written."""
    journal.note(run, _DIAGNOSIS, "" if diagnosis is None else msgspec.json.encode(bounded(diagnosis)).decode())
    journal.note(run, _FAILURE, "" if failure is None else msgspec.json.encode(_safe(failure)).decode())


def kept(journal: Journal, run: str) -> Diagnosis | None:
    """Why the run failed when it was last driven, as it was told then; None when it did not, or when nothing was kept. JournalError."""
    return _read(journal.facts(run).get(_DIAGNOSIS, ""), Diagnosis)


def failure(journal: Journal, run: str) -> Failure | None:
    """The failure that was told when the run was last driven; None when there was none. JournalError."""
    return _read(journal.facts(run).get(_FAILURE, ""), Failure)


def bounded(diagnosis: Diagnosis) -> Diagnosis:
    """The diagnosis without secrets, and no longer than people read and a journal should hold."""
    return msgspec.structs.replace(
        diagnosis,
        cause=_words(diagnosis.cause),
        evidence=_evidence(diagnosis.evidence),
        # All of them: a fix is chosen by its number.
        fixes=tuple(Fix(_words(fix.words), redact(fix.command), fix.change) for fix in diagnosis.fixes),
        support=_evidence(diagnosis.support),
        question=_words(diagnosis.question),
    )


def _evidence(found: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    return tuple(Evidence(item.source, _words(item.text)) for item in found[:_MANY])


def _safe(found: Failure) -> Failure:
    return msgspec.structs.replace(
        found,
        message=_words(found.message),
        advice=_words(found.advice),
        details=tuple(map(_words, found.details[:_MANY])),
        raw=redact(found.raw)[: 4 * _TEXT],
    )


def _words(text: str) -> str:
    return redact(text)[:_TEXT]


T = TypeVar("T", Diagnosis, Failure)


def _read(text: str, kind: type[T]) -> T | None:
    """What a fact says; None for what an older or newer mi-tui wrote in another form."""
    if not text:
        return None
    try:
        return msgspec.json.decode(text, type=kind)
    except ValueError:
        return None
