"""A small client of Azure Resource Manager itself, for reading what no SDK reads and for what none can change or delete.

It also reads what azure-ai-ml could read: importing that takes seconds, and a screen or a plan that only looks must not wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mi_tui.services.errors import translated
from mi_tui.services.session import ARM, Session

if TYPE_CHECKING:
    from azure.core.rest import HttpResponse

Json = dict[str, object]


def get(session: Session, path: str, api_version: str) -> Json | None:
    """The resource (or answer) at `path`; None when it is not there (404). Raises ServiceError otherwise."""
    with translated():
        response = _send(session, "GET", _url(path), api_version)
        if response.status_code == 404:
            return None
        return _object(_checked(response))


def get_with_status(session: Session, path: str, api_version: str) -> tuple[int, Json] | None:
    """As `get`, with the HTTP status: a long operation that has no status of its own answers 202 while it is under way."""
    with translated():
        response = _send(session, "GET", _url(path), api_version)
        if response.status_code == 404:
            return None
        return int(response.status_code), _object(_checked(response))


def require(session: Session, path: str, api_version: str) -> Json:
    """The resource at `path`. Raises ServiceError, also when it is not there: then in Azure's own words, with status 404."""
    with translated():
        return _object(_checked(_send(session, "GET", _url(path), api_version)))


def ask(session: Session, path: str, api_version: str, body: Json) -> Json:
    """What a POST answers, such as that of `getLogs`. Raises ServiceError. Does not wait for what it begins."""
    with translated():
        return _object(_checked(_send(session, "POST", _url(path), api_version, body=body)))


def list_all(session: Session, path: str, api_version: str, query: dict[str, str] | None = None) -> Iterator[Json]:
    """Every item of a list, over all its pages. Raises ServiceError."""
    url, parameters = _url(path), {"api-version": api_version, **(query or {})}
    while url:
        with translated():
            page = _object(_checked(_send(session, "GET", url, "", parameters)))
        items = page.get("value")
        for item in items if isinstance(items, list) else []:
            if isinstance(item, dict):
                yield item
        following = page.get("nextLink")
        # A page's link carries its own query; only our host gets our token.
        url, parameters = (
            (following, {}) if isinstance(following, str) and following.startswith(f"{ARM}/") else ("", {})
        )


def delete(session: Session, resource_id: str, api_version: str) -> bool:
    """Delete a resource: True when it was there, False when it was gone (404 or 204). Does not wait for a long delete."""
    with translated():
        response = _send(session, "DELETE", _url(resource_id), api_version)
        if response.status_code == 404:
            return False
        _checked(response)
        return bool(response.status_code != 204)


def patch(session: Session, path: str, api_version: str, body: Json) -> Json:
    """Change a part of what is at `path`; what it is then. Does not wait for a long operation. Raises ServiceError."""
    with translated():
        return _object(_checked(_send(session, "PATCH", _url(path), api_version, body=body)))


def post(session: Session, path: str, api_version: str, body: Json) -> Json:
    """Ask what is at `path` to do something; its answer. Does not wait for a long operation. Raises ServiceError."""
    with translated():
        return _object(_checked(_send(session, "POST", _url(path), api_version, body=body)))


def path_of(address: str) -> str:
    """The path and query of an address at Azure Resource Manager; empty for one elsewhere, which must never get our token."""
    return address.removeprefix(ARM) if address.startswith(f"{ARM}/") else ""


def dig(value: object, *keys: str) -> object:
    """What stands under `keys`, one in the other; None when a step is missing."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def text(value: object, *keys: str) -> str:
    """The text under `keys`; empty when there is none."""
    found = dig(value, *keys)
    return found if isinstance(found, str) else ""


def texts(value: object, *keys: str) -> dict[str, str]:
    """The mapping of texts under `keys`, such as tags; empty when there is none."""
    found = dig(value, *keys)
    return {str(key): str(item) for key, item in found.items()} if isinstance(found, dict) else {}


def _url(path: str) -> str:
    return ARM + quote(path if path.startswith("/") else f"/{path}", safe="/()$',:@._-~%")


def _send(
    session: Session,
    method: str,
    url: str,
    api_version: str,
    parameters: dict[str, str] | None = None,
    body: Json | None = None,
) -> HttpResponse:
    from azure.core.rest import HttpRequest

    query: dict[str, Any] = {"api-version": api_version} if parameters is None else parameters
    response: HttpResponse = session.arm().send_request(
        HttpRequest(method, url, params=query, headers={"Accept": "application/json"}, json=body)
    )
    return response


def _checked(response: HttpResponse) -> HttpResponse:
    from azure.core.exceptions import HttpResponseError

    if not 200 <= response.status_code < 300:
        raise HttpResponseError(response=response)
    return response


def _object(response: HttpResponse) -> Json:
    value = response.json() if response.content else {}
    return value if isinstance(value, dict) else {}
