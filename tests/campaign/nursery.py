"""Starts mi-tui often and cheaply: one process imports what takes five seconds, and each mi-tui is a fork of it.

A fork has no threads, no connection and no state of mi-tui; it ends as a process of its own, with the interpreter's own end. Another
fork waits for it and writes down how it ended, so that many can run at once. Each is the leader of its own session, so that what it leaves behind can be told.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.campaign.victim import Kill

REPOSITORY = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 150.0
"""A command of the profile `instant` that takes longer hangs."""


@dataclass(frozen=True)
class Ended:
    """How a mi-tui ended. `code` is negative for a signal; `hung`: it was killed because it took too long."""

    arguments: tuple[str, ...]
    kill: Kill
    code: int
    out: str
    err: str
    seconds: float
    hung: bool
    leftovers: tuple[str, ...]
    processes: tuple[str, ...] = ()
    """Command lines and environments that its processes were seen with."""
    counts: dict[str, list[str]] = field(default_factory=dict)
    """The points that it passed, by name, when it came to its end."""

    @property
    def killed(self) -> bool:
        """Whether it died where it was to die."""
        return self.code == -signal.SIGKILL and not self.hung

    @property
    def said(self) -> str:
        """Both outputs."""
        return f"{self.out}\n{self.err}"


class NurseryGone(RuntimeError):
    """The process that mi-tui is forked from was ended from outside: it says nothing of mi-tui, and no round can be played on it."""


class Nursery:
    """Begins processes of mi-tui with one home. Its methods may be called from many threads."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "MI_TUI_HOME": str(home), "NO_COLOR": "1", "PYTHONFAULTHANDLER": "1"}
        self._number = 0
        self._lock = threading.Lock()
        self._parent: subprocess.Popen[str] | None = None

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process that is forked from."""
        if self._parent is not None:
            assert self._parent.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                self._parent.stdin.close()
            self._parent.wait(30)
            self._parent = None

    def kill(self) -> None:
        """End that process as one from outside does."""
        if self._parent is not None:
            self._parent.kill()

    def run(
        self,
        *arguments: str,
        kill: Kill | None = None,
        cold: bool = False,
        limit: float = LIMIT_SECONDS,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        within: Path | None = None,
        stdin: str = "",
    ) -> Ended:
        """Run mi-tui to its end; what it says is kept in `folder` (default: the nursery's), which it also works in.

        `cold` starts it as a person does, imports and all. A fork can be given another `environment`, another folder to work `within`,
        and something to read.
        """
        kill = kill or Kill()
        with self._lock:
            self._number += 1
            base = (folder or self.folder) / f"command-{self._number:04}"
        began = time.monotonic()
        with Watch(limit) as watch:
            if cold:
                code = self._cold(base, kill, arguments, watch)
            else:
                base.with_suffix(".in").write_text(stdin)
                more = {
                    "environment": dict(environment or self.environment),
                    "within": str(within or base.parent),
                }
                code = self._fork(base, kill, arguments, watch, more)
        out, err = (base.with_suffix(end).read_text("utf-8", "replace") for end in (".out", ".err"))
        counts = base.with_suffix(".counts")
        return Ended(
            arguments, kill, code, out, err, time.monotonic() - began, watch.hung, tuple(in_session(watch.pid)),
            tuple(watch.seen), json.loads(counts.read_text()) if counts.exists() else {},
        )  # fmt: skip

    def _cold(self, base: Path, kill: Kill, arguments: tuple[str, ...], watch: Watch) -> int:
        command = [sys.executable, "-m", "tests.campaign.victim", kill.kind, str(kill.at), "--", *arguments]
        environment = {
            **self.environment,
            "PYTHONPATH": str(REPOSITORY),
            "CAMPAIGN_COUNTS": str(base.with_suffix(".counts")),
            "CAMPAIGN_POINT": kill.point,
        }
        with base.with_suffix(".out").open("wb") as out, base.with_suffix(".err").open("wb") as err:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment, cwd=self.folder,
                start_new_session=True,
            )  # fmt: skip
            watch.begin(process.pid)
            return process.wait()

    def _fork(
        self, base: Path, kill: Kill, arguments: tuple[str, ...], watch: Watch, more: Mapping[str, object]
    ) -> int:
        order = {
            "base": str(base), "kind": kill.kind, "at": kill.at, "point": kill.point, "arguments": arguments, **more,
        }  # fmt: skip
        with self._lock:
            if self._parent is None:
                self._parent = subprocess.Popen(
                    [sys.executable, "-m", "tests.campaign.nursery"], stdin=subprocess.PIPE, text=True,
                    env={**self.environment, "PYTHONPATH": str(REPOSITORY)}, cwd=REPOSITORY,
                )  # fmt: skip
            assert self._parent.stdin is not None
            try:
                self._parent.stdin.write(json.dumps(order) + "\n")
                self._parent.stdin.flush()
            except BrokenPipeError:
                raise NurseryGone("the process that mi-tui is forked from has ended") from None
        watch.begin(int(self._told(base.with_suffix(".pid"))))
        return int(self._told(base.with_suffix(".code")))

    def _told(self, path: Path) -> str:
        """What a fork writes down, once it has."""
        while not path.exists():
            assert self._parent is not None
            if self._parent.poll() is not None:
                raise NurseryGone("the process that mi-tui is forked from has ended")
            time.sleep(0.02)
        return path.read_text()


class Watch:
    """Looks at a process and its session while it lives: ends it when it hangs, keeps what stood on their command lines."""

    def __init__(self, limit: float) -> None:
        self.pid = 0
        self.hung = False
        self.seen: set[str] = set()
        self._limit = limit
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def begin(self, pid: int) -> None:
        """The process is there."""
        self.pid = pid
        self._thread.start()

    def _look(self) -> None:
        end = time.monotonic() + self._limit
        while not self._over.wait(0.25):
            self.seen.update(in_session(self.pid, environment=True))
            if time.monotonic() > end and not self.hung:
                self.hung = True
                # Where each thread stands goes to its standard error.
                for number in (signal.SIGUSR1, signal.SIGKILL):
                    try:
                        os.kill(self.pid, number)
                    except ProcessLookupError:
                        break
                    time.sleep(0.5)


def in_session(session: int, *, environment: bool = False) -> Iterator[str]:
    """The command lines (with `environment`: also the variables) of the processes of a session that live."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
            if int(fields[3]) != session or fields[0] == "Z":
                continue
            text = stat.with_name("cmdline").read_bytes()
            if environment:
                text += b"\0" + stat.with_name("environ").read_bytes()
        except OSError:
            continue
        yield text.replace(b"\0", b"\n").decode("utf-8", "replace")


def _serve() -> list[str] | None:
    """Fork a mi-tui for each line of standard input. Returns in the fork, with its arguments; None in the parent, at the end."""
    import faulthandler

    from mi_tui import workflow  # noqa: F401 - imported so that the forks need not
    from mi_tui.cli import drive, main, render  # noqa: F401
    from mi_tui.services import quiet
    from tests.campaign import victim

    quiet.load_clients()
    quiet.load_identity()
    quiet.load_ml()
    assert gc.get_freeze_count(), "else each fork looks through all that was imported: half a second"
    assert threading.active_count() == 1, "only a process without threads can be forked"
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        if os.fork():
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        order = json.loads(line)
        base = Path(order["base"])
        pid = os.fork()
        if pid:
            _tell(base.with_suffix(".pid"), pid)
            _tell(base.with_suffix(".code"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            os._exit(0)
        os.setsid()
        os.environ.clear()
        os.environ.update(order["environment"])
        os.chdir(order["within"])
        _redirect(base)
        os.environ["CAMPAIGN_COUNTS"] = str(base.with_suffix(".counts"))
        faulthandler.register(signal.SIGUSR1, all_threads=True)
        victim.install(Kill(order["kind"], order["at"], order["point"]))
        return list(order["arguments"])
    return None


def _tell(path: Path, value: int) -> None:
    """Write a number so that whoever finds the file finds it whole."""
    part = path.with_suffix(f"{path.suffix}-part")
    part.write_text(str(value))
    part.rename(path)


def _redirect(base: Path) -> None:
    """Give the fork streams of its own."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for number, opened in (
        (0, os.open(base.with_suffix(".in"), os.O_RDONLY)),
        (1, os.open(base.with_suffix(".out"), flags, 0o600)),
        (2, os.open(base.with_suffix(".err"), flags, 0o600)),
    ):
        os.dup2(opened, number)
        os.close(opened)


if __name__ == "__main__":
    _arguments = _serve()
    if _arguments is not None:
        from tests.campaign.victim import run

        run(_arguments)
