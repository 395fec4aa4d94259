"""Who may do what: signatures of every version and kind, their limits in time, place and operation, and odd names under each."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import generate_account_sas, generate_blob_sas, generate_container_sas
from blob_harness import ACCOUNT, Reply, Socket, Wire, change_account, key, new_world, served
from blob_sas import delegated_query, moment

from mi_tui.sandbox.blob.rows import put_bytes

TEXT = b"hello"
PUT = {"x_ms_blob_type": "BlockBlob"}

ODD_NAMES = (
    "späce & +plus.txt", "a//b", "/leading", "trailing/", "x%2Fy", "a%20b", "日本/ünï.txt", "q?x=1&y=2", "hash#1", "emoji \U0001f600",
    "semi;colon,comma", "back\\slash", "quote'\"both", "(paren)[brackets]{braces}", "~tilde^caret`tick|pipe", "a:b@c!$*=",
)  # fmt: skip


@pytest.fixture
def wire(tmp_path: Path) -> Wire:
    made = Wire(new_world(tmp_path))
    put_bytes(made.world, ACCOUNT, "data", "one.txt", TEXT, content_type="text/plain")
    return made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Socket]:
    with served(new_world(tmp_path_factory.mktemp("world"))) as running:
        yield running


def signature(secret: str, string: str) -> str:
    return base64.b64encode(hmac.new(base64.b64decode(secret), string.encode(), hashlib.sha256).digest()).decode()


def query_of(fields: dict[str, str]) -> str:
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())


def service_query(wire: Wire, version: str, resource: str, canonical: str, **changed: str) -> str:
    """A service SAS as "Create a service SAS" words it for a version, written here a second time."""
    given = {"sv": version, "sr": resource, "sp": "r", "st": moment(-60), "se": moment(600), **changed}
    lines = [given.get("sp", ""), given.get("st", ""), given.get("se", ""), canonical, given.get("si", "")]
    if version >= "2015-04-05":
        lines += [given.get("sip", ""), given.get("spr", "")]
    lines += [version]
    if version >= "2018-11-09":
        lines += [resource, ""]
    if version >= "2020-12-06":
        lines += [given.get("ses", "")]
    lines += [given.get(name, "") for name in ("rscc", "rscd", "rsce", "rscl", "rsct")]
    return query_of({**given, "sig": signature(key(wire.world), "\n".join(lines))})


@pytest.mark.parametrize(
    "version",
    [
        "2013-08-15",
        "2015-02-21",
        "2015-04-05",
        "2018-03-28",
        "2018-11-09",
        "2020-10-02",
        "2020-12-06",
        "2022-11-02",
        "2026-10-06",
    ],
)
@pytest.mark.parametrize("resource", ["b", "c"])
def test_a_service_sas_of_each_version(wire: Wire, version: str, resource: str) -> None:
    path = f"/{ACCOUNT}/data" + ("/one.txt" if resource == "b" else "")
    canonical = path if version < "2015-02-21" else f"/blob{path}"
    query = service_query(wire, version, resource, canonical)
    assert wire("GET", f"/data/one.txt?{query}").body == TEXT
    assert wire("GET", f"/data/other.txt?{query}").code == (
        "AuthenticationFailed" if resource == "b" else "BlobNotFound"
    )
    assert wire("GET", f"/data/one.txt?{query.replace('sp=r', 'sp=rw')}").code == "AuthenticationFailed"
    assert wire("PUT", f"/data/one.txt?{query}", b"x", **PUT).code == "AuthorizationPermissionMismatch"


def test_a_sas_says_with_what_headers_a_blob_is_handed_out(wire: Wire) -> None:
    given = {"rsct": "text/html", "rscd": "attachment; filename=a.txt", "rscc": "no-store"}
    query = service_query(wire, "2022-11-02", "b", f"/blob/{ACCOUNT}/data/one.txt", **given)
    for method in ("GET", "HEAD"):
        headers = wire(method, f"/data/one.txt?{query}").headers
        assert headers["content-type"] == "text/html"
        assert headers["content-disposition"] == "attachment; filename=a.txt"
        assert headers["cache-control"] == "no-store"


def detail(reply: Reply) -> str:
    return reply.body.decode().partition("<AuthenticationErrorDetail>")[2].partition("<")[0]


def test_a_sas_is_valid_in_its_time_and_from_its_addresses(wire: Wire) -> None:
    def got(**changed: str) -> Reply:
        query = service_query(wire, "2022-11-02", "b", f"/blob/{ACCOUNT}/data/one.txt", **changed)
        return wire("GET", f"/data/one.txt?{query}")

    assert got().status == 200
    assert got(st="").status == 200
    assert detail(got(se=moment(-1))).startswith("Signature not valid in the specified time frame: Start [")
    assert detail(got(st=moment(60))).startswith("Signature not valid in the specified time frame: Start [")
    assert got(se=moment(600)[:10] + "T23:59Z", st="").status in (200, 403)
    assert got(se="soon").code == got(st="yesterday").code == "AuthenticationFailed"
    assert got(spr="https").status == got(spr="https,http").status == 200
    assert got(spr="gopher").code == "AuthenticationFailed"
    assert got(sip="127.0.0.1").status == got(sip="127.0.0.0-127.0.0.9").status == 200
    far = got(sip="168.1.5.60-168.1.5.70")
    assert (far.status, far.code) == (403, "AuthorizationSourceIPMismatch")
    assert got(sip="everywhere").code == "AuthenticationFailed"
    assert got(sp="").code == "AuthenticationFailed"


def account_query(wire: Wire, **changed: str) -> str:
    given = {"sv": "2022-11-02", "ss": "b", "srt": "sco", "sp": "rwdlacuptf", "se": moment(600), **changed}
    names = ("sp", "ss", "srt", "st", "se", "sip", "spr", "sv", "ses")
    string = "\n".join([ACCOUNT, *(given.get(name, "") for name in names)]) + "\n"
    return query_of({**given, "sig": signature(key(wire.world), string)})


def test_an_account_sas_allows_services_kinds_and_letters(wire: Wire) -> None:
    def code(method: str, target: str, **changed: str) -> str | int:
        joined = target + ("&" if "?" in target else "?")
        reply = wire(method, joined + account_query(wire, **changed))
        return reply.code or reply.status

    assert code("GET", "/data/one.txt") == 200
    assert code("GET", "/data/one.txt", srt="o", sp="r") == 200
    assert code("GET", "/data/one.txt", srt="sc") == "AuthorizationResourceTypeMismatch"
    assert code("GET", "/data/one.txt", ss="qt") == "AuthorizationServiceMismatch"
    assert code("GET", "/data/one.txt", sp="wd") == "AuthorizationPermissionMismatch"
    assert code("GET", "/?comp=list", srt="s", sp="l") == 200
    assert code("GET", "/?comp=list", srt="co") == "AuthorizationResourceTypeMismatch"
    assert code("GET", "/data?restype=container&comp=list", srt="c", sp="l") == 200
    assert code("GET", "/data?restype=container", srt="c", sp="r") == 200
    assert code("PUT", "/fresh?restype=container", srt="c", sp="c") == 201
    assert code("DELETE", "/fresh?restype=container", srt="c", sp="r") == "AuthorizationPermissionMismatch"
    assert code("GET", "/?restype=service&comp=properties", srt="s", sp="r") == 200
    assert code("GET", "/data?restype=container&comp=acl") == "AuthorizationPermissionMismatch"


# Operation -> the letters of a container's SAS that allow it, as each operation's page says under "Permissions".
LETTERS = {
    "GET /data/one.txt": "r", "HEAD /data/one.txt": "r", "GET /data/one.txt?comp=metadata": "r", "GET /data?restype=container&comp=list": "l",
    "PUT /data/one.txt": "w", "PUT /data/new.txt": "wc", "PUT /data/new.txt?comp=block&blockid=YQ==": "wc", "PUT /data/one.txt?comp=metadata": "w",
    "PUT /data/one.txt?comp=properties": "w", "PUT /data/one.txt?comp=lease": "w", "PUT /data/one.txt?comp=tier": "w",
    "GET /data/one.txt?comp=tags": "t", "PUT /data/one.txt?comp=tags": "t", "PUT /data/one.txt?comp=appendblock": "aw",
    "GET /data?restype=container&comp=blobs&where=a='b'": "f", "DELETE /data/one.txt": "d",
}  # fmt: skip


@pytest.mark.parametrize("operation", LETTERS)
def test_each_operation_asks_for_its_letters(wire: Wire, operation: str) -> None:
    method, _, target = operation.partition(" ")
    extra = {"x_ms_lease_action": "acquire", "x_ms_lease_duration": "15", "x_ms_access_tier": "Cool", **PUT}
    for letter in "racwdltf":
        query = service_query(wire, "2022-11-02", "c", f"/blob/{ACCOUNT}/data", sp=letter)
        reply = wire(method, f"{target}{'&' if '?' in target else '?'}{query}", b"", **extra)
        assert (reply.code != "AuthorizationPermissionMismatch") == (letter in LETTERS[operation]), (letter, reply)
        if reply.status in (201, 202) and "new" not in target:
            put_bytes(wire.world, ACCOUNT, "data", "one.txt", TEXT)
        wire.world.store.remove_blobs(ACCOUNT, "data", "new.txt")


def test_what_no_service_sas_allows(wire: Wire) -> None:
    query = service_query(wire, "2022-11-02", "c", f"/blob/{ACCOUNT}/data", sp="racwdlt")
    for method, target in (
        ("GET", "/data?restype=container"), ("DELETE", "/data?restype=container"), ("PUT", "/data?restype=container&comp=metadata"),
        ("GET", "/data?restype=container&comp=acl"), ("PUT", "/data?restype=container&comp=lease"),
    ):  # fmt: skip
        assert wire(method, f"{target}&{query}").code == "AuthorizationFailure"
    blob = service_query(wire, "2022-11-02", "b", f"/blob/{ACCOUNT}/data", sp="racwdl")
    assert wire("GET", f"/data?restype=container&comp=list&{blob}").code == "AuthorizationFailure"


def test_a_user_delegation_sas_hands_on_what_its_principal_may(server: Socket) -> None:
    put_bytes(server.world, ACCOUNT, "data", "shared.txt", TEXT)
    begin, end = (dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes) for minutes in (-5, 30))
    delegated = server.client_as("reader").get_user_delegation_key(begin, end)
    assert delegated.signed_oid == f"00000000-0000-0000-0000-{'reader':0>12}"
    assert delegated.signed_service == "b"
    made = generate_blob_sas(
        ACCOUNT, "data", "shared.txt", user_delegation_key=delegated, permission="rw", start=begin, expiry=end
    )
    change_account(server.world, allowSharedKeyAccess=False)  # signed with no account key
    try:
        blob = server.client(made).get_blob_client("data", "shared.txt")
        assert blob.download_blob().readall() == TEXT
        with pytest.raises(HttpResponseError) as caught:
            blob.upload_blob(b"x", overwrite=True)  # the letter is there, the role is not
        assert (caught.value.status_code, caught.value.error_code) == (403, "AuthorizationPermissionMismatch")
    finally:
        change_account(server.world, allowSharedKeyAccess=True)
    everything = generate_container_sas(
        ACCOUNT, "data", user_delegation_key=delegated, permission="rl", start=begin, expiry=end
    )
    container = server.client(everything).get_container_client("data")
    assert "shared.txt" in list(container.list_blob_names())
    with pytest.raises(HttpResponseError):
        server.client_as("nobody").get_user_delegation_key(begin, end)
    with pytest.raises(HttpResponseError):
        server.client(key(server.world)).get_user_delegation_key(begin, end)


def test_a_user_delegation_sas_ends_with_its_key_and_with_its_role(wire: Wire) -> None:
    def got(**changed: str) -> Reply:
        return wire("GET", f"/data/one.txt?{delegated_query(wire.world, ACCOUNT, 'data', 'reader', 'r', **changed)}")

    assert got().body == TEXT
    for version in ("2018-11-09", "2019-12-12"):
        assert got(sv=version).code == "AuthenticationFailed"  # those versions signed fewer fields
    assert got(ske=moment(-1)).code == "AuthenticationFailed"
    assert got(skt=moment(60)).code == "AuthenticationFailed"
    assert got(se=moment(-1)).code == "AuthenticationFailed"
    query = delegated_query(wire.world, ACCOUNT, "data", "reader", "r")
    foreign = query.replace("reader", "writer")
    assert wire("GET", f"/data/one.txt?{foreign}").code == "AuthenticationFailed"
    for assignment in list(wire.world.store.assignments(f"00000000-0000-0000-0000-{'reader':0>12}")):
        wire.world.store.remove_assignment(assignment.id, 0.0)
    assert got().code == "AuthorizationPermissionMismatch"


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_with_a_key_a_signature_and_a_token(server: Socket, name: str) -> None:
    service = server.client(key(server.world))
    blob = service.get_blob_client("data", name)
    blob.upload_blob(name.encode(), overwrite=True, metadata={"a": "1"})
    assert blob.download_blob().readall() == name.encode()
    stored = name.replace("\\", "/") if name not in service.get_container_client("data").list_blob_names() else name
    assert stored in list(service.get_container_client("data").list_blob_names(name_starts_with=stored))
    end = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5)
    for made in (
        generate_blob_sas(ACCOUNT, "data", name, account_key=key(server.world), permission="r", expiry=end),
        generate_account_sas(ACCOUNT, key(server.world), resource_types="o", permission="r", expiry=end),
    ):
        assert server.client(made).get_blob_client("data", name).download_blob().readall() == name.encode()
    assert server.client_as("reader").get_blob_client("data", name).get_blob_properties().metadata == {"a": "1"}
    blob.stage_block("YQ==", b"x")
    blob.commit_block_list(["YQ=="])  # type: ignore[list-item]
    blob.set_blob_metadata({"b": "2"})
    blob.delete_blob()
    assert not blob.exists()


def shared_key(wire: Wire, method: str, target: str, date: float = 0.0, **headers: str) -> Reply:
    """A request signed as "Authorize with Shared Key" words it, written here a second time."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    sent |= {
        "x-ms-date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + date)),
        "x-ms-version": "2022-11-02",
    }
    path, _, query = target.partition("?")
    resource = f"/{ACCOUNT}{path}"
    pairs: dict[str, list[str]] = {}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        pairs.setdefault(unquote(name).lower(), []).append(unquote(value))
    resource += "".join(f"\n{name}:{','.join(sorted(values))}" for name, values in sorted(pairs.items()))
    own = "".join(f"{name}:{value}\n" for name, value in sorted(sent.items()) if name.startswith("x-ms-"))
    lines = [
        method,
        "",
        "",
        "",
        "",
        sent.get("content-type", ""),
        "",
        "",
        sent.get("if-match", ""),
        "",
        "",
        sent.get("range", ""),
    ]
    string = "\n".join(lines) + "\n" + own + resource
    sent["authorization"] = f"SharedKey {ACCOUNT}:{signature(key(wire.world), string)}"
    return wire(method, target, **sent)


@pytest.mark.parametrize(
    "target",
    [
        "/?comp=list&prefix=&marker=&include=", "/?comp=list&prefix=a%20b&maxresults=5", "/data?restype=container&comp=list&delimiter=%2F",
        "/data?restype=container&comp=list&prefix=a%2Bb", "/data?COMP=list&RESTYPE=container", "/data?restype=container&comp=list&timeout=30",
        "/data?restype=container&comp=list&include=metadata&include=tags",
    ],
)  # fmt: skip
def test_a_shared_key_signs_queries_as_they_are_meant(wire: Wire, target: str) -> None:
    assert shared_key(wire, "GET", target).status == 200


def test_a_shared_key_signs_ranges_conditions_and_doubled_slashes(wire: Wire) -> None:
    assert shared_key(wire, "GET", "/data/one.txt", range="bytes=1-2").body == TEXT[1:3]
    assert shared_key(wire, "GET", "/data/one.txt", if_match='"0x1"').code == "ConditionNotMet"
    put_bytes(wire.world, ACCOUNT, "data", "/a//b", b"slashes")
    assert shared_key(wire, "GET", "/data//a//b").body == b"slashes"
    assert shared_key(wire, "GET", "/data/%2Fa%2F%2Fb").body == b"slashes"


def test_a_clock_may_be_off_by_a_quarter_of_an_hour(wire: Wire) -> None:
    assert shared_key(wire, "GET", "/data/one.txt", date=-14 * 60).status == 200
    assert shared_key(wire, "GET", "/data/one.txt", date=14 * 60).status == 200
    late = shared_key(wire, "GET", "/data/one.txt", date=-16 * 60)
    assert late.code == "AuthenticationFailed"
    assert detail(late).startswith("Request date header too old: ")
