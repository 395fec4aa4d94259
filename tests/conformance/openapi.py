"""Microsoft's OpenAPI (Swagger 2.0) files: read whole, and asked for the operation that a request is, by path and api-version."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from tests.conformance.exchange import Exchange
from tests.conformance.operations import ARM_HOST

_VERBS = frozenset({"get", "put", "post", "patch", "delete", "head"})
_ANY_PATH = frozenset(
    {"scope", "resourceId", "roleAssignmentId", "roleId", "parentResourcePath", "resourceType", "roleDefinitionId"}
)
"""Path parameters that take more than one segment where the path begins with them."""


@dataclass(frozen=True)
class Operation:
    """One operation of one file. `uri` is the file's; `exact` whether it is of the version that was asked for."""

    uri: str
    version: str
    id: str
    template: str
    path: re.Pattern[str]
    literals: int
    spec: Mapping[str, Any]
    shared: tuple[Mapping[str, Any], ...]


class Files:
    """All files below a folder, with their references resolved when they are asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._documents: dict[str, Any] = {}
        self._operations: dict[str, list[Operation]] = {}
        for file in sorted(folder.rglob("*.json")):
            if "examples" not in file.parts:
                document = self.document(file.as_uri())
                for path, methods in {**document.get("paths", {}), **document.get("x-ms-paths", {})}.items():
                    self._add(file.as_uri(), document, path, methods)

    def _add(self, uri: str, document: Any, path: str, methods: Mapping[str, Any]) -> None:
        version = str(document["info"]["version"])
        bare = path.partition("?")[0]
        pattern = re.compile(_pattern(bare), re.IGNORECASE)
        literals = sum("{" not in part for part in bare.split("/") if part)
        if not literals or "{resourceProviderNamespace}" in bare:
            return  # "any resource by its id": says nothing of this one
        for verb in _VERBS & set(methods):
            operation = Operation(
                uri, version, methods[verb].get("operationId", bare), bare, pattern, literals, methods[verb],
                tuple(methods.get("parameters", ())),
            )  # fmt: skip
            self._operations.setdefault(verb.upper(), []).append(operation)

    def document(self, uri: str) -> Any:
        """A file's content. A reference's neighbours, which JSON Schema leaves unread, are kept as `allOf` keeps them."""
        if uri not in self._documents:
            file = Path(unquote(uri.removeprefix("file://")))
            # A file that a kept one refers to may be there for another version only.
            file = file if file.exists() else max(self._folder.rglob(file.name))
            self._documents[uri] = _beside_references(json.loads(file.read_text("utf-8-sig")))
        return self._documents[uri]

    @cached_property
    def registry(self) -> Registry[Any]:
        """For jsonschema: every file by its URI."""
        registry: Registry[Any] = Registry(retrieve=lambda uri: DRAFT4.create_resource(self.document(uri)))  # type: ignore[call-arg]
        return registry.with_resources(
            (uri, Resource.opaque(content)) for uri, content in list(self._documents.items())
        )

    def resolve(self, schema: Any, base: str) -> tuple[Any, str]:
        """A schema, parameter or response with its reference followed, and the URI of the file that it is in."""
        while isinstance(schema, dict) and "$ref" in schema:
            target = urljoin(base, schema["$ref"])
            base, pointer = urldefrag(target)
            schema = self.document(base)
            for part in pointer.strip("/").split("/"):
                schema = schema[unquote(part).replace("~1", "/").replace("~0", "~")]
        return schema, base

    @cached_property
    def subtypes(self) -> dict[int, dict[str, str]]:
        """For a schema with a discriminator (by its identity): the URI of each subtype by the discriminator's value."""
        children: dict[int, list[tuple[str, str, Any]]] = {}
        for uri, document in list(self._documents.items()):
            for name, schema in document.get("definitions", {}).items():
                for part in schema.get("allOf", ()):
                    parent, _ = self.resolve(part, uri)
                    word = schema.get("x-ms-discriminator-value", name)
                    children.setdefault(id(parent), []).append((word, f"{uri}#/definitions/{name}", schema))
        found: dict[int, dict[str, str]] = {}
        for document in self._documents.values():
            for schema in document.get("definitions", {}).values():
                if "discriminator" in schema:
                    found[id(schema)] = dict(_below(schema, children))
        return found

    def operation(self, exchange: Exchange) -> Operation | None:
        """The operation of an ARM request in the file of its api-version, or of the nearest version that has it."""
        if exchange.host != ARM_HOST:
            return None
        path = "/" + unquote(exchange.path).strip("/")
        found = [one for one in self._operations.get(exchange.method, ()) if one.path.fullmatch(path)]
        if not found:
            return None
        best = max(one.literals for one in found)
        return min(
            (one for one in found if one.literals == best),
            key=lambda one: (_distance(one.version, exchange.api_version), one.version, one.uri),
        )


def _pattern(path: str) -> str:
    pieces = re.split(r"\{(\w+)\}", path)
    text = ""
    for index, piece in enumerate(pieces):
        if index % 2 == 0:
            text += re.escape(piece)
        else:
            text += (
                ".+?"
                if piece in _ANY_PATH and (index == 1 or piece in {"parentResourcePath", "resourceType"})
                else "[^/]+"
            )
    return text.rstrip("/")


def _below(schema: Any, children: dict[int, list[tuple[str, str, Any]]]) -> Iterator[tuple[str, str]]:
    for word, uri, child in children.get(id(schema), ()):
        yield word, uri
        yield from _below(child, children)


def _beside_references(value: Any) -> Any:
    if isinstance(value, list):
        return [_beside_references(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {name: _beside_references(item) for name, item in value.items()}
    if isinstance(kept.get("$ref"), str) and "x-nullable" in kept:
        return {**{name: item for name, item in kept.items() if name != "$ref"}, "allOf": [{"$ref": kept["$ref"]}]}
    return kept


def _distance(version: str, asked: str) -> tuple[int, int]:
    """Days between two api-versions; a preview and a stable version of the same day are not the same."""
    try:
        days = abs((dt.date.fromisoformat(version[:10]) - dt.date.fromisoformat(asked[:10])).days)
    except ValueError:
        days = 10**6
    return days, int(version.lower() != asked.lower())
