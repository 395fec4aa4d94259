"""The sandbox as a process: started, shared, lost, found again, damaged, reset and ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from process_harness import ended, finish, holder, point, soon

from mi_tui.sandbox import client
from mi_tui.sandbox.client import Lease, SandboxError


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home of a sandbox; whatever runs there at the end is ended."""
    folder = tmp_path / "sandbox"
    yield folder
    if folder.is_dir():
        client.stop(folder)


@pytest.fixture
def lease(home: Path) -> Iterator[Lease]:
    with client.connect(home, profile="instant") as it:
        yield it


def test_it_ends_soon_after_its_last_client_and_leaves_nothing_open(home: Path) -> None:
    first = client.connect(home, profile="instant")
    pid, url = first.connection.pid, first.connection.proxy
    second = client.connect(home)
    assert second.connection.pid == pid
    first.close()
    time.sleep(1.3)
    assert second.alive()
    second.close()
    assert not second.alive()
    began = time.monotonic()
    assert soon(lambda: ended(pid))
    assert 0.5 < time.monotonic() - began < 10
    assert not (home / "connection.json").exists()
    assert client.running(home) is None
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), 1)


def test_a_client_killed_with_9_counts_as_gone(home: Path) -> None:
    process, pid = holder(home)
    assert client.running(home) is not None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert soon(lambda: ended(pid))


def test_two_that_connect_at_once_share_one(home: Path) -> None:
    leases: list[Lease] = []
    threads = [
        threading.Thread(target=lambda: leases.append(client.connect(home, profile="instant"))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    process, third = holder(home)
    for thread in threads:
        thread.join()
    assert {lease.connection.pid for lease in leases} == {third}
    assert client.status(leases[0].connection)["leases"] == 3
    finish(process)
    for lease in leases:
        lease.close()


def test_stop_is_quick_even_with_open_connections(lease: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    azure = point(monkeypatch, lease.connection)
    with requests.Session() as session:
        session.get("https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration", timeout=5)
        began = time.monotonic()
        assert client.stop(azure.home) is True
        assert time.monotonic() - began < 4, "a connection that is kept alive is not waited for"
    assert soon(lambda: ended(azure.pid))
    assert not lease.alive()
    assert client.stop(azure.home) is False
    with pytest.raises(SandboxError, match="does not answer any more"):
        client.status(azure)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(lease: Lease, number: signal.Signals) -> None:
    os.kill(lease.connection.pid, number)
    assert soon(lambda: ended(lease.connection.pid))
    text = (lease.connection.home / "sandbox.log").read_text()
    assert f"stopping: it got {number.name}" in text
    assert "Traceback" not in text
    assert not (lease.connection.home / "connection.json").exists()


def test_a_lost_sandbox_is_found_again_with_its_world_and_its_port(home: Path) -> None:
    lost = client.connect(home, profile="instant")
    before = client.tree(lost.connection)
    os.kill(lost.connection.pid, signal.SIGKILL)
    assert soon(lambda: not lost.alive())
    assert (home / "connection.json").exists()  # stale
    assert client.running(home) is None
    with client.connect(home, profile="instant") as found:
        assert found.connection.pid != lost.connection.pid
        assert (found.connection.proxy, found.connection.client_secret) == (
            lost.connection.proxy,
            lost.connection.client_secret,
        )
        assert client.tree(found.connection) == before
    lost.close()


def test_a_stale_file_that_names_a_living_stranger_is_no_sandbox(home: Path) -> None:
    with client.connect(home, profile="instant") as one:
        facts = json.loads((home / "connection.json").read_text())
    assert soon(lambda: ended(one.connection.pid))
    (home / "connection.json").write_text(json.dumps(facts | {"pid": os.getpid()}))
    assert client.running(home) is None
    assert client.stop(home) is False  # and did not end this process
    (home / "connection.json").write_text("{half")
    with client.connect(home, profile="instant") as again:
        assert again.alive()


def test_a_persistent_one_stays_until_stopped(home: Path) -> None:
    with client.connect(home, profile="instant") as short:
        assert short.connection.persistent is False
        with client.connect(home, persistent=True) as lasting:
            assert (lasting.connection.persistent, lasting.connection.pid) == (True, short.connection.pid)
    time.sleep(1.5)
    found = client.running(home)
    assert found is not None
    assert (found.persistent, found.pid) == (True, short.connection.pid)
    assert client.stop(home) is True


def test_connecting_while_it_stops_starts_the_next(home: Path) -> None:
    with client.connect(home, profile="instant") as first:
        stopper = threading.Thread(target=client.stop, args=(home,))
        stopper.start()
        assert soon(lambda: not (home / "connection.json").exists() or not first.alive())
        with client.connect(home, profile="instant") as second:
            assert second.connection.pid != first.connection.pid
            stopper.join()
            assert second.alive()


def test_alive_survives_being_closed_meanwhile(lease: Lease) -> None:
    watched: list[bool] = []
    with contextlib.ExitStack() as stack:
        stack.callback(lease.close)
        watched.append(lease.alive())
    watched.append(lease.alive())
    lease.close()
    assert watched == [True, False]


def test_a_damaged_world_is_told_and_reset_gives_a_new_one_with_the_same_ca(home: Path) -> None:
    with client.connect(home, profile="instant") as lease:
        secret, ca = lease.connection.client_secret, lease.connection.ca_file.read_bytes()
        (home / "environments" / "abc").mkdir(parents=True)
        (home / "deployments" / "blue").mkdir(parents=True)
        client.reset(home)
        assert not lease.alive()
    assert sorted(path.name for path in home.iterdir() if path.is_dir()) == ["ca", "environments"]
    assert not list(home.glob("world.db*"))
    (home / "world.db").write_bytes(b"this is no database, " * 100)
    with pytest.raises(SandboxError, match="Run 'mi-tui sandbox reset' to begin a new world") as failure:
        client.connect(home, profile="instant")
    assert "\n" not in str(failure.value)
    client.reset(home)
    with client.connect(home, profile="instant") as lease:
        assert lease.connection.client_secret != secret
        assert lease.connection.ca_file.read_bytes() == ca


def test_reset_of_nothing_is_nothing(home: Path) -> None:
    client.reset(home)
    assert not home.exists()


def test_a_second_server_in_the_same_home_is_refused(lease: Lease) -> None:
    command = [sys.executable, "-m", "mi_tui.sandbox", "serve", "--home", str(lease.connection.home)]
    second = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr.startswith("A sandbox already runs in ")
    assert lease.alive()


def test_an_unwritable_home_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SandboxError, match="cannot be made"):
        client.connect(tmp_path / "file" / "sandbox")
