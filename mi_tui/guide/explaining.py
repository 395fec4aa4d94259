"""Explaining a word: the texts of F1, and for every error code that a rule knows, and every rule's own name, what the rule says of it."""

from __future__ import annotations

import difflib
import functools

from mi_tui.guide import facts, reading, rules
from mi_tui.guide.case import Case
from mi_tui.guide.rules import Rule
from mi_tui.model import entra
from mi_tui.model import explain as texts
from mi_tui.model.explain import Text as Text

_NEAREST = 6


def explain(word: str) -> Text | None:
    """The title and the three paragraphs for a word; None where nothing is known of it. Asks nobody."""
    found = texts.word(word) or _by_number(word)
    if found is not None:
        return found
    known = _codes().get(texts.plain(word))
    if known is None:
        known = next(
            ((rule.id, rule) for rule in rules.load().rules if texts.plain(rule.id) == texts.plain(word)), None
        )
    return _of_rule(*known) if known else None


def words() -> tuple[str, ...]:
    """The words that lists tell, without the error codes."""
    return texts.words()


def codes() -> tuple[str, ...]:
    """The error codes that a rule or a text knows, sorted."""
    return tuple(sorted((code for code, _rule in _codes().values() if " " not in code), key=str.lower))


def nearest(word: str) -> tuple[str, ...]:
    """The words nearest to one that is not known, the nearest first."""
    known = (*(rule.id for rule in rules.load().rules), *codes(), *texts.every_word())
    all_words = {texts.plain(one): one for one in known}
    asked = texts.plain(word)
    close = difflib.get_close_matches(asked, all_words, _NEAREST, 0.6)
    within = [one for one in all_words if len(asked) > 3 and asked in one]
    return tuple(dict.fromkeys(all_words[one] for one in (*close, *within)))[:_NEAREST]


@functools.cache
def _codes() -> dict[str, tuple[str, Rule]]:
    """Each code with its most general rule: of several that know it, the one that asks for nothing else, and the last."""
    found: dict[str, tuple[str, Rule]] = {}
    alone: set[str] = set()
    for rule, signs in rules.prepared():
        for sign in signs:
            for code in sorted(sign.codes - {reading.ENTRA}):
                by_itself = not (sign.world or sign.said or sign.log or sign.statuses)
                if code not in alone or by_itself:
                    found[texts.plain(code)] = (code, rule)
                if by_itself:
                    alone.add(code)
    return found


def _of_rule(code: str, rule: Rule) -> Text:
    known = facts.facts(reading.read(Case()), {}, rule)
    helps = " ".join(
        f"{number}. {known.in_words(fix.words)}" for number, fix in enumerate((f for f in rule.fixes if not f.when), 1)
    )
    return code, (known.in_words(rule.cause), known.in_words(rule.why), f"What helps: {helps}")


def _by_number(word: str) -> Text | None:
    """What a number of Entra's means."""
    number = entra.number_in(word.upper())
    if number not in entra.EXPLAINED:
        return None
    what, advice = entra.EXPLAINED[number]
    return f"AADSTS{number}", (
        what,
        "It is Entra's answer to a sign-in; its own sentence and a trace id stand beside the number.",
        advice,
    )
