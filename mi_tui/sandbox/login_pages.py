"""The pages on which a person signs in to the sandbox: the authorize endpoint, and the page where a device code is entered.

They stand on `login.microsoftonline.com` and, so that any browser of this machine can open them without the sandbox's proxy and
certificate, on the plain loopback port. Both ask for the password of the sandbox's user: another user of the machine reaches the
loopback port too, and whoever is signed in may run code here by deploying it. Protocol: "Microsoft identity platform and OAuth
2.0 authorization code flow" and "… device authorization grant flow" (Microsoft Learn).
"""

from __future__ import annotations

import hmac
import html
import re
import secrets
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from mi_tui.sandbox import oauth
from mi_tui.sandbox.furnish import USER, USER_ID, user_password
from mi_tui.sandbox.oauth import EntraError
from mi_tui.sandbox.sign_ins import AuthorizationCode
from mi_tui.sandbox.token_endpoint import client_info
from mi_tui.sandbox.world import World

DEVICE_PAGE = "/common/oauth2/deviceauth"
"""Where microsoft.com/devicelogin leads to."""

_AUTHORIZE = re.compile(r"/(?P<tenant>[^/]+)/oauth2/(?P<v2>v2\.0/)?authorize")
_LOOPBACK = frozenset({"localhost", "127.0.0.1"})
_KEPT = (
    "client_id", "response_type", "redirect_uri", "scope", "resource", "state", "nonce", "code_challenge", "code_challenge_method",
    "response_mode", "client_info",
)  # fmt: skip
"""The parameters of an authorization request that its page carries on."""


class LoginPages:
    """The pages, as an ASGI application of the loopback port; `answer` serves them for the login host."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        # Only by an address that no name server can have made up.
        if request.url.hostname not in _LOOPBACK:
            found: Response | None = None
        else:
            found = await self.answer(request)
        await (found or Response("There is nothing here.\n", 404, media_type="text/plain"))(scope, receive, send)

    async def answer(self, request: Request) -> Response | None:
        """The page of a path; None when it is none of these."""
        path = request.url.path
        if path in {DEVICE_PAGE, "/device"}:
            page = self._device
        elif _AUTHORIZE.fullmatch(path):
            page = self._authorize
        else:
            return None
        if request.method not in {"GET", "POST"}:
            return Response("", 405, {"allow": "GET, POST"})
        try:
            fields = dict(request.query_params) if request.method == "GET" else await oauth.read_form(request)
            return page(request, fields)
        except EntraError as error:
            request.state.code = f"AADSTS{error.number}"
            request.state.decision = error.sentence
            return _page(
                "Sorry, but we're having trouble signing you in.",
                f"<p>AADSTS{error.number}: {html.escape(error.sentence)}</p>",
                error.status,
            )

    # ---- a device's code

    def _device(self, request: Request, fields: Mapping[str, str]) -> Response:
        request.state.decision = "open to everybody"
        given = fields.get("otc") or fields.get("user_code") or ""
        if request.method == "GET":
            return _page("Enter code", _device_form(given))
        found = self._world.sign_ins.device_by_user_code(given)
        if found is None:
            request.state.code = "AADSTS70018"
            words = "That code did not work. Check the code and try again: it is new for each sign-in, and lives 15 minutes."
            return _page("Enter code", _device_form("", words))
        if fields.get("answer") == "cancel":
            found.state = "declined"
            request.state.decision = "the person declined"
            return _page("You have declined.", "<p>Nobody was signed in. You may close this window.</p>")
        if not self._right_password(request, fields):
            return _page("Enter code", _device_form(given, _WRONG_PASSWORD))
        found.state, found.user = "approved", USER_ID
        request.state.caller = USER
        request.state.decision = "device code approved"
        return _page(
            "Microsoft Azure Cross-platform Command Line Interface",
            f"<p>You have signed in as {html.escape(USER)} on your device. You may now close this window.</p>",
        )

    # ---- authorization code

    def _authorize(self, request: Request, fields: Mapping[str, str]) -> Response:
        matched = _AUTHORIZE.fullmatch(request.url.path)
        assert matched is not None
        oauth.known_tenant(matched["tenant"], error="invalid_request")
        asked = {name: fields[name] for name in _KEPT if fields.get(name)}
        oauth.public_client(asked)
        redirect_uri = oauth.needed(asked, "redirect_uri")
        if not _may_redirect(redirect_uri):
            raise EntraError(
                400, "invalid_request", 50011,
                f"The redirect URI '{redirect_uri[:200]}' specified in the request does not match the redirect URIs configured for "
                f"the application '{asked['client_id']}'. Make sure the redirect URI sent in the request matches one added to your "
                "application in the Azure portal.",
            )  # fmt: skip
        # From here on the client is told what is wrong, at the address that is known to be its own.
        try:
            self._check(asked, v2=matched["v2"] is not None)
        except EntraError as error:
            return self._back(request, asked, {"error": error.error, "error_description": _described(error)})
        request.state.decision = "open to everybody"
        if request.method == "GET":
            return _page("Sign in", _authorize_form(asked))
        if fields.get("answer") == "cancel":
            request.state.decision = "the person declined"
            declined = EntraError(400, "access_denied", 65004, "User declined to consent to access the app.")
            return self._back(request, asked, {"error": declined.error, "error_description": _described(declined)})
        if not self._right_password(request, fields):
            return _page("Sign in", _authorize_form(asked, _WRONG_PASSWORD))
        request.state.caller = USER
        request.state.decision = "an authorization code"
        code = self._world.sign_ins.add_code(
            AuthorizationCode(
                asked["client_id"].lower(), redirect_uri, asked.get("scope") or asked.get("resource", ""), USER_ID, asked.get("code_challenge", ""),
                asked.get("code_challenge_method", "plain"), asked.get("nonce", ""),
            )
        )  # fmt: skip
        answer = {"code": code}
        user = self._world.store.principal(USER_ID)
        if asked.get("client_info") == "1" and user is not None:
            answer["client_info"] = client_info(user, self._world.issuer.tenant)
        return self._back(request, asked, answer)

    @staticmethod
    def _check(asked: Mapping[str, str], *, v2: bool) -> None:
        if asked.get("response_type") != "code":
            raise EntraError(
                400, "unsupported_response_type", 700054, "response_type 'id_token' is not enabled for the application."
            )
        if asked.get("code_challenge_method", "plain") not in {"plain", "S256"}:
            raise EntraError(
                400,
                "invalid_request",
                501491,
                "Invalid size of code_challenge parameter or unknown code_challenge_method.",
            )
        if asked.get("response_mode", "query") not in {"query", "fragment", "form_post"}:
            raise EntraError(400, "invalid_request", 70007, "The value of 'response_mode' is not supported.")
        oauth.target(dict(asked), v2=v2, delegated=True)

    def _back(self, request: Request, asked: Mapping[str, str], answer: dict[str, str]) -> Response:
        """Send the answer to the client's own address, as `response_mode` says."""
        if "error" in answer:
            request.state.code = answer["error"]
        if "state" in asked:
            answer["state"] = asked["state"]
        target, mode = asked["redirect_uri"], asked.get("response_mode", "query")
        if mode == "form_post":
            return _posted(target, answer)
        mark = "#" if mode == "fragment" else "&" if urlsplit(target).query else "?"
        return RedirectResponse(f"{target}{mark}{urlencode(answer)}", 302, {"cache-control": "no-store"})

    def _right_password(self, request: Request, fields: Mapping[str, str]) -> bool:
        right = hmac.compare_digest(fields.get("passwd", "").encode(), user_password(self._world).encode())
        if not right:
            request.state.code = "AADSTS50126"
            request.state.decision = "wrong password"
        return right


_WRONG_PASSWORD = "Your account or password is incorrect."


def _may_redirect(uri: str) -> bool:
    """Whether a public client may be answered there: this machine, any port ("Redirect URI restrictions", Microsoft Learn)."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme == "http" and parts.hostname in _LOOPBACK and not parts.username and not parts.fragment


def _described(error: EntraError) -> str:
    return f"AADSTS{error.number}: {error.sentence}"


def _hidden(fields: Mapping[str, str]) -> str:
    return "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in fields.items()
    )


def _who(trouble: str) -> str:
    said = f'<p role="alert"><b>{html.escape(trouble)}</b></p>' if trouble else ""
    return (
        f"{said}<p>User <b>{html.escape(USER)}</b></p>"
        '<p><label>Password <input type="password" name="passwd" autocomplete="off"></label></p>'
        "<p><small>It is MI_TUI_SANDBOX_PASSWORD in the output of <code>mi-tui sandbox env</code>.</small></p>"
        '<p><button name="answer" value="ok">Sign in</button> <button name="answer" value="cancel">Cancel</button></p>'
    )


def _device_form(code: str, trouble: str = "") -> str:
    return (
        '<form method="POST"><p>Enter the code displayed on your app or device.</p>'
        f'<p><label>Code <input name="otc" value="{html.escape(code)}" autocomplete="off" autofocus></label></p>{_who(trouble)}</form>'
    )


def _authorize_form(asked: Mapping[str, str], trouble: str = "") -> str:
    return (
        '<form method="POST"><p>Microsoft Azure Cross-platform Command Line Interface wants to sign you in.</p>'
        f"{_hidden(asked)}{_who(trouble)}</form>"
    )


def _posted(target: str, answer: Mapping[str, str]) -> Response:
    """A page that posts the answer by itself, and by a button where scripts are off."""
    nonce = secrets.token_urlsafe(16)
    body = (
        f'<form method="POST" name="hiddenform" action="{html.escape(target)}">{_hidden(answer)}'
        "<noscript><p>Script is disabled. Click Submit to continue.</p>"
        '<input type="submit" value="Submit"></noscript></form>'
        f'<script nonce="{nonce}">document.forms[0].submit();</script>'
    )
    return _page("Working...", body, 200, nonce)


def _page(title: str, body: str, status: int = 200, nonce: str = "") -> Response:
    style = "body{font:16px sans-serif;max-width:32em;margin:4em auto;padding:0 1em}"
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title><style>{style}</style></head>'
        f"<body><h1>{html.escape(title)}</h1>{body}<hr><p><small>The sandbox of mi-tui, not Microsoft.</small></p></body></html>"
    )
    scripts = f"script-src 'nonce-{nonce}'; " if nonce else ""
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; {scripts}base-uri 'none'; frame-ancestors 'none'; "
        "form-action 'self' http://localhost:* http://127.0.0.1:*"
    )
    headers = {
        "cache-control": "no-store, no-cache", "content-security-policy": policy, "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }  # fmt: skip
    return Response(text.encode(), status, headers, media_type="text/html; charset=utf-8")
