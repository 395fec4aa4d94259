"""The Azure CLI against the sandbox: the commands of the journey, as its users type them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from mi_tui.sandbox import client, furnish
from mi_tui.sandbox.client import Connection
from mi_tui.sandbox.connection import wait_until

from .conftest import Az

GROUP = furnish.GROUP
SCOPE = f"/subscriptions/{furnish.DEV}/resourceGroups/{GROUP}"
WORKSPACE = f"{SCOPE}/providers/Microsoft.MachineLearningServices/workspaces/{furnish.WORKSPACE}"
ML = "https://management.azure.com" + WORKSPACE
VERSION = "?api-version=2024-10-01"
WRITER = "Storage Blob Data Contributor"


@pytest.fixture(scope="module")
def account(az: Az) -> Iterator[str]:
    """A storage account that `az` made."""
    name = f"staz{uuid.uuid4().hex[:10]}"
    made = az("storage", "account", "create", "-n", name, "-g", GROUP, "-l", "westeurope", "--sku", "Standard_LRS")
    assert (made["name"], made["provisioningState"], made["kind"]) == (name, "Succeeded", "StorageV2")
    yield name
    az("storage", "account", "delete", "-n", name, "-g", GROUP, "--yes")
    gone = az.ask("storage", "account", "show", "-n", name, "-g", GROUP)
    assert (gone.code, "ResourceNotFound" in gone.err) == (3, True), gone.err


def test_account(az: Az) -> None:
    shown = az("account", "show")
    assert (shown["id"], shown["tenantId"], shown["user"]["type"]) == (
        furnish.DEV,
        az.variables["AZURE_TENANT_ID"],
        "servicePrincipal",
    )
    assert {entry["name"] for entry in az("account", "list")} == {"Contoso Dev", "Contoso Prod"}
    assert "westeurope" in {entry["name"] for entry in az("account", "list-locations")}
    assert az("account", "get-access-token")["tokenType"] == "Bearer"


def test_groups(az: Az) -> None:
    name = f"rg-{uuid.uuid4().hex[:8]}"
    assert az("group", "exists", "-n", name) is False
    made = az("group", "create", "-n", name, "-l", "westeurope", "--tags", "who=az")
    assert (made["properties"]["provisioningState"], made["tags"]) == ("Succeeded", {"who": "az"})
    assert az("group", "exists", "-n", name) is True
    assert name in {group["name"] for group in az("group", "list")}
    az("identity", "create", "-n", "inside", "-g", name, "-l", "westeurope")
    az("group", "delete", "-n", name, "--yes")
    assert az("group", "exists", "-n", name) is False
    assert az.ask("group", "show", "-n", name).code == 3


def test_storage_account(az: Az, account: str) -> None:
    shown = az("storage", "account", "show", "-n", account)
    assert shown["primaryEndpoints"]["blob"] == f"https://{account}.blob.core.windows.net/"
    assert account in {entry["name"] for entry in az("storage", "account", "list", "-g", GROUP)}
    assert account in {entry["name"] for entry in az("storage", "account", "list")}
    assert az("storage", "account", "check-name", "-n", account)["reason"] == "AlreadyExists"
    assert az("storage", "account", "check-name", "-n", "stnobodyhasthis1")["nameAvailable"] is True
    assert az("storage", "account", "check-name", "-n", "Not A Name")["reason"] == "AccountNameInvalid"
    keys = az("storage", "account", "keys", "list", "-n", account, "-g", GROUP)
    assert [key["keyName"] for key in keys] == ["key1", "key2"]
    renewed = az("storage", "account", "keys", "renew", "-n", account, "-g", GROUP, "--key", "secondary")
    assert (renewed[0]["value"] == keys[0]["value"], renewed[1]["value"] == keys[1]["value"]) == (True, False)
    updated = az("storage", "account", "update", "-n", account, "-g", GROUP, "--tags", "a=b")
    assert updated["tags"] == {"a": "b"}


def test_blobs_by_key(az: Az, account: str, tmp_path: Path) -> None:
    there = ("--account-name", account, "--auth-mode", "key")
    assert az("storage", "container", "create", "-n", "bykey", *there) == {"created": True}
    assert "bykey" in {entry["name"] for entry in az("storage", "container", "list", *there)}
    assert az("storage", "container", "exists", "-n", "bykey", *there) == {"exists": True}
    (tmp_path / "a.txt").write_text("written by az\n" * 10_000)
    file = str(tmp_path / "a.txt")
    az("storage", "blob", "upload", "-c", "bykey", "-n", "dir/a.txt", "-f", file, *there)
    again = az.ask("storage", "blob", "upload", "-c", "bykey", "-n", "dir/a.txt", "-f", file, *there)
    assert (again.code, "already exists" in again.err) == (1, True), again.err
    az("storage", "blob", "upload", "-c", "bykey", "-n", "dir/a.txt", "-f", file, "--overwrite", *there)
    (listed,) = az("storage", "blob", "list", "-c", "bykey", "--prefix", "dir/", *there)
    assert (listed["name"], listed["properties"]["contentLength"]) == ("dir/a.txt", 140_000)
    az("storage", "blob", "download", "-c", "bykey", "-n", "dir/a.txt", "-f", str(tmp_path / "b.txt"), *there)
    assert (tmp_path / "b.txt").read_bytes() == (tmp_path / "a.txt").read_bytes()
    (tmp_path / "down").mkdir()
    az("storage", "blob", "upload-batch", "-d", "bykey", "-s", str(tmp_path), "--pattern", "*.txt", *there)
    az("storage", "blob", "download-batch", "-s", "bykey", "-d", str(tmp_path / "down"), *there)
    assert sorted(path.name for path in (tmp_path / "down").rglob("*.txt")) == ["a.txt", "a.txt", "b.txt"]
    az("storage", "blob", "delete", "-c", "bykey", "-n", "dir/a.txt", *there)
    assert az("storage", "blob", "exists", "-c", "bykey", "-n", "dir/a.txt", *there) == {"exists": False}
    assert az("storage", "container", "delete", "-n", "bykey", *there) == {"deleted": True}


def test_blobs_by_sign_in_need_a_role(az: Az, account: str, tmp_path: Path) -> None:
    there = ("--account-name", account, "--auth-mode", "login")
    az("storage", "container", "create", "-n", "bylogin", "--account-name", account, "--auth-mode", "key")
    (tmp_path / "a.txt").write_text("by sign-in")
    upload = (
        "storage",
        "blob",
        "upload",
        "-c",
        "bylogin",
        "-n",
        "a.txt",
        "-f",
        str(tmp_path / "a.txt"),
        "--overwrite",
        *there,
    )
    refused = az.ask(*upload)
    assert (refused.code, "You do not have the required permissions" in refused.err) == (1, True), refused.err
    scope = f"{SCOPE}/providers/Microsoft.Storage/storageAccounts/{account}"
    made = az("role", "assignment", "create", "--assignee", furnish.CLIENT_ID, "--role", WRITER, "--scope", scope)
    assert (made["principalId"], made["principalType"]) == (furnish.SERVICE_PRINCIPAL_ID, "ServicePrincipal")
    assert wait_until(lambda: az.ask(*upload).code == 0, 20, every=0.2)
    assert [entry["name"] for entry in az("storage", "blob", "list", "-c", "bylogin", *there)] == ["a.txt"]
    az("storage", "blob", "download", "-c", "bylogin", "-n", "a.txt", "-f", str(tmp_path / "b.txt"), *there)
    assert (tmp_path / "b.txt").read_text() == "by sign-in"
    az("storage", "blob", "delete", "-c", "bylogin", "-n", "a.txt", *there)


def test_locks_tags_and_the_activity_log(az: Az, account: str) -> None:
    there = ("--resource", account, "--resource-type", "Microsoft.Storage/storageAccounts", "-g", GROUP)
    made = az("lock", "create", "-n", "keep", "--lock-type", "CanNotDelete", *there)
    assert (made["level"], made["name"]) == ("CanNotDelete", "keep")
    refused = az.ask("storage", "account", "delete", "-n", account, "-g", GROUP, "--yes")
    assert (refused.code, "ScopeLocked" in refused.err) == (1, True), refused.err
    az.ask("lock", "delete", "-n", "keep", *there)
    assert az("lock", "list", "-g", GROUP) == []
    scope = f"{SCOPE}/providers/Microsoft.Storage/storageAccounts/{account}"
    az("tag", "update", "--resource-id", scope, "--operation", "merge", "--tags", "team=blue")
    assert az("tag", "list", "--resource-id", scope)["properties"]["tags"]["team"] == "blue"
    assert az("deployment", "group", "list", "-g", GROUP) == []
    events = az("monitor", "activity-log", "list", "--resource-id", scope, "--offset", "1h")
    assert {"409", "201"} & {event["subStatus"]["value"] for event in events}
    assert "Microsoft.Storage/storageAccounts/delete" in {event["operationName"]["value"] for event in events}


def test_identities(az: Az) -> None:
    made = az("identity", "create", "-n", "id-az", "-g", GROUP, "-l", "westeurope")
    assert re.fullmatch(r"[0-9a-f-]{36}", made["principalId"])
    assert az("identity", "show", "-n", "id-az", "-g", GROUP)["clientId"] == made["clientId"]
    for scope in (("-g", GROUP), ()):
        assert "id-az" in {entry["name"] for entry in az("identity", "list", *scope)}
    shown = az("ad", "sp", "show", "--id", made["clientId"])
    assert (shown["id"], shown["servicePrincipalType"]) == (made["principalId"], "ManagedIdentity")
    az("identity", "delete", "-n", "id-az", "-g", GROUP)
    assert az.ask("identity", "show", "-n", "id-az", "-g", GROUP).code == 3
    assert az.ask("ad", "sp", "show", "--id", made["clientId"]).code == 3


def test_roles(az: Az) -> None:
    (reader,) = az("role", "definition", "list", "--name", "Storage Blob Data Reader")
    assert (reader["name"], reader["roleType"]) == ("2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", "BuiltInRole")
    who = ("--assignee", furnish.USER, "--role", "Reader", "--scope", SCOPE)
    made = az("role", "assignment", "create", *who)
    assert (made["principalId"], made["principalType"]) == (furnish.USER_ID, "User")
    listed = az("role", "assignment", "list", "--assignee", furnish.USER, "--scope", SCOPE)
    named = [(entry["principalName"], entry["roleDefinitionName"]) for entry in listed if entry["id"] == made["id"]]
    assert named == [(furnish.USER, "Reader")]
    assert made["id"] in {entry["id"] for entry in az("role", "assignment", "list", "-g", GROUP)}
    assert made["id"] in {entry["id"] for entry in az("role", "assignment", "list", "--all")}
    az("role", "assignment", "delete", *who)
    assert made["id"] not in {entry["id"] for entry in az("role", "assignment", "list", "--all")}
    nobody = az.ask("role", "assignment", "create", "--assignee", "nobody@contoso.example", *who[2:])
    assert (nobody.code, "Cannot find user or service principal" in nobody.err) == (1, True), nobody.err


def test_directory(az: Az) -> None:
    assert az("ad", "user", "show", "--id", furnish.USER)["id"] == furnish.USER_ID
    assert az("ad", "sp", "show", "--id", furnish.CLIENT_ID)["id"] == furnish.SERVICE_PRINCIPAL_ID
    assert furnish.IDENTITY in {entry["displayName"] for entry in az("ad", "sp", "list", "--all")}
    assert len(az("ad", "sp", "list", "--display-name", furnish.SERVICE_PRINCIPAL)) == 1
    me = az.ask("ad", "signed-in-user", "show")
    assert (me.code, "/me request is only valid with delegated authentication flow." in me.err) == (1, True), me.err
    assert az.ask("ad", "user", "show", "--id", "nobody@contoso.example").code == 3


def test_providers_and_resources(az: Az) -> None:
    assert az("provider", "show", "-n", "Microsoft.MachineLearningServices")["registrationState"] == "Registered"
    az("provider", "register", "-n", "Microsoft.ManagedIdentity", "--wait")
    assert furnish.IDENTITY in {entry["name"] for entry in az("resource", "list", "-g", GROUP)}


def test_machine_learning_by_rest(az: Az) -> None:
    name = f"ep-az-{uuid.uuid4().hex[:6]}"
    url = f"{ML}/onlineEndpoints/{name}"

    def rest(method: str, path: str = "", body: str | None = None) -> object:
        return az("rest", "--method", method, "--url", url + path + VERSION, *(("--body", body) if body else ()))

    body = '{"location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": {"authMode": "Key"}}'
    made = rest("put", body=body)
    assert isinstance(made, dict)
    assert made["properties"]["provisioningState"] == "Creating"
    assert wait_until(
        lambda: "Succeeded" in az.ask("rest", "--method", "get", "--url", url + VERSION).out, 20, every=0.2
    )
    keys = rest("post", "/listKeys")
    assert isinstance(keys, dict)
    assert keys.keys() == {"primaryKey", "secondaryKey"}
    assert rest("get", "/deployments") == {"value": []}
    listed = az("rest", "--method", "get", "--url", f"{ML}/onlineEndpoints{VERSION}")
    assert name in {entry["name"] for entry in listed["value"]}
    rest("delete")
    assert wait_until(lambda: az.ask("rest", "--method", "get", "--url", url + VERSION).code != 0, 20, every=0.2)


def test_wrong_secrets_and_tenants_are_told_in_entras_words(az: Az, sandbox: Connection, tmp_path: Path) -> None:
    # A CLI of its own: one that signed in before has tokens in its cache.
    fresh = Az(az.az.with_name("python"), az.variables | {"AZURE_CONFIG_DIR": str(tmp_path)})
    for client_id, tenant, password, number in (
        (sandbox.client_id, sandbox.tenant, "wrong", "AADSTS7000215"),
        (str(uuid.uuid4()), sandbox.tenant, "wrong", "AADSTS700016"),
        (sandbox.client_id, str(uuid.uuid4()), sandbox.client_secret, "AADSTS90002"),
    ):
        said = fresh.ask("login", "--service-principal", "-u", client_id, "-p", password, "--tenant", tenant)
        assert (said.code, number in said.err) == (1, True), said.err
    fresh.close()


def test_nothing_that_az_asked_for_broke_the_sandbox(az: Az, sandbox: Connection) -> None:
    rows = client.log(sandbox)
    assert [row for row in rows if row["status"] >= 500 and row["host"] != "graph.microsoft.com"] == []
    assert not [row for row in rows if sandbox.client_secret in str(row)]
