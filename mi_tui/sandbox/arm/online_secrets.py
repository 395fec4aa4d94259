"""The secrets of an online endpoint: how a key is made, and how a token is remembered."""

from __future__ import annotations

import hashlib
import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def new_key() -> str:
    """A key of an endpoint: 32 random letters and digits. A secret."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(32))


def hash_token(token: str) -> str:
    """How an endpoint token is remembered."""
    return hashlib.sha256(token.encode()).hexdigest()
