"""A sandbox whose service principal owns one subscription, and the clients that are pointed at it."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mi_tui.sandbox import client, furnish, grants
from mi_tui.sandbox.client import Connection
from mi_tui.sandbox.paths import make_private
from mi_tui.sandbox.profiles import PROFILES
from mi_tui.sandbox.store import Store
from mi_tui.sandbox.tokens import Issuer
from mi_tui.sandbox.world import TENANT, World

from . import install

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"


@dataclasses.dataclass
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output, parsed; None without any."""
        return json.loads(self.out) if self.out.strip() else None


def owned(home: Path) -> None:
    """Furnish a world in which the service principal owns its subscription: clients make and delete resource groups."""
    make_private(home)
    store = Store(home)
    world = World(home, store, Issuer(store, TENANT), PROFILES["instant"])
    furnish.furnish(world)
    scope = f"/subscriptions/{furnish.DEV}"
    grants.assign(world, scope, furnish.SERVICE_PRINCIPAL_ID, OWNER, by=furnish.ADMIN_ID, immediate=True)
    store.close()


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """The running sandbox."""
    home = tmp_path_factory.mktemp("clients") / "sandbox"
    owned(home)
    with client.connect(home, profile="instant") as lease:
        yield lease.connection
    client.stop(home)


def environment(connection: Connection, **more: str) -> dict[str, str]:
    """This process's variables, pointed at a sandbox."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")}
    return kept | client.environment(connection) | more


class Az:
    """`az`, kept running between commands (see `az_driver`)."""

    def __init__(self, python: Path, variables: dict[str, str]) -> None:
        self.az = python.with_name("az")
        self.variables = variables
        driver = str(Path(__file__).with_name("az_driver.py"))
        self._process = subprocess.Popen(
            [str(python), driver],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=variables,
        )

    def ask(self, *words: str) -> Said:
        """Run one command."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"az ended in the middle of: az {' '.join(words)}"
        return Said(**json.loads(line))

    def __call__(self, *words: str) -> Any:
        """Run one command that succeeds; its answer as data."""
        said = self.ask(*words, "-o", "json")
        assert said.code == 0, f"az {' '.join(words)}\n{said.err}"
        return said.json

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


@pytest.fixture(scope="session")
def az(sandbox: Connection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Az]:
    """The Azure CLI, signed in as the service principal by the command that a person would type."""
    python = install.az_python()
    if python is None:
        pytest.skip(f"{install.AZURE_CLI} is not installed: python -m tests.clients.install az")
    variables = environment(
        sandbox,
        MI_TUI_HOME=str(sandbox.home.parent),
        AZURE_CONFIG_DIR=str(tmp_path_factory.mktemp("azure-config")),
        AZURE_CORE_NO_COLOR="1",
        AZURE_CORE_COLLECT_TELEMETRY="0",
        AZURE_EXTENSION_USE_DYNAMIC_INSTALL="no",
    )
    login = [sys.executable, "-m", "mi_tui", "sandbox", "run", "--", str(python.with_name("az")), "login"]
    login += [
        "--service-principal",
        "--username",
        sandbox.client_id,
        "--password",
        sandbox.client_secret,
        "--tenant",
        sandbox.tenant,
    ]
    done = subprocess.run(login, env=variables, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert {entry["name"] for entry in json.loads(done.stdout)} == {"Contoso Dev", "Contoso Prod"}
    opened = Az(python, variables)
    yield opened
    opened.close()
