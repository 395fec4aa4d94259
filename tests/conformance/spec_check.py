"""Holding a request and its answer against the operation in Microsoft's OpenAPI file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from tests.conformance.dialect import dialect
from tests.conformance.differences import Difference
from tests.conformance.exchange import Exchange
from tests.conformance.openapi import Files, Operation
from tests.conformance.operations import class_of
from tests.conformance.shapes import Finding, is_map

_OF_EVERY_REQUEST = frozenset({"api-version"})
_KINDS = {"required": "missing", "enum": "case", "discriminator": "case"}


class Specification:
    """The files, and the validators made from them."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._request, self._answer = dialect(files, request=True), dialect(files, request=False)

    def compare(self, exchange: Exchange) -> tuple[str, list[Difference]]:
        """The file's version (with `~` before it when it is not the one that was asked for; '' without a file), and what differs."""
        operation = self._files.operation(exchange)
        if operation is None:
            return "", []
        of = str(class_of(exchange))
        found = list(self._answer_of(operation, exchange))
        if exchange.status < 400:
            found += self._request_of(operation, exchange)
        near = "" if operation.version.lower() == exchange.api_version.lower() else "~"
        return near + operation.version, [Difference("spec", of, *finding) for finding in found]

    def _answer_of(self, operation: Operation, exchange: Exchange) -> Iterator[Finding]:
        responses = operation.spec["responses"]
        declared = responses.get(str(exchange.status)) or (responses.get("default") if exchange.status >= 400 else None)
        if declared is None:
            if exchange.status < 400:
                yield (
                    "status",
                    "status",
                    f"{exchange.status} is not in the file, which has {', '.join(sorted(responses))}",
                )
            return
        response, base = self._files.resolve(declared, operation.uri)
        if exchange.method == "HEAD":
            return
        body = exchange.json if exchange.body else None
        if "schema" not in response:
            if exchange.body:
                yield "body", "body", "a body, which the file does not have"
        elif not exchange.body:
            yield "body", "body", "no body, which the file has"
        else:
            yield from self._body(self._answer, response["schema"], base, body, "")

    def _request_of(self, operation: Operation, exchange: Exchange) -> Iterator[Finding]:
        declared = [
            self._files.resolve(parameter, operation.uri)
            for parameter in (*operation.shared, *operation.spec.get("parameters", ()))
        ]
        names = {parameter["name"].lower() for parameter, _ in declared if parameter["in"] == "query"}
        for name in sorted(set(exchange.parameters) - names - _OF_EVERY_REQUEST):
            yield "parameter", f"request ?{name}", "not in the file"
        found = operation.path.fullmatch("/" + unquote(exchange.path).strip("/"))
        assert found is not None
        for parameter, base in declared:
            name, where = parameter["name"], parameter["in"]
            if where == "body":
                if exchange.request_body:
                    yield from self._body(self._request, parameter["schema"], base, exchange.request_json, "request ")
                elif parameter.get("required"):
                    yield "missing", "request body", "required in the file"
            elif where == "query" and name not in _OF_EVERY_REQUEST:
                value = exchange.parameters.get(name.lower())
                if value is None and parameter.get("required"):
                    yield "missing", f"request ?{name}", "required in the file"
                elif value is not None:
                    yield from self._parameter(parameter, base, value, f"request ?{name}")

    def _parameter(self, parameter: dict[str, Any], base: str, value: str, at: str) -> Iterator[Finding]:
        typed: Any = value
        if parameter.get("type") in {"integer", "number", "boolean"}:
            try:
                typed = json.loads(value.lower())
            except ValueError:
                typed = value
        schema = {name: item for name, item in parameter.items() if name not in {"name", "in", "required"}}
        for kind, _, words in self._body(self._request, schema, base, typed, ""):
            yield kind, at, words

    def _body(self, dialect: type[Any], schema: Any, base: str, value: Any, where: str) -> Iterator[Finding]:
        # The schema is put at its file's place, so that its references are read from there.
        resolver = self._files.registry.resolver(base_uri=base)
        validator = dialect(schema, registry=self._files.registry, _resolver=resolver)
        for error in validator.iter_errors(value):
            kind = _KINDS.get(str(error.validator), str(error.validator))
            yield kind, where + place(list(error.absolute_path)), _words(error, kind)
        for at in self._undeclared(schema, base, value, ""):
            yield "undeclared", where + at, "not in the file"

    def _undeclared(self, schema: Any, base: str, value: Any, at: str, name: str = "") -> Iterator[str]:
        """Members that neither the schema nor anything that it is made of has."""
        schema, base = self._files.resolve(schema, base)
        if isinstance(value, list):
            for item in value:
                yield from self._undeclared(schema.get("items", {}), base, item, f"{at}[]", name)
        elif isinstance(value, dict):
            members, rest = self._members(schema, base, value)
            for member, item in value.items():
                if member in members:
                    yield from self._undeclared(*members[member], item, f"{at}.{member}", member)
                elif rest is not None:
                    yield from self._undeclared(*rest, item, at + ".{}", "")
                elif members:
                    yield f"{at}.{member}"

    def _members(
        self, schema: Any, base: str, value: dict[str, Any]
    ) -> tuple[dict[str, tuple[Any, str]], tuple[Any, str] | None]:
        """The members of an object's schema with the schemas and files of each, and the schema of members of any name."""
        members = {name: (inner, base) for name, inner in schema.get("properties", {}).items()}
        more = schema.get("additionalProperties")
        rest = (more if isinstance(more, dict) else {}, base) if more not in (None, False) else None
        parts = [(part, base) for part in schema.get("allOf", ())]
        word = value.get(schema.get("discriminator", ""))
        target = self._files.subtypes.get(id(schema), {}).get(word) if isinstance(word, str) else None
        if target is not None:
            file, _, pointer = target.partition("#")
            resolved = self._files.document(file)["definitions"][pointer.rpartition("/")[2]]
            # Not by the subtype's own `allOf`, which leads back here.
            parts += [({key: item for key, item in resolved.items() if key != "allOf"}, file)]
        for part, where in parts:
            inner, file = self._files.resolve(part, where)
            found, other = self._members(inner, file, value)
            members = {**found, **members}
            rest = rest or other
        return members, rest


def place(path: list[Any]) -> str:
    """A place in a body: list items as `[]`, members of any name as `{}`."""
    text, before, above = "", "", ""
    for part in path:
        if isinstance(part, int):
            text += "[]"
            continue
        text += ".{}" if is_map(before, above) else f".{part}"
        before, above = str(part), before
    return text or "$"


def _words(error: Any, kind: str) -> str:
    if kind == "type":
        return f"{'null' if error.instance is None else type(error.instance).__name__}, in the file {error.validator_value}"
    if kind == "pattern":
        return f"does not match {error.validator_value}"
    return str(error.message)[:200]
