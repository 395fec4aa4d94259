"""Online endpoints: written by azure-ai-ml, read from Azure Resource Manager (no seconds of import for a look)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from mi_tui.model import names
from mi_tui.model.failure import Failure
from mi_tui.model.secret import Secret
from mi_tui.services import arm
from mi_tui.services.errors import Abandoned, ServiceError, translated
from mi_tui.services.operations import Poller, Watch
from mi_tui.services.session import Session

if TYPE_CHECKING:
    from azure.ai.ml.entities import ManagedOnlineEndpoint

API_VERSION = "2023-04-01-preview"
DELETING = "deleting"
BUSY = frozenset({"creating", "updating", DELETING})

SETTLE_SECONDS = 300.0
GONE_SECONDS = 120.0
DELETED_SECONDS = 900.0
"""How long a delete that somebody else began, or whose answer was lost, is waited for."""


class EndpointInfo(Struct, frozen=True):
    """An online endpoint. `identity_kind` is Azure's word, such as `SystemAssigned`; `principal_id` is that of a SAI."""

    id: str
    name: str
    state: str
    scoring_uri: str
    identity_kind: str
    identity_ids: tuple[str, ...]
    principal_id: str | None
    traffic: dict[str, int]
    location: str
    tags: dict[str, str]
    operation: str = ""
    """The address of its last long operation; empty where Azure does not tell."""
    public: bool = True
    """Whether it admits requests from public networks."""

    @property
    def broken(self) -> bool:
        """Whether it was never made completely. Azure refuses every deployment in it and cannot repair it (failures of type E3)."""
        return self.state.lower() == "failed"


def get(session: Session, group: str, workspace: str, name: str) -> EndpointInfo | None:
    """The endpoint, or None when it is not there. A failed one is there: look at `state`. Raises ServiceError."""
    item = arm.get(session, _id(session, group, workspace, name), API_VERSION)
    return None if item is None else _info(item)


def list_all(session: Session, group: str, workspace: str) -> list[EndpointInfo]:
    """Every online endpoint of the workspace. Raises ServiceError."""
    path = f"{names.workspace_id(session.subscription_id, group, workspace)}/onlineEndpoints"
    return [_info(item) for item in arm.list_all(session, path, API_VERSION)]


def create(
    session: Session,
    group: str,
    workspace: str,
    name: str,
    *,
    identity_id: str | None,
    tags: dict[str, str],
    watch: Watch | None = None,
    stop: threading.Event | None = None,
) -> tuple[EndpointInfo, bool]:
    """Create an endpoint with key authentication and wait for it; and whether this call made it. Without `identity_id` it gets an
    identity of its own.

    Azure answers 201, or 200 for one that was there, whose traffic and tags are those of this call then (Online Endpoints - Create Or
    Update; recorded); no condition against that is known, so it is looked for once more when all else is ready, and left as it is.
    Raises ServiceError, and Abandoned when `stop` is set.
    """
    with translated():
        ml = session.ml(group, workspace)  # at its first use an import of seconds, in which much can happen
        entity = _entity(name, identity_id, tags)
    found = get(session, group, workspace, name)
    if found is not None:
        return found, False
    session.operations.finish(lambda: ml.online_endpoints.begin_create_or_update(entity), watch, stop)
    fresh = session.operations.calls.last_status() != 200
    return _present(session, group, workspace, name), fresh


def delete(
    session: Session,
    group: str,
    workspace: str,
    name: str,
    watch: Watch | None = None,
    stop: threading.Event | None = None,
) -> bool:
    """Delete the endpoint with its deployments and wait until it is gone (404); False when it was gone already (204).

    One that is being deleted is waited for only. One that is not seen is asked to be deleted all the same: the look may have been
    answered by who does not know of it yet. Raises ServiceError, and Abandoned when `stop` is set.
    """
    found = get(session, group, workspace, name)
    under_way = found is not None and found.state.lower() == DELETING
    if not under_way:
        with translated():
            ml = session.ml(group, workspace)
        if not sent(session, lambda: ml.online_endpoints.begin_delete(name=name), watch, stop):
            return found is not None
    elif found is not None and watch is not None:
        watch(found.state)
    patience = DELETED_SECONDS if under_way else GONE_SECONDS
    gone(lambda: get(session, group, workspace, name), f"The endpoint '{name}'", stop, patience)
    return True


def set_traffic(
    session: Session,
    group: str,
    workspace: str,
    name: str,
    traffic: dict[str, int],
    watch: Watch | None = None,
    stop: threading.Event | None = None,
) -> EndpointInfo:
    """Send the traffic to the deployments in these percentages, and wait. Raises ServiceError, and Abandoned."""
    with translated():
        ml = session.ml(group, workspace)
        entity = ml.online_endpoints.get(name)
        entity.traffic = dict(traffic)
    session.operations.finish(lambda: ml.online_endpoints.begin_create_or_update(entity), watch, stop)
    return _present(session, group, workspace, name)


def key(session: Session, group: str, workspace: str, name: str) -> Secret:
    """The endpoint's primary key. Raises ServiceError."""
    with translated():
        return Secret(str(session.ml(group, workspace).online_endpoints.get_keys(name).primary_key))


def wait_settled(
    session: Session,
    group: str,
    workspace: str,
    name: str,
    timeout: float = SETTLE_SECONDS,
    watch: Watch | None = None,
    stop: threading.Event | None = None,
) -> EndpointInfo:
    """Wait until the endpoint is not busy: right after a `Succeeded` it may be `Updating` and would refuse a write.

    Raises ServiceError with status 404 when it is not there, with code `mi-tui/endpoint-busy` after `timeout` seconds, and
    Abandoned when `stop` is set.
    """
    end = time.monotonic() + timeout
    pause = 0.2
    while True:
        found = _present(session, group, workspace, name)
        if found.state.lower() not in BUSY:
            return found
        if watch is not None:
            watch(found.state)
        if time.monotonic() >= end:
            words = f"The endpoint '{name}' is still {found.state} after {timeout:.0f} s."
            raise ServiceError(Failure("mi-tui/endpoint-busy", words, target=found.id))
        if (stop or threading.Event()).wait(pause):
            raise Abandoned(f"Stopped while the endpoint was {found.state}.")
        pause = min(pause * 2, 5.0)


def sent(
    session: Session, begin: Callable[[], Poller], watch: Watch | None = None, stop: threading.Event | None = None
) -> bool:
    """Begin a DELETE and wait for its end; False when there was nothing to delete (204 or 404). Raises ServiceError and Abandoned."""
    try:
        session.operations.finish(begin, watch, stop)
    except ServiceError as error:
        if error.status != 404:
            raise
        return False
    return session.operations.calls.last_status() != 204


def gone(
    look: Callable[[], object | None], what: str, stop: threading.Event | None = None, timeout: float = GONE_SECONDS
) -> None:
    """Wait until `look` finds nothing: a delete's end and the 404 are moments apart.

    Raises ServiceError (`mi-tui/still-there`) after `timeout` seconds, and Abandoned.
    """
    end = time.monotonic() + timeout
    pause = 0.2
    while look() is not None:
        if time.monotonic() >= end:
            raise ServiceError(
                Failure("mi-tui/still-there", f"{what} was deleted and is still there after {timeout:.0f} s.")
            )
        if (stop or threading.Event()).wait(pause):
            raise Abandoned("Stopped while waiting for the end of a delete.")
        pause = min(pause * 2, 5.0)


def _entity(name: str, identity_id: str | None, tags: dict[str, str]) -> ManagedOnlineEndpoint:
    from azure.ai.ml.entities import IdentityConfiguration, ManagedIdentityConfiguration, ManagedOnlineEndpoint

    identity = (
        IdentityConfiguration(type="system_assigned")
        if identity_id is None
        else IdentityConfiguration(
            type="user_assigned", user_assigned_identities=[ManagedIdentityConfiguration(resource_id=identity_id)]
        )
    )
    return ManagedOnlineEndpoint(name=name, auth_mode="key", identity=identity, tags=dict(tags))


def _present(session: Session, group: str, workspace: str, name: str) -> EndpointInfo:
    found = get(session, group, workspace, name)
    if found is None:
        raise ServiceError(Failure("ResourceNotFound", f"The endpoint '{name}' was not found.", status=404))
    return found


def _id(session: Session, group: str, workspace: str, name: str) -> str:
    return names.endpoint_id(names.workspace_id(session.subscription_id, group, workspace), name)


def _info(item: arm.Json) -> EndpointInfo:
    traffic = arm.dig(item, "properties", "traffic")
    identities = arm.dig(item, "identity", "userAssignedIdentities")
    return EndpointInfo(
        id=arm.text(item, "id"),
        name=arm.text(item, "name"),
        state=arm.text(item, "properties", "provisioningState"),
        scoring_uri=arm.text(item, "properties", "scoringUri"),
        identity_kind=arm.text(item, "identity", "type"),
        identity_ids=tuple(str(identifier) for identifier in identities) if isinstance(identities, dict) else (),
        principal_id=arm.text(item, "identity", "principalId") or None,
        traffic={str(k): int(v) for k, v in traffic.items() if isinstance(v, (int, float))}
        if isinstance(traffic, dict)
        else {},
        location=arm.text(item, "location"),
        tags=arm.texts(item, "tags"),
        operation=arm.text(item, "properties", "properties", "AzureAsyncOperationUri"),
        public=arm.text(item, "properties", "publicNetworkAccess").lower() != "disabled",
    )
