"""Role assignments against a scripted Azure: the directory that is late, the assignment that exists, the wish to stop."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.pipeline import policies
from azure.mgmt.authorization import AuthorizationManagementClient

from mi_tui.services import grants
from mi_tui.services.errors import Abandoned, ServiceError
from mi_tui.services.session import Session
from tests.services.loopback import Answer, Loopback

SCOPE = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg"
LATE = Answer(400, {"error": {"code": "PrincipalNotFound", "message": "Principal 0 does not exist in the directory."}})
MADE = Answer(201, {"id": "x", "name": "n", "properties": {"principalId": "p"}})


class Credential:
    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken("t", int(time.time()) + 3600)


def session_on(answers: list[Answer], seconds: float) -> tuple[Session, Loopback]:
    server = Loopback(lambda _: answers.pop(0) if len(answers) > 1 else answers[0])
    session = Session(Credential(), "11111111-2222-3333-4444-555555555555", grant_retry_seconds=seconds)
    session.client(
        "authorization",
        lambda: AuthorizationManagementClient(
            Credential(),
            session.subscription_id,
            base_url=server.url,
            api_version="2022-04-01",
            policies=[policies.HeadersPolicy(), policies.ContentDecodePolicy()],
        ),
    )
    return session, server


def test_the_same_request_is_sent_again_until_the_directory_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grants, "FIRST_PAUSE", 0.01)
    session, server = session_on([LATE, LATE, MADE], 5)
    heard: list[str] = []
    assert grants.create(session, SCOPE, "role", "principal", "name", heard.append)
    assert heard == ["PrincipalNotFound", "PrincipalNotFound"]
    assert len({(asked.path, asked.body) for asked in server.asked}) == 1
    assert b'"principalType": "ServicePrincipal"' in server.asked[0].body


def test_an_end_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grants, "FIRST_PAUSE", 0.05)
    session, server = session_on([LATE], 0.3)
    begun = time.monotonic()
    with pytest.raises(ServiceError) as caught:
        grants.create(session, SCOPE, "role", "principal", "name")
    assert caught.value.code == "PrincipalNotFound"
    assert 0.2 < time.monotonic() - begun < 20
    assert len(server.asked) > 2


def test_a_stop_ends_the_wait() -> None:
    session, _ = session_on([LATE], 60)
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    begun = time.monotonic()
    with pytest.raises(Abandoned):
        grants.create(session, SCOPE, "role", "principal", "name", stop=stop)
    assert time.monotonic() - begun < 20, "a minute, were it not stopped"


def test_what_exists_is_success_and_what_is_refused_is_not() -> None:
    exists = Answer(409, {"error": {"code": "RoleAssignmentExists", "message": "The role assignment already exists."}})
    session, _ = session_on([exists], 1)
    assert not grants.create(session, SCOPE, "role", "principal", "name")
    denied = Answer(403, {"error": {"code": "AuthorizationFailed", "message": "no"}})
    session, server = session_on([denied], 60)
    with pytest.raises(ServiceError) as caught:
        grants.create(session, SCOPE, "role", "principal", "name")
    assert (caught.value.code, len(server.asked)) == ("AuthorizationFailed", 1)
