"""Subscriptions, tenants, locations, and the resources that the sandbox only shows."""

from __future__ import annotations

from starlette.responses import Response

from mi_tui.sandbox import rbac
from mi_tui.sandbox.arm.locations import LOCATIONS, location_name
from mi_tui.sandbox.arm.paging import ARM_LIST, page_of
from mi_tui.sandbox.arm.router import Call, page, reply, route
from mi_tui.sandbox.errors import bad_request, resource_not_found
from mi_tui.sandbox.store import Resource

_GROUP = "/subscriptions/{s}/resourceGroups/{g}"


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
    return reply(200, subscription_of(call).body)


@route("GET", "/subscriptions/{s}/locations")
def list_locations(call: Call) -> Response:
    """The regions of a subscription."""
    call.require_reach("Microsoft.Resources/subscriptions/locations/read", subscription_of(call).id)
    return page(
        [
            {
                "id": f"{subscription_of(call).id}/locations/{name}",
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


def _subscriptions(call: Call) -> list[Resource]:
    return call.world.store.resources("Microsoft.Resources/subscriptions")


def subscription_of(call: Call) -> Resource:
    """The subscription of the path."""
    found = call.world.store.resource(f"/subscriptions/{call.ids['s']}")
    assert found is not None  # the router has looked
    return found


def show(type_: str) -> None:
    """Register GET and both lists for a type of which the sandbox keeps the control plane only."""
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
        return reply(200, page_of(call, ARM_LIST, lambda after: call.listing(type_, action, after)))
