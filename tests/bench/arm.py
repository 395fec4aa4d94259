"""`python -m tests.bench.arm [ROUNDS]`: the sandbox's Resource Manager, measured in one run.

An ARM GET beside a bare starlette route of the same size, in the same process, on the same server and TLS, in turns; how soon a
sandbox is ready after its imports, with a new world and with one that is there; a list's latency for each item, short and long;
memory at rest. `over` is against the issue's figures: a GET at most 2.5 times the bare route, ready within 0.5 s, 120 MB.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mi_tui.sandbox import client

REPOSITORY = Path(__file__).resolve().parents[2]
ITEMS = 2000
REQUESTS = 150


@contextmanager
def child(home: Path, items: int = 0) -> Iterator[dict[str, Any]]:
    """The measured process with so many deployments in an endpoint, and what it tells of itself."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.arm_child", str(home), str(items)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            sys.exit("the measured process ended before it was ready")
        yield json.loads(line)
    finally:
        process.communicate()


class Wire:
    """One kept connection to a port of the child."""

    def __init__(self, facts: dict[str, Any], port: int) -> None:
        context = ssl.create_default_context(cafile=facts["ca"])
        self._http = http.client.HTTPSConnection("127.0.0.1", port, context=context)
        raw = socket.create_connection(("127.0.0.1", port))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._http.sock = context.wrap_socket(raw, server_hostname="management.azure.com")
        self._headers = {"Host": "management.azure.com", "Authorization": f"Bearer {facts['token']}"}

    def get(self, path: str) -> tuple[float, bytes]:
        """Seconds and body of one GET."""
        began = time.perf_counter()
        self._http.request("GET", path, headers=self._headers)
        answer = self._http.getresponse()
        body = answer.read()
        took = time.perf_counter() - began
        if answer.status != 200:
            sys.exit(f"{path} was answered {answer.status}: {body[:500]!r}")
        return took, body


def row(name: str, seconds: list[float], limit: str = "") -> float:
    """One row of figures in milliseconds; returns the median in seconds."""
    low, middle, high = min(seconds) * 1000, statistics.median(seconds) * 1000, max(seconds) * 1000
    print(f"{name:52} min {low:8.2f}  median {middle:8.2f}  max {high:8.2f} ms  n={len(seconds)} {limit}")
    return middle / 1000


def whole_list(wire: Wire, path: str) -> tuple[float, int]:
    """Seconds and items of a list with all its pages."""
    seconds, items = 0.0, 0
    address: str | None = path
    while address:
        took, body = wire.get(address.removeprefix("https://management.azure.com"))
        page = json.loads(body)
        seconds, items = seconds + took, items + len(page["value"])
        address = page.get("nextLink")
    return seconds, items


def idle_memory(folder: Path) -> float:
    """Megabytes of a sandbox that was started as people start it, two seconds later."""
    home = folder / "idle"
    subprocess.run(
        [sys.executable, "-m", "mi_tui", "sandbox", "start"],
        env={**os.environ, "MI_TUI_HOME": str(home)}, cwd=REPOSITORY, check=True, capture_output=True,
    )  # fmt: skip
    connection = client.running(home / "sandbox")
    assert connection is not None
    try:
        time.sleep(2)
        told = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(connection.pid)], capture_output=True, text=True, check=True
        )
        return int(told.stdout) / 1024
    finally:
        client.stop(home / "sandbox")


def over(limit: float, value: float) -> str:
    """The verdict beside a figure."""
    return f"limit {limit:g}: {'met' if value <= limit else 'OVER'}"


def main(rounds: int) -> None:
    """Run everything and print the figures."""
    with tempfile.TemporaryDirectory(prefix="mi-tui-bench-") as temporary:
        folder = Path(temporary)
        fresh, again, imports = [], [], []
        for number in range(rounds):
            for seen in (fresh, again):
                with child(folder / f"start-{number}") as facts:
                    seen.append(facts["ready"])
                    imports.append(facts["imports"])
        row("imports of the sandbox's process", imports)
        row("ready after its imports, a new world", fresh, over(0.5, statistics.median(fresh)))
        row("ready after its imports, a world that is there", again, over(0.5, statistics.median(again)))
        with child(folder / "get", ITEMS) as facts:
            arm, bare = Wire(facts, facts["arm_port"]), Wire(facts, facts["bare_port"])
            path = f"{facts['account']}?api-version=2023-05-01"
            ours, theirs = _in_turns(rounds, lambda: arm.get(path)[0], lambda: bare.get("/bare")[0])
            ratio = row("ARM GET of a storage account", ours) / row("bare starlette route, same bytes", theirs)
            print(f"{'':52} {ratio:.2f} times the bare route, {over(2.5, ratio)}")
            endpoints = f"{facts['workspace']}/onlineEndpoints"
            short, long = _in_turns(
                1,
                *(
                    lambda total=total: _each(arm, f"{endpoints}/bench-{total}/deployments", total)  # type: ignore[misc]
                    for total in (ITEMS // 10, ITEMS)
                ),
                requests=max(5, rounds),
            )
            growth = row(f"each of {ITEMS} deployments, all pages", long) / row(
                f"each of {ITEMS // 10} deployments, all pages", short
            )
            print(f"{'':52} {growth:.2f} times the latency for each item, {over(1.25, growth)}")
        memory = idle_memory(folder)
        print(f"{'memory at rest':52} {memory:.0f} MB, {over(120, memory)}")


def _each(wire: Wire, path: str, total: int) -> float:
    seconds, items = whole_list(wire, f"{path}?api-version=2023-04-01-preview")
    if items != total:
        sys.exit(f"{path} told {items} items instead of {total}")
    return seconds / items


def _in_turns(
    rounds: int, one: Callable[[], float], other: Callable[[], float], requests: int = REQUESTS
) -> tuple[list[float], list[float]]:
    """Both in turns, so that a slow minute hits both; after a warm-up."""
    for _ in range(min(20, requests)):
        one(), other()
    pairs = [(one(), other()) for _ in range(rounds * requests)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
