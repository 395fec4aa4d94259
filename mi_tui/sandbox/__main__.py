"""`python -m mi_tui.sandbox serve --home DIR`: the sandbox in the foreground of its own process."""

from __future__ import annotations

import argparse
import faulthandler
import os
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Serve until stopped. 0: stopped as asked; 1: could not start, with a sentence on stderr; 2: wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m mi_tui.sandbox", description="The local Azure of mi-tui.")
    commands = parser.add_subparsers(dest="command", required=True)
    serve_command = commands.add_parser("serve", help="serve a world until stopped")
    serve_command.add_argument("--home", type=Path, required=True, help="the folder that holds the world")
    serve_command.add_argument("--port", type=int, help="the proxy's port; otherwise the one used before, or any")
    serve_command.add_argument("--profile", default="demo", help="how long things take")
    serve_command.add_argument("--scenario", default="none", help="what is set up to go wrong")
    serve_command.add_argument("--persistent", action="store_true", help="go on without clients")
    options = parser.parse_args(arguments)
    if options.port is not None and not 0 < options.port < 65536:
        parser.error("--port is a number from 1 to 65535")

    os.umask(0o077)
    faulthandler.enable()
    import asyncio

    from mi_tui.sandbox import disk
    from mi_tui.sandbox.connection import USAGE
    from mi_tui.sandbox.server import StartError, serve
    from mi_tui.sandbox.store import StoreError

    try:
        asyncio.run(serve(options.home, options.port, options.profile, options.scenario, options.persistent))
    except (StartError, StoreError, OSError) as error:
        full = isinstance(error, OSError) and disk.is_full(error)
        print(disk.sentence(options.home) if full else error, file=sys.stderr)  # noqa: T201  # the client reads it from the start log
        return USAGE if isinstance(error, StartError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
