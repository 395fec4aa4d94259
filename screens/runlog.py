"""The file of a run's log: every line of its containers, complete, while the screen keeps only the last ones."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TextIO

from mi_tui.model.text import visible

_FLUSH = 0.5
"""Seconds after which lines are on the disk at the latest when more come."""


class RunLog:
    """Appends lines to `FOLDER/RUN-CONTAINER.log`, for its owner only. May be called from any thread; never raises.

    When the disk does not take a line, `fault` says why and no more is written: a log must not end a run.
    """

    def __init__(self, folder: Path, run: str) -> None:
        self._folder, self._run = folder, run
        self._files: dict[str, TextIO] = {}
        self._lock = threading.Lock()
        self._flushed = 0.0
        self.fault = ""

    def path(self, container: str) -> Path:
        """Where the log of a container lies."""
        safe = "".join(letter if letter.isalnum() or letter == "-" else "_" for letter in container)
        return self._folder / f"{self._run}-{safe}.log"

    def write(self, container: str, text: str) -> None:
        """Append one line, its control characters shown."""
        with self._lock:
            if self.fault:
                return
            try:
                file = self._file(container)
                file.write(f"{visible(text)}\n")
                if time.monotonic() - self._flushed > _FLUSH:
                    self._flushed = time.monotonic()
                    file.flush()
            except OSError as error:
                self.fault = error.strerror or str(error)

    def _file(self, container: str) -> TextIO:
        if container not in self._files:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
            handle = os.open(self.path(container), flags, 0o600)
            self._files[container] = os.fdopen(handle, "a", encoding="utf-8", errors="backslashreplace")
        return self._files[container]

    def flush(self) -> None:
        """Bring what was written to the disk."""
        with self._lock:
            for file in self._files.values():
                try:
                    file.flush()
                except OSError as error:
                    self.fault = error.strerror or str(error)

    def close(self) -> None:
        """Write what is left and let the files go."""
        self.flush()
        with self._lock:
            for file in self._files.values():
                try:
                    file.close()
                except OSError as error:
                    self.fault = error.strerror or str(error)
            self._files.clear()
