"""JSON Schema as Azure's OpenAPI files use it: `x-nullable`, discriminators, open enumerations, read-only members, formats."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from jsonschema import Draft4Validator, ValidationError
from jsonschema.validators import extend

from tests.conformance.forms import is_guid
from tests.conformance.openapi import Files

Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError]]

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_DURATION = re.compile(r"P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
_FORMATS: dict[str, Callable[[Any], bool]] = {
    "date-time": lambda value: _DATE_TIME.fullmatch(value) is not None,
    "duration": lambda value: _DURATION.fullmatch(value) is not None,
    "uuid": is_guid,
    "arm-id": lambda value: value.startswith("/"),
    "uri": lambda value: re.match(r"[a-z][a-z0-9+.-]*:", value) is not None,
    "byte": lambda value: _BASE64.fullmatch(value) is not None,
    "int32": lambda value: -(2**31) <= value < 2**31,
    "int64": lambda value: -(2**63) <= value < 2**63,
}


def dialect(files: Files, *, request: bool) -> type[Any]:
    """The validator class for requests or for answers."""
    entered: set[tuple[int, str]] = set()

    def discriminator(validator: Any, member: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if not isinstance(instance, dict) or not isinstance(instance.get(member), str):
            return
        subtypes = files.subtypes.get(id(schema), {})
        word = instance[member]
        target = subtypes.get(word)
        if target is None:
            other = next((known for known in subtypes if known.lower() == word.lower()), None)
            if other is not None:
                yield ValidationError(f"{word}, in the file {other}", path=[member])
            return
        key = (id(instance), target)
        if key not in entered:
            entered.add(key)
            try:
                yield from validator.descend(instance, {"$ref": target})
            finally:
                entered.discard(key)

    def required(validator: Any, names: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if not isinstance(instance, dict):
            return
        for name in names:
            read_only = schema.get("properties", {}).get(name, {}).get("readOnly")
            if name not in instance and not (request and read_only):
                yield ValidationError("required in the file", path=[name])

    def enum(validator: Any, values: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if instance in values or (instance is None and schema.get("x-nullable")):
            return
        other = next(
            (v for v in values if isinstance(v, str) and isinstance(instance, str) and v.lower() == instance.lower()),
            None,
        )
        if other is not None:
            yield ValidationError(f"{instance}, in the file {other}")
        elif not schema.get("x-ms-enum", {}).get("modelAsString"):
            yield ValidationError(f"{instance} is none of the file's values")

    def form(validator: Any, name: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
        check = _FORMATS.get(name)
        wanted = int if name.startswith("int") else str
        if check is not None and isinstance(instance, wanted) and instance != "" and not check(instance):
            yield ValidationError(f"no {name}")

    def additional(validator: Any, more: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        # `false` beside `allOf` would forbid what the other parts have: undeclared members are told by spec_check.
        if isinstance(more, dict):
            yield from Draft4Validator.VALIDATORS["additionalProperties"](validator, more, instance, schema) or ()

    keywords: dict[str, Keyword] = {
        "additionalProperties": additional,
        "discriminator": discriminator,
        "required": required,
        "enum": enum,
        "format": form,
    }
    # JSON Schema knows no `x-nullable`: every other keyword passes over null where the file allows it.
    for name in ("type", "allOf", "pattern"):
        keywords[name] = _nullable(Draft4Validator.VALIDATORS[name])
    made: type[Any] = extend(Draft4Validator, keywords)
    return made


def _nullable(keyword: Keyword) -> Keyword:
    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if instance is None and schema.get("x-nullable"):
            return
        yield from keyword(validator, value, instance, schema) or ()

    return check
