"""Behind TLS: dispatch by host, the log of requests, crashes; and the sandbox's own log file."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import stat
from pathlib import Path
from typing import Any

import pytest

from mi_tui.sandbox.app import Dispatcher, RequestLog, told_query
from mi_tui.sandbox.logs import SandboxLog
from mi_tui.sandbox.store import Request, Store

ENDPOINT = "ep-1.westeurope.inference.ml.azure.com"
HOSTS = ("management.azure.com", "login.microsoftonline.com", "stcontoso1.blob.core.windows.net", ENDPOINT)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class Exchange:
    """One request to an application, with each message that it sent."""

    def __init__(self, store: Store, app: Any, host: str = HOSTS[0], path: str = "/x", query: bytes = b"") -> None:
        self.sent: list[dict[str, Any]] = []
        self.rows_at: list[int] = []
        self._store = store
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": query,
            "headers": [(b"host", host.encode())],
        }
        asyncio.run(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _send(self, message: Any) -> None:
        self.sent.append(message)
        self.rows_at.append(len(self._store.requests()))

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])

    @property
    def row(self) -> Request:
        (row,) = self._store.requests()
        return row


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with contextlib.closing(Store(tmp_path)) as it:
        yield it


def answering(status: int = 200, *bodies: bytes, **state: str) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["state"].update(state)
        await send({"type": "http.response.start", "status": status, "headers": []})
        for body in bodies:
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


def test_hosts_reach_their_services(store: Store) -> None:
    services: Any = {name: answering(200, name.encode()) for name in ("management", "login", "blob", "inference")}
    dispatcher = Dispatcher(services)
    bodies = [
        Exchange(store, RequestLog(dispatcher, store), host).body for host in (*HOSTS, "Management.Azure.Com:443")
    ]
    assert bodies == [b"management", b"login", b"blob", b"inference", b"management"]


def test_unknown_host_is_told_so(store: Store) -> None:
    answer = Exchange(store, RequestLog(Dispatcher({"login": answering()}), store), "example.org")
    assert (answer.status, b"serves only" in answer.body) == (404, True)
    assert (answer.row.host, answer.row.status, answer.row.decision) == ("example.org", 404, "no such host")


def test_a_row_tells_who_what_and_why(store: Store) -> None:
    app = answering(403, caller="sp-mi-tui", code="AuthorizationFailed", decision="no role allows it")
    row = Exchange(store, RequestLog(app, store), path="/subscriptions/1", query=b"api-version=2024-04-01&x=1").row
    assert (row.caller, row.method, row.host, row.path) == ("sp-mi-tui", "GET", HOSTS[0], "/subscriptions/1")
    assert (row.status, row.code, row.decision, row.query) == (
        403,
        "AuthorizationFailed",
        "no role allows it",
        "api-version=2024-04-01&x=...",
    )
    assert row.milliseconds >= 0


def test_each_request_has_a_state_of_its_own(store: Store) -> None:
    log = RequestLog(answering(200, caller="somebody"), store)
    Exchange(store, log)
    log._app = answering(200)
    Exchange(store, log)
    assert [row.caller for row in store.requests()] == ["somebody", "anonymous"]


def test_bodies_are_passed_on_piece_by_piece_and_the_row_is_there_before_the_end(store: Store) -> None:
    answer = Exchange(store, RequestLog(answering(200, b"one", b"two"), store))
    assert [message.get("body") for message in answer.sent] == [None, b"one", b"two", b""]
    assert answer.rows_at == [0, 0, 0, 1]


def test_a_client_that_left_before_the_answer_is_499(store: Store) -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None:
        return

    Exchange(store, RequestLog(silent, store))
    assert [row.status for row in store.requests()] == [499]


async def broken(scope: Any, receive: Any, send: Any) -> None:
    raise KeyError("inner detail")


@pytest.mark.parametrize(
    ("host", "shape"), [(HOSTS[0], "json"), (HOSTS[1], "json"), (HOSTS[2], "xml"), (ENDPOINT, "json")]
)
def test_a_crash_is_a_500_in_azures_shape_and_a_traceback_in_the_log(
    store: Store, caplog: pytest.LogCaptureFixture, host: str, shape: str
) -> None:
    answer = Exchange(store, RequestLog(broken, store), host)
    assert answer.status == 500
    assert b"inner detail" not in answer.body
    if shape == "json":
        assert json.loads(answer.body)["error"]["code"] == "InternalServerError"
    else:
        assert b"<Code>InternalError</Code>" in answer.body
    assert (answer.row.status, answer.row.code) == (500, "InternalServerError")
    assert "inner detail" in caplog.text
    assert "Traceback" in caplog.text


def test_a_crash_in_the_middle_of_an_answer_breaks_the_connection(store: Store) -> None:
    async def half(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise KeyError("late")

    log = RequestLog(half, store)
    with pytest.raises(KeyError):
        Exchange(store, log)
    assert [row.status for row in store.requests()] == [200]
    assert log.active == 0


def test_signatures_never_reach_the_log() -> None:
    sas = b"sv=2025-05-05&se=2026-01-01T00%3A00%3A00Z&sr=c&sp=rwl&skoid=1234&sig=s3cr3t%2Bsig%3D&restype=container&comp=list&blockid=QUFB"
    assert told_query(sas) == "sv=...&se=...&sr=c&sp=rwl&skoid=...&sig=...&restype=container&comp=list&blockid=QUFB"
    assert (
        told_query(b"SIG=s3cr3t&hash=abc&hashVersion=202208&code=s3cr3t")
        == "SIG=...&hash=abc&hashVersion=202208&code=..."
    )
    assert told_query(b"") == ""


def test_own_log_is_private_rotated_and_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mi_tui.sandbox.logs.MAX_BYTES", 2000)
    # mi-tui's own debug log, which another test may have begun, keeps what it gets to itself.
    monkeypatch.setattr(logging.getLogger("mi_tui"), "propagate", True)
    level = logging.getLogger().level
    log = SandboxLog(tmp_path)
    try:
        log.blank(["known-secret"])
        logger = logging.getLogger("mi_tui.sandbox.test")
        for number in range(40):
            try:
                raise ValueError("known-secret eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln and sig=abc%2Fdef")
            except ValueError:
                logger.exception("request %d broke", number)
    finally:
        log.close()
        logging.getLogger().setLevel(level)
    files = sorted(tmp_path.glob("sandbox.log*"))
    assert [file.name for file in files] == ["sandbox.log", "sandbox.log.1", "sandbox.log.2"]
    assert {mode(file) for file in files} == {0o600}
    text = "".join(file.read_text() for file in files)
    assert "ValueError: *** *** and sig=***" in text
    for secret in ("known-secret", "eyJ", "abc%2Fdef"):
        assert secret not in text


def test_what_the_server_knows_of_the_connection_reaches_the_application(store: Store) -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["state"]["wire"])
        scope["state"]["caller"] = "me"
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def nothing(*_: Any) -> None:
        pass

    known = {"wire": "the connection"}
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", HOSTS[0].encode())],
        "state": known,
    }
    asyncio.run(RequestLog(app, store)(scope, nothing, nothing))  # type: ignore[arg-type]
    assert seen == ["the connection"]
    assert known == {"wire": "the connection"}  # one request's findings are not the next one's
    assert store.requests()[0].caller == "me"
