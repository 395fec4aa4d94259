"""Each scenario: what Azure says in it, seen in the whole journey, and what then helps."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mi_tui.model.answers import Answers, IdentityKind
from mi_tui.sandbox import furnish
from mi_tui.services import endpoints
from mi_tui.services.errors import ServiceError
from tests.scenarios.journey import Journey, Outcome

Remedy = Callable[[Journey, Path], Outcome]


@dataclass(frozen=True)
class Case:
    """One scenario's run. `code` and `words` are the failure's, empty for one that is waited out; of two failures at a time, `words`
    may be in the request log instead. `log` is in the container's log or in the request log. `remedy` must end in a scored answer;
    `before` looks at the scenario with single requests."""

    scenario: str
    code: str = ""
    words: str = ""
    log: str = ""
    kind: IdentityKind = IdentityKind.SAI
    remedy: Remedy | None = None
    before: Callable[[Journey], str] | None = None

    @property
    def rule(self) -> str:
        """The rule of the diagnosis that comes first; empty for a scenario that is waited out."""
        return RULES.get(self.scenario, "")


RULES = {
    "missing-role": "storage-role-missing",
    "no-role-assignment-right": "grant-right-missing",
    "conditional-rbac-admin": "grant-condition",
    "reader-only": "right-missing",
    "provider-unregistered": "provider-unregistered",
    "no-quota": "quota-family",
    "policy-denied": "policy-tag",
    "key-access-disabled": "workspace-keys-off",
    "storage-network-closed": "storage-network-closed",
    "registry-missing": "registry-absent",
    "name-taken": "storage-name-taken",
    "endpoint-exists-other-identity": "identity-immutable",
    "endpoint-broken-leftover": "endpoint-broken",
    "image-build-failure": "package-conflict",
    "missing-package": "module-missing",
    "missing-server": "server-missing",
    "bad-scoring-script": "file-not-found",
    "out-of-memory": "out-of-memory",
    "service-error": "internal-error",
}
"""Scenario -> the rule of the diagnosis that is to come first in it."""


def _resume(journey: Journey, _folder: Path) -> Outcome:
    return journey.resume()


def _administrator(journey: Journey, _folder: Path) -> Outcome:
    # Somebody who may gives the person the right; in the sandbox that is the end of the scenario.
    journey.scenario("none")
    return journey.resume()


def _register(journey: Journey, _folder: Path) -> Outcome:
    subscription = f"/subscriptions/{journey.connection.subscription}"
    for namespace in ("Microsoft.PolicyInsights", "Microsoft.Cdn"):
        assert journey.arm("POST", f"{subscription}/providers/{namespace}/register", version="2021-04-01")[0] == 200
        until(
            lambda path=f"{subscription}/providers/{namespace}": (
                journey.arm("GET", path, version="2021-04-01")[1][  # type: ignore[misc]
                    "registrationState"
                ]
                == "Registered"
            )
        )
    return journey.resume()


def _size(name: str) -> Remedy:
    return lambda journey, _folder: journey.up(journey.answers(deployment={"instance_type": name}))


def _tag(journey: Journey, _folder: Path) -> Outcome:
    return journey.up(journey.answers(tags={"cost-center": "4711"}))


def _open_accounts(property_: str, value: object) -> Remedy:
    def remedy(journey: Journey, _folder: Path) -> Outcome:
        accounts = f"{journey.group}/providers/Microsoft.Storage/storageAccounts"
        for account in journey.arm("GET", accounts, version="2023-05-01")[1]["value"]:
            body = {"properties": {property_: value}}
            assert journey.arm("PATCH", account["id"], body, version="2023-05-01")[0] == 200
        return journey.resume()

    return remedy


def _other_conda(journey: Journey, folder: Path) -> Outcome:
    answers = journey.answers()
    text = Path(answers.deployment.conda).read_text().replace("name: mi-tui-scoring", "name: mended")
    mended = folder / "conda.yaml"
    mended.write_text(text)
    return journey.up(journey.answers(deployment={"conda": str(mended)}))


def _other_script(journey: Journey, folder: Path) -> Outcome:
    code = folder / "code"
    shutil.copytree(journey.answers().deployment.code, code)
    with (code / "score.py").open("a") as script:
        script.write("# mended\n")
    return journey.up(journey.answers(deployment={"code": str(code)}))


def _other_name(journey: Journey, _folder: Path) -> Outcome:
    outcome = journey.up()
    # The account's name was the first fault; of the endpoint's the next run hears.
    return outcome if outcome.scored else journey.up()


def _delete_endpoint(journey: Journey, _folder: Path) -> Outcome:
    name = next(
        entry["path"].rsplit("/", 1)[-1]
        for entry in reversed(journey.log())
        if "/onlineEndpoints/ep-mi-tui-" in entry["path"] and entry["status"] == 200
    )
    endpoints.delete(
        journey.target.session,
        journey.connection.resource_group,
        journey.connection.workspace,
        name,
        lambda _status: None,
    )
    return journey.up(journey.answers(endpoint={"name": name}))


def _furnished_storage(journey: Journey, _folder: Path) -> Outcome:
    storage = {"account": furnish.KEYLESS_ACCOUNT, "blob": furnish.WELCOME, "upload": None}
    return journey.up(journey.answers(storage=storage))


def _registry_first(journey: Journey, _folder: Path) -> Outcome:
    # The first build makes the registry: with a system-assigned identity Azure itself grants AcrPull on it.
    first = journey.up()
    return journey.up(journey.answers(IdentityKind.UAI)) if first.scored else first


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


# ---- Azure's own answers, where the plan says something before it comes to them


def _endpoint_body(kind: str = "SystemAssigned") -> dict[str, object]:
    return {"location": "westeurope", "identity": {"type": kind}, "properties": {"authMode": "Key"}}


def _words(answer: dict[str, Any]) -> str:
    """Code and message of an error and of what is inside it."""
    error = answer["error"]
    return " ".join(f"{part['code']}: {part['message']}" for part in (error, *error.get("details", ())))


def _put_endpoint(name: str) -> Callable[[Journey], str]:
    def ask(journey: Journey) -> str:
        _, answer = journey.arm("PUT", f"{journey.workspace}/onlineEndpoints/{name}", _endpoint_body())
        return _words(answer)

    return ask


def _put_deployment(name: str, *, make: bool = False) -> Callable[[Journey], str]:
    def ask(journey: Journey) -> str:
        endpoint = f"{journey.workspace}/onlineEndpoints/{name}"
        body = {"location": "westeurope", "properties": {"instanceType": "Standard_DS3_v2"}}
        if make:
            assert journey.arm("PUT", endpoint, _endpoint_body())[0] == 201
            until(lambda: journey.arm("GET", endpoint)[1]["properties"]["provisioningState"] == "Updating")
        _, answer = journey.arm("PUT", f"{endpoint}/deployments/blue", body)
        if make:
            until(lambda: journey.arm("GET", endpoint)[1]["properties"]["provisioningState"] == "Succeeded")
            journey.arm("DELETE", endpoint)
            until(lambda: journey.arm("GET", endpoint)[0] == 404)
        return _words(answer)

    return ask


def _reuse_name(journey: Journey) -> str:
    account = f"{journey.group}/providers/Microsoft.Storage/storageAccounts/{furnish.DATA_ACCOUNT}"
    container = f"{account}/blobServices/default/containers/again"
    for method, status in (("PUT", 201), ("DELETE", 200), ("PUT", 409)):
        assert journey.arm(method, container, {} if method == "PUT" else None, "2023-05-01")[0] == status
    endpoint = f"{journey.workspace}/onlineEndpoints/ep-again"
    for method in ("PUT", "DELETE"):
        assert journey.arm(method, endpoint, _endpoint_body() if method == "PUT" else None)[0] in {201, 202}
        until(
            lambda: (
                journey.arm("GET", endpoint)[1].get("properties", {}).get("provisioningState") in {None, "Succeeded"}
            )
        )
    return _words(journey.arm("PUT", endpoint, _endpoint_body())[1])


def _attach(journey: Journey) -> str:
    session, connection = journey.target.session, journey.connection
    identity = f"{journey.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{furnish.IDENTITY}"
    try:
        endpoints.create(
            session, connection.resource_group, connection.workspace, "ep-attach",
            identity_id=identity, tags={}, watch=lambda _status: None, stop=threading.Event(),
        )  # fmt: skip
    except ServiceError as error:
        return f"{error.failure.code} {error.failure.message}"
    return "it was attached"


CASES = (
    Case(
        "missing-role",
        "ResourceNotReady",
        "User container has crashed",
        "AuthorizationPermissionMismatch",
        remedy=_resume,
    ),
    Case("slow-propagation", log="has not propagated yet"),
    Case(
        "no-role-assignment-right",
        "AuthorizationFailed",
        "'Microsoft.Authorization/roleAssignments/write'",
        remedy=_administrator,
    ),
    Case("conditional-rbac-admin", "AuthorizationFailed", "or an ABAC condition not fulfilled", remedy=_administrator),
    Case(
        "reader-only",
        "AuthorizationFailed",
        "'Microsoft.Storage/storageAccounts/write'",
        "LinkedAuthorizationFailed",
        remedy=_furnished_storage,
        before=_attach,
    ),
    Case(
        "provider-unregistered",
        "SubscriptionNotRegistered",
        "Resource provider [N/A] isn't registered",
        remedy=_register,
    ),
    Case("no-quota", "BadRequest", "Current usage/limit: 0/6. Additional needed: 8", remedy=_size("Standard_DS2_v2")),
    Case("policy-denied", "RequestDisallowedByPolicy", "was disallowed by policy. Policy identifiers:", remedy=_tag),
    Case(
        "key-access-disabled",
        words="KeyBasedAuthenticationNotPermitted",
        remedy=_open_accounts("allowSharedKeyAccess", True),
    ),
    Case(
        "storage-network-closed",
        "AuthorizationFailure",
        "This request is not authorized to perform this operation.",
        remedy=_open_accounts("publicNetworkAccess", "Enabled"),
    ),
    Case("registry-missing", words="no container registry yet", kind=IdentityKind.UAI, remedy=_registry_first),
    Case(
        "name-taken",
        words="is already taken.",
        log="There is already an endpoint with this name",
        remedy=_other_name,
        before=_put_endpoint("ep-taken"),
    ),
    Case(
        "endpoint-exists-other-identity",
        words="exists with a user-assigned identity",
        log="The identity of an endpoint cannot be changed",
        before=_put_endpoint("ep-shared-scoring"),
        remedy=lambda journey, _folder: journey.up(),
    ),
    Case(
        "endpoint-broken-leftover",
        words="was never made completely",
        log="This endpoint has not been created successfully",
        before=_put_deployment("ep-leftover"),
        remedy=_delete_endpoint,
    ),
    Case("delete-lag", log="The specified resource was not found.", before=_reuse_name),
    Case(
        "stuck-updating",
        log="because it is in Updating provisioning state",
        before=_put_deployment("ep-busy", make=True),
    ),
    Case("image-build-failure", "ImageBuildFailure", "at the path 'ImageLogs/", remedy=_other_conda),
    Case(
        "missing-package",
        "ResourceNotReady",
        "User container has crashed",
        "No module named 'azure.storage'",
        remedy=_other_conda,
    ),
    Case(
        "missing-server",
        "ResourceNotReady",
        "Back-off restarting",
        "Package(s) not found: azureml-inference-server-http",
        remedy=_other_conda,
    ),
    Case("bad-scoring-script", "ResourceNotReady", "User container has crashed", "modell.pkl", remedy=_other_script),
    Case(
        "out-of-memory",
        "OutOfQuota",
        "Container terminated due to insufficient memory",
        "OOMKilled",
        remedy=_size("Standard_DS4_v2"),
    ),
    Case("subscription-owner"),
    Case("throttled", log="SubscriptionRequestsThrottled"),
    Case("flaky-network", log="connection cut"),
    Case("expired-token", log="ExpiredAuthenticationToken"),
    Case("service-error", "InternalServerError", "#error-internalservererror", remedy=_resume),
)
"""All but no-capacity, which never ends: that one has a test of its own."""


@dataclass(frozen=True)
class Seen:
    """What one case showed."""

    case: Case
    first: Outcome
    asked: str
    logged: str
    remedied: Outcome | None


def run(journey: Journey, case: Case, folder: Path) -> Seen:
    """Go through a case, and leave the sandbox without scenario and without what was made."""
    journey.scenario(case.scenario)
    known = len(journey.log())
    try:
        asked = case.before(journey) if case.before else ""
        first = journey.up(answers_of(journey, case))
        remedied = case.remedy(journey, folder) if case.remedy else None
        rows = [f"{row['code']} {row['decision']}" for row in journey.log()[known:]]
        return Seen(case, first, asked, "\n".join(rows), remedied)
    finally:
        journey.down()
        journey.scenario("none")


def answers_of(journey: Journey, case: Case) -> Answers:
    """The example's answers with the identity of a case."""
    return journey.answers(case.kind)
