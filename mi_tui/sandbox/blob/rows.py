"""Blob rows and what their headers say: one place where a blob is committed, whoever writes it."""

from __future__ import annotations

import base64
import hashlib
import os
import time
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

from mi_tui.sandbox import containers
from mi_tui.sandbox.blob import leases, tags, tiers
from mi_tui.sandbox.blob.call import Call
from mi_tui.sandbox.blob.files import new_file
from mi_tui.sandbox.store import Blob, Store
from mi_tui.sandbox.world import World

CONTENT_HEADERS = {
    "content_type": "content-type",
    "content_encoding": "content-encoding",
    "content_language": "content-language",
    "cache_control": "cache-control",
    "content_disposition": "content-disposition",
}
"""Property of a row -> header of an answer."""

_PLAIN_HEADERS = {key: header for key, header in CONTENT_HEADERS.items() if key != "content_disposition"}

DEFAULT_TYPE = "application/octet-stream"


_OVERRIDES = {
    "rscc": "cache-control", "rscd": "content-disposition", "rsce": "content-encoding", "rscl": "content-language",
    "rsct": "content-type",
}  # fmt: skip


def put_bytes(
    world: World, account: str, container: str, name: str, data: bytes, *,
    content_type: str = DEFAULT_TYPE, metadata: dict[str, str] | None = None,
) -> Blob:  # fmt: skip
    """Write a small blob without a request, as the sandbox itself does for its furniture and for logs. Returns the row.

    The container has to exist; `account` is the account's name. Replaces a blob of the same name.
    """
    digest = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    with new_file(world.store) as (path, file):
        file.write(data)
        os.replace(path, world.store.blob_folder / path.name)
    properties = {"content_type": content_type, "content_md5": digest, "metadata": dict(metadata or {})}
    return commit(world.store, account.lower(), container, name, len(data), path.name, properties)


def commit(
    store: Store, account: str, container: str, name: str, size: int, file: str, properties: Mapping[str, Any]
) -> Blob:
    """Make `file` (in the blob folder) the content of a blob, with a new ETag; the old content and all blocks go."""
    now = time.time()
    before = store.blob(account, container, name)
    complete = {
        "etag": containers.etag(now),
        "last_modified": now,
        "creation_time": now if before is None else before.properties.get("creation_time", now),
        "blob_type": "BlockBlob",
        **properties,
    }
    # A lease outlives the content that it guards; one that has ended does not.
    if before is not None and leases.locked(before.properties.get("lease")):
        complete["lease"] = before.properties["lease"]
    blob = Blob(account, container, name, size, file, complete)
    store.put_blob(blob)
    store.remove_blocks(account, container, name)
    if before is not None:
        (store.blob_folder / before.file).unlink(missing_ok=True)
    return blob


def given_properties(call: Call) -> dict[str, Any]:
    """Content properties, metadata and tags of a new blob: Azure's own headers before HTTP's."""
    own: dict[str, Any] = {key: call.headers.get(f"x-ms-blob-{header}") for key, header in CONTENT_HEADERS.items()}
    if call.query.get("comp") is None:
        for key, header in _PLAIN_HEADERS.items():
            own[key] = own[key] or call.headers.get(header)
    own["content_type"] = own["content_type"] or DEFAULT_TYPE
    found = {**own, "metadata": call.metadata(), "tags": tags.of_header(call.headers.get("x-ms-tags"))}
    return found | tiers.given(call, call.headers.get("x-ms-blob-type") or "BlockBlob")


def touch(store: Store, blob: Blob) -> None:
    """Write back a blob whose properties were changed, with a new ETag and time of change."""
    now = time.time()
    blob.properties |= {"etag": containers.etag(now), "last_modified": now}
    store.put_blob(blob)


def http_date(seconds: float) -> str:
    """A time as HTTP's headers and the lists write it."""
    return formatdate(int(seconds), usegmt=True)


def stamp(etag: str, modified: float) -> dict[str, str]:
    """The two headers that every answer about something changeable has."""
    return {"etag": etag, "last-modified": http_date(modified)}


def blob_stamp(blob: Blob) -> dict[str, str]:
    """`stamp` of a blob."""
    return stamp(str(blob.properties["etag"]), float(blob.properties["last_modified"]))


def metadata_headers(metadata: Mapping[str, str]) -> dict[str, str]:
    """`x-ms-meta-*` headers."""
    return {f"x-ms-meta-{name}": value for name, value in metadata.items()}


def blob_headers(call: Call, blob: Blob) -> dict[str, str]:
    """The headers of Get Blob and Get Blob Properties, without length and MD5 (recorded)."""
    properties = blob.properties
    content = {header: str(properties[key]) for key, header in CONTENT_HEADERS.items() if properties.get(key)}
    # A SAS may say with what content headers the blob is handed out.
    if call.access.signed is not None:
        content |= {header: call.query[name] for name, header in _OVERRIDES.items() if call.query.get(name)}
    headers = {
        "accept-ranges": "bytes",
        **content,
        **blob_stamp(blob),
        "x-ms-blob-type": str(properties["blob_type"]),
        "x-ms-creation-time": http_date(float(properties["creation_time"])),
        **leases.headers(properties.get("lease")),
        "x-ms-server-encrypted": "true",
        **tiers.told(call, blob),
        **metadata_headers(properties.get("metadata") or {}),
    }
    if properties.get("tags"):
        headers["x-ms-tag-count"] = str(len(properties["tags"]))
    if "sequence" in properties:
        headers["x-ms-blob-sequence-number"] = str(properties["sequence"])
    if "appended" in properties:
        headers["x-ms-blob-committed-block-count"] = str(properties["appended"])
        if properties.get("sealed"):
            headers["x-ms-blob-sealed"] = "true"
    copy = properties.get("copy")
    if copy:
        headers |= {
            "x-ms-copy-id": copy["id"], "x-ms-copy-source": copy["source"], "x-ms-copy-status": copy["status"],
            "x-ms-copy-progress": copy["progress"], "x-ms-copy-completion-time": copy["completion"],
        }  # fmt: skip
    return headers
