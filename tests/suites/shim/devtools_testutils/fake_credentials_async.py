"""The asynchronous twin of the credential that opens nothing."""

from __future__ import annotations

from typing import Any

from azure.core.credentials import AccessToken

from devtools_testutils.fake_credentials import FakeTokenCredential


class AsyncFakeCredential:
    """Gives a token that no service accepts."""

    def __init__(self) -> None:
        self._fake = FakeTokenCredential()

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """The token."""
        return self._fake.get_token(*scopes, **options)

    async def close(self) -> None:
        """Nothing is open."""

    async def __aenter__(self) -> AsyncFakeCredential:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass
