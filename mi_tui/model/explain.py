"""Explain: the text for a word, a widget or a stage, offline. F1 and `mi-tui explain` look it up here; the texts are data."""

from __future__ import annotations

import functools
import re

from mi_tui.model.fields import FIELDS, WIDGETS
from mi_tui.model.fields import Text as Text
from mi_tui.model.notions import NOTIONS, WORDS

EXPLAINED: dict[str, Text] = {**NOTIONS, **FIELDS}
"""Every text by its key."""


def explained(key: str) -> Text | None:
    """The text for a key, a widget's id (dashes count as underscores) or a stage; None where there is none."""
    for name in (key, key.replace("-", "_"), key.replace("_", " ")):
        found = EXPLAINED.get(WIDGETS.get(name, name))
        if found is not None:
            return found
    return None


def word(asked: str) -> Text | None:
    """The text for a word as a person writes it: capitals, blanks, dashes and underscores do not count; None where there is none."""
    return _index().get(plain(asked))


def words() -> tuple[str, ...]:
    """The words that lists tell, one for each text, sorted."""
    named = {key: WORDS.get(key, (key.replace("_", " "),))[0] for key in EXPLAINED}
    return tuple(sorted(named.values(), key=str.lower))


def every_word() -> tuple[str, ...]:
    """Every word that `word` knows and a person may write; ids of widgets are none."""
    return (
        *words(),
        *(one for names in WORDS.values() for one in names[1:]),
        *(name for name in WIDGETS if "_" not in name),
    )


def plain(asked: str) -> str:
    """A word for comparing: small letters and digits only."""
    return re.sub(r"[^a-z0-9]", "", asked.lower())


@functools.cache
def _index() -> dict[str, Text]:
    found = {plain(name): EXPLAINED[key] for name, key in WIDGETS.items()}
    found |= {plain(key): text for key, text in EXPLAINED.items()}
    found |= {plain(name): EXPLAINED[key] for key, names in WORDS.items() for name in names}
    return found
