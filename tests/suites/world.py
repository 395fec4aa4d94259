"""A sandbox of the suite's own: the signed-in application owns the subscription and its blobs, and the accounts stand ready."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from mi_tui.sandbox import client, furnish, grants
from mi_tui.sandbox.client import Connection
from mi_tui.sandbox.paths import make_private
from mi_tui.sandbox.profiles import PROFILES
from mi_tui.sandbox.store import Store
from mi_tui.sandbox.tokens import Issuer
from mi_tui.sandbox.world import TENANT, World
from tests.suites.catalog import Suite

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
BLOB_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
ARM = "https://management.azure.com"


def owned(home: Path) -> None:
    """Furnish a world in which the service principal owns its subscription and the data in it."""
    make_private(home)
    store = Store(home)
    world = World(home, store, Issuer(store, TENANT), PROFILES["instant"])
    furnish.furnish(world)
    for role in (OWNER, BLOB_OWNER):
        grants.assign(
            world, f"/subscriptions/{furnish.DEV}", furnish.SERVICE_PRINCIPAL_ID, role, by=furnish.ADMIN_ID, immediate=True
        )  # fmt: skip
    store.close()


@contextmanager
def opened(home: Path, suite: Suite) -> Iterator[dict[str, str]]:
    """The variables with which the suite runs; the sandbox lives as long as this is open."""
    owned(home)
    with client.connect(home, profile="instant") as lease:
        yield client.environment(lease.connection) | _accounts(lease.connection, suite) | _settings(lease.connection)
    client.stop(home)


def _settings(connection: Connection) -> dict[str, str]:
    """What Microsoft's pipelines set for live runs."""
    return {
        "AZURE_TEST_RUN_LIVE": "true",
        "AZURE_SKIP_LIVE_RECORDING": "true",
        "STORAGE_RESOURCE_GROUP_NAME": connection.resource_group,
        "AZURE_CLIENT_OID": furnish.SERVICE_PRINCIPAL_ID,
        "ML_SUBSCRIPTION_ID": connection.subscription,
        "ML_RESOURCE_GROUP": connection.resource_group,
        "ML_WORKSPACE_NAME": connection.workspace,
        "ML_TENANT_ID": connection.tenant,
        "ML_CLIENT_ID": connection.client_id,
        "ML_CLIENT_SECRET": connection.client_secret,
        "ML_FEATURE_STORE_NAME": "none",
    }


def _accounts(connection: Connection, suite: Suite) -> dict[str, str]:
    """Make the identities and the storage accounts of the suite; the accounts' names and keys."""
    found = {}
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = {"https": connection.proxy}
        session.verify = str(connection.ca_file)
        if suite.accounts or suite.identities:
            session.headers["Authorization"] = f"Bearer {_token(session, connection, ARM)}"
        for name in suite.identities:
            path = f"{_group(connection)}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
            body = {"location": connection.location}
            session.put(path, params={"api-version": "2023-01-31"}, json=body).raise_for_status()
        for variable, kind in suite.accounts.items():
            name = f"suite{secrets.token_hex(6)}"
            found[f"{variable}_NAME"] = name
            keys = _account(session, connection, name, kind)
            found[f"{variable}_KEY"] = found[f"{variable}_PRIMARY_KEY"] = keys[0]
            found[f"{variable}_SECONDARY_KEY"] = keys[1]
            _use(session, connection, name)
    return found


def _token(session: requests.Session, connection: Connection, resource: str) -> str:
    answer = session.post(
        f"https://login.microsoftonline.com/{connection.tenant}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": connection.client_id,
            "client_secret": connection.client_secret,
            "scope": f"{resource}/.default",
        },
    )
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def _group(connection: Connection) -> str:
    return f"{ARM}/subscriptions/{connection.subscription}/resourceGroups/{connection.resource_group}"


def _account(session: requests.Session, connection: Connection, name: str, kind: str) -> list[str]:
    """Create an account that lets its containers be public, as the suites expect; its keys."""
    path = f"{_group(connection)}/providers/Microsoft.Storage/storageAccounts/{name}"
    kind, _, sku = kind.partition(" ")
    properties: dict[str, Any] = {"allowBlobPublicAccess": True, "allowSharedKeyAccess": True}
    if kind == "BlobStorage":
        properties["accessTier"] = "Hot"
    version = {"api-version": "2023-05-01"}
    answer = session.put(
        path,
        params=version,
        json={
            "location": connection.location,
            "kind": kind,
            "sku": {"name": sku or "Standard_RAGRS"},
            "properties": properties,
        },
    )
    answer.raise_for_status()
    while answer.status_code == 202:
        answer = session.get(answer.headers["Location"])
        answer.raise_for_status()
    keys = session.post(f"{path}/listKeys", params=version)
    keys.raise_for_status()
    return [str(key["value"]) for key in keys.json()["keys"]]


def _use(session: requests.Session, connection: Connection, name: str) -> None:
    """Let the account's blob service log something, as those of Microsoft's tests did before: that makes `$logs`."""
    off = "<RetentionPolicy><Enabled>false</Enabled></RetentionPolicy>"
    logging = (
        f"<Logging><Version>1.0</Version><Delete>true</Delete><Read>false</Read><Write>false</Write>{off}</Logging>"
    )
    session.put(
        f"https://{name}.blob.core.windows.net/?restype=service&comp=properties",
        data=f"<StorageServiceProperties>{logging}</StorageServiceProperties>",
        headers={
            "Authorization": f"Bearer {_token(session, connection, 'https://storage.azure.com')}",
            "x-ms-version": "2023-11-03",
        },
    ).raise_for_status()
