"""With the token first and with the key where the token may not: what a key that cannot be read says, and what it does not say."""

from __future__ import annotations

from typing import Any

import pytest

from mi_tui.model.failure import Failure
from mi_tui.services import blobs, storage
from mi_tui.services.errors import ServiceError
from mi_tui.services.session import Caller
from mi_tui.services.storage import AccountInfo

ACCOUNT = AccountInfo("/x", "st", "rg", "westeurope", "StorageV2", True, True, "https://st.example.org/")


class _Session:
    def caller(self) -> Caller:
        return Caller("you", "", "")


@pytest.mark.parametrize(
    ("failure", "lacks"),
    [
        (Failure("AuthorizationFailed", "No.", status=403), True),
        (Failure("ScopeLocked", "Locked.", status=409), True),
        (Failure("mi-tui/network", "The connection broke off."), False),
        (Failure("TooManyRequests", "Later.", status=429), False),
    ],
)
def test_only_a_refused_key_is_a_missing_right(monkeypatch: pytest.MonkeyPatch, failure: Failure, lacks: bool) -> None:
    from azure.core.exceptions import HttpResponseError

    def refused(_client: Any) -> bool:
        error = HttpResponseError("This request is not authorized to perform this operation using this permission.")
        error.status_code = 403
        raise error

    def unreadable(*_: Any) -> str:
        raise ServiceError(failure)

    monkeypatch.setattr(blobs, "_by_token", lambda *_: None)
    monkeypatch.setattr(blobs, "_is", lambda _error, code: code == blobs.ROLE_MISSING)
    monkeypatch.setattr(storage, "account_key", unreadable)
    with pytest.raises(ServiceError) as caught:
        blobs._either(_Session(), ACCOUNT, blobs.BLOB_READER, refused)  # type: ignore[arg-type]
    assert ("needs the role" in caught.value.failure.advice) == lacks
    assert lacks or caught.value.failure == failure
