"""The asynchronous SDK clients against the sandbox: the same wire, another HTTP stack (aiohttp)."""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from mi_tui.sandbox.client import Connection

from .conftest import environment

pytest.importorskip("aiohttp", reason="aiohttp, which the .aio clients need, is not installed")


def test_the_journey_without_waiting(sandbox: Connection) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.clients.aio_journey", f"staio{uuid.uuid4().hex[:10]}"],
        env=environment(sandbox), cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
