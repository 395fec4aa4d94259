"""The name of a tenant, for people: Azure Resource Manager tells it, where the signed-in person may see it."""

from __future__ import annotations

from mi_tui.services import arm
from mi_tui.services.session import Session

API_VERSION = "2022-12-01"


def display_name(session: Session, tenant: str) -> str:
    """A tenant's display name, else its default domain; empty where Azure tells none. Raises ServiceError. Tenants - List."""
    for item in arm.list_all(session, "/tenants", API_VERSION):
        if arm.text(item, "tenantId").lower() == tenant.lower():
            return arm.text(item, "displayName") or arm.text(item, "defaultDomain")
    return ""
