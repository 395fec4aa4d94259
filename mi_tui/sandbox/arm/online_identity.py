"""The identity of an online endpoint: made or attached when the endpoint is made, and fixed from then on."""

from __future__ import annotations

import time
import uuid
from typing import Any

from mi_tui.sandbox import rbac
from mi_tui.sandbox.arm import identity
from mi_tui.sandbox.arm.online_operations import invalid
from mi_tui.sandbox.arm.router import Call
from mi_tui.sandbox.errors import GATEWAY, ArmError
from mi_tui.sandbox.store import Principal, Resource

ASSIGN = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"
WRITE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/write"


def attach(call: Call, workspace: Resource, endpoint_id: str, name: str) -> dict[str, Any]:
    """The identity of a new endpoint as GET answers it. A system-assigned one is made: it has its principal at once, which
    role assignments without a principal type see only after directory replication.

    ArmError for a kind that endpoints do not have, and for user-assigned identities that do not exist or may not be assigned.
    """
    wanted = call.body.get("identity") or {"type": "SystemAssigned"}
    kind = _kind(wanted)
    if kind == "SystemAssigned":
        principal = Principal(
            str(uuid.uuid4()), "ServicePrincipal", f"{workspace.name}/onlineEndpoints/{name}", str(uuid.uuid4()), None, endpoint_id,
            time.time() + call.world.profile.directory_replication,
        )  # fmt: skip
        call.world.store.put_principal(principal)
        return {"type": kind, "principalId": principal.object_id, "tenantId": call.world.issuer.tenant}
    if kind != "UserAssigned":
        raise ArmError(
            400, "CannotSetResourceIdentity",
            f"Resource type 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints' does not support creation of '{kind}' "
            "resource identity. The supported types are 'SystemAssigned,UserAssigned', one at a time.",
        )  # fmt: skip
    attached = wanted.get("userAssignedIdentities") or {}
    if not attached:
        raise ArmError(
            400, "InvalidUserAssignedIdentities",
            "The user assigned identities property keys should only be non-null and non-empty, and must hold at least one identity.",
        )  # fmt: skip
    return {"type": kind, "userAssignedIdentities": {key: user_assigned(call, endpoint_id, key) for key in attached}}


def refuse_change(call: Call, location: str, endpoint: Resource) -> None:
    """ArmError when a request names another identity than the endpoint has."""
    wanted = call.body.get("identity")
    if not wanted:
        return
    has = endpoint.body["identity"]
    same = _kind(wanted) == has["type"] and {key.lower() for key in wanted.get("userAssignedIdentities") or {}} == {
        key.lower() for key in has.get("userAssignedIdentities") or {}
    }
    if not same:
        raise invalid(
            location,
            "The identity of an endpoint cannot be changed after the endpoint was created. "
            "To use another identity, delete the endpoint and create it again.",
            "Identity",
        )


def _kind(wanted: dict[str, Any]) -> str:
    text = (wanted.get("type") or "None").replace(" ", "")
    return {"systemassigned": "SystemAssigned", "userassigned": "UserAssigned"}.get(text.lower(), text)


def user_assigned(call: Call, resource_id: str, identity_id: str, write: str = WRITE) -> dict[str, Any]:
    """A user-assigned identity as it stands in the body of a resource that has it. `write` is the action that attaches it.

    ArmError when the caller may not assign the identity, and when there is none with this id.
    """
    decision = rbac.decide(call.world.store, call.caller.object_id, ASSIGN, identity_id)
    call.request.state.decision = decision.reason
    if not decision.allowed:
        who = call.caller.name if call.caller.kind == "User" else call.caller.client_id
        raise ArmError(
            403, "LinkedAuthorizationFailed",
            f"The client '{who}' with object id '{call.caller.object_id}' has permission to perform action '{write}' on scope "
            f"'{resource_id}'; however, it does not have permission to perform action '{ASSIGN}' on the linked scope(s) "
            f"'{identity_id}' or the linked scope(s) are invalid.",
            headers=dict(GATEWAY),
        )  # fmt: skip
    resource = call.world.store.resource(identity_id)
    principal = call.world.store.principal_of(identity_id)
    # An endpoint and a workspace have principals too, and theirs must not be lent to another endpoint.
    if resource is None or resource.type != identity.TYPE or principal is None:
        inner = f'{{"error":{{"code":"BadRequest","message":"Resource \'{identity_id}\' was not found."}}}}'
        raise ArmError(
            400, "FailedIdentityOperation",
            f"Identity operation for resource '{resource_id}' failed with error 'Failed to perform resource identity operation. "
            f"Status: 'BadRequest'. Response: '{inner}'.'.",
        )  # fmt: skip
    return {"principalId": principal.object_id, "clientId": principal.client_id}
