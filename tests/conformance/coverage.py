"""Which of the operations that the sandbox implements were answered with success, so that none goes unseen."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from mi_tui.sandbox.arm.empty_collections import COLLECTIONS
from tests.conformance.operations import Class, arm_operation

REFUSED = (
    "GET {scope}/microsoft.authorization/denyassignments/{}",
    "* {scope}/microsoft.resources/deployments/{}*",
    "GET subscriptions/{}/resourcegroups/{}/deployments/{}/operations*",
    "POST subscriptions/{}/resourcegroups/{}/*moveresources",
    "GET subscriptions/microsoft.storage/locations/{}/deletedaccounts/{}",
    "* microsoft.storage/storageaccounts/{}/encryptionscopes/{}",
    "* microsoft.storage/storageaccounts/{}/inventorypolicies/{}",
    "* microsoft.storage/storageaccounts/{}/localusers/{}",
    "* microsoft.storage/storageaccounts/{}/objectreplicationpolicies/{}",
    "* microsoft.storage/storageaccounts/{}/privateendpointconnections/{}",
    "GET microsoft.machinelearningservices/registries/{}",
    *(f"GET microsoft.machinelearningservices/workspaces/{{}}/{kind.lower()}/{{}}" for kind in COLLECTIONS),
)
"""What the sandbox has in order to refuse it in Azure's words: no request to it succeeds."""


def implemented() -> set[str]:
    """Every operation of the sandbox's ARM and blob service, as `Class.operation` writes it."""
    from mi_tui.sandbox import app
    from mi_tui.sandbox.arm import router
    from mi_tui.sandbox.blob import service

    app.load_handlers()
    arm = {f"{route.method} {arm_operation(route.template.replace('{+scope}', '/scope'))}" for route in router.routes()}
    levels = {"service": "account service", "account": "account", "container": "container", "blob": "blob"}
    blob = {f"{method} blob {levels[kind]} {comp}".strip() for kind, method, comp in service._OPERATIONS}
    # Asked for without a `restype`.
    return arm | {re.sub("account service (list|blobs)", r"account \1", operation) for operation in blob}


def unexercised(seen: Iterable[Class]) -> list[str]:
    """Operations that no drive got a good answer from; a drive in `drives/` is to be given a request for each."""
    left = implemented() - {of.operation for of in seen if of.status < 400}
    return sorted(one for one in left if not any(fnmatchcase(one, pattern) for pattern in REFUSED))
