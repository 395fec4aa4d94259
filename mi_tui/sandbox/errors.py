"""Azure's error envelopes: ARM's JSON and Azure ML's longer JSON. The data plane's XML is in `blob/`."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from mi_tui.sandbox.times import timestamp

GATEWAY = {"x-ms-failure-cause": "gateway"}
"""What ARM adds when it answers itself, before any resource provider was asked."""


@dataclass
class ArmError(Exception):
    """An answer that ends a request. `status` is HTTP's; `code` and `message` are Azure's exact words."""

    status: int
    code: str
    message: str
    target: str | None = None
    details: list[dict[str, Any]] | None = None
    additional_info: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"({self.code}) {self.message}"

    def error(self) -> dict[str, Any]:
        """The `error` object, without members that Azure leaves out."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target is not None:
            body["target"] = self.target
        if self.details is not None:
            body["details"] = self.details
        if self.additional_info:
            body["additionalInfo"] = self.additional_info
        return body

    def body(self) -> dict[str, Any]:
        """The whole envelope."""
        return {"error": self.error()}


def ml_error(
    status: int,
    message: str,
    *,
    code: str = "UserError",
    details: list[dict[str, Any]] | None = None,
    inner: str | None = None,
    target: str | None = None,
    location: str = "westeurope",
) -> ArmError:
    """An error of Azure Machine Learning: always `details`, and five or six entries of `additionalInfo` (recorded).

    `inner` is the code of the InnerError entry, such as `NotFoundError`; for `details` see `ml_detail`.
    """
    info: list[tuple[str, Any]] = [
        ("ComponentName", "managementfrontend"),
        ("Correlation", {"operation": secrets.token_hex(16), "request": secrets.token_hex(8)}),
        ("Environment", location),
        ("Location", location),
        ("Time", timestamp()),
    ]
    if inner is not None:
        info.append(("InnerError", {"code": inner, "innerError": None}))
    return ArmError(
        status,
        code,
        message,
        target,
        details or [],
        [{"type": kind, "info": {"value": value}} for kind, value in info],
        {"x-ms-response-type": "error", "x-aml-cluster": f"vienna-{location}-01"},
    )


def ml_detail(code: str, message: str) -> dict[str, Any]:
    """One entry of an ML error's `details` (recorded)."""
    return {"code": code, "message": message, "details": [], "additionalInfo": []}


def resource_not_found(resource_id: str) -> ArmError:
    """ARM's 404 for a resource that does not exist in a group that does (recorded)."""
    parts = resource_id.strip("/").split("/")
    group = parts[3] if len(parts) > 3 else ""
    name = parts[-1]
    if len(parts) > 5:
        name = "/".join((parts[5], *(f"{kind}/{of}" for kind, of in zip(parts[6::2], parts[7::2], strict=False))))
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{name}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        headers=dict(GATEWAY),
    )


def group_not_found(group: str) -> ArmError:
    """ARM's 404 for a resource group that does not exist (recorded)."""
    return ArmError(
        404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.", headers=dict(GATEWAY)
    )


def group_being_deleted(group: str) -> ArmError:
    """ARM's 409 for a write into a resource group that is going ("Resolve errors for resource group being deleted")."""
    return ArmError(
        409,
        "ResourceGroupBeingDeleted",
        f"The resource group '{group}' is in deprovisioning state and cannot perform this operation.",
        headers=dict(GATEWAY),
    )


def subscription_not_found(subscription: str) -> ArmError:
    """ARM's 404 for a subscription that does not exist."""
    return ArmError(
        404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.", headers=dict(GATEWAY)
    )


def invalid_subscription(subscription: str) -> ArmError:
    """ARM's 400 for a subscription id that is no GUID."""
    return ArmError(
        400,
        "InvalidSubscriptionId",
        f"The provided subscription identifier '{subscription}' is malformed or invalid.",
        headers=dict(GATEWAY),
    )


def authorization_failed(client: str, object_id: str, action: str, scope: str, *, condition: bool = False) -> ArmError:
    """ARM's 403 for a principal without the right (recorded), or whose role's condition is not fulfilled ("Troubleshoot Azure RBAC")."""
    unmet = " or an ABAC condition not fulfilled" if condition else ""
    return ArmError(
        403,
        "AuthorizationFailed",
        f"The client '{client}' with object id '{object_id}' does not have authorization{unmet} to perform action '{action}' "
        f"over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
        headers=dict(GATEWAY),
    )


def other_location(group: str, name: str, there: str, asked: str) -> ArmError:
    """ARM's 409 for a resource that exists in another region than a PUT says."""
    return ArmError(
        409,
        "InvalidResourceLocation",
        f"The resource '{name}' already exists in location '{there}' in resource group '{group}'. A resource with the same name "
        f"cannot be created in location '{asked}'. Please select a new resource name.",
    )


def bad_request(message: str, code: str = "InvalidRequestContent", target: str | None = None) -> ArmError:
    """A 400 in ARM's words."""
    return ArmError(400, code, message, target)
