"""Every service function through the unmodified SDK, over TLS, against the sandbox. The tests are steps: each needs those before."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mi_tui.model.capacity import family_key
from mi_tui.model.roles import ACR_PULL, BLOB_CONTRIBUTOR, BLOB_READER
from mi_tui.model.secret import Secret
from mi_tui.sandbox import client
from mi_tui.services import (
    addresses,
    assets,
    blobs,
    capacity,
    deployments,
    endpoints,
    grants,
    identities,
    scoring,
    storage,
    subscriptions,
    workspaces,
)
from mi_tui.services.deployments import DeploymentSpec
from mi_tui.services.errors import Abandoned, ServiceError
from mi_tui.services.quiet import SDK_LOG, Prints
from mi_tui.services.session import Session
from mi_tui.services.storage import AccountInfo

pytestmark = pytest.mark.e2e

ACCOUNT = "stservices01"
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest"
CONDA = "name: e2e\ndependencies:\n  - python=3.11\n  - pip\n  - pip:\n    - azureml-inference-server-http\n"
GOOD = """
import os

def init():
    print("INIT RAN WITH", os.environ["GREETING"], flush=True)

def run(raw):
    return {"got": raw}
"""
BAD = "def init():\n    raise RuntimeError('boom in init')\n\ndef run(raw):\n    return 1\n"


@dataclass
class World:
    """The sandbox, a session in it, and what the steps hand on."""

    session: Session
    connection: client.Connection
    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def at(self) -> tuple[Session, str, str]:
        return self.session, self.connection.resource_group, self.connection.workspace


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("services")
    with client.connect(folder / "sandbox", profile="instant") as lease, pytest.MonkeyPatch.context() as patch:
        for name, value in client.environment(lease.connection).items():
            patch.setenv(name, value)
        from azure.identity import EnvironmentCredential

        yield World(
            Session(EnvironmentCredential(), lease.connection.subscription, poll_seconds=0.05), lease.connection, folder
        )


def test_who_and_where(world: World) -> None:
    session, group, workspace = world.at
    caller = session.caller()
    assert (caller.name, caller.tenant) == (world.connection.client_id, world.connection.tenant)
    assert subscriptions.get(session) in subscriptions.list_all(session)
    assert subscriptions.get(session).state == "Enabled"
    found = workspaces.get(session, group, workspace)
    assert (found.name, found.group, found.location) == (workspace, group, world.connection.location)
    assert "/storageAccounts/" in found.storage_id
    assert found in workspaces.list_all(session)
    with pytest.raises(ServiceError) as caught:
        workspaces.get(session, group, "no-such-workspace")
    assert (caught.value.status, caught.value.code) == (404, "ResourceNotFound")
    assert "no-such-workspace" in caught.value.failure.message
    nowhere = Session(session.credential, str(uuid.UUID(int=1)))
    with pytest.raises(ServiceError) as caught:
        subscriptions.get(nowhere)
    assert caught.value.code == "SubscriptionNotFound"
    world.facts["workspace"] = found


def test_capacity(world: World) -> None:
    found = capacity.read(world.session, world.connection.location)
    size = found.size("standard_ds3_v2")
    assert size is not None
    assert (size.family, size.cores, size.memory_gib) == ("standardDSv2Family", 4, 14.0)
    assert found.families[family_key("StandardDSv2Family")].name == "Standard DSv2 Family Cluster Dedicated vCPUs"
    assert found.region is not None
    assert found.region.limit >= found.families["standarddsv2family"].limit
    fit = found.fit("Standard_DS3_v2", 1)
    assert fit is not None
    assert (fit.needs, fit.fits) == (8, True)
    with pytest.raises(ServiceError) as caught:
        capacity.read(Session(world.session.credential, str(uuid.UUID(int=1))), world.connection.location)
    assert caught.value.status in {403, 404}


def test_identity(world: World) -> None:
    session, group, _ = world.at
    assert identities.get(session, group, "id-services") is None
    made, fresh = identities.create(session, group, "id-services", world.connection.location, {"purpose": "test"})
    assert fresh
    assert identities.create(session, group, "id-services", world.connection.location, {"purpose": "test"}) == (
        made,
        False,
    )
    assert made == identities.get(session, group, "id-services")
    assert made in identities.list_all(session)
    assert len({made.principal_id, made.client_id}) == 2
    world.facts["identity"] = made


def test_storage_account(world: World) -> None:
    session, group, _ = world.at
    assert storage.check_name(session, ACCOUNT) is None
    assert "3 and 24 characters" in str(storage.check_name(session, "NO"))
    assert storage.get_account(session, group, ACCOUNT) is None
    heard: list[str] = []
    made, new = storage.create_account(session, group, ACCOUNT, world.connection.location, {"a": "b"}, heard.append)
    assert heard[-1] == "Succeeded"
    assert len(heard) > 1
    assert (made.name, made.group, made.kind, made.shared_keys, made.tags) == (
        ACCOUNT,
        group,
        "StorageV2",
        True,
        {"a": "b"},
    )
    assert new
    assert made == storage.get_account(session, group, ACCOUNT)
    assert storage.create_account(session, group, ACCOUNT, world.connection.location, {"a": "b"}) == (made, False)
    assert made in storage.list_accounts(session)
    assert "already taken" in str(storage.check_name(session, ACCOUNT))
    assert len(storage.account_key(session, group, ACCOUNT).reveal()) == 88
    world.facts["account"] = made


def test_container(world: World) -> None:
    session, group, _ = world.at
    assert not storage.container_exists(session, group, ACCOUNT, "inputs")
    storage.create_container(session, group, ACCOUNT, "inputs")
    storage.create_container(session, group, ACCOUNT, "inputs")
    assert storage.container_exists(session, group, ACCOUNT, "inputs")
    assert storage.list_containers(session, group, ACCOUNT) == ["inputs"]


def test_blobs_with_the_key_where_the_token_may_not(world: World) -> None:
    session, account = world.session, world.facts["account"]
    file = world.folder / "hello.txt"
    file.write_text("Hello from the test")
    assert blobs.exists(session, account, "inputs", "hello.txt") is False
    done = blobs.upload(session, account, "inputs", "hello.txt", file)
    assert (done.how, done.size, done.existed) == ("key", 19, False)
    assert done.etag
    file.write_text("something else")
    assert blobs.upload(session, account, "inputs", "hello.txt", file).existed
    assert blobs.exists(session, account, "inputs", "hello.txt") is True
    for name in ("tree/a/1.txt", "tree/a/2.txt", "tree/b/3.txt"):
        blobs.upload(session, account, "inputs", name, file)
    assert blobs.list_prefixes(session, account, "inputs", "tree/") == ["tree/a/", "tree/b/"]
    assert blobs.delete_prefix(session, account, "inputs", "tree/a/") == 2
    assert blobs.list_names(session, account, "inputs") == ["hello.txt", "tree/b/3.txt"]
    assert blobs.delete(session, account, "inputs", "tree/b/3.txt")
    assert not blobs.delete(session, account, "inputs", "tree/b/3.txt")
    assert not blobs.delete(session, account, "no-such-container", "x")
    assert blobs.exists(session, account, "no-such-container", "x") is False
    with pytest.raises(ServiceError) as caught:
        blobs.list_names(session, account, "no-such-container")
    assert (caught.value.code, caught.value.status) == ("ContainerNotFound", 404)


def test_what_a_broken_upload_left_is_removed(world: World) -> None:
    from azure.storage.blob import BlobServiceClient

    session, group, _ = world.at
    account = world.facts["account"]
    client = BlobServiceClient(account.blob_endpoint, storage.account_key(session, group, ACCOUNT).reveal())
    box = client.get_container_client("inputs")
    for name in ("half/big.bin", "half.txt"):
        box.get_blob_client(name).stage_block("MDAwMQ==", b"the first block")
    box.upload_blob("half/whole.txt", b"x")

    def there() -> list[str]:
        return [str(item.name) for item in box.list_blobs("half", include=["uncommittedblobs"])]

    assert there() == ["half.txt", "half/big.bin", "half/whole.txt"]
    assert blobs.delete_prefix(session, account, "inputs", "half/") == 2
    assert there() == ["half.txt"]
    assert not blobs.delete(session, account, "inputs", "half"), "another name that begins alike"
    assert not blobs.delete(session, account, "inputs", "half.txt", etag="0x8DC"), (
        "not what this run is known to have made"
    )
    assert blobs.delete(session, account, "inputs", "half.txt")
    assert there() == []
    client.close()


def test_blobs_where_neither_may(world: World) -> None:
    session, group, _ = world.at
    asked = {
        "sku": {"name": "Standard_LRS"},
        "kind": "StorageV2",
        "location": world.connection.location,
        "properties": {"allowSharedKeyAccess": False},
    }
    accounts = session.storage().storage_accounts
    session.operations.finish(lambda: accounts.begin_create(group, "stkeyless01", asked))
    keyless = storage.get_account(session, group, "stkeyless01")
    assert keyless is not None
    assert not keyless.shared_keys
    storage.create_container(session, group, keyless.name, "inputs-e2e")
    assert blobs.exists(session, keyless, "inputs-e2e", "hello.txt") is None
    # The account says no by itself too: who believes that keys are allowed learns better from the refusal.
    for account in (keyless, msgspec.structs.replace(keyless, shared_keys=True)):
        with pytest.raises(ServiceError) as caught:
            blobs.upload(session, account, "inputs-e2e", "hello.txt", world.folder / "hello.txt")
        failure = caught.value.failure
        assert (failure.code, failure.status) == ("AuthorizationPermissionMismatch", 403)
        assert BLOB_CONTRIBUTOR.name in failure.advice
        assert keyless.id in failure.advice
        assert session.caller().name in failure.advice
    assert storage.delete_account(session, group, keyless.name)


def test_grants(world: World) -> None:
    session, account, identity = world.session, world.facts["account"], world.facts["identity"]
    name = str(uuid.uuid4())
    assert grants.create(session, account.id, BLOB_READER.guid, identity.principal_id, name)
    assert not grants.create(session, account.id, BLOB_READER.guid, identity.principal_id, name)
    assert not grants.create(session, account.id, BLOB_READER.guid, identity.principal_id, str(uuid.uuid4()))
    inside = f"{account.id}/blobServices/default/containers/inputs"
    (held,) = grants.list_for(session, inside, identity.principal_id)
    assert (held.name, held.role_guid, held.principal_id) == (name, BLOB_READER.guid, identity.principal_id)
    assert held.created_on
    above = account.id.split("/providers/")[0]
    assert grants.list_for(session, above, identity.principal_id) == []
    assert grants.get(session, held.id) == held
    assert grants.delete(session, held.id)
    assert not grants.delete(session, held.id)
    assert grants.get(session, held.id) is None
    with pytest.raises(ServiceError) as caught:
        grants.create(session, account.id, str(uuid.uuid4()), identity.principal_id, str(uuid.uuid4()))
    assert caught.value.status >= 400


def test_blobs_with_the_token_where_it_may(world: World) -> None:
    session, account = world.session, world.facts["account"]
    me = session.caller().object_id
    grants.create(session, account.id, BLOB_CONTRIBUTOR.guid, me, str(uuid.uuid4()))
    end = time.monotonic() + 10
    number = 0
    while True:
        number += 1
        done = blobs.upload(session, account, "inputs", f"by-token/{number}", world.folder / "hello.txt")
        if done.how == "token" or time.monotonic() > end:
            break
        time.sleep(0.1)
    assert done.how == "token"
    assert blobs.delete_prefix(session, account, "inputs", "by-token/") == number


def test_assets(world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    session, group, workspace = world.at
    caplog.set_level(logging.DEBUG, logger=SDK_LOG)
    for name, text in {"model/m.txt": "7", "good/score.py": GOOD, "bad/score.py": BAD, "conda.yaml": CONDA}.items():
        path = world.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    at = (session, group, workspace)
    told: list[str] = []
    with Prints():
        model = assets.register_model(*at, "services-model", "1", world.folder / "model", {"k": "v"}, told.append)
        twin = assets.register_model(*at, "services-twin", "1", world.folder / "model", {}, told.append)
        code = assets.register_code(*at, "services-code", "1", world.folder / "good", {}, told.append)
        bad = assets.register_code(*at, "services-bad", "1", world.folder / "bad", {})
        conda = world.folder / "conda.yaml"
        environment = assets.register_environment(*at, "services-env", "1", conda, IMAGE, {})
        assert not assets.register_model(*at, "services-model", "1", world.folder / "model", {}).created
        reused = assets.register_code(*at, "services-code", "2", world.folder / "good", {})
    assert all(asset.created for asset in (model, twin, code, bad, environment))
    assert (reused.created, reused.version, reused.uploaded) == (False, "1", False)
    assert (model.uploaded, twin.uploaded, code.uploaded, environment.uploaded) == (True, False, True, False)

    account, container = assets.datastore_container(*at)
    where = assets.uploads(*at, model)
    assert where is not None
    assert (where.account, where.container, where.owns_container) == (account, container, False)
    assert where.prefix.startswith("LocalUpload/")
    assert where.account_id == world.facts["workspace"].storage_id
    own = assets.uploads(*at, code)
    assert own is not None
    assert own.owns_container
    assert own.container != container
    # Told before the files went there: all that is known of them when the registration then fails.
    known = [assets.parse_data_uri(place, account, container) for place in told]
    assert [(at.container, at.prefix) for at in known if at] == [(container, where.prefix), (own.container, "")]
    assert assets.uploads(*at, twin) is assets.uploads(*at, environment) is None
    assert assets.model_uris(*at) == [model.data_uri, twin.data_uri]
    found = assets.get(session, model.id)
    assert found is not None
    assert (found.name, found.version, found.data_uri) == ("services-model", "1", model.data_uri)

    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")
    assert any("Uploading" in message for message in caplog.messages)
    assert "sig=" not in caplog.text.replace("sig=***", "")
    world.facts.update(model=model, twin=twin, code=code, bad=bad, environment=environment, where=where, own=own)


def test_endpoints_of_both_kinds_at_once(world: World) -> None:
    assert not addresses.endpoint_answers("ep-services", world.connection.location)
    at, identity = world.at, world.facts["identity"]
    assert endpoints.get(*at, "ep-services") is None
    heard: dict[str, list[str]] = {"ep-services": [], "ep-services-uai": []}
    made: dict[str, endpoints.EndpointInfo] = {}

    def run(name: str, identity_id: str | None) -> None:
        made[name], _ = endpoints.create(*at, name, identity_id=identity_id, tags={"n": name}, watch=heard[name].append)

    threads = [
        threading.Thread(target=run, args=("ep-services", None)),
        threading.Thread(target=run, args=("ep-services-uai", identity.id)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    sai, uai = made["ep-services"], made["ep-services-uai"]
    assert (sai.identity_kind, sai.identity_ids, sai.tags) == ("SystemAssigned", (), {"n": "ep-services"})
    assert sai.principal_id
    assert (uai.identity_kind, uai.principal_id) == ("UserAssigned", None)
    assert [identifier.lower() for identifier in uai.identity_ids] == [identity.id.lower()]
    for statuses in heard.values():
        assert statuses[0] == "Creating"
        assert statuses[-1] == "Succeeded"
    assert endpoints.wait_settled(*at, "ep-services", timeout=10).scoring_uri.startswith("https://ep-services.")
    assert {info.name for info in endpoints.list_all(*at)} == set(heard)
    assert addresses.endpoint_answers("ep-services", world.connection.location)
    with pytest.raises(ServiceError) as caught:
        endpoints.wait_settled(*at, "no-such-endpoint")
    assert caught.value.status == 404


def spec(world: World, name: str, code: str, endpoint: str = "ep-services") -> DeploymentSpec:
    facts = world.facts
    return DeploymentSpec(
        endpoint, name, facts["model"].id, facts[code].id, facts["environment"].id, "score.py", "Standard_DS3_v2", 1,
        {"GREETING": "salut"}, {"t": "1"},
    )  # fmt: skip


def test_a_deployment_whose_script_fails(world: World) -> None:
    at = world.at
    with pytest.raises(ServiceError) as caught, Prints():
        deployments.create(*at, spec(world, "broken", "bad"))
    failure = caught.value.failure
    assert failure.code == "ResourceNotReady"
    assert failure.request_id
    found = deployments.get(*at, "ep-services", "broken")
    assert found is not None
    assert found.state == "Failed"
    logs = deployments.logs(*at, "ep-services", "broken", "inference-server", 200)
    assert logs.available
    assert "boom in init" in logs.text
    assert deployments.logs(*at, "ep-services", "broken", "storage-initializer", 50).available
    with Prints():
        assert deployments.delete(*at, "ep-services", "broken")
        assert not deployments.delete(*at, "ep-services", "broken")


def test_a_missing_grant_has_its_own_code(world: World) -> None:
    with pytest.raises(ServiceError) as caught, Prints():
        deployments.create(*world.at, spec(world, "blue", "code", "ep-services-uai"))
    assert caught.value.failure.anchor == "authorization-error"
    assert ACR_PULL.guid not in [
        held.role_guid
        for held in grants.list_for(
            world.session, str(world.facts["workspace"].registry_id), world.facts["identity"].principal_id
        )
    ]


def test_deployment_traffic_and_scoring(world: World) -> None:
    at = world.at
    heard: list[str] = []
    with Prints():
        made = deployments.create(*at, spec(world, "blue", "code"), heard.append)
    assert heard[-1] == "Succeeded"
    assert (made.state, made.instance_type, made.instance_count) == ("Succeeded", "Standard_DS3_v2", 1)
    assert made.environment_variables == {"GREETING": "salut"}
    assert made.model_id.lower() == world.facts["model"].id.lower()
    assert made.code_id.lower() == world.facts["code"].id.lower()
    assert made.environment_id.lower() == world.facts["environment"].id.lower()
    assert deployments.list_all(*at, "ep-services") == [made]
    logs = deployments.logs(*at, "ep-services", "blue", "inference-server", 500)
    assert "INIT RAN WITH salut" in logs.text

    info = endpoints.wait_settled(*at, "ep-services")
    key = endpoints.key(*at, "ep-services")
    assert scoring.invoke(info.scoring_uri, key, b'{"data": 1}').status == 404
    assert scoring.invoke(info.scoring_uri, key, b'{"data": 1}', deployment="blue").ok
    with Prints():
        info = endpoints.set_traffic(*at, "ep-services", {"blue": 100})
    assert (info.traffic, info.identity_kind, info.tags) == ({"blue": 100}, "SystemAssigned", {"n": "ep-services"})
    answer = scoring.invoke(info.scoring_uri, key, b'{"data": 1}')
    assert (answer.status, answer.text) == (200, '{"got": "{\\"data\\": 1}"}')
    assert scoring.invoke(info.scoring_uri, Secret("wrong"), b"{}").status == 401
    with pytest.raises(ServiceError) as caught, Prints():
        deployments.delete(*at, "ep-services", "blue")
    assert "traffic" in repr(caught.value.failure).lower()


def test_a_wait_is_given_up_and_azure_goes_on(world: World) -> None:
    at = world.at
    stop = threading.Event()

    def watch(_: str) -> None:
        stop.set()

    with pytest.raises(Abandoned), Prints():
        deployments.create(*at, spec(world, "green", "code"), watch, stop)
    assert deployments.get(*at, "ep-services", "green") is not None
    with Prints():
        assert endpoints.wait_settled(*at, "ep-services", timeout=60)
    end = time.monotonic() + 60
    while (found := deployments.get(*at, "ep-services", "green")) and found.state != "Succeeded":
        assert time.monotonic() < end
        time.sleep(0.1)


def test_everything_goes_again(world: World, caplog: pytest.LogCaptureFixture) -> None:
    session, group, workspace = world.at
    at = (session, group, workspace)
    account: AccountInfo = world.facts["account"]
    with Prints():
        for name in ("ep-services", "ep-services-uai"):
            assert endpoints.delete(*at, name)
            assert not endpoints.delete(*at, name)
            assert endpoints.get(*at, name) is None
    for key in ("model", "twin", "code", "bad", "environment"):
        asset = world.facts[key]
        assert assets.delete(session, asset.id)
        assert not assets.delete(session, asset.id)
        assert assets.get(session, asset.id) is None
    assert assets.model_uris(*at) == []
    where, own = world.facts["where"], world.facts["own"]
    parent = storage.get_account(session, group, where.account)
    assert parent is not None
    assert blobs.delete_prefix(session, parent, where.container, where.prefix) == 1
    assert storage.delete_container(session, group, own.account, own.container)
    assert not storage.delete_container(session, group, own.account, own.container)
    assert storage.delete_account(session, group, account.name)
    assert not storage.delete_account(session, group, account.name)
    assert identities.delete(session, group, "id-services")
    assert not identities.delete(session, group, "id-services")
