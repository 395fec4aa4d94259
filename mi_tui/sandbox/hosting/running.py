"""The inference servers that run now, in this process's memory: who serves which deployment, and with which secret."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from mi_tui.sandbox.hosting import process
from mi_tui.sandbox.hosting.logfile import LogFile
from mi_tui.sandbox.world import World

_BACK_OFF = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before a server that died is started again, one after the other; then the last for ever."""

_START_SECONDS = 300.0
"""How long a server may take to become ready when it is started again."""

_log = logging.getLogger(__name__)
_all: set[Server] = set()
_serving: dict[tuple[Path, str], Server] = {}


@dataclass(frozen=True)
class Spec:
    """How to start a server: the environment's Python, the script relative to `code`, folders, and the user's own variables.

    `memory` is how many bytes it may use, None without a limit.
    """

    python: Path
    script: str
    root: Path
    code: Path
    models: Path
    home: Path
    temporary: Path
    variables: dict[str, str]
    memory: int | None = None


class Server:
    """The server of one deployment, across its restarts. `ready` is set while it answers; `secret` is its MSI_SECRET."""

    def __init__(self, world: World, endpoint_id: str, deployment_id: str, spec: Spec) -> None:
        self.world = world
        self.endpoint_id = endpoint_id
        self.deployment_id = deployment_id
        self.spec = spec
        self.secret = secrets.token_urlsafe(32)
        self.ready = asyncio.Event()
        self.pending = 0
        self.log = LogFile(spec.root / "container.log")
        self._process: process.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        _all.add(self)

    @property
    def port(self) -> int | None:
        """The port on 127.0.0.1, while a process is there."""
        return None if self._process is None else self._process.port

    @property
    def exit_code(self) -> int | None:
        """How the last process ended; None while it runs."""
        return None if self._process is None else self._process.code

    @property
    def out_of_memory(self) -> bool:
        """Whether the last process was ended because it used more memory than it may."""
        return self._process is not None and self._process.out_of_memory

    async def start(self, seconds: float) -> bool:
        """Start a process and wait until it is ready. False when it ended (see `exit_code`) or was not ready in time."""
        self._process = await process.start(
            self.spec.python, script=self.spec.script, model_folder=self.spec.models, code_folder=self.spec.code,
            home=self.spec.home, variables=self._variables(), log=self.log, memory=self.spec.memory,
        )  # fmt: skip
        if await self._process.ready(seconds):
            self.ready.set()
            return True
        return False

    async def stop(self) -> None:
        """End the process for good."""
        self.ready.clear()
        _all.discard(self)
        key = _key(self.world, self.deployment_id)
        if _serving.get(key) is self:
            del _serving[key]
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._process is not None:
            await self._process.stop()

    def serve(self) -> Server | None:
        """Take the deployment's requests from now on, and be started again after a crash. Returns the server before it."""
        key = _key(self.world, self.deployment_id)
        before = _serving.get(key)
        _serving[key] = self
        self._keeper = asyncio.get_running_loop().create_task(self._keep())
        return before if before is not self else None

    async def _keep(self) -> None:
        """Start the server again whenever it ends, later each time, as kubelet does with a container."""
        crashes = 0
        while True:
            if self._process is not None:
                # No request may be sent there from now on, although its last words are still being read.
                await self._process.ending.wait()
                self.ready.clear()
                await self._process.exited.wait()
                _log.warning("the server of %s ended with exit code %s", self.deployment_id, self.exit_code)
                await asyncio.sleep(_BACK_OFF[min(crashes, len(_BACK_OFF) - 1)])
                crashes += 1
            try:
                if await self.start(_START_SECONDS):
                    crashes = 0
                elif self._process is not None:
                    await self._process.stop()
            except OSError as error:
                _log.warning("the server of %s could not be started: %s", self.deployment_id, error)
                self._process = None
                await asyncio.sleep(_BACK_OFF[-1])

    def _variables(self) -> dict[str, str]:
        """The whole environment of the process. What Azure sets wins over what the user sets, as in Azure."""
        environment = self.spec.python.parent
        # Without the sandbox's proxy there is no way to the names it serves; a bare test has none.
        proxy = {"HTTPS_PROXY": self.world.proxy, "NO_PROXY": "127.0.0.1,localhost"} if self.world.proxy else {}
        certificates = str(self.world.ca_file)
        trust = (
            {"REQUESTS_CA_BUNDLE": certificates, "SSL_CERT_FILE": certificates} if self.world.ca_file.is_file() else {}
        )
        return {
            "LANG": "C.UTF-8",
            **self.spec.variables,
            "PATH": os.pathsep.join((str(environment), "/usr/local/bin", "/usr/bin", "/bin")),
            "VIRTUAL_ENV": str(environment.parent),
            "TMPDIR": str(self.spec.temporary),
            "PYTHONUNBUFFERED": "1",
            "AML_APP_ROOT": str(self.spec.code),
            "AZUREML_MODEL_DIR": str(self.spec.models),
            "AZUREML_ENTRY_SCRIPT": self.spec.script,
            "MSI_ENDPOINT": f"{self.world.loopback}/msi/token",
            "MSI_SECRET": self.secret,
            **proxy,
            **trust,
        }


def servers(world: World) -> list[Server]:
    """Every server of a world, also those that are still starting."""
    return [server for server in _all if server.world is world]


def serving(world: World, deployment_id: str) -> Server | None:
    """The server that takes a deployment's requests."""
    return _serving.get(_key(world, deployment_id))


async def stop(world: World, deployment_id: str) -> None:
    """End every server of a deployment."""
    mine = [server for server in servers(world) if server.deployment_id.lower() == deployment_id.lower()]
    await asyncio.gather(*(server.stop() for server in mine))


async def stop_all() -> None:
    """End every server."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*(server.stop() for server in list(_all)), return_exceptions=True)


def _key(world: World, deployment_id: str) -> tuple[Path, str]:
    return world.home, deployment_id.lower()
