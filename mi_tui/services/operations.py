"""Waiting for long operations: the real status of each poll reaches who asked for it, and a wait can be given up.

Azure sends no retry header on Azure ML's operations, and the SDK then polls each 30 seconds. The hook here adds
`x-ms-retry-after-ms` to the answers of long operations that carry none, which every poller of the SDKs honours.
"""

from __future__ import annotations

import contextlib
import email.utils
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from mi_tui.services.calls import Calls, json_of
from mi_tui.services.errors import Abandoned, ServiceError, translated

if TYPE_CHECKING:
    from azure.core.pipeline import PipelineResponse

Watch = Callable[[str], None]
"""Gets the status of an operation as Azure spells it, in the thread that waits."""

Hear = Callable[[str, object], None]
"""Gets the address and the JSON body (None when it is none) of an answer."""


class Begun(Struct, frozen=True):
    """A long operation that Azure has begun: what was asked of which resource (a path), and what is needed to ask for it again.

    `address` is host, path and api-version of where its status is read. Whatever else its query holds is left out: newer addresses are
    signed (`t`, `c`, `s`), and a signature is a secret. The two ids are Azure's, for a support ticket.
    """

    kind: str
    resource: str
    address: str
    request_id: str
    correlation_id: str


Note = Callable[[Begun], Callable[[str], None]]
"""Hears of a long operation that has begun; what it returns hears in the end how it ended, as Azure spells it."""

JOIN_SECONDS = 0.2
"""How long a wait sleeps before it looks at `stop` again."""

_RETRY_HEADERS = ("retry-after", "retry-after-ms", "x-ms-retry-after-ms")
_OPERATION_HEADERS = ("azure-asyncoperation", "operation-location")


@dataclass(frozen=True)
class Listener:
    """Who works in a thread, as far as the pipelines are concerned. Called in that thread and in those that poll for it; may not raise."""

    waits: Callable[[str], None]
    """Gets a sentence when the SDK is about to wait by itself, and an empty one when it goes on."""
    answered: Callable[[int], None]
    """Gets the HTTP status of every answer."""
    stop: threading.Event
    """Ends a wait of the SDK at once, with Abandoned."""


class Poller(Protocol):
    """What is used of azure-core's LROPoller. `result(timeout)` is not: mid-flight it raises AttributeError."""

    def wait(self, timeout: float | None = None) -> None: ...
    def done(self) -> bool: ...
    def polling_method(self) -> object: ...


P = TypeVar("P", bound=Poller)


class Trail:
    """The statuses of one operation, on their way from the poller's thread to the one that waits."""

    def __init__(self, listener: Listener | None = None) -> None:
        self.listener = listener
        self.statuses: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.addresses: set[str] = set()
        self.begun: Begun | None = None

    def tell(self, watch: Watch | None) -> None:
        """Hand what has come in to `watch`."""
        while True:
            try:
                status = self.statuses.get_nowait()
            except queue.Empty:
                return
            if watch is not None:
                watch(status)


class Operations:
    """Knows which answer belongs to which wait. One per session; its `hook` sits in the pipelines of all clients.

    The first answer of an operation comes in the thread that began it; the polls come in threads of the SDK. The two are brought
    together by the address that the first answer gives for polling, which is unique to the operation.
    """

    def __init__(self, poll_seconds: float) -> None:
        self.poll_seconds = poll_seconds
        self._here = threading.local()
        """Of each thread: `trail`, the wait that it is in; `hear`, who listens to its answers; `listener`, who works in it; `note`, who writes
        long operations down."""
        self.calls = Calls()
        """What Azure answered to the calls that make or remove something."""
        self._lock = threading.Lock()
        self._trails: dict[str, Trail] = {}
        self._elsewhere: Listener | None = None
        self._ahead = 0.0
        """Seconds that Azure's clock was ahead of ours at the last answer."""
        self._told_time = False

    def azure_time(self) -> float:
        """The present moment by Azure's clock, in Unix seconds, to a second or two: this machine's own may be wrong by minutes.

        Known from the `Date` of the last answer; before the first one it is our own.
        """
        return time.time() + self._ahead

    def skew(self) -> float | None:
        """Seconds by which this machine's clock is ahead of Azure's, to a second or two; None before the first answer."""
        return -self._ahead if self._told_time else None

    def hook(self, answer: PipelineResponse[object, object]) -> None:
        """See an answer before the poller does; to be given to the clients as `raw_response_hook`."""
        self.heard(answer)
        response = answer.http_response
        hear: Hear | None = getattr(self._here, "hear", None)
        if hear is not None:
            hear(str(getattr(getattr(response, "request", None), "url", "")), json_of(response))
        headers = getattr(response, "headers", {})
        request = getattr(response, "request", None)
        method = str(getattr(request, "method", "")).upper()
        self.calls.heard(method, response)
        asked = _address(str(getattr(request, "url", "")))
        with self._lock:
            trail = self._trails.get(asked)
        polled = trail is not None
        first = not polled and _begins(
            str(getattr(request, "method", "")), int(getattr(response, "status_code", 0)), headers
        )
        if not polled and not first:
            return
        if first:
            trail = getattr(self._here, "trail", None)
        if trail is not None:
            if first:
                trail.begun = _begun(request, headers)
            self._remember(trail, headers, int(getattr(response, "status_code", 0)))
            trail.statuses.put(_status(response))
        if not any(headers.get(name) for name in _RETRY_HEADERS):
            headers["x-ms-retry-after-ms"] = str(max(1, round(self.poll_seconds * 1000)))

    def heard(self, answer: PipelineResponse[object, object]) -> None:
        """Note that there was an answer, and when by its clock: all of `hook` that a client without long operations needs."""
        response = answer.http_response
        with contextlib.suppress(KeyError, ValueError, TypeError):
            moment = email.utils.parsedate_to_datetime(response.headers["date"])  # type: ignore[attr-defined]
            self._ahead, self._told_time = moment.timestamp() - time.time(), True
        listener = self._listener(str(getattr(getattr(response, "request", None), "url", "")))
        if listener is not None:
            listener.answered(int(getattr(response, "status_code", 0)))

    def finish(self, begin: Callable[[], P], watch: Watch | None = None, stop: threading.Event | None = None) -> P:
        """Begin an operation and wait until it is done; the finished poller comes back.

        `watch` is called in this thread. Raises ServiceError with the operation's own error when it fails, and Abandoned as soon
        as `stop` is set: Azure goes on with the operation, only the polling ends.
        """
        if stop is not None and stop.is_set():
            raise Abandoned("Stopped before the operation was begun.")
        with self._following() as trail:
            with translated():
                poller = begin()
            ended = self._noted(trail)
            try:
                self._wait(poller, trail, watch, stop)
            except ServiceError as error:
                ended(f"Failed: {error.code}")
                raise
            ended("Succeeded")
        return poller

    def _wait(self, poller: Poller, trail: Trail, watch: Watch | None, stop: threading.Event | None) -> None:
        with translated():
            while not poller.done():
                trail.tell(watch)
                if stop is not None and stop.is_set():
                    # There is no cancel; this ends the poller's thread at its next look.
                    poller.polling_method().finished = lambda: True  # type: ignore[attr-defined]
                    raise Abandoned("The wait was given up; the operation goes on in Azure.")
                poller.wait(JOIN_SECONDS)
            trail.tell(watch)
            poller.wait()

    @contextlib.contextmanager
    def noting(self, note: Note) -> Iterator[None]:
        """While entered, `note` hears of every long operation that this thread begins and waits for. What it raises ends the wait."""
        before: Note | None = getattr(self._here, "note", None)
        self._here.note = note
        try:
            yield
        finally:
            self._here.note = before

    def _noted(self, trail: Trail) -> Callable[[str], None]:
        note: Note | None = getattr(self._here, "note", None)
        return note(trail.begun) if note is not None and trail.begun is not None else lambda outcome: None

    @contextlib.contextmanager
    def hearing(self, hear: Hear) -> Iterator[None]:
        """While entered, `hear` gets the address and the JSON body of every answer that comes to this thread. It may not raise."""
        before: Hear | None = getattr(self._here, "hear", None)
        self._here.hear = hear
        try:
            yield
        finally:
            self._here.hear = before

    @contextlib.contextmanager
    def working(self, listener: Listener | None) -> Iterator[None]:
        """While entered, what is asked in this thread, and what is polled for it, is told to `listener`."""
        before: Listener | None = getattr(self._here, "listener", None)
        self._here.listener = listener
        try:
            yield
        finally:
            self._here.listener = before

    def here(self) -> Listener | None:
        """Who works in this thread, for the threads that it has do a part of the work."""
        listener: Listener | None = getattr(self._here, "listener", None)
        return listener

    def helping(self) -> Callable[[], None]:
        """To be called first in each thread that helps this one: what is waited for there is told to who works here, and may be left."""
        listener: Listener | None = getattr(self._here, "listener", None)

        def begin() -> None:
            self._here.listener = listener or self._elsewhere

        return begin

    @contextlib.contextmanager
    def everywhere(self) -> Iterator[None]:
        """While entered, waits in threads that nobody is known to work in are told to who works in this one: uploads have many threads."""
        before, self._elsewhere = self._elsewhere, getattr(self._here, "listener", None)
        try:
            yield
        finally:
            self._elsewhere = before

    def pause(self, url: str, seconds: float, words: str) -> None:
        """Wait before a request is sent again, told to whoever works in this thread or waits for this operation.

        Raises Abandoned when they want to stop.
        """
        listener = self._listener(url)
        if listener is None:
            time.sleep(seconds)
            return
        listener.waits(words)
        if listener.stop.wait(seconds):
            raise Abandoned("Stopped while waiting to send a request again.")
        listener.waits("")

    def _listener(self, url: str) -> Listener | None:
        """Who waits for the operation that is polled at `url`, or else who works in this thread."""
        with self._lock:
            trail = self._trails.get(_address(url))
        return trail.listener if trail is not None else getattr(self._here, "listener", self._elsewhere)

    @contextlib.contextmanager
    def _following(self) -> Iterator[Trail]:
        trail = Trail(getattr(self._here, "listener", None))
        before = getattr(self._here, "trail", None)
        self._here.trail = trail
        try:
            yield trail
        finally:
            self._here.trail = before
            with self._lock:
                for address in trail.addresses:
                    self._trails.pop(address, None)

    def _remember(self, trail: Trail, headers: dict[str, str], status_code: int) -> None:
        address = next((headers[name] for name in _OPERATION_HEADERS if headers.get(name)), "")
        if not address and status_code == 202:
            address = headers.get("location", "")
        if address:
            with self._lock:
                trail.addresses.add(_address(address))
                self._trails[_address(address)] = trail


def _changes(method: str) -> bool:
    return method.upper() in ("PUT", "PATCH", "POST", "DELETE")


def _begun(request: object, headers: dict[str, str]) -> Begun:
    found = next((headers[name] for name in (*_OPERATION_HEADERS, "location") if headers.get(name)), "")
    parts = urlsplit(found)
    version = parse_qs(parts.query).get("api-version", [""])[0]
    return Begun(
        kind=str(getattr(request, "method", "")).upper(),
        resource=urlsplit(str(getattr(request, "url", ""))).path,
        address=f"{parts.hostname}{parts.path}" + (f"?api-version={version}" if version else "") if found else "",
        request_id=str(headers.get("x-ms-request-id", "")),
        correlation_id=str(headers.get("x-ms-correlation-request-id", "")),
    )


def _begins(method: str, status_code: int, headers: dict[str, str]) -> bool:
    """Whether an answer starts a long operation."""
    if not _changes(method):
        return False
    if any(headers.get(name) for name in _OPERATION_HEADERS):
        return True
    return status_code == 202 and bool(headers.get("location"))


def _address(url: str) -> str:
    """What identifies an operation in its address: the query may be written anew by the client."""
    parts = urlsplit(url)
    return f"{parts.hostname}{parts.path}".rstrip("/").lower()


def _status(response: object) -> str:
    """The status as Azure spells it: of the operation, of the resource, or else of the HTTP answer."""
    body = json_of(response)
    if isinstance(body, dict):
        properties = body.get("properties")
        state = properties.get("provisioningState") if isinstance(properties, dict) else None
        found = body.get("status") or state
        if isinstance(found, str):
            return found
    return "Accepted" if getattr(response, "status_code", 0) == 202 else "Succeeded"
