"""Microsoft Entra ID: `https://login.microsoftonline.com`. Discovery, keys, and tokens for what the tenant knows.

Shapes: the recorded discovery answers; "Microsoft identity platform and the OAuth 2.0 client credentials flow", "Refresh
tokens" and "Microsoft Entra authentication and authorization error codes" (Microsoft Learn); error bodies as clients report them.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import json
import re
import uuid
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mi_tui.sandbox import discovery
from mi_tui.sandbox.furnish import TENANT_NAME, USER_ID
from mi_tui.sandbox.store import Principal
from mi_tui.sandbox.tokens import LIFETIME
from mi_tui.sandbox.world import World

CLI_CLIENT = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""The Azure CLI's public client; the user's refresh token was given to it."""

SHARED_TENANTS = frozenset({"common", "organizations"})

_RESOURCES = frozenset(
    {
        "https://management.azure.com",
        "https://management.core.windows.net",
        "https://storage.azure.com",
        "https://ml.azure.com",
    }
)
_ACCOUNT = re.compile(r"https://[a-z0-9]{3,24}\.blob\.core\.windows\.net")
_OIDC_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})
_MAX_BODY = 64 * 1024
_ROUTE = re.compile(
    r"/(?P<tenant>[^/]+)/(?:(?P<config>(?P<config_v2>v2\.0/)?\.well-known/openid-configuration)"
    r"|(?P<keys>discovery/(?:v2\.0/)?keys)|(?P<instance>discovery/instance)|(?P<token>oauth2/(?P<token_v2>v2\.0/)?token))"
)


@dataclass
class EntraError(Exception):
    """A refusal: HTTP status, OAuth error, AADSTS number and its sentence."""

    status: int
    error: str
    number: int
    sentence: str


@dataclass(frozen=True)
class _Grant:
    """What a token request was found to be entitled to."""

    principal: Principal
    audience: str
    form: dict[str, str]
    v2: bool


def login_app(world: World) -> ASGIApp:
    """The ASGI application behind `login.microsoftonline.com`."""
    return _LoginApp(world)


class _LoginApp:
    def __init__(self, world: World) -> None:
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        correlation = _guid_or_new(request.headers.get("client-request-id"))
        trace = str(uuid.uuid4())
        try:
            response = await self._answer(request)
        except EntraError as error:
            request.state.code = f"AADSTS{error.number}"
            request.state.decision = error.sentence
            response = _json(error.status, error_body(error, trace, correlation))
        response.headers["x-ms-request-id"] = trace
        if request.headers.get("return-client-request-id", "").lower() == "true":
            response.headers["client-request-id"] = correlation
        response.headers["strict-transport-security"] = "max-age=31536000; includeSubDomains"
        response.headers["x-content-type-options"] = "nosniff"
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        found = _ROUTE.fullmatch(request.url.path)
        if found is None:
            return Response(
                "The sandbox's Entra ID serves discovery documents, keys and tokens only.\n",
                404,
                media_type="text/plain",
            )
        if found["token"] is not None:
            return await self._token(request, found["tenant"], v2=found["token_v2"] is not None)
        if request.method not in {"GET", "HEAD"}:
            return Response("", 405, {"allow": "GET"})
        request.state.decision = "open to everybody"
        if found["instance"] is not None:
            return self._instance(request)
        tenant = self._known_tenant(found["tenant"], error="invalid_tenant")
        if found["keys"] is not None:
            return _json(200, self._world.issuer.jwks(), cache="max-age=86400, private")
        body = discovery.openid_configuration(tenant, self._world.issuer.tenant, v2=found["config_v2"] is not None)
        return _json(200, body, cache="max-age=86400, private")

    def _instance(self, request: Request) -> Response:
        body = discovery.instance(request.query_params.get("authorization_endpoint", ""))
        if body is None:
            raise EntraError(400, "invalid_instance", 50049, "Unknown or invalid instance.")
        return _json(200, body, cache="max-age=86400, private")

    def _known_tenant(self, tenant: str, *, error: str) -> str:
        if tenant.lower() == self._world.issuer.tenant or tenant.lower() in SHARED_TENANTS:
            return tenant.lower()
        raise EntraError(
            400,
            error,
            90002,
            f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct "
            "cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
        )

    async def _token(self, request: Request, path_tenant: str, *, v2: bool) -> Response:
        if request.method != "POST":
            raise EntraError(
                400, "invalid_request", 900561,
                f"The endpoint only accepts POST, OPTIONS requests. Received a {request.method} request.",
            )  # fmt: skip
        tenant = self._known_tenant(path_tenant, error="invalid_request")
        form = await _form(request)
        kind = _needed(form, "grant_type")
        if kind == "client_credentials":
            return self._client_credentials(request, form, tenant, v2=v2)
        if kind == "refresh_token":
            return self._refresh(request, form, v2=v2)
        raise EntraError(
            400, "unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{kind[:60]}'."
        )

    def _client_credentials(self, request: Request, form: dict[str, str], tenant: str, *, v2: bool) -> Response:
        if tenant in SHARED_TENANTS:
            raise EntraError(
                400, "invalid_request", 50059,
                "No tenant-identifying information found in either the request or implied by any provided credentials.",
            )  # fmt: skip
        client_id = _needed(form, "client_id").lower()
        principal = self._world.store.principal_by_client(client_id)
        if principal is None:
            raise _unknown_application(client_id)
        request.state.caller = principal.name
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
        scopes = self._scopes(form, v2=v2)
        if v2 and not scopes.endswith("/.default"):
            raise EntraError(
                400, "invalid_scope", 1002012,
                f"The provided value for scope {scopes[:200]} is not valid. Client credential flows must have a scope value with "
                "/.default suffixed to the resource identifier (application ID URI).",
            )  # fmt: skip
        grant = _Grant(principal, self._audience(scopes), form, v2)
        request.state.decision = f"client secret accepted: a token for {grant.audience}"
        return self._issue(grant)

    def _refresh(self, request: Request, form: dict[str, str], *, v2: bool) -> Response:
        client_id = _needed(form, "client_id").lower()
        if client_id != CLI_CLIENT:
            raise _unknown_application(client_id)
        given = _needed(form, "refresh_token")
        kept = self._world.store.value("user_refresh_token")
        user = self._world.store.principal(USER_ID)
        if not kept or user is None or not hmac.compare_digest(given.encode(), kept.encode()):
            raise EntraError(
                400, "invalid_grant", 70043,
                "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.",
            )  # fmt: skip
        request.state.caller = user.name
        grant = _Grant(user, self._audience(self._scopes(form, v2=v2)), form, v2)
        request.state.decision = f"refresh token accepted: a token for {grant.audience}"
        return self._issue(grant, refresh_token=kept)

    @staticmethod
    def _scopes(form: dict[str, str], *, v2: bool) -> str:
        """The one resource scope of a request: v2 sends `scope`, v1 sends `resource`."""
        if not v2:
            return _needed(form, "resource")
        wanted = [scope for scope in _needed(form, "scope").split() if scope not in _OIDC_SCOPES]
        if len(wanted) != 1:
            raise EntraError(
                400, "invalid_scope", 70011,
                f"The provided request must include a 'scope' input parameter. The scope {form['scope'][:200]} is not valid.",
            )  # fmt: skip
        return wanted[0]

    def _audience(self, scope: str) -> str:
        """The resource that a scope names, as it will stand in the token: as the client wrote it, slash included."""
        resource = scope.removesuffix("/.default").removesuffix("/user_impersonation")
        bare = resource.removesuffix("/")
        if bare not in _RESOURCES and not _ACCOUNT.fullmatch(bare):
            raise EntraError(
                400, "invalid_resource", 500011,
                f"The resource principal named {resource[:200]} was not found in the tenant named {TENANT_NAME}. This can happen if "
                "the application has not been installed by the administrator of the tenant or consented to by any user in the "
                "tenant. You might have sent your authentication request to the wrong tenant.",
            )  # fmt: skip
        return resource

    def _issue(self, grant: _Grant, refresh_token: str | None = None) -> Response:
        token, expires = self._world.issuer.mint(grant.principal, grant.audience)
        body: dict[str, object] = {"token_type": "Bearer"}
        if grant.v2:
            body |= {"expires_in": LIFETIME, "ext_expires_in": LIFETIME}
        else:
            body |= {
                "expires_in": str(LIFETIME),
                "ext_expires_in": str(LIFETIME),
                "expires_on": str(expires),
                "not_before": str(expires - LIFETIME),
                "resource": grant.audience,
            }
        body["access_token"] = token
        if refresh_token is not None:
            body |= {
                "scope": f"{grant.audience.rstrip('/')}/user_impersonation",
                "refresh_token": refresh_token,
                "foci": "1",
            }
            if "openid" in grant.form.get("scope", "").split():
                body["id_token"] = self._world.issuer.id_token(grant.principal, CLI_CLIENT)
            if grant.form.get("client_info") == "1":
                body["client_info"] = _client_info(grant.principal, self._world.issuer.tenant)
        return _json(200, body)


def error_body(error: EntraError, trace: str, correlation: str) -> dict[str, object]:
    """Entra's error object. The description is one line, as Entra has written it since 2024."""
    moment = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return {
        "error": error.error,
        "error_description": f"AADSTS{error.number}: {error.sentence} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {moment}",
        "error_codes": [error.number],
        "timestamp": moment,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={error.number}",
    }


def _unknown_application(client_id: str) -> EntraError:
    return EntraError(
        400, "unauthorized_client", 700016,
        f"Application with identifier '{client_id[:100]}' was not found in the directory '{TENANT_NAME}'. This can happen if the "
        "application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may "
        "have sent your authentication request to the wrong tenant.",
    )  # fmt: skip


def _needed(form: dict[str, str], name: str) -> str:
    value = form.get(name, "")
    if not value:
        raise EntraError(
            400, "invalid_request", 900144, f"The request body must contain the following parameter: '{name}'."
        )
    return value


async def _form(request: Request) -> dict[str, str]:
    """The form's fields, the first value of each; a client's Basic header counts as client_id and client_secret."""
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > _MAX_BODY:
            raise EntraError(400, "invalid_request", 9002313, "Invalid request. Request is malformed or invalid.")
    try:
        form = {
            name: values[0]
            for name, values in parse_qs(raw.decode(), keep_blank_values=True, max_num_fields=100).items()
        }
    except ValueError as error:
        raise EntraError(
            400, "invalid_request", 9002313, "Invalid request. Request is malformed or invalid."
        ) from error
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise EntraError(
                400, "invalid_request", 9002313, "Invalid request. Request is malformed or invalid."
            ) from error
        form.setdefault("client_id", unquote(name))
        form.setdefault("client_secret", unquote(secret))
    return form


def _client_info(principal: Principal, tenant: str) -> str:
    text = json.dumps({"uid": principal.object_id, "utid": tenant}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _guid_or_new(text: str | None) -> str:
    try:
        return str(uuid.UUID(text or ""))
    except ValueError:
        return str(uuid.uuid4())


def _json(status: int, body: object, *, cache: str = "no-store, no-cache") -> Response:
    headers = {"cache-control": cache}
    if cache.startswith("no-store"):
        headers |= {"pragma": "no-cache", "expires": "-1"}
    text = json.dumps(body, separators=(",", ":"))
    return Response(text.encode(), status, headers, media_type="application/json; charset=utf-8")
