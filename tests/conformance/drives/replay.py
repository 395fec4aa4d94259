"""The recorded clients' own writes, sent again: what Azure was sent and took, the sandbox must take with the same status."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mi_tui.sandbox import furnish
from tests.conformance.drives.http import Caller
from tests.conformance.exchange import Exchange
from tests.conformance.operations import ARM_HOST, class_of
from tests.conformance.tapped import Tapped

EXPECTED = "x-conformance-recorded"
"""A header with the recorded status and code; the comparison reads it out of the tap's file."""

_WRITES = frozenset({"PUT", "PATCH", "POST"})
_KINDS = (
    "microsoft.storage/storageaccounts/{}", "microsoft.managedidentity/userassignedidentities/{}",
    "microsoft.machinelearningservices/workspaces/{}/", "subscriptions/microsoft.storage/checknameavailability",
)  # fmt: skip
_ACCOUNT = re.compile(r"(.*/storageAccounts/[^/]+)/.+", re.IGNORECASE)
_ENDPOINT = re.compile(r"(.*/onlineEndpoints/[^/]+)/.+", re.IGNORECASE)


def drive(sandbox: Tapped, recorded: Iterable[Exchange]) -> None:
    """Every recorded write that has a body or makes something, with subscription, group, workspace and region put in."""
    caller = Caller(sandbox)
    sent: set[tuple[str, str]] = set()
    for exchange in recorded:
        operation = class_of(exchange).operation.partition(" ")[2]
        wanted = exchange.method in _WRITES and operation.startswith(_KINDS) and exchange.status < 300
        # Some were recorded more than once: what the first one makes is there for the second.
        if exchange.host == ARM_HOST and wanted and (exchange.method, exchange.path) not in sent:
            sent.add((exchange.method, exchange.path))
            _again(caller, exchange)


def _again(caller: Caller, exchange: Exchange) -> None:
    path, body = _here(exchange.path, caller), _here(exchange.request_body, caller) or None
    query = "&".join(part for part in exchange.query.split("&") if "<scrubbed" not in part)
    for pattern in (_ACCOUNT, _ENDPOINT):
        above = pattern.fullmatch(path)
        if above is not None:
            _there(caller, above.group(1))
    target = f"{path}?{query}"
    if exchange.method == "PUT" and exchange.status == 200:
        # Recorded of something that was there.
        _settled(caller, caller.arm("PUT", target, "", body))
    elif "/containers/" in path and exchange.method == "PATCH":
        caller.arm("PUT", target, "", "{}")
    answer = caller.arm(exchange.method, target, "", body, **{EXPECTED: f"{exchange.status} {exchange.code}".strip()})
    _settled(caller, answer)


def _there(caller: Caller, above: str) -> None:
    """Make the account or the endpoint that a recorded request finds there."""
    if "/storageaccounts/" in above.lower():
        body = {
            "location": "westeurope",
            "sku": {"name": "Standard_LRS"},
            "kind": "StorageV2",
            "properties": {"allowBlobPublicAccess": True},
        }
        version = "2023-05-01"
    else:
        body, version = (
            {"location": "westeurope", "properties": {"authMode": "Key"}, "identity": {"type": "SystemAssigned"}},
            "2022-02-01-preview",
        )
    if caller.arm("GET", above, version).status_code == 404:
        _settled(caller, caller.arm("PUT", above, version, body))


def _settled(caller: Caller, answer: object) -> None:
    headers = getattr(answer, "headers", {})
    if "Azure-AsyncOperation" in headers:
        caller.until(headers["Azure-AsyncOperation"])
    elif getattr(answer, "status_code", 0) == 202 and "Location" in headers:
        caller.until(headers["Location"])


def _here(text: str, caller: Caller) -> str:
    """A recorded path or body with the sandbox's subscription, group, workspace and region."""
    text = re.sub(r"/subscriptions/[0-9-]{30,}", caller.subscription, text)
    text = re.sub(r"/(resource[gG]roups)/[^/\"]+", rf"/\1/{caller.facts.resource_group}", text)
    text = re.sub(r"/workspaces/00000(?=/|\?|$)", f"/workspaces/{furnish.WORKSPACE}", text)
    return re.sub(r'"location": "\w+"', '"location": "westeurope"', text)
