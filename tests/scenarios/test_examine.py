"""An endpoint examined as it is broken: each time the right cause comes first, and nothing but reads is asked of Azure for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mi_tui.model.answers import IdentityKind, Workspace
from mi_tui.model.examination import Examination
from mi_tui.services import grants
from tests.e2e.conftest import environment_cache
from tests.scenarios.cases import until
from tests.scenarios.journey import Journey, opened

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

__all__ = ["environment_cache"]

PLACEHOLDERS = {
    "STORAGE_ACCOUNT_NAME": "storage_place_holder",
    "STORAGE_CONTAINER_NAME": "container_place_holder",
    "FILE_NAME": "file_place_holder",
}


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory, environment_cache: Path) -> Iterator[Journey]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MI_TUI_SANDBOX_CACHE", str(environment_cache))
        with opened(tmp_path_factory.mktemp("examine") / "home") as found:
            yield found


class Patient:
    """An endpoint that a run made, to be broken by hand."""

    def __init__(self, journey: Journey, kind: IdentityKind) -> None:
        self.journey = journey
        outcome = journey.up(journey.answers(kind))
        assert outcome.scored, outcome.message
        self.record = journey.workflow.journal.run(journey.runs[-1])
        self.name = self.record.plan.answers.endpoint.name
        self.id = f"{journey.workspace}/onlineEndpoints/{self.name}"
        self.principal = journey.workflow.journal.facts(self.record.id)["principal_id"]

    def examined(self, deployment: str = "") -> Examination:
        """What is seen of it, by reads alone."""
        at = self.journey.connection
        asked = len(self.journey.log())
        seen = self.journey.workflow.advice.examine(
            self.journey.target, Workspace(at.subscription, at.resource_group, at.workspace), self.name, deployment
        )
        for row in self.journey.log()[asked:]:
            assert row["method"] in {"GET", "HEAD"} or row["path"].endswith(("/getLogs", "/token")), row
        return seen

    def traffic(self, **shares: int) -> None:
        body: dict[str, Any] = self.journey.arm("GET", self.id)[1]
        body["properties"]["traffic"] = shares
        assert self.journey.arm("PUT", self.id, body)[0] == 200
        until(lambda: self.journey.arm("GET", self.id)[1]["properties"]["provisioningState"] == "Succeeded")

    def deploy(self, name: str, variables: dict[str, str]) -> str:
        """Deploy the same with other variables; the state that it ends in."""
        body: dict[str, Any] = self.journey.arm("GET", f"{self.id}/deployments/blue")[1]
        body["properties"].pop("provisioningState")
        body["properties"]["environmentVariables"] = variables
        path = f"{self.id}/deployments/{name}"
        assert self.journey.arm("PUT", path, body)[0] == 201
        until(
            lambda: self.journey.arm("GET", path)[1]["properties"]["provisioningState"] in {"Succeeded", "Failed"}, 120
        )
        return str(self.journey.arm("GET", path)[1]["properties"]["provisioningState"])


def test_a_healthy_endpoint_is_said_to_be_so_and_each_thing_that_is_broken_is_found(journey: Journey) -> None:
    patient = Patient(journey, IdentityKind.SAI)
    well = patient.examined()
    assert well.healthy, well.words
    assert not well.diagnoses
    assert {check.id for check in well.checks} >= {
        "endpoint",
        "deployment",
        "identity",
        "traffic",
        "grant-storage",
        "storage",
    }

    patient.traffic(blue=0)
    assert patient.examined().diagnoses[0].rule == "endpoint-without-traffic"
    patient.traffic(blue=100)

    scope = next(grant.scope for grant in patient.record.plan.grants if grant.key == "grant-storage")
    (held,) = grants.list_for(journey.target.session, scope, patient.principal)
    grants.delete(journey.target.session, held.id)
    robbed = patient.examined()
    assert not robbed.healthy
    assert robbed.diagnoses[0].rule == "some-grant-missing"
    assert any(patient.principal in item.text for item in robbed.diagnoses[0].evidence)
    assert "az role assignment create" in robbed.diagnoses[0].fixes[0].command

    assert patient.deploy("green", PLACEHOLDERS) == "Failed"
    # Of two deployments, the one in trouble is looked at.
    confused = patient.examined()
    assert confused.deployment == "green"
    assert confused.diagnoses[0].rule == "variable-placeholder"
    assert patient.examined("blue").deployment == "blue"
    journey.arm("DELETE", f"{patient.id}/deployments/green")
    until(lambda: journey.arm("GET", f"{patient.id}/deployments/green")[0] == 404)
    journey.down()


@pytest.mark.long
def test_a_client_id_that_is_the_principal_is_found(journey: Journey) -> None:
    patient = Patient(journey, IdentityKind.UAI)
    variables = journey.arm("GET", f"{patient.id}/deployments/blue")[1]["properties"]["environmentVariables"]
    assert patient.deploy("green", {**variables, "UAI_CLIENT_ID": patient.principal}) == "Failed"
    seen = patient.examined("green")
    assert seen.diagnoses[0].rule == "client-id-is-principal", [one.rule for one in seen.diagnoses]
    journey.arm("DELETE", f"{patient.id}/deployments/green")
    until(lambda: journey.arm("GET", f"{patient.id}/deployments/green")[0] == 404)
    journey.down()
