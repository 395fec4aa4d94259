"""Deleting one resource with a management SDK: what is gone already is no error."""

from __future__ import annotations

from collections.abc import Callable

from mi_tui.services.errors import translated


def removed(delete: Callable[..., object], *where: str) -> bool:
    """Call an operation's `delete` with the names in `where`; False when it was gone already (404, or 204). Raises ServiceError."""
    with translated():
        from azure.core.exceptions import ResourceNotFoundError

        try:
            status = delete(*where, cls=lambda answer, _body, _headers: answer.http_response.status_code)
        except ResourceNotFoundError:
            return False
        return status != 204
