"""Shared access signatures: made here for Azure ML's uploads and datastores, and checked here for whoever presents one.

Source: "Create a service SAS", "Create an account SAS" and "Create a user delegation SAS" (Storage REST reference).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import itertools
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from urllib.parse import quote, unquote

from mi_tui.sandbox.blob import delegation
from mi_tui.sandbox.blob.call import Call
from mi_tui.sandbox.blob.errors import authentication_failed, fault
from mi_tui.sandbox.containers import account_by_name
from mi_tui.sandbox.store import Resource
from mi_tui.sandbox.world import World

VERSION = "2022-11-02"
"""The service version whose string-to-sign new signatures use."""

CLOCK_SKEW = 600
"""Seconds by which a new signature starts in the past, so that a client whose clock is behind can use it."""

_ORDER = "racwdxyltmeopi"
_OVERRIDES = ("rscc", "rscd", "rsce", "rscl", "rsct")
_VERSION = re.compile(r"20\d\d-[01]\d-[0-3]\d", re.ASCII)


@dataclass(frozen=True)
class Signed:
    """What a verified signature allows: letters, on one resource (`c`, `b`) or on resource types of the account.

    `object_id` is the principal whose rights a user delegation SAS hands on; it has to have them when they are used.
    """

    kind: str
    permissions: str
    resource: str
    key_name: str
    resource_types: str = ""
    object_id: str | None = None


def service_sas(world: World, account: str, container: str, permissions: str, seconds: int) -> str:
    """The query string (without `?`) of a service SAS for a container and its blobs, signed with the account's key1.

    `permissions` are letters such as `rcwl` in any order; it expires after `seconds`. LookupError when there is no such
    account.
    """
    found = account_by_name(world, account)
    if found is None:
        raise LookupError(f"there is no storage account {account!r}")
    now = int(time.time())
    query = {
        "sv": VERSION,
        "st": _moment(now - CLOCK_SKEW),
        "se": _moment(now + seconds),
        "sr": "c",
        "sp": "".join(sorted(set(permissions), key=_ORDER.index)),
        "spr": "https",
    }
    string = service_string(query, f"/blob/{found.name.lower()}/{container}")
    query["sig"] = sign(keys(found)[0][1], string)
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())


def account_sas(world: World, account: str, permissions: str, seconds: int) -> str:
    """As `service_sas`, for all containers and blobs of an account."""
    found = account_by_name(world, account)
    if found is None:
        raise LookupError(f"there is no storage account {account!r}")
    now = int(time.time())
    query = {
        "sv": VERSION,
        "ss": "b",
        "srt": "co",
        "st": _moment(now - CLOCK_SKEW),
        "se": _moment(now + seconds),
        "sp": "".join(sorted(set(permissions), key=_ORDER.index)),
        "spr": "https",
    }
    query["sig"] = sign(keys(found)[0][1], _account_string(query, found.name.lower()))
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())


def verify(call: Call) -> Signed:
    """What the SAS in a request's query allows. BlobError 403 when it is incomplete, not valid now and here, or not signed."""
    query, account = call.query, call.account
    kind = "account" if "ss" in query else "delegation" if "skoid" in query else "service"
    if not _VERSION.fullmatch(query.get("sv", "")):
        raise authentication_failed("sv is mandatory. Cannot be empty" if not query.get("sv") else "sv is not valid")
    fields = _fields(call, kind)
    _check_times(fields)
    if query.get("spr", "https") not in ("https", "https,http", "http,https"):
        raise authentication_failed("spr is not in the correct format")
    _check_address(call)
    if kind == "account":
        if not query.get("srt"):
            raise authentication_failed("srt is mandatory. Cannot be empty")
        strings, resource = [_account_string(query, account.name.lower())], ""
    else:
        resource = query.get("sr", "")
        if resource not in ("c", "b", "d"):
            raise authentication_failed(
                "sr is mandatory. Cannot be empty" if not resource else f"sr={resource} is not supported"
            )
        path = f"/blob/{account.name.lower()}/{call.container or ''}"
        if query["sv"] < "2015-02-21":
            path = path.removeprefix("/blob")
        canonical = f"{path}/{call.blob}" if resource == "b" and call.blob is not None else path
        if resource == "d":
            canonical = f"{path}/{_directory(call)}".rstrip("/")
        strings = _delegated_strings(call, canonical) if kind == "delegation" else [service_string(query, canonical)]
    if kind == "delegation":
        delegation.check(query)
        principal = query["skoid"]
        keys_of = [("a user delegation key", delegation.key_of(call.world.store, query, account))]
    else:
        principal, keys_of = None, keys(account)
    key_name = matching_key(keys_of, query.get("sig", ""), strings)
    if key_name is None:
        raise authentication_failed(f"Signature did not match. String to sign used was {strings[0]}")
    types = query.get("srt", "") if "b" in query.get("ss", "") else ""
    return Signed(kind, fields["sp"], resource, key_name, types, principal)


def _directory(call: Call) -> str:
    """The directory of a directory's signature (`sr=d`): the first `sdd` parts of the blob's name, or of a list's prefix."""
    depth = call.query.get("sdd", "")
    if not depth.isascii() or not depth.isdecimal() or len(depth) > 3:
        raise authentication_failed("sdd is mandatory. Cannot be empty" if not depth else "sdd is not valid")
    parts = (call.blob if call.blob is not None else call.query.get("prefix", "")).split("/")
    return "/".join(parts[: int(depth)])


def _fields(call: Call, kind: str) -> dict[str, str]:
    """Permissions, start and expiry: the signature's own, or those of the stored access policy that it names."""
    query = call.query
    own = {name: query.get(name, "") for name in ("sp", "st", "se")}
    identifier = query.get("si")
    if identifier and kind != "service":
        raise authentication_failed("si is not supported here")
    if identifier:
        container = call.find_container()
        policies = [] if container is None else container.private.get("policies") or []
        policy = next((policy for policy in policies if policy["id"] == identifier), None)
        if policy is None:
            raise authentication_failed("Identifier specified in request doesn't exist")
        for name, held in (("sp", "permission"), ("st", "start"), ("se", "expiry")):
            if own[name] and policy.get(held):
                raise authentication_failed(
                    f"{name} is specified both in the signature and in the stored access policy"
                )
            own[name] = own[name] or policy.get(held) or ""
    for name in ("se", "sp"):
        if not own[name]:
            raise authentication_failed(f"{name} is mandatory. Cannot be empty")
    return own


def keys(account: Resource) -> list[tuple[str, str]]:
    """Name and base64 value of an account's keys."""
    return [(str(key["keyName"]), str(key["value"])) for key in account.private.get("keys", [])]


def sign(key: str, string: str) -> str:
    """The base64 HMAC-SHA256 of a string with a base64 key."""
    return base64.b64encode(hmac.new(base64.b64decode(key), string.encode(), hashlib.sha256).digest()).decode()


def matching_key(named: list[tuple[str, str]], signature: str, strings: list[str]) -> str | None:
    """The name of the key with which one of the strings was signed, or None."""
    try:
        given = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return None
    for name, value in named:
        for string in strings:
            if hmac.compare_digest(given, base64.b64decode(sign(value, string))):
                return name
    return None


def service_string(query: Mapping[str, str], canonical: str) -> str:
    """What a service SAS with these parameters signs; `canonical` is the resource, such as `/blob/account/container`."""
    version = query["sv"]
    fields = [query.get("sp", ""), query.get("st", ""), query.get("se", ""), canonical, query.get("si", "")]
    if version >= "2015-04-05":
        fields += [query.get("sip", ""), query.get("spr", "")]
    fields.append(version)
    if version >= "2018-11-09":
        fields += [query.get("sr", ""), query.get("snapshot", "")]
    if version >= "2020-12-06":
        fields.append(query.get("ses", ""))
    if version >= "2013-08-15":
        fields += [query.get(name, "") for name in _OVERRIDES]
    return "\n".join(fields)


def _account_string(query: Mapping[str, str], account: str) -> str:
    fields = [account, *(query.get(name, "") for name in ("sp", "ss", "srt", "st", "se", "sip", "spr", "sv"))]
    if query["sv"] >= "2020-12-06":
        fields.append(query.get("ses", ""))
    return "\n".join(fields) + "\n"


def _delegated_strings(call: Call, canonical: str) -> list[str]:
    """What a client may have signed with a user delegation key; newer versions sign more fields, mostly empty ones."""
    query = call.query
    version = query["sv"]

    def of(*names: str) -> list[str]:
        return [query.get(name, "") for name in names]

    head = [*of("sp", "st", "se"), canonical, *of("skoid", "sktid", "skt", "ske", "sks", "skv")]
    if version >= "2020-02-10":
        head += of("saoid", "suoid", "scid")
    middle = [*of("sip", "spr", "sv", "sr"), query.get("snapshot", query.get("sst", ""))]
    if version >= "2020-12-06":
        middle += of("ses")
    users = [of("skdutid", "sduoid")] if version >= "2025-07-05" else [[]]
    asked = [_asked_for(call)] if "srh" in query or "srq" in query else [["", ""], []]
    if version < "2026-04-06":
        asked = [[]]
    return [
        "\n".join([*head, *more, *middle, *named, *of(*_OVERRIDES)]) for more, named in itertools.product(users, asked)
    ]


def _asked_for(call: Call) -> list[str]:
    """The headers and query parameters that a signature binds, with the values that this request has."""
    headers = [unquote(name) for name in call.query.get("srh", "").split(",") if name]
    names = [unquote(name) for name in call.query.get("srq", "").split(",") if name]
    first = "".join(f"{name}:{call.headers.get(name, '')}\n" for name in headers)
    second = "".join(f"\n{name}:{call.query.get(name.lower(), '')}" for name in names)
    return [first, second]


def _check_times(fields: Mapping[str, str]) -> None:
    now = time.time()
    start, expiry = delegation.seconds(fields["st"]), delegation.seconds(fields["se"])
    if expiry is None:
        raise authentication_failed("se is not in the correct format")
    if fields["st"] and start is None:
        raise authentication_failed("st is not in the correct format")
    if now >= expiry or (start is not None and now < start):
        shown = f"Start [{formatdate(start, usegmt=True)}] - " if start is not None else ""
        raise authentication_failed(
            f"Signature not valid in the specified time frame: {shown}Expiry [{formatdate(expiry, usegmt=True)}] - "
            f"Current [{formatdate(now, usegmt=True)}]"
        )


def _check_address(call: Call) -> None:
    """`sip` is one address or a range; the sandbox sees whoever calls on loopback, as Azure sees the public address."""
    allowed = call.query.get("sip")
    if not allowed:
        return
    first, dash, last = allowed.partition("-")
    try:
        low, high = ipaddress.IPv4Address(first), ipaddress.IPv4Address(last if dash else first)
        inside = low <= ipaddress.IPv4Address(call.client) <= high
    except ValueError as error:
        raise authentication_failed("sip is not in the correct format") from error
    if not inside:
        refused = fault("AuthorizationSourceIPMismatch")
        refused.message = refused.message.format(SourceIP=call.client)
        raise refused


def _moment(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
