"""Azure ML workspaces. Read from Azure Resource Manager, so that choosing one does not wait for azure-ai-ml to be imported."""

from __future__ import annotations

from msgspec import Struct

from mi_tui.model import names
from mi_tui.services import arm
from mi_tui.services.session import Session

API_VERSION = "2024-10-01-preview"
"""The one that azure-ai-ml 1.35.2 uses for workspaces."""


class WorkspaceInfo(Struct, frozen=True):
    """A workspace, with what belongs to it. `registry_id` is None while Azure has not made the registry yet.

    `state` is its provisioning state; `v1_legacy` refuses endpoints; `isolation` is the managed network's mode (`Disabled` for none) and
    `network_status` whether that network is there (`Active`); `datastores_auth` is `identity` where uploads sign in by Entra ID.
    """

    id: str
    name: str
    group: str
    location: str
    storage_id: str
    registry_id: str | None
    public_network_access: bool
    description: str
    state: str = ""
    v1_legacy: bool = False
    isolation: str = "Disabled"
    network_status: str = ""
    datastores_auth: str = ""


def get(session: Session, group: str, name: str) -> WorkspaceInfo:
    """The workspace. Raises ServiceError, with status 404 when it is not there. Workspaces - Get."""
    return _info(arm.require(session, names.workspace_id(session.subscription_id, group, name), API_VERSION))


def list_all(session: Session) -> list[WorkspaceInfo]:
    """Every workspace in the subscription that the caller may see, by name. Raises ServiceError."""
    path = f"/subscriptions/{session.subscription_id}/providers/Microsoft.MachineLearningServices/workspaces"
    return sorted(
        (_info(item) for item in arm.list_all(session, path, API_VERSION)), key=lambda item: item.name.lower()
    )


def _info(item: arm.Json) -> WorkspaceInfo:
    identifier = arm.text(item, "id")
    return WorkspaceInfo(
        id=identifier,
        name=arm.text(item, "name"),
        group=names.parse_id(identifier).group,
        location=arm.text(item, "location"),
        storage_id=arm.text(item, "properties", "storageAccount"),
        registry_id=arm.text(item, "properties", "containerRegistry") or None,
        public_network_access=arm.text(item, "properties", "publicNetworkAccess").lower() != "disabled",
        description=arm.text(item, "properties", "description"),
        state=arm.text(item, "properties", "provisioningState"),
        v1_legacy=arm.dig(item, "properties", "v1LegacyMode") is True,
        isolation=arm.text(item, "properties", "managedNetwork", "isolationMode") or "Disabled",
        network_status=arm.text(item, "properties", "managedNetwork", "status", "status"),
        datastores_auth=arm.text(item, "properties", "systemDatastoresAuthMode"),
    )
