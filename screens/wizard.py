"""What the wizard remembers while screens come and go: the draft, the open target, the run; and the way to work off the UI thread."""

from __future__ import annotations

import copy
import os
import secrets
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, TypeVar

from mi_tui.model.diagnosis import Diagnosis
from mi_tui.model.draft import Draft, Stage
from mi_tui.model.events import Event, LogLine, RunFinished
from mi_tui.model.exchange import Exchange
from mi_tui.model.failure import Failure
from mi_tui.model.progress import RunProgress
from screens.accounts import Accounts
from screens.failures import failure_of
from screens.runlog import RunLog
from screens.signin_question import SignInQuestion, ask_in

if TYPE_CHECKING:
    from mi_tui.fixing import Mended
    from mi_tui.model.answers import Answers
    from mi_tui.workflow import Account, Plan, RunRecord, Stop, Target, Workflow

T = TypeVar("T")

_SWITCH = 0.001
"""Seconds that a thread may keep the interpreter when another asks for it; Python's own is 0.005."""
_GRACE = 0.1
"""Seconds that a run has to write down that it was left; without that it is resumed as after a crash."""

Post = Callable[[Callable[[], None]], None]
"""Hands a function to the UI thread, from any thread, without waiting."""


class Wizard(Accounts):
    """The state of one sitting. Everything public is for the UI thread; work goes through `background`."""

    def __init__(self, workflow: Workflow | None, post: Post) -> None:
        # While a thread imports an SDK, the UI thread asks for the interpreter hundreds of times a second: 5 ms each would be felt.
        sys.setswitchinterval(_SWITCH)
        super().__init__(workflow)
        self._post = post
        self.draft = Draft()
        self.stage = Stage.WELCOME
        self.scenario = "none"
        self.wanted = "sandbox"
        """The target that is chosen on the first screen; `target` is the one that is open."""
        self.masked = False
        self.run = ""
        self.plan: Plan | None = None
        self.planned_from: Draft | None = None
        """The draft as it was when the plan was made."""
        self.plan_error: Exception | None = None
        """Why there is no plan, as it was raised; None when there is one."""
        self._planning = 0
        self._planning_ends = threading.Event()
        """Ends the planning that was asked for last."""
        self.plan_waits = ""
        """What planning waits for, in a sentence; empty while it goes on."""
        self.progress = RunProgress()
        self.stop: Stop | None = None
        self.cleaning = False
        self.log: RunLog | None = None
        """The file of the run's log."""
        self.last_failure: Failure | None = None
        self.told: tuple[Failure, Diagnosis] | None = None
        """The last failure of a run with what its run found of it; it stays when the run has gone on since."""
        self.exchanges: dict[str, Exchange] = {}
        self.questions: deque[SignInQuestion] = deque()
        """What steps ask of the person, to be shown on whatever screen is there."""
        self._events: deque[Event] = deque()
        self._worker: threading.Thread | None = None
        self._stack: ExitStack | None = None
        self._place = ""
        self._hidden: dict[str, str | None] = {}

    # ---- off the UI thread

    def background(self, call: Callable[[], T], deliver: Callable[[T | Failure], None]) -> None:
        """Run `call` on a daemon thread; `deliver` gets its result, or the Failure of whatever it raised, on the UI thread."""

        def work() -> None:
            try:
                result: T | Failure = call()
            except Exception as error:  # noqa: BLE001 - every failure is shown where the data would have stood
                result = self._failure(error)
            self._post(lambda: deliver(result))

        threading.Thread(target=work, name="wizard", daemon=True).start()

    def _failure(self, error: Exception) -> Failure:
        """What a screen shows of an error; without the network it may be the sandbox that ended."""
        failure, target = failure_of(error), self.target
        if failure.code == "mi-tui/network" and target is not None and target.gone:
            advice = "Go back to the first step and press Start: its world is kept, and what you chose stays."
            return Failure("mi-tui/sandbox-died", "The sandbox has stopped.", advice)
        return failure

    def tell(self, work: Callable[[], None]) -> None:
        """Do something on the UI thread; from any thread, without waiting."""
        self._post(work)

    # ---- target

    def open_sandbox(self, profile: str | None, scenario: str | None, done: Callable[[Target | Failure], None]) -> None:
        """Open the sandbox in the background, and suggest answers that work in it. None takes it as it is.

        What was open is let go first: a process talks to one target only.
        """

        def call() -> Target:
            before = dict(os.environ)
            target = self._enter(self.workflow.sandbox(profile=profile, scenario=scenario))
            changed = {name for name, value in os.environ.items() if before.get(name) != value}
            self._hidden = {name: before.get(name) for name in changed} | self._hidden
            return target

        def opened(result: Target | Failure) -> None:
            if not isinstance(result, Failure):
                connection = result.connection
                assert connection is not None
                self.profile, self.scenario = connection.profile, connection.scenario
                self._opened(result, connection.user, connection.tenant)
                self.suggest()
            done(result)

        self._let_go()
        self.background(call, opened)

    def open_azure(
        self, subscription: str, done: Callable[[Target | Failure], None], account: Account | None = None
    ) -> None:
        """Open Azure in the background as `account`, without one with the sign-in that is there. What was open is let go first."""
        callers: list[tuple[str, str, str]] = []

        def call() -> Target:
            target = self._enter(self.workflow.azure(subscription, account))
            caller = target.session.caller()
            callers.append((caller.name, caller.tenant, self._name_of(target, caller.tenant)))
            return target

        def opened(result: Target | Failure) -> None:
            if not isinstance(result, Failure):
                name, tenant, self.tenant_name = callers[0]
                self.account = account
                self._opened(result, name, tenant)
            done(result)

        self.leave_target()
        self.background(call, opened)

    def leave_target(self) -> None:
        """Let go what is open, and take the sandbox's proxy and certificates away: they would catch what is meant for Azure."""
        self._let_go()
        for name, value in self._hidden.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._hidden = {}

    def _enter(self, opening: AbstractContextManager[Target]) -> Target:
        stack = ExitStack()
        target = stack.enter_context(opening)
        self._stack = stack
        return target

    def _let_go(self) -> None:
        """Close what is open. The sandbox lives on for a moment, so that one that is opened again at once is the same."""
        stack, self._stack = self._stack, None
        self.target, self.who, self.signed_in, self.tenant, self.tenant_name = None, "", "", "", ""
        self.account = None
        if stack is not None:
            threading.Thread(target=stack.close, name="close", daemon=True).start()

    def _opened(self, target: Target, name: str, tenant: str) -> None:
        self.target, self.signed_in, self.tenant = target, name, tenant
        ask_in(target, self.questions.append)
        self.say_who()

    def settle(self) -> None:
        """The person goes on with the open target: what the draft names in another one is forgotten."""
        place = f"{self.target.name} {self.tenant}" if self.target else ""
        if self._place not in {"", place}:
            draft = self.draft
            draft.subscription = draft.resource_group = draft.workspace = draft.location = ""
            draft.account = draft.account_group = draft.identity = draft.identity_group = ""
            self.plan, self.run = None, ""
        self._place = place
        self.suggest()

    def suggest(self) -> None:
        """Fill what is empty with what works: the example of `scoring/`, and in the sandbox its default workspace."""
        connection = self.target.connection if self.target else None
        example = Draft.of(self.workflow.example_answers(self.draft.kind, connection))
        draft = self.draft
        if connection and not draft.workspace:
            draft.subscription, draft.resource_group = example.subscription, example.resource_group
            draft.workspace, draft.location = example.workspace, connection.location
        draft.suggest(secrets.token_hex(3))
        for name in ("model", "code", "conda", "upload", "request"):
            if not getattr(draft, name):
                setattr(draft, name, getattr(example, name))

    # ---- runs

    @property
    def busy(self) -> bool:
        """Whether a run is under way."""
        return self._worker is not None and self._worker.is_alive()

    def make_plan(self, done: Callable[[tuple[str, Plan] | Failure], None]) -> None:
        """Make the plan of the draft in the background. Nothing is changed. Only the plan that was asked for last is delivered.

        AnswersError when the draft is not complete.
        """
        target, draft = self.target, copy.deepcopy(self.draft)
        answers = draft.answers()
        self._planning += 1
        asked = self._planning
        raised: list[Exception] = []
        self._planning_ends.set()
        ends = self._planning_ends = threading.Event()
        self.plan_waits = ""

        def say(words: str) -> None:
            if not ends.is_set():
                self.plan_waits = words

        def call() -> tuple[str, Plan]:
            from mi_tui.workflow import Waiter

            assert target is not None
            try:
                return self.workflow.plan(
                    target, self.workflow.check_files(answers), Waiter(say, ends, "Esc goes back.")
                )
            except Exception as error:
                raised.append(error)
                raise

        def made(result: tuple[str, Plan] | Failure) -> None:
            if asked != self._planning:
                return
            self.plan_error = raised[0] if raised else None
            if isinstance(result, Failure):
                self.plan, self.planned_from = None, None
                self.last_failure = result
            else:
                (self.run, self.plan), self.planned_from = result, draft
            done(result)

        self.background(call, made)

    def deploy(self) -> None:
        """Carry the plan out; its events arrive in `drain`."""
        target, run, plan = self.target, self.run, self.plan
        assert target is not None
        assert plan is not None
        self._begin(lambda stop: self.workflow.up(target, run, plan, self._take_in, stop), cleaning=False)

    def take_answers(self, answers: Answers) -> None:
        """Take the answers that a confirmed change made of the draft."""
        location = self.draft.location
        self.draft = Draft.of(answers)
        self.draft.location = location

    def take_plan(self, mended: Mended) -> None:
        """Take the plan that a confirmed change made of the draft; nothing of it has begun."""
        self.take_answers(mended.answers)
        self.run, self.plan, self.plan_error = mended.run, mended.plan, None
        self.planned_from = copy.deepcopy(self.draft)

    def mend(self, record: RunRecord, mended: Mended) -> None:
        """Go on with a run as a confirmed change has its plan."""
        from mi_tui.fixing import Fixing

        self.run, self.plan = record.id, mended.plan
        self.draft = Draft.of(mended.answers)
        self.planned_from = copy.deepcopy(self.draft)
        fixing = Fixing(self.workflow)
        self._begin(
            lambda stop: self._with_target(
                record, lambda target: fixing.resume(target, record, mended, self._take_in, stop)
            ),
            cleaning=False,
        )

    def resume(self, record: RunRecord, *, make_missing: bool = False) -> None:
        """Go on with an earlier run; with `make_missing` it makes what it only used and is gone."""
        self.run, self.plan = record.id, record.plan
        self.draft = Draft.of(record.plan.answers)
        self.planned_from = copy.deepcopy(self.draft)
        self._begin(
            lambda stop: self._with_target(
                record, lambda t: self.workflow.resume(t, record, self._take_in, stop, make_missing=make_missing)
            ),
            cleaning=False,
        )

    def clean(self, keep: frozenset[str] = frozenset(), consent: Mapping[str, frozenset[str]] | None = None) -> None:
        """Remove what the run made, but what stands in `keep` (ids) and what that needs. `consent` as in `Workflow.down`."""
        run = self.run

        def work(stop: Stop) -> RunFinished:
            record = self.workflow.journal.run(run)
            return self._with_target(
                record, lambda t: self.workflow.down(t, record, self._take_in, stop, keep, consent=consent)
            )

        self._begin(work, cleaning=True)

    def _take_in(self, event: Event) -> None:
        """One event, on a thread of the run."""
        self._events.append(event)
        if isinstance(event, LogLine) and self.log is not None:
            self.log.write(event.container, event.text)

    def ask_run(self, call: Callable[[Target, RunRecord], T], deliver: Callable[[T | Failure], None]) -> None:
        """Run `call` in the background with the current run and the target it played in, which is opened where it is not."""
        run = self.run

        def work() -> T:
            record = self.workflow.journal.run(run)
            return self._with_target(record, lambda target: call(target, record))

        self.background(work, deliver)

    def _with_target(self, record: RunRecord, work: Callable[[Target], T]) -> T:
        if self.target is not None and self.target.name == record.target:
            return work(self.target.in_subscription(record.plan.place.subscription))
        with self.workflow.target_of(record) as target:
            ask_in(target, self.questions.append)
            return work(target)

    def _begin(self, work: Callable[[Stop], RunFinished], *, cleaning: bool) -> None:
        from mi_tui.workflow import Stop

        stop = Stop()
        self.stop, self.progress, self.cleaning = stop, RunProgress(run=self.run), cleaning
        if self.log is not None:
            self.log.close()
        self.log = RunLog(self.workflow.home / "logs", self.run)

        def guarded() -> None:
            try:
                work(stop)
            except Exception as error:  # noqa: BLE001 - shown on the screen; a dead worker would show nothing
                failure = failure_of(error)
                self._post(lambda: self._broke(failure))

        self._worker = threading.Thread(target=guarded, name="run", daemon=True)
        self._worker.start()

    def _broke(self, failure: Failure) -> None:
        from mi_tui.model.events import Outcome

        self.last_failure = failure
        self._events.append(RunFinished(run=self.run, outcome=Outcome.FAILED, failure=failure))

    def drain(self, seconds: float = 0.004) -> int:
        """Take in the events that have come, for so long at most; how many. Called by a timer of the App, so that no screen misses any."""
        taken, end = 0, time.perf_counter() + seconds
        while self._events and (taken % 20 or time.perf_counter() < end):
            event = self._events.popleft()
            self.progress.take(event)
            if isinstance(event, RunFinished):
                self.last_failure = event.failure or self.last_failure
                if event.failure is not None and event.diagnosis is not None:
                    self.told = (event.failure, event.diagnosis)
                if self.log is not None:
                    self.log.flush()
            taken += 1
        return taken

    def close(self) -> None:
        """Leave: a run under way is left to Azure, the sandbox is let go. Takes under half a second."""
        self.cancel_sign_in()
        self._planning_ends.set()
        if self.stop is not None:
            self.stop.set()
        if self._worker is not None:
            self._worker.join(_GRACE)
        if self.log is not None:
            self.log.close()
        if self._stack is not None:
            threading.Thread(target=self._stack.close, name="close", daemon=True).start()
