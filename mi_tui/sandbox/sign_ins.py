"""Sign-ins of people that are under way: device codes and authorization codes, each used once and for a short time.

Kept in memory, as nobody waits for one over a restart; refresh tokens, which outlive it, are kept as hashes in the store.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field

from mi_tui.sandbox.store import Store

DEVICE_SECONDS = 900
"""How long a device code lives; "device authorization grant flow" (Microsoft Learn)."""

CODE_SECONDS = 600
"""How long an authorization code lives; "authorization code flow" (Microsoft Learn): about ten minutes."""

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Of user codes: what cannot be mistaken for something else."""

_MOST = 500
"""Sign-ins under way; the oldest goes when there would be more."""


@dataclass
class DeviceCode:
    """A device code. `state` is `pending`, `approved`, `declined` or `redeemed`; times are Unix seconds."""

    device_code: str
    user_code: str
    client_id: str
    scope: str
    interval: float
    expires: float
    state: str = "pending"
    user: str = ""
    polled: float = 0.0


@dataclass
class AuthorizationCode:
    """What an authorization code stands for: who signed in, and for which client, address and proof key."""

    client_id: str
    redirect_uri: str
    scope: str
    user: str
    challenge: str = ""
    method: str = "plain"
    nonce: str = ""
    expires: float = 0.0
    redeemed: bool = False


@dataclass
class SignIns:
    """Those of one running sandbox."""

    devices: dict[str, DeviceCode] = field(default_factory=dict)
    codes: dict[str, AuthorizationCode] = field(default_factory=dict)

    def begin_device(self, client_id: str, scope: str, interval: float) -> DeviceCode:
        """A new pair of codes."""
        now = time.time()
        user_code = "".join(secrets.choice(_LETTERS) for _ in range(9))
        made = DeviceCode(secrets.token_urlsafe(96), user_code, client_id, scope, interval, now + DEVICE_SECONDS)
        self.devices[made.device_code] = made
        while len(self.devices) > _MOST:
            self.devices.pop(next(iter(self.devices)))
        return made

    def device_by_user_code(self, user_code: str) -> DeviceCode | None:
        """The pending device code that a person typed, however they spaced it; None when there is none."""
        typed = "".join(user_code.split()).replace("-", "").upper().encode()
        now = time.time()
        for device in self.devices.values():
            if (
                device.state == "pending"
                and now < device.expires
                and hmac.compare_digest(device.user_code.encode(), typed)
            ):
                return device
        return None

    def add_code(self, code: AuthorizationCode) -> str:
        """Keep what an authorization code stands for; the code."""
        text = secrets.token_urlsafe(64)
        code.expires = time.time() + CODE_SECONDS
        self.codes[text] = code
        while len(self.codes) > _MOST:
            self.codes.pop(next(iter(self.codes)))
        return text


INACTIVE_SECONDS = 90 * 24 * 3600
"""How long a refresh token lives unused; "Refresh tokens in the Microsoft identity platform" (Microsoft Learn)."""


@dataclass(frozen=True)
class RefreshToken:
    """Whose refresh token it is (object id), when it was issued and last used (Unix seconds)."""

    user: str
    issued: float
    used: float

    @property
    def expired(self) -> bool:
        """Whether it lay unused for too long."""
        return time.time() - self.used > INACTIVE_SECONDS


def add_refresh_token(store: Store, user: str) -> str:
    """A new refresh token of a user (object id). The store keeps its hash."""
    token = secrets.token_urlsafe(48)
    now = time.time()
    store.set_value(_key(token), f"{user} {now:.0f} {now:.0f}")
    return token


def refresh_token(store: Store, token: str) -> RefreshToken | None:
    """What the store knows of a refresh token; None when it is nobody's."""
    kept = (store.value(_key(token)) or "").split(" ")
    if len(kept) == 1:  # one of a version that kept the user only
        return RefreshToken(kept[0], time.time(), time.time()) if kept[0] else None
    return RefreshToken(kept[0], float(kept[1]), float(kept[2]))


def used_refresh_token(store: Store, token: str, known: RefreshToken) -> None:
    """Note that a refresh token was used now."""
    store.set_value(_key(token), f"{known.user} {known.issued:.0f} {time.time():.0f}")


def _key(token: str) -> str:
    # Looked up by hash: neither the file nor the time taken tells anything about a token.
    return "refresh_token:" + hashlib.sha256(token.encode()).hexdigest()
