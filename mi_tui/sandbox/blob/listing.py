"""List Containers, List Blobs and Find Blobs by Tags: pages of XML with Azure's elements in Azure's order (recorded)."""

from __future__ import annotations

import base64
import binascii
import itertools
from collections.abc import Iterator, Mapping
from xml.sax.saxutils import quoteattr

from mi_tui.sandbox import containers
from mi_tui.sandbox.blob import leases, tags, tiers
from mi_tui.sandbox.blob.call import Answer, Call
from mi_tui.sandbox.blob.errors import XML_HEAD, fault, invalid_query
from mi_tui.sandbox.blob.rows import http_date
from mi_tui.sandbox.blob.xml import element, named, wrap
from mi_tui.sandbox.store import Blob, Resource

PAGE = 5000
"""Entries a page has at most, and unless the client asks for fewer."""

_TAIL = "!000028!9999-12-31T23:59:59.9999999Z!"

_TIER = {
    "AccessTier": "x-ms-access-tier", "AccessTierInferred": "x-ms-access-tier-inferred",
    "AccessTierChangeTime": "x-ms-access-tier-change-time", "SmartAccessTier": "x-ms-smart-access-tier",
    "ArchiveStatus": "x-ms-archive-status", "RehydratePriority": "x-ms-rehydrate-priority",
}  # fmt: skip
"""Elements of a list -> the headers that say the same."""

_CONTAINER_EXTRAS = frozenset({"metadata", "deleted", "system"})
_BLOB_EXTRAS = frozenset(
    {
        "snapshots", "metadata", "uncommittedblobs", "copy", "deleted", "tags", "versions", "deletedwithversions",
        "immutabilitypolicy", "legalhold", "permissions",
    }
)  # fmt: skip


async def list_containers(call: Call) -> Answer:
    """List Containers: of the account, those whose names begin with `prefix`; Azure's own ones only with `include=system`."""
    prefix, after, limit = call.query.get("prefix", ""), _after(call), call.number("maxresults", PAGE, PAGE)
    included = _included(call, _CONTAINER_EXTRAS)
    under = f"{call.account.id}/blobServices/default"
    found = sorted(call.world.store.resources(containers.TYPE, under), key=lambda container: container.name)
    chosen = [
        c
        for c in found
        if c.name.startswith(prefix) and c.name >= after and (c.name != "$logs" or "system" in included)
    ]
    shown, rest = chosen[:limit], chosen[limit:]
    inner = "".join(_container(container, "metadata" in included, call.version >= "2023-01-03") for container in shown)
    parts = [_echo(call, ("prefix", "marker", "maxresults")), wrap("Containers", inner)]
    return _page(call, None, parts, rest[0].name if rest else None)


async def list_blobs(call: Call) -> Answer:
    """List Blobs, flat or, with `delimiter`, as in a folder. There are no snapshots, versions or deleted blobs to include."""
    container = call.container_resource()
    prefix, delimiter = call.query.get("prefix", ""), call.query.get("delimiter", "")
    after, limit = _after(call), call.number("maxresults", PAGE, PAGE)
    included = _included(call, _BLOB_EXTRAS)
    if delimiter and "snapshots" in included:
        raise invalid_query("include", call.query["include"], "Snapshots cannot be listed with a delimiter.")
    start = max(after, call.query.get("startfrom", ""))
    entries: list[str] = []
    last_folder: str | None = None
    following: str | None = None
    for blob in _blobs(call, container.name, prefix, start, "uncommittedblobs" in included):
        cut = blob.name.find(delimiter, len(prefix)) if delimiter else -1
        folder = blob.name[: cut + len(delimiter)] if cut >= 0 else None
        # A marker may name a folder: its blobs come after it in the order of names.
        if (folder or blob.name) < after or (folder is not None and folder == last_folder):
            continue
        if len(entries) == limit:
            following = folder or blob.name
            break
        last_folder = folder
        entries.append(_blob(call, blob, included) if folder is None else f"<BlobPrefix>{named(folder)}</BlobPrefix>")
    parts = [_echo(call, ("prefix", "marker", "maxresults", "delimiter")), wrap("Blobs", "".join(entries))]
    return _page(call, container.name, parts, following)


async def find_blobs(call: Call) -> Answer:
    """Find Blobs by Tags, in the account or, with `restype=container`, in a container; each with the tags that were asked for."""
    expression = call.query.get("where", "")
    if not expression:
        raise fault("MissingRequiredQueryParameter", QueryParameterName="where")
    wanted = tags.parse(expression)
    asked = tags.names_in(wanted)
    after, limit = _after(call), call.number("maxresults", PAGE, PAGE)
    inside = call.container_resource().name if call.container is not None else None
    found: list[str] = []
    following = None
    for blob in call.world.store.blobs():
        held = blob.properties.get("tags") or {}
        place = f"{blob.container}/{blob.name}"
        if blob.account != call.account_name or inside not in (None, blob.container) or place < after or not held:
            continue
        if not tags.holds(wanted, held, blob.container):
            continue
        if len(found) == limit:
            following = place
            break
        shown = {name: value for name, value in held.items() if name in asked}
        found.append(f"<Blob>{named(blob.name)}{element('ContainerName', blob.container)}{tags.element(shown)}</Blob>")
    parts = [element("Where", expression), wrap("Blobs", "".join(found))]
    return _page(call, None, parts, following)


def _blobs(call: Call, container: str, prefix: str, start: str, uncommitted: bool) -> Iterator[Blob]:
    """A container's blobs in the order of their names, with those that have only uncommitted blocks where they are asked for."""
    store = call.world.store
    committed = store.blobs_in(call.account_name, container, prefix, start)
    if not uncommitted:
        return committed
    whole = list(committed)
    names = {blob.name for blob in whole}
    begun = [
        Blob(call.account_name, container, name, 0, "", {"uncommitted": True, "blob_type": "BlockBlob"})
        for name in store.begun_blobs(call.account_name, container)
        if name.startswith(prefix) and name >= start and name not in names
    ]
    return iter(sorted(itertools.chain(whole, begun), key=lambda blob: blob.name.encode()))


def _page(call: Call, container: str | None, parts: list[str], following: str | None) -> Answer:
    endpoint = quoteattr(f"https://{call.account_name}.blob.core.windows.net/")
    attributes = f"ServiceEndpoint={endpoint}"
    if container is not None:
        attributes += f" ContainerName={quoteattr(container)}"
    marker = "<NextMarker />" if following is None else f"<NextMarker>{_marker(following)}</NextMarker>"
    xml = f"{XML_HEAD}<EnumerationResults {attributes}>{''.join(parts)}{marker}</EnumerationResults>"
    return Answer(200, {"content-type": "application/xml"}, xml.encode(), chunked=True)


def _echo(call: Call, names: tuple[str, ...]) -> str:
    elements = {"prefix": "Prefix", "marker": "Marker", "maxresults": "MaxResults", "delimiter": "Delimiter"}
    return "".join(element(elements[name], call.query[name]) for name in names if call.query.get(name))


def _included(call: Call, known: frozenset[str]) -> set[str]:
    """What `include` names; InvalidQueryParameterValue for a word that is none."""
    value = call.query.get("include", "")
    names = {part.strip().lower() for part in value.split(",")} - {""}
    if names - known:
        raise invalid_query("include", value, "Invalid query parameter value.")
    return names


def _marker(following: str) -> str:
    """An opaque marker in Azure's form: version, length, and base64 of the next name and an end of time."""
    name = following.encode()
    inner = base64.b64encode(f"{len(name):06}!".encode() + name + _TAIL.encode()).decode().replace("=", "-")
    return f"2!{len(inner)}!{inner}"


def _after(call: Call) -> str:
    """The name at which a page begins."""
    marker = call.query.get("marker", "")
    if not marker:
        return ""
    try:
        version, length, inner = marker.split("!", 2)
        if version != "2" or int(length) != len(inner):
            raise ValueError(marker)
        size, rest = base64.b64decode(inner.replace("-", "="), validate=True).split(b"!", 1)
        return rest[: int(size)].decode()
    except (ValueError, binascii.Error) as error:
        raise invalid_query("marker", marker, "Invalid ListBlobs marker.") from error


def _container(container: Resource, with_metadata: bool, newer: bool) -> str:
    properties = container.body.get("properties", {})
    public = str(properties.get("publicAccess") or "None").lower()
    lease = leases.headers(container.private.get("lease"))
    inner = (
        element("Last-Modified", http_date(float(container.private.get("last_modified", container.created))))
        + element("Etag", str(container.body.get("etag", "")))
        + _lease(lease)
        + ("" if public == "none" else element("PublicAccess", public))
        + element("HasImmutabilityPolicy", "false")
        + element("HasLegalHold", "false")
        + ("<ImmutableStorageWithVersioningEnabled>false</ImmutableStorageWithVersioningEnabled>" if newer else "")
    )
    metadata = _metadata(properties.get("metadata") or {}) if with_metadata else ""
    return f"<Container>{named(container.name)}<Properties>{inner}</Properties>{metadata}</Container>"


def _lease(lease: Mapping[str, str]) -> str:
    found = element("LeaseStatus", lease["x-ms-lease-status"]) + element("LeaseState", lease["x-ms-lease-state"])
    if "x-ms-lease-duration" in lease:
        found += element("LeaseDuration", lease["x-ms-lease-duration"])
    return found


def _blob(call: Call, blob: Blob, included: set[str]) -> str:
    properties = blob.properties
    if properties.get("uncommitted"):
        inner = "<Content-Length>0</Content-Length><BlobType>BlockBlob</BlobType>"
        return f"<Blob>{named(blob.name)}<Properties>{inner}</Properties><OrMetadata /></Blob>"
    values = [
        ("Creation-Time", http_date(float(properties["creation_time"]))),
        ("Last-Modified", http_date(float(properties["last_modified"]))),
        ("Etag", str(properties["etag"]).strip('"')),
        ("Content-Length", str(blob.size)),
        ("Content-Type", str(properties.get("content_type") or "")),
        ("Content-Encoding", str(properties.get("content_encoding") or "")),
        ("Content-Language", str(properties.get("content_language") or "")),
        ("Content-CRC64", ""),
        ("Content-MD5", str(properties.get("content_md5") or "")),
        ("Cache-Control", str(properties.get("cache_control") or "")),
        ("Content-Disposition", str(properties.get("content_disposition") or "")),
    ]
    if "sequence" in properties:
        values.append(("x-ms-blob-sequence-number", str(properties["sequence"])))
    values.append(("BlobType", str(properties["blob_type"])))
    tier = tiers.told(call, blob)
    values += [(name, tier[header]) for name, header in _TIER.items() if header in tier]
    inner = "".join(element(name, value) for name, value in values) + _lease(leases.headers(properties.get("lease")))
    copy = properties.get("copy")
    if copy and "copy" in included:
        names = ("CopyId", "CopySource", "CopyStatus", "CopyProgress", "CopyCompletionTime")
        keys = ("id", "source", "status", "progress", "completion")
        inner += "".join(element(name, copy[key]) for name, key in zip(names, keys, strict=True))
    inner += element("ServerEncrypted", "true")
    if properties.get("sealed"):
        inner += element("Sealed", "true")
    held = properties.get("tags") or {}
    if held:
        inner += element("TagCount", str(len(held)))
    metadata = _metadata(properties.get("metadata") or {}) if "metadata" in included else ""
    tagged = tags.element(held) if held and "tags" in included else ""
    return f"<Blob>{named(blob.name)}<Properties>{inner}</Properties>{metadata}{tagged}<OrMetadata /></Blob>"


def _metadata(metadata: Mapping[str, str]) -> str:
    return wrap("Metadata", "".join(element(name, value) for name, value in metadata.items()))
