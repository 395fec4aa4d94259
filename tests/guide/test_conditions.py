"""Each condition: what of the world makes it hold, what makes it not hold, and that nothing known makes it unknown."""

from __future__ import annotations

from typing import Any

import pytest

from mi_tui.guide.case import NO_REGISTRY, Case, GrantState, World
from mi_tui.guide.conditions import CONDITIONS, check
from mi_tui.guide.grants import YOUNG
from mi_tui.model.capacity import Fit


def _grant(kind: str, *, held: bool | None, age: float | None = None) -> dict[str, Any]:
    role = "AcrPull" if kind == "registry" else "Storage Blob Data Reader"
    return {"grants": (GrantState(f"grant-{kind}", role, f"/scope/{kind}", f"the {kind}", held=held, age=age),)}


_UAI = {"identity_kind": "uai", "client_id": "C", "principal_id": "P"}

TABLE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "storage-grant-held": (_grant("storage", held=True), _grant("storage", held=False)),
    "storage-grant-missing": (_grant("storage", held=False), _grant("storage", held=True)),
    "storage-grant-young": (_grant("storage", held=True, age=5), _grant("storage", held=True, age=YOUNG)),
    "storage-grant-old": (_grant("storage", held=True, age=YOUNG), _grant("storage", held=True, age=5)),
    "registry-grant-missing": (_grant("registry", held=False), _grant("registry", held=True)),
    "registry-grant-young": (_grant("registry", held=True, age=5), _grant("registry", held=True, age=YOUNG)),
    "registry-grant-held": (_grant("registry", held=True), _grant("registry", held=False)),
    "workspace-grant-missing": (_grant("workspace", held=False), _grant("workspace", held=True)),
    "workspace-grant-young": (_grant("workspace", held=True, age=5), _grant("workspace", held=True, age=YOUNG)),
    "some-grant-missing": (_grant("registry", held=False), _grant("registry", held=True)),
    "network-closed": ({"storage_public": False}, {"storage_public": True, "storage_default_action": "Allow"}),
    "network-open": ({"storage_public": True, "storage_default_action": "Allow"}, {"storage_default_action": "Deny"}),
    "account-absent": ({"account_exists": False}, {"account_exists": True}),
    "account-elsewhere": (
        {"account_group": "rg-other", "resource_group": "rg"},
        {"account_group": "RG", "resource_group": "rg"},
    ),
    "account-nowhere": ({"account_group": ""}, {"account_group": "rg"}),
    "container-absent": ({"container_exists": False}, {"container_exists": True}),
    "blob-absent": ({"blob_exists": False}, {"blob_exists": True}),
    "keys-off": ({"shared_keys": False}, {"shared_keys": True}),
    "workspace-keys-off": ({"workspace_shared_keys": False}, {"workspace_shared_keys": True}),
    "registry-none": ({"registry_id": NO_REGISTRY}, {"registry_id": "/registries/r"}),
    "workspace-elsewhere": ({"workspace_group": "rg-other", "resource_group": "rg"}, {"workspace_group": "RG", "resource_group": "rg"}),
    "workspace-private": ({"workspace_public": False}, {"workspace_public": True}),
    "v1-legacy": ({"v1_legacy": True}, {"v1_legacy": False}),
    "managed-network-not-ready": ({"managed_network": "Inactive"}, {"managed_network": "Active"}),
    "subscription-not-enabled": ({"subscription_state": "Disabled"}, {"subscription_state": "Enabled"}),
    "may-not-grant": ({"may_grant": False}, {"may_grant": True}),
    "identity-gone": ({"identity_exists": False}, {"identity_exists": True}),
    "identity-uai": ({"identity_kind": "uai"}, {"identity_kind": "sai"}),
    "identity-sai": ({"identity_kind": "sai"}, {"identity_kind": "uai"}),
    "clock-off": ({"clock_skew": -400.0}, {"clock_skew": 20.0}),
    "something-fits": ({"fitting": ("Standard_DS2_v2",)}, {}),
    "providers-unregistered": ({"providers": {"Microsoft.Cdn": "NotRegistered"}}, {"providers": {"Microsoft.Cdn": "Registered"}}),
    "variable-placeholder": ({"variables": {"FILE_NAME": "file_place_holder"}}, {"variables": {"FILE_NAME": "a.txt"}}),
    "client-id-missing": ({**_UAI, "variables": {}}, {**_UAI, "variables": {"UAI_CLIENT_ID": "c"}}),
    "client-id-is-principal": ({**_UAI, "variables": {"UAI_CLIENT_ID": "p"}}, {**_UAI, "variables": {"UAI_CLIENT_ID": "c"}}),
    "client-id-other": ({**_UAI, "variables": {"UAI_CLIENT_ID": "x"}}, {**_UAI, "variables": {"UAI_CLIENT_ID": "c"}}),
    "client-id-right": ({**_UAI, "variables": {"UAI_CLIENT_ID": "c"}}, {**_UAI, "variables": {}}),
    "conda-lacks-server": (
        {"conda": "dependencies:\n  - pip:\n      # azureml-inference-server-http\n      - requests"},
        {"conda": "dependencies:\n  - pip:\n      - azureml_inference_server_http==1.5.1"},
    ),
    "conda-old-python": ({"conda": "dependencies:\n  - python=3.7"}, {"conda": "dependencies:\n  - python=3.12"}),
    "quota-short": ({"fit": Fit(8, 6)}, {"fit": Fit(4, 6)}),
    "no-traffic": ({"traffic": {"blue": 0}}, {"traffic": {"blue": 100}}),
    "no-machine": ({"deployment_state": "Creating", "capacity_points": 0}, {"deployment_state": "Creating", "capacity_points": 2}),
    "endpoint-failed": ({"endpoint_state": "Failed"}, {"endpoint_state": "Succeeded"}),
    "endpoint-busy": ({"endpoint_state": "Updating"}, {"endpoint_state": "Succeeded"}),
    "endpoint-absent": ({"endpoint_state": "absent"}, {"endpoint_state": "Succeeded"}),
    "deployment-there": ({"deployment_state": "Succeeded"}, {"deployment_state": "absent"}),
    "deployment-failed": ({"deployment_state": "Failed"}, {"deployment_state": "Succeeded"}),
    "deployment-succeeded": ({"deployment_state": "Succeeded"}, {"deployment_state": "Failed"}),
    "deployment-creating": ({"deployment_state": "Creating"}, {"deployment_state": "Failed"}),
}  # fmt: skip


def test_the_table_has_every_condition() -> None:
    assert set(TABLE) | {"reads-elsewhere", "build-ends-in-pip"} == set(CONDITIONS)


@pytest.mark.parametrize(
    ("end", "holds"),
    [
        ("Installing pip dependencies: ...working... \n", True),
        ("Installing pip dependencies: ...working... Pip subprocess error:\nfailed", False),
        ("Installing pip dependencies: ...working... done\na\nb\nc", False),
        ("", None),
    ],
)
def test_a_build_that_ends_while_pip_is_at_work(end: str, holds: bool | None) -> None:
    lines = ("Step 3", *end.splitlines()) if end else ()
    assert check("build-ends-in-pip", Case(logs={"build": lines})).holds is holds
    assert check("build-ends-in-pip", Case(text="\n".join(lines))).holds is holds


@pytest.mark.parametrize(
    ("line", "scope", "holds"),
    [
        ("403: AuthorizationPermissionMismatch: principal p could not read nope/a.txt in st1", "/st1/containers/inputs", True),
        ("403: AuthorizationPermissionMismatch: principal p could not read inputs/a.txt in st2", "/st1/containers/inputs", True),
        ("403: AuthorizationPermissionMismatch: principal p could not read inputs/a.txt in st1", "/st1/containers/inputs", False),
        ("403: AuthorizationPermissionMismatch: principal p could not read nope/a.txt in st1", "/st1", False),
        ("HTTPError: 403 Client Error: x for url: https://st1.blob.core.windows.net/nope/a.txt", "/st1/containers/inputs", True),
        ("HTTPError: 403 Client Error: x for url: https://st1.blob.core.windows.net/inputs/a.txt", "/st1/containers/inputs", False),
        ("HTTPError: 403 Client Error: x for url: https://api.github.com/", "/st1/containers/inputs", None),
        ("all is well", "/st1/containers/inputs", None),
    ],
)  # fmt: skip
def test_what_the_log_says_was_read_is_held_against_the_grant(line: str, scope: str, holds: bool | None) -> None:
    grants = (GrantState("grant-storage", "Storage Blob Data Reader", scope, "container inputs", held=True),)
    world = World(account="st1", container="inputs", grants=grants)
    assert check("reads-elsewhere", Case(logs={"inference-server": (line,)}, world=world)).holds is holds


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_condition_holds_does_not_hold_and_is_unknown(name: str) -> None:
    yes, no = (Case(world=World(**known)) for known in TABLE[name])
    found = check(name, yes)
    assert found.holds is True
    assert found.evidence, "what holds is shown"
    assert all(one.source and one.text for one in found.evidence)
    assert check(name, no).holds is False
    assert check(f"not {name}", yes).holds is False
    assert check(f"not {name}", no).holds is True
    if name != "something-fits":
        assert check(name, Case()).holds is None
        assert check(f"not {name}", Case()).holds is None


def test_what_azure_tells_of_the_states_comes_before_what_was_read_earlier() -> None:
    case = Case(states={"deployment": "Failed"}, world=World(deployment_state="Creating"))
    assert check("deployment-failed", case).holds


def test_a_grant_without_its_age_is_neither_young_nor_old() -> None:
    case = Case(world=World(**_grant("storage", held=True)))
    assert check("storage-grant-young", case).holds is None
    assert check("storage-grant-old", case).holds is None
