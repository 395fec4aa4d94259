"""What exists of what the answers name, read side by side before a plan is made."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from mi_tui.model.answers import Answers, IdentityKind
from mi_tui.model.capacity import Capacity
from mi_tui.model.plan import Place
from mi_tui.services import blobs, capacity, deployments, endpoints, identities, storage, subscriptions, workspaces
from mi_tui.services.deployments import DeploymentInfo
from mi_tui.services.endpoints import EndpointInfo
from mi_tui.services.errors import ServiceError
from mi_tui.services.identities import IdentityInfo
from mi_tui.services.session import Session
from mi_tui.services.storage import AccountInfo

T = TypeVar("T")


@dataclass(frozen=True)
class Found:
    """What exists of what the answers name."""

    place: Place
    identity: IdentityInfo | None
    account: AccountInfo | None
    container: bool
    blob: bool | None
    endpoint: EndpointInfo | None
    deployment: DeploymentInfo | None
    capacity: Capacity | None
    no_capacity: str = ""
    """Why the quota could not be read."""
    tenants: tuple[str, ...] = ()
    """Names of the deployments of an endpoint that is broken; not read of one that is whole."""
    own_account: bool = False
    """The storage account is there, and the run that is planned anew made it."""

    def without(self, ours: Callable[[str], bool], container_id: str, blob_id: str) -> Found:
        """What was there before the run that made what `ours` (an id) says. The ids are those of the planned container and blob."""

        def others(found: T | None, resource_id: str) -> T | None:
            return None if ours(resource_id) else found

        front = others(self.endpoint, self.endpoint.id) if self.endpoint else None
        own_account = self.account is not None and ours(self.account.id)
        return replace(
            self,
            identity=others(self.identity, self.identity.id) if self.identity else None,
            account=None if own_account else self.account,
            own_account=own_account,
            container=self.container and not ours(container_id),
            blob=False if ours(blob_id) else self.blob,
            endpoint=front,
            deployment=others(self.deployment, self.deployment.id) if self.deployment else None,
            tenants=self.tenants if front else (),
        )


def look(session: Session, answers: Answers) -> Found:
    """Read everything that the answers name, side by side. Raises ServiceError; a quota that cannot be read is only said."""
    where, store = answers.workspace, answers.storage
    group, store_group = where.resource_group, store.resource_group or where.resource_group
    with ThreadPoolExecutor(7, initializer=session.operations.helping()) as pool:
        caller = pool.submit(session.caller)
        subscription = pool.submit(subscriptions.get, session)
        workspace = pool.submit(workspaces.get, session, group, where.name)
        account = pool.submit(storage.get_account, session, store_group, store.account)
        endpoint = pool.submit(_endpoint, session, answers)
        identity = pool.submit(_identity, session, answers)
        space = workspace.result()
        place = Place(
            subscription=where.subscription,
            subscription_name=subscription.result().name,
            resource_group=group,
            workspace_id=space.id,
            location=space.location,
            workspace_storage_id=space.storage_id,
            registry_id=space.registry_id,
            caller=caller.result().name,
            caller_id=caller.result().object_id,
        )
        room = pool.submit(_capacity, session, space.location)
        existing = account.result()
        container = existing is not None and storage.container_exists(
            session, store_group, store.account, store.container
        )
        blob: bool | None = False
        if existing is not None and container:
            blob = blobs.exists(session, existing, store.container, store.blob)
        front, back, tenants = endpoint.result()
        return Found(place, identity.result(), existing, container, blob, front, back, *room.result(), tenants=tenants)


def _capacity(session: Session, location: str) -> tuple[Capacity | None, str]:
    """Reading it takes a right on the subscription that a run does not need."""
    try:
        return capacity.read(session, location), ""
    except ServiceError as error:
        return None, error.failure.message


def _endpoint(session: Session, answers: Answers) -> tuple[EndpointInfo | None, DeploymentInfo | None, tuple[str, ...]]:
    group, workspace, name = answers.workspace.resource_group, answers.workspace.name, answers.endpoint.name
    front = endpoints.get(session, group, workspace, name)
    if front is None:
        return None, None, ()
    if front.broken:
        return front, None, tuple(info.name for info in deployments.list_all(session, group, workspace, name))
    return front, deployments.get(session, group, workspace, name, answers.deployment.name), ()


def _identity(session: Session, answers: Answers) -> IdentityInfo | None:
    if answers.identity.kind is IdentityKind.SAI or answers.identity.name is None:
        return None
    return identities.get(
        session, answers.identity.resource_group or answers.workspace.resource_group, answers.identity.name
    )
