"""Federated credentials of user-assigned identities: kept and listed. The sandbox's Entra exchanges no foreign token for one of its own.

Rules: "Important considerations and restrictions for federated identity credentials" (Microsoft Learn, 2026-07).
"""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import Response

from mi_tui.sandbox.arm.identity import TYPE
from mi_tui.sandbox.arm.paging import Paging, page_of
from mi_tui.sandbox.arm.router import Call, reply, route
from mi_tui.sandbox.arm.shapes import Shape
from mi_tui.sandbox.errors import ArmError, bad_request, resource_not_found
from mi_tui.sandbox.store import Resource

_KIND = f"{TYPE}/federatedIdentityCredentials"
_ALL = f"/subscriptions/{{s}}/resourceGroups/{{g}}/providers/{TYPE}/{{name}}/federatedIdentityCredentials"
_ONE = _ALL + "/{credential}"
_LIST = Paging(20, top=True)
"""An identity has at most 20."""

MOST = 20
"""Credentials of one identity."""

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,119}", re.ASCII)
_MEMBERS = ("issuer", "subject", "audiences")
_BODY: Shape = {"properties": {"issuer": str, "subject": str, "audiences": list}}


@route("PUT", _ONE, f"{_KIND}/write", _BODY)
def put_credential(call: Call) -> Response:
    """Make a credential (201) or replace one (200)."""
    identity, name = _identity(call), call.ids["credential"]
    if _NAME.fullmatch(name) is None:
        message = f"The resource name '{name}' is invalid: 3 to 120 letters, digits, hyphens and underscores, a letter or digit first."
        raise bad_request(message, "InvalidResourceName")
    sent = call.body.get("properties") or {}
    missing = next((member for member in _MEMBERS if not sent.get(member)), None)
    if missing is not None:
        raise bad_request(f"The request body must have properties.{missing}.", "BadRequest")
    identifier = f"{identity.id}/federatedIdentityCredentials/{name}"
    existing = call.world.store.resource(identifier)
    others = [
        one for one in call.world.store.resources(_KIND, identity.id) if existing is None or one.id != existing.id
    ]
    if existing is None and len(others) >= MOST:
        raise bad_request(
            f"Too many Federated Identity Credentials have been configured: {MOST} at most.", "BadRequest"
        )
    for other in others:
        if all(other.body["properties"][member] == sent[member] for member in ("issuer", "subject")):
            message = "Issuer and subject combination already exists for this Managed Identity."
            raise ArmError(409, "Conflict", message)
    body: dict[str, Any] = {
        "id": identifier,
        "name": name,
        "type": _KIND,
        "properties": {member: sent[member] for member in _MEMBERS},
    }
    call.world.store.put(Resource(identifier, _KIND, name, body))
    return reply(201 if existing is None else 200, body)


@route("GET", _ALL, f"{_KIND}/read")
def list_credentials(call: Call) -> Response:
    """The credentials of an identity."""
    identity = _identity(call)
    return reply(
        200, page_of(call, _LIST, lambda after: call.world.store.each_resource(_KIND, identity.id, after=after))
    )


@route("GET", _ONE, f"{_KIND}/read")
def get_credential(call: Call) -> Response:
    """One credential."""
    found = call.world.store.resource(f"{_identity(call).id}/federatedIdentityCredentials/{call.ids['credential']}")
    if found is None:
        raise resource_not_found(call.path)
    return reply(200, found.body)


@route("DELETE", _ONE, f"{_KIND}/delete")
def delete_credential(call: Call) -> Response:
    """Delete a credential; 204 when there is none."""
    identifier = f"{_identity(call).id}/federatedIdentityCredentials/{call.ids['credential']}"
    if not call.world.store.has(identifier):
        return reply(204)
    call.world.store.remove(identifier)
    return reply(200)


@route("GET", "/{+scope}/providers/Microsoft.ManagedIdentity/identities/default")
def get_system_assigned(call: Call) -> Response:
    """The system-assigned identity of a resource, as "System Assigned Identities - Get By Scope" tells it."""
    scope = "/" + call.ids["scope"].strip("/")
    call.require("Microsoft.ManagedIdentity/identities/read", scope)
    found = call.world.store.resource(scope)
    identity = {} if found is None else found.body.get("identity") or {}
    principal = None if found is None else call.world.store.principal_of(found.id)
    if found is None or principal is None or "SystemAssigned" not in str(identity.get("type")):
        raise resource_not_found(scope)
    return reply(
        200,
        {
            "id": f"{found.id}/providers/Microsoft.ManagedIdentity/identities/default",
            "name": "default",
            "type": "Microsoft.ManagedIdentity/identities",
            "location": found.body.get("location", ""),
            "properties": {
                "tenantId": call.world.issuer.tenant,
                "principalId": principal.object_id,
                "clientId": principal.client_id,
            },
        },
    )


def _identity(call: Call) -> Resource:
    identifier = f"{call.group}/providers/{TYPE}/{call.ids['name']}"
    found = call.world.store.resource(identifier)
    if found is None:
        raise resource_not_found(identifier)
    return found
