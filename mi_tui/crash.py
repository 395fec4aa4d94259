"""The report that a crash leaves: a traceback without the values of variables, without secrets, for its owner only."""

from __future__ import annotations

import os
import platform
import sys
import time
import traceback
from pathlib import Path

import mi_tui
from mi_tui.model.redact import redact


def crash_report(home: Path, error: BaseException) -> Path | None:
    """Write `<home>/crash-<time>.txt` (0600); where it lies, or None when it cannot be written."""
    text = "\n".join(
        (
            f"mi-tui {mi_tui.__version__}, Python {platform.python_version()}, {platform.platform()}",
            time.strftime("%Y-%m-%d %H:%M:%S %z"),
            "",
            redact("".join(traceback.format_exception(error))),
        )
    )
    path = home / time.strftime("crash-%Y%m%d-%H%M%S.txt")
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600),
            "w",
            encoding="utf-8",
        ) as file:
            file.write(text)
    except OSError:
        return None
    return path


def say_crash(home: Path, error: BaseException) -> None:
    """Write the report and name it in one sentence on standard error."""
    path = crash_report(home, error)
    what = type(error).__name__
    where = (
        f"The report is {path}; it holds no keys or tokens."
        if path
        else f"{home} cannot be written, so there is no report."
    )
    sys.stderr.write(f"mi-tui broke ({what}). {where} 'mi-tui runs' lists your runs; 'mi-tui resume RUN' goes on.\n")
