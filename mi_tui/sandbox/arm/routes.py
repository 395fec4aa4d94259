"""The operations of ARM that the sandbox has, and how a path finds its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from mi_tui.sandbox.arm.shapes import ANY_BODY, Shape
from mi_tui.sandbox.errors import GATEWAY, ArmError

Handler = TypeVar("Handler")

_PARTS = re.compile(r"(\{\+?\w+\})")


@dataclass(frozen=True)
class Route(Generic[Handler]):
    """One operation: method, path template, the right it asks for at its own path (None: the handler asks itself), its body.

    `namespace` and `type` are of the last provider in the template (`Microsoft.Resources` and '' without one).
    """

    method: str
    template: str
    pattern: re.Pattern[str]
    action: str | None
    body: Shape
    handler: Handler
    namespace: str
    type: str
    literal: str
    """The longest part of the template without a name, in lower case: a path without it need not be tried."""

    @property
    def is_resource(self) -> bool:
        """Whether the path names one resource, not a list and not an action."""
        return self.template.endswith(("}", "/default"))


class Table(Generic[Handler]):
    """All routes, found by the number of a path's segments first: few patterns are left to try."""

    def __init__(self) -> None:
        self.routes: list[Route[Handler]] = []
        self._by_length: dict[int, list[Route[Handler]]] = {}
        self._any_length: list[Route[Handler]] = []

    def add(self, method: str, template: str, action: str | None, body: Shape, handler: Handler) -> None:
        """Register an operation. `{name}` in the template is one path segment; `{+name}` one or more (for scopes)."""
        text = "".join(
            f"(?P<{part[2:-1]}>.+?)"
            if part.startswith("{+")
            else f"(?P<{part[1:-1]}>[^/]+)"
            if part.startswith("{")
            else re.escape(part)
            for part in _PARTS.split(template)
        )
        _, found, rest = template.rpartition("/providers/")
        namespace, *segments = rest.split("/") if found and not rest.startswith("{") else ["Microsoft.Resources"]
        pattern = re.compile(text, re.IGNORECASE)
        literal = max(_PARTS.split(template)[::2], key=len).lower()
        route = Route(method, template, pattern, action, body, handler, namespace, "/".join(segments[::2]), literal)
        self.routes.append(route)
        if "{+" in template:
            self._any_length.append(route)
        else:
            self._by_length.setdefault(template.count("/"), []).append(route)

    def find(self, path: str) -> list[tuple[Route[Handler], dict[str, str]]]:
        """The operations at a path, whatever their method, each with the names in the path."""
        lowered = path.lower()
        candidates = [*self._by_length.get(path.count("/"), ()), *self._any_length]
        candidates = [route for route in candidates if route.literal in lowered]
        return [
            (route, found.groupdict()) for route in candidates if (found := route.pattern.fullmatch(path)) is not None
        ]


_NAMESPACES = frozenset(
    {
        "microsoft.authorization",
        "microsoft.cdn",
        "microsoft.compute",
        "microsoft.containerinstance",
        "microsoft.containerregistry",
        "microsoft.insights",
        "microsoft.keyvault",
        "microsoft.machinelearningservices",
        "microsoft.managedidentity",
        "microsoft.network",
        "microsoft.operationalinsights",
        "microsoft.policyinsights",
        "microsoft.resources",
        "microsoft.storage",
    }
)


def nothing_at(method: str, path: str, version: str, *, known: bool) -> ArmError:
    """Why a path was not understood: wrong method, wrong namespace, or a type that the sandbox does not have.

    The sentence for a method is that of a public transcript (Azure/azure-powershell issue 9709).
    """
    if known:
        return ArmError(
            405,
            "MethodNotAllowed",
            f"The HTTP method '{method}' is not supported on the resource 'https://management.azure.com{path}?api-version={version}'.",
        )
    _, found, rest = path.lower().rpartition("/providers/")
    if not found:
        return ArmError(404, "NotFound", f"The sandbox knows nothing at the path '{path}'.", headers=dict(GATEWAY))
    parts = path[len(path) - len(rest) :].split("/")
    if parts[0].lower() not in _NAMESPACES:
        return ArmError(
            404, "InvalidResourceNamespace", f"The resource namespace '{parts[0]}' is invalid.", headers=dict(GATEWAY)
        )
    return ArmError(
        404,
        "InvalidResourceType",
        f"The resource type '{'/'.join(parts[1::2])}' could not be found in the namespace '{parts[0]}' "
        f"for api version '{version}'.",
        headers=dict(GATEWAY),
    )


Registrar = Callable[[Handler], Handler]


def registrar(
    table: Table[Handler], method: str, template: str, action: str | None = None, body: Shape = ANY_BODY
) -> Registrar[Handler]:
    """The decorator that registers a handler in a table."""

    def register(handler: Handler) -> Handler:
        table.add(method, template, action, body, handler)
        return handler

    return register
