"""Every recorded answer of the blob service against the sandbox's to the same request in a state made equal to it.

The recordings are reference material that is not part of the project: looked for beside the checkout or in
MI_TUI_AZURE_MATERIAL. Their requests are without the headers that recording tools drop (ranges, conditions, leases, sources),
so each case says which it had; their answers are without the headers in `NOT_RECORDED`.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit
from xml.etree import ElementTree

import pytest
from blob_harness import ACCOUNT_ID, Reply, Wire, key, new_world
from blob_sas import delegated_query, moment
from starlette.datastructures import Headers

from mi_tui.sandbox.blob import rows, sas
from mi_tui.sandbox.blob.auth import strings_to_sign
from mi_tui.sandbox.blob.call import Call
from mi_tui.sandbox.blob.sas import sign
from mi_tui.sandbox.containers import ACCOUNT_TYPE, create_container
from mi_tui.sandbox.store import Resource

MATERIAL = Path(os.environ.get("MI_TUI_AZURE_MATERIAL") or Path(__file__).parents[2].parent / "shared" / "azure")
FILES = {name: MATERIAL / "recordings" / f"{name}.json" for name in ("blob", "flow-blob-upload-small")}

NOT_RECORDED = frozenset(
    {
        "x-ms-request-id", "x-ms-client-request-id", "x-ms-blob-content-md5", "x-ms-blob-content-length", "x-ms-copy-id",
        "x-ms-copy-status", "x-ms-copy-source", "x-ms-copy-progress", "x-ms-copy-completion-time", "x-ms-default-encryption-scope",
        "x-ms-deny-encryption-scope-override", "x-ms-delete-type-permanent", "x-ms-blob-sequence-number",
        "x-ms-blob-committed-block-count",
    }
)  # fmt: skip
"""Headers that Azure sends by its reference and that the recording tools drop, as the answers beside them show."""

EXPLAINED = {
    3: "customer-provided encryption keys are refused when they are sent, so there is no blob with one",
    8: "legal holds are refused when they are set, so there is no blob with one",
    31: "customer-provided encryption keys, as above",
    34: "the answer's CRC-64 is that of an archive that is not in the recording",
}
"""Recordings that are not replayed as they are, and why; the last is replayed but for its checksums."""

LEASE, OTHER_LEASE = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"


def recorded(name: str) -> list[dict[str, Any]]:
    if not FILES[name].exists():
        pytest.skip(
            f"no recordings of Azure's traffic in {MATERIAL}: set MI_TUI_AZURE_MATERIAL to the folder that has them"
        )
    return list(json.loads(FILES[name].read_text()))


class Place:
    """One recording's account, container and blob in a world of their own; `made` says how they are made."""

    def __init__(self, wire: Wire, url: str) -> None:
        self.wire = wire
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self.name = self.host.partition(".")[0].removesuffix("-secondary").lower()
        self.host = f"{self.host.partition('.')[0]}.blob.core.windows.net"
        self.target = parts.path + (f"?{parts.query}" if parts.query else "")
        self.container, _, self.blob = parts.path.removeprefix("/").partition("/")
        source = wire.world.store.resource(ACCOUNT_ID)
        assert source is not None
        identifier = ACCOUNT_ID.rsplit("/", 1)[0] + f"/{self.name}"
        properties = {"allowBlobPublicAccess": True}
        body = {**source.body, "id": identifier, "name": self.name, "kind": "Storage", "properties": properties}
        body["sku"] = {"name": "Standard_RAGRS"}
        self.account = Resource(identifier, ACCOUNT_TYPE, self.name, body, source.private)
        wire.world.store.put(self.account)

    def send(self, method: str, target: str, body: bytes = b"", **headers: str) -> Reply:
        """A request signed with the account's key."""
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
        sent = {"x-ms-date": date, "x-ms-version": "2022-11-02"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if method == "PUT":
            sent["content-length"] = str(len(body))
        path, _, query = target.partition("?")
        call = Call(
            self.wire.world, self.account, method, path, query, dict(parse_qsl(query)), Headers(sent), None, {}, None, None, "",  # type: ignore[arg-type]
        )  # fmt: skip
        signature = sign(key(self.wire.world), strings_to_sign(call)[0])
        sent["authorization"] = f"SharedKey {self.name}:{signature}"
        return self.wire(method, target, body, host=self.host, **sent)

    def has_container(self) -> None:
        create_container(self.wire.world, self.account.id, self.container)

    def has_blob(self, data: bytes = b"x" * 1024, md5: bool = True) -> None:
        self.has_container()
        made = rows.put_bytes(self.wire.world, self.name, self.container, self.blob, data)
        if not md5:
            made.properties["content_md5"] = None
            self.wire.world.store.put_blob(made)

    def has(self, *requests: tuple[str, str, dict[str, str]]) -> None:
        for method, query, headers in requests:
            path = f"/{self.container}" + (f"/{self.blob}" if self.blob else "")
            reply = self.send(method, path + query, **headers)
            assert reply.status < 300, reply


Make = Callable[[Place], dict[str, str] | None]


def blob(**headers: str) -> Make:
    """There is a blob, and the request has these headers."""

    def make(place: Place) -> dict[str, str]:
        place.has_blob()
        return headers

    return make


def container(**headers: str) -> Make:
    def make(place: Place) -> dict[str, str]:
        place.has_container()
        return headers

    return make


def nothing(**headers: str) -> Make:
    return lambda place: headers


def empty_blob(place: Place) -> None:
    place.has_blob(b"", md5=False)


def nine_bytes(place: Place) -> dict[str, str]:
    place.has_blob(b"test data", md5=False)
    return {"x-ms-range": "bytes=0-33554431"}


def append_blob(**headers: str) -> Make:
    def make(place: Place) -> dict[str, str]:
        place.has_container()
        place.has(("PUT", "", {"x-ms-blob-type": "AppendBlob"}))
        return headers

    return make


def page_blob(place: Place) -> None:
    place.has_container()
    place.has(("PUT", "", {"x-ms-blob-type": "PageBlob", "x-ms-blob-content-length": "5120"}))


def same_etag(place: Place) -> dict[str, str]:
    place.has_blob()
    return {"if-none-match": place.send("HEAD", f"/{place.container}/{place.blob}").headers["etag"]}


def leased(query: str = "", lost: bool = False) -> Make:
    def make(place: Place) -> dict[str, str]:
        place.has_container() if query else place.has_blob()
        acquire = {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "-1", "x-ms-proposed-lease-id": LEASE}
        place.has(("PUT", f"?comp=lease{query}", acquire))
        if lost:
            place.has(("PUT", f"?comp=lease{query}", {"x-ms-lease-action": "break"}))
        return {"x-ms-lease-id": LEASE if lost else OTHER_LEASE}

    return make


def copy(**headers: str) -> Make:
    """A copy of a blob beside it; `etag` in a header stands for the source's."""

    def make(place: Place) -> dict[str, str]:
        place.has_container()
        rows.put_bytes(place.wire.world, place.name, place.container, "source", b"x")
        etag = place.send("HEAD", f"/{place.container}/source").headers["etag"]
        # The recordings left the signature out.
        signed = sas.service_sas(place.wire.world, place.name, place.container, "r", 600)
        address = f"https://{place.host}/{place.container}/source?{signed}"
        return {"x-ms-copy-source": address, **{name: value.replace("etag", etag) for name, value in headers.items()}}

    return make


def foreign_copy(place: Place) -> dict[str, str]:
    place.has_container()
    other = create_container(place.wire.world, ACCOUNT_ID, "private")
    rows.put_bytes(place.wire.world, "sandboxdata", other.name, "source", b"x")
    source = place.wire.world.store.resource(ACCOUNT_ID)
    assert source is not None
    source.body["properties"]["allowBlobPublicAccess"] = True
    place.wire.world.store.put(source)
    return {"x-ms-copy-source": "https://sandboxdata.blob.core.windows.net/private/source"}


def leased_copy(place: Place) -> dict[str, str]:
    headers = copy()(place) or {}
    return headers | (leased()(place) or {})


def logging_is_on(place: Place) -> None:
    xml = (
        b"<StorageServiceProperties><Logging><Version>1.0</Version><Delete>false</Delete><Read>true</Read><Write>false</Write>"
        b"<RetentionPolicy><Enabled>false</Enabled></RetentionPolicy></Logging></StorageServiceProperties>"
    )
    assert place.send("PUT", "/?restype=service&comp=properties", xml).status == 202


WRONG = "SharedKey x:" + "A" * 43 + "="
PUT_BLOCK_BLOB = {"x-ms-blob-type": "BlockBlob"}

CASES: dict[int, Make] = {
    0: nothing(), 1: blob(), 2: blob(), 4: blob(), 5: blob(), 6: blob(if_match='"0x1"'), 7: container(),
    9: blob(if_match='"0x1"'), 10: empty_blob, 11: append_blob(), 12: nine_bytes, 13: same_etag, 14: container(), 15: container(),
    16: blob(if_match='"0x1"'), 17: append_blob(**{"x-ms-range": "bytes=0-"}), 18: page_blob, 19: same_etag, 20: same_etag,
    21: same_etag, 22: blob(), 23: blob(if_none_match="*"), 24: blob(if_none_match="*"), 25: nothing(authorization=WRONG),
    26: nothing(authorization=WRONG), 27: container(), 28: nothing(), 29: container(), 30: container(), 32: blob(if_match='"0x1"'),
    33: leased(), 34: container(), 35: copy(), 36: copy(), 37: copy(**{"x-ms-source-if-none-match": "etag"}),
    38: container(**{"x-ms-blob-content-length": "8796093022209"}), 39: foreign_copy, 40: container(), 41: nothing(),
    42: blob(if_none_match="*"), 43: copy(**{"x-ms-source-if-match": '"0x1"', **PUT_BLOCK_BLOB}), 44: blob(if_match='"0x1"'),
    45: leased_copy, 46: leased(lost=True), 47: leased(lost=True), 48: nothing(), 49: container(), 50: container(), 51: container(),
    52: container(), 53: nothing(), 54: container(), 55: nothing(), 56: nothing(), 57: container(if_match='"0x1"'),
    58: leased("&restype=container", lost=True), 59: container(), 60: container(), 61: container(), 62: nothing(),
    63: nothing(authorization="x"), 64: nothing(), 65: container(), 66: container(), 67: logging_is_on, 68: nothing(authorization="x"),
    69: nothing(), 70: nothing(),
}  # fmt: skip


def test_each_recording_is_replayed_or_explained() -> None:
    found = recorded("blob")
    assert set(CASES) | set(EXPLAINED) == set(range(len(found)))
    assert len(found) == 71


@pytest.mark.parametrize("number", sorted(CASES))
def test_answers_as_recorded(number: int, tmp_path: Path) -> None:
    recording = recorded("blob")[number]
    request, response = recording["request"], recording["response"]
    wire = Wire(new_world(tmp_path))
    place = Place(wire, request["url"])
    extra = CASES[number](place) or {}
    headers = {name: value for name, value in request["headers"].items() if name not in ("commandname", "content-type")}
    headers |= {name.replace("_", "-"): value for name, value in extra.items()}
    body = _body(request["body"])
    target = place.target
    if "skoid=" in target:
        # The signature and its key are of the world; the principal has no role at the account, as in the recording.
        target = (
            target.partition("?")[0] + "?" + delegated_query(wire.world, place.name, place.container, "nobody", "rwdl")
        )
    elif "sig=" in target:
        target = _signed(place)
        headers.setdefault("x-ms-version", "")
    if "sig=" in target or "authorization" in headers:
        reply = wire(request["method"], target, body, host=place.host, **headers)
    else:
        reply = place.send(request["method"], target, body, **headers)
    _compare(response, reply, number, checksums=number not in EXPLAINED)


def _signed(place: Place) -> str:
    """The recording's own SAS with a signature of this world: same version, letters and kind, valid now."""
    path, _, query = place.target.partition("?")
    given = dict(parse_qsl(query)) | {"st": moment(-60), "se": moment(600)}
    fields = [given["sp"], given["st"], given["se"]]
    if "ss" in given:
        fields = [
            place.name,
            given["sp"],
            given["ss"],
            given["srt"],
            given["st"],
            given["se"],
            "",
            given["spr"],
            given["sv"],
            "",
        ]
    else:
        fields += [f"/blob/{place.name}/{place.container}/{place.blob}", "", "", "", given["sv"]]
        fields += ["b", "", ""] if given["sv"] >= "2020-12-06" else []
        fields += [""] * 5
    given["sig"] = sign(key(place.wire.world), "\n".join(fields))
    return f"{path}?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in given.items())


def _body(body: Any) -> bytes:
    text = "".join(body) if isinstance(body, list) else body or ""
    return text.encode()[:4096] if not text.startswith("<?xml") else text.encode()


def test_the_recorded_flow_of_uploads(tmp_path: Path) -> None:
    """The whole conversation of `az storage blob upload`, block and page blob, in its order in one world."""
    wire = Wire(new_world(tmp_path))
    place: Place | None = None
    for number, recording in enumerate(recorded("flow-blob-upload-small")):
        request, response = recording["request"], recording["response"]
        if "management.azure.com" in request["url"]:
            continue
        place = place or Place(wire, request["url"])
        parts = urlsplit(request["url"])
        headers = {name: value for name, value in request["headers"].items() if name != "commandname"}
        if headers.get("x-ms-blob-type") == "PageBlob":
            headers["x-ms-blob-content-length"] = "1024"
        if "comp=properties" in parts.query and request["method"] == "PUT":
            headers["x-ms-blob-content-type"] = "application/test-content"
            if place.send("HEAD", parts.path).headers.get("content-md5"):
                headers["x-ms-blob-content-md5"] = "DzQ7CTESaiDxM9Z8KwGKOw=="
        if response["status"] == 206:
            headers["x-ms-range"] = response["headers"]["content-range"].replace("bytes ", "bytes=").partition("/")[0]
        body = bytes(1024) if headers.get("x-ms-blob-type") == "BlockBlob" else b""
        reply = place.send(request["method"], parts.path + (f"?{parts.query}" if parts.query else ""), body, **headers)
        if number == 20:
            # The recorded names were replaced after the answer was made, so that its order is not that of the names.
            reply.body = reply.body.replace(b"blob000006", b"blob000007")
        _compare(response, reply, -number)


def _compare(response: dict[str, Any], reply: Reply, number: int, *, checksums: bool = True) -> None:
    assert reply.status == response["status"], reply
    theirs = {name: value for name, value in response["headers"].items() if name != "date"}
    ours = {name: value for name, value in reply.headers.items() if name not in NOT_RECORDED or name in theirs}
    if "server" not in theirs:
        ours.pop("server")
    theirs.pop("x-ms-request-id", None)
    ours.pop("x-ms-request-id", None)
    if not checksums:
        for name in ("content-md5", "x-ms-content-crc64"):
            assert re.fullmatch(r"[A-Za-z0-9+/]+=+", ours.pop(name)), name
            theirs.pop(name)
    assert set(ours) == set(theirs), (sorted(set(ours) ^ set(theirs)), reply)
    if reply.body:
        assert "content-length" not in ours or ours["content-length"] == str(len(reply.body))
    if not isinstance(response["body"], str) or not response["body"].startswith("\ufeff"):
        assert {n: _shape(v) for n, v in ours.items()} == {n: _shape(v) for n, v in theirs.items()}
        return
    for name in ("content-length",):
        ours.pop(name, None)
        theirs.pop(name, None)
    assert {n: _shape(v) for n, v in ours.items()} == {n: _shape(v) for n, v in theirs.items()}
    mine, other = reply.body.decode(), response["body"]
    if number == 15:
        other = other.replace(
            "?>\n<", "?><"
        )  # a host of managed disks, which writes a line break that the service does not
    assert re.split(r"<[A-Z]", mine, maxsplit=1)[0] == re.split(r"<[A-Z]", other, maxsplit=1)[0]
    assert _tree(mine) == _tree(other)


_SHAPES = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "GUID"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z"), "TIME"),
    (re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"), "DATE"),
    (re.compile(r"0x[0-9A-F]{15}"), "ETAG"),
    (re.compile(r"^2!\d+![A-Za-z0-9+/-]+$"), "MARKER"),
    (re.compile(r"/1\.0,? Microsoft"), "/1.0 Microsoft"),
)


def _shape(value: str) -> str:
    for pattern, name in _SHAPES:
        value = pattern.sub(name, value)
    return value


def _tree(text: str) -> list[tuple[str, str, list[tuple[str, str]]]]:
    root = ElementTree.fromstring(text.removeprefix("\ufeff").partition("?>")[2].strip())
    return [(e.tag, _shape((e.text or "").strip()), sorted(e.attrib.items())) for e in root.iter()]
