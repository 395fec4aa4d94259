"""What a client sends again by itself, and what it hands up: against a real server that refuses, asks to wait, or cuts the line."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.pipeline import policies
from azure.core.rest import HttpRequest
from azure.mgmt.core import ARMPipelineClient

from mi_tui.services import retries
from mi_tui.services.errors import NETWORK, Abandoned, as_failure
from mi_tui.services.operations import Listener, Operations
from tests.services.loopback import Answer, Asked, Loopback

CUT = Answer(0)


class Person:
    """Who works in the thread of a test."""

    def __init__(self) -> None:
        self.waits: list[str] = []
        self.answers: list[int] = []
        self.stop = threading.Event()

    @property
    def listener(self) -> Listener:
        return Listener(self.waits.append, self.answers.append, self.stop)


@pytest.fixture
def queue() -> list[Answer]:
    """What is answered, one after the other; then 200."""
    return []


@pytest.fixture
def server(queue: list[Answer]) -> Iterator[Loopback]:
    def script(asked: Asked) -> Answer:
        answer = queue.pop(0) if queue else Answer(200, {})
        if answer is CUT:
            raise ConnectionAbortedError
        return answer

    made = Loopback(script)
    made._server.handle_error = lambda *_: None  # type: ignore[method-assign]
    yield made
    made.close()


def send(server: Loopback, operations: Operations, method: str) -> Any:
    client: ARMPipelineClient[Any, Any] = ARMPipelineClient(
        server.url,
        policies=[retries.for_arm(operations), policies.CustomHookPolicy(raw_response_hook=operations.hook)],
    )
    answer = client.send_request(HttpRequest(method, f"{server.url}/x"))
    answer.raise_for_status()
    return answer


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("answer", [CUT, Answer(502), Answer(504), Answer(500), Answer(408)])
def test_a_write_that_may_have_worked_is_handed_up(
    server: Loopback, queue: list[Answer], method: str, answer: Answer
) -> None:
    queue.append(answer)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - of requests or of azure-core, as it comes
        send(server, Operations(1), method)
    assert len(server.asked) == 1
    failure = as_failure(caught.value)
    assert failure.code == NETWORK if answer is CUT else failure.status == answer.status


@pytest.mark.parametrize("answer", [CUT, Answer(502), Answer(503), Answer(500)])
def test_a_read_is_repeated(server: Loopback, queue: list[Answer], answer: Answer) -> None:
    queue.append(answer)
    assert send(server, Operations(1), "GET").status_code == 200
    assert len(server.asked) == 2


@pytest.mark.parametrize("status", [429, 503])
def test_a_write_that_azure_declined_is_repeated_when_it_says_and_that_is_told(
    server: Loopback, queue: list[Answer], status: int
) -> None:
    operations, person = Operations(1), Person()
    queue.append(Answer(status, {}, {"Retry-After": "1"}))
    with operations.working(person.listener):
        assert send(server, operations, "PUT").status_code == 200
    assert person.waits[0].startswith(f"Azure asks to wait 1 s ({status} ")
    assert person.waits[1] == ""
    assert person.answers == [status, 200]


def test_a_long_wait_is_handed_up(server: Loopback, queue: list[Answer]) -> None:
    queue.append(Answer(429, {"error": {"code": "TooManyRequests", "message": "slow"}}, {"Retry-After": "300"}))
    with pytest.raises(Exception, match=r"slow|TooMany") as caught:
        send(server, Operations(1), "GET")
    assert as_failure(caught.value).retry_after == 300
    assert len(server.asked) == 1


def test_stopping_ends_a_wait_at_once(server: Loopback, queue: list[Answer]) -> None:
    operations, person = Operations(1), Person()
    person.stop.set()
    queue.append(Answer(429, {}, {"Retry-After": "20"}))
    with operations.working(person.listener), pytest.raises(Abandoned):
        send(server, operations, "GET")


def test_a_connection_that_was_never_made_is_tried_again_also_for_a_write() -> None:
    import requests

    with pytest.raises(requests.ConnectionError) as caught:
        requests.put("http://127.0.0.1:9/x", timeout=5)
    assert retries.may_repeat("PUT", caught.value, 0)


def test_azure_s_clock_is_taken_from_its_answers() -> None:
    operations = Operations(1)
    response = SimpleNamespace(headers={"date": "Tue, 01 Jan 2030 00:00:00 GMT"}, status_code=200, request=None)
    operations.heard(SimpleNamespace(http_response=response))  # type: ignore[arg-type]
    assert abs(operations.azure_time() - 1893456000) < 60


def test_one_policy_in_two_pipelines_sends_each_request_by_its_own(server: Loopback) -> None:
    """azure-ai-ml gives one policy to all clients that it makes; a pipeline tells a policy what follows by an attribute of it."""
    operations, seen = Operations(1), list[str]()
    shared = retries.for_arm(operations)

    def client(name: str) -> ARMPipelineClient[Any, Any]:
        hook = policies.CustomHookPolicy(raw_response_hook=lambda _answer: seen.append(name))
        return ARMPipelineClient(server.url, policies=[shared, hook])

    first, second = client("first"), client("second")
    for one in (first, second, first):
        one.send_request(HttpRequest("GET", f"{server.url}/x")).raise_for_status()
    assert seen == ["first", "second", "first"]
