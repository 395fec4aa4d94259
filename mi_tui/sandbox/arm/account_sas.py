"""Shared access signatures that Storage signs for a caller who has the right, in place of handing out a key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from urllib.parse import quote

from starlette.responses import Response

from mi_tui.sandbox.arm.router import Call, route
from mi_tui.sandbox.arm.storage import ACCOUNT, account_above, storage_reply
from mi_tui.sandbox.blob import sas
from mi_tui.sandbox.errors import ArmError, bad_request
from mi_tui.sandbox.store import Resource

_VERSION = "2015-04-05"
"""The version of the signatures that Storage makes here (recorded)."""

_SIGNED = {
    "ss": "signedServices",
    "srt": "signedResourceTypes",
    "sp": "signedPermission",
    "st": "signedStart",
    "se": "signedExpiry",
    "sip": "signedIp",
    "spr": "signedProtocol",
}
_OF_SERVICE = {
    "sr": "signedResource",
    "st": "signedStart",
    "se": "signedExpiry",
    "sp": "signedPermission",
    "sip": "signedIp",
    "spr": "signedProtocol",
    "si": "signedIdentifier",
    "spk": "startPk",
    "epk": "endPk",
    "srk": "startRk",
    "erk": "endRk",
    "rscc": "rscc",
    "rscd": "rscd",
    "rsce": "rsce",
    "rscl": "rscl",
    "rsct": "rsct",
}
_SERVICES = frozenset({"blob", "file", "queue", "table"})
_FRACTION = re.compile(r"(\.\d+)?(Z|\+00:00)$")
_NEEDED = ("signedServices", "signedResourceTypes", "signedPermission", "signedExpiry")


@route("POST", ACCOUNT + "/ListAccountSas", body=dict.fromkeys((*_SIGNED.values(), "keyToSign"), str))
def list_account_sas(call: Call) -> Response:
    """A token signed with `keyToSign` (default: key1). What it is made of: "Create an account SAS" (Storage REST reference)."""
    account = account_above(call)
    call.require("Microsoft.Storage/storageAccounts/listAccountSas/action", account.id)
    for name in _NEEDED:
        if not call.body.get(name):
            raise _invalid(name)
    key = _key(call, account)
    query = {short: call.body.get(name) or "" for short, name in _SIGNED.items()}
    parts = [account.name, *(query[short] for short in ("sp", "ss", "srt", "st", "se", "sip", "spr")), _VERSION, ""]
    digest = hmac.new(base64.b64decode(key), "\n".join(parts).encode(), hashlib.sha256).digest()
    signed = {"sv": _VERSION, **query, "sig": base64.b64encode(digest).decode()}
    # The comma of `https,http` stays as it is (recorded).
    token = "&".join(f"{short}={quote(value, safe=',')}" for short, value in signed.items() if value)
    return storage_reply(200, {"accountSasToken": token})


@route(
    "POST",
    ACCOUNT + "/ListServiceSas",
    body=dict.fromkeys((*_OF_SERVICE.values(), "canonicalizedResource", "keyToSign"), str),
)
def list_service_sas(call: Call) -> Response:
    """A token for one container or blob, signed with `keyToSign` (default: key1). Times are cut to seconds, as in the sample of
    "Storage Accounts - List Service SAS"; what is signed: "Create a service SAS"."""
    account = account_above(call)
    call.require("Microsoft.Storage/storageAccounts/listServiceSas/action", account.id)
    canonical = str(call.body.get("canonicalizedResource") or "")
    service, _, rest = canonical.removeprefix("/").partition("/")
    if service not in _SERVICES or rest.partition("/")[0].lower() != account.name.lower():
        raise _invalid("canonicalizedResource")
    query = {short: str(call.body.get(name) or "") for short, name in _OF_SERVICE.items()}
    # Permissions and expiry may come from the stored access policy that is named.
    for short in () if query["si"] else ("se", "sp"):
        if not query[short]:
            raise _invalid(_OF_SERVICE[short])
    for short in ("st", "se"):
        query[short] = _FRACTION.sub("Z", query[short])
    key = _key(call, account)
    query = {"sv": _VERSION} | {short: value for short, value in query.items() if value}
    query["sig"] = sas.sign(key, sas.service_string(query, canonical))
    token = "&".join(f"{short}={quote(value, safe=',')}" for short, value in query.items())
    return storage_reply(200, {"serviceSasToken": token})


def _key(call: Call, account: Resource) -> str:
    """The account's key that is to sign."""
    wanted = call.body.get("keyToSign") or "key1"
    for name, value in sas.keys(account):
        if name == wanted:
            return value
    raise _invalid("keyToSign")


def _invalid(name: str) -> ArmError:
    return bad_request(f"Values for request parameters are invalid: {name}.", "InvalidValuesForRequestParameters")
