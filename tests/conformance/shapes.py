"""The shape of JSON bodies: which members there are, of what types, in which forms. Recorded bodies are put together into one
shape, and an answer is held against it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.conformance.forms import date_form, is_guid, is_path, is_word, path_form, words_of

_MAPS = frozenset(
    {"tags", "userAssignedIdentities", "environmentVariables", "traffic", "mirrorTraffic", "metadata", "flavors"}
)
"""Members whose own members have names that people chose. `properties` inside `properties` is one too."""

_KINDS = ("secretsType", "credentialsType", "credentialType")
"""Members that say which of several shapes an object has, wherever they are."""

Finding = tuple[str, str, str]
"""Kind, place and words of a difference."""


@dataclass
class Shape:
    """What recorded values at one place looked like. `kinds` are the shapes of objects that come in kinds."""

    samples: int = 0
    types: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    objects: int = 0
    members: dict[str, Shape] = field(default_factory=dict)
    items: Shape | None = None
    kinds: dict[str, Shape] = field(default_factory=dict)

    def add(self, value: Any, name: str = "") -> None:
        """Put one more recorded value in; `name` is the name of its member."""
        kind = kind_of(value, name)
        if kind is not None:
            self.types.add("object")
            self.kinds.setdefault(kind, Shape())._add(value, name)
        else:
            self._add(value, name)

    def _add(self, value: Any, name: str) -> None:
        self.samples += 1
        self.types.add(type_of(value))
        if isinstance(value, str):
            self.texts.add(value)
        elif isinstance(value, list):
            self.items = self.items or Shape()
            for item in value:
                self.items.add(item, name)
        elif isinstance(value, dict):
            self.objects += 1
            for key, item in value.items():
                self.members.setdefault(key, Shape()).add(item, key)

    def total(self) -> int:
        """Recorded values, of all kinds."""
        return self.samples + sum(kind.samples for kind in self.kinds.values())


def kind_of(value: Any, name: str) -> str | None:
    """Which of several shapes an object has, where that is told by one of its members."""
    if not isinstance(value, dict):
        return None
    member = (
        "type" if name in {"identity", "additionalInfo"} else next((kind for kind in _KINDS if kind in value), None)
    )
    return None if member is None else f"{member}={value.get(member)}"


def is_map(name: str, above: str) -> bool:
    """Whether a member's own members have names that people chose."""
    return name in _MAPS or (name == "properties" and above == "properties")


def type_of(value: Any) -> str:
    """JSON's name of a value's type; whole numbers and others are one type, as in JSON."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def compare(shape: Shape, value: Any, at: str = "", name: str = "", above: str = "") -> Iterator[Finding]:
    """How a value differs from a recorded shape. Members that were not recorded are not told here."""
    kind = kind_of(value, name)
    if kind is not None and shape.kinds:
        # A kind that was not recorded can be held against nothing.
        if kind in shape.kinds:
            yield from compare(shape.kinds[kind], value, at, "", above)
        return
    found = type_of(value)
    if shape.types and found not in shape.types:
        if shape.types != {"null"}:  # where only null was recorded, nothing is known of what else may stand there
            yield "type", at or "$", f"{found}, recorded {' or '.join(sorted(shape.types))}"
        return
    if isinstance(value, str) and shape.texts:
        yield from _text(shape.texts, value, at)
    elif isinstance(value, list) and shape.items is not None and shape.items.total():
        for item in value:
            yield from compare(shape.items, item, f"{at}[]", name, above)
    elif isinstance(value, dict):
        chosen = is_map(name, above)
        for member, inner in shape.members.items():
            if not chosen and member not in value and inner.total() >= shape.objects:
                yield "missing", f"{at}.{member}", "every recorded answer has it"
        for member, item in value.items():
            if member in shape.members:
                yield from compare(shape.members[member], item, f"{at}.{member}", member, name)


def _text(texts: set[str], value: str, at: str) -> Iterator[Finding]:
    dates = {form for text in texts if (form := date_form(text))}
    if dates:
        form = date_form(value)
        if form not in dates:
            yield "date", at, f"{form or 'no date'}, recorded {' or '.join(sorted(dates))}"
    elif all(is_path(text) for text in texts):
        yield from _path(texts, value, at)
    elif all(is_guid(text) for text in texts):
        if not is_guid(value):
            yield "guid", at, "no GUID, as recorded"
    elif is_word(value):
        other = {text for text in texts if text.lower() == value.lower()}
        if other and value not in other:
            yield "case", at, f"{value}, recorded {' or '.join(sorted(other))}"


def _path(texts: set[str], value: str, at: str) -> Iterator[Finding]:
    """An id of another kind of resource than the recorded ones is held to the spelling of the words that both have."""
    forms, form = {path_form(text) for text in texts}, path_form(value)
    if form in forms:
        return
    if not value.startswith("/subscriptions/"):
        yield "id", at, f"{form}, recorded {' or '.join(sorted(forms))}"
        return
    known: dict[str, set[str]] = {}
    for text in texts:
        for lower, word in words_of(text).items():
            known.setdefault(lower, set()).add(word)
    wrong = {word for lower, word in words_of(value).items() if lower in known and word not in known[lower]}
    if wrong:
        yield "id", at, f"{', '.join(sorted(wrong))} in {form}, recorded {' or '.join(sorted(forms))}"
