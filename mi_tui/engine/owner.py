"""Who drives a run: which process, where, and whether it still lives.

A process id means something only where it was given: on the same boot of the same machine and in the same pid namespace (a container
has its own). There, id and start time together tell for certain, so that a recycled id is not taken for the owner. From anywhere else,
such as another host that shares the home, the id says nothing; then the heartbeat that the owner writes decides. Hosts whose clocks
differ by more than `SILENCE` need `--take-over`; the former owner, should it live, notices before its next change and stops.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import platform
import secrets
import time
from pathlib import Path

from msgspec import Struct

HEARTBEAT = 20.0
"""Seconds between two signs of life of an owner."""

SILENCE = 120.0
"""Seconds without a sign of life after which an owner that cannot be looked at counts as gone."""


class Owner(Struct, frozen=True):
    """The process that drives a run. `since` is in Unix seconds; `began` is the process's start in clock ticks since boot."""

    token: str
    """Tells this owner from every other one, also from an earlier one of the same process."""
    pid: int
    began: float
    place: str
    """Where the process id means something; empty where the system does not tell."""
    host: str
    user: str
    command: str
    since: float

    @property
    def words(self) -> str:
        """Who it is, for people."""
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.since)) if self.since else "an unknown moment"
        by = f", user {self.user}" if self.user else ""
        where = f" on {self.host}" if self.host else ""
        return f"{self.command or 'mi-tui'} (process {self.pid}{where}{by}, since {when})"


def this_process(command: str) -> Owner:
    """This process as an owner; `command` is what the person started, such as `mi-tui up`."""
    pid = os.getpid()
    return Owner(
        secrets.token_hex(8), pid, begun(pid), place(), platform.node(), _user(), command, time.time()
    )  # fmt: skip


def place() -> str:
    """Where this process's id means something: the boot and the pid namespace, both from Linux's /proc; empty elsewhere."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    return ""


def is_local(owner: Owner) -> bool:
    """Whether the owner's process id can be looked at from here."""
    return owner.place == place() and (bool(owner.place) or owner.host == platform.node())


def alive(owner: Owner, beat: float | None) -> bool:
    """Whether the owner still drives its run. `beat` is its last sign of life (Unix seconds)."""
    fresh = beat is not None and time.time() - beat < SILENCE
    if os.name == "nt" or not is_local(owner):
        return fresh
    now = begun(owner.pid)
    if now == 0.0:
        return False
    # Where the system does not tell when a process began, the id may have been given to another one since.
    return now == owner.began if now > 0 and owner.began > 0 else fresh


def begun(pid: int) -> float:
    """When a process began, in clock ticks since boot; 0 when it is not running, -1 where the system does not tell."""
    if os.name == "nt":
        return -1.0  # there, signal 0 is no question but Ctrl+C
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return 0.0
    except PermissionError:
        pass
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return -1.0
    return 0.0 if fields[0] in "ZX" else float(fields[19])


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return f"id {os.getuid()}" if hasattr(os, "getuid") else ""
