"""Subscriptions, tenants, locations, resource groups, providers, and the resources that the sandbox only shows."""

from __future__ import annotations

import re
import time
from typing import Any

from starlette.responses import Response

from mi_tui.sandbox import rbac
from mi_tui.sandbox.arm.router import Call, page, reply, route
from mi_tui.sandbox.errors import ArmError, bad_request, group_not_found, resource_not_found
from mi_tui.sandbox.store import Resource

_READ_GROUP = "Microsoft.Resources/subscriptions/resourceGroups/read"
_GROUP_TYPE = "Microsoft.Resources/resourceGroups"
_GROUP = "/subscriptions/{s}/resourceGroups/{g}"

LOCATIONS = {
    "australiaeast": ("Australia East", "Australia"),
    "eastus": ("East US", "United States"),
    "eastus2": ("East US 2", "United States"),
    "francecentral": ("France Central", "France"),
    "germanywestcentral": ("Germany West Central", "Germany"),
    "northeurope": ("North Europe", "Europe"),
    "southeastasia": ("Southeast Asia", "Asia Pacific"),
    "swedencentral": ("Sweden Central", "Sweden"),
    "uksouth": ("UK South", "United Kingdom"),
    "westeurope": ("West Europe", "Europe"),
    "westus2": ("West US 2", "United States"),
    "westus3": ("West US 3", "United States"),
}
"""The regions that the sandbox offers: name -> (display name, geography)."""

_PROVIDERS = {
    "Microsoft.Authorization": {"roleAssignments": ["2022-04-01"], "roleDefinitions": ["2022-04-01"]},
    "Microsoft.ContainerRegistry": {"registries": ["2023-07-01"]},
    "Microsoft.Insights": {"components": ["2020-02-02"]},
    "Microsoft.KeyVault": {"vaults": ["2023-07-01"]},
    "Microsoft.MachineLearningServices": {
        "workspaces": ["2024-10-01"],
        "workspaces/onlineEndpoints": ["2024-10-01"],
        "workspaces/onlineEndpoints/deployments": ["2024-10-01"],
    },
    "Microsoft.ManagedIdentity": {"userAssignedIdentities": ["2024-11-30", "2023-01-31"]},
    "Microsoft.Resources": {"subscriptions": ["2022-12-01"], "resourceGroups": ["2022-09-01"]},
    "Microsoft.Storage": {"storageAccounts": ["2025-08-01", "2023-05-01"]},
}
_ALWAYS_REGISTERED = frozenset({"microsoft.authorization", "microsoft.resources"})


def location_name(sent: object) -> str:
    """A location as Azure keeps it: `West Europe` becomes `westeurope`."""
    return str(sent or "").replace(" ", "").lower()


def location_of(call: Call, what: str) -> str:
    """The location in a body; 400 when there is none, or none that `what` (such as `resource type 'A/b'`) is offered in."""
    location = location_name(call.body.get("location"))
    if not location:
        raise bad_request("The location property is required for this definition.", "LocationRequired")
    if location not in LOCATIONS:
        raise bad_request(
            f"The provided location '{location}' is not available for {what}. List of available regions "
            f"{'for the resource type ' if 'type' in what else ''}is '{','.join(sorted(LOCATIONS))}'.",
            f"LocationNotAvailableFor{'ResourceType' if 'type' in what else 'ResourceGroup'}",
        )
    return location


@route("GET", "/subscriptions")
def list_subscriptions(call: Call) -> Response:
    """Subscriptions in which the caller has any role anywhere, as ARM shows them."""
    found = [s for s in _subscriptions(call) if rbac.reaches_into(call.world.store, call.caller.object_id, s.id)]
    return reply(200, {"value": [s.body for s in found], "count": {"type": "Total", "value": len(found)}})


@route("GET", "/subscriptions/{s}")
def get_subscription(call: Call) -> Response:
    """One subscription."""
    call.require_reach("Microsoft.Resources/subscriptions/read")
    return reply(200, _subscription(call).body)


@route("GET", "/subscriptions/{s}/locations")
def list_locations(call: Call) -> Response:
    """The regions of a subscription."""
    call.require_reach("Microsoft.Resources/subscriptions/locations/read", _subscription(call).id)
    return page(
        [
            {
                "id": f"{_subscription(call).id}/locations/{name}",
                "name": name,
                "type": "Region",
                "displayName": display,
                "regionalDisplayName": f"({geography}) {display}",
                "metadata": {
                    "regionType": "Physical",
                    "regionCategory": "Recommended",
                    "geography": geography,
                    "geographyGroup": geography,
                },
            }
            for name, (display, geography) in LOCATIONS.items()
        ]
    )


@route("GET", "/tenants")
def list_tenants(call: Call) -> Response:
    """The one tenant of the sandbox."""
    tenant = call.world.issuer.tenant
    return page(
        [
            {
                "id": f"/tenants/{tenant}",
                "tenantId": tenant,
                "tenantCategory": "Home",
                "displayName": "Contoso",
                "defaultDomain": "contoso.example",
                "domains": ["contoso.example"],
            }
        ]
    )


@route("GET", "/subscriptions/{s}/resourceGroups")
def list_groups(call: Call) -> Response:
    """Resource groups that the caller may read."""
    return page([group.body for group in call.listing(_GROUP_TYPE, _READ_GROUP)])


@route("GET", _GROUP, _READ_GROUP)
def get_group(call: Call) -> Response:
    """One resource group."""
    return reply(200, _group(call).body)


@route("HEAD", _GROUP, _READ_GROUP)
def head_group(call: Call) -> Response:
    """204 when the group exists, else 404."""
    _group(call)
    return reply(204)


@route("PUT", _GROUP, "Microsoft.Resources/subscriptions/resourceGroups/write")
def put_group(call: Call) -> Response:
    """Make a resource group (201) or replace its tags (200)."""
    location = location_of(call, "resource group")
    existing = call.world.store.resource(call.group)
    if existing is None and re.fullmatch(r"[\w.()-]{0,89}[\w()-]", call.ids["g"], re.ASCII) is None:
        raise bad_request(
            f"The provided resource group name '{call.ids['g'][:100]}' has these invalid characters or is too long. The name can only "
            "be a letter, digit, '-', '.', '(', ')' or '_', at most 90 of them, and must not end with a period.",
            "InvalidResourceGroup",
        )
    if existing is None:
        body = {"id": call.group, "name": call.ids["g"], "type": _GROUP_TYPE, "location": location}
        existing = Resource(call.group, _GROUP_TYPE, call.ids["g"], body)
        status = 201
    elif existing.body["location"] != location:
        raise ArmError(
            409,
            "InvalidResourceGroupLocation",
            f"Invalid resource group location '{location}'. The Resource group already exists in location "
            f"'{existing.body['location']}'.",
        )
    else:
        status = 200
    if call.body.get("tags") is not None:
        existing.body["tags"] = call.body["tags"]
    existing.body["properties"] = {"provisioningState": "Succeeded"}
    call.world.store.put(existing)
    return reply(status, existing.body)


@route("GET", "/subscriptions/{s}/resources")
@route("GET", _GROUP + "/resources")
def list_resources(call: Call) -> Response:
    """Resources with a location that the caller may read; `resourceType eq` and `name eq` filter."""
    where = _subscription(call).id if "g" not in call.ids else call.group
    call.require_reach("Microsoft.Resources/subscriptions/resources/read", where)
    wanted = {
        key.lower(): value.lower()
        for key, value in re.findall(r"(\w+)\s+eq\s+'([^']*)'", call.query.get("$filter", ""))
    }
    values = []
    for found in call.world.store.resources(under=where):
        if "location" not in found.body or found.type == _GROUP_TYPE:
            continue
        if (
            wanted.get("resourcetype", found.type.lower()) != found.type.lower()
            or wanted.get("name", found.name.lower()) != found.name.lower()
        ):
            continue
        if call.allows(f"{found.type}/read", found.id):
            members = ("id", "name", "type", "sku", "kind", "location", "identity", "tags")
            values.append({key: found.body[key] for key in members if key in found.body})
    return page(values)


@route("GET", "/subscriptions/{s}/providers")
def list_providers(call: Call) -> Response:
    """The resource providers with their registration."""
    call.require_reach("Microsoft.Resources/subscriptions/providers/read", _subscription(call).id)
    return page([_provider(call, namespace) for namespace in _PROVIDERS])


@route("GET", "/subscriptions/{s}/providers/{namespace}")
def get_provider(call: Call) -> Response:
    """One resource provider."""
    call.require_reach("Microsoft.Resources/subscriptions/providers/read", _subscription(call).id)
    return reply(200, _provider(call, _namespace(call)))


@route("POST", "/subscriptions/{s}/providers/{namespace}/register")
def register_provider(call: Call) -> Response:
    """Register a provider; needs its `register/action` on the subscription, which a role on a group does not give."""
    namespace = _namespace(call)
    subscription = _subscription(call)
    call.require(f"{namespace}/register/action", subscription.id)
    if _state(call, subscription, namespace) == "NotRegistered":
        subscription.private.setdefault("registering", {})[namespace.lower()] = time.time()
        call.world.store.put(subscription)
    return reply(200, _provider(call, namespace))


def _subscriptions(call: Call) -> list[Resource]:
    return call.world.store.resources("Microsoft.Resources/subscriptions")


def _subscription(call: Call) -> Resource:
    found = call.world.store.resource(f"/subscriptions/{call.ids['s']}")
    assert found is not None  # the router has looked
    return found


def _group(call: Call) -> Resource:
    found = call.world.store.resource(call.group)
    if found is None:
        raise group_not_found(call.ids["g"])
    return found


def _namespace(call: Call) -> str:
    sent = call.ids["namespace"].lower()
    for namespace in _PROVIDERS:
        if namespace.lower() == sent:
            return namespace
    raise ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{call.ids['namespace']}' is invalid.")


def _state(call: Call, subscription: Resource, namespace: str) -> str:
    if namespace.lower() in _ALWAYS_REGISTERED or namespace.lower() not in subscription.private.get("unregistered", []):
        return "Registered"
    since = subscription.private.get("registering", {}).get(namespace.lower())
    if since is None:
        return "NotRegistered"
    return "Registered" if time.time() >= since + call.world.profile.storage_account else "Registering"


def _provider(call: Call, namespace: str) -> dict[str, Any]:
    subscription = _subscription(call)
    regions = [display for display, _ in LOCATIONS.values()]
    return {
        "id": f"{subscription.id}/providers/{namespace}",
        "namespace": namespace,
        "resourceTypes": [
            {"resourceType": kind, "locations": regions, "apiVersions": versions, "capabilities": "None"}
            for kind, versions in _PROVIDERS[namespace].items()
        ],
        "registrationState": _state(call, subscription, namespace),
        "registrationPolicy": "RegistrationFree" if namespace.lower() in _ALWAYS_REGISTERED else "RegistrationRequired",
    }


def _show(type_: str) -> None:
    """Register GET and both lists for a type that the sandbox shows and never changes."""
    action, collection = f"{type_}/read", f"/providers/{type_}"

    @route("GET", _GROUP + collection + "/{name}", action)
    def get(call: Call) -> Response:
        found = call.world.store.resource(call.path)
        if found is None:
            raise resource_not_found(call.path)
        return reply(200, found.body)

    @route("GET", _GROUP + collection)
    @route("GET", "/subscriptions/{s}" + collection)
    def list_all(call: Call) -> Response:
        return page([found.body for found in call.listing(type_, action)])


for _type in ("Microsoft.ContainerRegistry/registries", "Microsoft.KeyVault/vaults", "Microsoft.Insights/components"):
    _show(_type)
