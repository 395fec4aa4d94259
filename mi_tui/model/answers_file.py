"""Reading an answers file: every fault at once, each with its place and the rule; and the template that explains each field."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterator
from enum import Enum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Meta, Struct

from mi_tui.model import names
from mi_tui.model.answers import MOST_TAGS, RESERVED_TAG, RESERVED_VARIABLES, Answers, IdentityKind

if TYPE_CHECKING:
    import yaml


class Fault(Struct, frozen=True):
    """One thing that is wrong with the answers: where (`storage.account`), the line (0: none), and the rule in words."""

    place: str
    line: int
    words: str

    def __str__(self) -> str:
        where = f"line {self.line}, {self.place}" if self.line else self.place
        return f"{where}: {self.words}"


class AnswersError(Exception):
    """The answers cannot be used; `faults` lists all that is wrong."""

    def __init__(self, faults: list[Fault], source: str = "") -> None:
        self.faults = faults
        self.source = source
        super().__init__("; ".join(str(fault) for fault in faults))


Lines = dict[str, int]


def parse(text: str, source: str = "") -> Answers:
    """The answers in a YAML text. Raises AnswersError with every fault of key, type and name.

    Whether files exist is not looked at here: the model does no I/O.
    """
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "not readable as YAML"
        raise AnswersError(
            [Fault("the file", mark.line + 1 if mark else 0, f"this is no valid YAML: {problem}.")], source
        ) from error
    except RecursionError as error:
        raise AnswersError([Fault("the file", 0, "this YAML is nested too deeply.")], source) from error
    except ValueError as error:  # a date or number that looks like one and is none, such as 2026-13-01
        raise AnswersError([Fault("the file", 0, f"this is no valid YAML: {error}.")], source) from error
    if not isinstance(value, dict):
        raise AnswersError(
            [Fault("the file", 0, "an answers file is a mapping; 'mi-tui answers' prints one to start from.")], source
        )
    lines: Lines = {}
    faults: list[Fault] = []
    if node is not None:
        _note_lines(node, "", lines, faults)
    faults += list(_shape_faults(Answers, value, "", lines))
    if faults:
        raise AnswersError(faults, source)
    answers = msgspec.convert(value, Answers, strict=True)
    faults = list(name_faults(answers, lines))
    if faults:
        raise AnswersError(faults, source)
    return answers


def name_faults(answers: Answers, lines: Lines | None = None) -> Iterator[Fault]:
    """Every name that Azure would refuse, and every combination that makes no sense."""
    at = lines or {}
    checks = (
        ("workspace.subscription", names.SUBSCRIPTION, answers.workspace.subscription),
        ("workspace.resource_group", names.RESOURCE_GROUP, answers.workspace.resource_group),
        ("workspace.name", names.WORKSPACE, answers.workspace.name),
        ("identity.name", names.IDENTITY, answers.identity.name),
        ("identity.resource_group", names.RESOURCE_GROUP, answers.identity.resource_group),
        ("storage.account", names.STORAGE_ACCOUNT, answers.storage.account),
        ("storage.resource_group", names.RESOURCE_GROUP, answers.storage.resource_group),
        ("storage.container", names.CONTAINER, answers.storage.container),
        ("storage.blob", names.BLOB, answers.storage.blob),
        ("endpoint.name", names.ENDPOINT, answers.endpoint.name),
        ("deployment.name", names.DEPLOYMENT, answers.deployment.name),
    )
    for place, rule, name in checks:
        if name is not None and (words := rule.fault(name)):
            yield Fault(place, at.get(place, 0), words)
    if answers.identity.kind is IdentityKind.UAI and answers.identity.name is None:
        yield Fault("identity.name", at.get("identity", 0), "a user-assigned identity needs a name.")
    if answers.identity.kind is IdentityKind.SAI and (answers.identity.name or answers.identity.resource_group):
        yield Fault(
            "identity",
            at.get("identity", 0),
            "a system-assigned identity has no name or group of its own; it takes the endpoint's.",
        )
    yield from _broken_texts(msgspec.to_builtins(answers), "", at)
    yield from _text_faults(answers, at)
    yield from _tag_faults(answers, at)
    for variable in answers.deployment.environment_variables:
        place = f"deployment.environment_variables.{variable}"
        if words := names.ENVIRONMENT_VARIABLE.fault(variable):
            yield Fault(place, at.get(place, 0), words)
        elif variable in RESERVED_VARIABLES:
            yield Fault(place, at.get(place, 0), "mi-tui sets this one itself, from storage and identity.")


def _broken_texts(value: object, place: str, at: Lines) -> Iterator[Fault]:
    """Half characters (lone surrogates, as YAML's `\\ud800` makes them): no file, journal or request could hold them."""
    if isinstance(value, str) and not _sound(value):
        yield Fault(_shown(place), at.get(place, 0), "this holds half a character (a lone surrogate).")
    elif isinstance(value, dict):
        for name, inner in value.items():
            under = f"{place}.{name}" if place else str(name)
            if isinstance(name, str) and not _sound(name):
                yield Fault(_shown(under), at.get(under, 0), "this name holds half a character (a lone surrogate).")
            else:
                yield from _broken_texts(inner, under, at)


def _sound(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _shown(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _text_faults(answers: Answers, at: Lines) -> Iterator[Fault]:
    """Texts that no naming rule looks at: they may not be empty, nor hold control characters; the script lies in its folder."""
    deployment = answers.deployment
    texts = {
        "storage.upload": answers.storage.upload,
        "deployment.model": deployment.model,
        "deployment.code": deployment.code,
        "deployment.conda": deployment.conda,
        "deployment.scoring_script": deployment.scoring_script,
        "deployment.image": deployment.image,
        "deployment.instance_type": deployment.instance_type,
        "request": answers.request,
    }
    for place, text in texts.items():
        if text is None:
            continue
        if not text.strip():
            yield Fault(place, at.get(place, 0), "this may not be empty.")
        elif any(ord(character) < 32 or ord(character) == 127 for character in text):
            yield Fault(place, at.get(place, 0), "this may not hold control characters.")
    script = PurePosixPath(deployment.scoring_script.replace("\\", "/"))
    if script.is_absolute() or ".." in script.parts:
        place = "deployment.scoring_script"
        yield Fault(place, at.get(place, 0), "a path in the code folder is expected.")


def _tag_faults(answers: Answers, at: Lines) -> Iterator[Fault]:
    """Azure's limits of tags ("Use tags to organize your Azure resources", Microsoft Learn), those of storage accounts included."""
    if len(answers.tags) > MOST_TAGS:
        yield Fault("tags", at.get("tags", 0), f"at most {MOST_TAGS} tags are possible, as mi-tui adds one of its own.")
    for name, value in answers.tags.items():
        place = f"tags.{name}"
        if not 0 < len(name) <= 128 or any(character in "<>%&\\?/" or ord(character) < 32 for character in name):
            yield Fault(place, at.get(place, 0), "a tag's name has 1 to 128 characters and none of < > % & \\ ? /.")
        elif name.lower() == RESERVED_TAG:
            yield Fault(place, at.get(place, 0), "mi-tui sets this tag itself, to know what a run made.")
        elif name.lower().startswith(("microsoft", "azure", "windows")):
            yield Fault(
                place, at.get(place, 0), "Azure keeps names that begin with microsoft, azure or windows to itself."
            )
        if len(value) > 256:
            yield Fault(place, at.get(place, 0), "a tag's value has at most 256 characters.")


_DEEPEST = 4
"""More levels than answers have; an alias that holds itself has no end."""


def _note_lines(node: yaml.Node, path: str, lines: Lines, faults: list[Fault], depth: int = 0) -> None:
    """The line of each key; a key that stands twice is a fault, of which YAML would silently take the last."""
    import yaml

    if not isinstance(node, yaml.MappingNode) or depth >= _DEEPEST:
        return
    seen: set[str] = set()
    for key, value in node.value:
        place = f"{path}.{key.value}" if path else str(key.value)
        if str(key.value) in seen:
            faults.append(Fault(place, key.start_mark.line + 1, "this key stands here twice."))
        seen.add(str(key.value))
        lines[place] = key.start_mark.line + 1
        _note_lines(value, place, lines, faults, depth + 1)


def _shape_faults(kind: type[Struct], value: object, path: str, lines: Lines) -> Iterator[Fault]:
    """Unknown keys, missing keys and wrong types, in the whole tree."""
    if not isinstance(value, dict):
        yield Fault(path, lines.get(path, 0), f"expected a mapping with {', '.join(kind.__struct_fields__)}.")
        return
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    for key in value:
        if key not in fields:
            place = f"{path}.{key}" if path else str(key)
            near = difflib.get_close_matches(str(key), fields, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(fields)}."
            yield Fault(place, lines.get(place, 0), f"unknown key; {hint}")
    for name, field in fields.items():
        place = f"{path}.{name}" if path else name
        inner = _plain(field.type)
        is_struct = isinstance(inner, type) and issubclass(inner, Struct)
        if name not in value:
            if field.required:
                example = _example(field.type)
                yield Fault(place, lines.get(path, 0), f"missing{f'; for example {example!r}' if example else ''}.")
        elif is_struct:
            yield from _shape_faults(typing.cast("type[Struct]", inner), value[name], place, lines)
        else:
            try:
                msgspec.convert(value[name], field.type, strict=True)
            except msgspec.ValidationError as error:
                yield Fault(place, lines.get(place, 0), _in_words(inner, value[name], str(error)))


def _plain(annotation: Any) -> Any:
    return typing.get_args(annotation)[0] if typing.get_origin(annotation) is typing.Annotated else annotation


def _example(annotation: Any) -> str:
    for note in typing.get_args(annotation)[1:]:
        if isinstance(note, Meta) and note.examples:
            return str(note.examples[0])
    return ""


def _in_words(kind: Any, value: object, fallback: str) -> str:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"{value!r} is not one of {', '.join(str(member.value) for member in kind)}."
    if kind is str or (isinstance(kind, types.UnionType) and str in typing.get_args(kind)):
        return f"expected text, found {value!r}; put it in quotes."
    if kind is int:
        return f"expected a whole number within its range, found {value!r}. {fallback}."
    if isinstance(value, dict):
        wrong = next(((k, v) for k, v in value.items() if not isinstance(k, str) or not isinstance(v, str)), None)
        if wrong is not None:
            return f"expected text for text, found {wrong[0]!r}: {wrong[1]!r}; put both in quotes."
    return f"{fallback}."


def template(answers: Answers) -> str:
    """An answers file that says `answers`, with every field explained; fields left out stand commented out."""
    return "\n".join(("# Answers for mi-tui. Paths are relative to this file's folder.", *_explain(answers, 0))) + "\n"


def _explain(value: Struct, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for field in msgspec.structs.fields(type(value)):
        content = getattr(value, field.name)
        if isinstance(content, Struct):
            yield ""
            yield f"{indent}# {(type(content).__doc__ or '').strip()}"
            yield f"{indent}{field.name}:"
            yield from _explain(content, depth + 1)
            continue
        note = next(
            (str(m.description) for m in typing.get_args(field.type)[1:] if isinstance(m, Meta) and m.description), ""
        )
        if depth == 0:
            yield ""
        yield f"{indent}# {note}"
        if content is None:
            yield f"{indent}# {field.name}: {_example(field.type)}"
        elif isinstance(content, dict):
            yield f"{indent}{field.name}:" + ("" if content else " {}")
            yield from (f"{indent}  {key}: {_scalar(item)}" for key, item in content.items())
        else:
            yield f"{indent}{field.name}: {_scalar(content)}"


def _scalar(value: object) -> str:
    import yaml

    plain = value.value if isinstance(value, Enum) else value
    return (
        yaml.safe_dump(plain, default_flow_style=True, width=10_000, allow_unicode=True)
        .removesuffix("\n")
        .removesuffix("\n...")
    )
