"""The sandbox's own log: `sandbox.log` in its home, rotated, readable by its owner only, with secrets blanked out."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable
from logging.handlers import RotatingFileHandler
from pathlib import Path

from mi_tui.sandbox.paths import LOG_FILE

MAX_BYTES = 1_000_000
KEPT = 2

_SECRETS = re.compile(
    r"eyJ[\w-]{5,}\.[\w-]+\.[\w-]*"  # a JSON Web Token
    r"|(?<=sig=)[^&\s'\"]+"
    r"|(?<=client_secret=)[^&\s'\"]+"
    r"|(?<=AccountKey=)[^;\s'\"]+",
    re.IGNORECASE,
)


class _Blanking(logging.Formatter):
    """A last net: what looks like a secret, or is a known one, does not reach the file, not even in a traceback."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self.known: set[str] = set()

    def format(self, record: logging.LogRecord) -> str:
        text = _SECRETS.sub("***", super().format(record))
        for secret in self.known:
            text = text.replace(secret, "***")
        return text


class SandboxLog:
    """The log of one running sandbox; nothing of it goes to the terminal."""

    def __init__(self, home: Path) -> None:
        path = home / LOG_FILE
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600))
        path.chmod(0o600)
        self._formatter = _Blanking()
        self._handler = _Private(path, maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8", delay=True)
        self._handler.setFormatter(self._formatter)
        root = logging.getLogger()
        root.addHandler(self._handler)
        root.setLevel(logging.INFO)
        for chatty in ("uvicorn", "asyncio", "urllib3"):
            logging.getLogger(chatty).setLevel(logging.WARNING)

    def blank(self, secrets: Iterable[str]) -> None:
        """Never write these words."""
        self._formatter.known |= {secret for secret in secrets if secret}

    def close(self) -> None:
        """Stop writing."""
        logging.getLogger().removeHandler(self._handler)
        self._handler.close()


class _Private(RotatingFileHandler):
    def _open(self):  # type: ignore[no-untyped-def]  # the base's return type is not public
        stream = super()._open()
        os.fchmod(stream.fileno(), 0o600)
        return stream
