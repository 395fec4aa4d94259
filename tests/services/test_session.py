"""The credential's cache, the caller, and that clients are made once."""

from __future__ import annotations

import base64
import json
import threading
import time
from contextlib import closing
from typing import Any

import pytest
from azure.core.credentials import AccessToken, AccessTokenInfo
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.policies import CustomHookPolicy
from azure.core.rest import HttpRequest
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

from mi_tui.services.errors import ServiceError
from mi_tui.services.session import Caller, Session
from mi_tui.services.tokens import CachedCredential
from tests.services.loopback import Answer, Asked, Loopback

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


class Renewing(Newer):
    """Gives out `t0`, `t1`, ...; keeps a token, as MSAL does, until it is asked with claims."""

    def __init__(self, *, keeps: bool = True, takes_claims: bool = True) -> None:
        super().__init__()
        self.keeps = keeps
        self.takes_claims = takes_claims
        self.number = 0

    def get_token_info(self, *scopes: str, options: dict[str, Any] | None = None) -> AccessTokenInfo:
        claims = (options or {}).get("claims")
        if claims and not self.takes_claims:
            raise ClientAuthenticationError("run az login")
        if self.asked and (claims or not self.keeps):
            self.number += 1
        self.token = f"t{self.number}"
        return super().get_token_info(*scopes, options=options)


def refusing(*tokens: str, challenge: str = 'Bearer error="invalid_token"') -> Loopback:
    """A Resource Manager that refuses these tokens."""

    def answer(asked: Asked) -> Answer:
        if asked.headers["authorization"].removeprefix("Bearer ") in tokens:
            error = {"error": {"code": "ExpiredAuthenticationToken", "message": "The access token expired."}}
            return Answer(401, error, {"WWW-Authenticate": challenge})
        return Answer(200, {"name": "found"})

    return Loopback(answer)


def arm_client(server: Loopback, credential: CachedCredential) -> ARMPipelineClient[Any, Any]:
    chain = [
        ARMChallengeAuthenticationPolicy(credential, "s"),
        CustomHookPolicy(raw_response_hook=credential.hear),
    ]
    return ARMPipelineClient(server.url, policies=chain)


def get(client: ARMPipelineClient[Any, Any], server: Loopback) -> int:
    return int(client.send_request(HttpRequest("GET", f"{server.url}/x"), enforce_https=False).status_code)


@pytest.mark.parametrize("keeps", [True, False])
def test_a_refused_token_is_dropped_and_the_request_sent_once_more(keeps: bool) -> None:
    beneath = Renewing(keeps=keeps)
    cached = CachedCredential(beneath)
    assert cached.get_token("s").token == "t0"
    with closing(refusing("t0")) as server:
        assert get(arm_client(server, cached), server) == 200
        assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer t0", "Bearer t1"]
        # Another client of the session, which has the refused token still, gets the new one without a further sign-in.
        assert get(arm_client(server, cached), server) == 200
    assert len(server.asked) == 3
    claimed = [options["claims"] for _, options in beneath.asked if options]
    assert ['"nbf"' in claims for claims in claimed] == ([True] if keeps else [])


@pytest.mark.parametrize("keeps", [True, False])
def test_a_client_with_a_copy_of_a_token_that_was_let_go_gets_the_new_one(keeps: bool) -> None:
    cached, refused = CachedCredential(Renewing(keeps=keeps)), list[str]()

    def answer(asked: Asked) -> Answer:
        if asked.headers["authorization"].removeprefix("Bearer ") in refused:
            return Answer(
                401, {"error": {"code": "ExpiredAuthenticationToken", "message": "The access token expired."}}
            )
        return Answer(200, {"name": "found"})

    with closing(Loopback(answer)) as server:
        clients = [arm_client(server, cached) for _ in range(3)]
        assert [get(client, server) for client in clients] == [200, 200, 200]
        cached.forget()  # as somebody signs in again
        refused.append("t0")
        assert [get(client, server) for client in clients] == [200, 200, 200]


def test_a_token_that_stays_refused_is_the_callers_to_hear_of() -> None:
    for beneath, sent in ((Renewing(), ["t0", "t1"]), (Renewing(takes_claims=False), ["t0", "t0"])):
        with closing(refusing("t0", "t1", "t2")) as server:
            assert get(arm_client(server, CachedCredential(beneath)), server) == 401
            assert [asked.headers["authorization"].removeprefix("Bearer ") for asked in server.asked] == sent


def test_a_claims_challenge_of_azure_is_followed_as_it_is() -> None:
    beneath = Renewing()
    challenge = f'Bearer error="insufficient_claims", claims="{base64.b64encode(b"asked").decode()}"'
    with closing(refusing("t0", challenge=challenge)) as server:
        assert get(arm_client(server, CachedCredential(beneath)), server) == 200
    assert [options for _, options in beneath.asked] == [{}, {"claims": "asked"}]


def test_a_token_of_somebody_else_is_left_alone() -> None:
    cached = CachedCredential(Renewing())
    cached.get_token("s")
    with closing(refusing("t0")) as server:
        other = CachedCredential(Renewing())
        chain = [ARMChallengeAuthenticationPolicy(Renewing(), "s"), CustomHookPolicy(raw_response_hook=other.hear)]
        assert get(ARMPipelineClient(server.url, policies=chain), server) == 401
    assert len(server.asked) == 1


def test_a_session_in_another_subscription_shares_the_credential() -> None:
    session = Session(Credential(), SUBSCRIPTION)
    assert session.in_subscription("22222222-2222-3333-4444-555555555555").credential is session.credential
