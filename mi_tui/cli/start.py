"""The wizard from a command line, and the end of a process that waits for nobody."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from typing import NoReturn


def end(code: int) -> NoReturn:
    """End the process at once. An orderly end would wait for the SDK's threads, that is for calls which Azure may not answer for minutes;
    what has to be kept is written by then."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def wizard() -> int:
    """The Textual app, where there is a terminal; elsewhere the sentence that says what to use instead, and exit code 2."""
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    what = "none" if not terminal else "a dumb one" if os.environ.get("TERM") == "dumb" else ""
    if what:
        sys.stderr.write(
            f"The wizard needs a terminal, and this is {what}. Use 'mi-tui up --sandbox --yes' or 'mi-tui up ANSWERS --yes'; "
            "'mi-tui --help' lists the commands.\n"
        )
        return 2
    # Without its terminal it can be of no use, and Textual draws, and reads the end of it, on and on: so it ends with it, also where
    # SIGHUP is ignored, as below nohup. A run stays resumable.
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    # Imports leave no garbage, but many objects to look through; the App turns the collector on again after its first paint.
    gc.disable()
    from mi_tui.app import run_app

    return run_app()
