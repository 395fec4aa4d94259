"""Reading an answers file: every fault at once, each with its place and the rule; and the template that explains each field."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Meta, Struct

from mi_tui.model.answers import Answers
from mi_tui.model.answers_rules import AnswersError, Fault, Lines, name_faults

if TYPE_CHECKING:
    import yaml


@dataclass(frozen=True)
class Reading:
    """An answers file as far as it can be read: every fault of key, type and name; and the answers, with what stands in for the
    faulty fields `mended`, so that a look at the files that they name finds the rest of what is wrong."""

    answers: Answers
    faults: list[Fault]
    mended: frozenset[str]

    def stands(self, fault: Fault) -> bool:
        """Whether a fault is of what was written, and not of what stands in for a faulty field or hangs together with one."""
        return not any(place == fault.place or place.startswith(f"{fault.place}.") for place in self.mended)


def parse(text: str, source: str = "") -> Answers:
    """The answers in a YAML text. Raises AnswersError with every fault of key, type and name.

    Whether files exist is not looked at here: the model does no I/O.
    """
    found = read(text, source)
    if found.faults:
        raise AnswersError(found.faults, source)
    return found.answers


def read(text: str, source: str = "") -> Reading:
    """As `parse`, but faults come with the answers. Raises AnswersError only when the text is no mapping in YAML."""
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
    mended: set[str] = set()
    answers = msgspec.convert(_mend(Answers, value, "", mended), Answers, strict=True)
    found = Reading(answers, faults, frozenset(mended))
    faults += [fault for fault in name_faults(answers, lines) if found.stands(fault)]
    return found


def _mend(kind: type[Struct], value: object, path: str, mended: set[str]) -> dict[str, object]:
    """What can be used of a mapping, with defaults and examples for the rest; their places are added to `mended`."""
    given = value if isinstance(value, dict) else {}
    whole: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        place, inner = f"{path}.{field.name}" if path else field.name, _plain(field.type)
        if isinstance(inner, type) and issubclass(inner, Struct):
            if field.name in given or field.required:
                whole[field.name] = _mend(inner, given.get(field.name), place, mended)
        elif field.name in given and _fits(given[field.name], field.type):
            whole[field.name] = given[field.name]
        elif field.name in given or field.required:
            mended.add(place)
            if field.required:
                whole[field.name] = _example(field.type) or "example"
    return whole


def _fits(value: object, annotation: Any) -> bool:
    try:
        msgspec.convert(value, annotation, strict=True)
    except msgspec.ValidationError:
        return False
    return True


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
