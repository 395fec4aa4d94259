"""What a running sandbox tells its clients about itself, and the locks around it. Standard library only."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from mi_tui.sandbox.paths import CONNECTION_FILE, SERVER_LOCK

START_SECONDS = 30.0
"""How long a start may take, ours or somebody else's."""


USAGE = 2
"""The exit code of a sandbox that was asked to start in a way that cannot be."""


class SandboxError(Exception):
    """The sandbox cannot be had; the text is a sentence with the way out."""


class SandboxUsageError(SandboxError):
    """What was asked for cannot be, such as a port that is taken. Nothing was changed."""


@dataclass(frozen=True)
class Connection:
    """Where a running sandbox is and what signs one in to its world. Holds secrets, which its repr leaves out."""

    home: Path
    pid: int
    proxy: str
    control: str
    ca_file: Path
    control_token: str = field(repr=False)
    profile: str
    scenario: str
    persistent: bool
    tenant: str
    subscription: str
    resource_group: str
    workspace: str
    location: str
    client_id: str
    client_secret: str = field(repr=False)
    user: str
    user_refresh_token: str = field(repr=False)
    user_password: str = field(repr=False, default="")


def read(home: Path) -> Connection | None:
    """What the connection file says, whether or not it is true; None when there is none that can be read."""
    try:
        facts = json.loads((home.expanduser().resolve() / CONNECTION_FILE).read_text("utf-8"))
        known = {item.name: facts[item.name] for item in dataclasses.fields(Connection) if item.name != "user_password"}
        known["user_password"] = facts.get("user_password", "")  # a sandbox of an older version has none
        return Connection(
            **(known | {"home": Path(known["home"]), "ca_file": Path(known["ca_file"]), "pid": int(known["pid"])})
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


def forget(home: Path) -> None:
    """Remove a connection file that is not true any more."""
    with contextlib.suppress(OSError):
        (home / CONNECTION_FILE).unlink()


@contextlib.contextmanager
def locked(path: Path, seconds: float) -> Iterator[None]:
    """Hold a file's lock, so that of two who start or delete at once one waits for the other. Raises SandboxError."""
    try:
        file = _open_lock(path)
    except OSError as error:
        raise SandboxError(
            f"The sandbox's folder {path.parent} cannot be written ({error.strerror}). Choose another with MI_TUI_HOME."
        ) from error
    with file:
        if not wait_until(lambda: _lock(file), seconds):
            raise SandboxError(
                f"Another mi-tui has been starting or resetting the sandbox for {seconds:.0f} seconds. Try again when it is done."
            )
        yield


def _open_lock(path: Path) -> IO[str]:
    return open(path, "a+", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600))


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def holder(home: Path) -> int | None:
    """The process that serves `home`, or None. The lock is proof of life; a process id alone can be somebody else's by now."""
    path = home / SERVER_LOCK
    if not path.exists():
        return None
    with _open_lock(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            text = file.read().strip()
            return int(text) if text.isdigit() else 0
    return None


def wait_until(condition: Callable[[], bool], seconds: float, every: float = 0.02) -> bool:
    """Whether a condition came true in time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(every)
    return True
