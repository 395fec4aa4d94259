"""The part of OData's query language in which Microsoft Graph's clients ask for directory objects: `$filter`, `$select`, `$top`.

Grammar: "Use the $filter query parameter" (Microsoft Graph). What is not understood is refused in Graph's words, never overlooked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Test = Callable[[dict[str, Any]], bool]

MAX_LENGTH = 8192
"""Characters of a filter; Graph's own limit is on the URL."""

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<word>[A-Za-z_][A-Za-z0-9_]*(?:/[A-Za-z_][A-Za-z0-9_]*)*)|(?P<mark>[(),:]))"
)


class FilterError(Exception):
    """A filter that cannot be applied. `code` is Graph's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def parse(text: str, known: frozenset[str]) -> Test:
    """What a `$filter` asks, over objects whose members are `known`. Raises FilterError."""
    return _Parser(text, known).whole()


class _Parser:
    def __init__(self, text: str, known: frozenset[str]) -> None:
        if len(text) > MAX_LENGTH:
            raise FilterError("BadRequest", "Invalid filter clause: the clause is too long.")
        self._text = text
        self._known = {name.lower(): name for name in known}
        self._at = 0
        self._tokens = self._split()
        self._next = 0

    def _split(self) -> list[tuple[str, str, int]]:
        found: list[tuple[str, str, int]] = []
        at = 0
        while self._text[at:].strip():
            token = _TOKEN.match(self._text, at)
            if token is None:
                raise self._wrong(at)
            kind = str(token.lastgroup)
            found.append((kind, token[kind], token.start(kind)))
            at = token.end()
        return found

    def whole(self) -> Test:
        test = self._either(0)
        if self._next < len(self._tokens):
            raise self._wrong(self._tokens[self._next][2])
        return test

    def _either(self, depth: int) -> Test:
        tests = [self._both(depth)]
        while self._word("or"):
            tests.append(self._both(depth))
        return tests[0] if len(tests) == 1 else lambda item: any(test(item) for test in tests)

    def _both(self, depth: int) -> Test:
        tests = [self._one(depth)]
        while self._word("and"):
            tests.append(self._one(depth))
        return tests[0] if len(tests) == 1 else lambda item: all(test(item) for test in tests)

    def _one(self, depth: int) -> Test:
        if depth > 20:
            raise FilterError("BadRequest", "Invalid filter clause: the clause is nested too deeply.")
        if self._mark("("):
            inner = self._either(depth + 1)
            self._expect(")")
            return inner
        if self._word("not"):
            denied = self._one(depth + 1)
            return lambda item: not denied(item)
        word = self._take("word")
        if word.lower() == "startswith":
            self._expect("(")
            name = self._member(self._take("word"))
            self._expect(",")
            start = self._text_value().lower()
            self._expect(")")
            return lambda item: str(item.get(name) or "").lower().startswith(start)
        if word.lower().endswith("/any"):
            return self._any(self._member(word[: -len("/any")]))
        name = self._member(word)
        operator = self._take("word").lower()
        if operator == "in":
            self._expect("(")
            values = [self._value()]
            while self._mark(","):
                values.append(self._value())
            self._expect(")")
            return lambda item: _folded(item.get(name)) in values
        if operator not in {"eq", "ne"}:
            raise FilterError(
                "Request_UnsupportedQuery", f"Unsupported query operator '{operator}' for property '{name}'."
            )
        value = self._value()
        if operator == "ne":
            return lambda item: _folded(item.get(name)) != value
        return lambda item: _folded(item.get(name)) == value

    def _any(self, name: str) -> Test:
        """`names/any(c:c eq 'x')`."""
        self._expect("(")
        variable = self._take("word")
        self._expect(":")
        if self._take("word") != variable or self._take("word").lower() != "eq":
            raise FilterError("Request_UnsupportedQuery", f"Unsupported lambda expression for property '{name}'.")
        value = self._value()
        self._expect(")")
        return lambda item: any(_folded(entry) == value for entry in item.get(name) or [])

    def _member(self, name: str) -> str:
        known = self._known.get(name.lower())
        if known is None:
            raise FilterError("BadRequest", f"Invalid filter clause: Could not find a property named '{name[:100]}'.")
        return known

    def _value(self) -> Any:
        if self._next < len(self._tokens) and self._tokens[self._next][0] == "word":
            word = self._take("word").lower()
            if word in {"true", "false", "null"}:
                return {"true": True, "false": False, "null": None}[word]
            raise self._wrong(self._tokens[self._next - 1][2])
        return self._text_value().lower()

    def _text_value(self) -> str:
        return self._take("text")[1:-1].replace("''", "'")

    def _take(self, kind: str) -> str:
        if self._next >= len(self._tokens) or self._tokens[self._next][0] != kind:
            raise self._wrong(self._tokens[self._next][2] if self._next < len(self._tokens) else len(self._text))
        self._next += 1
        return self._tokens[self._next - 1][1]

    def _word(self, word: str) -> bool:
        return self._skip("word", word)

    def _mark(self, mark: str) -> bool:
        return self._skip("mark", mark)

    def _expect(self, mark: str) -> None:
        if not self._mark(mark):
            raise self._wrong(self._tokens[self._next][2] if self._next < len(self._tokens) else len(self._text))

    def _skip(self, kind: str, text: str) -> bool:
        if self._next == len(self._tokens):
            return False
        found, word, _ = self._tokens[self._next]
        if found != kind or word.lower() != text:
            return False
        self._next += 1
        return True

    def _wrong(self, at: int) -> FilterError:
        return FilterError(
            "BadRequest", f"Invalid filter clause: Syntax error at position {at} in '{self._text[:200]}'."
        )


def _folded(value: Any) -> Any:
    """Directory strings are compared without case."""
    return value.lower() if isinstance(value, str) else value
