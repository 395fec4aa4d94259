"""Keys and tokens of online endpoints: `listKeys`, `regenerateKeys`, `token`."""

from __future__ import annotations

import secrets
import time

from starlette.responses import Response

from mi_tui.sandbox.arm.ml import ml_empty, ml_reply
from mi_tui.sandbox.arm.ml import workspace as workspace_of
from mi_tui.sandbox.arm.online_endpoints import ACTION, ONE, endpoint_of, refuse_busy
from mi_tui.sandbox.arm.online_operations import begin, headers, invalid
from mi_tui.sandbox.arm.online_secrets import hash_token, new_key
from mi_tui.sandbox.arm.router import Call, route

TOKEN_SECONDS = 12 * 3600
"""How long an endpoint token is good; Microsoft says twelve hours, with a refresh advised an hour before."""


@route("POST", ONE + "/listKeys", f"{ACTION}/listKeys/action")
def _list_keys(call: Call) -> Response:
    endpoint = endpoint_of(call)
    if endpoint.body["properties"]["authMode"] != "Key":
        raise invalid(
            workspace_of(call).body["location"], "Keys are only available for endpoints with auth mode Key.", "AuthMode"
        )
    return ml_reply(
        200, {"primaryKey": endpoint.private["keys"]["primary"], "secondaryKey": endpoint.private["keys"]["secondary"]}
    )


@route("POST", ONE + "/regenerateKeys", f"{ACTION}/regenerateKeys/action", {"keyType": str, "keyValue": str})
async def _regenerate_keys(call: Call) -> Response:
    workspace, endpoint = workspace_of(call), endpoint_of(call)
    location = workspace.body["location"]
    refuse_busy(location, endpoint)
    kind = (call.body.get("keyType") or "").lower()
    if kind not in {"primary", "secondary"}:
        raise invalid(
            location, "The value provided is not a valid enum value. Allowed values: Primary,Secondary.", "keyType"
        )
    endpoint.private["keys"][kind] = call.body.get("keyValue") or new_key()
    endpoint.body["properties"]["provisioningState"] = "Updating"
    operation = begin(call, workspace, "oe", "endpoint.keys", endpoint)
    return ml_empty(202, headers(call, workspace, operation.id, results=True))


@route("POST", ONE + "/token", f"{ACTION}/token/action")
def _token(call: Call) -> Response:
    endpoint = endpoint_of(call)
    if endpoint.body["properties"]["authMode"] != "AMLToken":
        raise invalid(
            workspace_of(call).body["location"],
            "Tokens are only available for endpoints with auth mode AMLToken.",
            "AuthMode",
        )
    token, expires = secrets.token_urlsafe(48), int(time.time()) + TOKEN_SECONDS
    alive = {known: until for known, until in endpoint.private.get("tokens", {}).items() if until > time.time()}
    endpoint.private["tokens"] = {**alive, hash_token(token): expires}
    call.world.store.put(endpoint)
    return ml_reply(
        200,
        {"accessToken": token, "tokenType": "Bearer", "expiryTimeUtc": expires, "refreshAfterTimeUtc": expires - 3600},
    )
