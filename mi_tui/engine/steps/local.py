"""What a step needs of this machine: the files that the answers name, which may be gone by the time that it comes to them."""

from __future__ import annotations

from pathlib import Path

from mi_tui.engine.context import Context
from mi_tui.model.failure import Failure
from mi_tui.services.errors import FILE, ServiceError


def needed(ctx: Context, path: str, what: str, why: str) -> Path:
    """The file or folder that a step is about to use: `what` it is, and `why` it is needed. ServiceError when it is not there any more."""
    found = Path(path)
    try:
        found.stat()
    except OSError as error:
        raise ServiceError(
            Failure(
                FILE,
                f"{what} is not there any more: {path} ({error.strerror or error}). It is needed because {why}. This step changed nothing.",
                advice=f"Put it back where it was and say 'mi-tui resume {ctx.run}', or begin a new run with another one.",
            )
        ) from error
    return found
