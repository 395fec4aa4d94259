"""The az commands of a plan: what is in them, that a shell takes them as they are meant, and what is left out."""

from __future__ import annotations

import subprocess

import msgspec
import pytest
import yaml

from mi_tui.model.answers import IdentityKind
from mi_tui.model.commands import commands, script
from mi_tui.model.plan import Action, Plan, PlannedStep
from tests.screens.plans import a_plan


def lines(plan: Plan) -> list[str]:
    return [command.text for command in commands(plan)]


def one(plan: Plan, beginning: str) -> str:
    (found,) = [text for text in lines(plan) if beginning in text]
    return " ".join(found.replace("\\\n", " ").split())


def test_a_system_assigned_plan_by_hand() -> None:
    plan = a_plan()
    assert one(plan, "az storage account create").startswith(
        "az storage account create --name stdemo --resource-group rg-ml-dev"
    )
    assert "--min-tls-version TLS1_2 --allow-blob-public-access false" in one(plan, "az storage account create")
    assert "--account-name stdemo --auth-mode login" in one(plan, "az storage container create")
    assert one(plan, "az storage blob upload").endswith("--file /data/hello.txt --auth-mode login")
    assert "--query identity.principal_id" in one(plan, "PRINCIPAL_ID=$(az ml online-endpoint show")
    grant = one(plan, "az role assignment create")
    assert '--assignee-object-id "$PRINCIPAL_ID" --assignee-principal-type ServicePrincipal' in grant
    assert "--role 'Storage Blob Data Reader'" in grant
    assert grant.endswith("/containers/inputs")
    assert one(plan, "az ml online-deployment create").endswith("--file deployment.yml --all-traffic")
    assert "--request-file /data/request.json" in one(plan, "az ml online-endpoint invoke")
    assert not any("identity create" in text for text in lines(plan))


def test_a_user_assigned_plan_makes_the_identity_and_tells_the_script() -> None:
    plan = a_plan(IdentityKind.UAI)
    assert "az identity create" in script(plan)
    assert "--query principalId" in script(plan)
    assert 'identity.user_assigned_identities[0].resource_id="$IDENTITY_ID"' in one(
        plan, "az ml online-endpoint create"
    )
    assert one(plan, "az ml online-deployment create").endswith(
        '--set environment_variables.UAI_CLIENT_ID="$CLIENT_ID"'
    )
    assert sum("az role assignment create" in text for text in lines(plan)) == 3


def test_what_exists_needs_no_command() -> None:
    plan = a_plan()
    used = tuple(msgspec.structs.replace(item, action=Action.USE) for item in plan.resources)
    held = tuple(msgspec.structs.replace(grant, exists=True) for grant in plan.grants)
    text = script(msgspec.structs.replace(plan, resources=used, grants=held))
    for gone in ("account create", "container create", "blob upload", "online-endpoint create", "role assignment"):
        assert gone not in text
    assert "az ml online-deployment create" in text


def test_a_provider_that_the_run_registers_is_waited_for() -> None:
    plan = a_plan()
    step = PlannedStep("register-Microsoft.Cdn", "register Microsoft.Cdn", "needed")
    plan = msgspec.structs.replace(plan, steps=(step, *plan.steps))
    assert plan.registers == ("Microsoft.Cdn",)
    assert "az provider register \\\n    --namespace Microsoft.Cdn \\\n    --wait" in script(plan)


def test_a_skipped_grant_is_there_as_a_comment_only() -> None:
    plan = a_plan()
    skipped = tuple(msgspec.structs.replace(grant, skipped=not grant.automatic) for grant in plan.grants)
    (grant,) = [text for text in lines(msgspec.structs.replace(plan, grants=skipped)) if "role assignment" in text]
    assert all(line.startswith("# ") for line in grant.splitlines())


@pytest.mark.parametrize("kind", list(IdentityKind))
def test_a_shell_takes_every_word_as_it_is_meant(kind: IdentityKind) -> None:
    plan = a_plan(kind, upload="/data/it's $HOME; rm -rf.txt", tags={"team": "a b$(id)"})
    found = subprocess.run(
        ["bash", "-ec", f"cat() {{ command cat >/dev/null; }}; az() {{ printf '%s\\n' \"$@\"; }}\n{script(plan)}"],
        capture_output=True,
        text=True,
        check=True,
        cwd="/tmp",
    )
    words = found.stdout.splitlines()
    assert "/data/it's $HOME; rm -rf.txt" in words
    assert "team=a b$(id)" in words
    assert found.stderr == ""


def test_the_deployment_file_is_yaml_with_what_the_script_needs() -> None:
    (text,) = [text for text in lines(a_plan()) if "deployment.yml <<" in text]
    about = yaml.safe_load(text.split("<<'YAML'\n")[1].split("\nYAML")[0])
    assert about["environment_variables"] == {
        "STORAGE_ACCOUNT_NAME": "stdemo",
        "STORAGE_CONTAINER_NAME": "inputs",
        "FILE_NAME": "hello.txt",
    }
    assert about["code_configuration"] == {"code": "/data/code", "scoring_script": "score.py"}
    assert about["instance_count"] == 1


def test_half_a_character_breaks_nothing() -> None:
    plan = a_plan(tags={"team\ud800": "x\udfffy"})
    text = script(plan)
    text.encode()
    assert "team?=x?y" in text
    assert "team?: x?y" in text
