"""Scoring requests: `https://<endpoint>.<region>.inference.ml.azure.com`, authenticated, routed by traffic, and passed on to the server.

Statuses: "HTTP status codes" in "Troubleshooting online endpoint deployment" (Microsoft Learn). Reasons of a model's error, and the time
that it took, as Azure ML's own inference router writes them.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import http.cookiejar
import json
import random
import time
import uuid
from typing import Any

import anyio
import anyio.to_thread
import requests
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mi_tui.sandbox import rbac
from mi_tui.sandbox.arm.online_endpoints import TYPE
from mi_tui.sandbox.arm.online_secrets import hash_token
from mi_tui.sandbox.hosting import deployments, running
from mi_tui.sandbox.store import Resource
from mi_tui.sandbox.tokens import TokenError
from mi_tui.sandbox.world import World

ML = "https://ml.azure.com"
"""The audience of Entra tokens for endpoints with auth mode AADToken."""

SCORE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/score/action"
_GUIDE = "Please see troubleshooting guide, available here: https://aka.ms/oe-tsg#http-status-codes"
_READY_SECONDS = 60.0
"""How long a request waits for a server that is being started again, beside the deployment's own timeout."""

MAX_BODY = 10 * 1024 * 1024
"""Bytes of a scoring request; the sandbox's own limit, as no page gives Azure's for managed endpoints."""

_MOST_MIRRORED = 20
"""Copies on their way at once; the next are dropped, as mirroring must not slow anybody down."""

# Headers that belong to one connection, or that are set anew.
_NOT_PASSED_ON = frozenset(
    {
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "keep-alive",
        "authorization",
        "proxy-authorization",
        "te",
        "upgrade",
    }
)
_NOT_PASSED_BACK = frozenset(
    {
        "connection",
        "content-length",
        "transfer-encoding",
        "keep-alive",
        "server",
        "date",
        "content-encoding",
        "set-cookie",
    }
)


class _Refusal(Exception):
    """An answer that ends a scoring request."""

    def __init__(self, status: int, body: str | dict[str, Any], code: str, reason: str = "") -> None:
        super().__init__(code)
        self.status = status
        self.body = body
        self.code = code
        self.headers = {"ms-azureml-model-error-reason": reason} if reason else {}


class InferenceApp:
    """The ASGI application behind the endpoints' host names."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._session = requests.Session()
        # Neither the proxy nor the certificates of whoever started the sandbox have a say between it and its own servers.
        self._session.trust_env = False
        # A cookie that one endpoint's script sets must not reach another's: all of them are 127.0.0.1.
        self._session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        self._mirrored: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        request_id = request.headers.get("x-request-id") or str(uuid.uuid4())
        try:
            response = await self._answer(request, request_id)
        except _Refusal as refusal:
            request.state.code = refusal.code
            if isinstance(refusal.body, str):
                response = Response(refusal.body, refusal.status, media_type="text/plain; charset=utf-8")
            else:
                response = Response(
                    json.dumps(refusal.body), refusal.status, media_type="application/json; charset=utf-8"
                )
            response.headers.update(refusal.headers)
        response.headers["x-request-id"] = request_id
        response.headers.setdefault("x-ms-request-id", request_id)
        client_id = request.headers.get("x-ms-client-request-id")
        if client_id:
            response.headers["x-ms-client-request-id"] = client_id
        await response(scope, receive, send)

    async def _answer(self, request: Request, request_id: str) -> Response:
        endpoint = self._endpoint(request.headers.get("host", ""))
        self._authorize(request, endpoint)
        if endpoint.body["properties"].get("publicNetworkAccess") == "Disabled":
            # Every caller of a sandbox stands where the public does.
            request.state.decision = "the endpoint's public network access is disabled"
            raise _Refusal(403, _error("Forbidden", "Public network access to the endpoint is disabled."), "Forbidden")
        path = request.url.path.rstrip("/")
        if path not in {"/score", "/swagger.json"}:
            raise _not_found(f"The path '{request.url.path}' is not served by the endpoint.")
        deployment = self._route(request, endpoint)
        server = await self._server(deployment)
        body = await _body(request)
        self._mirror(request, request_id, body, endpoint)
        settings = deployment.body["properties"].get("requestSettings") or {}
        limit = 2 * int(settings.get("maxConcurrentRequestsPerInstance") or 1) * int(deployment.body["sku"]["capacity"])
        if server.pending >= limit:
            raise _Refusal(
                429,
                _error("TooManyRequests", f"Too many pending requests, the limit is {limit}. {_GUIDE}"),
                "TooManyRequests",
                "too_many_pending_request",
            )
        server.pending += 1
        try:
            return await self._pass_on(
                request,
                request_id,
                body,
                deployment.name,
                server,
                deployments.seconds(settings.get("requestTimeout"), 5.0),
            )
        finally:
            server.pending -= 1

    def _endpoint(self, host: str) -> Resource:
        name, _, rest = host.lower().partition(":")[0].partition(".")
        region = rest.partition(".")[0]
        for endpoint in self._world.store.resources(TYPE, name=name):
            if endpoint.body["location"] == region and endpoint.private.get("created"):
                return endpoint
        raise _not_found(f"There is no endpoint at {host}.")

    def _authorize(self, request: Request, endpoint: Resource) -> None:
        """401 with the gateway's bare words for a wrong key; an Entra token needs the right to score as well."""
        request.state.caller = f"{endpoint.name} (endpoint)"
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not credential:
            request.state.decision = "no bearer credential"
            raise _Refusal(401, "key_auth_bad_header_forbidden", "key_auth_bad_header_forbidden")
        mode = endpoint.body["properties"]["authMode"]
        if mode == "AADToken":
            self._authorize_token(request, endpoint, credential)
            return
        if mode == "Key":
            matches = [
                kind
                for kind, key in endpoint.private["keys"].items()
                if hmac.compare_digest(key.encode(), credential.encode())
            ]
        else:
            until = endpoint.private.get("tokens", {}).get(hash_token(credential), 0.0)
            matches = ["token"] if until > time.time() else []
        if not matches:
            request.state.decision = "not a key or token of this endpoint"
            raise _Refusal(401, "key_auth_access_denied", "key_auth_access_denied")
        request.state.caller = f"{endpoint.name} ({matches[0]} key)" if mode == "Key" else f"{endpoint.name} (token)"
        request.state.decision = f"a valid {matches[0]} {'key' if mode == 'Key' else ''}".rstrip()

    def _authorize_token(self, request: Request, endpoint: Resource, token: str) -> None:
        try:
            caller = self._world.issuer.verify(token, (ML,))
        except TokenError as error:
            request.state.decision = str(error)
            raise _Refusal(
                401, _error("UserError", "The access token is missing, invalid or expired."), "Unauthorized"
            ) from error
        request.state.caller = caller.name
        decision = rbac.decide(self._world.store, caller.object_id, SCORE, endpoint.id)
        request.state.decision = decision.reason
        if not decision.allowed:
            message = f"The principal '{caller.object_id}' does not have permission to perform action '{SCORE}' on the endpoint."
            raise _Refusal(403, _error("Forbidden", message), "Forbidden")

    def _route(self, request: Request, endpoint: Resource) -> Resource:
        """The deployment named in the header `azureml-model-deployment`, else one drawn by the endpoint's traffic."""
        there = {d.name.lower(): d for d in self._world.store.resources(deployments.TYPE, endpoint.id)}
        wanted = request.headers.get("azureml-model-deployment")
        if wanted is not None:
            found = there.get(wanted.lower())
            if found is None or "live" not in found.private:
                raise _not_found(
                    f"The deployment '{wanted}' named in the header azureml-model-deployment was not found in the endpoint."
                )
            return found
        shares = {
            name: share
            for name, share in endpoint.private.get("routed", {}).items()
            if share > 0 and name.lower() in there
        }
        if not shares:
            raise _not_found(
                "No valid deployments to route to. Please check that the endpoint has at least one deployment with positive weight "
                "values or use a deployment specific header to route."
            )
        return there[random.choices(list(shares), list(shares.values()))[0].lower()]

    def _mirror(self, request: Request, request_id: str, body: bytes, endpoint: Resource) -> None:
        """Send a copy of the request to the deployments with mirror traffic, by its percentage; what they answer is dropped."""
        if request.headers.get("azureml-model-deployment") is not None or request.url.path.rstrip("/") != "/score":
            return
        for name, share in (endpoint.body["properties"].get("mirrorTraffic") or {}).items():
            if random.random() * 100 >= share or len(self._mirrored) >= _MOST_MIRRORED:
                continue
            there = self._world.store.resources(deployments.TYPE, endpoint.id, name=name)
            server = running.serving(self._world, there[0].id) if there else None
            if server is None or not server.ready.is_set():
                continue
            settings = there[0].body["properties"].get("requestSettings") or {}
            seconds = deployments.seconds(settings.get("requestTimeout"), 5.0)
            task = asyncio.get_running_loop().create_task(
                self._copy(request, request_id, body, there[0].name, server, seconds)
            )
            self._mirrored.add(task)
            task.add_done_callback(self._mirrored.discard)

    async def _copy(
        self, request: Request, request_id: str, body: bytes, name: str, server: running.Server, seconds: float
    ) -> None:
        with contextlib.suppress(_Refusal):
            await self._pass_on(request, request_id, body, name, server, seconds, mirrored=True)

    async def _server(self, deployment: Resource) -> running.Server:
        """The deployment's server, which is waited for when the sandbox has just started or the server has crashed."""
        with anyio.move_on_after(_READY_SECONDS):
            while True:
                server = running.serving(self._world, deployment.id)
                if server is None:
                    await anyio.sleep(0.1)
                    continue
                await server.ready.wait()
                return server
        raise _no_model("no healthy upstream")

    async def _pass_on(
        self,
        request: Request,
        request_id: str,
        body: bytes,
        name: str,
        server: running.Server,
        timeout: float,
        *,
        mirrored: bool = False,
    ) -> Response:
        headers = {key: value for key, value in request.headers.items() if key.lower() not in _NOT_PASSED_ON}
        headers["x-request-id"] = request_id
        query = f"?{request.url.query}" if request.url.query else ""
        url = f"http://127.0.0.1:{server.port}{request.url.path}{query}"
        began = time.perf_counter()

        def send() -> requests.Response:
            return self._session.request(
                request.method, url, data=body, headers=headers, timeout=(2.0, timeout + 1.0), allow_redirects=False
            )

        try:
            with anyio.fail_after(timeout):
                answer = await anyio.to_thread.run_sync(send, abandon_on_cancel=True)
        except (TimeoutError, requests.Timeout) as error:
            raise _Refusal(408, "upstream request timeout", "RequestTimeout") from error
        except requests.RequestException as error:
            raise _no_model(
                "upstream connect error or disconnect/reset before headers. reset reason: connection failure"
            ) from error
        milliseconds = (time.perf_counter() - began) * 1000
        passed = {key: value for key, value in answer.headers.items() if key.lower() not in _NOT_PASSED_BACK}
        passed |= {"azureml-model-deployment": name, "ms-azureml-model-time": f"{milliseconds:.0f}"}
        status = 200 if answer.status_code == 200 else 424
        if status == 424 and not mirrored:
            request.state.code = "ModelError"
            passed |= {
                "ms-azureml-model-error-statuscode": str(answer.status_code),
                "ms-azureml-model-error-reason": "model_error",
            }
        return Response(answer.content, status, passed)


async def _body(request: Request) -> bytes:
    raw = bytearray()
    async for piece in request.stream():
        raw += piece
        if len(raw) > MAX_BODY:
            raise _Refusal(413, "Payload Too Large", "PayloadTooLarge")
    return bytes(raw)


def _no_model(text: str) -> _Refusal:
    """424 when the container does not answer: 502, 503 and 504 are codes of Kubernetes endpoints only."""
    refusal = _Refusal(424, text, "ModelError", "model_not_ready")
    refusal.headers["ms-azureml-model-error-statuscode"] = "503"
    return refusal


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "details": []}}


def _not_found(message: str) -> _Refusal:
    return _Refusal(404, _error("UserError", f"{message} {_GUIDE}"), "NotFound")
