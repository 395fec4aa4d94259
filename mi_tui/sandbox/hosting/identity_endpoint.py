"""The managed identity endpoint inside every deployment: `GET $MSI_ENDPOINT?resource=...` with the header `secret`.

It hands out tokens of the identity of the asking deployment's endpoint and of nobody else. Shape and parameters: azure-identity's
Azure ML source and the REST call of Microsoft's managed identity tutorial.
"""

from __future__ import annotations

import hmac

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from mi_tui.sandbox.hosting import identities, running
from mi_tui.sandbox.store import Principal, Resource
from mi_tui.sandbox.world import World

PATH = "/msi/token"

# What a token may be asked for. Entra compares resources by case (azure-sdk-for-python#25450), and so does this.
_RESOURCES = frozenset(
    {
        "https://storage.azure.com", "https://management.azure.com", "https://management.core.windows.net", "https://vault.azure.net",
        "https://ml.azure.com", "https://graph.microsoft.com", "https://cognitiveservices.azure.com",
    }
)  # fmt: skip


class IdentityEndpoint:
    """The ASGI application behind `MSI_ENDPOINT`."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await self._answer(request)(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        if request.url.path.rstrip("/") != PATH:
            return _refuse(request, 404, "not_found", "There is nothing here.")
        if request.method != "GET":
            return _refuse(request, 405, "invalid_request", "Only GET is supported.")
        endpoint = self._endpoint_of(request.headers.get("secret", ""))
        if endpoint is None:
            return _refuse(
                request, 401, "unauthorized", "The header 'secret' is missing or is that of no running deployment."
            )
        request.state.caller = f"{endpoint.name} (deployment)"
        resource = request.query_params.get("resource", "")
        if not resource:
            return _refuse(request, 400, "invalid_request", "The query parameter 'resource' is missing.")
        audience = resource.removesuffix("/.default").rstrip("/")
        if audience not in _RESOURCES and not _is_account(audience):
            return _refuse(
                request, 400, "invalid_resource",
                f"AADSTS500011: The resource principal named {resource} was not found in the tenant named {self._world.issuer.tenant}.",
            )  # fmt: skip
        principal = self._principal(
            endpoint, request.query_params.get("clientid") or request.query_params.get("client_id")
        )
        if principal is None:
            return _refuse(request, 400, "invalid_request", "Identity not found")
        token, expires = self._world.issuer.mint(principal, resource.removesuffix("/.default"))
        request.state.caller = principal.name
        request.state.decision = f"a token for {audience}: {principal.name} is an identity of endpoint {endpoint.name}"
        return JSONResponse(
            {
                "access_token": token,
                "expires_on": str(expires),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": principal.client_id,
            },
            headers={"cache-control": "no-store"},
        )

    def _endpoint_of(self, secret: str) -> Resource | None:
        found = None
        # Every secret is compared, so that the time taken says nothing about which one came close.
        for server in running.servers(self._world):
            if hmac.compare_digest(server.secret.encode(), secret.encode()):
                found = server
        return None if found is None else self._world.store.resource(found.endpoint_id)

    def _principal(self, endpoint: Resource, client_id: str | None) -> Principal | None:
        own = identities.principals(self._world, endpoint)
        if client_id:
            return next((p for p in own if (p.client_id or "").lower() == client_id.lower()), None)
        # A user-assigned identity has to be named, as in Azure; only the system-assigned one is a default.
        return own[0] if own and endpoint.body["identity"]["type"] == "SystemAssigned" else None


def _is_account(audience: str) -> bool:
    return (
        audience.startswith("https://") and audience.endswith(".blob.core.windows.net") and audience == audience.lower()
    )


def _refuse(request: Request, status: int, code: str, description: str) -> Response:
    request.state.code = code
    request.state.decision = description
    return JSONResponse({"error": code, "error_description": description}, status)
