"""Credentials that open nothing."""

from __future__ import annotations

import base64
from typing import Any

from azure.core.credentials import AccessToken

SANITIZED = "Sanitized"
FAKE_ID = "00000000-0000-0000-0000-000000000000"
STORAGE_ACCOUNT_FAKE_KEY = base64.b64encode(
    b"this key opens nothing; it has the length that a key of an account has"
).decode()


class FakeTokenCredential:
    """Gives a token that no service accepts."""

    def __init__(self) -> None:
        self.token = AccessToken("a token that opens nothing", 0)  # expired: each request asks for a new one
        self.get_token_count = 0

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """The token."""
        self.get_token_count += 1
        return self.token
