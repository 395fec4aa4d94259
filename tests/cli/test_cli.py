"""The commands without any target: help, lazy imports, and what stands in for the wizard without a terminal."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mi_tui.cli.exits import EXIT_CODES
from mi_tui.cli.main import cli
from mi_tui.model.answers_file import parse

ROOT = Path(__file__).resolve().parents[2]


def run(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mi_tui", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=ROOT,
        env={**os.environ, "MI_TUI_HOME": str(home)}, check=False,
    )  # fmt: skip


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += commands(command, (*path, name))
    return found


def test_the_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [words for words in commands(cli) if f"mi-tui {' '.join(words)}" not in readme] == []


@pytest.mark.parametrize("words", [(), *commands(cli)], ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...]) -> None:
    command: click.Command = cli
    for word in words:
        assert isinstance(command, click.Group)
        command = command.commands[word]
    assert command.help
    assert all(parameter.help for parameter in command.params if isinstance(parameter, click.Option))


@pytest.mark.parametrize("words", [(), ("sandbox",)], ids=["mi-tui", "sandbox"])
def test_no_line_of_the_list_of_commands_is_cut_short(words: tuple[str, ...]) -> None:
    told = CliRunner().invoke(cli, [*words, "--help"], terminal_width=80)
    listed = told.output.partition("Commands:")[2].splitlines()
    assert len(listed) > 8
    assert [line for line in listed if line.endswith("...") or len(line) > 79] == []


def test_help_tells_the_exit_codes_and_starts_nothing(tmp_path: Path) -> None:
    done = run("--help", home=tmp_path / "home")
    assert done.returncode == 0
    for line in EXIT_CODES.splitlines():
        assert line.strip() in done.stdout
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "module", ["mi_tui.cli.main", "mi_tui.workflow", "mi_tui.app", "screens.welcome", "screens.deploy"]
)
def test_heavy_packages_are_imported_late(module: str) -> None:
    code = f"import sys, {module}; print([m for m in sys.modules if m.split('.')[0] == 'azure'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_the_first_paint_waits_for_nothing_that_it_does_not_show() -> None:
    code = "import sys, mi_tui.app, screens.welcome; print([m for m in ('mi_tui.workflow', 'yaml', 'requests', 'click') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_the_commands_know_no_textual() -> None:
    code = "import sys, mi_tui.cli.main, mi_tui.workflow; print([m for m in sys.modules if m.split('.')[0] in ('textual', 'rich', 'starlette', 'uvicorn')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_answers_print_a_file_that_reads(tmp_path: Path) -> None:
    for kind in ("sai", "uai"):
        done = run("answers", "--identity", kind, home=tmp_path)
        assert done.returncode == 0
        assert parse(done.stdout).identity.kind.value == kind


def test_without_a_terminal_the_wizard_names_the_commands(tmp_path: Path) -> None:
    done = run(home=tmp_path)
    assert done.returncode == 2
    assert "mi-tui up --sandbox --yes" in done.stderr


@pytest.mark.parametrize("words", [("plan", "a.yaml"), ("up", "/a.yaml", "--yes")])
def test_a_folder_that_is_gone_is_a_sentence(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "gone").mkdir()
    program = (
        "import os, sys; os.rmdir(os.getcwd()); sys.argv = ['mi-tui', *sys.argv[1:]]\n"
        "from mi_tui.cli.entry import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, *words],
        cwd=tmp_path / "gone", env={**os.environ, "MI_TUI_HOME": str(tmp_path / "home")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "the folder that you are in has been removed" in done.stderr.lower()
    assert "Traceback" not in done.stderr
