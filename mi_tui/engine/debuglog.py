"""The debug log: what the SDK prints and what mi-tui notes for itself goes to a file, never to the terminal."""

from __future__ import annotations

import logging
import logging.handlers
import os
from io import TextIOWrapper
from pathlib import Path

from mi_tui.model.redact import redact

_MOST = 2_000_000
"""Bytes after which the log is rotated; one earlier file is kept."""

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)


def begin(home: Path) -> str:
    """Log to `home`/debug.log from now on. Why that cannot be, in a sentence: then it is done without; empty when it can."""
    logger = logging.getLogger("mi_tui")
    if any(isinstance(handler, _DebugLog) for handler in logger.handlers):
        return ""
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    path = home / "debug.log"
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler = _DebugLog(path, maxBytes=_MOST, backupCount=1, encoding="utf-8")
    except OSError as error:
        why = "it is a symbolic link, which is not followed" if path.is_symlink() else error.strerror or str(error)
        logger.addHandler(logging.NullHandler())
        return f"There is no debug log: {path} cannot be written ({why})."
    handler.setFormatter(_Redacted("%(asctime)s %(levelname).1s %(name)s %(message)s"))
    logger.addHandler(handler)
    return ""


class _Redacted(logging.Formatter):
    """Whatever is logged, and by whom: tracebacks and arguments too."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class _DebugLog(logging.handlers.RotatingFileHandler):
    """For its owner only, also after it was rotated; follows no link. A full disk costs its lines and nothing else."""

    def _open(self) -> TextIOWrapper:
        handle = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _NOFOLLOW, 0o600)
        if hasattr(os, "fchmod"):
            os.fchmod(handle, 0o600)
        return os.fdopen(handle, "a", encoding=self.encoding)

    def handleError(self, record: logging.LogRecord) -> None:
        """Nothing: its report would go to standard error, which is captured into this very log."""
