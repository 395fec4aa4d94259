"""One run that polls for an hour in a world that never finishes: whether its memory, handles and threads stay flat."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from mi_tui.engine.context import Pace

SCENARIO = "no-capacity,flaky-network"
"""The region has no machine, so the deployment is Creating for ever; meanwhile each eighth look is cut off or answered 502."""

SETTLED_SECONDS = 240.0
"""Before that the run still makes its resources and imports what it needs."""

FIRST_LOOK = Pace().capacity_look + SETTLED_SECONDS
"""Seconds after which a deployment that waits has been looked at: once, the rules are read for it and two connections opened."""


@dataclass(frozen=True)
class Sample:
    """One look at a process; `rss` in KiB."""

    seconds: float
    rss: int
    handles: int
    threads: int


def look(pid: int, began: float) -> Sample:
    """The process now. ProcessLookupError when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        handles = len(os.listdir(f"/proc/{pid}/fd"))
    except OSError as error:
        raise ProcessLookupError(pid) from error
    facts = dict(line.split(":", 1) for line in status.splitlines())
    if "VmRSS" not in facts:  # it has ended and nobody has looked yet
        raise ProcessLookupError(pid)
    return Sample(time.monotonic() - began, int(facts["VmRSS"].split()[0]), handles, int(facts["Threads"]))


def slope(samples: list[Sample]) -> float:
    """KiB of memory a minute, by least squares."""
    if len(samples) < 2:
        return 0.0
    return statistics.linear_regression([s.seconds / 60 for s in samples], [float(s.rss) for s in samples]).slope


def haul(minutes: float, home: Path, every: float = 60.0) -> int:
    """Let one run poll for so many minutes and print a line each `every` seconds; the last line has the slope. 0 when all is flat."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    environment = {**os.environ, "MI_TUI_HOME": str(home), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "mi_tui", "up", "--sandbox", "--profile", "azure", "--scenario", SCENARIO, "--yes"]
    with (home / "up.out").open("wb") as output:
        process = subprocess.Popen(
            [*command, "--json"], stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
        )
    began = time.monotonic()
    samples: list[Sample] = []
    try:
        while time.monotonic() - began < minutes * 60:
            if process.poll() is not None:
                break
            samples.append(look(process.pid, began))
            print(
                f"{samples[-1].seconds / 60:6.1f} min  {samples[-1].rss:8d} KiB  {samples[-1].handles:4d} handles  {samples[-1].threads:3d} threads",
                flush=True,
            )
            time.sleep(every)
    except ProcessLookupError:
        pass
    ended = process.poll()
    if ended is None:
        process.terminate()
        process.wait(60)
    after = FIRST_LOOK if minutes * 60 >= 2 * FIRST_LOOK else SETTLED_SECONDS
    settled = [sample for sample in samples if sample.seconds >= after] or samples
    rising = slope(settled)
    # A process that reads and forgets may wander by some pages; one that keeps what it reads grows with every poll.
    flat = (
        rising < 16 and settled[-1].handles <= settled[0].handles + 5 and settled[-1].threads <= settled[0].threads + 5
    )
    print(
        f"minutes {samples[-1].seconds / 60:.1f}, from {settled[0].seconds / 60:.1f}: "
        f"memory {settled[0].rss} -> {settled[-1].rss} KiB, slope {rising:+.1f} KiB/min  "
        f"handles {settled[0].handles} -> {settled[-1].handles}  threads {settled[0].threads} -> {settled[-1].threads}  "
        f"{'still polling' if ended is None else f'ended by itself with {ended}'}  {'flat' if flat else 'NOT FLAT'}",
        flush=True,
    )
    return 0 if flat and ended is None else 1
