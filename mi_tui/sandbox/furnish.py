"""What a new world holds: the tenant Contoso with its people, workspaces and storage; and the world told as a tree.

Ids are fixed, so that every sandbox looks alike and a test can name things; every secret is random.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from typing import Any

from mi_tui.model import names
from mi_tui.sandbox import containers, grants
from mi_tui.sandbox.accounts import account_body, new_keys
from mi_tui.sandbox.blob.rows import put_bytes
from mi_tui.sandbox.rbac import role_of
from mi_tui.sandbox.store import Principal, Resource
from mi_tui.sandbox.workspace_body import blob_container, default_datastore, workspace_body
from mi_tui.sandbox.world import REGION, TENANT, World

TENANT_NAME = "Contoso"
TENANT_DOMAIN = "contoso.example"
DEV = "3f0c6a52-8d1e-4b7a-9c35-62e1d0a4b871"
PROD = "c7d9e1f4-2b60-4e8d-a3f7-915b08d26ce3"
GROUP = "rg-ml-dev"
PROD_GROUP = "rg-ml-prod"
USER = "you@contoso.example"
USER_ID = "b2f4d8a6-71c3-4e59-8f0a-3d6c9e15b274"
SERVICE_PRINCIPAL = "sp-mi-tui"
SERVICE_PRINCIPAL_ID = "e81a5f3c-4d27-4690-b1e8-07c2f6a9d35b"
CLIENT_ID = "9d4b7e20-c1f8-4a63-95de-6b3a08f2c741"
ADMIN_ID = "17c0e9b5-6a42-4f8d-9e31-d5b87f20c46a"
"""Who furnished the world; nobody can sign in as this user."""

APPLICATION_PERMISSIONS = {SERVICE_PRINCIPAL_ID: ("Directory.Read.All",)}
"""What an administrator consented to at Microsoft Graph, by the object id of the application's service principal."""

WORKSPACE = "ml-dev"
NEW_WORKSPACE = "ml-new"
IDENTITY = "id-ml-scoring"
DATA_ACCOUNT = "stcontosodata7c41e9"
KEYLESS_ACCOUNT = "stcontosokeyless2d8f"
PROD_ACCOUNT = "stcontosoprod5b30a7"
CONTAINER = "inputs"
WELCOME = "welcome.txt"
WELCOME_TEXT = b"Welcome to the sandbox. This file lies in a blob container and waits for a reader with a role.\n"

CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
USER_ACCESS_ADMINISTRATOR = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"

_EASY = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters of a password that somebody may have to type: about 79 bits in sixteen of them."""

_WORKSPACES: dict[str, dict[str, str | None]] = {
    WORKSPACE: {
        "id": "4a6e1d93-82b7-4c05-a9f1-5e7d30c8b264",
        "principal": "60d3b9f7-1e58-4a2c-8b64-c9f0275ae1d3",
        "suffix": "9f3a61",
        "registry": "crmldev9f3a61",
    },
    NEW_WORKSPACE: {
        "id": "d81f7c26-503a-4e9b-b2c4-a64e89f1075d",
        "principal": "2c95e0a8-b74d-4d16-93fa-018be6d7c35f",
        "suffix": "27be04",
        "registry": None,
    },
}

_VOLATILE = frozenset(
    {
        "etag", "lastModifiedTime", "creationTime", "keyCreationTime", "lastEnabledTime", "createdAt", "lastModifiedAt",
        "createdOn", "updatedOn", "systemData",
    }
)  # fmt: skip
"""Members of bodies that tell when, not what; two trees are compared without them."""


def hash_secret(text: str) -> str:
    """How a client secret is kept in `Principal.secret`; plain SHA-256 does, because the secrets are random."""
    return hashlib.sha256(text.encode()).hexdigest()


def furnish(world: World) -> None:
    """Fill a new world. Everything given here acts at once; what is different in its scenarios is put in by `overlays.settle`."""
    if world.store.value("furnished") is None:
        _furnish(world)


def _furnish(world: World) -> None:
    _people(world)
    for subscription, title, group in ((DEV, "Contoso Dev", GROUP), (PROD, "Contoso Prod", PROD_GROUP)):
        _subscription(world, subscription, title)
        _group(world, subscription, group)
    for name in _WORKSPACES:
        _workspace(world, name)
    _identity(world)
    for account, keys_allowed in ((DATA_ACCOUNT, True), (KEYLESS_ACCOUNT, False)):
        resource = _account(world, DEV, GROUP, account, shared_keys=keys_allowed)
        containers.create_container(world, resource.id, CONTAINER)
        put_bytes(world, account, CONTAINER, WELCOME, WELCOME_TEXT, content_type="text/plain")
    _account(world, PROD, PROD_GROUP, PROD_ACCOUNT)
    _rights(world)
    world.store.set_value("furnished", "1")


def defaults(world: World) -> dict[str, str]:
    """What a client needs to begin: ids, names and both sign-ins. Holds secrets: never to be logged."""
    return {
        "tenant": TENANT,
        "subscription": DEV,
        "resource_group": GROUP,
        "workspace": WORKSPACE,
        "client_id": CLIENT_ID,
        "client_secret": world.store.value("service_principal_secret") or "",
        "user": USER,
        "user_refresh_token": world.store.value("user_refresh_token") or "",
        "location": REGION,
        "user_password": user_password(world),
    }


def user_password(world: World) -> str:
    """The password of the signed-in user on the sandbox's sign-in pages; made when it is first asked for. A secret."""
    known = world.store.value("user_password")
    if known is None:
        known = "-".join("".join(secrets.choice(_EASY) for _ in range(4)) for _ in range(4))
        world.store.set_value("user_password", known)
    return known


def tree(world: World) -> dict[str, Any]:
    """The world as data: resources, role assignments, blobs, in a fixed order, without secrets and without times.

    Two trees are equal exactly when nothing was added, removed or changed between them.
    """
    resources = [
        {"id": r.id, "type": r.type, "body": _still(r.body)}
        for r in sorted(world.store.resources(), key=lambda r: r.id.lower())
    ]
    people = {principal.object_id: principal.name for principal in world.store.principals()}
    assignments = [
        {
            "id": a.id,
            "scope": a.scope,
            "principal": a.principal_id,
            "principal_name": people.get(a.principal_id),
            "role": a.role,
            "role_name": None if (role := role_of(world.store, a.role)) is None else role.name,
        }
        for a in sorted(world.store.assignments(), key=lambda a: a.id.lower())
    ]
    blobs = [
        {
            "account": b.account,
            "container": b.container,
            "name": b.name,
            "size": b.size,
            "content_md5": b.properties.get("content_md5"),
            "metadata": b.properties.get("metadata") or {},
        }
        for b in world.store.blobs()
    ]
    return {"resources": resources, "role_assignments": assignments, "blobs": blobs}


def _still(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _still(value[key]) for key in sorted(value) if key not in _VOLATILE}
    if isinstance(value, list):
        return [_still(item) for item in value]
    return value


def _people(world: World) -> None:
    secret, refresh = secrets.token_urlsafe(30), secrets.token_urlsafe(48)
    world.store.set_value("service_principal_secret", secret)
    world.store.set_value("user_refresh_token", refresh)
    world.store.put_principal(Principal(USER_ID, "User", USER))
    world.store.put_principal(Principal(ADMIN_ID, "User", f"admin@{TENANT_DOMAIN}"))
    world.store.put_principal(
        Principal(SERVICE_PRINCIPAL_ID, "ServicePrincipal", SERVICE_PRINCIPAL, CLIENT_ID, hash_secret(secret))
    )


def _subscription(world: World, subscription: str, title: str) -> None:
    identifier = f"/subscriptions/{subscription}"
    body = {
        "id": identifier,
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": subscription,
        "tenantId": TENANT,
        "displayName": title,
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }
    world.store.put(Resource(identifier, "Microsoft.Resources/subscriptions", subscription, body))


def _group(world: World, subscription: str, group: str) -> None:
    identifier = names.group_id(subscription, group)
    body = {
        "id": identifier,
        "name": group,
        "type": "Microsoft.Resources/resourceGroups",
        "location": REGION,
        "tags": {},
        "properties": {"provisioningState": "Succeeded"},
    }
    world.store.put(Resource(identifier, "Microsoft.Resources/resourceGroups", group, body))


def _account(world: World, subscription: str, group: str, name: str, *, shared_keys: bool = True) -> Resource:
    identifier = names.storage_account_id(subscription, group, name)
    properties = {} if shared_keys else {"allowSharedKeyAccess": False}
    body = account_body(identifier, name, REGION, {"name": "Standard_LRS"}, "StorageV2", {}, properties)
    body["properties"]["provisioningState"] = "Succeeded"
    account = Resource(identifier, containers.ACCOUNT_TYPE, name, body, {"keys": new_keys()})
    world.store.put(account)
    return account


def _identity(world: World) -> None:
    # Managed Identity writes `resourcegroups` in lower case, and so do its ids everywhere (recorded).
    identifier = names.identity_id(DEV, GROUP, IDENTITY).replace("/resourceGroups/", "/resourcegroups/")
    principal_id, client_id = "7be6c402-95d1-4f38-a0c7-e4215d8b96fa", "f530a1d8-2e74-4b9c-8d65-93c7be041fa2"
    body = {
        "id": identifier,
        "name": IDENTITY,
        "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
        "location": REGION,
        "tags": {},
        "properties": {"tenantId": TENANT, "principalId": principal_id, "clientId": client_id},
    }
    world.store.put(Resource(identifier, "Microsoft.ManagedIdentity/userAssignedIdentities", IDENTITY, body))
    world.store.put_principal(Principal(principal_id, "ServicePrincipal", IDENTITY, client_id, None, identifier))


def _rights(world: World) -> None:
    group = names.group_id(DEV, GROUP)
    for principal in (USER_ID, SERVICE_PRINCIPAL_ID):
        for scope, role in (
            (group, CONTRIBUTOR),
            (group, USER_ACCESS_ADMINISTRATOR),
            (names.storage_account_id(DEV, GROUP, KEYLESS_ACCOUNT), BLOB_CONTRIBUTOR),
            (names.group_id(PROD, PROD_GROUP), READER),
        ):
            name = str(uuid.uuid5(uuid.UUID(TENANT), f"{scope}|{principal}|{role}"))
            grants.assign(world, scope, principal, role, by=ADMIN_ID, name=name, immediate=True)


def _workspace(world: World, name: str) -> None:
    facts = _WORKSPACES[name]
    guid, suffix = str(facts["id"]), str(facts["suffix"])
    short = name.replace("-", "")
    account = _account(world, DEV, GROUP, f"st{short}{suffix}")
    blobstore = blob_container(guid)
    for container in ("azureml", blobstore):
        containers.create_container(world, account.id, container)
    vault = _linked(
        world, "Microsoft.Keyvault/vaults", f"kv{short}{suffix}", {"sku": {"family": "A", "name": "standard"}}
    )
    insights = _linked(world, "Microsoft.insights/components", f"appi-{name}-{suffix}", {"Application_Type": "web"})
    registry = None
    if facts["registry"] is not None:
        registry = _linked(
            world,
            "Microsoft.ContainerRegistry/registries",
            str(facts["registry"]),
            {
                "loginServer": f"{facts['registry']}.azurecr.io",
                "adminUserEnabled": True,
                "publicNetworkAccess": "Enabled",
            },
            sku={"name": "Basic", "tier": "Basic"},
        )
    identifier = names.workspace_id(DEV, GROUP, name)
    written, admin = "2025-03-10T09:12:41.5217483Z", f"admin@{TENANT_DOMAIN}"
    body = workspace_body(
        identifier, guid, REGION, TENANT, written,
        {
            "friendlyName": name,
            "description": "",
            "storageAccount": account.id,
            "keyVault": vault,
            "applicationInsights": insights,
            "containerRegistry": registry,
        },
        str(uuid.uuid5(uuid.UUID(guid), "telemetry")),
        uuid.uuid5(uuid.UUID(guid), "notebooks").hex,
    )  # fmt: skip
    body["identity"] = {"type": "SystemAssigned", "principalId": facts["principal"], "tenantId": TENANT}
    body["systemData"] = {
        "createdAt": written,
        "createdBy": admin,
        "createdByType": "User",
        "lastModifiedAt": written,
        "lastModifiedBy": admin,
        "lastModifiedByType": "User",
    }
    world.store.put(Resource(identifier, body["type"], name, body))
    world.store.put_principal(
        Principal(
            str(facts["principal"]),
            "ServicePrincipal",
            name,
            str(uuid.uuid5(uuid.UUID(guid), "client")),
            None,
            identifier,
        )
    )
    world.store.put(default_datastore(identifier, account.name, blobstore, "2025-03-10T09:12:55.0100663+00:00"))


def _linked(world: World, type_: str, name: str, properties: dict[str, Any], sku: dict[str, str] | None = None) -> str:
    """A resource that the workspace needs and that the sandbox only shows; returns its id."""
    identifier = f"{names.group_id(DEV, GROUP)}/providers/{type_}/{name}"
    body: dict[str, Any] = {"id": identifier, "name": name, "type": type_, "location": REGION, "tags": {}}
    if sku is not None:
        body["sku"] = sku
    body["properties"] = {**properties, "provisioningState": "Succeeded"}
    world.store.put(Resource(identifier, type_, name, body))
    return identifier
