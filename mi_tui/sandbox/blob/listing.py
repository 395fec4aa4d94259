"""List Containers and List Blobs: pages of XML with Azure's elements in Azure's order (recorded)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from mi_tui.sandbox import containers
from mi_tui.sandbox.blob.call import Answer, Call
from mi_tui.sandbox.blob.errors import XML_HEAD, allowed_in_xml, invalid_query, text
from mi_tui.sandbox.blob.rows import http_date
from mi_tui.sandbox.store import Blob, Resource

PAGE = 5000
"""Entries a page has at most, and unless the client asks for fewer."""

_TAIL = "!000028!9999-12-31T23:59:59.9999999Z!"


async def list_containers(call: Call) -> Answer:
    """List Containers: of the account, those whose names begin with `prefix`."""
    prefix, after, limit = call.query.get("prefix", ""), _after(call), call.number("maxresults", PAGE, PAGE)
    under = f"{call.account.id}/blobServices/default"
    found = sorted(call.world.store.resources(containers.TYPE, under), key=lambda container: container.name)
    names = [c for c in found if c.name.startswith(prefix) and c.name >= after]
    shown, rest = names[:limit], names[limit:]
    with_metadata = "metadata" in _included(call)
    inner = "".join(_container(container, with_metadata) for container in shown)
    parts = [_echo(call, ("prefix", "marker", "maxresults")), _wrap("Containers", inner)]
    return _page(call, None, parts, rest[0].name if rest else None)


async def list_blobs(call: Call) -> Answer:
    """List Blobs, flat or, with `delimiter`, as in a folder."""
    container = call.container_resource()
    prefix, delimiter = call.query.get("prefix", ""), call.query.get("delimiter", "")
    after, limit = _after(call), call.number("maxresults", PAGE, PAGE)
    with_metadata = "metadata" in _included(call)
    entries: list[str] = []
    last_folder: str | None = None
    following: str | None = None
    for blob in call.world.store.blobs_in(call.account_name, container.name, prefix, after):
        cut = blob.name.find(delimiter, len(prefix)) if delimiter else -1
        folder = blob.name[: cut + len(delimiter)] if cut >= 0 else None
        # A marker may name a folder: its blobs come after it in the order of names.
        if (folder or blob.name) < after or (folder is not None and folder == last_folder):
            continue
        if len(entries) == limit:
            following = folder or blob.name
            break
        last_folder = folder
        entries.append(_blob(blob, with_metadata) if folder is None else f"<BlobPrefix>{_name(folder)}</BlobPrefix>")
    parts = [_echo(call, ("prefix", "marker", "maxresults", "delimiter")), _wrap("Blobs", "".join(entries))]
    return _page(call, container.name, parts, following)


def _page(call: Call, container: str | None, parts: list[str], following: str | None) -> Answer:
    endpoint = quoteattr(f"https://{call.account_name}.blob.core.windows.net/")
    attributes = f"ServiceEndpoint={endpoint}"
    if container is not None:
        attributes += f" ContainerName={quoteattr(container)}"
    marker = "<NextMarker />" if following is None else f"<NextMarker>{_marker(following)}</NextMarker>"
    xml = f"{XML_HEAD}<EnumerationResults {attributes}>{''.join(parts)}{marker}</EnumerationResults>"
    return Answer(200, {"content-type": "application/xml"}, xml.encode())


def _echo(call: Call, names: tuple[str, ...]) -> str:
    elements = {"prefix": "Prefix", "marker": "Marker", "maxresults": "MaxResults", "delimiter": "Delimiter"}
    return "".join(_element(elements[name], call.query[name]) for name in names if call.query.get(name))


def _included(call: Call) -> set[str]:
    return {part.strip().lower() for part in call.query.get("include", "").split(",")}


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


def _container(container: Resource, with_metadata: bool) -> str:
    properties = container.body.get("properties", {})
    inner = (
        _element("Last-Modified", http_date(float(container.private.get("last_modified", container.created))))
        + _element("Etag", str(container.body.get("etag", "")))
        + _element("LeaseStatus", "unlocked")
        + _element("LeaseState", "available")
        + _element("HasImmutabilityPolicy", "false")
        + _element("HasLegalHold", "false")
    )
    metadata = _metadata(properties.get("metadata") or {}) if with_metadata else ""
    return f"<Container>{_name(container.name)}<Properties>{inner}</Properties>{metadata}</Container>"


def _blob(blob: Blob, with_metadata: bool) -> str:
    properties = blob.properties
    inner = "".join(
        _element(name, value)
        for name, value in (
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
            ("BlobType", str(properties.get("blob_type", "BlockBlob"))),
            ("LeaseStatus", "unlocked"),
            ("LeaseState", "available"),
            ("ServerEncrypted", "true"),
        )
    )
    metadata = _metadata(properties.get("metadata") or {}) if with_metadata else ""
    return f"<Blob>{_name(blob.name)}<Properties>{inner}</Properties>{metadata}<OrMetadata /></Blob>"


def _metadata(metadata: Mapping[str, str]) -> str:
    return _wrap("Metadata", "".join(_element(name, value) for name, value in metadata.items()))


def _name(name: str) -> str:
    # Version 2021-02-12 and later: a name that XML cannot carry is percent-encoded and says so.
    if all(allowed_in_xml(character) for character in name):
        return _element("Name", name)
    return f'<Name Encoded="true">{quote(name)}</Name>'


def _element(name: str, value: str) -> str:
    return f"<{name}>{text(value)}</{name}>" if value else f"<{name} />"


def _wrap(name: str, inner: str) -> str:
    return f"<{name}>{inner}</{name}>" if inner else f"<{name} />"
