"""One request and its answer as bytes went over the wire, whether the sandbox gave it or Azure was recorded giving it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

BOM = "\ufeff"


@dataclass(frozen=True)
class Exchange:
    """`path` and `query` as sent, header names in lower case, bodies as text ('' without one)."""

    method: str
    host: str
    path: str
    query: str
    request_headers: dict[str, str]
    request_body: str
    status: int
    headers: dict[str, str]
    body: str

    @property
    def parameters(self) -> dict[str, str]:
        """The query's parameters, names in lower case."""
        return {name.lower(): value for name, value in parse_qsl(self.query, keep_blank_values=True)}

    @property
    def api_version(self) -> str:
        """ARM's api-version or the blob service's x-ms-version; '' without one."""
        return self.parameters.get("api-version") or self.request_headers.get("x-ms-version", "")

    @property
    def json(self) -> Any:
        """The answer's body parsed; None when it has none or is no JSON."""
        return _parsed(self.body)

    @property
    def request_json(self) -> Any:
        """The request's body parsed; None when it has none or is no JSON."""
        return _parsed(self.request_body)

    @property
    def code(self) -> str:
        """Azure's error code of an answer that is an error; ''."""
        if self.status < 400:
            return ""
        body = self.json
        error = body.get("error") if isinstance(body, dict) else None
        if isinstance(error, dict) and isinstance(error.get("code"), str):
            return str(error["code"])
        return self.headers.get("x-ms-error-code", "")


def read(file: Path) -> Iterator[Exchange]:
    """The exchanges that a tap wrote, in the order of their answers."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            yield Exchange(**json.loads(line))


def line(exchange: Exchange) -> str:
    """One exchange as a line of the tap's file."""
    return json.dumps(asdict(exchange)) + "\n"


def recorded(entry: dict[str, Any]) -> Exchange:
    """An entry of the recordings, which hold parsed bodies."""
    request, response = entry["request"], entry["response"]
    url = urlsplit(request["url"])
    return Exchange(
        method=request["method"],
        host=url.hostname or "",
        path=url.path or "/",
        query=url.query,
        request_headers={name.lower(): str(value) for name, value in request["headers"].items()},
        request_body=_text(request["body"]),
        status=response["status"],
        headers={name.lower(): str(value) for name, value in response["headers"].items()},
        body=_text(response["body"]),
    )


def readable(body: bytes) -> str:
    """A body as text; what is no UTF-8 as base64."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(body).decode()


def _text(body: Any) -> str:
    if body is None:
        return ""
    return body if isinstance(body, str) else json.dumps(body)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
