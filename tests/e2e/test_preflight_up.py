"""Preflight before `up`: what would fail is told before anything is made, and the person may go on all the same."""

from __future__ import annotations

import pexpect
import pytest

from tests.e2e.conftest import Shell

pytestmark = pytest.mark.e2e

DAMP = ("--sandbox", "--scenario", "policy-denied")


def test_what_would_fail_stops_before_anything_is_made(shell: Shell) -> None:
    before, runs = shell.tree(), shell("runs", "--json").events
    stopped = shell("up", *DAMP, "--yes", "--json")
    assert stopped.code == 1
    assert stopped.out == ""
    assert "34 checks: 33 ok, 1 failed." in stopped.err
    assert "Policies: The policy Require a tag on resources refuses what has no tag cost-center." in stopped.err
    assert "Nothing was changed. Mend it, or add --force to begin all the same." in stopped.err
    assert shell.tree() == before
    assert shell("runs", "--json").events == runs

    forced = shell("up", *DAMP, "--yes", "--json", "--force")
    assert forced.code == 1
    assert forced.last["failure"]["code"] == "RequestDisallowedByPolicy"
    assert shell("down", forced.last["run"], "--yes").code == 0
    assert shell.tree() == before


def test_at_a_terminal_it_is_asked_and_no_is_the_default(shell: Shell) -> None:
    before = shell.tree()
    program, *words = shell.command("up", *DAMP)
    person = pexpect.spawn(program, words, env=shell.environment, timeout=120, encoding="utf-8", dimensions=(50, 160))
    person.expect(r"Change the plan by one of these\? \[1/n\]")
    person.send("\r")
    person.expect("1 check failed, so the run would too. Carry it out all the same\\?")
    person.send("\r")
    person.expect("Nothing was changed.")
    person.expect(pexpect.EOF)
    person.close()
    assert person.exitstatus == 0
    assert shell.tree() == before


def test_a_plan_that_cannot_be_made_is_told_with_what_else_is_in_the_way(shell: Shell) -> None:
    refused = shell("up", "--sandbox", "--scenario", "endpoint-broken-leftover,no-quota", "--yes", "--json")
    assert refused.code == 2
    assert "was never made completely" in refused.err
    (event,) = refused.events
    assert (event["event"], event["run"]) == ("plan_refused", "")
    assert [failure["code"] for failure in event["failures"]] == ["mi-tui/broken-endpoint"]
    (why,) = event["diagnoses"]
    assert (why["rule"], why["evidence"][0]["text"]) == ("endpoint-broken", "state Failed")
    assert [fix["change"]["kind"] for fix in why["fixes"]] == ["replace-broken", "endpoint-name"]
    (name,) = why["fixes"][1]["change"]["values"]
    assert f"such as {name}." in refused.err
    assert "failed   Quota" in refused.err
    assert "failed   Leftovers" not in refused.err, "the plan's own reason says it"
    shell("doctor", "--sandbox", "--scenario", "none", check=True)


def test_at_a_terminal_a_repair_is_offered_and_makes_another_plan(shell: Shell) -> None:
    before = shell.tree()
    program, *words = shell.command("up", "--sandbox", "--scenario", "no-quota")
    person = pexpect.spawn(program, words, env=shell.environment, timeout=120, encoding="utf-8", dimensions=(60, 200))
    person.expect("1. take Standard_F2s_v2 instead")
    person.expect(r"Change the plan by one of these\? \[1/n\]")
    person.send("1\r")
    person.expect("Instance type: Standard_DS3_v2 -> Standard_F2s_v2")
    person.expect(r"Change the plan so\?")
    person.send("y\r")
    person.expect("34 checks: 34 ok.")
    person.expect(r"Carry it out\?")
    person.send("\r")
    person.expect("Nothing was changed.")
    person.expect(pexpect.EOF)
    person.close()
    assert person.exitstatus == 0
    assert shell.tree() == before
    shell("doctor", "--sandbox", "--scenario", "none", check=True)


def test_a_repair_is_offered_where_no_plan_can_be_made(shell: Shell) -> None:
    program, *words = shell.command("up", "--sandbox", "--scenario", "name-taken")
    person = pexpect.spawn(program, words, env=shell.environment, timeout=120, encoding="utf-8", dimensions=(60, 200))
    person.expect("is already taken")
    person.expect("1. name the storage account stmitui")
    person.send("1\r")
    person.expect(r"Change the plan so\?")
    person.send("y\r")
    person.expect("34 checks: 34 ok.")
    person.expect(r"Carry it out\?")
    person.send("n\r")
    person.expect(pexpect.EOF)
    person.close()
    assert person.exitstatus == 0
    shell("doctor", "--sandbox", "--scenario", "none", check=True)
