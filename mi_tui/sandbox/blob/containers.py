"""Containers as the data plane sees them; making and deleting the resource is `sandbox.containers`' matter."""

from __future__ import annotations

from mi_tui.model.names import CONTAINER
from mi_tui.sandbox import containers
from mi_tui.sandbox.blob import leases, xml
from mi_tui.sandbox.blob.call import Answer, Call
from mi_tui.sandbox.blob.conditions import check_write
from mi_tui.sandbox.blob.delegation import seconds
from mi_tui.sandbox.blob.errors import XML_HEAD, fault, invalid_header
from mi_tui.sandbox.blob.files import small_body
from mi_tui.sandbox.blob.rows import metadata_headers, stamp
from mi_tui.sandbox.store import Resource

_SYSTEM = ("$root", "$web", "$logs")
_MOST_POLICIES = 5
_POLICY = {"start": "Start", "expiry": "Expiry", "permission": "Permission"}


async def create(call: Call) -> Answer:
    """Create Container. 409 when it is there, or is being deleted; the name's rules as Azure checks them."""
    name = call.container or ""
    if name not in _SYSTEM and not CONTAINER.pattern.fullmatch(name):
        if not 3 <= len(name) <= 63:
            error = fault("OutOfRangeInput")
            error.message = "The specified resource name length is not within the permissible limits."
            raise error
        raise fault("InvalidResourceName")
    public = _public(call)
    metadata = call.metadata()
    if call.find_container() is not None:
        raise fault("ContainerAlreadyExists")
    if containers.being_deleted(call.world, call.account, name):
        raise fault("ContainerBeingDeleted")
    container = containers.create_container(call.world, call.account.id, name)
    if metadata or public != "None":
        container.body["properties"] |= {"publicAccess": public} | ({"metadata": metadata} if metadata else {})
        call.world.store.put(container)
    return Answer(201, _stamp(container))


async def delete(call: Call) -> Answer:
    """Delete Container, with its blobs and the role assignments at its scope."""
    container = call.container_resource()
    leases.check_write_allowed(call, container.private.get("lease"), "Container")
    _check(call, container)
    containers.delete_container(call.world, container)
    return Answer(202)


async def properties(call: Call) -> Answer:
    """Get Container Properties (GET or HEAD)."""
    container = _readable(call)
    headers = {**_stamp(container), **leases.headers(container.private.get("lease")), **_public_header(container)}
    if call.version >= "2017-11-09":
        headers |= {"x-ms-has-immutability-policy": "false", "x-ms-has-legal-hold": "false"}
    if call.version >= "2019-02-02":
        headers |= {
            "x-ms-default-encryption-scope": str(container.body["properties"]["defaultEncryptionScope"]),
            "x-ms-deny-encryption-scope-override": str(container.body["properties"]["denyEncryptionScopeOverride"]).lower(),
        }  # fmt: skip
    if call.version >= "2023-01-03":
        headers["x-ms-immutable-storage-with-versioning-enabled"] = "false"
    return Answer(200, headers | metadata_headers(container.body["properties"].get("metadata") or {}))


async def get_metadata(call: Call) -> Answer:
    """Get Container Metadata."""
    container = _readable(call)
    return Answer(200, {**_stamp(container), **metadata_headers(container.body["properties"].get("metadata") or {})})


async def set_metadata(call: Call) -> Answer:
    """Set Container Metadata: replaces all of it."""
    container = _readable(call)
    _check(call, container)
    container.body["properties"]["metadata"] = call.metadata()
    containers.touch(call.world, container)
    return Answer(200, _stamp(container))


async def get_acl(call: Call) -> Answer:
    """Get Container ACL: public access and the stored access policies."""
    container = _readable(call)
    headers = {**_stamp(container), "content-type": "application/xml", **_public_header(container)}
    inner = "".join(_identifier(policy) for policy in container.private.get("policies") or [])
    return Answer(200, headers, f"{XML_HEAD}{xml.wrap('SignedIdentifiers', inner)}".encode(), chunked=True)


async def set_acl(call: Call) -> Answer:
    """Set Container ACL: replaces public access and all stored access policies. InvalidXmlDocument for more than five."""
    data = await small_body(call, 64 * 1024)
    policies = _policies(data) if data else []
    public = _public(call)
    container = _readable(call)
    _check(call, container)
    container.private["policies"] = policies
    container.body["properties"]["publicAccess"] = public
    containers.touch(call.world, container)
    return Answer(200, _stamp(container))


async def lease(call: Call) -> Answer:
    """Lease Container: acquire, renew, change, release, break."""
    container = call.container_resource()
    stamped = str(container.body["etag"]), float(container.private["last_modified"])
    held, answer = leases.operate(call, container.private.get("lease"), "Container", *stamped)
    container.private["lease"] = held
    call.world.store.put(container)
    return Answer(answer.status, {**_stamp(container), **answer.headers})


async def account_information(call: Call) -> Answer:
    """Get Account Information."""
    sku = call.account.body.get("sku") or {}
    headers = {
        "x-ms-sku-name": str(sku.get("name", "Standard_LRS")),
        "x-ms-account-kind": str(call.account.body.get("kind", "StorageV2")),
        "x-ms-is-hns-enabled": "false",
    }
    return Answer(200, headers)


def _readable(call: Call) -> Resource:
    container = call.container_resource()
    leases.check_read_allowed(call, container.private.get("lease"), "Container")
    return container


def _check(call: Call, container: Resource) -> None:
    check_write(call.headers, str(container.body["etag"]), float(container.private["last_modified"]))


def _public(call: Call) -> str:
    """The public access that a request sets, as ARM writes it."""
    value = call.headers.get("x-ms-blob-public-access")
    if value is None:
        return "None"
    if value.lower() not in ("container", "blob"):
        raise invalid_header("x-ms-blob-public-access", value)
    if call.account.body.get("properties", {}).get("allowBlobPublicAccess") is not True:
        raise fault("PublicAccessNotPermitted")
    return value.capitalize()


def _public_header(container: Resource) -> dict[str, str]:
    public = str(container.body["properties"].get("publicAccess") or "None").lower()
    return {} if public == "none" else {"x-ms-blob-public-access": public}


def _policies(data: bytes) -> list[dict[str, str]]:
    root = xml.document(data, "SignedIdentifiers")
    if len(root) > _MOST_POLICIES:
        raise xml.malformed()
    found = []
    for entry in root:
        identifier = entry.findtext("Id") or ""
        policy = {name: (entry.findtext(f"AccessPolicy/{tag}") or "").strip() for name, tag in _POLICY.items()}
        if entry.tag != "SignedIdentifier" or not 1 <= len(identifier) <= 64:
            raise xml.malformed()
        if any(policy[name] and seconds(policy[name]) is None for name in ("start", "expiry")):
            raise xml.malformed()
        found.append({"id": identifier, **policy})
    if len({policy["id"] for policy in found}) != len(found):
        raise xml.malformed()
    return found


def _identifier(policy: dict[str, str]) -> str:
    inner = "".join(xml.element(tag, policy[name]) for name, tag in _POLICY.items() if policy.get(name))
    held = xml.wrap("AccessPolicy", inner) if inner else ""
    return f"<SignedIdentifier>{xml.element('Id', policy['id'])}{held}</SignedIdentifier>"


def _stamp(container: Resource) -> dict[str, str]:
    return stamp(str(container.body["etag"]), float(container.private["last_modified"]))
