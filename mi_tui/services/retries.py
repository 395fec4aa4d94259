"""When a client sends a request again by itself: soon, told to who waits for it, and never a write whose answer was lost.

The SDKs' own policies repeat a PUT or DELETE after a lost answer and after any 5xx, sleep for as long as Retry-After says, and tell
nobody. A repeated write can be answered with an error (a role assignment that exists, a blob that may not be overwritten) although
the first one worked; so it is handed up instead, to who reads the world before doing it again.
"""

from __future__ import annotations

import functools
import http
import threading
import weakref
from typing import TYPE_CHECKING, Any

from mi_tui.services.operations import Operations

if TYPE_CHECKING:
    from azure.core.pipeline.policies import RetryPolicy
    from azure.storage.blob import ExponentialRetry

LONGEST_PAUSE = 30.0
"""Seconds that a client waits by itself. A longer wait that Azure asks for is handed up, where it is counted down and can be left."""

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_UNCERTAIN = frozenset({408, 500, 502, 504})
"""Answers after which the request may have had its effect: of a gateway, or from the middle of the work. 429 and 503 say that it had
none (Request limits and throttling; Common REST API error codes: "resubmit the request")."""


def may_repeat(method: str, error: object, status: int) -> bool:
    """Whether a request may be sent again unseen: after `error` (None when there was an answer) or an answer's `status`."""
    if method.upper() in _READS:
        return True
    if error is not None:
        return _never_left(error)
    return status not in _UNCERTAIN


_BEFORE_SENDING = frozenset({"NewConnectionError", "NameResolutionError", "ConnectTimeoutError", "ConnectTimeout"})


def _never_left(error: object) -> bool:
    """Whether the connection failed before the request was sent, by the exceptions of urllib3 and requests inside.

    Neither azure-core's ServiceRequestError nor urllib3's ProxyError tells: both also stand for a connection, through a proxy, that
    was cut while the answer was awaited (azure-core 1.41, urllib3 2.7).
    """
    if "Tunnel connection failed" in str(error):
        return True
    left, seen = [error], set[int]()
    while left:
        found = left.pop()
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        if type(found).__name__ in _BEFORE_SENDING:
            return True
        seen.add(id(found))
        left += [getattr(found, name, None) for name in ("inner_exception", "reason", "original_error")]
        left += found.args
    return False


def for_arm(operations: Operations) -> RetryPolicy[Any, Any]:
    """The retry policy of clients of Azure Resource Manager. One object may serve many: azure-ai-ml hands it to all that it makes."""
    made: RetryPolicy[Any, Any] = _arm_class()(operations)
    return made


def for_blobs(operations: Operations, *, overwrites: bool = False) -> ExponentialRetry:
    """The same for a client of the blob service. `overwrites`: its writes are of the same content at the same place, so that any of
    them may be repeated."""
    made: ExponentialRetry = _blob_class()(operations, overwrites)
    return made


# The classes are made when first needed: their bases are the SDK's.


@functools.cache
def _arm_class() -> Any:
    from azure.core.pipeline import PipelineResponse
    from azure.core.pipeline.policies import RetryPolicy

    class Retries(RetryPolicy[Any, Any]):
        def __init__(self, operations: Operations) -> None:
            # By the transport at its end, which tells one pipeline from another.
            self._following: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
            self._unended: list[Any] = []
            self._lock = threading.Lock()
            self._here = threading.local()
            super().__init__()
            self._operations = operations

        @property
        def next(self) -> Any:
            """What follows in the pipeline of the request that this thread sends. A pipeline says what follows by setting this, and
            another that is made with the same object would turn the requests of the first into itself, half made as it is."""
            return self._here.next

        @next.setter
        def next(self, policy: Any) -> None:
            with self._lock:
                self._unended.append(policy)

        def send(self, request: Any) -> Any:
            """Send a request by the pipeline that it came in."""
            before = getattr(self._here, "next", None)
            self._here.next = self._follower(request.context.transport)
            try:
                return super().send(request)
            finally:
                self._here.next = before

        def _follower(self, transport: Any) -> Any:
            with self._lock:
                if transport not in self._following:
                    for policy in list(self._unended):
                        sender = _sender(policy)
                        if sender is not None:
                            self._unended.remove(policy)
                            self._following[sender] = policy
                return self._following[transport]

        def increment(self, settings: dict[str, Any], response: Any = None, error: Exception | None = None) -> bool:
            """Count a failure; whether the request is sent again."""
            answer = response if isinstance(response, PipelineResponse) else None
            status = answer.http_response.status_code if answer is not None else 0
            if not may_repeat(response.http_request.method, error, status):
                return False
            if answer is not None and (self.get_retry_after(answer) or 0) > LONGEST_PAUSE:
                return False
            settings["asked"] = response.http_request.url
            settings["why"] = _status_words(status) if answer is not None else "the connection failed"
            return bool(super().increment(settings, response=response, error=error))

        def sleep(self, settings: dict[str, Any], transport: Any, response: Any = None) -> None:
            """Wait before the next try, told to who works here."""
            asked = (self.get_retry_after(response) or 0) if response is not None else 0
            seconds = float(asked or self.get_backoff_time(settings))
            if seconds <= 0:
                return
            who = "Azure asks to wait" if asked else "trying again in"
            self._operations.pause(settings["asked"], seconds, f"{who} {max(1, round(seconds))} s ({settings['why']})")

    return Retries


def _sender(policy: Any) -> Any:
    """The transport at the end of the policies that begin with `policy`; None while their pipeline is being made."""
    while not hasattr(policy, "_sender"):
        policy = getattr(policy, "next", None)
        if policy is None:
            return None
    return policy._sender


@functools.cache
def _blob_class() -> Any:
    from azure.storage.blob import ExponentialRetry

    class BlobRetries(ExponentialRetry):
        def __init__(self, operations: Operations, overwrites: bool) -> None:
            # The SDK's own first pause is 15 s; the name of a new account resolves sooner.
            super().__init__(initial_backoff=2, increment_base=2, retry_total=4, random_jitter_range=1)
            self._operations = operations
            self._overwrites = overwrites

        def increment(self, settings: dict[str, Any], request: Any, response: Any = None, error: Any = None) -> bool:
            """Count a failure; whether the request is sent again."""
            status = response.status_code if response is not None else 0
            if not (self._overwrites or may_repeat(request.method, error, status)):
                return False
            settings["asked"] = request.url
            settings["why"] = _status_words(status) if response is not None else "the connection failed"
            return bool(super().increment(settings, request, response, error))

        def sleep(self, settings: dict[str, Any], transport: Any) -> None:
            """Wait before the next try, told to who works here."""
            seconds = self.get_backoff_time(settings)
            if seconds > 0:
                self._operations.pause(
                    settings["asked"], seconds, f"trying again in {max(1, round(seconds))} s ({settings['why']})"
                )

    return BlobRetries


def _status_words(status: int) -> str:
    try:
        return f"{status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
