"""The directory as Microsoft Graph shows it: the store's principals as users, service principals and applications.

Members and defaults: the resource pages "user", "servicePrincipal" and "application" of the Microsoft Graph v1.0 reference, and what
`GET /servicePrincipals/{id}` answers for a managed identity ("View the service principal of a managed identity", Microsoft Learn).
"""

from __future__ import annotations

import hashlib
import time
import uuid
from typing import Any

from mi_tui.sandbox.furnish import TENANT_NAME
from mi_tui.sandbox.store import Principal
from mi_tui.sandbox.world import TENANT, World

USER = "#microsoft.graph.user"
SERVICE_PRINCIPAL = "#microsoft.graph.servicePrincipal"
APPLICATION = "#microsoft.graph.application"

_CREATED = "2025-03-10T09:05:17Z"


def visible(world: World) -> list[Principal]:
    """Everyone whom directory replication has brought everywhere; the others are not found yet."""
    now = time.time()
    return [principal for principal in world.store.principals() if principal.visible_at <= now]


def users(world: World) -> list[dict[str, Any]]:
    """The users, as `GET /users` lists them."""
    return [user(principal) for principal in visible(world) if principal.kind == "User"]


def service_principals(world: World) -> list[dict[str, Any]]:
    """The service principals, managed identities among them, as `GET /servicePrincipals` lists them."""
    return [service_principal(world, principal) for principal in visible(world) if principal.kind == "ServicePrincipal"]


def applications(world: World) -> list[dict[str, Any]]:
    """The registered applications; a managed identity has none."""
    return [application(principal) for principal in visible(world) if _is_application(principal)]


def user(principal: Principal) -> dict[str, Any]:
    """The members of a user that Graph answers without `$select`."""
    alias = principal.name.partition("@")[0]
    return {
        "businessPhones": [],
        "displayName": alias.replace(".", " ").title(),
        "givenName": None,
        "jobTitle": None,
        "mail": principal.name,
        "mobilePhone": None,
        "officeLocation": None,
        "preferredLanguage": None,
        "surname": None,
        "userPrincipalName": principal.name,
        "id": principal.object_id,
    }


def service_principal(world: World, principal: Principal) -> dict[str, Any]:
    """A service principal, of an application or of a managed identity."""
    managed = principal.resource_key is not None
    resource = world.store.resource(principal.resource_key) if principal.resource_key is not None else None
    names = [principal.client_id]
    if managed:
        # Graph adds an address made of the identity's own secret part; nobody signs in by it.
        digest = hashlib.sha256(principal.object_id.encode()).hexdigest()
        names.append(f"https://identity.azure.net/{digest[:32]}")
    explicit = "/userassignedidentities/" in (principal.resource_key or "").lower()
    return {
        "id": principal.object_id,
        "deletedDateTime": None,
        "accountEnabled": True,
        "alternativeNames": [f"isExplicit={explicit}", principal.resource_key if resource is None else resource.id] if managed else [],
        "appDisplayName": None if managed else principal.name,
        "appDescription": None,
        "appId": principal.client_id,
        "applicationTemplateId": None,
        "appOwnerOrganizationId": None if managed else TENANT,
        "appRoleAssignmentRequired": False,
        "createdDateTime": _CREATED,
        "description": None,
        "disabledByMicrosoftStatus": None,
        "displayName": principal.name,
        "homepage": None,
        "loginUrl": None,
        "logoutUrl": None,
        "notes": None,
        "notificationEmailAddresses": [],
        "preferredSingleSignOnMode": None,
        "preferredTokenSigningKeyThumbprint": None,
        "replyUrls": [],
        "servicePrincipalNames": names,
        "servicePrincipalType": "ManagedIdentity" if managed else "Application",
        "signInAudience": None if managed else "AzureADMyOrg",
        "tags": [],
        "tokenEncryptionKeyId": None,
        "samlSingleSignOnSettings": None,
        "addIns": [],
        "appRoles": [],
        "info": {
            "logoUrl": None, "marketingUrl": None, "privacyStatementUrl": None, "supportUrl": None, "termsOfServiceUrl": None,
        },
        "keyCredentials": [],
        "oauth2PermissionScopes": [],
        "passwordCredentials": [],
        "resourceSpecificApplicationPermissions": [],
        "verifiedPublisher": {"displayName": None, "verifiedPublisherId": None, "addedDateTime": None},
    }  # fmt: skip


def application(principal: Principal) -> dict[str, Any]:
    """The application behind a service principal. Its object id is another than the service principal's, as in Entra."""
    credential = {
        "customKeyIdentifier": None, "displayName": "mi-tui", "endDateTime": "2099-12-31T00:00:00Z", "hint": None,
        "keyId": str(uuid.uuid5(uuid.UUID(principal.object_id), "password")), "secretText": None, "startDateTime": _CREATED,
    }  # fmt: skip
    return {
        "id": str(uuid.uuid5(uuid.UUID(principal.object_id), "application")),
        "deletedDateTime": None,
        "appId": principal.client_id,
        "createdDateTime": _CREATED,
        "description": None,
        "disabledByMicrosoftStatus": None,
        "displayName": principal.name,
        "identifierUris": [],
        "isFallbackPublicClient": None,
        "notes": None,
        "publisherDomain": None,
        "signInAudience": "AzureADMyOrg",
        "tags": [],
        "addIns": [],
        "api": {"acceptMappedClaims": None, "knownClientApplications": [], "oauth2PermissionScopes": [], "preAuthorizedApplications": []},
        "appRoles": [],
        "keyCredentials": [],
        "passwordCredentials": [credential],
        "requiredResourceAccess": [],
        "web": {"homePageUrl": None, "logoutUrl": None, "redirectUris": []},
    }  # fmt: skip


def organization() -> dict[str, Any]:
    """The tenant itself."""
    return {"id": TENANT, "displayName": TENANT_NAME, "tenantType": "AAD", "verifiedDomains": []}


def _is_application(principal: Principal) -> bool:
    return principal.kind == "ServicePrincipal" and principal.resource_key is None
