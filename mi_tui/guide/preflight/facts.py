"""What preflight knows of Azure: providers, actions with the roles that have them, roles that may grant, limits, policies.

Sources: "Azure built-in roles" (2026-07), "Authenticate clients for online endpoints" (2025-10), "Troubleshoot online endpoints"
(2025-10-06), and the calls that azure-ai-ml 1.35.2 makes, each with the action that Azure Resource Manager checks for it (recorded).
"""

from __future__ import annotations

from msgspec import Struct

ML = "Microsoft.MachineLearningServices"
_SPACE = f"{ML}/workspaces"
_STORE = "Microsoft.Storage/storageAccounts"
_MSI = "Microsoft.ManagedIdentity/userAssignedIdentities"

PROVIDERS = (
    ML,
    "Microsoft.PolicyInsights",
    "Microsoft.Cdn",
    "Microsoft.Storage",
    "Microsoft.ManagedIdentity",
    "Microsoft.ContainerRegistry",
    "Microsoft.KeyVault",
    "Microsoft.Insights",
)
"""What a workspace and its first online endpoint need. Azure's refusal names none of them (mslearn-mlops#72, 2026-09)."""

FIRST_ENDPOINT = frozenset(PROVIDERS[:3])
"""Those without which the first endpoint of a subscription fails; the others are needed by what a plan may make."""


class Right(Struct, frozen=True):
    """An action that a plan takes, and for what."""

    action: str
    words: str


WORKSPACE_RIGHTS = (
    Right(f"{_SPACE}/read", "read the workspace"),
    Right(f"{_SPACE}/onlineEndpoints/read", "read endpoints"),
    Right(f"{_SPACE}/onlineEndpoints/write", "make the endpoint and set its traffic"),
    Right(f"{_SPACE}/onlineEndpoints/deployments/read", "read deployments"),
    Right(f"{_SPACE}/onlineEndpoints/deployments/write", "make the deployment"),
    Right(f"{_SPACE}/onlineEndpoints/deployments/getLogs/action", "read the containers' logs"),
    Right(f"{_SPACE}/onlineEndpoints/listKeys/action", "ask the endpoint"),
    Right(f"{_SPACE}/models/versions/write", "register the model"),
    Right(f"{_SPACE}/environments/versions/write", "register the environment"),
    Right(f"{_SPACE}/codes/versions/write", "register the code"),
    Right(f"{_SPACE}/datastores/read", "find where uploads go"),
    Right(f"{_SPACE}/datastores/listSecrets/action", "upload the model"),
)
DELETE_ENDPOINT = Right(f"{_SPACE}/onlineEndpoints/delete", "delete the broken endpoint")

MAKE_ACCOUNT = Right(f"{_STORE}/write", "make the storage account")
MAKE_CONTAINER = Right(f"{_STORE}/blobServices/containers/write", "make the container")
LIST_KEYS = Right(f"{_STORE}/listKeys/action", "upload with the account's key")
WRITE_BLOB = Right(f"{_STORE}/blobServices/containers/blobs/write", "upload the file")
READ_BLOB = Right(f"{_STORE}/blobServices/containers/blobs/read", "look at the file")
MAKE_IDENTITY = Right(f"{_MSI}/write", "make the user-assigned identity")
READ_IDENTITY = Right(f"{_MSI}/read", "read the user-assigned identity")
ATTACH_IDENTITY = Right(f"{_MSI}/assign/action", "give the endpoint the identity")
GRANT = Right("Microsoft.Authorization/roleAssignments/write", "grant roles")

GRANTORS = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
}
"""Built-in roles that may grant roles ("Azure built-in roles: privileged", 2026-07)."""

ASSIGNMENT_LIMIT = 4_000
"""Role assignments that a subscription may have, those of its resources included ("Azure RBAC limits", 2026-01)."""
ASSIGNMENTS_NEAR = 3_900

CLOCK_BAD = 300.0
"""Seconds of skew from which Entra refuses sign-ins: tokens count as not valid yet, or not any more (five minutes is its tolerance)."""
CLOCK_ODD = 60.0

TAG_POLICIES = {
    "871b6d14-10aa-478d-b590-94f262ecfa99": "Require a tag on resources",
    "1e30110a-5ceb-460c-a204-c1c3969c6d62": "Require a tag and its value on resources",
}
"""Built-in policies that refuse resources without a tag, by definition ("Azure Policy built-in definitions: Tags", 2026)."""
TAG_NAME, TAG_VALUE = "tagName", "tagValue"

CLOSES_ACCOUNTS = "a06d0189-92e8-4dba-b0c4-08d7669fce7d"
"""The built-in policy "Configure storage accounts to disable public network access"; its effect is Modify unless its assignment says
otherwise ("Azure Policy built-in definitions: Storage", 2026)."""
REFUSES_ACCOUNTS = {
    "b2982f36-99f2-4db5-8eff-283140c09693": "are open to public networks",
    "8c6a50c6-9ffd-4ae7-986f-5fa6111f9a54": "allow account keys",
}
"""Built-in policies that refuse new storage accounts where their assignment says Deny (they audit otherwise): which ones they refuse."""
EFFECT = "effect"

LOCATION_POLICY = "e56962a6-4747-49cd-b67b-bf8b01975c4c"
"""The built-in policy "Allowed locations", with its parameter."""
LOCATIONS = "listOfAllowedLocations"

NO_GRANTORS = frozenset(
    {
        "b24988ac-6180-42a0-ab88-20f7382dd24c",  # Contributor
        "acdd72a7-3385-48ef-bd42-f606fba81ae7",  # Reader
        "f6c7c914-8db3-469d-8ca1-694a8f32e121",  # AzureML Data Scientist
        "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",  # Storage Blob Data Reader
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe",  # Storage Blob Data Contributor
        "17d1049b-9a84-46fb-8f53-869881c3d3ab",  # Storage Account Contributor
        "f1a07417-d97a-45cb-824c-7a7467783830",  # Managed Identity Operator
        "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59",  # Managed Identity Contributor
        "7f951dda-4ed3-4680-a7ca-43fe172d538d",  # AcrPull
    }
)
"""Common built-in roles that do not allow granting; any other role may be one that does."""
