"""A full disk under the sandbox: how it is recognised, and the sentence that says so. Azure has no such answer; this one is ours."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

STATUS, CODE = 507, "InsufficientStorage"
"""Not one of the statuses that the SDKs try again: more tries make no room."""

_NUMBERS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_SQLITE = frozenset({"SQLITE_FULL", "SQLITE_IOERR_WRITE"})


def is_full(error: BaseException) -> bool:
    """Whether an error, or what it came from, says that nothing more can be written."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, OSError) and found.errno in _NUMBERS:
            return True
        # A database that is opened while the disk is full has no name for its error but this sentence.
        if isinstance(found, sqlite3.Error) and (
            getattr(found, "sqlite_errorname", "") in _SQLITE or "disk is full" in str(found)
        ):
            return True
        found = found.__cause__ or found.__context__
    return False


def sentence(home: Path) -> str:
    """What is said of it, with the way out."""
    return (
        f"The disk that holds the sandbox's world, {home}, is full, so nothing was changed. Make room on it and try again, or keep the "
        "world elsewhere with MI_TUI_HOME."
    )
