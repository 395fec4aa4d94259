"""`mi-tui diagnose`: what is bad input, and texts from a file or standard input, for which nobody is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mi_tui.cli.main import cli

TRACEBACK = "ModuleNotFoundError: No module named 'azure.storage'\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MI_TUI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["last", "--endpoint", "ep-x"], "not both"),
        (["--deployment", "blue", "last"], "go with --endpoint"),
        (["--endpoint", "1x", "--sandbox"], "no valid endpoint name"),
        (["--endpoint", "ep-x"], "needs to know where"),
        (["--endpoint", "ep-x", "--subscription", "mine"], "GUID"),
        (["--endpoint", "ep-x", "--deployment", "a b", "--sandbox"], "no valid deployment name"),
    ],
)
def test_bad_input(words: list[str], said: str) -> None:
    result = CliRunner().invoke(cli, ["diagnose", *words])
    assert result.exit_code == 2, result.output
    assert said in result.output


def test_a_text_from_a_file_or_standard_input(home: Path) -> None:
    (home / "error.txt").write_text(TRACEBACK)
    for words, given in ((["error.txt"], None), (["-"], TRACEBACK), ([], TRACEBACK)):
        result = CliRunner().invoke(cli, ["diagnose", *words, "--json"], input=given, standalone_mode=False)
        assert result.return_value == 0, result.output
        assert json.loads(result.output)["diagnoses"][0]["rule"] != "unknown"
    told = CliRunner().invoke(cli, ["diagnose", "error.txt"])
    assert "What to do:" in told.output
    assert "azure-storage-blob" in told.output


def test_a_text_that_no_rule_fits_is_said_to_be_unknown() -> None:
    result = CliRunner().invoke(cli, ["diagnose", "-"], input="the dog ate it\n", standalone_mode=False)
    assert result.return_value == 1
    assert "not known" in result.output


def test_nothing_to_read_and_no_such_run() -> None:
    empty = CliRunner().invoke(cli, ["diagnose", "-"], input=" \n")
    assert empty.exit_code == 2
    assert "nothing to read" in empty.output
    done = subprocess.run(
        [sys.executable, "-m", "mi_tui", "diagnose", "abcd"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )  # fmt: skip
    assert done.returncode == 2
    assert "There is no run 'abcd'" in done.stderr


def test_the_first_diagnosis_is_told_in_full_and_further_ones_in_a_line_each() -> None:
    text = f"There is already an endpoint with this name\n{TRACEBACK}"
    said = CliRunner().invoke(cli, ["diagnose", "-"], input=text).output
    assert said.count("What to do:") == 1
    assert "It also speaks of:\n  - The environment lacks a package" in said
    assert "(likely; module-missing)" in said
    assert "Words in capitals" in said


def test_json_has_cause_evidence_confidence_fixes_links_and_what_support_asks_for() -> None:
    text = "(InternalServerError) Internal error.\nx-ms-request-id: 4e1c2a37-1c0f-4f53-9f0c-0d2b2f1f9b3b"
    told = json.loads(CliRunner().invoke(cli, ["diagnose", "-", "--json"], input=text).output)["diagnoses"][0]
    assert told["rule"] == "internal-error"
    assert told["confidence"] == "likely"
    assert told["support"] == [{"source": "request id", "text": "4e1c2a37-1c0f-4f53-9f0c-0d2b2f1f9b3b"}]
    assert {"cause", "evidence", "fixes", "links", "question"} <= set(told)


def test_the_end_of_a_very_long_log_is_read(home: Path) -> None:
    (home / "long.log").write_text("2026-11-29 23:39:14 I azmlinfsrv - Starting up\n" * 200_000 + TRACEBACK)
    told = CliRunner().invoke(cli, ["diagnose", "long.log", "--json"])
    assert json.loads(told.output)["diagnoses"][0]["rule"] == "module-missing"


@pytest.mark.parametrize("name", ["no-such-file.txt", "./abcd", "."])
def test_a_file_that_cannot_be_read_is_bad_input(name: str) -> None:
    result = CliRunner().invoke(cli, ["diagnose", name])
    assert result.exit_code == 2
    assert "cannot be read" in result.output


def test_a_text_needs_nothing_of_azure() -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom mi_tui.cli.main import cli\n"
        "CliRunner().invoke(cli, ['diagnose', '-'], input='(OutOfQuota) x', catch_exceptions=False, standalone_mode=False)\n"
        "print([m for m in sys.modules if m.split('.')[0] in {'azure', 'requests', 'textual'}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
