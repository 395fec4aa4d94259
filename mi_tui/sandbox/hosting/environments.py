"""Scoring environments: virtual environments built with uv from a deployment's conda file, kept by content, shared by all worlds.

They lie in `<home>/environments`, or in the folder that the environment variable MI_TUI_SANDBOX_CACHE names.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import uv

from mi_tui.sandbox.hosting import pins
from mi_tui.sandbox.hosting.conda import SERVER, CondaError, CondaFile, parse
from mi_tui.sandbox.world import World

CACHE_VARIABLE = "MI_TUI_SANDBOX_CACHE"
_FORMAT = 1
"""Part of every key: raised when environments are built in another way."""

# What a build may see of the environment that the sandbox was started in: the way to the package index, and no more.
_PASSED = (
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC",
    "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "all_proxy", "no_proxy",
)  # fmt: skip
# uv has its own names for what people configure for pip.
_FROM_PIP = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_EXTRA_INDEX_URL": "UV_INDEX", "PIP_CERT": "SSL_CERT_FILE",
}  # fmt: skip


class BuildError(Exception):
    """An environment could not be built; `log` is the whole build log."""

    def __init__(self, log: str) -> None:
        super().__init__("the environment could not be built")
        self.log = log


@dataclass(frozen=True)
class Environment:
    """A built environment. `cached` says that nothing had to be built; `notes` is what the deployment's log should mention."""

    folder: Path
    python: Path
    version: str
    cached: bool
    notes: tuple[str, ...]

    @property
    def has_server(self) -> bool:
        """Whether the inference server is installed in it."""
        return any(self.folder.glob("lib/python*/site-packages/azureml_inference_server_http"))


def cache_folder(world: World) -> Path:
    """Where environments are kept."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).expanduser().resolve() if named else world.home / "environments"


async def build(world: World, conda_text: str) -> Environment:
    """The environment of a conda file, built if there is none yet; who asks for one that is being built waits for it.

    Raises BuildError with the log. uv never downloads a Python: where the one asked for is not on this machine, the
    sandbox's own minor version stands in, with later packages where the pinned ones have no build for it (see `pins`), and
    the notes say so.
    """
    try:
        conda = parse(conda_text)
    except CondaError as error:
        raise BuildError(f"{error}\n") from error
    root = cache_folder(world)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    python, version, notes = await _interpreter(world, conda)
    stands_in = conda.python is not None and conda.python != version
    if stands_in:
        conda = replace(conda, requirements=(*conda.requirements, *pins.brought_along(conda)))
    key = _key(version, conda, stands_in=stands_in)
    folder, lock = root / key, root / f"{key}.txt"

    def built(*, cached: bool) -> Environment:
        others = pins.replaced(conda.requirements, lock.read_text("utf-8")) if stands_in and lock.exists() else []
        return Environment(folder, folder / "bin" / "python", version, cached, (*notes, *others))

    if (folder / "bin" / "python").exists():
        return built(cached=True)
    async with _locked(root / f"{key}.lock"):
        if (folder / "bin" / "python").exists():
            return built(cached=True)
        # Whoever began one of these was killed: the lock is ours.
        for left in root.glob(f".{key}.*"):
            await asyncio.to_thread(shutil.rmtree, left, ignore_errors=True)
        log = "".join(f"NOTE: {note}\n" for note in notes)
        try:
            await _build(world, root, key, python, conda.requirements, log)
        except BuildError as error:
            if not stands_in or not any(pins.pinned(conda.requirements)):
                raise
            log = (
                f"{error.log}NOTE: once more, with later versions where the pinned ones have no build for this Python\n"
            )
            later = await _later(world, root, key, python, conda.requirements, log)
            await _build(world, root, key, python, later, log)
    return built(cached=False)


def _key(version: str, conda: CondaFile, *, stands_in: bool) -> str:
    facts = [_FORMAT, version, list(conda.requirements), sys.platform, platform.machine(), platform.libc_ver()[0]]
    if stands_in:
        facts.append("stands in")
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24]


async def _interpreter(world: World, conda: CondaFile) -> tuple[str, str, tuple[str, ...]]:
    """The Python to build on, its minor version, and notes on what differs from the conda file."""
    notes = [
        f"{name} is left out: it has no place in a virtual environment" for name in conda.left_out if name != "pip"
    ]
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    if conda.python is None or conda.python == own:
        return sys.executable, own, tuple(notes)
    status, text = await _run(world, "python", "find", "--no-project", conda.python)
    path = text.strip().splitlines()[-1] if status == 0 and text.strip() else ""
    if path:
        return path, conda.python, tuple(notes)
    notes.append(f"python={conda.python} is not on this machine: python {own} is used instead")
    return sys.executable, own, tuple(notes)


async def _build(world: World, root: Path, key: str, python: str, requirements: tuple[str, ...], log: str) -> None:
    """Build an environment and keep it and its lock file. `log` is what was said before."""
    work = root / f".{key}.{uuid.uuid4().hex[:8]}"
    work.mkdir(mode=0o700)
    venv, lock = work / "venv", root / f"{key}.txt"
    try:
        log += await _step(world, log, "venv", "--no-project", "--relocatable", "--python", python, str(venv))
        resolved = lock
        if not lock.exists():
            resolved = work / "lock"
            log += await _resolve(world, log, python, requirements, resolved)
        log += await _step(
            world, log, "pip", "install", "--python", str(venv / "bin" / "python"), "--requirements", str(resolved)
        )
        if resolved != lock:
            resolved.replace(lock)
        (venv / "build.log").write_text(log, "utf-8")
        # One whose Python is gone from this machine still lies there.
        await asyncio.to_thread(shutil.rmtree, root / key, ignore_errors=True)
        venv.replace(root / key)
    finally:
        await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)


async def _later(
    world: World, root: Path, key: str, python: str, requirements: tuple[str, ...], log: str
) -> tuple[str, ...]:
    """The requirements with each pin on the first version from there on that has a build for this Python. Raises BuildError."""
    with tempfile.TemporaryDirectory(dir=root, prefix=f".{key}.") as work:
        lock = Path(work) / "lock"
        # What is not pinned is left out: it is wanted as new as possible, and the pins as old.
        names = sorted({name for name, _ in pins.pinned(requirements)})
        options = ("--resolution", "lowest-direct", *(f"--only-binary={name}" for name in names))
        await _resolve(world, log, python, pins.loosened(requirements), lock, *options)
        return pins.repinned(requirements, lock.read_text("utf-8"))


async def _resolve(
    world: World, log: str, python: str, requirements: tuple[str, ...], lock: Path, *options: str
) -> str:
    """Write the lock file of requirements; what uv said. Raises BuildError."""
    wanted = lock.with_name("requirements.in")
    wanted.write_text("".join(f"{line}\n" for line in requirements), "utf-8")
    return await _step(
        world, log, "pip", "compile", "--no-header", "--no-annotate", "--python", python, *options,
        "--output-file", str(lock), str(wanted),
    )  # fmt: skip


async def _step(world: World, log: str, *arguments: str) -> str:
    status, text = await _run(world, *arguments)
    shown = f"$ uv {arguments[0]} {arguments[1] if arguments[0] == 'pip' else ''}".rstrip() + f"\n{text}"
    if status != 0:
        raise BuildError(f"{log}{shown}\nThe environment could not be built: uv ended with exit code {status}.\n")
    return shown


async def _run(world: World, *arguments: str) -> tuple[int, str]:
    """Run uv and return its exit code and what it said. Killed when the caller is cancelled."""
    process = await asyncio.create_subprocess_exec(
        uv.find_uv_bin(), *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env=build_variables(world), cwd=world.home,
    )  # fmt: skip
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    # An index may be named with a password in it.
    text = re.sub(r"://[^/@\s]+@", "://***@", output.decode("utf-8", "replace"))
    return process.returncode or 0, text


def build_variables(world: World) -> dict[str, str]:
    """The environment of a build: the user's own proxy, index and certificates, and nothing that points into the sandbox."""
    inside = (world.proxy, str(world.home)) if world.proxy else (str(world.home),)
    given = {
        name: value for name, value in os.environ.items() if not any(value.startswith(prefix) for prefix in inside)
    }
    variables = {name: given[name] for name in _PASSED if name in given}
    variables |= {
        name: value
        for name, value in given.items()
        if name.startswith("UV_") and name not in {"UV_PYTHON", "UV_PROJECT"}
    }
    for theirs, ours in _FROM_PIP.items():
        if theirs in given:
            variables.setdefault(ours, given[theirs])
    variables |= {
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_CACHE_DIR": str(cache_folder(world) / "uv-cache"),
        "UV_NO_PROGRESS": "1",
        "NO_COLOR": "1",
    }
    return variables


@contextlib.asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    """Hold a lock that also other sandboxes on this machine respect; the system lets go of it when its holder dies."""
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if error.errno not in {errno.EAGAIN, errno.EACCES}:
                    raise
                await asyncio.sleep(0.1)
        yield
    finally:
        os.close(handle)


def missing_server_lines() -> list[str]:
    """What the image's start script says when the environment lacks the inference server."""
    return [f"WARNING: Package(s) not found: {SERVER}", "/bin/bash: line 1: azmlinfsrv: command not found"]
