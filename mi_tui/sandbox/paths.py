"""The names of the files in a sandbox's home that both the server and its clients know."""

from __future__ import annotations

from pathlib import Path

CONNECTION_FILE = "connection.json"
"""Where the running sandbox is and what signs one in; there only while it runs."""

SERVER_LOCK = "server.lock"
"""Locked by the process that serves the home, with its process id inside."""

CONNECT_LOCK = "connect.lock"
"""Locked by whoever starts or resets the sandbox."""

START_LOG = "start.log"
"""What the process last started printed: a sentence, when it could not start."""

LOG_FILE = "sandbox.log"

CA_NAME = "mi-tui-sandbox-ca.pem"
"""The CA's public part, in `ca/`; variables that point into a sandbox are recognised by this name."""


def make_private(folder: Path) -> None:
    """Make a folder and what is missing above it, for its owner only: `mkdir` gives parents the process's own mode."""
    for missing in reversed([place for place in (folder, *folder.parents) if not place.exists()]):
        missing.mkdir(exist_ok=True, mode=0o700)
