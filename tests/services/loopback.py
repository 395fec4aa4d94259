"""A plain HTTP server on loopback that answers what a test scripts, and real azure-core clients that talk to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from azure.core.pipeline import policies
from azure.core.polling import LROPoller
from azure.core.rest import HttpRequest
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.polling.arm_polling import ARMPolling

from mi_tui.services.operations import Operations


@dataclass
class Answer:
    """One answer: status, body (JSON when not text) and headers."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Asked:
    """A request that came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Loopback:
    """The server. `script` gets each request and says what to answer."""

    def __init__(self, script: Callable[[Asked], Answer]) -> None:
        asked: list[Asked] = []
        self.asked = asked

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                request = Asked(
                    self.command,
                    self.path,
                    {key.lower(): value for key, value in self.headers.items()},
                    self.rfile.read(length),
                )
                asked.append(request)
                answer = script(request)
                body = answer.body
                data = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(answer.status)
                kind = "application/xml" if isinstance(body, str) else "application/json"
                for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any

            def log_message(self, format: str, *args: object) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def client(url: str, operations: Operations | None = None) -> ARMPipelineClient[Any, Any]:
    """A real ARM pipeline without credentials, with the hook where the SDK clients have it."""
    return ARMPipelineClient(
        url,
        policies=[
            policies.RequestIdPolicy(),
            policies.RetryPolicy(retry_total=3, retry_backoff_factor=0),
            policies.CustomHookPolicy(raw_response_hook=operations.hook if operations else None),
        ],
    )


def begin(pipeline: ARMPipelineClient[Any, Any], url: str, method: str = "PUT") -> LROPoller[object]:
    """Begin a long operation just as the generated clients do, with the SDK's interval of 30 s."""
    first = pipeline.send_request(HttpRequest(method, url), stream=True, _return_pipeline_response=True)
    first.http_response.read()
    return LROPoller(pipeline, first, lambda answer: answer, ARMPolling(30))
