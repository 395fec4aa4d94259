"""Rules: what is known of failures, as data. `rules.yaml` beside this file holds them; they are read once, when one is asked for."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.resources import files

import msgspec
from msgspec import Struct

from mi_tui.guide.patterns import Pattern, compile_pattern
from mi_tui.model.diagnosis import ChangeKind, Confidence


class Sign(Struct, frozen=True, forbid_unknown_fields=True):
    """What a rule is known by. All that is given must hold; of a list, one. Patterns: see `mi_tui.guide.patterns`."""

    code: str | tuple[str, ...] = ()
    """Azure's error codes, or ours."""
    anchor: str | tuple[str, ...] = ()
    """Help anchors: what follows `aka.ms/oe-tsg#`."""
    status: int | tuple[int, ...] = ()
    """HTTP statuses."""
    said: str | tuple[str, ...] = ()
    """Patterns in what was said: the failure, its details, what happened on the way, or a text from outside."""
    log: str | tuple[str, ...] = ()
    """Patterns in a container's log, or in a text from outside."""
    log_code: str | tuple[str, ...] = ()
    """Codes in a container's log, or in a text from outside."""
    container: str = ""
    """Only in this container's log."""
    world: tuple[str, ...] = ()
    """Conditions (see `mi_tui.guide.conditions`) that must be known to hold."""
    confidence: Confidence | None = None
    """How sure this sign alone makes; default: the rule's."""


class FixRule(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing to do. Words and command are templates; `when` and `unless` are conditions, without which it is always offered."""

    words: str
    command: str = ""
    change: ChangeKind | None = None
    """Only what helps by itself: where a person has to do something first, resuming is no fix."""
    values: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    """Facts and captures without which mi-tui cannot make the change itself; the words stay."""
    when: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """One cause: how it is known, and what helps."""

    id: str
    catalogue: tuple[str, ...]
    """Which known failures it covers, by their ids in `Rules.catalogue`; empty for our own."""
    source: str
    """Where its text and its cause are known from."""
    date: str
    """When the source was written or read: YYYY, YYYY-MM or YYYY-MM-DD."""
    cause: str
    why: str
    """Why its signs point to the cause."""
    signs: tuple[Sign, ...]
    confidence: Confidence = Confidence.LIKELY
    certain: tuple[str, ...] = ()
    """Conditions that, all known to hold, make it certain."""
    doubtful: tuple[str, ...] = ()
    """Conditions any of which makes it no more than possible."""
    never: tuple[str, ...] = ()
    """Conditions any of which rules it out."""
    over: tuple[str, ...] = ()
    """Rules that this one explains: they are left out when it fits. They stand further below."""
    fixes: tuple[FixRule, ...] = ()
    links: tuple[str, ...] = ()
    question: str = ""
    """The next useful question, told where the cause is not certain."""
    defaults: dict[str, str] = {}
    """Words for captures that not every sign gives."""
    detail: str = ""
    """What `{detail}` in the cause stands for where all that it names is known; nothing otherwise."""
    advised: bool = False
    """What the failure itself advises comes first among the fixes."""
    traceback: bool = False
    """The line with the error's name is evidence, too."""
    fallback: bool = False
    """Told only where no other rule fits."""


class Rules(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. Rules stand in it from the specific to the general."""

    catalogue: dict[str, str]
    """Every known failure: its id and what it is."""
    not_detectable: dict[str, str]
    """Those that no text, state or property tells, with the reason."""
    packages: dict[str, str]
    """The pip package that has a Python module. Only these are offered: a package by the name of any module may be anybody's."""
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Prepared:
    """A sign with its patterns compiled and its lists as such."""

    codes: frozenset[str]
    log_codes: frozenset[str]
    anchors: frozenset[str]
    statuses: frozenset[int]
    said: tuple[Pattern, ...]
    log: tuple[Pattern, ...]
    container: str
    world: tuple[str, ...]
    confidence: Confidence | None


def _many(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def prepare(sign: Sign) -> Prepared:
    """The sign, ready to be held against a case. PatternError for a pattern that is none."""
    return Prepared(
        codes=frozenset(_many(sign.code)),
        log_codes=frozenset(_many(sign.log_code)),
        anchors=frozenset(_many(sign.anchor)),
        statuses=frozenset((sign.status,) if isinstance(sign.status, int) else sign.status),
        said=tuple(map(compile_pattern, _many(sign.said))),
        log=tuple(map(compile_pattern, _many(sign.log))),
        container=sign.container,
        world=sign.world,
        confidence=sign.confidence,
    )


@functools.cache
def load() -> Rules:
    """The rules that ship with mi-tui."""
    text = files("mi_tui.guide").joinpath("rules.yaml").read_bytes()
    return msgspec.yaml.decode(text, type=Rules)


@functools.cache
def prepared() -> tuple[tuple[Rule, tuple[Prepared, ...]], ...]:
    """Each rule with its signs, in the file's order."""
    return tuple((rule, tuple(map(prepare, rule.signs))) for rule in load().rules)
