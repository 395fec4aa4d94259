"""User delegation keys: a key that a principal gets with a token, and with which it signs for its own rights.

A key is not stored: it is derived from what is written in it, so whoever presents a signature says which key it was.
Source: "Get User Delegation Key" and "Create a user delegation SAS".
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping

from mi_tui.sandbox.blob import xml
from mi_tui.sandbox.blob.call import Answer, Call
from mi_tui.sandbox.blob.errors import XML_HEAD, authentication_failed, fault
from mi_tui.sandbox.blob.files import small_body
from mi_tui.sandbox.store import Resource, Store

_LONGEST = 7 * 86400
_SECRET = "user_delegation_secret"
_PARTS = ("skoid", "sktid", "skt", "ske", "sks", "skv")


async def user_delegation_key(call: Call) -> Answer:
    """Get User Delegation Key. Only for callers with a token."""
    if call.access.object_id is None:
        raise authentication_failed("Only authentication scheme Bearer is supported")
    root = xml.document(await small_body(call, 64 * 1024), "KeyInfo")
    start, expiry = root.findtext("Start") or "", root.findtext("Expiry") or ""
    now = time.time()
    begins, ends = seconds(start) if start else now, seconds(expiry)
    if begins is None or ends is None:
        raise xml.malformed()
    if ends <= now or ends <= begins or ends - now > _LONGEST + 60:
        raise fault("InvalidInput")
    parts = {
        "skoid": call.access.object_id, "sktid": call.world.issuer.tenant, "skt": _moment(begins), "ske": _moment(ends),
        "sks": "b", "skv": call.version,
    }  # fmt: skip
    names = ("SignedOid", "SignedTid", "SignedStart", "SignedExpiry", "SignedService", "SignedVersion")
    inner = "".join(xml.element(name, value) for name, value in zip(names, parts.values(), strict=True))
    tenant = root.findtext("DelegatedUserTid")
    if tenant:
        inner += xml.element("SignedDelegatedUserTid", tenant)
    inner += xml.element("Value", key_of(call.world.store, parts, call.account))
    body = f"{XML_HEAD}<UserDelegationKey>{inner}</UserDelegationKey>".encode()
    return Answer(200, {"content-type": "application/xml"}, body)


REVOKED = "delegation_keys_revoked"
"""What an account privately remembers: how often its user delegation keys were revoked."""


def key_of(store: Store, query: Mapping[str, str], account: Resource) -> str:
    """The base64 key that these parts (`skoid` to `skv`) name; another one after each revocation of an account's keys."""
    secret = store.value(_SECRET)
    if secret is None:
        secret = secrets.token_hex(32)
        store.set_value(_SECRET, secret)
    revoked = account.private.get(REVOKED)
    message = "\n".join([*(query.get(name, "") for name in _PARTS), *([str(revoked)] if revoked else [])])
    return base64.b64encode(hmac.new(bytes.fromhex(secret), message.encode(), hashlib.sha256).digest()).decode()


def check(query: Mapping[str, str]) -> None:
    """403 unless the key of a signature is named whole and valid now."""
    for name in _PARTS:
        if not query.get(name):
            raise authentication_failed(f"{name} is mandatory. Cannot be empty")
    begins, ends, now = seconds(query["skt"]), seconds(query["ske"]), time.time()
    if begins is None or ends is None:
        raise authentication_failed("skt or ske is not in the correct format")
    if not begins <= now < ends:
        raise authentication_failed("Signature not valid in the specified key time frame")


def seconds(value: str | None) -> float | None:
    """Unix seconds of an ISO time as a SAS writes it (a date, minutes, seconds or fractions; UTC), or None."""
    if not value:
        return None
    head, dot, fraction = value.removesuffix("Z").partition(".")
    try:
        moment = dt.datetime.fromisoformat(f"{head}.{fraction[:6].ljust(6, '0')}" if dot else head)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)).astimezone(dt.UTC).timestamp()
    except (ValueError, OverflowError):
        return None


def _moment(when: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))
