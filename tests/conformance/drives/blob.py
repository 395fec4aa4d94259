"""The blob service by hand: each operation and each refusal that was recorded of Azure, in the versions of the recordings."""

from __future__ import annotations

from typing import Any

import requests

from mi_tui.sandbox import furnish
from tests.conformance.drives.http import STORAGE, Caller
from tests.conformance.tapped import Tapped

VERSION = "2022-11-02"
BLOCK = {"x-ms-blob-type": "BlockBlob"}


class _Blobs:
    """The service of one account, with the service principal's token."""

    def __init__(self, caller: Caller, account: str) -> None:
        self._caller = caller
        self._base = f"https://{account}.blob.core.windows.net"
        self._token = caller.token(STORAGE)

    def __call__(self, method: str, target: str, data: bytes | str | None = None, **headers: str) -> requests.Response:
        sent = {"x-ms-version": VERSION, "Accept": "application/xml", "Authorization": f"Bearer {self._token}"}
        # An empty header is one that is left out.
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        kept: dict[str, Any] = {name: value for name, value in sent.items() if value}
        return self._caller.send(method, self._base + target, data=data, headers=kept)


def drive(sandbox: Tapped) -> None:
    """Containers, blobs, blocks, lists, conditions, and who is refused."""
    blobs = _Blobs(Caller(sandbox), furnish.KEYLESS_ACCOUNT)
    blobs("GET", "/?comp=list&maxresults=5000&include=")
    blobs("GET", "/?restype=service&comp=properties")
    for method in ("GET", "HEAD"):
        blobs(method, "/?restype=account&comp=properties")
    _containers(blobs)
    blobs("PUT", "/conformance?restype=container")
    _blobs(blobs)
    _conditions(blobs)
    _lists(blobs)
    _unsupported(blobs)
    blobs("DELETE", "/conformance?restype=container")
    _refusals(sandbox, blobs)


def _containers(blobs: _Blobs) -> None:
    one = "/conformance1?restype=container"
    blobs("PUT", one, x_ms_meta_a="b")
    blobs("PUT", one)
    blobs("GET", one)
    blobs("HEAD", one)
    blobs("PUT", one + "&comp=metadata", x_ms_meta_c="d")
    for method in ("GET", "HEAD"):
        blobs(method, one + "&comp=metadata")
        blobs(method, one + "&comp=acl")
    blobs("DELETE", one, If_Unmodified_Since="Mon, 01 Jan 2001 00:00:00 GMT")
    blobs("DELETE", one)
    blobs("DELETE", one)
    blobs("GET", one)
    blobs("HEAD", one)
    blobs("PUT", one + "&comp=metadata", x_ms_meta_c="d")
    blobs("GET", one + "&comp=list")
    blobs("PUT", "/Not_A_Name?restype=container")
    blobs("PUT", "/conformance1/blob", b"x", **BLOCK)
    blobs("GET", "/conformance1/blob")
    blobs("HEAD", "/conformance1/blob")


def _blobs(blobs: _Blobs) -> None:
    one = "/conformance/one.txt"
    blobs("PUT", one, b"hello, world", **BLOCK, x_ms_blob_content_type="text/plain", x_ms_meta_a="b")
    blobs("GET", one)
    blobs("HEAD", one)
    blobs("GET", one, x_ms_range="bytes=0-4")
    blobs("GET", one, x_ms_range="bytes=100-200")
    blobs("PUT", one + "?comp=metadata", x_ms_meta_c="d")
    blobs("GET", one + "?comp=metadata")
    blobs("HEAD", one + "?comp=metadata")
    blobs("PUT", one + "?comp=properties", x_ms_blob_content_type="text/html")
    blobs("PUT", "/conformance/two?comp=block&blockid=YQ==", b"first ")
    blobs("PUT", "/conformance/two?comp=block&blockid=Yg==", b"second")
    blobs("GET", "/conformance/two?comp=blocklist&blocklisttype=all")
    listed = '<?xml version="1.0" encoding="utf-8"?><BlockList><Latest>YQ==</Latest><Latest>Yg==</Latest></BlockList>'
    blobs("PUT", "/conformance/two?comp=blocklist", listed, Content_Type="application/xml")
    blobs("GET", "/conformance/two?comp=blocklist&blocklisttype=committed")
    blobs("PUT", "/conformance/two?comp=blocklist", listed.replace("Yg", "Yz"), Content_Type="application/xml")
    blobs("GET", "/conformance/nosuch")
    blobs("HEAD", "/conformance/nosuch")
    blobs("DELETE", "/conformance/nosuch")
    blobs("PUT", "/conformance/bad", b"x", x_ms_blob_type="Nonsense")
    blobs("PUT", "/conformance/bad", b"x", **BLOCK, Content_MD5="AAAAAAAAAAAAAAAAAAAAAA==")


def _conditions(blobs: _Blobs) -> None:
    one = "/conformance/one.txt"
    tag = blobs("HEAD", one).headers["ETag"]
    blobs("GET", one, If_None_Match=tag)
    blobs("HEAD", one, If_None_Match=tag)
    blobs("GET", one, If_Match='"0x1"')
    blobs("HEAD", one, If_Match='"0x1"')
    blobs("DELETE", one, If_Match='"0x1"')
    blobs("PUT", one + "?comp=properties", If_Match='"0x1"')
    blobs("PUT", one, b"again", **BLOCK, If_None_Match="*")
    blobs("PUT", one, b"again", **BLOCK, If_Match='"0x1"')


def _lists(blobs: _Blobs) -> None:
    where = "/conformance?restype=container&comp=list"
    blobs("PUT", "/conformance/folder/three", b"3", **BLOCK)
    first = blobs("GET", where + "&maxresults=1")
    marker = first.text.partition("<NextMarker>")[2].partition("</NextMarker>")[0]
    blobs("GET", f"{where}&maxresults=5000&marker={marker}")
    blobs("GET", where + "&prefix=f&delimiter=/")
    blobs("GET", where + "&include=metadata")
    blobs("DELETE", "/conformance/folder/three")


def _unsupported(blobs: _Blobs) -> None:
    one = "/conformance/one.txt"
    blobs("PUT", one + "?comp=snapshot")
    blobs("PUT", one + "?comp=lease", x_ms_lease_action="acquire", x_ms_lease_duration="15")
    blobs("PUT", one + "?comp=nonsense")
    blobs("PUT", "/conformance/copy", x_ms_copy_source="https://example.blob.core.windows.net/a/b")


def _refusals(sandbox: Tapped, blobs: _Blobs) -> None:
    inputs = f"/{furnish.CONTAINER}/{furnish.WELCOME}"
    for method in ("GET", "HEAD"):
        blobs(method, inputs, Authorization="Bearer nonsense")
        blobs(method, inputs, Authorization="")
        blobs(method, inputs, Authorization="SharedKey nobody:AAAA", x_ms_date="Mon, 01 Jan 2001 00:00:00 GMT")
        blobs(method, inputs + "?sv=2021-12-02&sr=b&sp=r&se=2001-01-01T00:00:00Z&sig=AAAA", Authorization="")
    blobs("GET", inputs, x_ms_version="nonsense")
    other = _Blobs(Caller(sandbox), furnish.DATA_ACCOUNT)
    other("GET", inputs)
    other("PUT", inputs, b"x", **BLOCK)
    other("PUT", "/conformance?restype=container")
    keyed = _Blobs(Caller(sandbox), furnish.KEYLESS_ACCOUNT)
    keyed(
        "GET",
        inputs,
        Authorization=f"SharedKey {furnish.KEYLESS_ACCOUNT}:AAAA",
        x_ms_date="Mon, 01 Jan 2001 00:00:00 GMT",
    )
    _Blobs(Caller(sandbox), "nosuchaccount")("GET", inputs)
