"""Containers as the data plane sees them; making and deleting the resource is `sandbox.containers`' matter."""

from __future__ import annotations

from mi_tui.model.names import CONTAINER
from mi_tui.sandbox import containers
from mi_tui.sandbox.blob.call import Answer, Call
from mi_tui.sandbox.blob.conditions import check_write
from mi_tui.sandbox.blob.errors import XML_HEAD, fault, unsupported
from mi_tui.sandbox.blob.rows import metadata_headers, stamp
from mi_tui.sandbox.store import Resource

_SYSTEM = ("$root", "$web", "$logs")

_SERVICE_PROPERTIES = (
    "<StorageServiceProperties><Logging><Version>1.0</Version><Read>false</Read><Write>false</Write><Delete>false</Delete>"
    "<RetentionPolicy><Enabled>false</Enabled></RetentionPolicy></Logging><HourMetrics><Version>1.0</Version>"
    "<Enabled>true</Enabled><IncludeAPIs>true</IncludeAPIs><RetentionPolicy><Enabled>true</Enabled><Days>7</Days>"
    "</RetentionPolicy></HourMetrics><MinuteMetrics><Version>1.0</Version><Enabled>false</Enabled><RetentionPolicy>"
    "<Enabled>false</Enabled></RetentionPolicy></MinuteMetrics><Cors /><DeleteRetentionPolicy><Enabled>false</Enabled>"
    "<AllowPermanentDelete>false</AllowPermanentDelete></DeleteRetentionPolicy></StorageServiceProperties>"
)


async def create(call: Call) -> Answer:
    """Create Container. 409 when it is there; the name's rules as Azure checks them."""
    name = call.container or ""
    if name not in _SYSTEM and not CONTAINER.pattern.fullmatch(name):
        if not 3 <= len(name) <= 63:
            error = fault("OutOfRangeInput")
            error.message = "The specified resource name length is not within the permissible limits."
            raise error
        raise fault("InvalidResourceName")
    if call.headers.get("x-ms-blob-public-access"):
        raise unsupported("public access given by Create Container; use the management API")
    metadata = call.metadata()
    if call.find_container() is not None:
        raise fault("ContainerAlreadyExists")
    container = containers.create_container(call.world, call.account.id, name)
    if metadata:
        container.body["properties"]["metadata"] = metadata
        call.world.store.put(container)
    return Answer(201, _stamp(container))


async def delete(call: Call) -> Answer:
    """Delete Container, with its blobs and the role assignments at its scope."""
    container = _checked(call)
    containers.delete_container(call.world, container)
    return Answer(202)


async def properties(call: Call) -> Answer:
    """Get Container Properties (GET or HEAD)."""
    container = call.container_resource()
    public = str(container.body["properties"].get("publicAccess") or "None").lower()
    headers = {
        **_stamp(container),
        "x-ms-lease-state": "available",
        "x-ms-lease-status": "unlocked",
        "x-ms-has-immutability-policy": "false",
        "x-ms-has-legal-hold": "false",
        **metadata_headers(container.body["properties"].get("metadata") or {}),
    }
    if public != "none":
        headers["x-ms-blob-public-access"] = public
    return Answer(200, headers)


async def get_metadata(call: Call) -> Answer:
    """Get Container Metadata."""
    container = call.container_resource()
    return Answer(200, {**_stamp(container), **metadata_headers(container.body["properties"].get("metadata") or {})})


async def set_metadata(call: Call) -> Answer:
    """Set Container Metadata: replaces all of it."""
    container = _checked(call)
    container.body["properties"]["metadata"] = call.metadata()
    containers.touch(call.world, container)
    return Answer(200, _stamp(container))


async def get_acl(call: Call) -> Answer:
    """Get Container ACL: there are no stored access policies here."""
    container = call.container_resource()
    headers = {**_stamp(container), "content-type": "application/xml"}
    public = str(container.body["properties"].get("publicAccess") or "None").lower()
    if public != "none":
        headers["x-ms-blob-public-access"] = public
    return Answer(200, headers, f"{XML_HEAD}<SignedIdentifiers />".encode())


async def service_properties(call: Call) -> Answer:
    """Get Blob Service Properties: what a new account answers (recorded)."""
    return Answer(200, {"content-type": "application/xml"}, f"{XML_HEAD}{_SERVICE_PROPERTIES}".encode())


async def account_information(call: Call) -> Answer:
    """Get Account Information."""
    sku = call.account.body.get("sku") or {}
    headers = {
        "x-ms-sku-name": str(sku.get("name", "Standard_LRS")),
        "x-ms-account-kind": str(call.account.body.get("kind", "StorageV2")),
        "x-ms-is-hns-enabled": "false",
    }
    return Answer(200, headers)


def _checked(call: Call) -> Resource:
    container = call.container_resource()
    check_write(call.headers, str(container.body["etag"]), float(container.private["last_modified"]))
    return container


def _stamp(container: Resource) -> dict[str, str]:
    return stamp(str(container.body["etag"]), float(container.private["last_modified"]))
