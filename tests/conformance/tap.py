"""A sandbox that writes down every exchange: `python -m tests.conformance.tap FILE serve --home ...` runs the sandbox's own program
with a recorder around its application. The product has no hook for it. The file holds secrets of a throw-away world, is readable
by its owner alone, and belongs into a temporary folder.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO, Any

from starlette.types import Message, Receive, Scope, Send

from mi_tui.sandbox import __main__ as program
from mi_tui.sandbox import app, furnish, grants
from mi_tui.sandbox.world import World
from tests.conformance.exchange import Exchange, line, readable

LONGEST = 256 * 1024
"""Bytes of a body that are kept; what is longer is a blob's content."""

_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie"})


class Tap:
    """Wraps the sandbox's application and writes a line for each answer, before its end can be seen by the client."""

    def __init__(self, inner: app.RequestLog, file: IO[str]) -> None:
        self._inner = inner
        self._file = file

    @property
    def active(self) -> int:
        """Requests being answered now; the sandbox asks for it when it stops."""
        return self._inner.active

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked, told = bytearray(), bytearray()
        start: dict[str, Any] = {}

        async def listen() -> Message:
            message = await receive()
            asked.extend(message.get("body", b"")[: max(0, LONGEST - len(asked))])
            return message

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                told.extend(message.get("body", b"")[: max(0, LONGEST - len(told))])
                if not message.get("more_body", False):
                    self._write(scope, bytes(asked), start, bytes(told))
            await send(message)

        await self._inner(scope, listen, watch)

    def _write(self, scope: Scope, asked: bytes, start: dict[str, Any], told: bytes) -> None:
        exchange = Exchange(
            method=str(scope["method"]),
            host=app.host_of(scope),
            path=scope.get("raw_path", scope["path"].encode()).decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            request_headers=_without_secrets(_headers(scope["headers"])),
            request_body=readable(asked),
            status=int(start["status"]),
            headers=_headers(start.get("headers", ())),
            body=readable(told),
        )
        self._file.write(line(exchange))
        self._file.flush()


def _headers(pairs: Any) -> dict[str, str]:
    return {bytes(name).decode("latin-1").lower(): bytes(value).decode("latin-1") for name, value in pairs}


def _without_secrets(headers: dict[str, str]) -> dict[str, str]:
    """Of credentials only the scheme is kept."""
    return {name: value.partition(" ")[0] if name in _CREDENTIALS else value for name, value in headers.items()}


def main(file: Path, arguments: list[str]) -> int:
    """Run the sandbox's program with the recorder in place; returns its exit code."""
    build = app.build

    def tapped(world: World) -> Any:
        # In the second subscription the service principal may do everything that needs a right on a subscription.
        scope = f"/subscriptions/{furnish.PROD}"
        for role in (furnish.CONTRIBUTOR, furnish.USER_ACCESS_ADMINISTRATOR):
            grants.assign(world, scope, furnish.SERVICE_PRINCIPAL_ID, role, by=furnish.ADMIN_ID, immediate=True)
        return Tap(build(world), output)

    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as output:
        app.build = tapped
        return program.main(arguments)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
