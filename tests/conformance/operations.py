"""What an exchange is about: one word for each operation, alike for the sandbox's answers and for recorded ones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from tests.conformance.exchange import Exchange

_BLOB_HOST = re.compile(r"[^.]+(\.z\d+)?\.blob\.(core\.windows\.net|storage\.azure\.net)")
_INFERENCE_HOST = re.compile(r".+\.inference\.ml\.azure\.com")
_LOGIN_HOST = "login.microsoftonline.com"
ARM_HOST = "management.azure.com"

_AT_SCOPES = (["tags"], ["deployments"])
"""Types of Microsoft.Resources that lie at any scope, as those of Microsoft.Authorization do."""

_TOLD = ("restype", "comp")
"""Query parameters of the blob service that choose the operation."""


@dataclass(frozen=True, order=True)
class Class:
    """Exchanges that must look alike: the operation, the status and the error code ('' for none)."""

    service: str
    operation: str
    status: int
    code: str

    def __str__(self) -> str:
        return f"{self.operation} {self.status}" + (f" {self.code}" if self.code else "")


def class_of(exchange: Exchange) -> Class:
    """The class of an exchange; `service` is arm, blob, login or inference."""
    service, operation = _operation(exchange)
    return Class(service, f"{exchange.method} {operation}", exchange.status, exchange.code)


def provider_of(exchange: Exchange) -> str:
    """The resource provider that an ARM path addresses, in lower case; `microsoft.resources` without one."""
    _, found, rest = exchange.path.lower().rpartition("/providers/")
    return rest.partition("/")[0] if found else "microsoft.resources"


def _operation(exchange: Exchange) -> tuple[str, str]:
    if exchange.host == ARM_HOST:
        return "arm", arm_operation(exchange.path)
    if _BLOB_HOST.fullmatch(exchange.host):
        return "blob", _blob_operation(exchange)
    if exchange.host == _LOGIN_HOST:
        return "login", _login_operation(exchange.path)
    if _INFERENCE_HOST.fullmatch(exchange.host):
        return "inference", "inference " + exchange.path
    return "other", exchange.host


def arm_operation(path: str) -> str:
    """`/subscriptions/{}/.../storageAccounts/{}/listKeys` in lower case as `microsoft.storage/storageaccounts/{}/listkeys`.

    The scope of role assignments, tags and the like is `{scope}`, whatever it is.
    """
    parts = [part.lower() for part in unquote(path).split("/") if part]
    if "providers" not in parts:
        return "/".join("{}" if index % 2 else part for index, part in enumerate(parts)) or "/"
    last = len(parts) - 1 - parts[::-1].index("providers")
    before, rest = parts[:last], parts[last + 1 :]
    if not rest:
        return "/".join(["subscriptions", "{}", "providers"])
    provider, tail = rest[0], rest[1:]
    if provider == "microsoft.authorization" or (provider == "microsoft.resources" and tail[:1] in _AT_SCOPES):
        return "/".join(["{scope}", provider, *("{}" if index % 2 else part for index, part in enumerate(tail))])
    if provider == "microsoft.managedidentity" and tail[:1] == ["identities"]:
        return "/".join(["{scope}", provider, *tail])
    if len(tail) == 0 or (len(tail) == 1 and tail[0] in {"register", "unregister", "resourcetypes"}):
        return "/".join(["subscriptions", "{}", "providers", "{}", *tail])
    where = [] if "resourcegroups" in before else ["subscriptions"] if "subscriptions" in before else ["tenant"]
    # `blobServices/default` is a name too, but always this one.
    named = [
        "{}" if index % 2 and (part != "default" or tail[index - 1] != "blobservices") else part
        for index, part in enumerate(tail)
    ]
    return "/".join([*where, provider, *named])


def _blob_operation(exchange: Exchange) -> str:
    parts = [part for part in exchange.path.split("/") if part]
    level = "account" if not parts else "container" if "restype" in exchange.parameters or len(parts) == 1 else "blob"
    words = [exchange.parameters[name].lower() for name in _TOLD if name in exchange.parameters]
    if level == "blob" and exchange.method == "PUT" and not words and "x-ms-copy-source" in exchange.request_headers:
        words = ["copy"]
    return " ".join([f"blob {level}", *(word for word in words if word != level)])


def _login_operation(path: str) -> str:
    # The tenant is a GUID, a domain or a word such as `common`.
    parts = [part.lower() for part in path.split("/") if part]
    if parts and parts[0] not in {".well-known", "common", "organizations"}:
        parts[0] = "{}"
    return "login /" + "/".join(parts)
