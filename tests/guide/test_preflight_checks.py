"""How checks are run, and what they make of workspaces, rights and policies that the sandbox does not have."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from mi_tui.guide.preflight import GROUPS, TABLE, facts, policy, rightful, run, signing, space, stores
from mi_tui.guide.preflight.conditions import Verdict, judge
from mi_tui.guide.preflight.finding import Finding, Spec, failed, ok
from mi_tui.guide.preflight.once import Once
from mi_tui.guide.preflight.reads import Reads
from mi_tui.model.check import CheckStatus
from mi_tui.model.failure import Failure
from mi_tui.model.roles import ACR_PULL, BLOB_READER
from mi_tui.services.errors import ServiceError
from mi_tui.services.policies import PolicyInfo
from mi_tui.services.rights import Denial, Permission, permitted
from mi_tui.services.session import Caller
from mi_tui.services.storage import AccountInfo
from mi_tui.services.subscriptions import SubscriptionInfo
from mi_tui.services.workspaces import WorkspaceInfo
from tests.guide.test_preflight_files import reads

T = TypeVar("T")
OK, WARNING, FAILED, SKIPPED = CheckStatus.OK, CheckStatus.WARNING, CheckStatus.FAILED, CheckStatus.SKIPPED
ME = "aaaaaaaa-0000-0000-0000-000000000001"
SPACE = WorkspaceInfo(
    "/ws",
    "ws",
    "rg",
    "westeurope",
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/own",
    "/registry",
    True,
    "",
    "Succeeded",
)
ACCOUNT = AccountInfo(
    "/a", "stdemo", "rg", "westeurope", "StorageV2", True, True, "https://stdemo.blob.core.windows.net/"
)


def told(value: T) -> Once[T]:
    """A read whose answer is known."""
    return Once("told", lambda: value)


def refused(status: int) -> Once[Any]:
    """A read that Azure refused."""

    def raises() -> Any:
        raise ServiceError(Failure("Code", "Azure's words.", status=status))

    return Once("refused", raises)


@pytest.fixture
def made(tmp_path: Path) -> Reads:
    found = reads(tmp_path)
    found.caller = told(Caller("me", ME, "tenant"))
    found.workspace = told(SPACE)
    found.account = told(ACCOUNT)
    return found


# ---- running


def test_the_table_is_whole() -> None:
    ids = [row.id for row in TABLE]
    assert len(set(ids)) == len(ids)
    assert {need for row in TABLE for need in row.needs} <= set(ids)
    assert {row.group for row in TABLE} == set(GROUPS)
    assert all(row.why.endswith(".") and row.title[0].isupper() for row in TABLE)


def spec(name: str, look: object, *needs: str) -> Spec:
    return Spec(name, name, "Files", look, "why", needs)  # type: ignore[arg-type]


def test_a_check_is_skipped_where_one_that_it_needs_failed_and_none_takes_the_others_away(made: Reads) -> None:
    def breaks(_: Reads) -> Finding:
        raise KeyError("x")

    def unread(_: Reads) -> Finding:
        raise ServiceError(Failure("AuthorizationFailed", "You may not."))

    made.all.clear()
    table = [
        spec("late", lambda _: ok("fine"), "first"),
        spec("first", lambda _: failed("no", "do this", "az x")),
        spec("later", lambda _: ok("fine"), "late"),
        spec("broken", breaks),
        spec("unread", unread),
        spec("good", lambda _: ok("fine")),
    ]
    heard: list[str] = []
    checks = run(table, made, lambda check: heard.append(check.id))
    assert [check.id for check in checks] == ["late", "first", "later", "broken", "unread", "good"]
    assert [check.status for check in checks] == [SKIPPED, FAILED, SKIPPED, SKIPPED, SKIPPED, OK]
    assert checks[0].evidence == "because of 'first', which failed"
    assert checks[2].evidence == "because of 'late', which was skipped"
    assert "KeyError" in checks[3].evidence
    assert checks[4].evidence == "because it could not be read: AuthorizationFailed: You may not."
    assert (checks[1].why, checks[1].advice, checks[1].command, checks[5].why) == ("why", "do this", "az x", "")
    assert sorted(heard) == sorted(check.id for check in checks)


def test_calls_are_made_once_and_those_that_wait_for_nothing_side_by_side() -> None:
    calls: list[str] = []
    together = threading.Barrier(3, timeout=10)  # breaks unless three are under way at once

    def call(name: str) -> str:
        calls.append(name)
        together.wait()
        return name

    ones = [Once(name, lambda name=name: call(name)) for name in "abc"]  # type: ignore[misc]
    for one in ones:
        one.start()
    asked = [threading.Thread(target=one.result) for one in ones for _ in range(5)]
    for thread in asked:
        thread.start()
    assert [one.result() for one in ones] == ["a", "b", "c"]
    for thread in asked:
        thread.join()
    assert sorted(calls) == ["a", "b", "c"]


def test_how_long_a_call_took_is_without_what_it_waited_for() -> None:
    slow = Once("slow", lambda: time.sleep(1))
    after = Once("after", lambda: 1, after=(slow,))
    assert after.result() == 1
    assert slow.seconds >= 1
    assert after.seconds < slow.seconds / 2


# ---- sign-in and subscription


def test_who_is_not_signed_in_is_told_once(made: Reads) -> None:
    made.caller = refused(401)
    assert signing.sign_in(made).status is FAILED
    assert signing.sign_in(made).command == "az login"


@pytest.mark.parametrize(
    ("state", "tenant", "status", "words"),
    [
        ("Enabled", "tenant", OK, "is Enabled"),
        ("Warned", "tenant", WARNING, "is Warned"),
        ("Disabled", "tenant", FAILED, "is Disabled"),
        ("Enabled", "other", FAILED, "belongs to tenant other"),
    ],
)
def test_a_subscription(made: Reads, state: str, tenant: str, status: CheckStatus, words: str) -> None:
    made.subscription = told(SubscriptionInfo("s", "dev", state, tenant))
    found = signing.subscription(made)
    assert found.status is status
    assert words in found.evidence


def test_a_subscription_that_cannot_be_seen(made: Reads) -> None:
    made.subscription = refused(404)
    assert signing.subscription(made).status is FAILED
    made.subscription = refused(503)
    with pytest.raises(ServiceError):  # which makes the check a skipped one
        signing.subscription(made)


@pytest.mark.parametrize(
    ("ahead", "status"), [(0.4, OK), (-20.0, OK), (-90.0, WARNING), (400.0, FAILED), (-4000.0, FAILED), (None, SKIPPED)]
)
def test_the_clock(made: Reads, ahead: float | None, status: CheckStatus) -> None:
    made.clock = told(ahead)
    assert signing.clock(made).status is status


@pytest.mark.parametrize(("may", "offered"), [("*", True), ("*/read", False)])
def test_a_provider_is_registered_by_who_may(made: Reads, may: str, offered: bool) -> None:
    states = dict.fromkeys(facts.PROVIDERS, "Registered") | {
        "Microsoft.Cdn": "NotRegistered",
        "Microsoft.KeyVault": "Registering",
    }
    made.providers = {name: told(state) for name, state in states.items()}
    made.on_subscription = told((Permission((may,)),))
    found = signing.providers(made)
    assert found.status is FAILED
    assert (found.change is not None) is offered
    assert found.change is None or found.change.values == ("Microsoft.Cdn",)
    assert "az provider register --namespace Microsoft.Cdn" in found.command


def test_a_provider_is_missing_also_for_who_may_not_ask_at_the_subscription(made: Reads) -> None:
    made.providers = {name: told("NotRegistered") for name in facts.PROVIDERS}
    made.on_subscription = refused(403)
    found = signing.providers(made)
    assert found.status is FAILED
    assert found.change is None
    assert "somebody with Contributor on the subscription" in found.advice


def test_a_provider_that_the_plan_does_not_need_is_a_warning(made: Reads) -> None:
    states = dict.fromkeys(facts.PROVIDERS, "Registered") | {"Microsoft.ManagedIdentity": "NotRegistered"}
    made.providers = {name: told(state) for name, state in states.items()}
    made.on_subscription = told(())
    assert signing.providers(made).status is WARNING
    made.providers = {name: told("Registering" if name == "Microsoft.Cdn" else "Registered") for name in states}
    assert "Wait" in signing.providers(made).advice


# ---- workspace


@pytest.mark.parametrize(
    ("changes", "legacy", "network"),
    [
        ({}, OK, OK),
        ({"v1_legacy": True}, FAILED, OK),
        ({"public_network_access": False}, OK, WARNING),
        ({"isolation": "AllowInternetOutbound"}, OK, FAILED),
        ({"isolation": "AllowInternetOutbound", "network_status": "Inactive"}, OK, FAILED),
        ({"isolation": "AllowInternetOutbound", "network_status": "Active"}, OK, OK),
        (
            {"isolation": "AllowInternetOutbound", "network_status": "Active", "public_network_access": False},
            OK,
            WARNING,
        ),
    ],
)
def test_a_workspace(made: Reads, changes: dict[str, object], legacy: CheckStatus, network: CheckStatus) -> None:
    made.workspace = told(msgspec.structs.replace(SPACE, **changes))
    assert (space.legacy(made).status, space.network(made).status) == (legacy, network)


@pytest.mark.parametrize(
    ("account", "auth", "rights", "status"),
    [
        ({}, "", (), OK),
        ({"shared_keys": False}, "accessKey", (), FAILED),
        ({"shared_keys": False}, "UserDelegationSAS", (), SKIPPED),
        ({"shared_keys": False}, "identity", (), FAILED),
        ({"shared_keys": False}, "identity", (Permission(data_actions=("*",)),), OK),
        ({"public_network": False}, "", (), WARNING),
        ({"firewall": True}, "", (), WARNING),
    ],
)
def test_the_workspaces_own_storage(
    made: Reads, account: dict[str, object], auth: str, rights: tuple[Permission, ...], status: CheckStatus
) -> None:
    made.workspace = told(msgspec.structs.replace(SPACE, datastores_auth=auth))
    made.own_storage = told(msgspec.structs.replace(ACCOUNT, **account))
    made.on_own_storage = told(rights)
    assert space.own_storage(made).status is status


@pytest.mark.parametrize(
    ("account", "isolation", "status"),
    [
        ({}, "Disabled", OK),
        ({"public_network": False}, "Disabled", FAILED),
        ({"firewall": True}, "Disabled", FAILED),
        ({"public_network": False}, "AllowOnlyApprovedOutbound", WARNING),
    ],
)
def test_a_closed_account(made: Reads, account: dict[str, object], isolation: str, status: CheckStatus) -> None:
    made.account = told(msgspec.structs.replace(ACCOUNT, **account))
    made.workspace = told(msgspec.structs.replace(SPACE, isolation=isolation))
    assert stores.network(made).status is status


def test_a_file_to_upload_that_is_not_there(made: Reads, tmp_path: Path) -> None:
    file = tmp_path / "hello.txt"
    store = msgspec.structs.replace(made.answers.storage, upload=str(file))
    made.answers = msgspec.structs.replace(made.answers, storage=store)
    assert stores.blob(made).status is FAILED
    file.write_text("hello")
    assert stores.blob(made).status is OK


@pytest.mark.parametrize(("there", "status"), [(True, OK), (False, FAILED), (None, SKIPPED)])
def test_a_blob_that_is_only_used(made: Reads, there: bool | None, status: CheckStatus) -> None:
    made.blob = told(there)
    assert stores.blob(made).status is status


# ---- rights


def test_each_entry_is_evaluated_by_itself() -> None:
    wanted = facts.GRANT.action
    contributor = Permission(("*",), ("Microsoft.Authorization/*/Write", "Microsoft.Authorization/*/Delete"))
    assert not permitted([contributor], wanted)
    assert permitted([contributor, Permission(("Microsoft.Authorization/*",))], wanted.upper())
    assert permitted([contributor], facts.LIST_KEYS.action)
    assert not permitted([Permission(("*",))], facts.WRITE_BLOB.action), "an action on blobs is a data action"
    assert permitted([Permission(data_actions=("*/blobs/*",))], facts.WRITE_BLOB.action)
    assert not permitted([Permission(data_actions=("*",), not_data_actions=("*/write",))], facts.WRITE_BLOB.action)
    scientist = Permission(
        ("Microsoft.MachineLearningServices/workspaces/*/write",),
        ("Microsoft.MachineLearningServices/workspaces/write",),
    )
    assert permitted([scientist], "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments/write")
    assert not permitted([scientist], "Microsoft.MachineLearningServices/workspaces/write")


WRITE = "!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})"
ROLE = "@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId]"
KIND = "@Request[Microsoft.Authorization/roleAssignments:PrincipalType]"


@pytest.mark.parametrize(
    ("condition", "verdict"),
    [
        ("", Verdict.ALLOWS),
        (f"(({WRITE}) OR ({ROLE} ForAnyOfAnyValues:GuidEquals {{{BLOB_READER.guid}, {ACR_PULL.guid}}}))", Verdict.ALLOWS),
        (f"(({WRITE}) OR ({ROLE} ForAnyOfAnyValues:GuidEquals {{{ACR_PULL.guid}}}))", Verdict.EXCLUDES),
        (f"(({WRITE}) OR ({ROLE} ForAnyOfAllValues:GuidNotEquals {{{BLOB_READER.guid.upper()}}}))", Verdict.EXCLUDES),
        (f"(({WRITE}) OR ({ROLE} ForAnyOfAllValues:GuidNotEquals {{8e3af657-a8ff-443c-a75c-2fe8c4bcb635}}))", Verdict.ALLOWS),
        (f"(({WRITE}) OR ({KIND} StringEqualsIgnoreCase 'User'))", Verdict.UNCLEAR),
        (f"(({WRITE}) OR ({KIND} ForAnyOfAnyValues:StringEqualsIgnoreCase {{'User', 'Group'}}))", Verdict.EXCLUDES),
        (f"(({WRITE}) OR ({KIND} ForAnyOfAnyValues:StringEqualsIgnoreCase {{'ServicePrincipal'}}))", Verdict.ALLOWS),
        (f"(({WRITE}) OR (@Request[Microsoft.Authorization/roleAssignments:PrincipalId] ForAnyOfAnyValues:GuidEquals {{{ME}}}))", Verdict.UNCLEAR),
        ("(!(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'}))", Verdict.ALLOWS),
    ],
)  # fmt: skip
def test_what_a_condition_lets_through(condition: str, verdict: Verdict) -> None:
    assert judge(condition, BLOB_READER.guid) is verdict


@pytest.mark.parametrize(
    ("denial", "status"),
    [
        (Denial("stack", "/s", (Permission(("*/write",)),), ("*",), ()), FAILED),
        (Denial("stack", "/s", (Permission(("*/write",)),), (ME,), ()), FAILED),
        (Denial("stack", "/s", (Permission(("*/write",)),), ("*",), (ME,)), OK),
        (Denial("stack", "/s", (Permission(("*/write",)),), ("somebody",), ()), WARNING),
        (Denial("stack", "/s", (Permission(("*/delete",)),), ("*",), ()), OK),
    ],
)
def test_deny_assignments(made: Reads, denial: Denial, status: CheckStatus) -> None:
    made.denials = told([denial])
    assert rightful.denied(made).status is status


@pytest.mark.parametrize(
    ("counted", "status"), [((12, True), OK), ((3950, True), WARNING), ((4000, True), FAILED), ((1200, False), SKIPPED)]
)
def test_the_limit_of_role_assignments(made: Reads, counted: tuple[int, bool], status: CheckStatus) -> None:
    made.count = told(counted)
    made.on_account = told(())
    made.on_container = told(None)
    assert rightful.limit(made).status is status


# ---- policies


@pytest.mark.parametrize(
    ("definition", "parameters", "enforced", "tags", "status"),
    [
        ("871b6d14-10aa-478d-b590-94f262ecfa99", {"tagName": ("Owner",)}, True, {}, FAILED),
        ("871b6d14-10aa-478d-b590-94f262ecfa99", {"tagName": ("Owner",)}, True, {"owner": "me"}, OK),
        ("871b6d14-10aa-478d-b590-94f262ecfa99", {"tagName": ("Owner",)}, False, {}, OK),
        (
            "1e30110a-5ceb-460c-a204-c1c3969c6d62",
            {"tagName": ("Owner",), "tagValue": ("it",)},
            True,
            {"Owner": "me"},
            FAILED,
        ),
        (
            "1e30110a-5ceb-460c-a204-c1c3969c6d62",
            {"tagName": ("Owner",), "tagValue": ("it",)},
            True,
            {"Owner": "it"},
            OK,
        ),
        (facts.LOCATION_POLICY, {"listOfAllowedLocations": ("northeurope", "West Europe")}, True, {}, OK),
        (facts.LOCATION_POLICY, {"listOfAllowedLocations": ("northeurope",)}, True, {}, FAILED),
        ("11111111-0000-0000-0000-000000000000", {"tagName": ("Owner",)}, True, {}, WARNING),
        ("11111111-0000-0000-0000-000000000000", {}, True, {}, OK),
    ],
)
def test_policies(
    made: Reads,
    definition: str,
    parameters: dict[str, tuple[str, ...]],
    enforced: bool,
    tags: dict[str, str],
    status: CheckStatus,
) -> None:
    made.answers = msgspec.structs.replace(made.answers, tags=tags)
    made.policies = told([PolicyInfo("/p", "Tags", "/s", definition, parameters, enforced)])
    assert policy.allowed(made).status is status


@pytest.mark.parametrize(
    ("definition", "parameters", "policies", "network"),
    [
        ("a06d0189-92e8-4dba-b0c4-08d7669fce7d", {}, OK, FAILED),
        ("a06d0189-92e8-4dba-b0c4-08d7669fce7d", {"effect": ("Disabled",)}, OK, OK),
        ("b2982f36-99f2-4db5-8eff-283140c09693", {}, OK, OK),
        ("b2982f36-99f2-4db5-8eff-283140c09693", {"effect": ("Deny",)}, FAILED, OK),
        ("8c6a50c6-9ffd-4ae7-986f-5fa6111f9a54", {"effect": ("Deny",)}, FAILED, OK),
    ],
)
def test_policies_on_storage_are_about_an_account_that_is_to_be_made(
    made: Reads, definition: str, parameters: dict[str, tuple[str, ...]], policies: CheckStatus, network: CheckStatus
) -> None:
    made.policies = told([PolicyInfo("/p", "Storage", "/s", definition, parameters, True)])
    assert (policy.allowed(made).status, stores.network(made).status) == (OK, OK), "the account is there"
    made.account = told(None)
    assert (policy.allowed(made).status, stores.network(made).status) == (policies, network)
    made.policies = refused(403)
    assert stores.network(made).status is OK
