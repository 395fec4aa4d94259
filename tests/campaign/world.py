"""The sandbox of one job: what is there, what is secret in it, and what goes wrong in it."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mi_tui.sandbox import client

Tree = dict[str, Any]


class World:
    """A sandbox of the profile `instant` that stays until it is closed."""

    def __init__(self, home: Path) -> None:
        self.home = home / "sandbox"
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.connection = self._opened()

    def _opened(self) -> client.Connection:
        with client.connect(self.home, profile="instant", scenario="none", persistent=True) as lease:
            return lease.connection

    def close(self) -> None:
        """End it."""
        client.stop(self.home)

    def anew(self) -> None:
        """Throw it away and furnish a new one: what one round left must not be counted in the next."""
        client.reset(self.home)
        self.connection = self._opened()

    def alive(self) -> bool:
        """Whether it answers."""
        return client.running(self.home) is not None

    def scenario(self, text: str) -> None:
        """What goes wrong from now on: `none`, names of the library, or a file."""
        # The memory of a scenario's rules is its own: even the same one begins anew.
        for name in ("none", text):
            with client.connect(self.home, scenario=name):
                pass

    def tree(self) -> Tree:
        """Every resource, role assignment and blob."""
        return client.tree(self.connection)

    def log(self) -> list[dict[str, Any]]:
        """Every request that it answered."""
        return client.log(self.connection)

    def secrets(self) -> set[str]:
        """What nobody may read outside the sandbox's own folder: keys of accounts and endpoints, passwords, refresh token, MSI secrets."""
        found: set[str] = set()
        database = sqlite3.connect(f"file:{self.home / 'world.db'}?mode=ro", uri=True, timeout=10)
        try:
            for (text,) in database.execute("SELECT private FROM resources WHERE private LIKE '%keys%'"):
                found.update(_texts(json.loads(text).get("keys")))
            for name, value in database.execute("SELECT key, value FROM meta"):
                if name in {"service_principal_secret", "user_refresh_token", "user_password"}:
                    found.add(value)
        finally:
            database.close()
        for process in self.processes():
            for variable in _environment(process):
                name, _, value = variable.partition("=")
                if name in {"MSI_SECRET", "IDENTITY_HEADER"}:
                    found.add(value)
        return {text for text in found | {self.connection.control_token} if len(text) > 12}

    def processes(self) -> list[int]:
        """The sandbox's children and theirs: the scoring servers."""
        parents: dict[int, int] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents[int(stat.parent.name)] = int(fields[1])
        found = {self.connection.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return sorted(found - {self.connection.pid})

    def shown(self, pid: int) -> str:
        """A process's command line and environment, without the secret that it is started to hold."""
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            return ""
        own = ("MSI_SECRET=", "IDENTITY_HEADER=")
        return "\n".join([line, *(entry for entry in _environment(pid) if not entry.startswith(own))])


def _environment(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return []


def _texts(value: object) -> Iterator[str]:
    """Every text in what a resource keeps for itself as its keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in {"keyName", "creationTime", "permissions"}:
                yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def differences(before: Tree, after: Tree) -> list[str]:
    """What one tree has that the other has not, and what both have and is not the same; a line each."""
    found: list[str] = []
    for part in before:
        old, new = _by_id(before[part]), _by_id(after[part])
        found += [f"gone: {name}" for name in old.keys() - new.keys()]
        found += [f"left: {name}" for name in new.keys() - old.keys()]
        found += [
            f"changed: {name}: {_changed(old[name], new[name])}"
            for name in old.keys() & new.keys()
            if old[name] != new[name]
        ]
    return sorted(found)


def added(before: Tree, after: Tree) -> list[dict[str, Any]]:
    """The resources and role assignments that are in `after` only."""
    return [
        item
        for part in ("resources", "role_assignments")
        for name, item in _by_id(after[part]).items()
        if name not in _by_id(before[part])
    ]


def _by_id(items: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        str(item.get("id") or f"blob {item['account']}/{item['container']}/{item['name']}").lower(): item
        for item in items
    }


def _changed(old: Any, new: Any, place: str = "") -> str:
    """The first place where two values differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in old.keys() | new.keys():
            if old.get(name) != new.get(name):
                return _changed(old.get(name), new.get(name), f"{place}.{name}")
    return f"{place} {json.dumps(old)[:80]} -> {json.dumps(new)[:80]}"


def cached_environments() -> Path | None:
    """Where built scoring environments are shared; None when nowhere is said."""
    given = os.environ.get("MI_TUI_SANDBOX_CACHE")
    return Path(given) if given else None
