"""A container's log on disk: appended to while the container runs, bounded, readable at any time and after the end."""

from __future__ import annotations

from pathlib import Path

LIMIT = 4 * 1024 * 1024
"""Bytes after which the log is turned over; at most twice as much is kept."""


class LogFile:
    """One log. The older half lies beside it with the suffix `.1`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._older = path.with_name(path.name + ".1")

    def write(self, data: bytes) -> None:
        """Append bytes as they came."""
        with self.path.open("ab") as file:
            if file.tell() == 0:
                self.path.chmod(0o600)
            file.write(data)
            size = file.tell()
        if size > LIMIT:
            self.path.replace(self._older)

    def line(self, text: str) -> None:
        """Append one line."""
        self.write(text.encode() + b"\n")

    def tail(self, lines: int | None) -> list[str]:
        """The last lines without their ends, all of them when `lines` is None."""
        text = "".join(path.read_text("utf-8", "replace") for path in (self._older, self.path) if path.exists())
        found = text.splitlines()
        if lines is None:
            return found
        return found[-lines:] if lines > 0 else []
