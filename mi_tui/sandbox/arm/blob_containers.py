"""Blob containers as ARM resources; the data plane makes and deletes the same ones through `sandbox.containers`."""

from __future__ import annotations

import uuid
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response

from mi_tui.model import names
from mi_tui.sandbox import containers
from mi_tui.sandbox.arm.router import Call, reply, route
from mi_tui.sandbox.arm.shapes import TEXTS, Shape
from mi_tui.sandbox.arm.storage import ACCOUNT, account_above, empty, storage_page, storage_reply
from mi_tui.sandbox.blob import call as blob
from mi_tui.sandbox.blob import containers as data_plane
from mi_tui.sandbox.blob import leases
from mi_tui.sandbox.blob.errors import BEING_DELETED, BlobError
from mi_tui.sandbox.errors import ArmError, bad_request
from mi_tui.sandbox.store import Resource
from mi_tui.sandbox.times import zulu

_CONTAINERS = ACCOUNT + "/blobServices/default/containers"
_CONTAINER = _CONTAINERS + "/{c}"
_BODY: Shape = {
    "properties": {
        "publicAccess": str, "metadata": TEXTS, "defaultEncryptionScope": str, "denyEncryptionScopeOverride": bool,
    }
}  # fmt: skip
_LEASE = {
    "action": "x-ms-lease-action",
    "leaseId": "x-ms-lease-id",
    "proposedLeaseId": "x-ms-proposed-lease-id",
    "leaseDuration": "x-ms-lease-duration",
    "breakPeriod": "x-ms-lease-break-period",
}
_TOLD = {"leaseStatus": "status", "leaseState": "state", "leaseDuration": "duration"}
_SPECIAL = frozenset({"$root", "$logs", "$web"})


@route("PUT", _CONTAINER, f"{containers.TYPE}/write", _BODY)
def put_container(call: Call) -> Response:
    """Make a container (201); 200 when it is there already, 409 when it is being deleted."""
    account = account_above(call)
    name = call.ids["c"]
    if name not in _SPECIAL and names.CONTAINER.fault(name):
        if not 3 <= len(name) <= 63:
            raise _data_plane_error(
                400, "OutOfRangeInput", "The specified resource name length is not within the permissible limits."
            )
        raise _data_plane_error(400, "InvalidResourceName", "The specifed resource name contains invalid characters.")
    _check_public(account, call.body.get("properties") or {})
    existing = call.world.store.resource(containers.container_id(account.id, name))
    if existing is None and containers.being_deleted(call.world, account, name):
        # Resource Manager's own code, and the blob service's sentence (Azure/azure-rest-api-specs#30456).
        raise _data_plane_error(409, "ContainerOperationFailure", BEING_DELETED)
    container = containers.create_container(call.world, account.id, name)
    if call.body.get("properties"):
        _change(call, container)
    # Of the properties, nothing is answered here (recorded).
    body = {key: container.body[key] for key in ("id", "name", "type")}
    return storage_reply(201 if existing is None else 200, body, {"etag": container.body["etag"]})


@route("GET", _CONTAINER, f"{containers.TYPE}/read")
def get_container(call: Call) -> Response:
    """One container."""
    container = _container(call)
    return storage_reply(200, _shown(container), {"etag": container.body["etag"]})


@route("GET", _CONTAINERS, f"{containers.TYPE}/read")
def list_containers(call: Call) -> Response:
    """The containers of an account; `$filter` is a prefix of the name."""
    account = account_above(call)
    prefix = call.query.get("$filter", "")
    found = call.world.store.resources(containers.TYPE, under=account.id)
    return storage_page([_shown(c) for c in sorted(found, key=lambda c: c.name) if c.name.startswith(prefix)])


@route("PATCH", _CONTAINER, f"{containers.TYPE}/write", _BODY)
def patch_container(call: Call) -> Response:
    """Change a container's public access or metadata."""
    container = _container(call)
    _check_public(account_above(call), call.body.get("properties") or {})
    _change(call, container)
    members = ("deleted", "remainingRetentionDays", "metadata", "publicAccess", "hasImmutabilityPolicy", "hasLegalHold")
    properties = {key: container.body["properties"][key] for key in members if key in container.body["properties"]}
    body = {key: container.body[key] for key in ("id", "name", "type")} | {"properties": properties}
    return storage_reply(200, body, {"etag": container.body["etag"]})


@route("DELETE", _CONTAINER, f"{containers.TYPE}/delete")
def delete_container(call: Call) -> Response:
    """Delete a container with its blobs and the role assignments at it; 204 when there is none."""
    account = account_above(call)
    container = call.world.store.resource(containers.container_id(account.id, call.ids["c"]))
    if container is None:
        return reply(204)
    containers.delete_container(call.world, container)
    return empty(200)


@route(
    "POST",
    _CONTAINER + "/lease",
    body={"action": str, "leaseId": str, "proposedLeaseId": str, "leaseDuration": int, "breakPeriod": int},
)
async def lease_container(call: Call) -> Response:
    """Acquire, renew, change, release or break the container's lease, as the data plane does ("Blob Containers - Lease")."""
    account = account_above(call)
    container = call.path.rpartition("/")[0]
    call.require(f"{containers.TYPE}/lease/action", container)
    headers = {header: str(call.body[name]) for name, header in _LEASE.items() if call.body.get(name) is not None}
    asked = blob.Call(
        call.world, account, "PUT", call.path, "", {}, Headers(headers), call.request.receive, {}, call.ids["c"], None, "2023-11-03"
    )  # fmt: skip
    try:
        answer = await data_plane.lease(asked)
    except BlobError as error:
        raise _data_plane_error(error.status, error.code, error.message) from error
    names = {"x-ms-lease-id": "leaseId", "x-ms-lease-time": "leaseTimeSeconds"}
    return storage_reply(
        200, {name: answer.headers[header] for header, name in names.items() if header in answer.headers}
    )


def _shown(container: Resource) -> dict[str, Any]:
    """A container's body with its lease as it is now: one ends by itself."""
    told = leases.headers(container.private.get("lease"))
    lease = {
        key: told[f"x-ms-lease-{name}"].capitalize() for key, name in _TOLD.items() if f"x-ms-lease-{name}" in told
    }
    return {**container.body, "properties": {**container.body["properties"], **lease}}


def _container(call: Call) -> Resource:
    account = account_above(call)
    found = call.world.store.resource(containers.container_id(account.id, call.ids["c"]))
    if found is None:
        raise _data_plane_error(404, "ContainerNotFound", "The specified container does not exist.")
    return found


def _data_plane_error(status: int, code: str, message: str) -> ArmError:
    """An error of the blob service as ARM hands it on, with the service's own request id and time (recorded)."""
    text = f"{message}\nRequestId:{uuid.uuid4()}\nTime:{zulu()}"
    return ArmError(status, code, text, headers={"content-type": "application/json"})


def _check_public(account: Resource, properties: dict[str, Any]) -> None:
    wanted = properties.get("publicAccess") or "None"
    if wanted not in {"None", "Blob", "Container"}:
        raise bad_request(
            "Values for request parameters are invalid: publicAccess.", "InvalidValuesForRequestParameters"
        )
    if wanted != "None" and not account.body["properties"].get("allowBlobPublicAccess"):
        raise ArmError(409, "PublicAccessNotPermitted", "Public access is not permitted on this storage account.")


def _change(call: Call, container: Resource) -> None:
    sent = call.body.get("properties") or {}
    for key in ("publicAccess", "metadata", "defaultEncryptionScope", "denyEncryptionScopeOverride"):
        if sent.get(key) is not None:
            container.body["properties"][key] = sent[key]
    containers.touch(call.world, container)
