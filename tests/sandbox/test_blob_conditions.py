"""Conditional headers as "Specifying conditional headers for Blob service operations" tables them, and that no request breaks the service."""

from __future__ import annotations

import itertools
import random
import time
from email.utils import formatdate
from pathlib import Path

import pytest
from blob_harness import ACCOUNT, Wire, new_world

from mi_tui.sandbox.blob.rows import put_bytes

EARLIER, LATER = formatdate(time.time() - 3600, usegmt=True), formatdate(time.time() + 3600, usegmt=True)

READS = ("GET /data/one", "HEAD /data/one", "GET /data/one?comp=metadata")
WRITES = (
    "PUT /data/one", "PUT /data/one?comp=metadata", "PUT /data/one?comp=properties", "PUT /data/one?comp=lease", "PUT /data/one?comp=blocklist",
    "DELETE /data/one",
)  # fmt: skip
EXTRA = {"x_ms_blob_type": "BlockBlob", "x_ms_lease_action": "acquire", "x_ms_lease_duration": "15"}

# Condition -> status of a read (0: goes on), status of a write. SAME and OTHER are ETags.
MATRIX: list[tuple[dict[str, str], int, int]] = [
    ({"if_match": "SAME"}, 0, 0), ({"if_match": "OTHER"}, 412, 412), ({"if_match": "*"}, 0, 0),
    ({"if_none_match": "SAME"}, 304, 412), ({"if_none_match": "OTHER"}, 0, 0),
    ({"if_modified_since": EARLIER}, 0, 0), ({"if_modified_since": LATER}, 304, 412),
    ({"if_unmodified_since": EARLIER}, 412, 412), ({"if_unmodified_since": LATER}, 0, 0),
    ({"if_match": "SAME", "if_none_match": "SAME"}, 304, 412), ({"if_match": "SAME", "if_none_match": "OTHER"}, 0, 0),
    ({"if_match": "OTHER", "if_none_match": "OTHER"}, 412, 412),
    ({"if_match": "SAME", "if_unmodified_since": LATER}, 0, 0), ({"if_match": "OTHER", "if_unmodified_since": LATER}, 412, 412),
    ({"if_none_match": "SAME", "if_modified_since": LATER}, 304, 412), ({"if_none_match": "OTHER", "if_modified_since": EARLIER}, 0, 0),
]  # fmt: skip


@pytest.fixture
def wire(tmp_path: Path) -> Wire:
    made = Wire(new_world(tmp_path))
    put_bytes(made.world, ACCOUNT, "data", "one", b"hello")
    return made


@pytest.mark.parametrize("operation", [*READS, *WRITES])
def test_each_condition_on_each_operation(wire: Wire, operation: str) -> None:
    method, _, target = operation.partition(" ")
    body = b"<BlockList></BlockList>" if "blocklist" in target else b""
    for condition, read, write in MATRIX:
        wire.world.store.remove_blobs(ACCOUNT, "data", "one")
        put_bytes(wire.world, ACCOUNT, "data", "one", b"hello")
        etag = wire("HEAD", "/data/one", bearer="reader").headers["etag"]
        named = {name: value.replace("SAME", etag).replace("OTHER", '"0x1"') for name, value in condition.items()}
        extra = EXTRA if method == "PUT" else {}
        reply = wire(method, target, body, bearer="writer", **extra, **named)
        wanted = read if operation in READS else write
        assert (reply.status if reply.status >= 300 else 0) == wanted, (condition, reply)
        if wanted:
            assert reply.code == "ConditionNotMet"
            assert wire("GET", "/data/one", bearer="reader").body == b"hello"  # nothing was done


@pytest.mark.parametrize("quoted", [True, False])
def test_an_etag_is_understood_with_quotes_and_without(wire: Wire, quoted: bool) -> None:
    etag = wire("HEAD", "/data/one", bearer="reader").headers["etag"]
    given = etag if quoted else etag.strip('"')
    assert wire("GET", "/data/one", bearer="reader", if_match=given).status == 200
    assert wire("GET", "/data/one", bearer="reader", if_none_match=given).status == 304


def test_conditions_on_what_is_not_there(wire: Wire) -> None:
    assert wire("GET", "/data/none", bearer="reader", if_match='"0x1"').code == "BlobNotFound"
    put = {"bearer": "writer", "x_ms_blob_type": "BlockBlob"}
    assert wire("PUT", "/data/none", b"", if_match="*", **put).code == "ConditionNotMet"
    assert wire("PUT", "/data/none", b"", if_none_match="*", **put).status == 201
    assert wire("PUT", "/data/none", b"", if_none_match="*", **put).code == "BlobAlreadyExists"


KINDS = (
    "/",
    "/?restype=service",
    "/?restype=account",
    "/data?restype=container",
    "/data/one",
    "/data/new",
    "/none/x",
    "/data",
    "//data/one",
)
COMPS = (
    "", "list", "properties", "blobs", "batch", "userdelegationkey", "stats", "metadata", "acl", "lease", "block", "blocklist", "page", "pagelist",
    "tags", "tier", "seal", "appendblock", "snapshot", "copy", "undelete", "query", "expiry", "legalhold", "immutabilityPolicies", "nonsense",
)  # fmt: skip
QUERIES = ("", "maxresults=-1", "maxresults=x", "marker=x", "marker=2!8!AAAAAAAA", "where=(", "blockid=%FF", "blockid=YQ==", "include=x", "snapshot=x",
           "prefix=%00", "timeout=-5", "versionid=x", "prevsnapshot=x", "delimiter=")  # fmt: skip
HEADERS: tuple[dict[str, str], ...] = (
    {}, {"range": "bytes=9-1"}, {"x_ms_range": "bytes=0-511"}, {"x_ms_range": "bytes=99999999999999999999-"}, {"x_ms_lease_action": "acquire"},
    {"x_ms_lease_action": "break", "x_ms_lease_break_period": "x"}, {"x_ms_copy_source": "nonsense"}, {"x_ms_copy_source": "https://[x"},
    {"x_ms_copy_source": "https://sandboxdata.blob.core.windows.net"}, {"x_ms_blob_type": "PageBlob"}, {"x_ms_blob_type": "AppendBlob"},
    {"x_ms_blob_type": "BlockBlob", "x_ms_tags": "=&="}, {"x_ms_blob_content_length": "1e9"}, {"x_ms_page_write": "clear", "x_ms_range": "bytes=0-511"},
    {"x_ms_access_tier": "x"}, {"if_modified_since": "never"}, {"x_ms_if_tags": "'"}, {"x_ms_sequence_number_action": "x"}, {"x_ms_version": "x"},
    {"content_type": "multipart/mixed; boundary=x"}, {"x_ms_lease_id": "x"}, {"content_md5": "x"}, {"x_ms_content_crc64": "x"}, {"x_ms_date": "x"},
    {"x_ms_if_sequence_number_le": "-"}, {"x_ms_blob_condition_appendpos": "²"}, {"x_ms_meta_a": "ü"}, {"expect": "100-continue"},
    {"x_ms_blob_sequence_number": "²"}, {"x_ms_lease_duration": "²", "x_ms_lease_action": "acquire"}, {"content_length": "²"}, {"content_length": "-1"},
)  # fmt: skip
BODIES = (b"", b"x", b"<a", b"<Tags><TagSet><Tag/></TagSet></Tags>", b"<KeyInfo><Expiry>x</Expiry></KeyInfo>", b"\xff" * 600,
          b"<SignedIdentifiers><SignedIdentifier/></SignedIdentifiers>", b"<StorageServiceProperties><Logging/></StorageServiceProperties>",
          b"--x\r\n\r\n\r\nDELETE\r\n\r\n--x--", b"--x\r\n\r\nDELETE /data/one HTTP/1.1\r\nContent-Length: 0\r\n\r\n--x--")  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_no_request_breaks_the_service(wire: Wire, seed: int) -> None:
    chooser = random.Random(seed)
    every = list(itertools.product(("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"), KINDS, COMPS))
    for method, kind, comp in chooser.sample(every, 500):
        query = "&".join(part for part in (f"comp={comp}" if comp else "", chooser.choice(QUERIES)) if part)
        target = kind + ("&" if "?" in kind else "?") + query
        headers = {**chooser.choice(HEADERS), **chooser.choice(HEADERS)}
        reply = wire(method, target, chooser.choice(BODIES), bearer="owner", **headers)
        assert reply.status < 500 or reply.code == "CannotVerifyCopySource", (method, target, headers, reply)
        assert reply.status, (method, target, headers)
