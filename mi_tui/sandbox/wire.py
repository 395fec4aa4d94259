"""uvicorn's HTTP/1.1 protocol, which remembers how the names of a request's headers were spelt; ASGI knows small letters only."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

STATE = "wire"
"""Where a request's ASGI state has its connection."""


class Connection(h11.Connection):
    """A connection that keeps its latest request's headers; the next request is read only after the answer to this one."""

    _headers: Any = ()

    def next_event(self) -> Any:
        """h11's next event."""
        event = super().next_event()
        if type(event) is h11.Request:
            self._headers = event.headers
        return event

    def spelling(self, prefix: str) -> dict[str, str]:
        """The names of the request's headers that begin so: in small letters -> as they were sent."""
        names = [raw.decode("latin-1") for raw, _ in self._headers.raw_items()] if self._headers else []
        return {name.lower(): name for name in names if name.lower().startswith(prefix)}


class Protocol(H11Protocol):
    """uvicorn's protocol on such a connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = Connection(h11.SERVER, config.h11_max_incomplete_event_size or 64 * 1024)
        self.app_state = {**app_state, STATE: self.conn}
