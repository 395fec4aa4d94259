"""Runs Microsoft's inference server on loopback for one deployment. Started by the environment's own Python; standard library only.

Its standard input is a pipe that the sandbox holds: when that closes, because the sandbox stopped or died in whatever way,
the whole process group ends. That works on Linux and macOS alike.
"""

import os
import signal
import sys
import threading


def _end_with_parent(pipe: int) -> None:
    while os.read(pipe, 64):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> None:
    """Take the pipe away from the script, force the server to loopback, and run it with this program's arguments."""
    pipe = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    threading.Thread(target=_end_with_parent, args=(pipe,), name="parent", daemon=True).start()
    # This file's folder belongs to the sandbox; a script must not be able to import from it by accident.
    sys.path[:] = [entry for entry in sys.path if entry != os.path.dirname(os.path.abspath(__file__))]

    # Installed in the scoring environment only.
    from azureml_inference_server_http import amlserver, constants  # type: ignore[import-not-found,unused-ignore]

    # The server has no option for its host and would listen on every address.
    constants.DEFAULT_HOST = amlserver.DEFAULT_HOST = "127.0.0.1"
    sys.argv[0] = "azmlinfsrv"
    amlserver.run()


if __name__ == "__main__":
    main()
