"""What a request's body may look like. Checked before a handler sees it, so that no handler meets a list where it expects an object."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

INT32 = 2**31


@dataclass(frozen=True)
class Map:
    """An object with any keys and values of one shape."""

    values: Shape


Shape: TypeAlias = "type | re.Pattern[str] | Map | Mapping[str, Shape]"
"""A type (`object` takes anything), a pattern for text, a `Map`, or an object's members by name; members that are not
named are not looked at, and null stands for a member that is not there, as in Azure."""

TEXTS = Map(str)
"""Tags, properties, environment variables. Numbers and truth values in them become text: the SDK sends a code's hash version
as a number, and Azure keeps text (recorded)."""

DURATION = re.compile(r"P(?=.)(\d{1,4}D)?(T(?=.)(\d{1,4}H)?(\d{1,6}M)?(\d{1,7}(\.\d{1,7})?S)?)?", re.ASCII)
"""An ISO 8601 duration, such as `PT1M30S`."""

ANY_BODY: dict[str, Shape] = {"location": str, "tags": TEXTS, "properties": dict}
"""What every resource's body has in common."""

_TOKENS: tuple[tuple[type, str], ...] = (
    (list, "StartArray"),
    (str, "String"),
    (bool, "Boolean"),
    (int, "Integer"),
    (float, "Float"),
)
_NAMES = {str: "String", bool: "Boolean", int: "Int32", dict: "Object", list: "Array"}


def fault(shape: Shape, value: Any, path: str = "") -> str | None:
    """What is wrong with a value, in the words of Azure's deserializer; None when it fits. Changes scalars in `TEXTS` to text."""
    if value is None or shape is object:
        return None
    if isinstance(shape, Mapping | Map):
        if not isinstance(value, dict):
            return _refusal(value, "Object", path)
        if shape is TEXTS:
            value |= {key: str(item) for key, item in value.items() if isinstance(item, int | float)}
        shapes = dict.fromkeys(value, shape.values) if isinstance(shape, Map) else shape
        faults = (
            fault(shapes[key], item, f"{path}.{key}" if path else key) for key, item in value.items() if key in shapes
        )
        return next((found for found in faults if found is not None), None)
    if isinstance(shape, re.Pattern):
        fits = isinstance(value, str) and shape.fullmatch(value) is not None
        return None if fits else _refusal(value, "TimeSpan" if shape is DURATION else "String", path)
    fits = isinstance(value, shape)
    if shape is int:
        fits = fits and not isinstance(value, bool) and -INT32 <= value < INT32
    return None if fits else _refusal(value, _NAMES.get(shape, shape.__name__), path)


def unreadable(error: Exception) -> str:
    """Why a body is no JSON, as Azure's deserializer (Newtonsoft.Json) says it. Which of its sentences it would choose for a fault
    in the middle is a guess; where the fault is, is told."""
    if not isinstance(error, json.JSONDecodeError):
        return "Unexpected character encountered while parsing value. Path '', line 1, position 1."
    where = f"Path '', line {error.lineno}, position {error.colno}."
    rest = error.doc[error.pos :].lstrip()
    if not rest:
        return f"Unexpected end when reading JSON. {where}"
    # Half a surrogate pair could not be answered.
    mark = rest[0] if rest[0].isprintable() else ascii(rest[0]).strip("'")
    if error.msg.startswith("Extra data"):
        return f"Additional text encountered after finished reading JSON content: {mark}. {where}"
    if "property name" in error.msg:
        return f"Invalid property identifier character: {mark}. {where}"
    if "delimiter" in error.msg and "':'" in error.msg:
        return f"Invalid character after parsing property name. Expected ':' but got: {mark}. {where}"
    if "delimiter" in error.msg:
        return f"After parsing a value an unexpected character was encountered: {mark}. {where}"
    return f"Unexpected character encountered while parsing value: {mark}. {where}"


def no_object(value: object) -> str:
    """Why JSON that is no object is refused, in the same deserializer's words."""
    kind = next(
        (name for type_, name in _TOKENS if isinstance(value, type_)),
        "Null",
    )
    where = "Path '', line 1, position 1."
    return f"Error reading JObject from JsonReader. Current JsonReader item is not an object: {kind}. {where}"


def _refusal(value: Any, wanted: str, path: str) -> str:
    shown = repr(value) if isinstance(value, str | int | float) else type(value).__name__
    return f"Error converting value {shown[:100]} to type '{wanted}'. Path '{path}'."
