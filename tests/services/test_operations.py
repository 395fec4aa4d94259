"""Long operations over real pollers: whose clock counts, whose statuses are whose, and giving up."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable

import pytest

from mi_tui.services.errors import Abandoned, ServiceError
from mi_tui.services.operations import Begun, Operations
from tests.services.loopback import Answer, Asked, Loopback, begin, client


class Cloud:
    """Answers PUT /<name> with an operation, whose status goes through `states`."""

    def __init__(self, states: list[str], headers: dict[str, str] | None = None) -> None:
        self.states = states
        self.headers = headers or {}
        self.polls: dict[str, int] = defaultdict(int)
        self.server = Loopback(self.answer)

    def answer(self, asked: Asked) -> Answer:
        name = asked.path.rpartition("/")[2].partition("?")[0]
        if asked.method != "GET":
            where = {"Azure-AsyncOperation": f"{self.server.url}/operations/{name}?api-version=1"}
            return Answer(201, {"properties": {"provisioningState": f"Creating {name}"}}, {**where, **self.headers})
        if not asked.path.startswith("/operations/"):
            return Answer(200, {"properties": {"provisioningState": "Succeeded"}})
        number = self.polls[name]
        self.polls[name] += 1
        state = self.states[min(number, len(self.states) - 1)]
        return Answer(200, {"status": state if state == "Succeeded" else f"{state} {name}"}, self.headers)


def test_our_clock_counts_where_azure_names_none() -> None:
    cloud = Cloud(["InProgress", "InProgress", "Succeeded"])
    operations = Operations(0.05)
    pipeline = client(cloud.server.url, operations)
    heard: list[str] = []
    begun = time.monotonic()
    operations.finish(lambda: begin(pipeline, f"{cloud.server.url}/ep"), heard.append)
    assert time.monotonic() - begun < 5  # the SDK's own interval is 30 s
    assert heard == ["Creating ep", "InProgress ep", "InProgress ep", "Succeeded"]
    # A hook that raises would make the retry policy send the PUT again.
    assert [asked.method for asked in cloud.server.asked].count("PUT") == 1


def test_azures_clock_counts_where_it_names_one() -> None:
    cloud = Cloud(["InProgress", "Succeeded"], {"x-ms-retry-after-ms": "20"})
    operations = Operations(60)
    pipeline = client(cloud.server.url, operations)
    begun = time.monotonic()
    operations.finish(lambda: begin(pipeline, f"{cloud.server.url}/ep"))
    assert time.monotonic() - begun < 5


def test_parallel_operations_hear_only_their_own() -> None:
    cloud = Cloud(["One", "Two", "Three", "Succeeded"])
    operations = Operations(0.02)
    pipeline = client(cloud.server.url, operations)
    heard: dict[str, list[str]] = {f"op{i}": [] for i in range(8)}
    threads_seen: dict[str, set[int]] = defaultdict(set)

    def run(name: str) -> None:
        def watch(status: str) -> None:
            heard[name].append(status)
            threads_seen[name].add(threading.get_ident())

        operations.finish(lambda: begin(pipeline, f"{cloud.server.url}/{name}"), watch)
        threads_seen[name].add(threading.get_ident())

    threads = [threading.Thread(target=run, args=(name,)) for name in heard]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    for name, statuses in heard.items():
        assert statuses == [f"Creating {name}", f"One {name}", f"Two {name}", f"Three {name}", "Succeeded"]
        assert len(threads_seen[name]) == 1, "a watch is called in the thread that waits"
    assert operations._trails == {}


def test_location_operations_as_storage_has_them() -> None:
    polls = iter([202, 200])
    server = Loopback(
        lambda asked: (
            Answer(202, None, {"Location": f"{server.url}/locations/x?monitor=true"})
            if asked.method == "PUT"
            else Answer(
                status := next(polls), None if status == 202 else {"properties": {"provisioningState": "Succeeded"}}
            )
        )
    )
    operations = Operations(0.02)
    pipeline = client(server.url, operations)
    heard: list[str] = []
    begun = time.monotonic()
    operations.finish(lambda: begin(pipeline, f"{server.url}/account"), heard.append)
    assert time.monotonic() - begun < 5
    assert heard == ["Accepted", "Accepted", "Succeeded"]


def test_a_wait_can_be_given_up() -> None:
    cloud = Cloud(["InProgress"])
    operations = Operations(0.05)
    pipeline = client(cloud.server.url, operations)
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    begun = time.monotonic()
    with pytest.raises(Abandoned):
        operations.finish(lambda: begin(pipeline, f"{cloud.server.url}/ep"), stop=stop)
    assert time.monotonic() - begun < 20, "else it waits until the operation ends, and this one never does"
    time.sleep(0.3)
    polls = cloud.polls["ep"]
    time.sleep(0.3)
    assert cloud.polls["ep"] == polls, "the poller's thread ends too"
    assert operations._trails == {}


def test_nothing_is_begun_after_a_stop() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Abandoned):
        Operations(1).finish(lambda: pytest.fail("begun"), stop=stop)


def test_what_a_watch_raises_comes_out_and_other_answers_are_left_alone() -> None:
    cloud = Cloud(["Succeeded"])
    operations = Operations(0.02)
    pipeline = client(cloud.server.url, operations)

    def watch(_: str) -> None:
        raise RuntimeError("from the watch")

    with pytest.raises(ServiceError, match="from the watch"):
        operations.finish(lambda: begin(pipeline, f"{cloud.server.url}/ep"), watch)
    from azure.core.rest import HttpRequest

    answer = pipeline.send_request(HttpRequest("GET", f"{cloud.server.url}/plain"))
    assert "x-ms-retry-after-ms" not in answer.headers


def test_what_is_noted_of_an_operation_holds_no_signature() -> None:
    """Newer addresses are signed: `t`, `c` and `s` in the query let their bearer read the status."""
    server = Loopback(
        lambda asked: (
            Answer(
                201,
                {"properties": {"provisioningState": "Creating"}},
                {
                    "Azure-AsyncOperation": f"{server.url}/operations/1?api-version=2024-04-01&t=638&c=MIIH&s=signature&h=hash",
                    "x-ms-request-id": "request-1",
                    "x-ms-correlation-request-id": "correlation-1",
                },
            )
            if asked.method == "PUT"
            else Answer(200, {"status": "Succeeded"})
        )
    )
    operations = Operations(0.02)
    pipeline = client(server.url, operations)
    begun: list[Begun] = []
    ended: list[str] = []

    def note(operation: Begun) -> Callable[[str], None]:
        begun.append(operation)
        return ended.append

    with operations.noting(note):
        operations.finish(lambda: begin(pipeline, f"{server.url}/ep?api-version=1&sig=secret"))
    (noted,) = begun
    assert noted.address.endswith("/operations/1?api-version=2024-04-01")
    assert (noted.kind, noted.resource) == ("PUT", "/ep")
    assert (noted.request_id, noted.correlation_id) == ("request-1", "correlation-1")
    assert ended == ["Succeeded"]
    assert "signature" not in repr(noted)
    operations.finish(lambda: begin(pipeline, f"{server.url}/ep"))
    assert len(begun) == 1, "outside, nobody is told"


def test_a_note_that_cannot_be_written_ends_the_wait() -> None:
    cloud = Cloud(["InProgress"])
    operations = Operations(0.02)
    pipeline = client(cloud.server.url, operations)

    def note(operation: Begun) -> Callable[[str], None]:
        raise OSError("the disk is full")

    with operations.noting(note), pytest.raises(OSError, match="full"):
        operations.finish(lambda: begin(pipeline, f"{cloud.server.url}/ep"))
    assert [asked.method for asked in cloud.server.asked].count("PUT") == 1
