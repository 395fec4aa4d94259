"""A tapped sandbox for the length of a `with` block, and how a drive's own process is pointed at it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mi_tui.sandbox import client
from mi_tui.sandbox.connection import START_SECONDS, wait_until

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Tapped:
    """A running sandbox whose exchanges go into `recording`."""

    home: Path
    recording: Path
    connection: client.Connection

    @property
    def environment(self) -> dict[str, str]:
        """What points a child process and its mi-tui at this sandbox."""
        return {
            **os.environ,
            **client.environment(self.connection),
            "MI_TUI_HOME": str(self.home),
            "NO_COLOR": "1",
            "PYTHONPATH": str(REPOSITORY),
        }

    def mi_tui(self, *words: str) -> subprocess.Popen[str]:
        """Start a command of mi-tui."""
        return self.python("-m", "mi_tui", *words)

    def python(self, *words: str) -> subprocess.Popen[str]:
        """Start a Python program that is aimed at the sandbox."""
        return subprocess.Popen(
            [sys.executable, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.home,
            env=self.environment,
        )


@contextmanager
def tapped_sandbox(folder: Path, profile: str = "instant") -> Iterator[Tapped]:
    """Start a sandbox with a tap in an empty folder; stop it at the end."""
    home, recording = folder / "home", folder / "exchanges.jsonl"
    (home / "sandbox").mkdir(parents=True, mode=0o700)
    command = [sys.executable, "-m", "tests.conformance.tap", str(recording), "serve", "--persistent"]
    command += ["--home", str(home / "sandbox"), "--profile", profile]
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    with (folder / "sandbox.out").open("wb") as output:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            env={**kept, "PYTHONPATH": str(REPOSITORY)},
        )  # fmt: skip
    try:
        place = home / "sandbox"
        if not wait_until(lambda: client.running(place) is not None or process.poll() is not None, START_SECONDS):
            raise RuntimeError("the tapped sandbox is not ready: " + (folder / "sandbox.out").read_text())
        connection = client.running(place)
        if connection is None:
            raise RuntimeError("the tapped sandbox ended: " + (folder / "sandbox.out").read_text())
        yield Tapped(home, recording, connection)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def finished(process: subprocess.Popen[str], seconds: float = 300) -> str:
    """Wait for a drive's process and return what it said; RuntimeError when it failed."""
    said, _ = process.communicate(timeout=seconds)
    if process.returncode != 0:
        raise RuntimeError(f"{process.args!r} ended with {process.returncode}:\n{said[-4000:]}")
    return said
