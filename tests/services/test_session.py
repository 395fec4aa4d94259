"""The credential's cache, the caller, and that clients are made once."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import Any

import pytest
from azure.core.credentials import AccessToken, AccessTokenInfo

from mi_tui.services.errors import ServiceError
from mi_tui.services.session import CachedCredential, Caller, Session

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"


def jwt(claims: dict[str, Any]) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none'})}.{part(claims)}.c2ln"


class Credential:
    """Counts how often it is asked."""

    def __init__(self, lifetime: float = 3600, token: str = "t") -> None:
        self.lifetime = lifetime
        self.token = token
        self.asked: list[tuple[tuple[str, ...], dict[str, Any]]] = []

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        self.asked.append((scopes, options))
        time.sleep(0.02)
        return AccessToken(self.token, int(time.time() + self.lifetime))


class Newer(Credential):
    """Speaks azure-core's newer protocol as well."""

    def get_token_info(self, *scopes: str, options: dict[str, Any] | None = None) -> AccessTokenInfo:
        self.asked.append((scopes, options or {}))
        return AccessTokenInfo(self.token, int(time.time() + self.lifetime))


def test_many_threads_ask_once_per_scope() -> None:
    beneath = Credential()
    cached = CachedCredential(beneath)
    threads = [threading.Thread(target=cached.get_token, args=(f"scope{i % 2}",)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(scopes for scopes, _ in beneath.asked) == [("scope0",), ("scope1",)]


def test_a_token_near_its_end_is_renewed() -> None:
    beneath = Credential(lifetime=299)
    cached = CachedCredential(beneath)
    cached.get_token("s")
    cached.get_token_info("s")
    assert len(beneath.asked) == 2
    beneath.lifetime = 400
    cached.get_token("s")
    cached.get_token("s")
    assert len(beneath.asked) == 3


def test_a_claims_challenge_goes_through_and_options_are_kept_apart() -> None:
    beneath = Newer()
    cached = CachedCredential(beneath)
    assert cached.get_token("s").token == "t"
    cached.get_token("s", claims="c")
    cached.get_token_info("s", options={"enable_cae": True})
    assert [options for _, options in beneath.asked] == [{}, {"claims": "c"}, {"enable_cae": True}]


def test_the_caller_is_read_from_the_token() -> None:
    claims = {"oid": "o-1", "tid": "t-1", "upn": "ada@example.com", "appid": "a-1", "exp": 1}
    assert Session(Credential(token=jwt(claims)), SUBSCRIPTION).caller() == Caller("ada@example.com", "o-1", "t-1")
    del claims["upn"]
    assert Session(Credential(token=jwt(claims)), SUBSCRIPTION).caller().name == "a-1"
    assert Session(Credential(token="opaque"), SUBSCRIPTION).caller() == Caller("unknown", "", "")
    assert Session(Credential(token="a.###.c"), SUBSCRIPTION).caller() == Caller("unknown", "", "")


def test_who_cannot_sign_in_gets_a_service_error() -> None:
    class Broken:
        def get_token(self, *scopes: str, **options: Any) -> AccessToken:
            from azure.core.exceptions import ClientAuthenticationError

            raise ClientAuthenticationError("no account")

    with pytest.raises(ServiceError) as caught:
        Session(Broken(), SUBSCRIPTION).caller()
    assert caught.value.code == "mi-tui/sign-in"


def test_clients_are_made_once_and_each_by_itself() -> None:
    session = Session(Credential(), SUBSCRIPTION)
    made: list[str] = []

    def make() -> object:
        made.append("x")
        time.sleep(0.05)
        return object()

    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(session.client("key", make))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == ["x"]
    assert len(set(map(id, found))) == 1
    assert session.storage() is session.storage()
    assert session.arm() is session.arm()
