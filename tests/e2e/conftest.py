"""A sandbox per test module, driven by the commands in processes of their own, as a person drives them.

Most of these processes are forks of one that has imported azure-ai-ml already: half of what a command needs of the processor is that
import. `cold` starts one as a person does; so do tests that keep a process at hand (`Shell.command`) or give it a terminal.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.campaign.nursery import Nursery

REPOSITORY = Path(__file__).resolve().parents[2]
TIMEOUT = 240


@functools.cache
def nursery() -> Nursery:
    """What this test process forks its commands from. What they say lies in a folder of its own until it ends."""
    folder = Path(tempfile.mkdtemp(prefix="mi-tui-forks-"))
    made = Nursery(folder / "home", folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(made.close)
    return made


@dataclass
class Result:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines; a line that is no JSON fails the test."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def last(self) -> dict[str, Any]:
        """The last JSON line."""
        return self.events[-1]


@dataclass
class Shell:
    """Runs mi-tui with a home of its own."""

    home: Path
    cache: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "MI_TUI_HOME": str(self.home), "MI_TUI_SANDBOX_CACHE": str(self.cache), "NO_COLOR": "1"}

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "mi_tui", *words]

    def __call__(self, *words: str, stdin: str = "", check: bool = False, cold: bool = False) -> Result:
        result = self._cold(words, stdin) if cold else self._forked(words, stdin)
        assert not check or result.code == 0, f"{words} ended with {result.code}\n{result.out}\n{result.err}"
        return result

    def _cold(self, words: tuple[str, ...], stdin: str) -> Result:
        done = subprocess.run(
            self.command(*words),
            input=stdin,
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=self.home.parent,
            timeout=TIMEOUT,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def _forked(self, words: tuple[str, ...], stdin: str) -> Result:
        ended = nursery().run(*words, stdin=stdin, environment=self.environment, within=self.home.parent, limit=TIMEOUT)
        assert not ended.hung, f"{words} took longer than {TIMEOUT} s\n{ended.said}"
        return Result(ended.code, ended.out, ended.err)

    def tree(self) -> Any:
        return json.loads(self("sandbox", "tree", "--json", check=True).out)


@pytest.fixture(scope="session")
def environment_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder of built scoring environments for all workers of a test session."""
    given = os.environ.get("MI_TUI_SANDBOX_CACHE")
    if given:
        return Path(given)
    base = tmp_path_factory.getbasetemp()
    return (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "scoring-environments"


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory, environment_cache: Path) -> Iterator[Shell]:
    """mi-tui with a running sandbox in the instant profile."""
    made = Shell(tmp_path_factory.mktemp("person") / "home", environment_cache)
    made("sandbox", "start", "--profile", "instant", check=True)
    yield made
    made("sandbox", "stop")


@pytest.fixture
def lone_shell(tmp_path: Path, environment_cache: Path) -> Iterator[Shell]:
    """mi-tui with a fresh home and nothing running."""
    made = Shell(tmp_path / "home", environment_cache)
    yield made
    made("sandbox", "stop")
