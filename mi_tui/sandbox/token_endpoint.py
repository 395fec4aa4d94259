"""Entra's token endpoint: each grant checked, and the tokens it entitles to.

Shapes: "Microsoft identity platform and the OAuth 2.0 client credentials flow", "… authorization code flow", "… device
authorization grant flow" and "Refresh tokens" (Microsoft Learn). Where Entra answers otherwise than its pages say, as people
recorded it: an unknown device code is `invalid_grant` 7000014, an expired one `expired_token` 70020, a refresh token that Entra did
not write is `invalid_grant` 9002313. The number of `slow_down` is not documented.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import time
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from mi_tui.sandbox import oauth, sign_ins
from mi_tui.sandbox.furnish import APPLICATION_PERMISSIONS, TENANT_NAME, USER_ID, user_password
from mi_tui.sandbox.oauth import CLI_CLIENT, EntraError, Target, needed
from mi_tui.sandbox.store import Principal
from mi_tui.sandbox.tokens import LIFETIME, TokenError
from mi_tui.sandbox.world import World

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
ON_BEHALF_OF = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_SLOW_DOWN_SECONDS = 5
"""By how much the interval grows at each `slow_down`; RFC 8628, 3.5."""

_EARLY_SECONDS = 0.5
"""How much sooner than the interval a poll may come: clocks and networks differ."""


@dataclass(frozen=True)
class _Grant:
    """What a token request was found to be entitled to. `scope` is as the client asked; `nonce` goes into the id token."""

    principal: Principal
    target: Target
    scope: str
    v2: bool
    client_info: bool = False
    nonce: str = ""
    refresh_token: str | None = None


class TokenEndpoint:
    """Answers `POST /{tenant}/oauth2/v2.0/token` and `/{tenant}/oauth2/token`."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def answer(self, request: Request, path_tenant: str, *, v2: bool) -> Response:
        """Tokens. EntraError when they are refused."""
        if request.method != "POST":
            raise EntraError(
                400, "invalid_request", 900561,
                f"The endpoint only accepts POST, OPTIONS requests. Received a {request.method} request.",
            )  # fmt: skip
        tenant = oauth.known_tenant(path_tenant, error="invalid_request")
        form = await oauth.read_form(request)
        kind = needed(form, "grant_type")
        if kind == "client_credentials":
            return self._client_credentials(request, form, tenant, v2=v2)
        if kind == "refresh_token":
            return self._refresh(request, form, v2=v2)
        if kind == DEVICE_CODE or (kind == "device_code" and not v2):
            return self._device(request, form, v2=v2)
        if kind == "authorization_code":
            return self._code(request, form, v2=v2)
        if kind == ON_BEHALF_OF:
            raise self._on_behalf_of(request, form)
        if kind == "password":
            raise self._password(request, form, v2=v2)
        raise EntraError(
            400, "unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{kind[:60]}'."
        )

    def _client_credentials(self, request: Request, form: dict[str, str], tenant: str, *, v2: bool) -> Response:
        if tenant in oauth.SHARED_TENANTS:
            raise EntraError(
                400, "invalid_request", 50059,
                "No tenant-identifying information found in either the request or implied by any provided credentials.",
            )  # fmt: skip
        principal = self._application(request, form)
        target = oauth.target(form, v2=v2, delegated=False)
        request.state.decision = f"client secret accepted: a token for {target.audience}"
        return self._issue(_Grant(principal, target, form.get("scope", ""), v2))

    def _application(self, request: Request, form: dict[str, str]) -> Principal:
        """The application that a request proves to come from. EntraError without that proof."""
        client_id = needed(form, "client_id").lower()
        principal = self._world.store.principal_by_client(client_id)
        if principal is None:
            raise oauth.unknown_application(client_id)
        request.state.caller = principal.name
        if form.get("client_assertion"):
            raise EntraError(
                401, "invalid_client", 700027,
                "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The "
                f"key was not found., Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for "
                f"app Id '{client_id}'.]",
            )  # fmt: skip
        secret = form.get("client_secret")
        if not secret:
            raise EntraError(
                401, "invalid_client", 7000218,
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
            )  # fmt: skip
        given = hashlib.sha256(secret.encode()).hexdigest()
        if not hmac.compare_digest(given, principal.secret or "no secret"):
            raise EntraError(
                401, "invalid_client", 7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the "
                f"client secret ID, for a secret added to app '{client_id}'.",
            )  # fmt: skip
        return principal

    def _on_behalf_of(self, request: Request, form: dict[str, str]) -> EntraError:
        """Why a token is not exchanged: none that the sandbox gives out is for an application of the tenant."""
        client_id = self._application(request, form).client_id
        try:
            self._world.issuer.verify(needed(form, "assertion"), (str(client_id),), directory=True)
        except TokenError as error:
            request.state.decision = str(error)
            if "Audience" not in str(error):
                return EntraError(
                    400,
                    "invalid_grant",
                    50013,
                    "Assertion failed signature validation. [Reason - The key was not found.]",
                )
        return EntraError(
            400, "invalid_grant", 500131,
            "Assertion audience does not match the Client app presenting the assertion. The audience in the assertion was another "
            f"resource and the expected audience is '{client_id}' or one of the Application Uris of this application.",
        )  # fmt: skip

    def _password(self, request: Request, form: dict[str, str], *, v2: bool) -> EntraError:
        """Why nobody is signed in by name and password alone: for Azure's management, Entra asks every user for a second factor."""
        oauth.public_client(form)
        wanted = oauth.target(form, v2=v2, delegated=True)
        name, password = needed(form, "username"), needed(form, "password")
        user = next(
            (p for p in self._world.store.principals() if p.kind == "User" and p.name.lower() == name.lower()), None
        )
        if user is None:
            return EntraError(
                400, "invalid_grant", 50034,
                f"The user account {{EUII Hidden}} does not exist in the {TENANT_NAME} directory. To sign into this application, the "
                "account must be added to the directory.",
            )  # fmt: skip
        request.state.caller = user.name
        right = user.object_id == USER_ID and hmac.compare_digest(
            password.encode(), user_password(self._world).encode()
        )
        if not right:
            return EntraError(
                400, "invalid_grant", 50126, "Error validating credentials due to invalid username or password."
            )
        return EntraError(
            400, "invalid_grant", 50076,
            "Due to a configuration change made by your administrator, or because you moved to a new location, you must use "
            f"multi-factor authentication to access '{wanted.audience}'.",
            "basic_action",
        )  # fmt: skip

    def _refresh(self, request: Request, form: dict[str, str], *, v2: bool) -> Response:
        oauth.public_client(form)
        given = needed(form, "refresh_token")
        kept = self._world.store.value("user_refresh_token") or ""
        first = bool(kept) and hmac.compare_digest(given.encode(), kept.encode())
        known = None if first else sign_ins.refresh_token(self._world.store, given)
        user = self._user(USER_ID if first else None if known is None else known.user)
        if user is None:
            raise EntraError(400, "invalid_grant", 9002313, "Invalid request. Request is malformed or invalid.")
        request.state.caller = user.name
        if known is not None:
            if known.expired:
                issued = dt.datetime.fromtimestamp(known.issued, dt.UTC)
                days = int((time.time() - known.used) // 86400)
                raise EntraError(
                    400, "invalid_grant", 700082,
                    f"The refresh token has expired due to inactivity. The token was issued on {issued:%Y-%m-%dT%H:%M:%S.0000000Z} "
                    f"and was inactive for {days}.00:00:00.",
                    "token_expired",
                )  # fmt: skip
            sign_ins.used_refresh_token(self._world.store, given, known)
        target = oauth.target(form, v2=v2, delegated=True)
        request.state.decision = f"refresh token accepted: a token for {target.audience}"
        return self._issue(_Grant(user, target, form.get("scope", ""), v2, _wants_info(form), refresh_token=given))

    def _device(self, request: Request, form: dict[str, str], *, v2: bool) -> Response:
        oauth.public_client(form)
        given = form.get("device_code") or needed(form, "code" if not v2 else "device_code")
        found = self._world.sign_ins.devices.get(given)
        if found is None:
            raise EntraError(
                400, "invalid_grant", 7000014, "The provided value for the input parameter 'device_code' is not valid."
            )
        now = time.time()
        if found.state == "declined":
            raise EntraError(400, "authorization_declined", 65004, "User declined to consent to access the app.")
        if found.state == "redeemed":
            raise _redeemed()
        if now >= found.expires:
            raise EntraError(
                400, "expired_token", 70020,
                "The provided value for the input parameter 'device_code' is not valid. This device code has expired.",
            )  # fmt: skip
        early, found.polled = now - found.polled < found.interval - _EARLY_SECONDS, now
        if found.state == "pending" and early:
            found.interval += _SLOW_DOWN_SECONDS
            raise EntraError(
                400, "slow_down", 70016,
                "OAuth 2.0 device flow error. The device polls too often. Increase the interval by 5 seconds.",
            )  # fmt: skip
        if found.state == "pending":
            raise EntraError(
                400, "authorization_pending", 70016,
                "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
            )  # fmt: skip
        found.state = "redeemed"
        return self._first_tokens(request, found.user, found.scope, form, v2=v2, how="device code")

    def _code(self, request: Request, form: dict[str, str], *, v2: bool) -> Response:
        client_id = oauth.public_client(form)
        found = self._world.sign_ins.codes.get(needed(form, "code"))
        if found is None or found.client_id != client_id:
            raise EntraError(400, "invalid_grant", 70000, "The provided value for the 'code' parameter is not valid.")
        if found.redeemed:
            raise _redeemed()
        if time.time() >= found.expires:
            raise EntraError(
                400, "invalid_grant", 70008,
                "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive "
                "authorization request for this user and resource.",
            )  # fmt: skip
        if needed(form, "redirect_uri") != found.redirect_uri:
            raise EntraError(
                400, "invalid_grant", 500112,
                f"The reply address '{form['redirect_uri'][:200]}' does not match the reply address '{found.redirect_uri[:200]}' "
                "provided when requesting Authorization code.",
            )  # fmt: skip
        if found.challenge and not hmac.compare_digest(_challenge(form, found.method), found.challenge.encode()):
            raise EntraError(
                400, "invalid_grant", 501481,
                "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
            )  # fmt: skip
        found.redeemed = True
        return self._first_tokens(
            request, found.user, found.scope, form, v2=v2, how="authorization code", nonce=found.nonce
        )

    def _first_tokens(
        self, request: Request, user_id: str, asked: str, form: dict[str, str], *, v2: bool, how: str, nonce: str = ""
    ) -> Response:
        """The tokens of a sign-in that has just been made by a person."""
        user = self._user(user_id)
        if user is None:
            raise EntraError(400, "invalid_grant", 50034, "The user account does not exist in the directory.")
        request.state.caller = user.name
        scope = form.get("scope" if v2 else "resource") or asked
        target = oauth.target({"scope": scope, "resource": scope}, v2=v2, delegated=True)
        request.state.decision = f"{how} accepted: a token for {target.audience}"
        offline = not v2 or "offline_access" in scope.split()
        refresh = sign_ins.add_refresh_token(self._world.store, user.object_id) if offline else None
        return self._issue(_Grant(user, target, scope, v2, _wants_info(form), nonce, refresh))

    def _user(self, object_id: str | None) -> Principal | None:
        found = self._world.store.principal(object_id) if object_id else None
        return found if found is not None and found.kind == "User" else None

    def _issue(self, grant: _Grant) -> Response:
        audience = grant.target.audience
        roles = (
            APPLICATION_PERMISSIONS.get(grant.principal.object_id, ()) if audience.rstrip("/") == oauth.GRAPH else ()
        )
        token, expires = self._world.issuer.mint(
            grant.principal, audience, scopes=grant.target.permissions or ("user_impersonation",), roles=roles
        )
        body: dict[str, object] = {"token_type": "Bearer"}
        if grant.v2:
            body |= {"expires_in": LIFETIME, "ext_expires_in": LIFETIME}
        else:
            body |= {
                "expires_in": str(LIFETIME),
                "ext_expires_in": str(LIFETIME),
                "expires_on": str(expires),
                "not_before": str(expires - LIFETIME),
                "resource": audience,
            }
        body["access_token"] = token
        if grant.principal.kind == "User":
            # v1 names the permissions alone, v2 each with its resource.
            body["scope"] = grant.target.granted() if grant.v2 else " ".join(grant.target.permissions)
            if grant.refresh_token is not None:
                body |= {"refresh_token": grant.refresh_token, "foci": "1"}
            if "openid" in grant.scope.split():
                body["id_token"] = self._world.issuer.id_token(grant.principal, CLI_CLIENT, nonce=grant.nonce)
            if grant.client_info:
                body["client_info"] = client_info(grant.principal, self._world.issuer.tenant)
        return oauth.json_answer(200, body)


def client_info(principal: Principal, tenant: str) -> str:
    """Who signed in and where, as clients key their caches: base64 of `uid` and `utid`."""
    text = json.dumps({"uid": principal.object_id, "utid": tenant}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _wants_info(form: dict[str, str]) -> bool:
    return form.get("client_info") == "1"


def _challenge(form: dict[str, str], method: str) -> bytes:
    """The challenge that the verifier of a token request amounts to; RFC 7636, 4.2."""
    verifier = form.get("code_verifier", "").encode()
    if method != "S256":
        return verifier
    return base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).rstrip(b"=")


def _redeemed() -> EntraError:
    return EntraError(
        400, "invalid_grant", 54005,
        "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.",
    )  # fmt: skip
