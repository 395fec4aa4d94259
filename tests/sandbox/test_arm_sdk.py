"""The unmodified Azure SDK against a running sandbox: management clients and Azure ML's assets, through proxy and TLS."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mi_tui.sandbox import client

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[client.Connection]:
    home = tmp_path_factory.mktemp("sandbox")
    with pytest.MonkeyPatch.context() as patch, client.connect(home, profile="instant") as lease:
        for name, value in client.environment(lease.connection).items():
            patch.setenv(name, value)
        yield lease.connection
    client.stop(home)


@pytest.fixture(scope="module")
def credential(sandbox: client.Connection) -> Any:
    from azure.identity import EnvironmentCredential

    return EnvironmentCredential()


def test_storage_and_identity_and_grant_come_and_go(sandbox: client.Connection, credential: Any) -> None:
    from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
    from azure.mgmt.authorization import AuthorizationManagementClient
    from azure.mgmt.msi import ManagedServiceIdentityClient
    from azure.mgmt.storage import StorageManagementClient

    before, group = client.tree(sandbox), sandbox.resource_group
    storage = StorageManagementClient(credential, sandbox.subscription)
    identities = ManagedServiceIdentityClient(credential, sandbox.subscription).user_assigned_identities
    wanted = {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    check = {"name": "stsdk1", "type": "Microsoft.Storage/storageAccounts"}
    assert storage.storage_accounts.check_name_availability(check).name_available
    account = storage.storage_accounts.begin_create(group, "stsdk1", wanted).result()
    assert account.primary_endpoints.blob == "https://stsdk1.blob.core.windows.net/"
    assert not storage.storage_accounts.check_name_availability(check).name_available
    storage.blob_containers.create(group, "stsdk1", "inputs", {})
    assert [c.name for c in storage.blob_containers.list(group, "stsdk1")] == ["inputs"]
    assert len(storage.storage_accounts.list_keys(group, "stsdk1")["keys"]) == 2
    with pytest.raises(ResourceExistsError) as taken:
        storage.storage_accounts.begin_create(group, "contoso", wanted)
    assert taken.value.error.code == "StorageAccountAlreadyTaken"
    with pytest.raises(ResourceNotFoundError):
        storage.storage_accounts.get_properties(group, "stnosuch")

    identity = identities.create_or_update(group, "id-sdk", {"location": "westeurope"})
    assert identities.get(group, "id-sdk").client_id == identity.client_id
    for version in ("2018-01-01-preview", "2022-04-01"):
        definitions = AuthorizationManagementClient(
            credential, sandbox.subscription, api_version=version
        ).role_definitions
        found = list(definitions.list(account.id, filter="roleName eq 'Storage Blob Data Reader'"))
        assert [role.role_name for role in found] == ["Storage Blob Data Reader"]
    for version in ("2020-10-01-preview", "2022-04-01"):
        assignments = AuthorizationManagementClient(
            credential, sandbox.subscription, api_version=version
        ).role_assignments
        name = str(uuid.uuid4())
        body = {"properties": {"roleDefinitionId": found[0].id, "principalId": identity.principal_id}}
        assert assignments.create(account.id, name, body).principal_id == identity.principal_id
        with pytest.raises(HttpResponseError) as double:
            assignments.create(account.id, str(uuid.uuid4()), body)
        assert double.value.error.code == "RoleAssignmentExists"
        listed = list(assignments.list_for_scope(account.id, filter=f"principalId eq '{identity.principal_id}'"))
        assert [found.name for found in listed] == [name]
        assert assignments.delete(account.id, name).name == name
    storage.storage_accounts.delete(group, "stsdk1")
    identities.delete(group, "id-sdk")
    assert client.tree(sandbox) == before


def test_workspace_and_assets(sandbox: client.Connection, credential: Any, tmp_path: Path) -> None:
    from azure.ai.ml import MLClient
    from azure.ai.ml.entities import Environment, Model
    from azure.ai.ml.entities._assets._artifacts.code import Code
    from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

    ml = MLClient(credential, sandbox.subscription, sandbox.resource_group, sandbox.workspace)
    assert [space.name for space in ml.workspaces.list()] == ["ml-dev", "ml-new"]
    assert ml.workspaces.get("ml-dev").container_registry.endswith("/registries/crmldev9f3a61")
    assert ml.workspaces.get("ml-new").container_registry is None
    assert ml.datastores.get_default().account_name == "stmldev9f3a61"
    assert "Standard_DS3_v2" in [size.name for size in ml.compute.list_sizes(location="westeurope")]

    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "m.pkl").write_bytes(b"model")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "score.py").write_text("def init(): pass\n")
    model = Model(path=str(tmp_path / "model"), name="sdk-model", version="1")
    assert ml.models.create_or_update(model).version == "1"
    assert ml.models.create_or_update(Model(path=str(tmp_path / "model"), name="sdk-model")).version == "2"
    assert [found.version for found in ml.models.list("sdk-model")] == ["2", "1"]
    with pytest.raises(ResourceNotFoundError):
        ml.models.get("nosuch", "1")
    (tmp_path / "model" / "m.pkl").write_bytes(b"another model")
    with pytest.raises(HttpResponseError, match="Asset paths cannot be updated"):
        ml.models.create_or_update(Model(path=str(tmp_path / "model"), name="sdk-model", version="1"))

    ml.environments.create_or_update(Environment(image="registry/image:1", name="sdk-env", version="1"))
    assert ml.environments.get("sdk-env", "1").image == "registry/image:1"
    with pytest.raises(ResourceExistsError):
        ml.environments.create_or_update(Environment(image="registry/image:2", name="sdk-env", version="1"))

    codes = [
        ml._code.create_or_update(Code(path=str(tmp_path / "code"), name=str(uuid.uuid4()), version="1"))
        for _ in range(2)
    ]
    assert codes[0].id == codes[1].id, "the same content is found by its hash"
