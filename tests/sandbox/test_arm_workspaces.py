"""Workspaces made and deleted, by hand and by a template; their actions, connections and data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mi_tui.sandbox import furnish
from mi_tui.sandbox.arm.template import Scope, TemplateError, evaluate
from tests.sandbox.arm_harness import GROUP, WORKSPACE, Answer, Arm, close_arm, open_arm, recorded

ONE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ws-new"
DEPLOYMENT = f"{GROUP}/providers/Microsoft.Resources/deployments/one"


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[Arm]:
    opened = open_arm(tmp_path / "world")
    yield opened
    close_arm(opened)


def _ended(arm: Arm, first: Answer) -> Answer:
    """The last answer at the `Location` of an accepted operation."""
    assert first.status == 202, first.json
    assert first.json == ""
    arm.until(lambda: arm("GET", first.headers["azure-asyncoperation"]).json["status"] != "InProgress")
    assert arm("GET", first.headers["azure-asyncoperation"]).json["status"] == "Succeeded"
    return arm("GET", first.headers["location"])


def _wanted(arm: Arm) -> dict[str, Any]:
    facts = arm("GET", WORKSPACE).json["properties"]
    needed = ("storageAccount", "keyVault", "applicationInsights")
    return {"location": "westeurope", "properties": {key: facts[key] for key in needed}, "tags": {"a": "b"}}


def test_a_workspace_is_made_changed_and_deleted(arm: Arm) -> None:
    made = _ended(arm, arm("PUT", ONE, _wanted(arm))).json
    assert made["properties"]["provisioningState"] == "Succeeded"
    assert made["identity"]["type"] == "SystemAssigned"
    store = arm("GET", f"{ONE}/datastores/workspaceblobstore").json["properties"]
    assert store["containerName"] == f"azureml-blobstore-{made['properties']['workspaceId']}"
    assert arm("POST", f"{ONE}/datastores/workspaceblobstore/listSecrets", {}).json["key"]
    ids = [one["id"] for one in arm("GET", ONE.rpartition("/")[0], kind="default").json["value"]]
    assert ONE in ids
    assert arm("GET", ONE.rpartition("/")[0], kind="hub").json["value"] == []
    changed = _ended(arm, arm("PATCH", ONE, {"properties": {"description": "other"}, "tags": {}})).json
    assert (changed["properties"]["description"], changed["tags"]) == ("other", {})
    assert changed["identity"] == made["identity"]
    _ended(arm, arm("DELETE", ONE))
    assert arm("GET", ONE).code == "ResourceNotFound"
    assert arm("DELETE", ONE).status == 204
    assert arm.world.store.principal(made["identity"]["principalId"]) is None


def test_a_workspace_without_its_dependencies_is_refused(arm: Arm) -> None:
    refused = arm("PUT", ONE, {"location": "westeurope", "properties": {}})
    assert (refused.status, refused.code) == (400, "ValidationError")
    assert refused.json["error"]["details"][0]["code"] == "Invalid"
    assert refused.message == "Missing dependent resources in workspace json"
    body = _wanted(arm)
    body["properties"]["storageAccount"] += "x"
    assert "does not exist" in arm("PUT", ONE, body).message
    other = arm("PUT", WORKSPACE, {**_wanted(arm), "location": "northeurope"})
    assert other.code == "InvalidResourceLocation"


def test_user_assigned_identities_come_and_go(arm: Arm) -> None:
    one = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{furnish.IDENTITY}"
    both = {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {one: {}}}
    made = _ended(arm, arm("PUT", ONE, {**_wanted(arm), "identity": both})).json["identity"]
    assert made["type"] == "SystemAssigned,UserAssigned"
    assert made["userAssignedIdentities"][one]["clientId"]
    alone = {"type": "UserAssigned", "userAssignedIdentities": {one: None}}
    assert "at least one" in arm("PATCH", ONE, {"identity": alone}).message
    own = _ended(arm, arm("PATCH", ONE, {"identity": {"type": "SystemAssigned"}})).json["identity"]
    assert own["principalId"] == made["principalId"]
    assert "userAssignedIdentities" not in own


def test_the_actions_of_a_workspace(arm: Arm) -> None:
    keys = arm("POST", f"{WORKSPACE}/listKeys", {}).json
    assert keys["userStorageKey"] == arm("POST", f"{keys['userStorageArmId']}/listKeys").json["keys"][0]["value"]
    assert arm("POST", f"{WORKSPACE}/listNotebookKeys", {}).json == keys["notebookAccessKeys"]
    arm("DELETE", arm("GET", WORKSPACE).json["properties"]["keyVault"])
    found = _ended(arm, arm("POST", f"{WORKSPACE}/diagnose", {})).json["value"]
    assert [one["code"] for one in found["keyVaultResults"]] == ["ResourceNotFound"]
    assert found["storageAccountResults"] == []


def test_connections_keep_their_secrets(arm: Arm) -> None:
    one = f"{WORKSPACE}/connections/e2etest_wps_conn_test_67680941781"
    properties = {"authType": "ApiKey", "category": "AzureBlob", "target": "t", "credentials": {"key": "hidden"}}
    made = arm("PUT", one, {"properties": properties})
    assert made.status == 200
    assert "hidden" not in str(made.json) + str(arm("GET", one).json)
    assert arm("POST", f"{one}/listsecrets", {}).json["properties"]["credentials"] == {"key": "hidden"}
    assert arm("GET", f"{WORKSPACE}/connections").json["value"] == []
    assert [c["id"] for c in arm("GET", f"{WORKSPACE}/connections", includeAll="true").json["value"]] == [one]
    assert [arm("DELETE", one).status for _ in range(2)] == [200, 204]
    sample = recorded("ml-workspace", "ml.workspaces.connections|GET|404|UserError")["response"]["body"]
    missing = arm("GET", one).json
    assert missing["error"] == sample["error"]
    assert set(missing) == set(sample)


def test_a_template_makes_resources_in_order(arm: Arm) -> None:
    identity = "Microsoft.ManagedIdentity/userAssignedIdentities"
    parts: dict[str, Any] = {"type": identity, "apiVersion": "2023-01-31", "location": "westeurope"}
    first = f"[resourceId('{identity}', 'id-first')]"
    template = {
        "parameters": {"name": {"type": "string"}, "password": {"type": "secureString"}},
        "variables": {"last": "[concat(parameters('name'), '-last')]"},
        "resources": [
            {
                **parts,
                "name": "[variables('last')]",
                "dependsOn": [first],
                "tags": {"of": f"[reference({first[1:-1]}).clientId]"},
            },
            {**parts, "name": "id-never", "condition": "[equals(parameters('name'), 'other')]"},
            {**parts, "name": "id-first"},
        ],
        "outputs": {"id": {"type": "string", "value": first}},
    }
    given = {"name": {"value": "id"}, "password": {"value": "hidden"}}
    body = {"properties": {"mode": "incremental", "template": template, "parameters": given}}
    made = arm("PUT", DEPLOYMENT, body)
    assert (made.status, made.json["properties"]["provisioningState"]) == (201, "Accepted")
    arm.until(lambda: arm("GET", made.headers["azure-asyncoperation"]).json["status"] != "Running")
    ended = arm("GET", DEPLOYMENT)
    assert ended.json["properties"]["provisioningState"] == "Succeeded", ended.json
    assert "hidden" not in str(ended.json)
    names = [one["id"].rpartition("/")[2] for one in ended.json["properties"]["outputResources"]]
    assert names == ["id-first", "id-last"]
    client = arm("GET", ended.json["properties"]["outputs"]["id"]["value"]).json["properties"]["clientId"]
    assert arm("GET", f"{GROUP}/providers/{identity}/id-last").json["tags"] == {"of": client}
    assert arm("GET", f"{GROUP}/providers/{identity}/id-never").status == 404


def test_a_template_is_refused_at_once_and_a_resource_later(arm: Arm) -> None:
    parts = {"type": "Microsoft.Storage/storageAccounts", "apiVersion": "2023-05-01", "name": "[parameters('name')]"}
    template = {"parameters": {"name": {"type": "string"}}, "resources": [{**parts, "location": "westeurope"}]}
    body: dict[str, Any] = {"properties": {"mode": "Incremental", "template": template}}
    refused = arm("PUT", DEPLOYMENT, body)
    assert (refused.status, refused.code) == (400, "InvalidTemplate")
    assert "parameter 'name' is not provided" in refused.message
    body["properties"]["parameters"] = {"name": {"value": "Bad_Name"}}
    made = arm("PUT", DEPLOYMENT, body)
    arm.until(lambda: arm("GET", made.headers["azure-asyncoperation"]).json["status"] != "Running")
    error = arm("GET", DEPLOYMENT).json["properties"]["error"]
    assert (error["code"], error["details"][0]["code"]) == ("DeploymentFailed", "AccountNameInvalid")
    steps = arm("GET", f"{DEPLOYMENT}/operations").json["value"]
    assert steps[0]["properties"]["statusMessage"]["error"]["code"] == "AccountNameInvalid"


def test_a_template_may_do_what_its_caller_may(arm: Arm) -> None:
    """The reader of the other subscription cannot even begin one."""
    other = f"/subscriptions/{furnish.PROD}/resourceGroups/{furnish.PROD_GROUP}/providers/Microsoft.Resources/deployments/one"
    refused = arm("PUT", other, {"properties": {"mode": "Incremental", "template": {"resources": []}}})
    assert refused.code == "AuthorizationFailed"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[[not an expression]", "[not an expression]"),
        ("[if(empty(''), 'yes', reference('nothing').x)]", "yes"),
        ("[toUpper(variables('it''s'))]", None),
        ("[union(createObject('a', 1), json('{\"b\": [2]}')).b[0]]", 2),
        ("[format('{0}-{1}', 'a', 7)]", "a-7"),
        ("[concat('a', ]", None),
        ("[variables('loop')]", None),
        ("[substring('abc', 'x')]", None),
    ],
)
def test_expressions(text: str, value: Any) -> None:
    def reference(_: str, __: bool) -> Any:
        raise AssertionError("the branch that is not taken is not computed")

    scope = Scope({}, {"loop": "[variables('loop')]"}, {}, {}, {}, reference)
    if value is None:
        with pytest.raises(TemplateError):
            evaluate(text, scope)
    else:
        assert evaluate(text, scope) == value
