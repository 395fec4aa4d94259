"""Azure's naming rules, resource ids and the names that mi-tui computes.

Rules: "Naming rules and restrictions for Azure resources" (Microsoft Learn, resource-name-rules) and, for endpoints and
deployments, the expression that azure-ai-ml 1.35.2 itself checks (`_endpoint_helpers.py`).
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

ROLE_ASSIGNMENT_NAMESPACE = uuid.UUID("5f1a7c1e-6a3f-5d0b-9b52-0d7d3c1f6b8a")
"""Seed of the names of role assignments; changing it would make mi-tui lose sight of the grants it made."""


@dataclass(frozen=True)
class NameRule:
    """One kind of name: its expression and the rule as a person would say it."""

    kind: str
    pattern: re.Pattern[str]
    words: str

    def fault(self, name: str) -> str | None:
        """The rule in words when `name` breaks it, else None."""
        if self.pattern.fullmatch(name):
            return None
        if not name:
            return f"the {self.kind} name is missing: {self.words}."
        return f"{name!r} is no valid {self.kind} name: {self.words}."


STORAGE_ACCOUNT = NameRule("storage account", re.compile(r"[a-z0-9]{3,24}"), "3 to 24 lower-case letters and digits")
CONTAINER = NameRule(
    "container",
    re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"),
    "3 to 63 lower-case letters, digits and single hyphens, starting and ending with a letter or digit",
)
IDENTITY = NameRule(
    "user-assigned identity",
    re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,127}"),
    "3 to 128 letters, digits, hyphens and underscores, starting with a letter or digit",
)
ENDPOINT = NameRule(
    "endpoint",
    re.compile(r"(?=.{3,32}\Z)[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?"),
    "3 to 32 letters, digits and hyphens, starting with a letter and not ending with a hyphen",
)
DEPLOYMENT = NameRule("deployment", ENDPOINT.pattern, ENDPOINT.words)
WORKSPACE = NameRule(
    "workspace",
    re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,32}"),
    "3 to 33 letters, digits, hyphens and underscores, starting with a letter or digit",
)
RESOURCE_GROUP = NameRule(
    "resource group",
    re.compile(r"(?!.*\.\Z)[\w\-.()]{1,90}"),
    "1 to 90 letters, digits, underscores, hyphens, periods and parentheses, not ending with a period",
)
BLOB = NameRule(
    "blob",
    re.compile(r"(?!.*[/.]\Z)[^\x00-\x1f\x7f\\]{1,1024}"),
    "1 to 1,024 characters without control characters or backslashes, not ending with a slash or a period",
)
ENVIRONMENT_VARIABLE = NameRule(
    "environment variable",
    re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
    "letters, digits and underscores, not starting with a digit",
)
INSTANCE_TYPE = NameRule("instance type", re.compile(r"[A-Za-z0-9_]{3,64}"), "3 to 64 letters, digits and underscores")
SUBSCRIPTION = NameRule(
    "subscription",
    re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "a subscription id is a GUID, such as 11111111-2222-3333-4444-555555555555",
)


def group_id(subscription: str, group: str) -> str:
    """The resource id of a resource group."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}"


def workspace_id(subscription: str, group: str, workspace: str) -> str:
    """The resource id of an Azure ML workspace."""
    return f"{group_id(subscription, group)}/providers/Microsoft.MachineLearningServices/workspaces/{workspace}"


def endpoint_id(workspace: str, endpoint: str) -> str:
    """The resource id of an online endpoint, from the id of its workspace."""
    return f"{workspace}/onlineEndpoints/{endpoint}"


def deployment_id(endpoint: str, deployment: str) -> str:
    """The resource id of a deployment, from the id of its endpoint."""
    return f"{endpoint}/deployments/{deployment}"


def asset_id(workspace: str, kind: str, name: str, version: str) -> str:
    """The resource id of a registered asset; `kind` is `models`, `codes` or `environments`."""
    return f"{workspace}/{kind}/{name}/versions/{version}"


def storage_account_id(subscription: str, group: str, account: str) -> str:
    """The resource id of a storage account."""
    return f"{group_id(subscription, group)}/providers/Microsoft.Storage/storageAccounts/{account}"


def container_id(account: str, container: str) -> str:
    """The resource id of a blob container, from the id of its account."""
    return f"{account}/blobServices/default/containers/{container}"


def identity_id(subscription: str, group: str, identity: str) -> str:
    """The resource id of a user-assigned identity."""
    return f"{group_id(subscription, group)}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{identity}"


def role_assignment_name(scope: str, principal_id: str, role_guid: str) -> str:
    """The GUID that names the assignment of a role to a principal at a scope.

    Computed, so that a second try asks for the same assignment. The principal is part of it: an identity that was deleted and
    made again must not meet its predecessor's assignment (`RoleAssignmentUpdateNotPermitted`).
    """
    return str(uuid.uuid5(ROLE_ASSIGNMENT_NAMESPACE, "|".join((scope, principal_id, role_guid)).lower()))


def role_assignment_id(scope: str, name: str) -> str:
    """The resource id of a role assignment at a scope."""
    return f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"


@dataclass(frozen=True)
class ResourceId:
    """A resource id taken apart. Comparisons of ids are case-insensitive in Azure: use `same_id`."""

    subscription: str
    group: str
    provider: str
    segments: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """The last name in the id."""
        return self.segments[-1][1] if self.segments else self.group

    @property
    def type(self) -> str:
        """The resource type, such as `Microsoft.Storage/storageAccounts`."""
        return "/".join((self.provider, *(kind for kind, _ in self.segments)))


_ID = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)(?:/providers/([^/]+)((?:/[^/]+/[^/]+)+))?/?", re.IGNORECASE
)


def parse_id(resource_id: str) -> ResourceId:
    """Take a resource id apart; ValueError when it is not one."""
    found = _ID.fullmatch(resource_id)
    if found is None:
        raise ValueError(f"not an Azure resource id: {resource_id!r}")
    subscription, group, provider, rest = found.groups()
    parts = (rest or "").strip("/").split("/") if rest else []
    return ResourceId(subscription, group, provider or "", tuple(zip(parts[::2], parts[1::2], strict=True)))


def same_id(one: str, other: str) -> bool:
    """Whether two resource ids name the same resource."""
    return one.rstrip("/").lower() == other.rstrip("/").lower()


def short_id(value: str, width: int = 24) -> str:
    """An id shortened in the middle, for people."""
    if len(value) <= width:
        return value
    keep = (width - 1) // 2
    return f"{value[: width - 1 - keep]}…{value[-keep:]}"
