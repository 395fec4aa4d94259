"""What was seen of an endpoint, line by line; what is worth a longer read; and what there is to take instead."""

from __future__ import annotations

import pytest

from mi_tui.guide import instead, seen
from mi_tui.guide.case import GrantState, World
from mi_tui.guide.subject import Subject, Wish, wish_of
from mi_tui.guide.world import Sight
from mi_tui.model.capacity import Capacity, MachineSize, Usage
from mi_tui.model.check import CheckStatus
from mi_tui.model.failure import Failure
from mi_tui.model.instances import all_types
from mi_tui.services.deployments import DeploymentInfo

HEALTHY = World(
    subscription_state="Enabled",
    workspace="ml-dev",
    workspace_public=True,
    providers={"Microsoft.Cdn": "Registered"},
    endpoint="ep",
    endpoint_state="Succeeded",
    identity_kind="sai",
    identity_exists=True,
    principal_id="p-1",
    deployment="blue",
    deployment_state="Succeeded",
    traffic={"blue": 100},
    capacity_points=3,
    variables={"STORAGE_ACCOUNT_NAME": "st", "MY_PASSWORD": "do-not-show"},
    grants=(GrantState("grant-storage", "Reader", "/c", "container c", held=True, age=3_000.0),),
    account="st",
    account_exists=True,
    storage_public=True,
    storage_default_action="Allow",
    container="c",
    container_exists=True,
    blob="b",
    blob_exists=True,
)


def rows(**changes: object) -> dict[str, tuple[str, str]]:
    """Each line's id with its status and words, of the healthy endpoint with changes."""
    from dataclasses import replace

    found = seen.checks(Sight(replace(HEALTHY, **changes)))  # type: ignore[arg-type]
    return {row.id: (row.status.value, row.evidence) for row in found}


def test_of_a_healthy_endpoint_everything_is_ok_and_no_foreign_variable_is_shown() -> None:
    found = rows()
    assert {status for status, _ in found.values()} == {CheckStatus.OK.value}
    assert "do-not-show" not in str(found)
    assert found["variables"] == ("ok", "STORAGE_ACCOUNT_NAME=st, 1 more")
    assert found["grant-storage"] == ("ok", "held for 50 min")


@pytest.mark.parametrize(
    ("changes", "row", "status", "words"),
    [
        ({"endpoint_state": "Failed"}, "endpoint", "failed", "Failed"),
        ({"endpoint_state": "Updating"}, "endpoint", "warning", "Updating"),
        ({"deployment_state": "absent", "deployment": ""}, "deployment", "warning", "there is none"),
        ({"traffic": {"blue": 0}}, "traffic", "failed", "404"),
        ({"traffic": {"green": 100}}, "traffic", "warning", "green 100 %"),
        ({"identity_exists": False}, "identity", "failed", "not there any more"),
        ({"storage_public": False}, "storage", "warning", "closed to public networks"),
        ({"storage_default_action": "Deny"}, "storage", "warning", "firewall"),
        ({"account_exists": False}, "storage", "failed", "not there"),
        ({"container_exists": False}, "container", "failed", "not there"),
        ({"blob_exists": None}, "blob", "skipped", "may not look"),
        ({"providers": {"Microsoft.Cdn": "NotRegistered"}}, "providers", "warning", "Microsoft.Cdn NotRegistered"),
        ({"v1_legacy": True}, "workspace", "failed", "v1 legacy"),
        ({"capacity_points": 0, "deployment_state": "Creating"}, "machine", "warning", "no machine"),
        ({"subscription_state": "Disabled"}, "subscription", "failed", "Disabled"),
        (
            {"grants": (GrantState("grant-storage", "Reader", "/c", "container c", held=False),)},
            "grant-storage",
            "failed",
            "missing",
        ),
    ],
)  # fmt: skip
def test_what_is_not_as_it_must_be_has_its_mark(changes: dict[str, object], row: str, status: str, words: str) -> None:
    found = rows(**changes)
    assert found[row][0] == status
    assert words in found[row][1]


def test_what_could_not_be_read_says_why() -> None:
    sight = Sight(HEALTHY, unknown={"the metric": Failure("AuthorizationFailed", "You may not.")})
    (row,) = [row for row in seen.checks(sight) if row.status is CheckStatus.SKIPPED]
    assert row.title == "the metric"
    assert "AuthorizationFailed" in row.evidence


def test_a_failure_says_what_is_worth_a_longer_read() -> None:
    assert wish_of(Failure("BadRequest", "Not enough quota available")).sizes
    assert wish_of(Failure("ResourceNotReady", "crashed"), ["Name: OOMKilled"]).memory
    assert wish_of(Failure("AuthorizationFailed", "no")) == Wish()
    assert wish_of(Failure("BadRequest", "There is already an endpoint with this name")).names == {"endpoint"}
    build = "see the build log under the storage account 'stml' in the container 'azureml' at the path 'ImageLogs/x/build.log'"
    assert wish_of(Failure("ImageBuildFailure", build)).build == ("stml", "azureml", "ImageLogs/x/build.log")


def region(free: int) -> Capacity:
    """A region with all types, each family of which has so many cores left."""
    families = {"DS": "standardDSv2Family", "D2": "standardDASv4Family", "D4": "standardDASv4Family"}
    sizes = tuple(
        MachineSize(one.name, families.get(one.name.split("_")[1][:2], one.name), one.cores, one.memory_gib)
        for one in all_types()
    )
    return Capacity("westeurope", sizes, {size.family.lower(): Usage(size.family, 0, free) for size in sizes})


def test_what_fits_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    def take(free: int, **wish: bool) -> instead.Room:
        subject = Subject(None, "rg", "ws", "ep", wish=Wish(sizes=True, **wish))  # type: ignore[arg-type]
        mine = DeploymentInfo("", "blue", "Failed", "Standard_DS3_v2", 1, "", "", "", {})
        return instead.room(subject, region(free), mine)

    tight = take(6)
    assert tight.fit is not None
    assert tight.fit.fits is False
    assert tight.fitting
    assert all(
        one in {"Standard_DS2_v2", "Standard_D2as_v4", "Standard_F2s_v2", "Standard_E2s_v3"} for one in tight.fitting
    )
    assert take(100, memory=True).fitting[0] == "Standard_DS4_v2", "about twice as much comes first"
    assert not any("DS" in one for one in take(100, elsewhere=True).fitting)
    assert instead.room(Subject(None, "rg", "ws", "ep"), None, None) == instead.Room()  # type: ignore[arg-type]
