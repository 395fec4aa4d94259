"""Subscriptions of the signed-in person. Read from Azure Resource Manager: azure-mgmt-resource 26 has no subscription client."""

from __future__ import annotations

from msgspec import Struct

from mi_tui.services import arm
from mi_tui.services.session import Session

API_VERSION = "2022-12-01"


class SubscriptionInfo(Struct, frozen=True):
    """A subscription. `state` is Azure's word, such as `Enabled`, `Warned` or `Disabled`."""

    id: str
    name: str
    state: str
    tenant: str


def list_all(session: Session) -> list[SubscriptionInfo]:
    """Every subscription that the caller may see, by name. Raises ServiceError. Subscriptions - List."""
    found = [_info(item) for item in arm.list_all(session, "/subscriptions", API_VERSION)]
    return sorted(found, key=lambda item: item.name.lower())


def get(session: Session) -> SubscriptionInfo:
    """The session's own subscription. Raises ServiceError, with SubscriptionNotFound when it is not there."""
    return _info(arm.require(session, f"/subscriptions/{session.subscription_id}", API_VERSION))


def _info(item: arm.Json) -> SubscriptionInfo:
    return SubscriptionInfo(
        id=arm.text(item, "subscriptionId"),
        name=arm.text(item, "displayName"),
        state=arm.text(item, "state"),
        tenant=arm.text(item, "tenantId"),
    )
