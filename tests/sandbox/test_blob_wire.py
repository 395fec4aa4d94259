"""The blob service's answers byte by byte, as recorded from Azure, and what uploads that break off leave behind."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

import pytest
from blob_harness import (
    ACCOUNT,
    ACCOUNT_ID,
    HOST,
    READER,
    Reply,
    Wire,
    change_account,
    change_kind,
    key,
    new_world,
    token,
)

from mi_tui.sandbox import grants
from mi_tui.sandbox.blob import sas
from mi_tui.sandbox.blob.rows import put_bytes
from mi_tui.sandbox.blob.service import BlobApp
from mi_tui.sandbox.tokens import ARM

GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{6}000000"
TEXT = b"Hello, role.\n"
MD5 = base64.b64encode(hashlib.md5(TEXT).digest()).decode()


@pytest.fixture
def wire(tmp_path: Path) -> Wire:
    return Wire(new_world(tmp_path))


@pytest.fixture
def blob(wire: Wire) -> Wire:
    put_bytes(wire.world, ACCOUNT, "data", "hello.txt", TEXT, content_type="text/plain", metadata={"a": "1"})
    return wire


def files(wire: Wire) -> list[Path]:
    return [path for path in wire.world.store.blob_folder.rglob("*") if path.is_file()]


def check_error(reply: Reply, status: int, code: str, sentence: str) -> None:
    """Azure's XML: byte order mark, code, sentence with request id and time, and a length that fits."""
    assert (reply.status, reply.code, reply.state["code"]) == (status, code, code)
    assert reply.headers["content-type"] == "application/xml"
    assert int(reply.headers["content-length"]) == len(reply.body)
    pattern = (
        f'\ufeff<\\?xml version="1.0" encoding="utf-8"\\?><Error><Code>{code}</Code><Message>{re.escape(sentence)}\n'
        f"RequestId:({GUID})\nTime:\\d{{4}}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{{7}}Z</Message>(<.*>)?</Error>"
    )
    found = re.fullmatch(pattern, reply.body.decode(), re.DOTALL)
    assert found is not None, reply.body
    assert found[1] == reply.headers["x-ms-request-id"]


def test_headers_of_reading_are_the_recorded_ones(blob: Wire) -> None:
    change_kind(blob.world, "Storage")
    reply = blob("GET", "/data/hello.txt", bearer="reader", x_ms_client_request_id="mine")
    assert (reply.status, reply.body) == (200, TEXT)
    date = reply.headers["last-modified"]
    etag = reply.headers["etag"]
    assert re.fullmatch(r'"0x[0-9A-F]{15}"', etag)
    assert {name: value for name, value in reply.headers.items() if name != "x-ms-request-id"} == {
        "accept-ranges": "bytes", "content-length": str(len(TEXT)), "content-md5": MD5, "content-type": "text/plain",
        "etag": etag, "last-modified": date, "server": "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0",
        "x-ms-blob-type": "BlockBlob", "x-ms-creation-time": date, "x-ms-lease-state": "available",
        "x-ms-lease-status": "unlocked", "x-ms-server-encrypted": "true", "x-ms-version": "2022-11-02", "x-ms-meta-a": "1",
        "x-ms-client-request-id": "mine",
    }  # fmt: skip
    head = blob("HEAD", "/data/hello.txt", bearer="reader", x_ms_client_request_id="mine")
    assert (head.status, head.body) == (200, b"")
    assert {**head.headers, "x-ms-request-id": ""} == {**reply.headers, "x-ms-request-id": ""}
    assert reply.state["caller"] == "reader"
    assert reply.state["decision"] == f"Storage Blob Data Reader at {ACCOUNT_ID}"


@pytest.mark.parametrize(
    ("asked", "content", "shown"),
    [
        ("bytes=0-4", TEXT[:5], "bytes 0-4/13"),
        ("bytes=7-", TEXT[7:], "bytes 7-12/13"),
        ("bytes=0-33554431", TEXT, "bytes 0-12/13"),
    ],
)
@pytest.mark.parametrize("header", ["range", "x-ms-range"])
def test_ranges(blob: Wire, header: str, asked: str, content: bytes, shown: str) -> None:
    reply = blob("GET", "/data/hello.txt", bearer="reader", **{header: asked, "x-ms-range-get-content-md5": "true"})
    assert (reply.status, reply.body, reply.headers["content-range"]) == (206, content, shown)
    assert reply.headers["content-md5"] == base64.b64encode(hashlib.md5(content).digest()).decode()
    assert reply.headers["x-ms-blob-content-md5"] == MD5


def test_a_range_beyond_the_end(blob: Wire) -> None:
    reply = blob("GET", "/data/hello.txt", bearer="reader", x_ms_range="bytes=13-20")
    check_error(reply, 416, "InvalidRange", "The range specified is invalid for the current size of the resource.")
    assert reply.headers["content-range"] == "bytes */13"
    put_bytes(blob.world, ACCOUNT, "data", "empty", b"")
    assert blob("GET", "/data/empty", bearer="reader", x_ms_range="bytes=0-9").code == "InvalidRange"
    assert blob("GET", "/data/empty", bearer="reader").status == 200


def test_what_is_not_there(blob: Wire) -> None:
    check_error(
        blob("GET", "/data/Hello.txt", bearer="reader"), 404, "BlobNotFound", "The specified blob does not exist."
    )
    gone = blob("GET", "/nothing/hello.txt", bearer="reader")
    check_error(gone, 404, "ContainerNotFound", "The specified container does not exist.")
    head = blob("HEAD", "/data/none", bearer="reader")
    assert (head.status, head.code, head.body) == (404, "BlobNotFound", b"")
    assert "content-type" not in head.headers
    assert blob("GET", "/data/hello.txt", bearer="reader", host=f"nobody{HOST}").code == "ResourceNotFound"


def test_no_role_is_azures_sentence_and_a_reason_in_the_log(blob: Wire) -> None:
    reply = blob("GET", "/data/hello.txt", bearer="nobody")
    sentence = "This request is not authorized to perform this operation using this permission."
    check_error(reply, 403, "AuthorizationPermissionMismatch", sentence)
    action = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"
    where = f"{ACCOUNT_ID}/blobServices/default/containers/data"
    assert reply.state["decision"] == f"no role allows {action} at {where}"
    assert reply.headers["x-ms-version"] == "2022-11-02"
    # A role at one container reaches that container only, whether it exists or not.
    grants.assign(blob.world, where, f"00000000-0000-0000-0000-{'nobody':0>12}", READER, by="test", immediate=True)
    assert blob("GET", "/data/hello.txt", bearer="nobody").status == 200
    assert blob("GET", "/other/hello.txt", bearer="nobody").status == 403


def test_a_grant_acts_when_it_has_propagated(blob: Wire) -> None:
    grants.assign(blob.world, ACCOUNT_ID, f"00000000-0000-0000-0000-{'nobody':0>12}", READER, by="test")
    early = blob("GET", "/data/hello.txt", bearer="nobody")
    assert early.status == 403
    assert "has not propagated yet" in early.state["decision"]
    time.sleep(blob.world.profile.role_propagation + 0.05)
    assert blob("GET", "/data/hello.txt", bearer="nobody").status == 200


def test_tokens_that_are_not_accepted(blob: Wire) -> None:
    sentence = (
        "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."
    )
    bad = {
        "Audience validation failed. Audience did not match.": token(blob.world, "reader", ARM),
        "Lifetime validation failed. The token is expired.": token(blob.world, "reader", lifetime=-5),
        "Signature validation failed. Signature verification failed.": token(blob.world, "reader")[:-4] + "AAAA",
    }
    for detail, value in bad.items():
        reply = blob("GET", "/data/hello.txt", authorization=f"Bearer {value}")
        check_error(reply, 401, "InvalidAuthenticationInfo", sentence)
        assert f"<AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail>".encode() in reply.body
        assert reply.headers["www-authenticate"] == (
            f"Bearer authorization_uri=https://login.microsoftonline.com/{blob.world.issuer.tenant}/oauth2/authorize "
            "resource_id=https://storage.azure.com"
        )
        assert reply.headers["server"] == "Microsoft-HTTPAPI/2.0"
        assert "x-ms-version" not in reply.headers
        assert value not in str(reply.state)
    own = token(blob.world, "reader", f"https://{HOST}")
    assert blob("GET", "/data/hello.txt", authorization=f"Bearer {own}").status == 200
    old = blob("GET", "/data/hello.txt", bearer="reader", x_ms_version="")
    assert old.code == "AuthenticationFailed"
    assert b"Authentication scheme Bearer is not supported in this version." in old.body
    assert (
        blob("GET", "/data/hello.txt?api-version=2019-04-01", bearer="reader", x_ms_version="2019-02-02").status == 200
    )
    assert blob("GET", "/data/hello.txt", authorization="Basic eA==").status == 400


def test_nobody_gets_nothing(blob: Wire) -> None:
    reply = blob("GET", "/data/hello.txt")
    check_error(reply, 409, "PublicAccessNotPermitted", "Public access is not permitted on this storage account.")
    change_account(blob.world, allowBlobPublicAccess=True)
    assert blob("GET", "/data/hello.txt").code == "NoAuthenticationInformation"
    assert blob("GET", "/data/hello.txt").status == 401
    assert blob("GET", "/data/hello.txt", x_ms_version="").code == "ResourceNotFound"
    container = blob.world.store.resource(f"{ACCOUNT_ID}/blobServices/default/containers/data")
    assert container is not None
    container.body["properties"]["publicAccess"] = "Blob"
    blob.world.store.put(container)
    assert blob("GET", "/data/hello.txt").body == TEXT
    assert blob("GET", "/data?restype=container&comp=list").status == 401
    assert blob("PUT", "/data/x", b"x", x_ms_blob_type="BlockBlob").status == 401


@pytest.mark.parametrize("closed", [{"publicNetworkAccess": "Disabled"}, {"networkAcls": {"defaultAction": "Deny"}}])
def test_a_closed_network(blob: Wire, closed: dict[str, object]) -> None:
    change_account(blob.world, **closed)
    reply = blob("GET", "/data/hello.txt", bearer="reader")
    check_error(reply, 403, "AuthorizationFailure", "This request is not authorized to perform this operation.")


def test_put_answers_and_verifies_the_md5(wire: Wire) -> None:
    put = {"bearer": "writer", "x_ms_blob_type": "BlockBlob", "content_type": "text/plain"}
    reply = wire("PUT", "/data/a%20b/c.txt", [TEXT[:3], TEXT[3:]], content_md5=MD5, **put)
    assert (reply.status, reply.headers["content-md5"], reply.headers["content-length"]) == (201, MD5, "0")
    assert reply.headers["x-ms-request-server-encrypted"] == "true"
    stored = wire.world.store.blob(ACCOUNT, "data", "a b/c.txt")
    assert stored is not None
    assert stored.properties["content_type"] == "text/plain"
    wrong = base64.b64encode(bytes(16)).decode()
    sentence = "The MD5 value specified in the request did not match with the MD5 value calculated by the server."
    for header in ("content_md5", "x_ms_blob_content_md5"):
        check_error(wire("PUT", "/data/x", TEXT, **{header: wrong}, **put), 400, "Md5Mismatch", sentence)
    assert wire("PUT", "/data/x", TEXT, content_md5="short", **put).code == "InvalidMd5"
    assert wire("PUT", "/data/x", TEXT, bearer="writer").code == "MissingRequiredHeader"
    assert wire("PUT", "/data/x", TEXT, **{**put, "x_ms_blob_type": "PageBlob"}).code == "InvalidHeaderValue"
    assert wire("PUT", "/data/x", TEXT, **put, **{"x-ms-meta-not ok": "1"}).code == "InvalidMetadata"
    assert wire("PUT", "/data/x", TEXT, **put, content_length="").code == "MissingContentLengthHeader"
    assert wire("PUT", "/data/x", TEXT, **put, content_length=str(1 << 40)).code == "RequestBodyTooLarge"
    again = wire("PUT", "/data/a%20b/c.txt", TEXT, if_none_match="*", **put)
    check_error(again, 409, "BlobAlreadyExists", "The specified blob already exists.")
    assert wire("PUT", "/data/new", TEXT, if_match='"0x1"', **put).code == "ConditionNotMet"
    assert len(files(wire)) == 1


def test_a_broken_off_upload_leaves_nothing_and_the_old_blob_stays(blob: Wire) -> None:
    before = files(blob)
    big = [b"x" * 700_000] * 4
    reply = blob("PUT", "/data/hello.txt", big, bearer="writer", x_ms_blob_type="BlockBlob", hang_up=True)
    assert reply.status == 0
    assert blob("PUT", "/data/b?comp=block&blockid=YQ==", big, bearer="writer", hang_up=True).status == 0
    assert files(blob) == before
    assert blob("GET", "/data/hello.txt", bearer="reader").body == TEXT
    assert blob.world.store.blocks(ACCOUNT, "data", "b") == {}


def test_a_refused_upload_is_read_to_its_end_unless_the_client_waits(wire: Wire) -> None:
    pieces = [b"x" * 1000] * 50
    put = {"bearer": "reader", "x_ms_blob_type": "BlockBlob"}
    refused = wire("PUT", "/data/x", pieces, **put)
    assert (refused.code, refused.unread) == ("AuthorizationPermissionMismatch", 0)
    waiting = wire("PUT", "/data/x", pieces, expect="100-continue", **put)
    assert (waiting.code, waiting.unread) == ("AuthorizationPermissionMismatch", 50)


def _grown(work: Callable[[], object]) -> int:
    """By how many bytes the process grew at most while `work` ran."""
    page = os.sysconf("SC_PAGE_SIZE")

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * page

    before, peak, done = resident(), 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return peak - before


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's own measure of memory")
def test_memory_does_not_depend_on_the_size_of_a_blob(wire: Wire) -> None:
    pieces = [bytes(65536)] * 2048  # 128 MiB

    def there_and_back() -> None:
        assert wire("PUT", "/data/big", pieces, bearer="writer", x_ms_blob_type="BlockBlob").status == 201
        assert wire("GET", "/data/big", bearer="writer", keep=False).headers["content-length"] == str(128 << 20)
        for name in ("YQ==", "Yg=="):
            target = f"/data/blocks?comp=block&blockid={name}"
            assert wire("PUT", target, pieces[:1024], bearer="writer").status == 201
        blocks = b"<BlockList><Latest>YQ==</Latest><Latest>Yg==</Latest></BlockList>"
        assert wire("PUT", "/data/blocks?comp=blocklist", blocks, bearer="writer").status == 201

    assert _grown(there_and_back) < 24 * 1024 * 1024
    stored = wire.world.store.blob(ACCOUNT, "data", "blocks")
    assert stored is not None
    assert stored.size == 128 << 20


def test_leftovers_of_a_killed_sandbox_are_swept(wire: Wire) -> None:
    leftover = wire.world.store.blob_folder / "incoming" / "half"
    leftover.write_bytes(b"half")
    BlobApp(wire.world)
    assert not leftover.exists()


def test_replacing_and_deleting_free_the_disk(blob: Wire) -> None:
    for _ in range(3):
        assert blob("PUT", "/data/hello.txt", TEXT, bearer="writer", x_ms_blob_type="BlockBlob").status == 201
        assert blob("PUT", "/data/hello.txt?comp=block&blockid=YQ==", b"a", bearer="writer").status == 201
        assert blob("PUT", "/data/hello.txt?comp=block&blockid=YQ==", b"b", bearer="writer").status == 201
    assert len(files(blob)) == 2
    assert all(path.stat().st_mode & 0o077 == 0 for path in files(blob))
    assert blob("DELETE", "/data/hello.txt", bearer="writer").status == 202
    assert files(blob) == []


def test_conditions_of_reading(blob: Wire) -> None:
    etag = blob("HEAD", "/data/hello.txt", bearer="reader").headers["etag"]
    same = blob("GET", "/data/hello.txt", bearer="reader", if_none_match=etag)
    assert (same.status, same.code, same.body) == (304, "ConditionNotMet", b"")
    assert same.headers["content-length"] == "0"
    later, earlier = formatdate(time.time() + 60, usegmt=True), formatdate(time.time() - 60, usegmt=True)
    assert blob("HEAD", "/data/hello.txt", bearer="reader", if_modified_since=later).status == 304
    assert blob("GET", "/data/hello.txt", bearer="reader", if_modified_since=earlier).status == 200
    sentence = "The condition specified using HTTP conditional header(s) is not met."
    check_error(blob("GET", "/data/hello.txt", bearer="reader", if_match='"0x1"'), 412, "ConditionNotMet", sentence)
    assert blob("GET", "/data/hello.txt", bearer="reader", if_unmodified_since=earlier).status == 412
    unsatisfiable = blob("HEAD", "/data/hello.txt", bearer="reader", if_none_match="*")
    assert (unsatisfiable.status, unsatisfiable.code) == (400, "UnsatisfiableCondition")


def test_containers(wire: Wire) -> None:
    made = wire("PUT", "/fresh?restype=container", bearer="owner", x_ms_meta_team="ml")
    assert made.status == 201
    got = wire("GET", "/fresh?restype=container", bearer="reader")
    assert (got.status, got.headers["etag"], got.headers["x-ms-meta-team"]) == (200, made.headers["etag"], "ml")
    assert got.headers["x-ms-has-legal-hold"] == "false"
    again = wire("PUT", "/fresh?restype=container", bearer="owner")
    check_error(again, 409, "ContainerAlreadyExists", "The specified container already exists.")
    # Azure's own spelling (recorded).
    odd = wire("PUT", "/%E5%95%8A%E9%BD%84%E4%B8%82?restype=container", bearer="owner")
    check_error(odd, 400, "InvalidResourceName", "The specifed resource name contains invalid characters.")
    assert wire("PUT", "/ab?restype=container", bearer="owner").code == "OutOfRangeInput"
    assert wire("PUT", "/Fresh?restype=container", bearer="owner").code == "InvalidResourceName"
    assert wire("GET", "/FRESH?restype=container", bearer="reader").code == "ContainerNotFound"
    wire("PUT", "/fresh/x", TEXT, bearer="writer", x_ms_blob_type="BlockBlob")
    assert wire("DELETE", "/fresh?restype=container", bearer="reader").status == 403
    assert wire("DELETE", "/fresh?restype=container", bearer="owner").status == 202
    assert wire("DELETE", "/fresh?restype=container", bearer="owner").code == "ContainerNotFound"
    assert files(wire) == []


def test_a_list_is_written_as_recorded(blob: Wire) -> None:
    change_kind(blob.world, "Storage")  # as the recorded account: of the kind that has no tiers
    reply = blob("GET", "/data?restype=container&comp=list&maxresults=1", bearer="reader")
    head = blob("HEAD", "/data/hello.txt", bearer="reader").headers
    date = head["last-modified"]
    assert reply.body.decode() == (
        f'\ufeff<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://{HOST}/" '
        'ContainerName="data"><MaxResults>1</MaxResults><Blobs><Blob><Name>hello.txt</Name><Properties>'
        f"<Creation-Time>{date}</Creation-Time><Last-Modified>{date}</Last-Modified>"
        f"<Etag>{head['etag'].strip(chr(34))}</Etag><Content-Length>13</Content-Length>"
        "<Content-Type>text/plain</Content-Type><Content-Encoding /><Content-Language /><Content-CRC64 />"
        f"<Content-MD5>{MD5}</Content-MD5><Cache-Control /><Content-Disposition /><BlobType>BlockBlob</BlobType>"
        "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState><ServerEncrypted>true</ServerEncrypted>"
        "</Properties><OrMetadata /></Blob></Blobs><NextMarker /></EnumerationResults>"
    )
    empty = blob("GET", "/?comp=list&prefix=zzz&maxresults=5000&include=", bearer="owner")
    assert b"<MaxResults>5000</MaxResults><Containers /><NextMarker />" in empty.body
    assert blob("GET", "/data?restype=container&comp=list&maxresults=0", bearer="reader").code == "OutOfRangeInput"
    assert blob("GET", "/data?restype=container&comp=list&marker=x", bearer="reader").status == 400
    put_bytes(blob.world, ACCOUNT, "data", "odd\x01name", b"")
    odd = blob("GET", "/data?restype=container&comp=list&prefix=odd", bearer="reader")
    assert b'<Name Encoded="true">odd%01name</Name>' in odd.body


def test_a_sas_is_checked_in_every_part(blob: Wire) -> None:
    query = sas.service_sas(blob.world, ACCOUNT.upper(), "data", "lr", 60)
    assert "sp=rl&" in query
    assert "sr=c" in query
    reply = blob("GET", f"/data/hello.txt?{query}")
    assert (reply.status, reply.state["caller"]) == (200, "SAS (service)")
    assert reply.state["decision"] == "SAS signed with key1, permissions rl"
    sentence = (
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
        "including the signature."
    )
    forged = blob("PUT", f"/data/hello.txt?{query.replace('sp=rl', 'sp=rwl')}", TEXT, x_ms_blob_type="BlockBlob")
    check_error(forged, 403, "AuthenticationFailed", sentence)
    assert forged.state["decision"] == "Signature did not match"
    assert b"<AuthenticationErrorDetail>Signature did not match. String to sign used was rwl\n" in forged.body
    assert blob("GET", f"/data/hello.txt?{query}&skoid=x").code == "AuthenticationFailed"
    assert blob("GET", f"/data?restype=container&{query}").code == "AuthorizationFailure"
    assert blob("GET", f"/data/hello.txt?{query.replace('sig=', 'sig=@')}").code == "AuthenticationFailed"
    signature = query.partition("sig=")[2]
    assert signature not in str(reply.state)
    assert signature not in forged.body.decode()
    with pytest.raises(LookupError):
        sas.service_sas(blob.world, "nobody", "data", "r", 60)


def test_a_sas_may_create_and_not_overwrite(blob: Wire) -> None:
    query = sas.service_sas(blob.world, ACCOUNT, "data", "c", 60)
    put = {"x_ms_blob_type": "BlockBlob"}
    assert blob("PUT", f"/data/new?{query}", TEXT, **put).status == 201
    assert blob("PUT", f"/data/new?{query}", TEXT, **put).code == "AuthorizationPermissionMismatch"


def test_a_request_signed_long_ago(blob: Wire) -> None:
    old = formatdate(time.time() - 3600, usegmt=True)
    string = f"GET{chr(10) * 12}x-ms-date:{old}\nx-ms-version:2022-11-02\n/{ACCOUNT}/data/hello.txt"
    signed = f"SharedKey {ACCOUNT}:{sas.sign(key(blob.world), string)}"
    reply = blob("GET", "/data/hello.txt", authorization=signed, x_ms_date=old)
    assert reply.code == "AuthenticationFailed"
    assert b"Request date header too old" in reply.body
    now = formatdate(usegmt=True)
    signed = f"SharedKey {ACCOUNT}:{sas.sign(key(blob.world), string.replace(old, now))}"
    reply = blob("GET", "/data/hello.txt", authorization=signed, x_ms_date=now)
    assert (reply.status, reply.state["caller"]) == (200, "key1")


def test_what_the_sandbox_has_not_is_said(blob: Wire) -> None:
    for target in ("comp=snapshot", "comp=legalhold", "comp=expiry", "comp=immutabilityPolicies"):
        reply = blob("PUT", f"/data/hello.txt?{target}", bearer="writer")
        assert (reply.status, reply.code) == (409, "FeatureNotSupportedForAccount")
        assert b"The mi-tui sandbox does not have" in reply.body
    put = {"bearer": "writer", "x_ms_blob_type": "BlockBlob"}
    for header in ("x_ms_encryption_key", "x_ms_encryption_scope", "x_ms_legal_hold"):
        assert blob("PUT", "/data/x", TEXT, **put, **{header: "x"}).code == "FeatureNotSupportedForAccount"
    # There are no snapshots, so whichever one is named does not exist.
    moment = "2024-01-01T00:00:00.0000000Z"
    assert blob("GET", f"/data/hello.txt?snapshot={moment}", bearer="reader").code == "BlobNotFound"
    assert blob("DELETE", f"/data/hello.txt?versionid={moment}", bearer="writer").code == "BlobNotFound"
    assert blob("GET", "/data/hello.txt?snapshot=1", bearer="reader").code == "InvalidQueryParameterValue"
    assert blob("GET", "/data/hello.txt?comp=nonsense", bearer="reader").code == "InvalidQueryParameterValue"
    assert blob("POST", "/data/hello.txt", bearer="reader").code == "UnsupportedHttpVerb"


def test_blocks_that_do_not_fit(wire: Wire) -> None:
    def block(name: str) -> str:
        return f"/data/b?comp=block&blockid={base64.b64encode(name.encode()).decode()}"

    assert wire("PUT", block("aa"), b"1", bearer="writer").status == 201
    assert wire("PUT", block("a"), b"1", bearer="writer").status == 201  # base64 of one and of two bytes are as long
    assert wire("PUT", block("aaaa"), b"1", bearer="writer").code == "InvalidBlobOrBlock"
    assert wire("PUT", "/data/b?comp=block&blockid=%21", b"1", bearer="writer").code == "InvalidQueryParameterValue"
    assert wire("PUT", "/data/b?comp=blocklist", b"<BlockList>", bearer="writer").code == "InvalidXmlDocument"
    bomb = b'<!DOCTYPE a [<!ENTITY b "c">]><BlockList><Latest>&b;</Latest></BlockList>'
    assert wire("PUT", "/data/b?comp=blocklist", bomb, bearer="writer").code == "InvalidXmlDocument"
    assert wire("PUT", "/data/b?comp=blocklist", b"<BlockList/>", bearer="writer").status == 201
    assert files(wire)[0].stat().st_size == 0
