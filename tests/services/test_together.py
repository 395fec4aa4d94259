"""Reads side by side: one that fails or is late leaves its part unknown, with the reason; the others are there; nobody waits longer."""

from __future__ import annotations

import threading
import time

from azure.core.credentials import AccessToken

from mi_tui.model.failure import Failure
from mi_tui.services.errors import Abandoned, ServiceError
from mi_tui.services.session import Session
from mi_tui.services.together import LATE, Together


class Nobody:
    """A credential that is never asked."""

    def get_token(self, *_scopes: str, **_: object) -> AccessToken:
        raise AssertionError("nobody asks")


def session() -> Session:
    return Session(Nobody(), "3f0c6a52-8d1e-4b7a-9c35-62e1d0a4b871")


def test_what_fails_and_what_is_late_is_unknown_with_its_reason() -> None:
    never = threading.Event()

    def refused() -> str:
        raise ServiceError(Failure("AuthorizationFailed", "You may not look.", status=403))

    began = time.monotonic()
    with Together(session(), 0.5) as together:
        good = together.begin("the endpoint", lambda: "Succeeded")
        bad = together.begin("the subscription", refused)
        late = together.begin("the metric", lambda: never.wait(30))
        # A read may need another one; what waits for one that is late is late itself.
        after = together.begin("what needs it", lambda: f"after {good.value()}")
        behind = together.begin("what needs the metric", lambda: (late.value(), never.wait(30)))
        assert good.value() == "Succeeded"
        assert good.failure is None
        assert bad.value() is None
        assert late.value() is None
        assert after.value() == "after Succeeded"
        assert behind.value() is None
        unknown = together.unknown()
    assert time.monotonic() - began < 10
    assert {what: failure.code for what, failure in unknown.items()} == {
        "the subscription": "AuthorizationFailed",
        "the metric": LATE,
        "what needs the metric": LATE,
    }
    never.set()


def test_the_end_wakes_a_read_that_waits_to_send_its_request_again() -> None:
    mine = session()
    ended = threading.Event()

    def busy() -> None:
        try:
            mine.operations.pause("https://management.azure.com/x", 60.0, "trying again")
        except Abandoned:
            ended.set()
            raise

    with Together(mine, 0.2) as together:
        assert together.begin("x", busy).value() is None
    assert ended.wait(10)
