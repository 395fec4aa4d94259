"""What a check's function says, before its id, its title and how long it took are put to it; and the table's rows."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Generic, TypeVar

from msgspec import Struct

from mi_tui.guide.preflight.reads import Reads
from mi_tui.model.check import CheckStatus
from mi_tui.model.diagnosis import Change
from mi_tui.model.failure import Failure

R = TypeVar("R")
"""What a table's checks read."""


class Finding(Struct, frozen=True):
    """How it stands, what was read, and what to do."""

    status: CheckStatus
    evidence: str
    advice: str = ""
    command: str = ""
    change: Change | None = None


class Spec(Struct, Generic[R], frozen=True):
    """One check of the table. `needs` are ids of checks without which this one tells nothing; `why` is said where it is not ok."""

    id: str
    title: str
    group: str
    look: Callable[[R], Finding]
    why: str
    needs: tuple[str, ...] = ()


def ok(evidence: str) -> Finding:
    """Nothing is in the way."""
    return Finding(CheckStatus.OK, evidence)


def skipped(because: str) -> Finding:
    """It cannot be told, or there is nothing to tell."""
    return Finding(CheckStatus.SKIPPED, because)


def warning(evidence: str, advice: str, command: str = "", change: Change | None = None) -> Finding:
    """The run may fail, or something is worth knowing."""
    return Finding(CheckStatus.WARNING, evidence, advice, command, change)


def failed(evidence: str, advice: str, command: str = "", change: Change | None = None) -> Finding:
    """The run would fail."""
    return Finding(CheckStatus.FAILED, evidence, advice, command, change)


def sentence(failure: Failure) -> str:
    """Azure's code and words; of a failure of our own, the words."""
    return failure.message if failure.code.startswith("mi-tui/") else failure.sentence()


def az(*words: str) -> str:
    """A command for the shell, each word quoted where the shell would take it apart."""
    return shlex.join(("az", *words))


def give_role(reads: Reads, role: str, scope: str) -> str:
    """The command by which somebody who may gives the caller a role."""
    me = reads.caller.result().object_id or "YOUR-OBJECT-ID"
    return az("role", "assignment", "create", "--assignee-object-id", me, "--role", role, "--scope", scope)


def listed(words: list[str], most: int = 4) -> str:
    """Words in a row, the first few of many."""
    rest = len(words) - most
    return ", ".join(words[:most]) + (f" and {rest} more" if rest > 0 else "")
