"""From YAML to a scenario, with every fault named by its line and place.

Generic over the dataclasses of `description`: their annotations are the schema.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin

import yaml
from yaml.constructor import SafeConstructor

from mi_tui.sandbox.profiles import PROFILES, Profile
from mi_tui.sandbox.scenarios import description
from mi_tui.sandbox.scenarios.description import Scenario

_SCALARS: dict[type, str] = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
DURATIONS = tuple(f.name for f in dataclasses.fields(Profile) if f.type == "float")


class ScenarioError(Exception):
    """A scenario cannot be used; the text lists every fault, one a line."""


class _Reader:
    """Reads one document and collects its faults."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.faults: list[str] = []

    def fault(self, node: yaml.Node, place: str, words: str) -> None:
        line = node.start_mark.line + 1 if node.start_mark else 1
        self.faults.append(f"{self._name}:{line}: {place + ': ' if place else ''}{words}")

    def value(self, kind: Any, node: yaml.Node, place: str) -> Any:
        """The value that a node holds; after a fault, something of no use."""
        origin = get_origin(kind)
        if dataclasses.is_dataclass(kind):
            return self._mapping(typing.cast("type[Any]", kind), node, place)
        if origin is Literal:
            return self._one_of(get_args(kind), node, place)
        if origin in (types.UnionType, typing.Union):
            return self._union([part for part in get_args(kind) if part is not type(None)], node, place)
        if origin is tuple:
            return self._list(get_args(kind)[0], node, place)
        if origin is Mapping:
            return self._free_mapping(get_args(kind)[1], node, place)
        if kind is Any:
            return _plain(node)
        return self._scalar(kind, node, place)

    def _mapping(self, kind: type[Any], node: yaml.Node, place: str) -> Any:
        if not isinstance(node, yaml.MappingNode):
            return self.fault(node, place, "a mapping is expected.")
        hints = _hints(kind)
        given: dict[str, Any] = {}
        for key, item in node.value:
            name = str(key.value)
            inside = f"{place}.{name}" if place else name
            if name not in hints:
                self.fault(key, inside, f"there is no such field. Choose one of: {', '.join(hints)}.")
            elif name in given:
                self.fault(key, inside, "it is given twice.")
            else:
                given[name] = self.value(hints[name], item, inside)
        for entry in dataclasses.fields(kind):
            needed = entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING
            if needed and entry.name not in given:
                self.fault(
                    node, f"{place}.{entry.name}" if place else entry.name, f"missing: {entry.metadata['words']}."
                )
        if self.faults:
            return None
        made = kind(**given)
        for field, words in _CHECKS.get(kind, _nothing)(made):
            at = next((item for key, item in node.value if key.value == field), node)
            self.fault(at, f"{place}.{field}" if place else field, words)
        return made

    def _list(self, kind: Any, node: yaml.Node, place: str) -> tuple[Any, ...]:
        if not isinstance(node, yaml.SequenceNode):
            self.fault(node, place, "a list is expected.")
            return ()
        return tuple(self.value(kind, item, f"{place}[{index}]") for index, item in enumerate(node.value))

    def _free_mapping(self, kind: Any, node: yaml.Node, place: str) -> dict[str, Any]:
        if not isinstance(node, yaml.MappingNode):
            self.fault(node, place, "a mapping is expected.")
            return {}
        return {str(key.value): self.value(kind, item, f"{place}.{key.value}") for key, item in node.value}

    def _one_of(self, choices: tuple[str, ...], node: yaml.Node, place: str) -> Any:
        if isinstance(node, yaml.ScalarNode) and node.value in choices:
            return node.value
        words = ", ".join(repr(choice) for choice in choices)
        return self.fault(node, place, f"one of {words} is expected, not {_shown(node)}.")

    def _union(self, kinds: list[Any], node: yaml.Node, place: str) -> Any:
        wanted = [kind for kind in kinds if (get_origin(kind) is Mapping or dataclasses.is_dataclass(kind))]
        if isinstance(node, yaml.MappingNode) and wanted:
            return self.value(wanted[0], node, place)
        others = [kind for kind in kinds if kind not in wanted]
        return self.value((others or wanted)[0], node, place)

    def _scalar(self, kind: type, node: yaml.Node, place: str) -> Any:
        value = _plain(node) if isinstance(node, yaml.ScalarNode) else None
        if kind is float and type(value) is int:
            return float(value)
        if kind is str and isinstance(node, yaml.ScalarNode) and not isinstance(value, dict | list):
            # A date is text here.
            return node.value
        if type(value) is not kind:
            return self.fault(node, place, f"{_SCALARS[kind]} is expected, not {_shown(node)}.")
        return value


_known: dict[type[Any], dict[str, Any]] = {}


def _hints(kind: type[Any]) -> dict[str, Any]:
    if kind not in _known:
        _known[kind] = typing.get_type_hints(kind)
    return _known[kind]


_CONSTRUCTOR = SafeConstructor()
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _plain(node: yaml.Node) -> Any:
    """A node as plain data; as text where its tag and its text do not fit."""
    try:
        return _CONSTRUCTOR.construct_document(node)
    except (ValueError, yaml.YAMLError):
        return node.value


def _shown(node: yaml.Node) -> str:
    return (
        repr(node.value)[:60]
        if isinstance(node, yaml.ScalarNode)
        else "a list"
        if isinstance(node, yaml.SequenceNode)
        else "a mapping"
    )


# ---- what the annotations do not say

_Faults = list[tuple[str, str]]


def _nothing(_: Any) -> _Faults:
    return []


def _check_rule(rule: description.Rule) -> _Faults:
    faults: _Faults = []
    effects = [rule.answer is not None, bool(rule.reset), rule.expire]
    if sum(effects) > 1:
        faults.append(("on", "a rule has one of answer, reset and expire, not several."))
    if not any(effects) and not rule.delay:
        faults.append(("on", "a rule needs an answer, a reset, expire or a delay."))
    if rule.delay < 0:
        faults.append(("delay", "seconds cannot be negative."))
    if rule.authorized and (rule.on.service != "management" or rule.answer is None):
        faults.append(
            ("authorized", "only an answer of the service management can come after the rights were checked.")
        )
    return faults


def _check_when(when: description.When) -> _Faults:
    faults: _Faults = [(name, "it cannot be negative.") for name in ("skip", "times") if getattr(when, name) < 0]
    if when.every < 1:
        faults.append(("every", "1 or more is expected."))
    if not 0 <= when.probability <= 1:
        faults.append(("probability", "a number from 0 to 1 is expected."))
    return faults


def _check_match(match: description.Match) -> _Faults:
    from mi_tui.sandbox.scenarios.rules import path_pattern

    try:
        path_pattern(match.path)
    except ValueError as error:
        return [("path", str(error))]
    methods = set(match.method.upper().split("|")) - {"*", "GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"}
    return [("method", f"{sorted(methods)[0]!r} is no HTTP method.")] if methods else []


def _check_answer(answer: description.Answer) -> _Faults:
    faults: _Faults = [] if 400 <= answer.status <= 599 else [("status", "400 to 599 is expected.")]
    for name, value in answer.headers.items():
        if not name.replace("-", "").isalnum() or not value.isprintable() or not f"{name}{value}".isascii():
            faults.append(("headers", f"{name!r} cannot be a header."))
    return faults


def _check_role(role: description.RoleAt) -> _Faults:
    from mi_tui.sandbox import conditions, rbac

    faults: _Faults = []
    if rbac.role_named(role.role) is None:
        faults.append(("role", f"the sandbox knows no built-in role {role.role!r}."))
    if role.condition:
        try:
            conditions.parse(role.condition)
        except conditions.ConditionError as error:
            faults.append(("condition", str(error)))
    return faults


def _check_rights(rights: description.Rights) -> _Faults:
    from mi_tui.sandbox import rbac

    return [
        ("lost", f"the sandbox knows no built-in role {name!r}.")
        for name in rights.lost
        if rbac.role_named(name) is None
    ]


def _check_furniture(furniture: description.Furniture) -> _Faults:
    faults: _Faults = []
    for place in ("data_accounts", "workspace_account"):
        for name, value in getattr(furniture, place).items():
            known = _ACCOUNT.get(name)
            if known is None:
                faults.append((place, f"{name!r} is not among {', '.join(_ACCOUNT)}."))
            elif value not in known:
                faults.append((place, f"{name}: one of {', '.join(map(str, known))} is expected."))
    faults += [
        ("quotas", f"{family}: it cannot be negative.") for family, cores in furniture.quotas.items() if cores < 0
    ]
    return faults


_ACCOUNT: dict[str, tuple[Any, ...]] = {
    "allowSharedKeyAccess": (True, False),
    "allowBlobPublicAccess": (True, False),
    "publicNetworkAccess": ("Enabled", "Disabled"),
}


def _check_hosting(hosting: description.Hosting) -> _Faults:
    faults: _Faults = (
        [] if 0 < hosting.memory_share <= 1 else [("memory_share", "more than 0 and at most 1 is expected.")]
    )
    if hosting.script:
        try:
            compile(hosting.script, "script", "exec")
        except (SyntaxError, ValueError) as error:
            faults.append(("script", f"it is no Python: {error}."))
    return faults


def _check_scenario(scenario: Scenario) -> _Faults:
    faults: _Faults = []
    for name, value in scenario.timings.items():
        if name not in DURATIONS:
            faults.append(("timings", f"{name!r} is not among {', '.join(DURATIONS)}."))
        each = value if isinstance(value, Mapping) else {name: value}
        if isinstance(value, Mapping) and (unknown := sorted(set(value) - set(PROFILES))):
            faults.append(("timings", f"{name}: there is no profile {unknown[0]!r}."))
        if any(not 0 <= seconds < 1e7 for seconds in each.values()):
            faults.append(("timings", f"{name}: seconds are expected, 0 or more."))
    return faults


_CHECKS: dict[type, Callable[[Any], _Faults]] = {
    description.Rule: _check_rule,
    description.When: _check_when,
    description.Match: _check_match,
    description.Answer: _check_answer,
    description.RoleAt: _check_role,
    description.Rights: _check_rights,
    description.Furniture: _check_furniture,
    description.Hosting: _check_hosting,
    Scenario: _check_scenario,
}


def _compose(text: str, name: str) -> yaml.Node:
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}:{mark.line + 1}" if mark else name
        raise ScenarioError(f"{place}: it is no YAML: {getattr(error, 'problem', None) or error}.") from error
    if node is None:
        raise ScenarioError(f"{name}:1: it is empty. A scenario needs 'about' at least.")
    return node


def read_one(text: str, name: str) -> Scenario:
    """The scenario that a YAML text describes. ScenarioError with every fault, each with line and place."""
    reader = _Reader(name)
    node = _compose(text, name)
    try:
        found = reader.value(Scenario, node, "")
    except RecursionError as error:
        raise ScenarioError(f"{name}:1: it contains itself.") from error
    if reader.faults:
        raise ScenarioError("\n".join(reader.faults))
    assert isinstance(found, Scenario)
    return found


def read_library(text: str, name: str) -> dict[str, Scenario]:
    """A mapping of names to scenarios. ScenarioError as `read_one`."""
    node = _compose(text, name)
    reader = _Reader(name)
    found = reader.value(Mapping[str, Scenario], node, "")
    if reader.faults:
        raise ScenarioError("\n".join(reader.faults))
    return dict(found)
