"""Scenarios as data: their files and faults, their rules at work, and furniture that comes and goes without touching what is the user's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from arm_harness import BLOB_READER, DATA, GROUP, STORAGE, WORKSPACE, Arm, close_arm, open_arm
from online_harness import call, endpoint_body

from mi_tui.sandbox import app, furnish, rbac, scenarios
from mi_tui.sandbox.arm import online
from mi_tui.sandbox.profiles import PROFILES
from mi_tui.sandbox.scenarios import overlays, rules
from mi_tui.sandbox.scenarios.description import Match, Rule, When
from mi_tui.sandbox.scenarios.reading import ScenarioError, read_one
from mi_tui.sandbox.store import Resource
from mi_tui.sandbox.tokens import ARM

assert online
PROVIDER = f"/subscriptions/{furnish.DEV}/providers"
USER_ACCESS_ADMINISTRATOR = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[Arm]:
    arm = open_arm(tmp_path)
    yield arm
    close_arm(arm)


def choose(arm: Arm, scenario: str) -> None:
    """What the control does when another scenario is asked for."""
    arm.world.choose(None, scenario)
    overlays.settle(arm.world)


def front(arm: Arm, method: str, path: str, body: Any = None, host: str = "management.azure.com") -> Any:
    """A request through the whole front: status, headers, body, what the log is told."""
    principal = arm.world.store.principal(furnish.USER_ID)
    assert principal is not None
    headers = {"host": host, "authorization": f"Bearer {arm.world.issuer.mint(principal, ARM)[0]}"}
    raw = b"" if body is None else json.dumps(body).encode()
    return arm.run(call(app.build(arm.world), method, path, "api-version=2023-05-01", headers, raw))


# ---- files


def test_every_scenario_of_the_library_is_explained() -> None:
    for name, scenario in scenarios.library().items():
        assert scenario.about, name
        assert scenario.seen, name
        assert scenario.remedy, name
        assert scenario.evidence, name
        assert len(scenario.about) < 120, name
    assert next(iter(scenarios.summaries())) == "none"


def test_a_file_of_ones_own_is_read_and_can_be_joined_with_others(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "about: the portal is slow\n"
        "timings: {endpoint: {instant: 2.5, demo: 20}}\n"
        "rules:\n"
        "  - on: {service: blob, method: GET|HEAD, path: '/{container}/*'}\n"
        "    when: {every: 2, times: 3}\n"
        "    answer: {status: 503, code: ServerBusy, message: 'no {container} for {nobody}', headers: {Retry-After: '1'}}\n"
    )
    text = scenarios.canonical("slow-grants, mine.yaml ,none,slow-propagation", tmp_path)
    assert text == f"slow-propagation,{mine}"
    found = scenarios.load(str(text))
    assert [scenario.about for scenario in found.values()][1] == "the portal is slow"
    assert found[str(mine)].rules[0].when == When(every=2, times=3)
    assert scenarios.fault("instant", text) is None


FAULTS = """\
abuot: nothing
timings:
  endpoint: soon
rules:
  - on: {service: ftp, method: [GET], colour: red}
    answer: {status: "503", code: X}
hosting:
  memory_share: true
"""


def test_every_fault_is_named_with_its_line_and_place() -> None:
    with pytest.raises(ScenarioError) as error:
        read_one(FAULTS, "mine.yaml")
    assert [line.partition(": ")[0:3:2] for line in str(error.value).splitlines()] == [
        (where, what)
        for where, what in (line.split("|") for line in (
            "mine.yaml:1|abuot: there is no such field. Choose one of: about, seen, remedy, failures, evidence, furniture, rules, "
            "timings, operations, hosting.",
            "mine.yaml:3|timings.endpoint: a number is expected, not 'soon'.",
            "mine.yaml:5|rules[0].on.service: one of 'management', 'login', 'blob', 'inference' is expected, not 'ftp'.",
            "mine.yaml:5|rules[0].on.method: text is expected, not a list.",
            "mine.yaml:5|rules[0].on.colour: there is no such field. Choose one of: service, method, path, lacks.",
            "mine.yaml:6|rules[0].answer.status: a whole number is expected, not '503'.",
            "mine.yaml:6|rules[0].answer.message: missing: Azure's words.",
            "mine.yaml:8|hosting.memory_share: a number is expected, not 'true'.",
            "mine.yaml:1|about: missing: what goes wrong, in one line.",
        ))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", ":1: it is empty"),
        ("a: [", ": it is no YAML"),
        ("- a", ":1: a mapping is expected"),
        ("about: x\nabout: y", ":2: about: it is given twice"),
        ("about: x\nrules: [{on: {}}]", "rules[0].on: a rule needs an answer"),
        ("about: x\nrules: [{on: {}, expire: true, reset: before}]", "not several"),
        ("about: x\nrules: [{on: {method: FETCH}, expire: true}]", "'FETCH' is no HTTP method"),
        ("about: x\nrules: [{on: {path: '/{a b}'}, expire: true}]", "rules[0].on.path: a '{name}'"),
        ("about: x\nrules: [{on: {}, when: {probability: 2}, expire: true}]", "when.probability: a number from 0 to 1"),
        ("about: x\nrules: [{on: {}, answer: {status: 200, code: a, message: b}}]", "400 to 599"),
        ("about: x\nrules: [{on: {}, answer: {status: 503, code: a, message: b, headers: {'a b': c}}}]", "cannot be a header"),
        ("about: x\ntimings: {lunch: 3}", "timings: 'lunch' is not among storage_account"),
        ("about: x\ntimings: {endpoint: {warp: 3}}", "there is no profile 'warp'"),
        ("about: x\ntimings: {endpoint: -1}", "seconds are expected"),
        ("about: x\nfurniture: {rights: {remove: [{role: King}]}}", "knows no built-in role 'King'"),
        ("about: x\nfurniture: {rights: {add: [{role: Owner, condition: 'x y'}]}}", "rights.add[0].condition: the condition has"),
        ("about: x\nfurniture: {data_accounts: {colour: red}}", "'colour' is not among"),
        ("about: x\nfurniture: {data_accounts: {publicNetworkAccess: maybe}}", "one of Enabled, Disabled"),
        ("about: x\nfurniture: {quotas: {'*': -1}}", "cannot be negative"),
        ("about: x\nhosting: {memory_share: 0}", "more than 0"),
        ("about: x\nhosting: {script: 'def'}", "it is no Python"),
        ("about: x\nevidence: [{source: s, date: 2026-99-99}]", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file(text: str, says: str) -> None:
    if not says:
        assert read_one(text, "f").evidence[0].date == "2026-99-99"
        return
    with pytest.raises(ScenarioError) as error:
        read_one(text, "f")
    assert says in str(error.value)


def test_files_that_are_not_there_and_names_that_are_none(tmp_path: Path) -> None:
    words = scenarios.fault(None, f"flood,{tmp_path}/none.yaml,no-quota")
    assert words is not None
    assert "There is no scenario 'flood'. Choose one of: none, missing-role" in words
    assert f"{tmp_path}/none.yaml: it cannot be read: No such file" in words


# ---- rules


def test_which_requests_are_hit() -> None:
    running = rules.Running(
        "x", Rule(Match(method="GET|PUT", path="*/things/{name}"), When(skip=1, every=2, times=2), expire=True)
    )
    assert running.names("management", "PUT", "/a/THINGS/b") == {"name": "b"}
    assert running.names("management", "POST", "/a/things/b") is None
    assert running.names("blob", "GET", "/a/things/b") is None
    assert running.names("management", "GET", "/a/things/b/c") is None
    assert [running.hits() for _ in range(8)] == [False, False, True, False, True, False, False, False]
    dice = [rules.Running("x", Rule(Match(), When(probability=0.5, seed=7), expire=True)) for _ in range(2)]
    thrown = [[one.hits() for _ in range(50)] for one in dice]
    assert thrown[0] == thrown[1]
    assert 10 < sum(thrown[0]) < 40


def test_a_throttled_read_has_azures_words_and_the_log_says_why(arm: Arm) -> None:
    choose(arm, "throttled")
    answers = [front(arm, "GET", GROUP) for _ in range(14)]
    assert [status for status, *_ in answers].count(429) == 1
    status, headers, body, state = answers[11]
    assert (status, headers["retry-after"], state["code"]) == (429, "1", "SubscriptionRequestsThrottled")
    assert f"requests for subscription '{furnish.DEV}' exceeded the limit" in json.loads(body)["error"]["message"]
    assert "x-ms-request-id" in headers
    assert arm.world.store.requests()[11].decision == "the scenario throttled"


def test_a_policy_speaks_after_the_rights_and_only_where_the_tag_is_missing(arm: Arm) -> None:
    choose(arm, "policy-denied")
    body: dict[str, Any] = {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    status, _, answer, _ = front(arm, "PUT", f"{STORAGE}/stfirst0001", body)
    error = json.loads(answer)["error"]
    assert (status, error["code"], error["target"]) == (403, "RequestDisallowedByPolicy", "stfirst0001")
    assert error["message"].startswith(
        "Resource 'stfirst0001' was disallowed by policy. Policy identifiers: '[{\"policyAssignment\""
    )
    assert furnish.DEV in error["additionalInfo"][0]["info"]["policyAssignmentId"]
    elsewhere = f"/subscriptions/{furnish.PROD}/resourceGroups/{furnish.PROD_GROUP}/providers/Microsoft.Storage/storageAccounts/stprod0001"
    assert json.loads(front(arm, "PUT", elsewhere, body)[2])["error"]["code"] == "AuthorizationFailed"
    assert front(arm, "PUT", f"{STORAGE}/stfirst0001", body | {"tags": {"cost-center": "7"}})[0] == 202


def test_a_blob_answer_is_xml_and_a_connection_is_cut(arm: Arm, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "about: x\nrules:\n"
        "  - on: {service: blob, method: GET}\n    answer: {status: 503, code: ServerBusy, message: a < b}\n"
        "  - {on: {service: blob, method: PUT}, reset: after}\n"
        "  - {on: {service: login}, answer: {status: 400, code: invalid_grant, message: no}}\n"
        "  - {on: {service: inference}, answer: {status: 408, code: '', message: upstream request timeout}}\n"
    )
    choose(arm, str(mine))
    host = f"{furnish.DATA_ACCOUNT}.blob.core.windows.net"
    status, headers, body, _ = front(arm, "GET", "/inputs/x", host=host)
    assert (status, headers["x-ms-error-code"]) == (503, "ServerBusy")
    assert b"<Message>a &lt; b</Message>" in body
    assert json.loads(front(arm, "GET", "/t/token", host="login.microsoftonline.com")[2])["error"] == "invalid_grant"
    assert front(arm, "POST", "/score", host="e.westeurope.inference.ml.azure.com")[2] == b"upstream request timeout"

    cut: list[bool] = []
    seen: list[Any] = []

    async def through() -> None:
        class Transport:
            def abort(self) -> None:
                cut.append(True)

        class Cycle:
            transport = Transport()

            async def send(self, message: Any) -> None:
                seen.append(message)

        async def receive() -> Any:
            return {"type": "http.disconnect"} if cut else {"type": "http.request", "body": b"", "more_body": False}

        scope = {
            "type": "http",
            "method": "PUT",
            "path": "/inputs/x",
            "query_string": b"",
            "headers": [(b"host", host.encode())],
        }
        await app.build(arm.world)(scope, receive, Cycle().send)

    arm.run(asyncio.wait_for(through(), 5))
    assert cut
    assert not seen
    assert "connection cut after the effect" in arm.world.store.requests()[-1].decision


def test_a_token_that_expired_is_refused_everywhere_and_a_new_one_is_not(arm: Arm, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("about: x\nrules: [{on: {method: GET}, when: {times: 1}, expire: true}]\n")
    choose(arm, str(mine))
    principal = arm.world.store.principal(furnish.USER_ID)
    assert principal is not None
    old, new = (arm.world.issuer.mint(principal, ARM)[0] for _ in range(2))

    def get(token: str) -> int:
        headers = {"host": "management.azure.com", "authorization": f"Bearer {token}"}
        return int(arm.run(call(app.build(arm.world), "GET", GROUP, "api-version=2022-09-01", headers))[0])

    assert [get(old), get(old), get(new)] == [401, 401, 200]


# ---- furniture


def test_what_a_scenario_changes_is_given_back_and_what_the_user_made_stays(arm: Arm) -> None:
    before = furnish.tree(arm.world)
    every = [name for name in scenarios.library() if name not in {"reader-only", "policy-denied"}]
    choose(arm, ",".join(every))
    assert furnish.tree(arm.world) != before
    made = Resource(
        f"{GROUP}/providers/Microsoft.Insights/components/mine", "Microsoft.Insights/components", "mine", {"id": "mine"}
    )
    arm.world.store.put(made)
    choose(arm, "none")
    after = furnish.tree(arm.world)
    assert [entry for entry in after["resources"] if entry not in before["resources"]] == [
        {"id": made.id, "type": made.type, "body": {"id": "mine"}}
    ]
    assert after["role_assignments"] == before["role_assignments"]


def test_furniture_follows_a_change_of_scenario_and_survives_a_restart(arm: Arm) -> None:
    def may_assign() -> bool:
        return rbac.decide(
            arm.world.store, furnish.USER_ID, "Microsoft.Authorization/roleAssignments/write", GROUP
        ).allowed

    choose(arm, "no-role-assignment-right")
    assert not may_assign()
    choose(arm, "no-quota")
    assert may_assign()
    choose(arm, "no-role-assignment-right,no-quota")
    again = type(arm.world)(
        arm.world.home, arm.world.store, arm.world.issuer, PROFILES["instant"], "no-quota,no-role-assignment-right"
    )
    overlays.settle(again)
    assert not may_assign()
    calm = type(arm.world)(arm.world.home, arm.world.store, arm.world.issuer, PROFILES["instant"])
    overlays.settle(calm)
    assert may_assign()


def test_what_somebody_changed_meanwhile_is_left(arm: Arm) -> None:
    choose(arm, "storage-network-closed,key-access-disabled,endpoint-broken-leftover")
    account = arm.world.store.resource(DATA)
    assert account is not None
    assert account.body["properties"]["publicNetworkAccess"] == "Disabled"
    account.body["properties"] |= {"publicNetworkAccess": "Enabled", "allowSharedKeyAccess": False}
    arm.world.store.put(account)
    leftover = f"{WORKSPACE}/onlineEndpoints/ep-leftover"
    assert arm("DELETE", leftover).status == 202
    arm.until(lambda: arm("GET", leftover).status == 404)
    assert arm("PUT", leftover, endpoint_body()).status == 201
    choose(arm, "none")
    account = arm.world.store.resource(DATA)
    assert account is not None
    assert account.body["properties"]["publicNetworkAccess"] == "Enabled"
    assert "allowSharedKeyAccess" not in account.body["properties"]
    assert arm("GET", leftover).status == 200


def test_new_accounts_come_closed_and_can_be_opened(arm: Arm) -> None:
    choose(arm, "storage-network-closed")
    arm.create_account("stnew00001", publicNetworkAccess="Enabled")
    one = f"{STORAGE}/stnew00001"
    assert arm("GET", one).json["properties"]["publicNetworkAccess"] == "Disabled"
    assert arm("PATCH", one, {"properties": {"publicNetworkAccess": "Enabled"}}).status == 200
    assert arm("GET", one).json["properties"]["publicNetworkAccess"] == "Enabled"


def test_an_unregistered_provider_is_refused_until_it_is_registered(arm: Arm, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "about: x\nfurniture:\n  unregistered: [Microsoft.Storage]\n  rights: {add: [{role: Contributor, scope: subscription}]}\n"
    )
    choose(arm, str(mine))
    body = {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    refused = arm("PUT", f"{STORAGE}/stfirst0001", body)
    assert (refused.status, refused.code) == (409, "MissingSubscriptionRegistration")
    assert "namespace 'Microsoft.Storage'" in refused.message
    assert arm("GET", f"{PROVIDER}/Microsoft.Storage").json["registrationState"] == "NotRegistered"
    assert arm("POST", f"{PROVIDER}/Microsoft.Storage/register").json["registrationState"] == "Registering"
    arm.until(lambda: arm("GET", f"{PROVIDER}/Microsoft.Storage").json["registrationState"] == "Registered")
    assert arm("PUT", f"{STORAGE}/stfirst0001", body).status == 202


def test_the_first_name_is_somebody_elses_and_stays_so(arm: Arm) -> None:
    choose(arm, "name-taken")
    check = f"{PROVIDER}/Microsoft.Storage/checkNameAvailability"
    for name, free in (("stfirst0001", False), ("stsecond001", True), ("stfirst0001", False)):
        assert (
            arm("POST", check, {"name": name, "type": "Microsoft.Storage/storageAccounts"}).json["nameAvailable"]
            is free
        )
    for name, status in (("ep-first", 400), ("ep-second", 201), ("ep-first", 400)):
        assert arm("PUT", f"{WORKSPACE}/onlineEndpoints/{name}", endpoint_body()).status == status


def test_a_lost_grant_is_lost_once(arm: Arm) -> None:
    choose(arm, "missing-role")
    identity = arm.world.store.principal_of(
        f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{furnish.IDENTITY}"
    )
    assert identity is not None
    for number, there in ((1, False), (2, True)):
        name = f"00000000-0000-4000-8000-00000000000{number}"
        assert arm.grant(DATA, identity.object_id, BLOB_READER, name, principalType="ServicePrincipal").status == 201
        assert bool(arm.world.store.assignments(identity.object_id)) is there


# ---- quota


def deployment(size: str, count: int = 1) -> dict[str, Any]:
    return {
        "location": "westeurope",
        "sku": {"name": "Default", "capacity": count},
        "properties": {"instanceType": size, "endpointComputeType": "Managed"},
    }


def usages(arm: Arm) -> dict[str, tuple[int, int]]:
    found = arm("GET", f"{PROVIDER}/Microsoft.MachineLearningServices/locations/westeurope/usages").json["value"]
    return {entry["name"]["value"]: (entry["currentValue"], entry["limit"]) for entry in found}


def test_quota_is_asked_for_with_a_fifth_on_top_and_agrees_with_the_usages(arm: Arm) -> None:
    endpoint = f"{WORKSPACE}/onlineEndpoints/ep-quota"
    assert arm("PUT", endpoint, endpoint_body()).status == 201
    arm.until(lambda: arm("GET", endpoint).json["properties"]["provisioningState"] == "Succeeded")
    refused = arm("PUT", f"{endpoint}/deployments/big", deployment("Standard_DS3_v2", 6))
    assert (refused.status, refused.code) == (400, "BadRequest")
    inner = json.loads(refused.json["error"]["details"][0]["message"])
    words = f"in SubscriptionId {furnish.DEV}. Current usage/limit: 0/24. Additional needed: 32 Please see"
    assert words in inner["errors"]["VmSize"][0]
    # 5 machines need 6 times 4 cores, and then hold 20.
    assert arm("PUT", f"{endpoint}/deployments/five", deployment("Standard_DS3_v2", 5)).status == 201
    assert usages(arm)["standardDSv2Family"] == (20, 24)
    assert arm("PUT", f"{endpoint}/deployments/more", deployment("Standard_DS2_v2", 1)).status == 201
    assert "22/24. Additional needed: 4" in str(
        arm("PUT", f"{endpoint}/deployments/one", deployment("Standard_DS2_v2")).json
    )
    choose(arm, "no-quota")
    assert usages(arm)["standardFSv2Family"] == (0, 6)
    assert arm("PUT", f"{endpoint}/deployments/four", deployment("Standard_F4s_v2")).status == 400
    fits = arm("PUT", f"{endpoint}/deployments/two", deployment("Standard_F2s_v2"))
    assert fits.status == 201, fits.json
