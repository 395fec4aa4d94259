"""Shared access signatures: made here for Azure ML's uploads and datastores, and checked here for whoever presents one.

Source: "Create a service SAS" and "Create an account SAS" (Storage REST reference).
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from urllib.parse import quote

from mi_tui.sandbox.blob.errors import authentication_failed
from mi_tui.sandbox.containers import account_by_name
from mi_tui.sandbox.store import Resource
from mi_tui.sandbox.world import World

VERSION = "2022-11-02"
"""The service version whose string-to-sign new signatures use."""

CLOCK_SKEW = 600
"""Seconds by which a new signature starts in the past, so that a client whose clock is behind can use it."""

_ORDER = "racwdxyltmeopi"


@dataclass(frozen=True)
class Signed:
    """What a verified signature allows: letters, on one resource (`c`, `b`) or on resource types of the account."""

    kind: str
    permissions: str
    resource: str
    key_name: str
    resource_types: str = ""


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
    string = _service_string(query, f"/blob/{found.name.lower()}/{container}")
    query["sig"] = sign(keys(found)[0][1], string)
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())


def verify(account: Resource, query: Mapping[str, str], container: str | None, blob: str | None) -> Signed:
    """What the SAS in a query allows. BlobError 403 when it is incomplete, not valid now, or not signed by a key.

    The allowed addresses (`sip`) are not looked at: a sandbox sees loopback only.
    """
    if "skoid" in query:
        raise authentication_failed("The mi-tui sandbox does not have user delegation SAS.")
    if "si" in query:
        raise authentication_failed("The mi-tui sandbox does not have stored access policies.")
    for name in ("sv", "se", "sp"):
        if not query.get(name):
            raise authentication_failed(f"{name} is mandatory. Cannot be empty")
    account_wide = "ss" in query
    _check_times(query)
    if account_wide:
        string, resource = _account_string(query, account.name.lower()), ""
    else:
        resource = query.get("sr", "")
        if resource not in ("c", "b"):
            raise authentication_failed(
                "sr is mandatory. Cannot be empty" if not resource else f"sr={resource} is not supported"
            )
        path = f"/blob/{account.name.lower()}/{container or ''}"
        string = _service_string(query, f"{path}/{blob}" if resource == "b" and blob is not None else path)
    key_name = matching_key(account, query.get("sig", ""), [string])
    if key_name is None:
        raise authentication_failed(f"Signature did not match. String to sign used was {string}")
    if account_wide:
        return Signed("account", query["sp"], "", key_name, query.get("srt", "") if "b" in query["ss"] else "")
    return Signed("service", query["sp"], resource, key_name)


def keys(account: Resource) -> list[tuple[str, str]]:
    """Name and base64 value of an account's keys."""
    return [(str(key["keyName"]), str(key["value"])) for key in account.private.get("keys", [])]


def sign(key: str, string: str) -> str:
    """The base64 HMAC-SHA256 of a string with a base64 key."""
    return base64.b64encode(hmac.new(base64.b64decode(key), string.encode(), hashlib.sha256).digest()).decode()


def matching_key(account: Resource, signature: str, strings: list[str]) -> str | None:
    """The name of the key with which one of the strings was signed, or None."""
    try:
        given = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return None
    for name, value in keys(account):
        for string in strings:
            if hmac.compare_digest(given, base64.b64decode(sign(value, string))):
                return name
    return None


def _service_string(query: Mapping[str, str], canonical: str) -> str:
    version = query["sv"]
    fields = [query.get("sp", ""), query.get("st", ""), query.get("se", ""), canonical, query.get("si", "")]
    fields += [query.get("sip", ""), query.get("spr", ""), version]
    if version >= "2018-11-09":
        fields += [query.get("sr", ""), query.get("snapshot", "")]
    if version >= "2020-12-06":
        fields.append(query.get("ses", ""))
    fields += [query.get(name, "") for name in ("rscc", "rscd", "rsce", "rscl", "rsct")]
    return "\n".join(fields)


def _account_string(query: Mapping[str, str], account: str) -> str:
    fields = [account, *(query.get(name, "") for name in ("sp", "ss", "srt", "st", "se", "sip", "spr", "sv"))]
    if query["sv"] >= "2020-12-06":
        fields.append(query.get("ses", ""))
    return "\n".join(fields) + "\n"


def _check_times(query: Mapping[str, str]) -> None:
    now = time.time()
    start, expiry = _seconds(query.get("st")), _seconds(query["se"])
    if expiry is None:
        raise authentication_failed("se is not in the correct format")
    if query.get("st") and start is None:
        raise authentication_failed("st is not in the correct format")
    if now >= expiry or (start is not None and now < start):
        shown = f"Start [{formatdate(start, usegmt=True)}] - " if start is not None else ""
        raise authentication_failed(
            f"Signature not valid in the specified time frame: {shown}Expiry [{formatdate(expiry, usegmt=True)}] - "
            f"Current [{formatdate(now, usegmt=True)}]"
        )


def _moment(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _seconds(value: str | None) -> float | None:
    """Unix seconds of an ISO time as a SAS writes it (a date, minutes, seconds or fractions; UTC), or None."""
    if not value:
        return None
    head, dot, fraction = value.removesuffix("Z").partition(".")
    try:
        moment = dt.datetime.fromisoformat(f"{head}.{fraction[:6].ljust(6, '0')}" if dot else head)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)).astimezone(dt.UTC).timestamp()
    except (ValueError, OverflowError):
        return None
