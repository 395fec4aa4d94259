"""How the rest of mi-tui starts, finds, uses and ends the sandbox. Standard library only, and quick to import."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from mi_tui.sandbox.connection import (
    START_SECONDS,
    Connection,
    SandboxError,
    SandboxUsageError,
    forget,
    holder,
    locked,
    read,
    wait_until,
)
from mi_tui.sandbox.paths import CONNECT_LOCK, LOG_FILE, make_private
from mi_tui.sandbox.profiles import PROFILES
from mi_tui.sandbox.scenarios import canonical, fault, is_file, library, summaries

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse

__all__ = [
    "PROFILE_NAMES", "Connection", "Lease", "SandboxError", "SandboxUsageError",
    "connect", "environment", "explained_scenarios", "log", "reset", "running", "scenarios", "status", "stop", "tree",
]  # fmt: skip

PROFILE_NAMES = tuple(PROFILES)

STOP_SECONDS = 15.0
ANSWER_SECONDS = 5.0


class Lease:
    """The right to a living sandbox: as long as it is open, and its process lives, the sandbox does too."""

    def __init__(self, connection: Connection, http: HTTPConnection, response: HTTPResponse) -> None:
        self.connection = connection
        self._http: HTTPConnection | None = http
        self._socket: socket.socket | None = http.sock
        self._response = response

    def alive(self) -> bool:
        """Whether the sandbox still holds up its end; at once, without asking it."""
        if self._socket is None:
            return False
        poll = select.poll()
        try:
            # After the first line it says nothing until it ends, so anything to read means that it is gone.
            poll.register(self._socket, select.POLLIN)
            return not poll.poll(0)
        except (OSError, ValueError):  # closed in another thread meanwhile
            return False

    def close(self) -> None:
        """Give the lease back. A sandbox that is not persistent and has no other client stops about a second later."""
        if self._http is not None:
            self._response.close()
            self._http.close()
            self._http = self._socket = None

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def connect(
    home: Path,
    *,
    profile: str | None = None,
    scenario: str | None = None,
    port: int | None = None,
    persistent: bool = False,
) -> Lease:
    """A lease on the sandbox in `home`: the one that runs there, or a new one.

    `profile` and `scenario` left out mean those of the running one, or `demo` and `none`. Raises SandboxError.
    """
    scenario = canonical(scenario)
    wrong = fault(profile, scenario)
    if wrong is not None:
        raise SandboxUsageError(wrong)
    home = home.expanduser().resolve()
    try:
        make_private(home)
    except OSError as error:
        raise SandboxUsageError(
            f"The sandbox's folder {home} cannot be made: {error.strerror}. Choose another with MI_TUI_HOME."
        ) from error
    with locked(home / CONNECT_LOCK, START_SECONDS):
        for _ in range(3):
            found = running(home) or _after_others(home)
            if found is None:
                from mi_tui.sandbox.launch import start

                found = start(home, profile, scenario, port, persistent)
            elif port is not None and found.proxy.rsplit(":", 1)[1] != str(port):
                raise SandboxUsageError(
                    f"The sandbox already runs, at {found.proxy}. Leave the port out, or end it with 'mi-tui sandbox stop' and try again."
                )
            lease = _take(found)
            if lease is None:
                continue  # it was just stopping: its successor is started
            with _closed_on_error(lease):
                lease.connection = _adapted(found, profile, scenario, persistent)
            return lease
    raise SandboxError(f"The sandbox stops again as soon as it has started. Its log is {home / LOG_FILE}.")


def scenarios() -> dict[str, str]:
    """What can be set up to go wrong: name -> one line."""
    return summaries()


def explained_scenarios() -> dict[str, Any]:
    """Every scenario whole, as plain data: what its YAML says, with every member that was left out."""
    return {name: dataclasses.asdict(scenario) for name, scenario in library().items()}


def running(home: Path) -> Connection | None:
    """The sandbox that runs in `home` and answers, or None."""
    connection = read(home)
    if connection is None:
        return None
    try:
        os.kill(connection.pid, 0)
        answer = _ask(connection, "GET", "status")
    except (OSError, SandboxError):
        return None
    return connection if answer.get("pid") == connection.pid else None


def stop(home: Path) -> bool:
    """End the sandbox in `home`, whoever uses it, and wait until it has ended. Whether there was one."""
    home = home.expanduser().resolve()
    pid = holder(home)
    if pid is None:
        forget(home)
        return False
    connection = read(home)
    asked = False
    if connection is not None and connection.pid == pid:
        with contextlib.suppress(SandboxError):
            _ask(connection, "POST", "stop")
            asked = True
    if not asked:
        _signal(pid, signal.SIGTERM)
    for number in (signal.SIGTERM, signal.SIGKILL, None):
        if wait_until(lambda: holder(home) != pid, STOP_SECONDS):
            forget(home)
            return True
        if number is not None:
            _signal(pid, number)
    raise SandboxError(f"The sandbox (process {pid}) does not end. End it with 'kill -9 {pid}'.")


def reset(home: Path) -> None:
    """End the sandbox and delete its world. The certificate authority and the built scoring environments stay."""
    import shutil

    home = home.expanduser().resolve()
    if not home.is_dir():
        return
    with locked(home / CONNECT_LOCK, START_SECONDS):
        stop(home)
        for name in ("world.db", "world.db-wal", "world.db-shm", "world.db-journal"):
            (home / name).unlink(missing_ok=True)
        for name in ("blobs", "deployments"):
            folder = home / name
            if folder.is_dir():
                shutil.rmtree(folder)


def tree(connection: Connection) -> dict[str, Any]:
    """Every resource, role assignment and blob of the world."""
    return dict(_ask(connection, "GET", "tree"))


def log(connection: Connection) -> list[dict[str, Any]]:
    """Every request that the sandbox answered, oldest first."""
    return list(_ask(connection, "GET", "log"))


def status(connection: Connection) -> dict[str, Any]:
    """What the sandbox says of itself: pid, home, proxy, profile, scenario, persistent, leases, started, seconds."""
    return dict(_ask(connection, "GET", "status"))


def environment(connection: Connection) -> dict[str, str]:
    """The variables that point any Azure program at the sandbox and sign it in. Holds a secret."""
    ca_file, direct = str(connection.ca_file), "127.0.0.1,localhost"
    return {
        "HTTPS_PROXY": connection.proxy,
        "https_proxy": connection.proxy,
        "NO_PROXY": direct,
        "no_proxy": direct,
        "REQUESTS_CA_BUNDLE": ca_file,
        "SSL_CERT_FILE": ca_file,
        "CURL_CA_BUNDLE": ca_file,
        "NODE_EXTRA_CA_CERTS": ca_file,
        "AZURE_TENANT_ID": connection.tenant,
        "AZURE_CLIENT_ID": connection.client_id,
        "AZURE_CLIENT_SECRET": connection.client_secret,
        "AZURE_SUBSCRIPTION_ID": connection.subscription,
        "AZURE_RESOURCE_GROUP": connection.resource_group,
        "AZURE_ML_WORKSPACE": connection.workspace,
        "AZURE_LOCATION": connection.location,
        "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential",
        "MI_TUI_SANDBOX_PASSWORD": connection.user_password,
    }


# ---- finding and starting


def _after_others(home: Path) -> Connection | None:
    """Wait out a sandbox that is just starting or stopping. The one that starts, or None when nobody is there any more."""
    found: list[Connection] = []

    def settled() -> bool:
        if holder(home) is None:
            return True
        connection = running(home)
        found.extend([] if connection is None else [connection])
        return bool(found)

    if not wait_until(settled, START_SECONDS):
        raise SandboxError(
            f"A sandbox runs in {home} (process {holder(home)}) but does not answer. End it with 'mi-tui sandbox stop' and try again."
        )
    if not found:
        forget(home)
        return None
    return found[0]


# ---- talking to it


def _take(connection: Connection) -> Lease | None:
    """A lease on a running sandbox; None when it is gone or going."""
    from http.client import HTTPException

    http = _http(connection)
    try:
        http.request("GET", "/control/lease", headers={"Authorization": f"Bearer {connection.control_token}"})
        response = http.getresponse()
        if response.status != 200 or response.readline() != b"lease\n":
            http.close()
            return None
    except (OSError, HTTPException):
        http.close()
        return None
    return Lease(connection, http, response)


def _adapted(found: Connection, profile: str | None, scenario: str | None, persistent: bool) -> Connection:
    """Give a running sandbox the profile, scenario and permanence that were asked for."""
    # A file of one's own may have changed since.
    edited = scenario is not None and any(map(is_file, scenario.split(",")))
    if (profile not in {None, found.profile}) or (scenario not in {None, found.scenario}) or edited:
        _ask(found, "POST", "profile", {"profile": profile, "scenario": scenario})
        found = dataclasses.replace(found, profile=profile or found.profile, scenario=scenario or found.scenario)
    if persistent and not found.persistent:
        _ask(found, "POST", "keep")
        found = dataclasses.replace(found, persistent=True)
    return found


def _http(connection: Connection) -> HTTPConnection:
    from http.client import HTTPConnection

    host, _, port = connection.control.removeprefix("http://").partition(":")
    return HTTPConnection(host, int(port), timeout=ANSWER_SECONDS)


def _ask(connection: Connection, method: str, what: str, body: dict[str, Any] | None = None) -> Any:
    """One request to the control. Raises SandboxError when it is not answered, or not with success."""
    from http.client import HTTPException

    http = _http(connection)
    headers = {"Authorization": f"Bearer {connection.control_token}", "Content-Type": "application/json"}
    try:
        http.request(method, f"/control/{what}", None if body is None else json.dumps(body), headers)
        response = http.getresponse()
        answer = json.loads(response.read())
    except (OSError, HTTPException, ValueError) as error:
        raise SandboxError(
            f"The sandbox in {connection.home} does not answer any more ({type(error).__name__}). Nothing in its world is lost: "
            "run the command again and it is started anew."
        ) from error
    finally:
        http.close()
    if response.status != 200:
        raise SandboxError(str(answer.get("error", f"The sandbox answered with status {response.status}.")))
    return answer


@contextlib.contextmanager
def _closed_on_error(lease: Lease) -> Iterator[None]:
    try:
        yield
    except BaseException:
        lease.close()
        raise


def _signal(pid: int, number: int) -> None:
    if pid > 0:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
