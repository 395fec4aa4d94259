"""Patterns of rules: a text as it stands in an error, with `{name}` for what changes and ` ... ` for what may stand between.

They are less than regular expressions on purpose: whoever reads the rules sees Azure's own words, and no pattern can run away on a
long text, since nothing in one repeats without a bound and each begins with a literal.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

_TOKEN = re.compile(r"\{(?P<name>[a-z_]+)(?::(?P<kind>[a-z]+))?\}|(?P<gap> ?\.\.\. ?)|(?P<space>\s+)")

_KINDS = {
    "word": r"[^\s'\"<>,;()\[\]{}`]{1,200}",
    "int": r"\d{1,12}",
    "quoted": r"[^'\"]{1,400}",
    "line": r"[^\n]{1,300}",
    "dotted": r"[A-Za-z0-9_-]{1,100}(?:\.[A-Za-z0-9_-]{1,100}){0,8}",
}
"""What a capture may be: a word (without quotes, brackets and commas), digits, what stands in quotes, the rest of a line, a name with dots."""

_GAP = r"[\s\S]{0,250}?"
_SPACE = r"\s{1,60}"
_MOST_GAPS = 2


class PatternError(ValueError):
    """A pattern that is none; its text says why."""


@dataclass(frozen=True)
class Pattern:
    """One pattern. `needle` stands in every text that it fits: looking for that first costs a hundredth."""

    source: str
    needle: str
    expression: str
    names: frozenset[str]

    @functools.cached_property
    def regex(self) -> re.Pattern[str]:
        """The regular expression; made when it is first needed, since making all of them takes longer than a diagnosis."""
        return re.compile(self.expression)

    def search(self, text: str) -> re.Match[str] | None:
        """The first place where it fits."""
        return self.regex.search(text) if self.needle in text else None


def compile_pattern(source: str) -> Pattern:
    """The pattern in `source`. PatternError when it begins with no literal, has no literal of four characters, or too many gaps."""
    parts: list[str] = []
    literals: list[str] = []
    names: set[str] = set()
    gaps = at = 0
    for token in _TOKEN.finditer(source):
        literals.append(source[at : token.start()])
        parts.append(re.escape(literals[-1]))
        at = token.end()
        if name := token["name"]:
            kind = token["kind"] or "word"
            if kind not in _KINDS or name in names:
                raise PatternError(f"{source!r}: {{{name}}} is of no known kind, or stands there twice")
            names.add(name)
            parts.append(f"(?P<{name}>{_KINDS[kind]})")
        elif token["gap"]:
            gaps += 1
            parts.append(_GAP)
        else:
            parts.append(_SPACE)
    literals.append(source[at:])
    parts.append(re.escape(literals[-1]))
    needle = max(literals, key=len)
    if not parts[0] or len(needle) < 4 or gaps > _MOST_GAPS:
        raise PatternError(
            f"{source!r} must begin with a literal, hold one of four characters without a blank, and have no more than {_MOST_GAPS} gaps"
        )
    return Pattern(source, needle, "".join(parts), frozenset(names))
