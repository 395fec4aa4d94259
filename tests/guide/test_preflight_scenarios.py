"""Preflight in the sandbox: which scenarios it sees before anything is made, that it changes nothing, and that the calm world has no fault."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from mi_tui.guide.preflight import TABLE, Known, preflight
from mi_tui.model.answers import Answers, GrantPolicy, IdentityKind
from mi_tui.model.check import Check, CheckStatus
from mi_tui.model.diagnosis import ChangeKind
from mi_tui.sandbox import furnish, scenarios
from tests.scenarios.journey import Journey, opened

pytestmark = pytest.mark.e2e

SAI, UAI = IdentityKind.SAI, IdentityKind.UAI


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    with opened(tmp_path_factory.mktemp("preflight") / "home") as found:
        yield found


@dataclass(frozen=True)
class Seen:
    """What preflight sees in a scenario: the checks that fail, with a word of their evidence, and the repair that the first offers."""

    scenario: str
    fails: dict[str, str]
    kind: IdentityKind = SAI
    change: ChangeKind | None = None
    answers: dict[str, Any] = field(default_factory=dict)


CAUGHT = (
    Seen("no-role-assignment-right", {"rights-grants": "You may not grant roles"}),
    Seen("no-role-assignment-right", {"rights-grants": "registry crmldev9f3a61"}, UAI),
    Seen("conditional-rbac-admin", {"rights-grants": "A condition on your role keeps you from granting Storage Blob"}),
    Seen("reader-only", {"rights-group": "storageAccounts/write", "rights-upload": "may not write blobs"}),
    Seen(
        "reader-only",
        {"rights-identity": "assign/action"},
        UAI,
        answers={
            "storage": {"account": furnish.KEYLESS_ACCOUNT, "blob": furnish.WELCOME, "upload": None},
            "identity": {"name": furnish.IDENTITY},
        },
    ),
    Seen("provider-unregistered", {"providers": "Microsoft.Cdn is NotRegistered"}, change=ChangeKind.REGISTER),
    Seen("no-quota", {"quota": "needs 8 cores, 6 free"}, change=ChangeKind.INSTANCE_TYPE),
    Seen("policy-denied", {"policy": "cost-center"}, change=ChangeKind.TAG),
    Seen("key-access-disabled", {"workspace-storage": "allowSharedKeyAccess is false"}),
    Seen(
        "storage-network-closed",
        {"storage-network": "publicNetworkAccess is Disabled"},
        answers={"storage": {"account": furnish.DATA_ACCOUNT}},
    ),
    Seen("registry-missing", {"registry": "no container registry yet"}, UAI),
    Seen("name-taken", {"storage-account": "is already taken"}, change=ChangeKind.STORAGE_ACCOUNT),
    Seen(
        "endpoint-exists-other-identity",
        {"endpoint-identity": "exists with a user-assigned identity"},
        change=ChangeKind.IDENTITY,
    ),
    Seen("endpoint-broken-leftover", {"endpoint-leftover": "never made completely"}, change=ChangeKind.REPLACE_BROKEN),
)
"""The scenarios that can be seen before anything is made."""

NOT_TO_BE_SEEN = {
    "missing-role": "the role is taken away after it was granted",
    "slow-propagation": "nothing is wrong; time passes",
    "subscription-owner": "nothing is wrong",
    "no-capacity": "quota is permission; Azure tells nowhere whether a machine is left",
    "delete-lag": "that a deleted name is still held is told by the PUT alone",
    "stuck-updating": "the endpoint is not there yet",
    "image-build-failure": "the packages are resolved when the image is built",
    "missing-package": "which packages the script imports cannot be told from their names, and the conda file's build is the sandbox's to break",
    "missing-server": "the conda file names the server; the sandbox's build drops it",
    "bad-scoring-script": "the sandbox's container adds the fault to the script; the local one is whole",
    "out-of-memory": "what a model needs is known when it runs",
    "throttled": "it passes by itself",
    "flaky-network": "it passes by itself",
    "expired-token": "the token expires in the middle of the run",
    "service-error": "Azure fails in the middle of the run",
}


def by_id(checks: list[Check]) -> dict[str, Check]:
    return {check.id: check for check in checks}


def failing(checks: list[Check]) -> set[str]:
    return {check.id for check in checks if check.status is CheckStatus.FAILED}


def look(journey: Journey, answers: Answers) -> list[Check]:
    """Preflight, seen to read only and to leave the world as it is."""
    world, known = journey.tree(), len(journey.log())
    checks = preflight(journey.target.session, answers)
    rows = journey.log()[known:]
    changing = [
        f"{row['method']} {row['path']}"
        for row in rows
        if row["method"] not in {"GET", "HEAD"}
        and not row["path"].endswith(("/checkNameAvailability", "/oauth2/v2.0/token"))
    ]
    assert changing == []
    asked = [(row["host"], row["path"]) for row in rows if row["method"] == "GET" and row["status"] < 300]
    assert sorted(asked) == sorted(set(asked)), "a call was made twice"
    assert journey.tree() == world
    return checks


def test_every_scenario_is_accounted_for() -> None:
    assert {seen.scenario for seen in CAUGHT} | set(NOT_TO_BE_SEEN) == set(scenarios.library())


@pytest.mark.parametrize("kind", [SAI, UAI])
def test_in_a_calm_world_nothing_fails(journey: Journey, kind: IdentityKind) -> None:
    journey.scenario("none")
    heard: list[str] = []
    checks = preflight(journey.target.session, journey.answers(kind), tell=lambda check: heard.append(check.id))
    assert [check.id for check in checks] == [spec.id for spec in TABLE]
    assert [(check.id, check.evidence) for check in checks if check.status is not CheckStatus.OK] == []
    assert sorted(heard) == sorted(spec.id for spec in TABLE)
    assert all(check.evidence and not check.why and check.seconds >= 0 for check in checks)


@pytest.mark.parametrize("seen", CAUGHT, ids=lambda seen: f"{seen.scenario}-{seen.kind.value}")
def test_what_would_fail_is_seen_before_anything_is_made(journey: Journey, seen: Seen) -> None:
    journey.scenario(seen.scenario)
    try:
        answers = journey.answers(seen.kind, **seen.answers)
        if "endpoint" in seen.scenario:
            preflight(journey.target.session, answers)  # the scenario's endpoint appears with the first look at it
        checks = by_id(look(journey, answers))
    finally:
        journey.scenario("none")
    assert failing(list(checks.values())) == set(seen.fails)
    for name, words in seen.fails.items():
        assert words in checks[name].evidence
        assert checks[name].why
        assert checks[name].advice
    first = checks[next(iter(seen.fails))]
    assert (first.change.kind if first.change else None) is seen.change


@pytest.mark.parametrize("scenario", ["throttled", "flaky-network", "missing-package", "missing-server"])
def test_what_cannot_be_seen_is_not_made_up(journey: Journey, scenario: str) -> None:
    journey.scenario(scenario)
    try:
        checks = preflight(journey.target.session, journey.answers())
    finally:
        journey.scenario("none")
    assert failing(checks) == set()


def test_a_workspace_that_is_not_there_fails_once(journey: Journey) -> None:
    checks = by_id(look(journey, journey.answers(workspace={"name": "no-such-workspace"})))
    assert failing(list(checks.values())) == {"workspace"}
    assert "no-such-workspace" in checks["workspace"].evidence
    assert checks["quota"].status is CheckStatus.SKIPPED
    assert checks["quota"].evidence == "because of 'Workspace', which failed"
    assert checks["conda"].status is CheckStatus.OK


def test_a_grant_left_to_others_needs_no_right_to_grant(journey: Journey) -> None:
    journey.scenario("no-role-assignment-right")
    try:
        checks = by_id(look(journey, journey.answers(grants=GrantPolicy.SKIP)))
    finally:
        journey.scenario("none")
    assert checks["rights-grants"].status is CheckStatus.OK


def test_the_principal_id_in_a_variable_is_told_from_the_client_id(journey: Journey) -> None:
    answers = journey.answers(
        UAI,
        identity={"name": furnish.IDENTITY},
        deployment={
            "environment_variables": {"MY_ID": "7be6c402-95d1-4f38-a0c7-e4215d8b96fa", "MODE": "_place_holder"}
        },
    )
    checks = by_id(look(journey, answers))
    assert failing(list(checks.values())) == {"client-id", "variables"}
    change = checks["client-id"].change
    assert change is not None
    assert change.values == ("MY_ID=f530a1d8-2e74-4b9c-8d65-93c7be041fa2",)


def test_what_was_known_of_the_workspace_is_held_against_it(journey: Journey) -> None:
    space = by_id(preflight(journey.target.session, journey.answers()))["workspace"]
    assert space.evidence == "ml-dev in westeurope is Succeeded"
    known = len(journey.log())
    checks = preflight(journey.target.session, journey.answers(), Known("northeurope", "/elsewhere", None))
    paths = [row["path"] for row in journey.log()[known:]]
    assert any("/locations/westeurope/vmSizes" in path for path in paths), "it was read again"
    assert failing(checks) == set()


def test_the_last_run_in_a_workspace_saves_a_wait(journey: Journey) -> None:
    answers = journey.answers()
    run, plan = journey.workflow.plan(journey.target, answers)
    journey.workflow.journal.add_run(run, "sandbox", plan)
    advice, place = journey.workflow.advice, plan.place
    assert advice._known(answers) == Known(place.location, place.workspace_storage_id, place.registry_id)
    assert advice._known(journey.answers(workspace={"name": "ml-new"})) is None
    assert failing(advice.preflight(journey.target, answers)) == set()
