"""`python -m tests.bench.logview [KEYS]`: how soon a key is echoed while 10,000 log lines a second arrive, and what a million lines take.

The real App at its Deploy screen in a real pty: each key is a letter that no log line has, typed into the log's search line; the time is
from the write to the letter's first appearance in the output. Idle and load are measured in turn, in the same process, so that a slow
minute of the machine hits both.
"""

from __future__ import annotations

import asyncio
import os
import pty
import resource
import select
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from mi_tui.app import MiTui
from mi_tui.model.draft import Stage
from mi_tui.model.events import LogLine
from tests.screens.plans import RUN, Scripted, a_plan, planned

RATE = 10_000
CONTAINER = "inference-server"
_LETTERS = [
    chr(code)
    for start, end in ((0x3B1, 0x3C9), (0x430, 0x44F), (0x561, 0x586), (0x10D0, 0x10FA))
    for code in range(start, end)
]
_ROUNDS = 4


def text(number: int) -> str:
    """A log line as a scoring server writes them."""
    return f"2026-11-22 21:01:26,{number % 1000:03d} I [31429] azmlinfsrv - POST /score 200 {number} in 12.3 ms, 118 B, request {number * 7919 % 10**9:09d}"


def fed(folder: Path) -> MiTui:
    """The App as it is while a run goes, without the run."""
    from screens.runlog import RunLog

    app = MiTui(Scripted(folder, a_plan()))
    app.wizard.progress.take(planned(a_plan()))
    app.wizard.log = RunLog(folder / "logs", RUN)
    return app


def feed(app: MiTui, load: threading.Event) -> None:
    """Events at RATE while `load` is set, taken in as a run's thread does."""
    number = 0
    while True:
        load.wait()
        due = time.perf_counter()
        while load.is_set():
            for _ in range(RATE // 100):
                app.wizard._take_in(LogLine(run=RUN, container=CONTAINER, text=text(number)))
                number += 1
            due += 0.01
            time.sleep(max(0.0, due - time.perf_counter()))


def child(folder: str) -> None:
    """The App in the pty. A line `load` or `idle` in the file descriptor 3 turns the lines on or off."""
    app = fed(Path(folder))
    load = threading.Event()

    def listen() -> None:
        with os.fdopen(3) as orders:
            for order in orders:
                (load.set if order.strip() == "load" else load.clear)()

    def begin() -> None:
        app.go(Stage.DEPLOY)
        app.set_timer(1.0, lambda: app.run_action("log_search", app.screen))

    threading.Thread(target=feed, args=(app, load), daemon=True).start()
    threading.Thread(target=listen, daemon=True).start()
    threading.Timer(1.5, lambda: app.wizard._post(begin)).start()
    app.run()
    if app.broke is not None:
        raise app.broke


def echoes(master: int, letters: list[str]) -> list[float]:
    """Seconds from each key to its letter on the screen."""
    took = []
    for letter in letters:
        drain(master, 0.05)
        wanted, seen = letter.encode(), b""
        began = time.perf_counter()
        os.write(master, wanted)
        while wanted not in seen:
            # Without the terminal's own echo only the App can have written the letter.
            if time.perf_counter() - began > 5:
                sys.exit(f"the key {letter!r} was never echoed")
            if select.select([master], [], [], 0.5)[0]:
                seen = seen[-8:] + os.read(master, 65_536)
        took.append(time.perf_counter() - began)
    return took


def drain(master: int, seconds: float) -> None:
    """Read what comes for a while."""
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        if select.select([master], [], [], left)[0]:
            os.read(master, 65_536)


def latency(keys: int) -> None:
    """Echo under load beside idle."""
    with tempfile.TemporaryDirectory() as folder:
        master, slave = pty.openpty()
        subprocess.run(["stty", "-echo", "rows", "40", "cols", "120"], stdin=slave, check=True)
        orders, give = os.pipe()
        process = subprocess.Popen(
            [
                "bash",
                "-c",
                f'exec 3<&{orders}; exec "$@"',
                "-",
                sys.executable,
                "-m",
                "tests.bench.logview",
                "--child",
                folder,
            ],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            pass_fds=[orders],
            env={**os.environ, "TERM": "xterm-256color", "MI_TUI_HOME": folder},
        )
        try:
            drain(master, 5.0)
            found: dict[str, list[float]] = {"idle": [], "load": []}
            letters = iter(_LETTERS * (1 + 2 * keys * _ROUNDS // len(_LETTERS)))
            for _ in range(_ROUNDS):
                for order in ("idle", "load"):
                    os.write(give, f"{order}\n".encode())
                    drain(master, 1.5)
                    os.write(master, b"\x15\x0b")  # empties the line, so that no letter stands there already
                    found[order] += echoes(master, [next(letters) for _ in range(keys)])
        finally:
            process.kill()
            process.wait()
        for order, took in found.items():
            row(f"key echo, {order}", took)
        ratio = quantile(found["load"], 0.99) / quantile(found["idle"], 0.99)
        print(f"{'p99 under load / p99 idle':34} {ratio:8.2f}")


def quantile(values: list[float], share: float) -> float:
    """The value below which this share lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def row(name: str, took: list[float]) -> None:
    """One row of figures."""
    print(
        f"{name:34} p50 {statistics.median(took) * 1000:6.1f}  p99 {quantile(took, 0.99) * 1000:6.1f}  max {max(took) * 1000:6.1f} ms  n={len(took)}"
    )


async def million(folder: Path, count: int = 1_000_000) -> None:
    """Memory, and whether the file is complete."""
    app = fed(folder)

    async with app.run_test(size=(120, 40)) as pilot:
        app.go(Stage.DEPLOY)
        await pilot.pause(0.5)
        readings = []
        began = time.perf_counter()
        for start in range(0, count, 5_000):
            for number in range(start, start + 5_000):
                app.wizard._take_in(LogLine(run=RUN, container=CONTAINER, text=text(number)))
            while app.wizard._events:
                await asyncio.sleep(0.01)
            if start % 100_000 == 0:
                readings.append(resident())
        took = time.perf_counter() - began
    assert app.wizard.log is not None
    app.wizard.log.close()
    with app.wizard.log.path(CONTAINER).open() as file:
        lines = sum(1 for _ in file)
    kept = len(app.wizard.progress.logs[CONTAINER])
    print(f"{f'{count:,} lines':34} {took:6.1f} s, {count / took:,.0f} lines/s; kept {kept:,}; in the file {lines:,}")
    print(f"{'resident memory, MiB':34} {' '.join(f'{reading:.0f}' for reading in readings)}  (every 100,000 lines)")


def resident() -> float:
    """Resident memory in MiB now; the peak where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2])
    else:
        latency(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
        with tempfile.TemporaryDirectory() as place:
            asyncio.run(million(Path(place)))
