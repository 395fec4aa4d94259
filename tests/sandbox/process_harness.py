"""Sandboxes as processes: started, watched, held by other processes, and aimed at."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mi_tui.sandbox import client, connection, launch
from mi_tui.sandbox.client import Connection

HOLDER = """
import sys
from pathlib import Path
from mi_tui.sandbox import client
lease = client.connect(Path(sys.argv[1]), profile="instant")
print(lease.connection.pid, flush=True)
sys.stdin.read()
"""
"""A client that takes a lease, tells the sandbox's process id and waits."""

VARIABLES = (
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
)


def soon(condition: Callable[[], bool], seconds: float = 5) -> bool:
    return connection.wait_until(condition, seconds)


def ended(pid: int) -> bool:
    """Whether a process is over; one that nobody has reaped yet counts."""
    for process in launch._started:
        process.poll()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return (
        Path(f"/proc/{pid}/stat").is_file()
        and Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    )


def point(monkeypatch: pytest.MonkeyPatch, connection: Connection) -> Connection:
    """Point this process at a sandbox, as `mi-tui sandbox env` does it."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in client.environment(connection).items():
        monkeypatch.setenv(name, value)
    return connection


def holder(home: Path) -> tuple[subprocess.Popen[str], int]:
    """A process with a lease, and the process id of its sandbox."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def finish(process: subprocess.Popen[str]) -> None:
    """Kill a process and wait for it."""
    process.kill()
    process.communicate()
