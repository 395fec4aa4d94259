"""A sandbox as a process, mistreated: killed, crowded, fed with nonsense, out of disk. It goes on, and nothing is lost."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from process_harness import soon

from mi_tui.sandbox import client, furnish
from mi_tui.sandbox.client import Connection, Lease

GROUP = f"/subscriptions/{furnish.DEV}/resourceGroups/{furnish.GROUP}"
IDENTITIES = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
BOX = f"https://{furnish.KEYLESS_ACCOUNT}.blob.core.windows.net/{furnish.CONTAINER}"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "sandbox"
    yield folder
    client.stop(folder)


@pytest.fixture
def lease(home: Path) -> Iterator[Lease]:
    with client.connect(home, profile="instant") as opened:
        yield opened


class Caller:
    """Requests through a sandbox's front door, signed in as its service principal."""

    def __init__(self, connection: Connection) -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.proxies = {"https": connection.proxy}
        self.session.verify = str(connection.ca_file)
        self._connection = connection
        self._tokens: dict[str, str] = {}

    def token(self, resource_: str) -> str:
        if resource_ not in self._tokens:
            form = {
                "grant_type": "client_credentials", "client_id": self._connection.client_id,
                "client_secret": self._connection.client_secret, "scope": f"{resource_}/.default",
            }  # fmt: skip
            url = f"https://login.microsoftonline.com/{self._connection.tenant}/oauth2/v2.0/token"
            self._tokens[resource_] = self.session.post(url, data=form, timeout=20).json()["access_token"]
        return self._tokens[resource_]

    def arm(self, method: str, path: str, body: Any = None, version: str = "2023-01-31") -> requests.Response:
        url = f"https://management.azure.com{path}?api-version={version}"
        headers = {"Authorization": f"Bearer {self.token('https://management.azure.com')}"}
        return self.session.request(method, url, json=body, headers=headers, timeout=20)

    def blob(self, method: str, name: str, data: bytes | None = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token('https://storage.azure.com')}", "x-ms-version": "2023-11-03"}
        if method == "PUT":
            headers["x-ms-blob-type"] = "BlockBlob"
        return self.session.request(method, f"{BOX}/{name}", data=data, headers=headers, timeout=20)


def alive(connection: Connection) -> bool:
    """Whether the same process answers a new client in the right way."""
    return (
        client.status(connection)["pid"] == connection.pid
        and Caller(connection).arm("GET", f"{IDENTITIES}/{furnish.IDENTITY}").status_code == 200
    )


# ---- killed


def test_nothing_is_lost_by_a_kill(home: Path) -> None:
    with client.connect(home, profile="instant") as first:
        before = Caller(first.connection)
        assert before.arm("PUT", f"{IDENTITIES}/id-kept", {"location": "westeurope"}).status_code == 201
        for n in range(20):
            assert before.blob("PUT", f"kept/{n}", b"x" * 1000 * n).status_code == 201
        tree = client.tree(first.connection)
        os.kill(first.connection.pid, signal.SIGKILL)
        assert soon(lambda: not first.alive())
    with client.connect(home, profile="instant") as second:
        assert client.tree(second.connection) == tree
        after = Caller(second.connection)
        assert after.blob("GET", "kept/19").content == b"x" * 19_000
        # A token of before is signed with the same key, and a secret is the same.
        after._tokens = before._tokens
        assert after.arm("GET", f"{IDENTITIES}/id-kept").status_code == 200


def test_an_operation_ends_although_its_sandbox_was_killed_and_nobody_polls(home: Path) -> None:
    account = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stkilled12345"
    body = {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    with client.connect(home, profile="demo") as first:
        assert Caller(first.connection).arm("PUT", account, body, "2023-05-01").status_code == 202
        os.kill(first.connection.pid, signal.SIGKILL)
        assert soon(lambda: not first.alive())
    with client.connect(home, profile="instant") as second:
        # The tree asks no operation: it looks at the world.
        def made() -> bool:
            there = {entry["id"]: entry["body"] for entry in client.tree(second.connection)["resources"]}
            return account in there and there[account]["properties"]["provisioningState"] == "Succeeded"

        assert soon(made, 20)


# ---- crowded


def test_many_clients_at_once(lease: Lease) -> None:
    wrong: list[str] = []

    def work(number: int) -> None:
        try:
            caller = Caller(lease.connection)
            name = f"id-many-{number}"
            for method, status in (("PUT", 201), ("GET", 200), ("PUT", 200), ("DELETE", 200), ("GET", 404)):
                body = {"location": "westeurope"} if method == "PUT" else None
                answer = caller.arm(method, f"{IDENTITIES}/{name}", body)
                if answer.status_code != status:
                    wrong.append(f"{method} {name}: {answer.status_code} {answer.text[:200]}")
            data = random.Random(number).randbytes(50_000)
            if (
                caller.blob("PUT", f"many/{number}", data).status_code != 201
                or caller.blob("GET", f"many/{number}").content != data
            ):
                wrong.append(f"blob {number}")
        except Exception as error:  # noqa: BLE001  # told by the assertion below
            wrong.append(f"{number}: {error!r}")

    before = client.tree(lease.connection)["resources"]
    threads = [threading.Thread(target=work, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert wrong == []
    assert client.tree(lease.connection)["resources"] == before
    assert not [row for row in client.log(lease.connection) if row["status"] >= 500]


def test_two_side_by_side_know_nothing_of_each_other(lease: Lease, tmp_path: Path) -> None:
    other_home = tmp_path / "other"
    try:
        with client.connect(other_home, profile="instant") as other:
            mine, theirs = Caller(lease.connection), Caller(other.connection)
            assert lease.connection.proxy != other.connection.proxy
            assert mine.arm("PUT", f"{IDENTITIES}/id-mine", {"location": "westeurope"}).status_code == 201
            assert theirs.arm("GET", f"{IDENTITIES}/id-mine").status_code == 404
            theirs._tokens = mine._tokens
            refused = theirs.arm("GET", IDENTITIES)
            assert (refused.status_code, refused.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")
            with pytest.raises(requests.exceptions.SSLError):
                mine.session.get("https://management.azure.com/", proxies={"https": other.connection.proxy}, timeout=20)
    finally:
        client.stop(other_home)


# ---- private


@pytest.mark.skipif(not Path("/proc/net/tcp").is_file(), reason="the sockets of a process are read from /proc")
def test_it_listens_on_loopback_only(lease: Lease) -> None:
    of_process = set()
    for entry in Path(f"/proc/{lease.connection.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            of_process.add(os.readlink(entry))
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in of_process:
                listening.append(fields[1].partition(":")[0])
    assert listening == ["0100007F"] * 3  # the proxy, the TLS port, the plain port; 127.0.0.1 each


def test_everything_it_keeps_is_its_owners_alone(lease: Lease, home: Path) -> None:
    caller = Caller(lease.connection)
    assert caller.blob("PUT", "private", b"secret").status_code == 201
    open_to_others = [
        str(path.relative_to(home))
        for path in (home, *home.rglob("*"))
        if not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & 0o077 and path != lease.connection.ca_file
    ]
    assert open_to_others == []


# ---- fed with nonsense


def tunnel(connection: Connection, host: str = "management.azure.com") -> ssl.SSLSocket:
    """A TLS connection through the front door, for bytes that no HTTP client would send."""
    address, _, port = connection.proxy.removeprefix("http://").partition(":")
    raw = socket.create_connection((address, int(port)), timeout=20)
    raw.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
    assert raw.recv(4096).startswith(b"HTTP/1.1 200")
    return ssl.create_default_context(cafile=str(connection.ca_file)).wrap_socket(raw, server_hostname=host)


def plain(connection: Connection) -> socket.socket:
    """A connection to the plain loopback port."""
    address, _, port = connection.control.removeprefix("http://").partition(":")
    return socket.create_connection((address, int(port)), timeout=20)


def said(wire: socket.socket, data: bytes, patience: float = 2) -> bytes:
    """Send, and read what is answered until the end or until nothing has come for a moment (seconds)."""
    answer = b""
    with contextlib.suppress(OSError), wire:
        wire.sendall(data)
        wire.settimeout(patience)
        while piece := wire.recv(65536):
            answer += piece
    return answer


GET = "GET / HTTP/1.1\r\nHost: management.azure.com\r\n"


@pytest.mark.parametrize("into", [tunnel, plain])
def test_nonsense_never_takes_it_down(lease: Lease, into: Callable[[Connection], socket.socket]) -> None:
    connection = lease.connection
    noise = random.Random(7)
    for _ in range(10):
        said(into(connection), noise.randbytes(noise.randint(1, 5000)), 0.2)
    huge = said(into(connection), (GET + f"X-Huge: {'a' * 300_000}\r\n\r\n").encode())
    assert huge == b"" or huge.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))
    many = said(into(connection), (GET + "".join(f"X-{n}: b\r\n" for n in range(20_000)) + "\r\n").encode())
    assert many == b"" or many.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))
    for wrong in (
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x00\x00\x00\x00\r\n\r\n",
        (GET + "Content-Length: -1\r\n\r\n").encode(),
        (GET + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello").encode(),
        (GET + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").encode(),
        (GET + "Host: elsewhere.example\r\n\r\n").encode(),
        b"GET /%00%ff%zz?%00=%ff HTTP/1.1\r\nHost: management.azure.com\r\nConnection: close\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: [\r\nConnection: close\r\n\r\n",
    ):
        answer = said(into(connection), wrong)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), (wrong, answer)
    assert alive(connection)
    assert not [row for row in client.log(connection) if row["status"] >= 500]


def test_old_and_eager_clients_are_answered(lease: Lease) -> None:
    old = said(tunnel(lease.connection), b"GET /subscriptions HTTP/1.0\r\nHost: management.azure.com\r\n\r\n")
    assert old.split(b" ", 2)[1] == b"401"
    one = GET.replace("GET /", "GET /subscriptions?api-version=2022-12-01").encode() + b"\r\n"
    wire = tunnel(lease.connection)
    last = one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert said(wire, one * 4 + last).count(b"HTTP/1.1 401") == 5


def test_those_who_never_end_hold_nobody_up(lease: Lease) -> None:
    slow = [tunnel(lease.connection) for _ in range(60)]
    unfinished = [plain(lease.connection) for _ in range(30)]
    for wire in (*slow, *unfinished):
        wire.sendall(b"POST /x HTTP/1.1\r\nHost: management.azure.com\r\nContent-Length: 1000\r\nX-Slow: ")
    try:
        assert alive(lease.connection)
    finally:
        for wire in (*slow, *unfinished):
            wire.close()
    assert alive(lease.connection)


# ---- out of disk


def filled(caller: Caller) -> requests.Response:
    """Write until there is no room; the answer that says so."""
    for n in range(200):
        answer = caller.blob("PUT", f"fill/{n}", b"x" * 500_000)
        if answer.status_code != 201:
            return answer
    raise AssertionError("there was always room")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of six megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"no small disk can be made here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="a small disk is made with Linux's tmpfs")
def test_a_full_disk_is_said_and_survived(small: Path) -> None:
    home = small / "sandbox"
    try:
        with client.connect(home, profile="instant") as lease:
            caller = Caller(lease.connection)
            assert caller.arm("GET", IDENTITIES).status_code == 200
            answer = filled(caller)
            assert (answer.status_code, answer.headers["x-ms-error-code"]) == (507, "InsufficientStorage")
            assert str(home) in answer.text
            with open(small / "rest", "wb", buffering=0) as file, contextlib.suppress(OSError):
                while file.write(b"x" * 1024):
                    pass
            refused = None
            for n in range(200):
                refused = caller.arm("PUT", f"{IDENTITIES}/id-{n}", {"location": "westeurope"})
                if refused.status_code != 201:
                    break
            assert refused is not None
            assert (refused.status_code, refused.json()["error"]["code"]) == (507, "InsufficientStorage")
            assert "MI_TUI_HOME" in refused.json()["error"]["message"]
            assert caller.arm("GET", IDENTITIES).status_code == 200, "reading goes on"
            (small / "rest").unlink()
            assert soon(
                lambda: caller.arm("PUT", f"{IDENTITIES}/id-after", {"location": "westeurope"}).status_code == 201, 20
            )
            assert caller.blob("DELETE", "fill/0").status_code == 202
            assert caller.blob("PUT", "fill/0", b"y" * 400_000).status_code == 201
    finally:
        client.stop(home)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="the limits of another process cannot be set here")
def test_a_file_size_limit_is_said_in_the_same_words(lease: Lease) -> None:
    caller = Caller(lease.connection)
    assert caller.blob("PUT", "small", b"x").status_code == 201
    _, hard = resource.prlimit(lease.connection.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(lease.connection.pid, resource.RLIMIT_FSIZE, (2_000_000, hard))
    answer = caller.blob("PUT", "large", b"x" * 3_000_000)
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (507, "InsufficientStorage")
    resource.prlimit(lease.connection.pid, resource.RLIMIT_FSIZE, (hard, hard))
    assert caller.blob("PUT", "large", b"x" * 3_000_000).status_code == 201
    assert caller.blob("GET", "small").content == b"x"


@pytest.mark.skipif(sys.platform != "linux", reason="a small disk is made with Linux's tmpfs")
def test_a_start_on_a_full_disk_says_why(small: Path) -> None:
    home = small / "sandbox"
    home.mkdir(mode=0o700)
    (home / "start.log").touch(0o600)
    with open(small / "rest", "wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 1024):
            pass
    with pytest.raises(client.SandboxError, match="is full"):
        client.connect(home, profile="instant")
