"""Microsoft Entra ID: `https://login.microsoftonline.com`. Discovery, keys, tokens, device codes and the sign-in pages.

Shapes: the recorded discovery answers; the rest is told where it lies: `oauth`, `token_endpoint`, `login_pages`.
"""

from __future__ import annotations

import re
import uuid

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mi_tui.sandbox import discovery, oauth
from mi_tui.sandbox.hosts import LOGIN
from mi_tui.sandbox.login_pages import DEVICE_PAGE, LoginPages
from mi_tui.sandbox.oauth import EntraError, json_answer
from mi_tui.sandbox.sign_ins import DEVICE_SECONDS
from mi_tui.sandbox.token_endpoint import TokenEndpoint
from mi_tui.sandbox.world import World

_ROUTE = re.compile(
    r"/(?P<tenant>[^/]+)/(?:(?P<config>(?P<config_v2>v2\.0/)?\.well-known/openid-configuration)"
    r"|(?P<keys>discovery/(?:v2\.0/)?keys)|(?P<instance>discovery/instance)|(?P<token>oauth2/(?P<token_v2>v2\.0/)?token)"
    r"|(?P<device>oauth2/(?P<device_v2>v2\.0/)?devicecode)|(?P<realm>userrealm/(?P<user>[^/]+)))",
    re.IGNORECASE,
)


def login_app(world: World) -> ASGIApp:
    """The ASGI application behind `login.microsoftonline.com`."""
    return _LoginApp(world)


class _LoginApp:
    def __init__(self, world: World) -> None:
        self._world = world
        self._tokens = TokenEndpoint(world)
        self._pages = LoginPages(world)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        correlation = _guid_or_new(request.headers.get("client-request-id"))
        trace = str(uuid.uuid4())
        try:
            response = await self._answer(request)
        except EntraError as error:
            request.state.code = f"AADSTS{error.number}"
            request.state.decision = error.sentence
            response = json_answer(error.status, oauth.error_body(error, trace, correlation))
        response.headers["x-ms-request-id"] = trace
        if request.headers.get("return-client-request-id", "").lower() == "true":
            response.headers["client-request-id"] = correlation
        response.headers["strict-transport-security"] = "max-age=31536000; includeSubDomains"
        response.headers["x-content-type-options"] = "nosniff"
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        page = await self._pages.answer(request)
        if page is not None:
            return page
        found = _ROUTE.fullmatch(request.url.path)
        if found is None:
            return Response(
                "The sandbox's Entra ID serves discovery documents, keys, tokens and its sign-in pages only.\n",
                404,
                media_type="text/plain",
            )
        if found["token"] is not None:
            return await self._tokens.answer(request, found["tenant"], v2=found["token_v2"] is not None)
        if found["device"] is not None:
            return await self._device_code(request, found["tenant"], v2=found["device_v2"] is not None)
        if request.method not in {"GET", "HEAD"}:
            return Response("", 405, {"allow": "GET"})
        request.state.decision = "open to everybody"
        if found["instance"] is not None:
            return self._instance(request)
        if found["realm"] is not None:
            return json_answer(200, discovery.user_realm(found["user"]))
        tenant = oauth.known_tenant(found["tenant"], error="invalid_tenant")
        if found["keys"] is not None:
            return json_answer(200, self._world.issuer.jwks(), cache="max-age=86400, private")
        body = discovery.openid_configuration(
            tenant, self._world.issuer.tenant, v2=found["config_v2"] is not None, pages=self._world.loopback
        )
        return json_answer(200, body, cache="max-age=86400, private")

    def _instance(self, request: Request) -> Response:
        body = discovery.instance(request.query_params.get("authorization_endpoint", ""))
        if body is None:
            raise EntraError(400, "invalid_instance", 50049, "Unknown or invalid instance.")
        return json_answer(200, body, cache="max-age=86400, private")

    async def _device_code(self, request: Request, path_tenant: str, *, v2: bool) -> Response:
        """A new device code, and what to tell the person. Device authorization request (Microsoft Learn)."""
        if request.method != "POST":
            raise EntraError(
                400, "invalid_request", 900561,
                f"The endpoint only accepts POST, OPTIONS requests. Received a {request.method} request.",
            )  # fmt: skip
        oauth.known_tenant(path_tenant, error="invalid_request")
        form = await oauth.read_form(request)
        if not v2:
            form = {**dict(request.query_params), **form}  # ADAL's clients put them into the query
        client_id = oauth.public_client(form)
        oauth.target(form, v2=v2, delegated=True)
        made = self._world.sign_ins.begin_device(
            client_id, form["scope" if v2 else "resource"], self._world.profile.sign_in_poll
        )
        page = f"{self._world.loopback}/device" if self._world.loopback else f"https://{LOGIN}{DEVICE_PAGE}"
        request.state.decision = "a device code"
        seconds, interval = DEVICE_SECONDS, int(made.interval)
        return json_answer(
            200,
            {
                "user_code": made.user_code,
                "device_code": made.device_code,
                "verification_uri" if v2 else "verification_url": page,
                "expires_in": seconds if v2 else str(seconds),
                "interval": interval if v2 else str(interval),
                "message": f"To sign in, use a web browser to open the page {page} and enter the code {made.user_code} to authenticate.",
            },
        )


def _guid_or_new(text: str | None) -> str:
    try:
        return str(uuid.UUID(text or ""))
    except ValueError:
        return str(uuid.uuid4())
