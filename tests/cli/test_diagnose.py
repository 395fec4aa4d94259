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
