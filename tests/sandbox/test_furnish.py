"""The furniture of a new world, and the world told as a tree."""

from __future__ import annotations

import json
from pathlib import Path

from arm_harness import BLOB_READER, DATA, GROUP, WORKSPACE, new_world, recorded, shape

from mi_tui.sandbox import containers, furnish, grants
from mi_tui.sandbox.rbac import decide
from mi_tui.sandbox.store import Store


def test_furnishing_twice_changes_nothing(tmp_path: Path) -> None:
    world = new_world(tmp_path)
    before, secrets = furnish.tree(world), furnish.defaults(world)
    furnish.furnish(world)
    assert furnish.tree(world) == before
    assert furnish.defaults(world) == secrets


def test_two_worlds_look_alike_but_share_no_secret(tmp_path: Path) -> None:
    one, other = new_world(tmp_path / "a"), new_world(tmp_path / "b")
    assert furnish.tree(one) == furnish.tree(other)
    assert furnish.defaults(one)["client_secret"] != furnish.defaults(other)["client_secret"]
    assert furnish.defaults(one)["user_refresh_token"] != furnish.defaults(other)["user_refresh_token"]


def test_the_tree_has_no_secrets_and_sees_every_change(tmp_path: Path) -> None:
    world = new_world(tmp_path)
    before = furnish.tree(world)
    text = json.dumps(before)
    for account in world.store.resources(containers.ACCOUNT_TYPE):
        for key in account.private["keys"]:
            assert key["value"] not in text
    assert furnish.defaults(world)["client_secret"] not in text
    container = containers.create_container(world, DATA, "more")
    assert furnish.tree(world) != before
    containers.delete_container(world, container)
    assert furnish.tree(world) == before
    assignment = grants.assign(world, DATA, furnish.USER_ID, BLOB_READER, by=furnish.USER_ID)
    assert furnish.tree(world)["role_assignments"] != before["role_assignments"]
    grants.unassign(world, assignment)
    assert furnish.tree(world) == before


def test_what_the_furnished_people_may_do(tmp_path: Path) -> None:
    store = new_world(tmp_path).store
    for who in (furnish.USER_ID, furnish.SERVICE_PRINCIPAL_ID):
        assert decide(store, who, "Microsoft.Storage/storageAccounts/write", GROUP).allowed
        assert decide(store, who, "Microsoft.Authorization/roleAssignments/write", DATA).allowed
        assert not decide(store, who, "Microsoft.Storage/register/action", f"/subscriptions/{furnish.DEV}").allowed
        assert not decide(
            store, who, "Microsoft.Storage/storageAccounts/write", f"/subscriptions/{furnish.PROD}"
        ).allowed
        blob = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write"
        keyless = DATA.replace(furnish.DATA_ACCOUNT, furnish.KEYLESS_ACCOUNT)
        assert decide(store, who, blob, keyless, data=True).allowed
        assert not decide(store, who, blob, DATA, data=True).allowed, "Contributor has no data actions"


def test_the_workspace_answers_what_azure_answers(tmp_path: Path) -> None:
    world = new_world(tmp_path)
    body = world.store.resource(WORKSPACE).body  # type: ignore[union-attr]
    sample = recorded("flow-ml-online-deployment", "ml.workspaces|GET|200|None")["response"]["body"]
    assert shape(sample)["properties"].keys() <= shape(body)["properties"].keys()
    assert shape(sample).keys() <= shape(body).keys()
    assert sample["systemData"].keys() == body["systemData"].keys()
    new = world.store.resource(WORKSPACE.replace("workspaces/ml-dev", "workspaces/ml-new"))
    assert new is not None
    assert "containerRegistry" not in new.body["properties"], "Azure leaves it out until there is one (recorded)"


def test_linked_resources_exist(tmp_path: Path) -> None:
    world = new_world(tmp_path)
    for workspace in world.store.resources("Microsoft.MachineLearningServices/workspaces"):
        for key in ("storageAccount", "keyVault", "applicationInsights", "containerRegistry"):
            if workspace.body["properties"].get(key) is not None:
                assert world.store.resource(workspace.body["properties"][key]) is not None
        assert world.store.principal_of(workspace.id) is not None


def test_welcome_blob_is_there_with_its_content(tmp_path: Path) -> None:
    store = new_world(tmp_path).store
    blob = store.blob(furnish.DATA_ACCOUNT, furnish.CONTAINER, furnish.WELCOME)
    assert blob is not None
    assert (store.blob_folder / blob.file).read_bytes() == furnish.WELCOME_TEXT
    assert blob.size == len(furnish.WELCOME_TEXT)


def test_an_account_is_found_by_name_and_a_container_made_once(tmp_path: Path) -> None:
    world = new_world(tmp_path)
    account = containers.account_by_name(world, furnish.DATA_ACCOUNT.upper())
    assert account is not None
    assert containers.account_by_name(world, "nosuchaccount") is None
    first = containers.create_container(world, account.id, "once")
    assert containers.create_container(world, account.id, "once") == first
    assert containers.account_name(first) == furnish.DATA_ACCOUNT


def test_the_world_survives_a_restart(tmp_path: Path) -> None:
    world = new_world(tmp_path)
    before = furnish.tree(world)
    world.store.close()
    world.store = Store(tmp_path)
    assert furnish.tree(world) == before
