"""Resource providers: what they offer, and their registration with a subscription, which takes a while as in Azure."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from mi_tui.sandbox.arm import filters, versions
from mi_tui.sandbox.arm.locations import LOCATIONS
from mi_tui.sandbox.arm.router import Call, page, reply, route, routes
from mi_tui.sandbox.arm.subscriptions import subscription_of
from mi_tui.sandbox.errors import ArmError
from mi_tui.sandbox.providers import ALWAYS_REGISTERED, register, registration, unregister
from mi_tui.sandbox.store import Resource

NAMESPACES = (
    "Microsoft.Authorization",
    "Microsoft.Cdn",
    "Microsoft.Compute",
    "Microsoft.ContainerInstance",
    "Microsoft.ContainerRegistry",
    "Microsoft.Insights",
    "Microsoft.KeyVault",
    "Microsoft.MachineLearningServices",
    "Microsoft.ManagedIdentity",
    "Microsoft.Network",
    "Microsoft.OperationalInsights",
    "Microsoft.PolicyInsights",
    "Microsoft.Resources",
    "Microsoft.Storage",
)
"""The providers that the sandbox knows. Those without a type here can be registered, as tutorials do before a first endpoint."""

_READ = "Microsoft.Resources/subscriptions/providers/read"
_OWN_TYPES = ("operations", "providers", "resourceGroups", "resources", "subscriptions", "tenants")


@route("GET", "/subscriptions/{s}/providers")
def list_providers(call: Call) -> Response:
    """The resource providers with their registration; `$top` cuts the list short."""
    subscription = subscription_of(call)
    call.require_reach(_READ, subscription.id)
    top = filters.number(call, "$top")
    return page([_provider(call, subscription, namespace) for namespace in NAMESPACES[:top]])


@route("GET", "/subscriptions/{s}/providers/{namespace}")
def get_provider(call: Call) -> Response:
    """One resource provider."""
    subscription = subscription_of(call)
    call.require_reach(_READ, subscription.id)
    return reply(200, _provider(call, subscription, _namespace(call)))


@route("GET", "/providers")
def list_for_tenant(call: Call) -> Response:
    """The providers without any registration, as anyone in the tenant may see them."""
    return page([_provider(call, None, namespace) for namespace in NAMESPACES[: filters.number(call, "$top")]])


@route("GET", "/providers/{namespace}")
def get_for_tenant(call: Call) -> Response:
    """One of them."""
    return reply(200, _provider(call, None, _namespace(call)))


@route("GET", "/subscriptions/{s}/providers/{namespace}/resourceTypes")
def list_types(call: Call) -> Response:
    """What a provider offers."""
    call.require_reach(_READ, subscription_of(call).id)
    return page(_types(_namespace(call)))


@route("POST", "/subscriptions/{s}/providers/{namespace}/register")
def register_provider(call: Call) -> Response:
    """Register a provider; needs its `register/action` on the subscription, which a role on a group does not give."""
    namespace, subscription = _namespace(call), subscription_of(call)
    call.require(f"{namespace}/register/action", subscription.id)
    register(call.world, subscription, namespace)
    return reply(200, _provider(call, subscription, namespace))


@route("POST", "/subscriptions/{s}/providers/{namespace}/unregister")
def unregister_provider(call: Call) -> Response:
    """Unregister a provider; Azure refuses while the subscription has resources of it (the sentence is a guess)."""
    namespace, subscription = _namespace(call), subscription_of(call)
    call.require(f"{namespace}/unregister/action", subscription.id)
    if namespace.lower() in ALWAYS_REGISTERED or any(
        found.type.lower().startswith(namespace.lower() + "/")
        for found in call.world.store.each_resource(under=subscription.id)
    ):
        raise ArmError(
            409,
            "CannotUnregisterProvider",
            f"The resource provider '{namespace}' cannot be unregistered because the subscription has resources of it.",
        )
    unregister(call.world, subscription, namespace)
    return reply(200, _provider(call, subscription, namespace))


def _namespace(call: Call) -> str:
    sent = call.ids["namespace"].lower()
    for namespace in NAMESPACES:
        if namespace.lower() == sent:
            return namespace
    raise ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{call.ids['namespace']}' is invalid.")


def _types(namespace: str) -> list[dict[str, Any]]:
    """The types of a namespace: those that have an operation here."""
    found = {route.type for route in routes() if route.namespace.lower() == namespace.lower() and route.type}
    if namespace == "Microsoft.Resources":
        found.update(_OWN_TYPES)
    regions = [display for display, _ in LOCATIONS.values()]
    return [
        {
            "resourceType": kind,
            "locations": regions if _is_regional(kind) else [],
            "apiVersions": versions.newest_first(namespace),
            "capabilities": "SupportsTags, SupportsLocation" if "/" not in kind and _is_regional(kind) else "None",
        }
        for kind in sorted(found, key=str.lower)
    ]


def _is_regional(kind: str) -> bool:
    return kind.lower() not in {*map(str.lower, _OWN_TYPES), "roleassignments", "roledefinitions", "permissions"}


def _provider(call: Call, subscription: Resource | None, namespace: str) -> dict[str, Any]:
    shown: dict[str, Any] = {"namespace": namespace, "resourceTypes": _types(namespace)}
    if subscription is None:
        return {"id": f"/providers/{namespace}", **shown}
    free = namespace.lower() in ALWAYS_REGISTERED
    return {
        "id": f"{subscription.id}/providers/{namespace}",
        **shown,
        "registrationState": registration(call.world, subscription, namespace),
        "registrationPolicy": "RegistrationFree" if free else "RegistrationRequired",
    }
