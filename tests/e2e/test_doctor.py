"""`mi-tui doctor`, as a person calls it: with and without answers, as text and as JSON, masked, and by its exit code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mi_tui.guide.preflight import TABLE
from tests.e2e.conftest import Shell

pytestmark = pytest.mark.e2e

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MEMBERS = ["id", "title", "status", "evidence", "why", "advice", "command", "change", "seconds"]


def test_a_calm_world_as_text_and_as_json(shell: Shell) -> None:
    world = shell.tree()
    text = shell("doctor", "--sandbox", "--scenario", "none", check=True)
    assert f"{len(TABLE)} checks: {len(TABLE)} ok." in text.out
    for group in ("Sign-in", "Workspace", "Rights", "Storage", "Endpoint", "Machine", "Files"):
        assert f"\n{group}\n" in f"\n{text.out}"
    told = shell("doctor", "--sandbox", "--identity", "uai", "--json", check=True)
    assert [check["id"] for check in told.events] == [spec.id for spec in TABLE]
    assert all(list(check) == MEMBERS for check in told.events)
    assert {check["status"] for check in told.events} == {"ok"}
    assert shell.tree() == world


def test_what_would_fail_ends_with_1_and_says_what_to_do(shell: Shell) -> None:
    failing = shell("doctor", "--sandbox", "--scenario", "no-quota,provider-unregistered", "--mask")
    assert failing.code == 1
    assert "failed   Quota: Standard_DS3_v2 x 1 needs 8 cores, 6 free" in failing.out
    assert "Why it matters: Azure refuses a deployment whose cores the quota does not have." in failing.out
    assert "Command: az provider register --namespace Microsoft.Cdn" in failing.out
    assert "mi-tui can take Standard_F2s_v2 instead" in failing.out
    assert "2 failed" in failing.out
    assert not GUID.search(failing.out), "ids are masked"
    assert "you@contoso.example" not in failing.out
    told = {check["id"]: check for check in shell("doctor", "--sandbox", "--json").events}
    assert told["quota"]["change"] == {"kind": "instance-type", "values": ["Standard_F2s_v2"]}
    assert told["providers"]["change"]["kind"] == "register"
    shell("doctor", "--sandbox", "--scenario", "none", check=True)


def test_an_answers_file_whose_files_are_wrong_is_checked_all_the_same(shell: Shell, tmp_path: Path) -> None:
    answers = tmp_path / "answers.yaml"
    text = shell("answers", "--sandbox", check=True).out
    answers.write_text(re.sub(r"conda: .*", "conda: nowhere.yaml", text))
    found = shell("doctor", "--sandbox", str(answers))
    assert found.code == 1
    assert f"failed   Conda file: {tmp_path / 'nowhere.yaml'} cannot be read" in found.out
    assert "skipped  Inference server: because of 'Conda file', which failed" in found.out
    assert "ok       Quota" in found.out
    assert shell("plan", "--sandbox", str(answers)).code == 2


def test_bad_input_ends_with_2_and_starts_nothing(lone_shell: Shell, tmp_path: Path) -> None:
    answers = tmp_path / "answers.yaml"
    answers.write_text("workspace: {name: 5}\n")
    for words in (
        ("doctor", str(answers), "--sandbox"),
        ("doctor", "--scenario", "no-quota"),
        ("doctor", "--identity", "sai"),
    ):
        done = lone_shell(*words)
        assert done.code == 2, words
        assert done.out == ""
    assert not (lone_shell.home / "sandbox").exists()


def test_without_answers_it_checks_what_needs_none(shell: Shell) -> None:
    inside = shell("sandbox", "run", "--", *shell.command("doctor", "--sign-in", "environment"))
    assert inside.code == 0, inside.err
    assert "ok       Subscriptions: Contoso Dev" in inside.out
    assert "With an answers file" in inside.err
