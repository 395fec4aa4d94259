"""The expressions of ARM templates: `[concat(parameters('name'), '-x')]`, parsed and computed.

Functions and their meaning: "ARM template functions" (Microsoft Learn). What `uniqueString` and `guid` give is deterministic here as it is
in Azure, and not the same text, because Microsoft tells how neither is computed.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+)|(?P<name>[A-Za-z_]\w*)|(?P<mark>[()\[\],.]))")
DEEPEST = 60
"""How deep expressions, and variables in variables, may be."""


class TemplateError(Exception):
    """A template that cannot be understood, or does not fit its parameters; the text says why."""


@dataclass
class Scope:
    """Where an expression is computed: parameters by lower-case name, variables as they stand, and what the functions about the
    surroundings answer. `reference` gives the properties of a resource by its id, or the whole of it."""

    parameters: dict[str, Any]
    variables: dict[str, Any]
    subscription: dict[str, Any]
    group: dict[str, Any]
    deployment: dict[str, Any]
    reference: Callable[[str, bool], Any]
    depth: int = field(default=0)


def evaluate(value: Any, scope: Scope) -> Any:
    """A value of a template with every expression in it computed, also in keys. TemplateError when one cannot be."""
    if isinstance(value, dict):
        return {str(evaluate(key, scope)): evaluate(item, scope) for key, item in value.items()}
    if isinstance(value, list):
        return [evaluate(item, scope) for item in value]
    if not isinstance(value, str) or not value.startswith("[") or not value.endswith("]"):
        return value
    if value.startswith("[["):
        return value[1:]
    if scope.depth > DEEPEST:
        raise TemplateError("The template's expressions are nested too deeply, or in a circle.")
    scope.depth += 1
    try:
        return _Expression(value[1:-1], scope).whole()
    finally:
        scope.depth -= 1


class _Expression:
    """One expression. Arguments of `if` are computed only where they count, as in Azure."""

    def __init__(self, text: str, scope: Scope) -> None:
        self._text = text
        self._scope = scope
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text.rstrip()):
            found = _TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise self._fault()
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()
        self._at = 0

    def whole(self) -> Any:
        value = self._term(run=True, depth=0)
        if self._at != len(self._tokens):
            raise self._fault()
        return value

    def _fault(self) -> TemplateError:
        return TemplateError(f"Unable to parse language expression '{self._text[:200]}'.")

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise self._fault()
        self._at += 1
        return self._tokens[self._at - 1]

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _term(self, *, run: bool, depth: int) -> Any:
        """One term with what hangs on it; without `run` it is only read over."""
        if depth > DEEPEST:
            raise TemplateError("The template's expressions are nested too deeply.")
        kind, text = self._next()
        if kind == "text":
            value: Any = text[1:-1].replace("''", "'")
        elif kind == "number":
            value = int(text)
        elif kind == "name" and self._peek() == "(":
            value = self._call(text, run=run, depth=depth)
        else:
            raise self._fault()
        while self._peek() in {".", "["}:
            if self._next()[1] == ".":
                key: Any = self._next()[1]
            else:
                key = self._term(run=run, depth=depth + 1)
                if self._next()[1] != "]":
                    raise self._fault()
            value = self._member(value, key) if run else None
        return value

    def _call(self, name: str, *, run: bool, depth: int) -> Any:
        self._next()
        arguments: list[Any] = []
        chosen = run
        while self._peek() != ")":
            if name.lower() == "if" and run and arguments:
                chosen = bool(arguments[0]) == (len(arguments) == 1)
            arguments.append(self._term(run=chosen, depth=depth + 1))
            if self._peek() == ",":
                self._next()
            elif self._peek() != ")":
                raise self._fault()
        self._next()
        return self._apply(name, arguments) if run else None

    def _member(self, value: Any, key: Any) -> Any:
        if isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
            return value[key]
        if isinstance(value, dict):
            found = next((one for one in value if one.lower() == str(key).lower()), None)
            if found is not None:
                return value[found]
        raise TemplateError(f"The language expression property '{key}' doesn't exist.")

    def _apply(self, name: str, arguments: list[Any]) -> Any:
        low = name.lower()
        here = self._scope
        if low in {"parameters", "variables"} and len(arguments) == 1:
            return self._named(low, str(arguments[0]))
        if low == "reference":
            return here.reference(str(arguments[0]), len(arguments) > 2 and str(arguments[2]).lower() == "full")
        if low == "resourceid":
            return _resource_id(here, [str(one) for one in arguments])
        if low == "subscriptionresourceid":
            texts = [str(one) for one in arguments]
            if "/" in texts[0]:
                texts.insert(0, here.subscription["subscriptionId"])
            subscription, kind, names = texts[0], texts[1], texts[2:]
            return f"/subscriptions/{subscription}/providers/{_joined(kind, names)}"
        around = {"subscription": here.subscription, "resourcegroup": here.group, "deployment": here.deployment}
        if low in around:
            return around[low]
        function = _FUNCTIONS.get(low)
        if function is None:
            raise TemplateError(f"The template function '{name}' is not valid.")
        try:
            return function(*arguments)
        except (TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
            raise TemplateError(
                f"The template function '{name}' is called with arguments that it does not take."
            ) from error

    def _named(self, kind: str, name: str) -> Any:
        known = self._scope.parameters if kind == "parameters" else self._scope.variables
        for key, value in known.items():
            if key.lower() == name.lower():
                return evaluate(value, self._scope)
        word = "parameter" if kind == "parameters" else "variable"
        raise TemplateError(f"The template {word} '{name}' is not found.")


def _joined(kind: str, names: list[str]) -> str:
    """`A/b/c` and two names make `A/b/NAME/c/NAME`."""
    namespace, *types = kind.split("/")
    if len(types) != len(names):
        raise TemplateError(
            f"Unable to evaluate template language function 'resourceId': '{kind}' does not fit its names."
        )
    return "/".join((namespace, *(f"{type_}/{name}" for type_, name in zip(types, names, strict=True))))


def _resource_id(here: Scope, arguments: list[str]) -> str:
    at = next((i for i, text in enumerate(arguments[:3]) if "/" in text and "." in text.partition("/")[0]), None)
    if at is None:
        raise TemplateError("Unable to evaluate template language function 'resourceId': no resource type is given.")
    group = arguments[at - 1] if at else here.group["name"]
    subscription = arguments[0] if at == 2 else here.subscription["subscriptionId"]
    return (
        f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{_joined(arguments[at], arguments[at + 1 :])}"
    )


def _unique(*texts: Any) -> str:
    digest = hashlib.sha256("-".join(str(text) for text in texts).encode()).digest()
    return base64.b32encode(digest).decode().lower()[:13]


def _concat(*parts: Any) -> Any:
    if parts and all(isinstance(part, list) for part in parts):
        return [item for part in parts for item in part]
    return "".join(_text(part) for part in parts)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else json.dumps(value)


def _equal(one: Any, other: Any) -> bool:
    same = isinstance(one, str) and isinstance(other, str)
    return one.lower() == other.lower() if same else bool(one == other)


def _format(pattern: str, *values: Any) -> str:
    return re.sub(r"\{(\d+)(?::[^}]*)?\}", lambda found: _text(values[int(found[1])]), pattern)


def _contains(where: Any, what: Any) -> bool:
    if isinstance(where, dict):
        return str(what).lower() in {key.lower() for key in where}
    return what in where


def _union(*values: Any) -> Any:
    if isinstance(values[0], dict):
        return {key: item for value in values for key, item in value.items()}
    kept: list[Any] = []
    for value in values:
        kept += [item for item in value if item not in kept]
    return kept


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "and": lambda *values: all(values),
    "array": lambda value: value if isinstance(value, list) else [value],
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "bool": lambda value: str(value).lower() in {"true", "1"},
    "coalesce": lambda *values: next((value for value in values if value is not None), None),
    "concat": _concat,
    "contains": _contains,
    "createarray": lambda *values: list(values),
    "createobject": lambda *pairs: dict(zip(pairs[::2], pairs[1::2], strict=True)),
    "empty": lambda value: value is None or len(value) == 0,
    "endswith": lambda text, end: text.lower().endswith(end.lower()),
    "equals": _equal,
    "false": lambda: False,
    "first": lambda value: value[0],
    "format": _format,
    "greater": lambda a, b: a > b,
    "greaterorequals": lambda a, b: a >= b,
    "guid": lambda *texts: str(uuid.uuid5(uuid.NAMESPACE_URL, "-".join(texts))),
    "if": lambda test, yes, no: yes if test else no,
    "int": int,
    "join": lambda values, mark: mark.join(values),
    "json": json.loads,
    "last": lambda value: value[-1],
    "length": len,
    "less": lambda a, b: a < b,
    "lessorequals": lambda a, b: a <= b,
    "newguid": lambda: str(uuid.uuid4()),
    "not": lambda value: not value,
    "null": lambda: None,
    "or": lambda *values: any(values),
    "replace": lambda text, old, new: text.replace(old, new),
    "split": lambda text, mark: text.split(mark),
    "startswith": lambda text, start: text.lower().startswith(start.lower()),
    "string": _text,
    "sub": lambda a, b: a - b,
    "substring": lambda text, start, length=None: text[start:][:length],
    "take": lambda value, count: value[:count],
    "tolower": lambda text: text.lower(),
    "toupper": lambda text: text.upper(),
    "trim": lambda text: text.strip(),
    "true": lambda: True,
    "union": _union,
    "utcnow": lambda pattern="": dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ"),
    "uniquestring": _unique,
}
