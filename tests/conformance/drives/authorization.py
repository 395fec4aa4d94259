"""Role definitions, role assignments and permissions, in every api-version that a client of the journey sends."""

from __future__ import annotations

import uuid

from mi_tui.sandbox import furnish
from tests.conformance.drives.http import Caller
from tests.conformance.tapped import Tapped

READER, OWNER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"


def drive(sandbox: Tapped) -> None:
    """Every operation at a storage account, then every refusal."""
    caller = Caller(sandbox)
    account = f"{caller.group}/providers/Microsoft.Storage/storageAccounts/{furnish.DATA_ACCOUNT}"
    authorization = f"{account}/providers/Microsoft.Authorization"
    definition = f"{caller.subscription}/providers/Microsoft.Authorization/roleDefinitions/{READER}"
    for version in ("2018-01-01-preview", "2022-04-01", "2022-05-01-preview"):
        caller.arm("GET", f"{authorization}/roleDefinitions?$filter=roleName eq 'Storage Blob Data Reader'", version)
        caller.arm("GET", f"{authorization}/roleDefinitions/{READER}", version)
        caller.arm("GET", f"/providers/Microsoft.Authorization/roleDefinitions/{READER}", version)
        caller.arm("GET", f"{authorization}/roleDefinitions/{uuid.uuid4()}", version)
    for version in ("2015-07-01", "2022-04-01"):
        caller.arm("GET", f"{caller.group}/providers/Microsoft.Authorization/permissions", version)
    caller.arm("GET", f"{authorization}/permissions", "2022-04-01")
    caller.arm("GET", f"{authorization}/denyAssignments", "2022-04-01")
    # Clients ask for definitions in 2018-01-01-preview, for assignments never.
    for version in ("2020-10-01-preview", "2022-04-01"):
        _assignment(caller, authorization, definition, version)
    _custom_role(caller)
    _refusals(caller, authorization, definition)


def _custom_role(caller: Caller) -> None:
    """Made, changed, listed, and deleted; a built-in one cannot be changed."""
    definitions = f"{caller.group}/providers/Microsoft.Authorization/roleDefinitions"
    one = f"{definitions}/{uuid.uuid4()}"
    wanted = {
        "roleName": "Blob looker",
        "description": "Looks at blobs.",
        "type": "CustomRole",
        "permissions": [
            {"actions": ["Microsoft.Storage/*/read"], "notActions": [], "dataActions": [], "notDataActions": []}
        ],
        "assignableScopes": [caller.group],
    }
    for version in ("2018-01-01-preview", "2022-04-01"):
        caller.arm("PUT", one, version, {"properties": wanted})
        caller.arm("GET", one, version)
        caller.arm("GET", f"{definitions}?$filter=type eq 'CustomRole'", version)
        caller.arm("PUT", f"{definitions}/{READER}", version, {"properties": wanted})
        caller.arm("DELETE", one, version)
        caller.arm("DELETE", one, version)


def _assignment(caller: Caller, authorization: str, definition: str, version: str) -> None:
    one = f"{authorization}/roleAssignments/{uuid.uuid4()}"
    wanted = {"roleDefinitionId": definition, "principalId": furnish.USER_ID, "principalType": "User"}
    caller.arm("PUT", one, version, {"properties": wanted})
    caller.arm("PUT", one, version, {"properties": {**wanted, "description": "again"}})
    caller.arm("GET", one, version)
    for condition in ("", "?$filter=atScope()", f"?$filter=principalId eq '{furnish.USER_ID}'"):
        caller.arm("GET", f"{authorization}/roleAssignments{condition}", version)
    caller.arm(
        "GET",
        f"{caller.subscription}/providers/Microsoft.Authorization/roleAssignments?$filter=assignedTo('{furnish.USER_ID}')",
        version,
    )
    caller.arm("PUT", f"{authorization}/roleAssignments/{uuid.uuid4()}", version, {"properties": wanted})
    caller.arm("PUT", one, version, {"properties": {**wanted, "roleDefinitionId": definition.replace(READER, OWNER)}})
    caller.arm("DELETE", one, version)
    caller.arm("DELETE", one, version)
    caller.arm("GET", one, version)


def _refusals(caller: Caller, authorization: str, definition: str) -> None:
    wanted = {"roleDefinitionId": definition, "principalId": furnish.USER_ID}
    one = f"{authorization}/roleAssignments/{uuid.uuid4()}"
    for wrong in (
        {"principalId": str(uuid.uuid4())},
        {"principalType": "ServicePrincipal"},
        {"principalId": "nobody"},
        {"principalType": "Robot"},
        {"roleDefinitionId": definition.replace(READER, str(uuid.uuid4()))},
        {"roleDefinitionId": "nonsense"},
        {"condition": "@Resource[a] StringEquals 'b'", "conditionVersion": "2.0"},
    ):
        caller.arm("PUT", one, "2022-04-01", {"properties": {**wanted, **wrong}})
    caller.arm("PUT", f"{authorization}/roleAssignments/nonsense", "2022-04-01", {"properties": wanted})
    prod = f"/subscriptions/{furnish.PROD}/resourceGroups/{furnish.PROD_GROUP}/providers/Microsoft.Authorization"
    caller.arm("PUT", f"{prod}/roleAssignments/{uuid.uuid4()}", "2022-04-01", {"properties": wanted})
    nowhere = authorization.replace(furnish.DATA_ACCOUNT, "nosuchaccount")
    caller.arm("PUT", f"{nowhere}/roleAssignments/{uuid.uuid4()}", "2022-04-01", {"properties": wanted})
    caller.arm("GET", f"{nowhere}/roleAssignments", "2022-04-01")
