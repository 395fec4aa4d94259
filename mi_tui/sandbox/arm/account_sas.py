"""Account shared access signatures that Storage signs for a caller who has the right, in place of handing out a key."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote

from starlette.responses import Response

from mi_tui.sandbox.arm.router import Call, route
from mi_tui.sandbox.arm.storage import ACCOUNT, account_above, storage_reply
from mi_tui.sandbox.errors import bad_request

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
_NEEDED = ("signedServices", "signedResourceTypes", "signedPermission", "signedExpiry")


@route("POST", ACCOUNT + "/ListAccountSas", body=dict.fromkeys((*_SIGNED.values(), "keyToSign"), str))
def list_account_sas(call: Call) -> Response:
    """A token signed with `keyToSign` (default: key1). What it is made of: "Create an account SAS" (Storage REST reference)."""
    account = account_above(call)
    call.require("Microsoft.Storage/storageAccounts/listAccountSas/action", account.id)
    for name in _NEEDED:
        if not call.body.get(name):
            raise bad_request(
                f"Values for request parameters are invalid: {name}.", "InvalidValuesForRequestParameters"
            )
    wanted = call.body.get("keyToSign") or "key1"
    key = next((key["value"] for key in account.private["keys"] if key["keyName"] == wanted), None)
    if key is None:
        raise bad_request("Values for request parameters are invalid: keyToSign.", "InvalidValuesForRequestParameters")
    query = {short: call.body.get(name) or "" for short, name in _SIGNED.items()}
    parts = [account.name, *(query[short] for short in ("sp", "ss", "srt", "st", "se", "sip", "spr")), _VERSION, ""]
    digest = hmac.new(base64.b64decode(key), "\n".join(parts).encode(), hashlib.sha256).digest()
    signed = {"sv": _VERSION, **query, "sig": base64.b64encode(digest).decode()}
    # The comma of `https,http` stays as it is (recorded).
    token = "&".join(f"{short}={quote(value, safe=',')}" for short, value in signed.items() if value)
    return storage_reply(200, {"accountSasToken": token})
