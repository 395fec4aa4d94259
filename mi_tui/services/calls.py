"""What Azure answered to the calls that make or remove something: by it a run tells what it made from what it found."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from azure.core.pipeline import PipelineRequest


class Calls:
    """The last calls of each thread. Whoever makes something works in one thread, and asks right afterwards; polls come in others."""

    def __init__(self) -> None:
        self._here = threading.local()
        """Of each thread: `request_id` and `made` of the last PUT, `status` of the last PUT or DELETE, `call`, the client's own id of the PUTs
        that it sends, and `answers`, what those were answered, by that id."""

    def last_request_id(self) -> str:
        """Azure's id of the last PUT of this thread, by which resources are made; empty when there was none."""
        return str(getattr(self._here, "request_id", ""))

    def last_status(self) -> int:
        """The HTTP status of Azure's answer to the last PUT or DELETE of this thread; 0 when there was none."""
        return int(getattr(self._here, "status", 0))

    def last_made(self) -> object:
        """The JSON body of Azure's answer to the last PUT of this thread, when it was a 201: what that call made. Else None."""
        return getattr(self._here, "made", None)

    def answered(self, call: str) -> tuple[int, ...]:
        """The HTTP statuses of Azure's answers to the PUTs that this thread sent when it was last `calling` so, in their order: more than
        one where the SDK sent it again by itself."""
        return tuple(self._answers().get(call, ()))

    @contextlib.contextmanager
    def calling(self, call: str) -> Iterator[None]:
        """While entered, every PUT of this thread is sent under this client request id, by which Azure's activity log tells it."""
        before: str = getattr(self._here, "call", "")
        self._here.call = call
        self._answers()[call] = []
        try:
            yield
        finally:
            self._here.call = before

    def sending(self, request: PipelineRequest[Any]) -> None:
        """See a request before it is sent; to be given to the clients as `raw_request_hook`."""
        call: str = getattr(self._here, "call", "")
        if call and str(request.http_request.method).upper() == "PUT":
            request.http_request.headers["x-ms-client-request-id"] = call

    def heard(self, method: str, response: object) -> None:
        """See an answer to a request with this method, in the thread that sent it."""
        if method not in {"PUT", "DELETE"}:
            return
        status = self._here.status = int(getattr(response, "status_code", 0))
        if method == "PUT":
            headers = getattr(response, "headers", None) or {}
            self._here.request_id = str(headers.get("x-ms-request-id", ""))
            self._here.made = json_of(response) if status == 201 else None
            if call := getattr(self._here, "call", ""):
                self._answers()[call].append(status)

    def _answers(self) -> dict[str, list[int]]:
        if not hasattr(self._here, "answers"):
            self._here.answers = {}
        answers: dict[str, list[int]] = self._here.answers
        return answers


def json_of(response: object) -> object:
    """The body of an answer as JSON; None when it is none."""
    try:
        # Newer clients begin an operation with a streamed answer; what is read here is kept for them.
        for step in ("read", "text"):
            reader = getattr(response, step, None)
            read = reader() if callable(reader) else None
        return json.loads(read or "null")
    except Exception as error:  # noqa: BLE001 - raised in a pipeline, it would make the SDK send the request a second time
        logging.getLogger(__name__).debug("no JSON in an answer: %s", type(error).__name__)
        return None
