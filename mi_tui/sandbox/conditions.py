"""Conditions of role assignments (ABAC), as far as "Role Based Access Control Administrator" is given out with them.

They decide about `roleAssignments/write` and `/delete` by the role, the principal and the principal's type of the assignment in
question. Whatever else a condition may say in Azure is refused when it is written, never half evaluated. Source: "Azure role
assignment condition format and syntax" and "Authorization actions and attributes" (Microsoft Learn, 2025).
"""

from __future__ import annotations

import fnmatch
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

WRITE = "Microsoft.Authorization/roleAssignments/write"
DELETE = "Microsoft.Authorization/roleAssignments/delete"
ROLE, PRINCIPAL, KIND = "roledefinitionid", "principalid", "principaltype"
_ATTRIBUTES = {f"microsoft.authorization/roleassignments:{name}": name for name in (ROLE, PRINCIPAL, KIND)}


class ConditionError(Exception):
    """A condition that cannot be read, or that says what the sandbox does not evaluate; the text says which part."""


@dataclass(frozen=True)
class Asked:
    """What is being decided: an action, and the attributes of the role assignment that it would write or delete."""

    action: str
    request: Mapping[str, str]
    resource: Mapping[str, str]


Test = Callable[[Asked], bool]


def _same_guid(left: str, right: str) -> bool:
    try:
        return uuid.UUID(left) == uuid.UUID(right)
    except ValueError:
        return False


_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "guidequals": _same_guid,
    "stringequals": lambda left, right: left == right,
    "stringequalsignorecase": lambda left, right: left.lower() == right.lower(),
    "stringlike": fnmatch.fnmatchcase,
    "stringlikeignorecase": lambda left, right: fnmatch.fnmatchcase(left.lower(), right.lower()),
    "stringstartswith": lambda left, right: left.startswith(right),
    "stringstartswithignorecase": lambda left, right: left.lower().startswith(right.lower()),
}
_NEGATED = {
    "guidnotequals": "guidequals",
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "stringnotlikeignorecase": "stringlikeignorecase",
    "stringnotstartswith": "stringstartswith",
    "stringnotstartswithignorecase": "stringstartswithignorecase",
}
_QUANTIFIERS = ("foranyofanyvalues", "forallofanyvalues", "foranyofallvalues", "forallofallvalues")

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<attribute>@\w+\s*\[[^\]]*\])|(?P<mark>\|\||&&|[(){},!])"""
    r"""|(?P<word>[A-Za-z0-9][\w:.-]*))""",
)


def parse(condition: str) -> Test:
    """What a condition asks, as a function. ConditionError when it cannot be read or evaluated."""
    return _Parser(condition).whole()


class _Parser:
    """Recursive descent: OR over AND over NOT over comparisons, ActionMatches and parentheses."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        end = len(text.rstrip())
        while at < end:
            found = _TOKEN.match(text, at)
            if found is None:
                raise ConditionError(f"the condition cannot be read at '{text[at : at + 20].strip()}'.")
            self._tokens.append((str(found.lastgroup), found.group(str(found.lastgroup))))
            at = found.end()
        self._at = 0

    def whole(self) -> Test:
        """The whole condition."""
        if not self._tokens:
            raise ConditionError("the condition is empty.")
        test = self._or(0)
        if self._at < len(self._tokens):
            raise ConditionError(f"the condition goes on after its end, with '{self._tokens[self._at][1]}'.")
        return test

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _take(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _is(self, *texts: str) -> bool:
        kind, text = self._peek()
        return kind in {"word", "mark"} and text.lower() in texts

    def _expect(self, text: str) -> None:
        if not self._is(text):
            raise ConditionError(f"the condition has '{self._peek()[1] or 'its end'}' where '{text}' is expected.")
        self._at += 1

    def _or(self, depth: int) -> Test:
        tests = [self._and(depth)]
        while self._is("or", "||"):
            self._at += 1
            tests.append(self._and(depth))
        return tests[0] if len(tests) == 1 else lambda asked: any(test(asked) for test in tests)

    def _and(self, depth: int) -> Test:
        tests = [self._not(depth)]
        while self._is("and", "&&"):
            self._at += 1
            tests.append(self._not(depth))
        return tests[0] if len(tests) == 1 else lambda asked: all(test(asked) for test in tests)

    def _not(self, depth: int) -> Test:
        if depth > 50:
            raise ConditionError("the condition is nested too deeply.")
        if self._is("!", "not"):
            self._at += 1
            inner = self._not(depth + 1)
            return lambda asked: not inner(asked)
        if self._is("("):
            self._at += 1
            inner = self._or(depth + 1)
            self._expect(")")
            return inner
        return self._term()

    def _term(self) -> Test:
        kind, text = self._take()
        if kind == "word" and text.lower() == "actionmatches":
            action = "".join(self._values())
            pattern = re.compile(re.escape(action).replace(r"\*", ".*"), re.IGNORECASE)
            return lambda asked: pattern.fullmatch(asked.action) is not None
        if kind == "word" and text.lower() == "exists":
            kind, text = self._take()
            read = _attribute(kind, text)
            return lambda asked: read(asked) is not None
        read = _attribute(kind, text)
        kind, name = self._take()
        return _comparison(read, name, self._values())

    def _values(self) -> list[str]:
        """The values in braces, or one value."""
        braces = self._is("{")
        if braces:
            self._at += 1
        values: list[str] = []
        while True:
            kind, text = self._take()
            if kind not in {"text", "word"}:
                raise ConditionError(f"the condition has '{text or 'its end'}' where a value is expected.")
            values.append(re.sub(r"\\(.)", r"\1", text[1:-1]) if kind == "text" else text)
            if not braces:
                return values
            if self._is(","):
                self._at += 1
                continue
            self._expect("}")
            return values


def _attribute(kind: str, text: str) -> Callable[[Asked], str | None]:
    found = re.fullmatch(r"@(\w+)\s*\[\s*([^\]]*?)\s*\]", text) if kind == "attribute" else None
    if found is None:
        raise ConditionError(
            f"the condition has '{text or 'its end'}' where an attribute such as @Request[...] is expected."
        )
    source, name = found.group(1).lower(), _ATTRIBUTES.get(found.group(2).lower())
    if source not in {"request", "resource"} or name is None:
        raise ConditionError(f"the attribute {text} is not evaluated here.")
    if source == "request":
        return lambda asked: asked.request.get(name)
    return lambda asked: asked.resource.get(name)


def _comparison(read: Callable[[Asked], str | None], operator: str, values: list[str]) -> Test:
    """An attribute that has one value, so that "any" and "all" on its side are the same."""
    quantifier, colon, name = operator.lower().rpartition(":")
    negated = name in _NEGATED
    compare = _COMPARISONS.get(_NEGATED.get(name, name))
    if compare is None or (colon and quantifier not in _QUANTIFIERS) or (not colon and len(values) > 1):
        raise ConditionError(f"the operator {operator} is not evaluated here.")
    every = quantifier.endswith("allvalues")

    def test(asked: Asked) -> bool:
        value = read(asked)
        if value is None:
            return False
        hits = [compare(value, wanted) != negated for wanted in values]
        return all(hits) if every else any(hits)

    return test
