"""What there is to pick from: subscriptions, workspaces, identities, storage. Reads only; every method blocks."""

from __future__ import annotations

from mi_tui.model import names
from mi_tui.model.capacity import Capacity
from mi_tui.services import addresses, blobs, capacity, endpoints, identities, storage, subscriptions, workspaces
from mi_tui.services.identities import IdentityInfo
from mi_tui.services.session import Session
from mi_tui.services.storage import AccountInfo
from mi_tui.services.subscriptions import SubscriptionInfo
from mi_tui.services.workspaces import WorkspaceInfo


class Catalog:
    """The lists behind the pickers, of one subscription. All methods raise ServiceError when the list cannot be had."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def subscriptions(self) -> list[SubscriptionInfo]:
        """Every subscription that the signed-in person sees, by name."""
        return sorted(subscriptions.list_all(self._session), key=lambda found: found.name.lower())

    def workspaces(self) -> list[WorkspaceInfo]:
        """The subscription's workspaces, by name."""
        return sorted(workspaces.list_all(self._session), key=lambda found: found.name.lower())

    def identities(self) -> list[IdentityInfo]:
        """The subscription's user-assigned identities, by name."""
        return sorted(identities.list_all(self._session), key=lambda found: found.name.lower())

    def accounts(self) -> list[AccountInfo]:
        """The subscription's storage accounts, by name."""
        return sorted(storage.list_accounts(self._session), key=lambda found: found.name.lower())

    def containers(self, account: AccountInfo) -> list[str]:
        """An account's containers, by name."""
        return sorted(storage.list_containers(self._session, account.group, account.name))

    def blobs(self, account: AccountInfo, container: str) -> list[str]:
        """The names of a container's blobs."""
        return blobs.list_names(self._session, account, container)

    def capacity(self, group: str, workspace: str, location: str = "") -> Capacity:
        """What a workspace's region has to run on; without `location` the workspace is asked where it is."""
        where = location or workspaces.get(self._session, group, workspace).location
        return capacity.read(self._session, where)

    def storage_name_fault(self, name: str) -> str | None:
        """Why a new storage account cannot have this name, in Azure's words; None when it can."""
        return names.STORAGE_ACCOUNT.fault(name) or storage.check_name(self._session, name)

    def endpoint_fault(self, group: str, workspace: str, name: str, location: str = "") -> str | None:
        """Why a new endpoint cannot have this name, as far as the workspace and the region tell; None when it can."""
        if fault := names.ENDPOINT.fault(name):
            return fault
        if endpoints.get(self._session, group, workspace, name):
            return f"There is an endpoint {name!r} in this workspace already."
        if location and addresses.endpoint_answers(name, location):
            return f"Somebody's endpoint {name!r} answers in {location} already."
        return None
