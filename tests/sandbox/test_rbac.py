"""What roles allow, where, and when."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from arm_harness import BLOB_READER, DATA, GROUP, WORKSPACE, new_world

from mi_tui.sandbox import grants, rbac
from mi_tui.sandbox.rbac import covers, decide, role_definitions
from mi_tui.sandbox.store import Principal

ME = "aaaaaaaa-0000-4000-8000-000000000001"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
DATA_SCIENTIST = "f6c7c914-8db3-469d-8ca1-694a8f32e121"
OPERATOR = "f1a07417-d97a-45cb-824c-7a7467783830"
READ_BLOB = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"


def allows(role: str, action: str, *, data: bool = False) -> bool:
    return any(entry.allows(action, data=data) for entry in role_definitions()[role].permissions)


@pytest.mark.parametrize(
    ("role", "action", "answer"),
    [
        (CONTRIBUTOR, "Microsoft.Storage/storageAccounts/write", True),
        (CONTRIBUTOR, "microsoft.storage/STORAGEACCOUNTS/listkeys/action", True),
        (CONTRIBUTOR, "Microsoft.Authorization/roleAssignments/write", False),
        (CONTRIBUTOR, "Microsoft.Authorization/roleAssignments/delete", False),
        (CONTRIBUTOR, "Microsoft.Authorization/roleAssignments/read", True),
        (DATA_SCIENTIST, "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/write", True),
        (DATA_SCIENTIST, "Microsoft.MachineLearningServices/workspaces/read", True),
        (DATA_SCIENTIST, "Microsoft.MachineLearningServices/workspaces/write", False),
        (DATA_SCIENTIST, "Microsoft.MachineLearningServices/workspaces/delete", False),
        (DATA_SCIENTIST, "Microsoft.MachineLearningServices/workspaces/listKeys/action", False),
        (OPERATOR, "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", True),
        (OPERATOR, "Microsoft.ManagedIdentity/userAssignedIdentities/write", False),
    ],
)
def test_actions_of_built_in_roles(role: str, action: str, answer: bool) -> None:
    assert allows(role, action) is answer


def test_control_plane_roles_have_no_data_actions() -> None:
    assert not allows(CONTRIBUTOR, READ_BLOB, data=True)
    assert allows(BLOB_READER, READ_BLOB, data=True)
    assert not allows(BLOB_READER, READ_BLOB)


def test_a_scope_covers_itself_and_what_is_below_it() -> None:
    assert covers(GROUP, DATA)
    assert covers(GROUP.upper(), DATA.lower())
    assert covers(DATA, DATA + "/")
    assert not covers(DATA, GROUP)
    assert not covers(GROUP, GROUP + "-other")


def test_a_grant_acts_after_propagation_and_a_removed_one_stops_after_it(tmp_path: Path) -> None:
    world = new_world(tmp_path, role_propagation=0.15)
    world.store.put_principal(Principal(ME, "ServicePrincipal", "me"))
    assignment = grants.assign(world, DATA, ME, BLOB_READER, by=ME)
    early = decide(world.store, ME, READ_BLOB, DATA, data=True)
    assert not early.allowed
    assert "has not propagated yet" in early.reason
    time.sleep(0.16)
    assert decide(world.store, ME, READ_BLOB, DATA, data=True).allowed
    assert not decide(world.store, ME, READ_BLOB, GROUP, data=True).allowed
    grants.unassign(world, assignment)
    assert decide(world.store, ME, READ_BLOB, DATA, data=True).allowed, "caches go on allowing for a while"
    assert world.store.assignment(assignment.id) is None
    time.sleep(0.16)
    assert not decide(world.store, ME, READ_BLOB, DATA, data=True).allowed


def test_granted_again_while_the_old_one_still_acts_there_is_no_gap(tmp_path: Path) -> None:
    world = new_world(tmp_path, role_propagation=60.0)
    world.store.put_principal(Principal(ME, "ServicePrincipal", "me"))
    grants.unassign(world, grants.assign(world, DATA, ME, BLOB_READER, by=ME, immediate=True))
    grants.assign(world, DATA, ME, BLOB_READER, by=ME)
    assert decide(world.store, ME, READ_BLOB, DATA, data=True).allowed


def test_a_grant_removed_before_it_acted_never_acts(tmp_path: Path) -> None:
    world = new_world(tmp_path, role_propagation=0.1)
    world.store.put_principal(Principal(ME, "ServicePrincipal", "me"))
    grants.unassign(world, grants.assign(world, DATA, ME, BLOB_READER, by=ME))
    time.sleep(0.11)
    assert not decide(world.store, ME, READ_BLOB, DATA, data=True).allowed


def test_the_same_grant_twice_is_one(tmp_path: Path) -> None:
    world = new_world(tmp_path)
    first = grants.assign(world, DATA, ME, BLOB_READER, by=ME)
    assert grants.assign(world, DATA.upper(), ME, BLOB_READER.upper(), by=ME).id == first.id
    for assignment in world.store.assignments(ME):
        grants.unassign(world, assignment)
    assert world.store.assignments(ME) == []


def test_grants_under_a_deleted_resource_are_gone_at_once(tmp_path: Path) -> None:
    world = new_world(tmp_path, role_propagation=60.0)
    grants.assign(world, f"{WORKSPACE}/onlineEndpoints/e", ME, BLOB_READER, by=ME, immediate=True)
    kept = grants.assign(world, DATA, ME, BLOB_READER, by=ME, immediate=True)
    grants.unassign_under(world, WORKSPACE)
    assert [a.id for a in world.store.assignments(ME, deleted_too=True)] == [kept.id]


def test_the_slow_scenario_has_its_own_delay(tmp_path: Path) -> None:
    assert grants.propagation(new_world(tmp_path / "a", scenario="slow-grants")) == 6.0
    assert grants.propagation(new_world(tmp_path / "b", role_propagation=7.0)) == 7.0


def test_reach_goes_up_and_down(tmp_path: Path) -> None:
    world = new_world(tmp_path)
    grants.assign(world, DATA, ME, BLOB_READER, by=ME, immediate=True)
    assert rbac.reaches_into(world.store, ME, GROUP)
    assert rbac.reaches_into(world.store, ME, f"{DATA}/blobServices/default")
    assert not rbac.reaches_into(world.store, ME, WORKSPACE)
