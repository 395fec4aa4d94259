"""The operations that a provider has, as its own list and as Azure RBAC's metadata tell them.

Told are the operations that the sandbox answers, and those that its built-in roles name without a wildcard.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from mi_tui.sandbox import rbac
from mi_tui.sandbox.arm.paths import resource_of
from mi_tui.sandbox.arm.providers import NAMESPACES
from mi_tui.sandbox.arm.router import Call, page, reply, route, routes
from mi_tui.sandbox.errors import ArmError

_METADATA = "/providers/Microsoft.Authorization/providerOperations"
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LINKED = ("Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",)
"""Rights without an operation of their own: they are asked for when something else is done."""

_BARE = frozenset({"Microsoft.ManagedIdentity", "Microsoft.Resources"})
"""Providers whose lists tell names and displays only (their OpenAPI files)."""

_ASKS = {"read": "Get", "write": "Create or update", "delete": "Delete", "action": "Run"}


@functools.cache
def _operations(namespace: str) -> tuple[tuple[str, bool], ...]:
    """Names of a namespace's operations, in alphabetical order, and whether each is one on data."""
    prefix = namespace.lower() + "/"
    found: dict[tuple[str, bool], str] = {}
    names = [(name, False) for name in _LINKED]
    names += [(action, False) for one in routes() for action in (one.action or _of(one.method, one.template),)]
    for role in rbac.role_definitions().values():
        for entry in role.permissions:
            names += [(name, False) for name in entry.actions + entry.not_actions]
            names += [(name, True) for name in entry.data_actions + entry.not_data_actions]
    for name, data in names:
        if name.lower().startswith(prefix) and "*" not in name and "{" not in name:
            found.setdefault((name.lower(), data), namespace + name[len(namespace) :])
    return tuple((name, data) for (_, data), name in sorted(found.items()))


def _of(method: str, template: str) -> str:
    return resource_of(method, template)[1]


def _display(name: str) -> dict[str, str]:
    namespace, *kinds, verb = name.split("/")
    if verb.lower() == "action":
        *kinds, asked = kinds or [""]
        words = _words(asked)
    else:
        words = _ASKS.get(verb.lower(), verb)
    resource = " ".join(_words(kind) for kind in kinds[-1:]) or _words(namespace.partition(".")[2])
    return {
        "provider": namespace.replace(".", " ", 1),
        "resource": resource,
        "operation": f"{words} {resource}",
        "description": f"{words} {resource} of {namespace}",
    }


def _words(name: str) -> str:
    text = _WORDS.sub(" ", name)
    return text[:1].upper() + text[1:]


def _list(namespace: str) -> Callable[[Call], Response]:
    def handler(call: Call) -> Response:
        return page([_told(namespace, name, data) for name, data in _operations(namespace)])

    handler.__doc__ = f"What can be done in {namespace}; anyone in the tenant may ask."
    return handler


def _told(namespace: str, name: str, data: bool) -> dict[str, Any]:
    """One operation with the members that the provider's file has."""
    told: dict[str, Any] = {"name": name, "display": _display(name)}
    if namespace == "Microsoft.Storage":
        return {**told, "origin": "user,system"}
    return told if namespace in _BARE else {**told, "isDataAction": data, "origin": "user,system"}


for _namespace in NAMESPACES:
    route("GET", f"/providers/{_namespace}/operations")(_list(_namespace))


@route("GET", _METADATA)
def list_metadata(call: Call) -> Response:
    """The operations of every provider; those of its types with `$expand=resourceTypes` ("Provider Operations Metadata - List")."""
    return page([_metadata(call, namespace) for namespace in NAMESPACES])


@route("GET", _METADATA + "/{namespace}")
def get_metadata(call: Call) -> Response:
    """The operations of one provider."""
    sent = call.ids["namespace"]
    namespace = next((name for name in NAMESPACES if name.lower() == sent.lower()), None)
    if namespace is None:
        raise ArmError(404, "ProviderNotFound", f"Provider with name '{sent}' not found.")
    return reply(200, _metadata(call, namespace))


def _metadata(call: Call, namespace: str) -> dict[str, Any]:
    expand = call.query.get("$expand", "resourceTypes").lower() == "resourcetypes"
    kinds: dict[str, list[dict[str, Any]]] = {}
    for name, data in _operations(namespace):
        display = _display(name)
        parts = name.split("/")[1:]
        kind = "/".join(parts[: -2 if parts[-1].lower() == "action" else -1])
        kinds.setdefault(kind, []).append(
            {
                "name": name,
                "displayName": display["operation"],
                "description": display["description"],
                "origin": "user,system",
                "isDataAction": data,
            }
        )
    own = kinds.pop("", [])
    types = [{"name": kind, "displayName": _words(kind), "operations": listed} for kind, listed in kinds.items()]
    return {
        "id": f"{_METADATA}/{namespace}",
        "name": namespace,
        "type": "Microsoft.Authorization/providerOperations",
        "displayName": namespace.replace(".", " ", 1),
        "resourceTypes": types if expand else [],
        "operations": own,
    }
