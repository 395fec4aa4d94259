"""Waiting out what passes by itself: what does, how long, how it is told, and that it ends at once when the run is to stop.

Nothing here sleeps: Patience has a clock of the test's, and runs have a pace of milliseconds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mi_tui.engine import cancelling, runner
from mi_tui.engine.context import Context, Done, Pace
from mi_tui.engine.patience import Patience, Trouble, Waiter, bound, outlast, sign_in_ended, trouble_of
from mi_tui.model.events import Notice, Outcome, RunFinished, StepFailed, StepProgress
from mi_tui.model.failure import Failure
from mi_tui.services.errors import CERTIFICATE, NETWORK, PROXY, SIGN_IN, Abandoned, ServiceError
from mi_tui.services.session import Session
from tests.engine.test_runner import GRAPH, Bench, _no_credential

LOST = Failure(NETWORK, "The connection broke off.")
BUSY = Failure("ServerBusy", "The server is busy.", status=503)
BEING_DELETED = "The specified container is being deleted. Try operation later."
QUICK = Pace(first_pause=0.001, longest_pause=0.002, told_pause=0.0)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path, monkeypatch)
    made.ctx.pace = QUICK
    return made


def failing(*failures: Failure) -> Callable[[Context, object], Done]:
    """A step that fails so often, and then is done."""
    left = list(failures)

    def step(ctx: Context, say: object) -> Done:
        if left:
            raise ServiceError(left.pop(0))
        return Done("created")

    return step


@pytest.mark.parametrize(
    ("failure", "trouble"),
    [
        (LOST, Trouble.NETWORK),
        (BUSY, Trouble.BUSY),
        (Failure("BadGateway", "", status=502), Trouble.BUSY),
        (Failure("TooManyRequests", "", status=429), Trouble.THROTTLED),
        (Failure("StorageAccountOperationInProgress", "", status=409), Trouble.BUSY),
        (Failure("ContainerBeingDeleted", "", status=409), Trouble.BUSY),
        (Failure("ContainerOperationFailure", f"{BEING_DELETED}\nRequestId:6d2a", status=409), Trouble.BUSY),
        (Failure("ContainerOperationFailure", "The account does not have sufficient permissions.", status=403), None),
        (Failure("ContainerOperationFailure", BEING_DELETED), None),
        (
            Failure(
                "Conflict", "Cannot update deployment blue because it is in Creating provisioning state", status=409
            ),
            Trouble.BUSY,
        ),
        (Failure("Conflict", "There is one already.", status=409), None),
        (Failure("InternalServerError", "a long operation that ended so"), None),
        (Failure("ResourceNotReady", "User container has crashed"), None),
        (Failure("AuthorizationFailed", "", status=403), None),
        (Failure(CERTIFICATE, "not trusted"), None),
        (Failure(PROXY, "refused"), None),
        (Failure("AADSTS90024", "transient"), Trouble.BUSY),
    ],
)
def test_what_passes_by_itself(failure: Failure, trouble: Trouble | None) -> None:
    assert trouble_of(failure) is trouble


@pytest.mark.parametrize(
    ("failure", "ended"),
    [
        (Failure("AADSTS700082", "expired"), True),
        (Failure(SIGN_IN, "nobody is signed in"), True),
        (Failure("ExpiredAuthenticationToken", "", status=401), True),
        (Failure("HTTP 401", "the endpoint's key", status=401), False),
        (Failure("AuthorizationFailed", "", status=403), False),
        (Failure("AADSTS90024", "transient"), False),
    ],
)
def test_a_sign_in_that_has_ended(failure: Failure, ended: bool) -> None:
    assert sign_in_ended(failure) is ended


def test_pauses_double_up_to_the_longest_and_are_jittered(clock: Clock) -> None:
    assert [Patience(Pace(), clock, lambda: 1.0).pause(LOST)] == [1.0]
    patience = Patience(Pace(), clock, lambda: 1.0)
    assert [patience.pause(LOST) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert Patience(Pace(), clock, lambda: 0.0).pause(LOST) == 0.5


def test_a_network_may_be_gone_for_ten_minutes_and_not_for_ever(clock: Clock) -> None:
    patience, pace = Patience(Pace(), clock, lambda: 1.0), Pace()
    began = clock.now
    while (pause := patience.pause(LOST)) is not None:
        clock.now += pause + 80  # each try runs into its time-outs
        patience.resume()
    assert pace.network_patience <= clock.now - began <= pace.network_patience + 200
    assert pace.network_patience >= 1800


def test_a_busy_service_is_given_less_time_and_a_wait_that_it_asks_for_is_honoured(clock: Clock) -> None:
    patience = Patience(Pace(), clock, lambda: 1.0)
    assert patience.pause(Failure("TooManyRequests", "", status=429, retry_after=17)) == 17
    assert Patience(Pace(), clock).pause(Failure("ServerBusy", "", status=503, retry_after=700)) is None
    began = clock.now
    patience = Patience(Pace(), clock, lambda: 1.0)
    while (pause := patience.pause(BUSY)) is not None:
        clock.now += pause
        patience.resume()
    assert 600 <= clock.now - began <= 700


def test_a_name_that_may_be_wrong_for_ever_is_waited_for_less() -> None:
    pace = Pace()
    raw = "NameResolutionError: [Errno -2] Name or service not known"
    own = Failure(NETWORK, "The name cannot be resolved.", target="stx.blob.core.windows.net", raw=raw)
    front = Failure(NETWORK, "The name cannot be resolved.", target="management.azure.com", raw=raw)
    assert bound(pace, own, Trouble.NETWORK) == pace.busy_patience
    assert bound(pace, front, Trouble.NETWORK) == pace.network_patience


def test_what_comes_after_a_while_of_success_is_another_trouble(clock: Clock) -> None:
    patience = Patience(Pace(), clock, lambda: 1.0)
    for _ in range(5):
        patience.pause(BUSY)
        patience.resume()
    clock.now += 400
    patience.answered(200)
    clock.now += 400
    assert patience.pause(BUSY) == 1.0
    assert patience.tries == 1
    for _ in range(200):
        clock.now += 60
        patience.answered(200)
        patience.pause(BUSY)
        patience.resume()
    assert patience.pause(BUSY) is None, "however well it goes in between, a step is not done again for ever"


def test_a_refusal_does_not_count_as_success(clock: Clock) -> None:
    patience = Patience(Pace(), clock, lambda: 1.0)
    patience.pause(BUSY)
    patience.resume()
    clock.now += 400
    patience.answered(503)
    patience.answered(429)
    patience.pause(BUSY)
    assert patience.tries == 2


def test_the_run_waits_and_says_so_once(bench: Bench) -> None:
    bench.steps["a"] = failing(LOST, LOST, LOST)
    bench.steps["b"] = failing(LOST, LOST)
    end = runner.run(bench.ctx)
    assert end.outcome is Outcome.SUCCEEDED
    waits = [e for e in bench.events if isinstance(e, StepProgress) and e.status == "Waiting"]
    assert {e.step for e in waits} == {"a", "b"}
    assert all("broke off" in e.detail and "next try in" in e.detail and "resume r" in e.detail for e in waits)
    said = [e.text for e in bench.events if isinstance(e, Notice)]
    assert len([text for text in said if "is gone" in text]) == len([text for text in said if "is back after" in text])
    assert "network is gone" in said[0]
    assert "for 30 min at most" in said[0]
    assert bench.ctx.journal.steps("r")["a"][0] == "done"


def test_a_first_short_pause_is_no_notice(bench: Bench) -> None:
    bench.ctx.pace = Pace(first_pause=0.001)
    bench.steps["a"] = failing(BUSY)
    assert runner.run(bench.ctx).outcome is Outcome.SUCCEEDED
    assert not [e for e in bench.events if isinstance(e, Notice)]


def test_patience_ends_in_the_honest_failure(bench: Bench) -> None:
    bench.ctx.pace = Pace(first_pause=0.001, longest_pause=0.001, busy_patience=0.02)
    bench.steps["a"] = failing(*[BUSY] * 10_000)
    end = runner.run(bench.ctx)
    assert end.outcome is Outcome.FAILED
    assert end.failure is not None
    assert end.failure.code == "ServerBusy"
    assert any(detail.startswith("Tried ") for detail in end.failure.details)
    assert "resume r" in end.next


def test_what_does_not_pass_fails_at_once(bench: Bench) -> None:
    tries = []

    def refused(ctx: Context, say: object) -> Done:
        tries.append(1)
        raise ServiceError(Failure(PROXY, "407"))

    bench.steps["a"] = refused
    assert runner.run(bench.ctx).outcome is Outcome.FAILED
    assert tries == [1]
    assert not [e for e in bench.events if isinstance(e, StepProgress)]


def test_stopping_ends_a_wait_at_once(bench: Bench) -> None:
    bench.ctx.pace = Pace(first_pause=3600, longest_pause=3600)
    bench.steps["a"] = failing(LOST)
    waiting = threading.Event()
    before = bench.ctx.emit

    def emit(event: object) -> None:
        before(event)  # type: ignore[arg-type]
        if isinstance(event, StepProgress) and event.status == "Waiting":
            waiting.set()

    bench.ctx.emit = emit
    ended: list[RunFinished] = []
    thread = threading.Thread(target=lambda: ended.append(runner.run(bench.ctx)), daemon=True)
    thread.start()
    assert waiting.wait(10)
    bench.ctx.stop.set()
    thread.join(10)
    assert ended[0].outcome is Outcome.LEFT_RUNNING
    assert bench.ctx.journal.steps("r")["a"][0] == "abandoned"


def test_nothing_is_waited_for_when_the_target_is_gone(bench: Bench) -> None:
    bench.ctx.gone = lambda: True
    bench.steps["a"] = failing(LOST)
    end = runner.run(bench.ctx)
    assert end.failure is not None
    assert end.failure.code == NETWORK


# ---- a sign-in that ends in the middle


ENDED = Failure("AADSTS700082", "The sign-in has expired.")
REFUSED = Failure("ExpiredAuthenticationToken", "", status=401)


@pytest.fixture
def signed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench whose session has somebody signed in, whatever is asked."""
    from mi_tui.services.session import Caller

    bench.ctx.session.caller = lambda: Caller("ada", "o", "t")  # type: ignore[method-assign]
    return bench


def test_a_refused_token_is_replaced_without_asking(signed: Bench) -> None:
    asked: list[Failure] = []
    signed.ctx.sign_in.ask = lambda failure, stop: bool(asked.append(failure))
    signed.steps["a"] = failing(REFUSED)
    assert runner.run(signed.ctx).outcome is Outcome.SUCCEEDED
    assert not asked


def test_steps_side_by_side_ask_once(signed: Bench) -> None:
    asked: list[Failure] = []
    both = threading.Barrier(2, timeout=10)

    def ask(failure: Failure, stop: threading.Event) -> bool:
        asked.append(failure)
        return True

    def step() -> Callable[[Context, object], Done]:
        tries: list[int] = []

        def work(ctx: Context, say: object) -> Done:
            tries.append(1)
            if len(tries) == 1:
                both.wait()
                raise ServiceError(ENDED)
            return Done("created")

        return work

    signed.ctx.sign_in.ask = ask
    signed.steps |= {"a": step(), "b": step()}
    assert runner.run(signed.ctx).outcome is Outcome.SUCCEEDED
    assert asked == [ENDED]


def test_who_does_not_sign_in_again_gets_the_failure_and_is_not_asked_twice(signed: Bench) -> None:
    asked: list[Failure] = []
    signed.ctx.sign_in.ask = lambda failure, stop: bool(asked.append(failure))
    signed.steps |= {"a": failing(ENDED), "b": failing(ENDED)}
    end = runner.run(signed.ctx)
    assert end.outcome is Outcome.FAILED
    assert end.failure == ENDED
    assert asked == [ENDED]


def test_nobody_to_ask_is_a_failure_that_says_how_to_go_on(signed: Bench) -> None:
    signed.steps["a"] = failing(ENDED)
    end = runner.run(signed.ctx)
    assert end.outcome is Outcome.FAILED
    assert "mi-tui resume r" in end.next


def test_another_tenant_is_asked_about_again(signed: Bench) -> None:
    from mi_tui.services.session import Caller

    tenants = ["other", "t"]
    signed.ctx.session.caller = lambda: Caller("ada", "o", tenants.pop(0))  # type: ignore[method-assign]
    signed.ctx.session.tenant = lambda: "t"  # type: ignore[method-assign]
    asked: list[Failure] = []

    def ask(failure: Failure, stop: threading.Event) -> bool:
        asked.append(failure)
        return True

    signed.ctx.sign_in.ask = ask
    signed.steps["a"] = failing(ENDED)
    assert runner.run(signed.ctx).outcome is Outcome.SUCCEEDED
    assert len(asked) == 2
    assert "plays in tenant t" in asked[1].message


def test_stopping_ends_the_question(signed: Bench) -> None:
    def ask(failure: Failure, stop: threading.Event) -> bool:
        signed.ctx.stop.set()
        return stop.wait(10)

    signed.ctx.sign_in.ask = ask
    signed.steps["a"] = failing(ENDED)
    assert runner.run(signed.ctx).outcome is Outcome.LEFT_RUNNING


def test_an_abandoned_step_is_not_done_again(bench: Bench) -> None:
    def leaves(ctx: Context, say: object) -> Done:
        ctx.stop.set()
        raise Abandoned("left")

    bench.steps["a"] = leaves
    assert runner.run(bench.ctx).outcome is Outcome.LEFT_RUNNING
    assert not [e for e in bench.events if isinstance(e, StepFailed)]


# ---- what is no run: reading before it, and the end of one that was cancelled


def reading(
    work: Callable[[], str],
    said: list[str],
    *,
    pace: Pace = QUICK,
    longest: float = 60.0,
    stop: threading.Event | None = None,
) -> str:
    waiter = Waiter(said.append, stop or threading.Event())
    session = Session(_no_credential(), "s")
    return outlast(session, pace, work, waiter, longest=longest, later="")


def failing_read(*failures: Failure) -> Callable[[], str]:
    left = list(failures)

    def read() -> str:
        if left:
            raise ServiceError(left.pop(0))
        return "read"

    return read


def test_what_is_read_before_a_run_is_waited_for_and_said() -> None:
    said: list[str] = []
    assert reading(failing_read(LOST, BUSY), said) == "read"
    assert said[0] == "Waiting: The connection broke off; trying again in 1 s, for 60 s at most. Ctrl+C ends it."
    assert said[1] == ""
    assert said[2].startswith("Waiting: The server is busy;")
    assert said[3] == ""


def test_reading_before_a_run_is_not_waited_for_as_long_as_a_run_is() -> None:
    with pytest.raises(ServiceError) as raised:
        reading(failing_read(*[LOST] * 1000), [], longest=0.05)
    assert raised.value.code == NETWORK
    assert raised.value.failure.details[-1].startswith("Tried ")
    with pytest.raises(ServiceError) as raised:
        reading(failing_read(Failure("AuthorizationFailed", "no", status=403)), [])
    assert raised.value.failure.details == ()


def test_a_wait_before_a_run_is_left_at_once() -> None:
    stop, said = threading.Event(), list[str]()
    stop.set()
    with pytest.raises(Abandoned):
        reading(failing_read(LOST), said, pace=Pace(first_pause=3600, longest_pause=3600), longest=7200, stop=stop)
    assert said


def test_a_cancelled_step_is_looked_at_until_the_network_is_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = [LOST, BUSY]

    def look(ctx: Context, say: object) -> Done:
        if looks:
            raise ServiceError(looks.pop(0))
        return Done("cancelled", "Azure deleted it while it was being created")

    monkeypatch.setitem(cancelling._LOOKS, "a", look)
    bench.ctx.stop.set()
    said: list[str] = []
    done = cancelling.end(bench.ctx, GRAPH[0], said.append)
    assert done.result == "cancelled"
    assert len([words for words in said if words.startswith("Waiting")]) == 2
