"""Online endpoints in ARM: states, headers, identity, names, traffic, keys, deletion."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from arm_harness import WORKSPACE, Answer, recorded, recording, shape, stranger
from online_harness import ENDPOINTS, VERSION, Online, close_online, endpoint_body, open_online, user_identity

from mi_tui.sandbox import furnish, rbac
from mi_tui.sandbox.store import Resource

CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
OTHER = f"{WORKSPACE.rsplit('/', 1)[0]}/{furnish.NEW_WORKSPACE}/onlineEndpoints"


@pytest.fixture
def online(tmp_path: Path) -> Iterator[Online]:
    opened = open_online(tmp_path)
    yield opened
    close_online(opened)


def sentence(answer: Answer) -> str:
    """The sentence that helps: JSON in a string inside the details."""
    inner = json.loads(answer.json["error"]["details"][0]["message"])
    return str(next(iter(inner["errors"].values()))[0])


def test_life_as_recorded(online: Online) -> None:
    sent = {**endpoint_body(), "tags": {"foo": "bar"}}
    first = online.arm("PUT", f"{ENDPOINTS}/ep-one", sent, version="2022-02-01-preview")
    real = recorded("ml-online", "ml.workspaces.onlineendpoints|PUT|201|None")["response"]
    assert first.status == 201
    assert shape(first.json) == shape(real["body"])
    assert first.json["properties"]["provisioningState"] == "Creating"
    assert first.json["properties"]["scoringUri"] is None
    for name in ("azure-asyncoperation", "location", "x-ms-async-operation-timeout", "x-ms-response-type"):
        assert name in real["headers"]
        assert name in first.headers
    assert "/mfeOperationsStatus/oe:" in first.headers["azure-asyncoperation"]
    assert first.headers["location"].endswith("/onlineEndpoints/ep-one?api-version=2022-02-01-preview")
    assert "retry-after" not in first.headers

    running = online.arm("GET", first.headers["azure-asyncoperation"])
    polls = [
        e["response"]["body"]
        for e in recording("flow-ml-online-deployment")
        if "mfeOperationsStatus" in e["request"]["url"]
    ]
    assert shape(running.json) == shape(polls[0])
    assert running.json["status"] == polls[0]["status"] == "Updating"
    done = online.operation(first)
    assert shape(done.json) == shape(polls[1])
    assert done.json["status"] == "Succeeded"

    there = online.arm("GET", f"{ENDPOINTS}/EP-ONE", version="2022-02-01-preview")
    assert shape(there.json) == shape(
        recorded("ml-online", "ml.workspaces.onlineendpoints|GET|200|None")["response"]["body"]
    )
    assert there.json["properties"]["scoringUri"] == "https://ep-one.westeurope.inference.ml.azure.com/score"
    assert [e["name"] for e in online.arm("GET", ENDPOINTS, version=VERSION).json["value"]] == ["ep-one"]


def test_a_patch_carries_traffic_in_old_versions_only(online: Online) -> None:
    online.endpoint("ep-patch")
    one, old = f"{ENDPOINTS}/ep-patch", "2022-02-01-preview"
    begun = online.arm("PATCH", one, {"properties": {"traffic": {}, "publicNetworkAccess": "Disabled"}}, version=old)
    assert begun.status == 202
    assert online.arm("PATCH", one, {"tags": {"a": "b"}}, version=old).status == 409
    assert online.operation(begun).json["status"] == "Succeeded"
    changed = online.arm("PATCH", one, {"properties": {"publicNetworkAccess": "Enabled"}}, version=VERSION)
    assert (changed.status, changed.json["properties"]["publicNetworkAccess"]) == (200, "Disabled")
    assert online.arm("PATCH", one, {"properties": {"traffic": {"no": 100}}}, version=old).status == 400


def test_system_assigned_identity_gets_azures_roles_and_goes_with_the_endpoint(online: Online) -> None:
    before = furnish.tree(online.arm.world)
    principal = online.endpoint("ep-sai").json["identity"]["principalId"]
    store = online.arm.world.store
    roles = {rbac.role_definitions()[a.role].name for a in store.assignments(principal)}
    assert roles == {"AcrPull", "Storage Blob Data Reader", "AzureML Metrics Writer (preview)"}
    assert all(a.effective_from <= time.time() for a in store.assignments(principal))

    deleted = online.arm("DELETE", f"{ENDPOINTS}/ep-sai", version=VERSION)
    assert (deleted.status, deleted.json) == (202, None)
    assert "/mfeOperationResults/oe:" in deleted.headers["location"]
    assert (
        online.arm("GET", f"{ENDPOINTS}/ep-sai", version=VERSION).json["properties"]["provisioningState"] == "Deleting"
    )
    assert online.arm("GET", deleted.headers["location"]).status == 202
    assert online.operation(deleted).json["status"] == "Succeeded"
    assert online.arm("GET", deleted.headers["location"]).status == 200
    assert online.arm("GET", f"{ENDPOINTS}/ep-sai", version=VERSION).code == "ResourceNotFound"
    assert store.principal(principal) is None
    assert furnish.tree(online.arm.world) == before
    assert online.arm("DELETE", f"{ENDPOINTS}/ep-sai", version=VERSION).status == 204


def test_a_new_principal_waits_for_directory_replication(tmp_path: Path) -> None:
    online = open_online(tmp_path, directory_replication=30.0)
    principal = online.endpoint("ep-new").json["identity"]["principalId"]
    found = online.arm.world.store.principal(principal)
    assert found is not None
    assert found.visible_at > time.time() + 20
    close_online(online)


def test_user_assigned_identity(online: Online) -> None:
    uai = online.user_assigned()
    answer = online.endpoint("ep-uai", user_identity(uai["id"]))
    assert answer.json["identity"] == {
        "type": "UserAssigned",
        "userAssignedIdentities": {uai["id"]: {"principalId": uai["principal"], "clientId": uai["client"]}},
    }
    # Everything that such an identity may do is for people to grant.
    assert online.arm.world.store.assignments(uai["principal"]) == []
    missing = online.arm("PUT", f"{ENDPOINTS}/ep-no", endpoint_body(user_identity(uai["id"] + "x")), version=VERSION)
    assert (missing.status, missing.code) == (400, "FailedIdentityOperation")
    both = online.arm(
        "PUT", f"{ENDPOINTS}/ep-both", endpoint_body({"type": "SystemAssigned,UserAssigned"}), version=VERSION
    )
    assert (both.status, both.code) == (400, "CannotSetResourceIdentity")


def test_attaching_an_identity_needs_a_right_on_it(online: Online) -> None:
    uai = online.user_assigned()
    who = stranger(online.arm.world)
    online.arm.grant(WORKSPACE, who, CONTRIBUTOR, "00000000-0000-4000-8000-000000000001", principalType="User")
    online.arm.until(
        lambda: rbac.decide(online.arm.world.store, who, "Microsoft.MachineLearningServices/x/write", WORKSPACE).allowed
    )
    answer = online.arm.as_(who)("PUT", f"{ENDPOINTS}/ep-x", endpoint_body(user_identity(uai["id"])), version=VERSION)
    assert (answer.status, answer.code) == (403, "LinkedAuthorizationFailed")
    assert "userAssignedIdentities/assign/action' on the linked scope(s)" in answer.message
    assert uai["id"] in answer.message


def test_identity_is_immutable(online: Online) -> None:
    uai = online.user_assigned()
    online.endpoint("ep-fix")
    answer = online.arm("PUT", f"{ENDPOINTS}/ep-fix", endpoint_body(user_identity(uai["id"])), version=VERSION)
    assert (answer.status, answer.code) == (400, "BadRequest")
    assert "cannot be changed" in sentence(answer)


def test_names(online: Online) -> None:
    for bad in ("ab", "1abc", "a_b_c", "x" * 33, "abc-"):
        answer = online.arm("PUT", f"{ENDPOINTS}/{bad}", endpoint_body(), version=VERSION)
        assert (answer.status, answer.code) == (400, "BadRequest"), bad
    online.endpoint("ep-taken")
    answer = online.arm("PUT", f"{OTHER}/Ep-Taken", endpoint_body(), version=VERSION)
    assert (answer.status, answer.code) == (400, "BadRequest")
    assert answer.json["error"]["details"][0]["code"] == "InferencingClientCallFailed"
    wanted = "There is already an endpoint with this name, Endpoint name needs to be unique within a region. Try some other name."
    assert sentence(answer) == wanted


def test_a_busy_endpoint_refuses_writes_but_not_its_end(online: Online) -> None:
    online.arm("PUT", f"{ENDPOINTS}/ep-busy", endpoint_body(), version=VERSION)
    again = online.arm("PUT", f"{ENDPOINTS}/ep-busy", endpoint_body(), version=VERSION)
    assert again.status == 409
    deployment = online.arm("PUT", f"{ENDPOINTS}/ep-busy/deployments/blue", online.body(), version=VERSION)
    assert deployment.status == 409
    assert (
        deployment.message
        == "Cannot create a deployment in endpoint ep-busy because it is in Creating provisioning state"
    )
    gone = online.arm("DELETE", f"{ENDPOINTS}/ep-busy", version=VERSION)
    assert gone.status == 202
    assert online.operation(gone).json["status"] == "Succeeded"


def test_traffic_rules(online: Online) -> None:
    online.endpoint("ep-traffic")
    assert "does not exist" in sentence(online.traffic("ep-traffic", blue=100))
    kept = Resource(
        f"{ENDPOINTS}/ep-traffic/deployments/blue",
        "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments",
        "blue",
        {"properties": {"provisioningState": "Succeeded"}, "sku": {"capacity": 1}},
        {"live": {}},
    )
    online.arm.world.store.put(kept)
    assert "must be 0 or 100" in sentence(online.traffic("ep-traffic", blue=50))
    assert "whole number" in sentence(online.traffic("ep-traffic", blue=101))
    answer = online.traffic("ep-traffic", blue=100)
    assert (answer.status, answer.json["properties"]["provisioningState"]) == (200, "Updating")
    refused = online.arm("DELETE", f"{ENDPOINTS}/ep-traffic/deployments/blue", version=VERSION)
    assert refused.status == 400
    assert sentence(refused) == "Can't delete deployment [blue] with non-zero traffic weight"
    kept.body["properties"]["provisioningState"] = "Failed"
    kept.private = {}
    online.arm.world.store.put(kept)
    assert "Failed provisioning state" in sentence(online.traffic("ep-traffic", blue=100))


def test_keys(online: Online) -> None:
    online.endpoint("ep-keys")
    before = online.keys("ep-keys")
    assert before["primary"] != before["secondary"]
    renewed = online.arm("POST", f"{ENDPOINTS}/ep-keys/regenerateKeys", {"keyType": "Secondary"}, version=VERSION)
    assert renewed.status == 202
    online.operation(renewed)
    after = online.keys("ep-keys")
    assert after["primary"] == before["primary"]
    assert after["secondary"] != before["secondary"]
    there = online.arm("GET", f"{ENDPOINTS}/ep-keys", version=VERSION)
    assert before["primary"] not in json.dumps(there.json)
    who = stranger(online.arm.world)
    assert online.arm.as_(who)("POST", f"{ENDPOINTS}/ep-keys/listKeys", version=VERSION).status == 403


def test_token_mode(online: Online) -> None:
    online.endpoint("ep-token", authMode="AMLToken")
    assert online.arm("POST", f"{ENDPOINTS}/ep-token/listKeys", version=VERSION).status == 400
    token = online.arm("POST", f"{ENDPOINTS}/ep-token/token", version=VERSION).json
    assert token["tokenType"] == "Bearer"
    assert token["expiryTimeUtc"] > token["refreshAfterTimeUtc"] > time.time()
    assert online.score("ep-token", {}, key=token["accessToken"]).status == 404
    assert online.score("ep-token", {}, key="wrong").status == 401
    wrong = online.arm("PUT", f"{ENDPOINTS}/ep-wrong", endpoint_body(authMode="Basic"), version=VERSION)
    assert wrong.status == 400


def test_missing_parents(online: Online) -> None:
    assert online.arm("GET", f"{WORKSPACE}x/onlineEndpoints/ep", version=VERSION).code == "ResourceNotFound"
    assert online.arm("GET", f"{ENDPOINTS}/ep/deployments/blue", version=VERSION).code == "ResourceNotFound"
    answer = online.arm("PUT", f"{ENDPOINTS}/ep/deployments/blue", online.body(), version=VERSION)
    assert (answer.status, answer.code) == (404, "ParentResourceNotFound")


def test_operations_survive_a_restart(tmp_path: Path) -> None:
    online = open_online(tmp_path, endpoint=30.0)
    first = online.arm("PUT", f"{ENDPOINTS}/ep-slow", endpoint_body(), version=VERSION)
    assert first.status == 201
    close_online(online)
    online = open_online(tmp_path)
    from mi_tui.sandbox.arm import operations

    async def resume() -> None:
        operations.resume_open(online.arm.world)

    online.arm.run(resume())
    assert online.operation(first).json["status"] == "Succeeded"
    assert len(online.arm.world.store.assignments(first.json["identity"]["principalId"])) == 3
    close_online(online)


def test_an_endpoint_goes_with_its_resource_group(online: Online) -> None:
    online.endpoint("ep-group")
    principal = online.arm("GET", f"{ENDPOINTS}/ep-group", version=VERSION).json["identity"]["principalId"]
    group = WORKSPACE.partition("/providers/")[0]
    going = online.arm("DELETE", group)
    assert going.status == 202
    online.arm.until(lambda: online.arm.world.store.resource(group) is None)
    assert online.arm.world.store.resources(under=group) == []
    assert online.arm.world.store.principal(principal) is None
