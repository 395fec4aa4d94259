"""Installs the clients that the sandbox did not grow up with: `python -m tests.clients.install [az] [node]` (both without a name).

Each goes into a folder of its own below `FOLDER` and is left alone when it is there already. Exit code 1 when one could not be had;
the tests that need it then skip and say so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import platformdirs

AZURE_CLI = "azure-cli==2.91.0"
FOLDER = Path(os.environ.get("MI_TUI_TEST_CLIENTS") or platformdirs.user_cache_path("mi-tui-test-clients"))
"""Where they are kept between runs; the variable names another place."""

_PACKAGE = Path(__file__).with_name("node") / "package.json"


def az_python() -> Path | None:
    """The Python of the Azure CLI's environment; None when that is not installed."""
    python = FOLDER / AZURE_CLI / "bin" / "python"
    return (
        python if (FOLDER / AZURE_CLI / "bin" / "az").is_file() and (FOLDER / AZURE_CLI / "whole").is_file() else None
    )


def node_modules() -> Path | None:
    """The folder in which the JavaScript SDK is installed as `package.json` asks for it; None when it is not, or without Node."""
    wanted = json.loads(_PACKAGE.read_text("utf-8"))["dependencies"]
    found = FOLDER / "node"
    for name, version in wanted.items():
        try:
            there = json.loads((found / "node_modules" / name / "package.json").read_text("utf-8"))["version"]
        except (OSError, ValueError, KeyError):
            return None
        if there != version:
            return None
    return found if shutil.which("node") else None


def install_az() -> None:
    """The Azure CLI, in an environment that uv makes. Raises CalledProcessError."""
    from uv import find_uv_bin

    uv, where = find_uv_bin(), FOLDER / AZURE_CLI
    shutil.rmtree(where, ignore_errors=True)
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(where)], check=True)
    python = str(where / "bin" / "python")
    subprocess.run([uv, "pip", "install", "-q", "--python", python, AZURE_CLI], check=True)
    (where / "whole").touch()


def install_node() -> None:
    """The packages of `node/package.json`. Raises CalledProcessError, or FileNotFoundError without npm."""
    where = FOLDER / "node"
    where.mkdir(parents=True, exist_ok=True)
    shutil.copy(_PACKAGE, where / "package.json")
    command = ["npm", "install", "--no-fund", "--no-audit", "--ignore-scripts", "--loglevel=error"]
    subprocess.run(command, cwd=where, check=True, stdout=subprocess.DEVNULL)


_CLIENTS: dict[str, tuple[Callable[[], Path | None], Callable[[], None]]] = {
    "az": (az_python, install_az),
    "node": (node_modules, install_node),
}


def main(names: list[str]) -> int:
    """Install what is not there yet; how many could not be had."""
    unknown = set(names) - set(_CLIENTS)
    if unknown:
        sys.stderr.write(f"There is no client named {', '.join(sorted(unknown))}. Choose of: {', '.join(_CLIENTS)}.\n")
        return 2
    failed = 0
    for name in names or list(_CLIENTS):
        there, install = _CLIENTS[name]
        if there() is None:
            try:
                install()
            except (subprocess.CalledProcessError, OSError) as error:
                sys.stderr.write(f"{name} could not be installed: {error}\n")
                failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
