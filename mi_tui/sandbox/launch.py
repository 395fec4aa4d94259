"""Starting the sandbox as a process of its own, apart from the terminal. Standard library only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from mi_tui.sandbox import disk
from mi_tui.sandbox.connection import (
    START_SECONDS,
    USAGE,
    Connection,
    SandboxError,
    SandboxUsageError,
    read,
    wait_until,
)
from mi_tui.sandbox.paths import CA_NAME, LOG_FILE, START_LOG

_PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_CA_FILES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")

_started: list[subprocess.Popen[bytes]] = []
"""Sandboxes that this process started: kept, so that they are reaped when they end."""


def start(home: Path, profile: str | None, scenario: str | None, port: int | None, persistent: bool) -> Connection:
    """Start a sandbox and wait until it is ready. Raises SandboxError with what it said when it ends instead."""
    command = [sys.executable, "-P", "-m", "mi_tui.sandbox", "serve", "--home", str(home)]
    command += ["--profile", profile or "demo", "--scenario", scenario or "none"]
    command += [] if port is None else ["--port", str(port)]
    command += ["--persistent"] if persistent else []
    said = home / START_LOG
    with open(said, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=home, env=_environment_of_server(home),
            start_new_session=True,
        )  # fmt: skip
    _started[:] = [earlier for earlier in _started if earlier.poll() is None] + [process]
    found: list[Connection] = []

    def settled() -> bool:
        connection = read(home)
        if connection is not None and connection.pid == process.pid:
            found.append(connection)
        return bool(found) or process.poll() is not None

    try:
        in_time = wait_until(settled, START_SECONDS, every=0.01)
    except BaseException:
        process.kill()
        raise
    if found:
        return found[0]
    if not in_time:
        process.kill()
        process.wait()
        raise SandboxError(f"The sandbox was not ready after {START_SECONDS:.0f} seconds. {_last_lines(home)}")
    raise (SandboxUsageError if process.returncode == USAGE else SandboxError)(_last_lines(home))


def _last_lines(home: Path) -> str:
    """What a sandbox said before it ended: its own sentence, or the end of its traceback and where to read on."""
    try:
        lines = [line for line in (home / START_LOG).read_text("utf-8", "replace").splitlines() if line.strip()]
    except OSError:
        lines = []
    if len(lines) == 1:
        return lines[0]
    if not lines and os.statvfs(home).f_bavail == 0:
        return disk.sentence(home)  # there was no room for its last words either
    last = " | ".join(line.strip() for line in lines[-3:]) or "It said nothing."
    return f"The sandbox did not start: {last} More is in {home / START_LOG} and {home / LOG_FILE}."


def _environment_of_server(home: Path) -> dict[str, str]:
    """Our environment without anybody's Azure credentials, and without a way back into a sandbox."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AZURE_", "ARM_", "MSI_", "IDENTITY_", "IMDS_"))
    }
    inside = any(Path(kept[name]).name == CA_NAME for name in _CA_FILES if name in kept)
    last = read(home)
    for name in _CA_FILES:
        if Path(kept.get(name, "")).name == CA_NAME:
            del kept[name]
    for name in _PROXIES:
        proxy = kept.get(name, "")
        if (inside and "127.0.0.1" in proxy) or (last is not None and proxy.rstrip("/") == last.proxy):
            del kept[name]
    package = Path(__file__).resolve().parents[2]
    if package.name not in {"site-packages", "dist-packages"}:
        kept["PYTHONPATH"] = os.pathsep.join([str(package), *filter(None, [kept.get("PYTHONPATH")])])
    return kept
