"""One inference server as a process of its own: started with a clean environment, watched, and ended with its whole group."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from pathlib import Path

from mi_tui.sandbox.hosting.logfile import LogFile

LAUNCHER = Path(__file__).with_name("launcher.py")
_PROBE_TIMEOUT = 2.0
"""Seconds; Azure's default timeout of a probe."""
_GRACE = 0.7
"""Seconds between the polite and the impolite signal."""


class Process:
    """A started server. `port` is on 127.0.0.1; `ending` is set as soon as its process is gone, `exited` when all that it
    started is gone too and its last words are in the log, with its exit code in `code`."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: LogFile, memory: int | None = None) -> None:
        self._process = process
        self._log = log
        self._memory = memory
        self.port = port
        self.out_of_memory = False
        """Whether it was killed because it and its workers used more than the bytes it may."""
        self.ending = asyncio.Event()
        self.exited = asyncio.Event()
        self.code: int | None = None
        self._reading = asyncio.get_running_loop().create_task(self._read())
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def ready(self, seconds: float) -> bool:
        """Wait until the server answers its health probe. False when it ended first, or did not answer in time."""
        probing = asyncio.get_running_loop().create_task(self._probe())
        ended = asyncio.get_running_loop().create_task(self.exited.wait())
        try:
            await asyncio.wait({probing, ended}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return probing.done() and not self.exited.is_set()
        finally:
            for task in (probing, ended):
                task.cancel()
            await asyncio.gather(probing, ended, return_exceptions=True)

    async def stop(self) -> None:
        """End the server and everything it started; returns when it is gone."""
        if self.exited.is_set():
            return
        self._signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await self.exited.wait()
        if not self.exited.is_set():
            self._signal(signal.SIGKILL)
            await self.exited.wait()

    def _signal(self, number: signal.Signals) -> None:
        # The group outlives its leader while a worker is left; a group of nobody is no error.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    async def _watch(self) -> None:
        """Wait for the end of the process, then end what it left behind and read the rest of what they said."""
        # Not `wait()`: in some Python versions it returns only when every holder of the pipes is gone as well.
        while self._process.returncode is None:
            if self._memory is not None and not self.out_of_memory:
                self.out_of_memory = await asyncio.to_thread(group_memory, self._process.pid) > self._memory
                if self.out_of_memory:
                    # As the kernel does with a container over its limit.
                    self._log.line("Killed")
                    self._signal(signal.SIGKILL)
            await asyncio.sleep(0.05)
        self.ending.set()
        self._signal(signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._reading
        self.code = self._process.returncode
        self.exited.set()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while data := await self._process.stdout.read(65536):
            self._log.write(data)

    async def _probe(self) -> None:
        while True:
            # Not `wait_for`, which in Python 3.11 can lose a cancellation to an error that comes at the same moment.
            with contextlib.suppress(OSError):
                async with asyncio.timeout(_PROBE_TIMEOUT):
                    if await _healthy(self.port):
                        return
            await asyncio.sleep(0.05)


async def start(
    python: Path,
    *,
    script: str,
    model_folder: Path,
    code_folder: Path,
    home: Path,
    variables: dict[str, str],
    log: LogFile,
    memory: int | None = None,
) -> Process:
    """Start a server for a scoring script (a path relative to `code_folder`). `variables` is its whole environment, `memory`
    how many bytes it may use."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        str(python), "-u", str(LAUNCHER),
        f"--entry_script={script}", f"--model_dir={model_folder}", f"--port={port}",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        cwd=code_folder, env={**variables, "HOME": str(home)}, start_new_session=True,
    )  # fmt: skip
    return Process(process, port, log, memory)


def group_memory(group: int) -> int:
    """Bytes of memory that the processes of a group hold; 0 when nobody can say."""
    if Path("/proc/self/stat").exists():
        return sum(_held(stat, group) for stat in Path("/proc").glob("[0-9]*/stat"))
    try:
        listed = subprocess.run(
            ["ps", "-A", "-o", "pgid=,rss="], capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    rows = (line.split() for line in listed.stdout.splitlines())
    return sum(int(row[1]) * 1024 for row in rows if len(row) == 2 and row[0] == str(group))


def _held(stat: Path, group: int) -> int:
    """What one process holds when it is of the group ("proc_pid_stat(5)": after the name, the group is third, the pages 22nd)."""
    try:
        fields = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
        return int(fields[21]) * os.sysconf("SC_PAGE_SIZE") if fields[2] == str(group) else 0
    except (OSError, IndexError, ValueError):
        return 0


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _healthy(port: int) -> bool:
    """Whether `GET /`, the inference server's liveness route, answers 200."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        await writer.drain()
        return b" 200 " in await reader.readline()
    finally:
        writer.close()
