"""What every part of the sandbox's Entra speaks: refusals in its shape, request forms, scopes and the resources they name.

Shapes: "Microsoft Entra authentication and authorization error codes" (Microsoft Learn); error bodies as clients report them.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from starlette.requests import Request
from starlette.responses import Response

from mi_tui.sandbox.furnish import TENANT_DOMAIN, TENANT_NAME
from mi_tui.sandbox.world import TENANT

CLI_CLIENT = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""The Azure CLI's public client, which azure-identity's browser and device code sign-ins use as well."""

SHARED_TENANTS = frozenset({"common", "organizations"})

RESOURCES = frozenset(
    {
        "https://management.azure.com",
        "https://management.core.windows.net",
        "https://storage.azure.com",
        "https://ml.azure.com",
        "https://graph.microsoft.com",
    }
)
"""What a token may be asked for, and the addresses of storage accounts. Entra compares them by case."""

GRAPH = "https://graph.microsoft.com"
GRAPH_PERMISSIONS = (
    "AuditLog.Read.All", "Directory.AccessAsUser.All", "Directory.Read.All", "Group.Read.All", "Group.ReadWrite.All", "User.Read",
    "User.Read.All", "User.ReadBasic.All", "User.ReadWrite.All",
)  # fmt: skip
"""Delegated permissions of Microsoft Graph that a person may consent to here."""

CLI_GRAPH_PERMISSIONS = ("AuditLog.Read.All", "Directory.AccessAsUser.All", "Group.ReadWrite.All", "User.ReadWrite.All")
"""What the Azure CLI's client was consented to at Graph, which `.default` stands for."""

_ACCOUNT = re.compile(r"https://[a-z0-9]{3,24}\.blob\.core\.windows\.net")
_OIDC_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})
_SCOPE = re.compile(r"(?P<resource>[^/\s]+://[^/\s]+/?)/(?P<permission>[^/\s]+)")
_MAX_BODY = 64 * 1024


@dataclass(frozen=True)
class Target:
    """What a token is asked for: the resource as the client wrote it, slash included, and the permissions on it."""

    audience: str
    permissions: tuple[str, ...]

    def granted(self) -> str:
        """The `scope` of the answer: each permission with its resource."""
        return " ".join(f"{self.audience.rstrip('/')}/{name}" for name in self.permissions)


@dataclass
class EntraError(Exception):
    """A refusal: HTTP status, OAuth error, AADSTS number and its sentence."""

    status: int
    error: str
    number: int
    sentence: str
    suberror: str = ""


def error_body(error: EntraError, trace: str, correlation: str) -> dict[str, object]:
    """Entra's error object. The description is one line, as Entra has written it since 2024."""
    moment = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    body: dict[str, object] = {
        "error": error.error,
        "error_description": f"AADSTS{error.number}: {error.sentence} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {moment}",
        "error_codes": [error.number],
        "timestamp": moment,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={error.number}",
    }
    return body | ({"suberror": error.suberror} if error.suberror else {})


def json_answer(status: int, body: object, *, cache: str = "no-store, no-cache") -> Response:
    """An answer in JSON; not to be kept unless `cache` says so."""
    headers = {"cache-control": cache}
    if cache.startswith("no-store"):
        headers |= {"pragma": "no-cache", "expires": "-1"}
    text = json.dumps(body, separators=(",", ":"))
    return Response(text.encode(), status, headers, media_type="application/json; charset=utf-8")


def known_tenant(tenant: str, *, error: str) -> str:
    """A tenant of a path, in lower case: ours by id or by domain (told as the id), or one that all share. EntraError otherwise."""
    wanted = tenant.lower()
    if wanted == TENANT_DOMAIN:
        return TENANT
    if wanted == TENANT or wanted in SHARED_TENANTS:
        return wanted
    raise EntraError(
        400,
        error,
        90002,
        f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct "
        "cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
    )


def public_client(form: dict[str, str]) -> str:
    """The client of a sign-in by a person: the one public client there is. EntraError for any other."""
    client_id = needed(form, "client_id").lower()
    if client_id != CLI_CLIENT:
        raise unknown_application(client_id)
    return client_id


def unknown_application(client_id: str) -> EntraError:
    """The refusal of a client that the tenant does not know."""
    return EntraError(
        400, "unauthorized_client", 700016,
        f"Application with identifier '{client_id[:100]}' was not found in the directory '{TENANT_NAME}'. This can happen if the "
        "application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may "
        "have sent your authentication request to the wrong tenant.",
    )  # fmt: skip


def needed(form: dict[str, str], name: str) -> str:
    """A field that must be there. EntraError when it is not."""
    value = form.get(name, "")
    if not value:
        raise EntraError(
            400, "invalid_request", 900144, f"The request body must contain the following parameter: '{name}'."
        )
    return value


def target(form: dict[str, str], *, v2: bool, delegated: bool) -> Target:
    """What a request asks a token for: v1 names a `resource`, v2 sends a `scope`. EntraError when that cannot be.

    `delegated` says that a person stands behind it, who may ask for single permissions, by their bare names at Microsoft Graph.
    """
    if not v2:
        resource = needed(form, "resource")
        _check_resource(resource)
        return Target(resource, _consented(resource, ".default") if delegated else ())
    scopes = [scope for scope in needed(form, "scope").split() if scope not in _OIDC_SCOPES]
    if not scopes and not delegated:
        raise _invalid_scope(form["scope"])
    parts = [_split(scope, delegated) for scope in scopes or ["User.Read"]]
    audience = parts[0][0]
    if any(resource.rstrip("/") != audience.rstrip("/") for resource, _ in parts):
        if not delegated:
            raise _invalid_scope(form["scope"])
        raise EntraError(
            400, "invalid_scope", 28000,
            "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope "
            f"{form['scope'][:300]} is not valid.",
        )  # fmt: skip
    if not delegated:
        if [permission for _, permission in parts] != [".default"]:
            raise EntraError(
                400, "invalid_scope", 1002012,
                f"The provided value for scope {' '.join(scopes)[:200]} is not valid. Client credential flows must have a scope value "
                "with /.default suffixed to the resource identifier (application ID URI).",
            )  # fmt: skip
        _check_resource(audience)
        return Target(audience, ())
    _check_resource(audience)
    return Target(
        audience, tuple(dict.fromkeys(p for _, permission in parts for p in _consented(audience, permission)))
    )


def _split(scope: str, delegated: bool) -> tuple[str, str]:
    """A scope's resource and permission."""
    found = _SCOPE.fullmatch(scope)
    if found is not None:
        return found["resource"], found["permission"]
    if "://" in scope:
        return scope, ""
    if "/" in scope or not delegated:
        raise _invalid_scope(scope)
    return GRAPH, scope


def _consented(resource: str, permission: str) -> tuple[str, ...]:
    """The permissions that a person's token carries. EntraError for one that the resource does not have."""
    names = GRAPH_PERMISSIONS if resource.rstrip("/") == GRAPH else ("user_impersonation",)
    if permission in {"", ".default"}:
        return CLI_GRAPH_PERMISSIONS if names is GRAPH_PERMISSIONS else names
    known = {name.lower(): name for name in names}
    if permission.lower() not in known:
        raise EntraError(
            400, "invalid_client", 650053,
            f"The application 'Microsoft Azure CLI' asked for scope '{permission[:100]}' that doesn't exist on the resource "
            f"'{resource[:100]}'. Contact the app vendor.",
        )  # fmt: skip
    return (known[permission.lower()],)


def _invalid_scope(scope: str) -> EntraError:
    return EntraError(
        400, "invalid_scope", 70011,
        "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not "
        f"valid. The scope {scope[:200]} is not valid.",
    )  # fmt: skip


def _check_resource(resource: str) -> None:
    bare = resource.removesuffix("/")
    if bare not in RESOURCES and not _ACCOUNT.fullmatch(bare):
        raise EntraError(
            400, "invalid_resource", 500011,
            f"The resource principal named {resource[:200]} was not found in the tenant named {TENANT_NAME}. This can happen if "
            "the application has not been installed by the administrator of the tenant or consented to by any user in the "
            "tenant. You might have sent your authentication request to the wrong tenant.",
        )  # fmt: skip


async def read_form(request: Request) -> dict[str, str]:
    """The form's fields, the first value of each; a client's Basic header counts as client_id and client_secret."""
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > _MAX_BODY:
            raise _malformed()
    try:
        form = {
            name: values[0]
            for name, values in parse_qs(raw.decode(), keep_blank_values=True, max_num_fields=100).items()
        }
    except ValueError as error:
        raise _malformed() from error
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise _malformed() from error
        form.setdefault("client_id", unquote(name))
        form.setdefault("client_secret", unquote(secret))
    return form


def _malformed() -> EntraError:
    return EntraError(400, "invalid_request", 9002313, "Invalid request. Request is malformed or invalid.")
