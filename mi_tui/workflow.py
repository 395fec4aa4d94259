"""The one door through which screens and commands reach the rest: plan, run, resume, look at, invoke and remove."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

import platformdirs

import mi_tui
from mi_tui import targets
from mi_tui.advice import Advice
from mi_tui.engine import (
    adopting,
    answering,
    changes,
    cleanup,
    debuglog,
    evidence,
    files,
    going_on,
    keeping,
    looking,
    patience,
    pending,
    planner,
    runner,
)
from mi_tui.engine.adopting import Found
from mi_tui.engine.catalog import Catalog
from mi_tui.engine.cleanup import Consent
from mi_tui.engine.context import Context, Emit, Stop
from mi_tui.engine.journal import (
    Journal,
    JournalError,
    JournalWriteError,
    LedgerEntry,
    OperationRecord,
    RunRecord,
    RunState,
    Verdict,
)
from mi_tui.engine.journal_file import private_folder, refuse_link
from mi_tui.engine.patience import Waiter
from mi_tui.engine.planner import PlanError
from mi_tui.inquest import Inquest
from mi_tui.model.answers import Answers, IdentityKind, Workspace
from mi_tui.model.answers_file import template
from mi_tui.model.answers_rules import AnswersError
from mi_tui.model.commands import script
from mi_tui.model.events import Notice, Planned, RunFinished
from mi_tui.model.plan import Plan, PlannedResource
from mi_tui.model.secret import Secret
from mi_tui.model.sign_in import Prompt, SignIn
from mi_tui.sandbox.client import PROFILE_NAMES, Connection, SandboxError
from mi_tui.sandbox.client import scenarios as sandbox_scenarios
from mi_tui.services import quiet, sign_in, tenants
from mi_tui.services.deployments import Container
from mi_tui.services.errors import Abandoned, ServiceError, as_failure
from mi_tui.services.scoring import ScoreAnswer
from mi_tui.services.session import Session
from mi_tui.services.sign_in import Account, Attempt, Probed, SignInCancelled
from mi_tui.services.subscriptions import SubscriptionInfo
from mi_tui.services.workspaces import WorkspaceInfo
from mi_tui.targets import AZURE, SANDBOX, Target

__all__ = [
    "AZURE", "SANDBOX", "Abandoned", "Account", "AnswersError", "Attempt", "Connection", "Consent", "Container", "Found", "JournalError",
    "JournalWriteError", "LedgerEntry", "OperationRecord", "Plan", "PlanError", "Probed", "RunRecord", "RunState", "SandboxError", "ScoreAnswer",
    "ServiceError", "SignInCancelled", "Stop", "SubscriptionInfo", "Target", "Verdict", "Waiter", "Workflow", "WorkspaceInfo", "as_failure",
    "home_folder", "scoring_folder",
]  # fmt: skip

T = TypeVar("T")


def home_folder() -> Path:
    """Where everything that mi-tui keeps lies: MI_TUI_HOME, else the user's data folder."""
    given = os.environ.get("MI_TUI_HOME")
    return Path(given).expanduser().resolve() if given else platformdirs.user_data_path("mi-tui")


def scoring_folder() -> Path:
    """The scoring folder that is installed beside mi_tui: the example that works."""
    return Path(mi_tui.__file__).resolve().parent.parent / "scoring"


class Workflow:
    """What screens and commands call. Methods block; the caller owns the thread. `home` moves everything that is kept."""

    def __init__(self, home: Path | None = None) -> None:
        self.home = home or home_folder()
        """The folder of everything that is kept; made, for its owner only, when something is first kept."""
        self.command = "mi-tui"
        """What the person started, for another mi-tui that meets its run."""
        self.advice = Advice(lambda: self.journal)
        self.notices: list[str] = []
        """Sentences for the person about what is kept: what was put right, and what is done without."""
        self._journal: Journal | None = None
        self._lock = threading.Lock()

    @property
    def journal(self) -> Journal:
        """The journal, opened at first use. JournalError when it cannot be used."""
        with self._lock:
            if self._journal is None:
                self._journal = Journal(self.home / "journal.db", self.command)
                self.notices += self._journal.notices
            return self._journal

    # ---- targets

    @staticmethod
    def profiles() -> tuple[str, ...]:
        """How fast a sandbox can go, by name."""
        return PROFILE_NAMES

    @staticmethod
    def scenarios() -> dict[str, str]:
        """What can go wrong in a sandbox: name -> what is different, in words."""
        return sandbox_scenarios()

    def sandbox(
        self, subscription: str | None = None, *, profile: str | None = None, scenario: str | None = None
    ) -> AbstractContextManager[Target]:
        """Open the sandbox. SandboxError when it cannot be started, JournalError when its folder is a link."""
        refuse_link(self.home / "sandbox", "sandbox")
        if (self.home / "sandbox").is_dir():
            with contextlib.suppress(OSError):
                private_folder(self.home / "sandbox", self.notices)
        return targets.sandbox(self.home, subscription, profile=profile, scenario=scenario)

    @contextmanager
    def target_of(self, record: RunRecord, account: Account | None = None, *, tenant: str = "") -> Iterator[Target]:
        """Open the target that a run played in. How one signed in then is not kept: who may, goes on with any sign-in."""
        subscription = record.plan.place.subscription
        azure = record.target != SANDBOX
        with self.azure(subscription, account, tenant=tenant) if azure else self.sandbox(subscription) as target:
            yield target

    def azure(
        self, subscription: str, account: Account | None = None, *, tenant: str = ""
    ) -> AbstractContextManager[Target]:
        """Open Azure, as `account`; without one with the first sign-in that asks nobody, in `tenant` where one is given."""
        return targets.azure(subscription, account, tenant=tenant)

    # ---- signing in to Azure

    def try_sign_in(self, kind: SignIn, tenant: str = "") -> Probed:
        """Try a sign-in without asking anybody anything. Never raises."""
        return sign_in.probe(kind, tenant)

    def sign_in(self, kind: SignIn, tenant: str, prompt: Callable[[Prompt], None]) -> Attempt:
        """A sign-in in a browser or by device code, to be run; `prompt` is told what the person is to do."""
        return Attempt(kind, tenant, prompt)

    def account(self, kind: SignIn, tenant: str = "") -> Account:
        """Who a silent sign-in signs in. Raises ServiceError."""
        return sign_in.account(kind, tenant)

    def tenant_name(self, target: Target, tenant: str) -> str:
        """A tenant's name for people; empty where Azure tells none. Raises ServiceError."""
        return tenants.display_name(target.session, tenant)

    def catalog(self, target: Target, subscription: str | None = None) -> Catalog:
        """What there is to pick from in a subscription (default: the target's)."""
        return Catalog(target.in_subscription(subscription).session if subscription else target.session)

    # ---- answers and plan

    def example_answers(self, kind: IdentityKind, connection: Connection | None = None) -> Answers:
        """Answers that deploy the example of `scoring/`: in the sandbox as they are, in Azure with your own workspace filled in."""
        place = (
            Workspace(connection.subscription, connection.resource_group, connection.workspace)
            if connection
            else answering.NOWHERE
        )
        return answering.example(kind, place, scoring_folder())

    def read_answers(self, path: Path) -> Answers:
        """The answers in a file, with absolute paths. AnswersError lists all that is wrong with them."""
        return answering.read(path)

    def save_answers(self, path: Path, answers: Answers, *, replace: bool = False) -> Path:
        """Write an answers file, every field explained, and with absolute paths; where it lies.

        FileExistsError when there is one and `replace` does not say that it may go; AnswersError for files that are not there;
        AnswersError, too, when the file cannot be written.
        """
        return answering.write(path, template(self.check_files(answers)), replace=replace)

    def save_commands(self, path: Path, plan: Plan, *, replace: bool = False) -> Path:
        """Write what a plan does as a shell script of `az` commands; where it lies.

        FileExistsError when there is one and `replace` does not say that it may go; AnswersError when it cannot be written.
        """
        return answering.write(path, script(plan), replace=replace)

    def check_files(self, answers: Answers) -> Answers:
        """Answers that came from no file, with their files seen to exist."""
        return files.resolve(answers, files.here())

    def plan(self, target: Target, answers: Answers, waiter: Waiter | None = None) -> tuple[str, Plan]:
        """The id of a run to be, and its plan. Changes nothing. PlanError or ServiceError when it cannot be.

        A network that is gone, and a busy service, are waited out for a while, told to `waiter`. Raises Abandoned when that stops it.
        """
        self._log_to_file()
        run = planner.new_run_id()
        with quiet.Prints():
            # The run will need it; while the plan is made there is time to import it.
            threading.Thread(target=quiet.load_ml, name="import azure.ai.ml", daemon=True).start()
            session = target.in_subscription(answers.workspace.subscription).session
            return run, self.reading(target, session, lambda: planner.make_plan(session, answers, run), waiter)

    @staticmethod
    def reading(target: Target, session: Session, work: Callable[[], T], waiter: Waiter | None) -> T:
        """What only reads, with patience."""
        return patience.outlast(
            session, target.pace, work, waiter or Waiter(),
            longest=target.pace.reading_patience, later="Nothing was changed yet; ", gone=lambda: target.gone,
        )  # fmt: skip

    def planned(self, target: str, run: str, plan: Plan) -> Planned:
        """The plan as an event."""
        return Planned(
            run=run,
            target=target,
            resources=plan.resources,
            grants=plan.grants,
            steps=plan.steps,
            warnings=plan.warnings,
        )

    # ---- runs

    def up(self, target: Target, run: str, plan: Plan, emit: Emit, stop: Stop) -> RunFinished:
        """Carry a plan out."""
        self.journal.add_run(run, target.name, plan)
        emit(self.planned(target.name, run, plan))
        return self._drive(runner.run, target, run, plan, emit, stop)

    def missing(self, target: Target, record: RunRecord, waiter: Waiter | None = None) -> list[PlannedResource]:
        """What a run's plan uses without having made it, and is gone by now. Raises ServiceError; waits as `plan` does."""
        session, ledger = self._session(target, record), self.journal.ledger(record.id)
        with quiet.Prints():
            return self.reading(target, session, lambda: changes.missing(session, record.plan, ledger), waiter)

    def resume(
        self, target: Target, record: RunRecord, emit: Emit, stop: Stop, *, take_over: bool = False, make_missing: bool = False
    ) -> RunFinished:  # fmt: skip
        """Go on with a run: what others changed is said, then each step looks at the world first and keeps what is done.

        `take_over` as in `Journal.take`; with `make_missing` the run makes what it only used and is gone: Abandoned when it is stopped
        while that is looked for.
        """
        if record.adopted:
            raise JournalError(
                f"Run {record.id} was begun on another machine, and only what carries its tag is known here. It can be removed "
                f"('mi-tui down {record.id}'); to go on with it, say 'mi-tui resume {record.id}' where it was begun."
            )
        self.journal.take(record.id, over=take_over)
        plan = record.plan
        with going_on.held(self.journal, record.id):
            if make_missing and (gone := self.missing(target, record, _waiter(record.id, emit, stop))):
                plan = changes.with_made(plan, gone)
                self.journal.set_plan(record.id, plan)
        emit(self.planned(target.name, record.id, plan))
        return self._drive(going_on.go_on, target, record.id, plan, emit, stop)

    def down(
        self, target: Target, record: RunRecord, emit: Emit, stop: Stop, keep: frozenset[str] = frozenset(), *,
        consent: Consent | None = None, take_over: bool = False,
    ) -> RunFinished:  # fmt: skip
        """Remove what a run made, verified by reading; what stands in `keep` (ids) stays, with what it needs.

        `consent` names the containers that may go with others' blobs, as `foreign` tells them.
        """
        self.journal.take(record.id, over=take_over)
        return self._drive(lambda ctx: cleanup.clean(ctx, keep, consent), target, record.id, record.plan, emit, stop)

    def foreign(
        self, target: Target, record: RunRecord, keep: frozenset[str] = frozenset(), waiter: Waiter | None = None
    ) -> dict[str, tuple[str, ...]]:
        """The containers that `down` would leave because of blobs which the run did not put there: id -> their names. Waits as `plan` does."""
        session = self._session(target, record)
        with quiet.Prints():
            context = Context(record.id, record.plan, session, self.journal, lambda event: None, target.pace)
            return self.reading(target, session, lambda: cleanup.foreign(context, keep), waiter)

    def marked(self, target: Target, run: str, where: Workspace, waiter: Waiter | None = None) -> Found:
        """What carries a run's mark in a workspace and its subscription. Changes nothing. Raises ServiceError; waits as `plan` does."""
        self._log_to_file()
        with quiet.Prints():
            session = target.in_subscription(where.subscription).session
            return self.reading(
                target, session, lambda: adopting.find(session, where.resource_group, where.name, run), waiter
            )

    def adopt(self, target: Target, run: str, found: Found) -> RunRecord:
        """Journal what was found as adopted, so that `down` removes it. JournalError when another mi-tui drives the run."""
        if self.journal.known(run):
            self.journal.take(run)
        else:
            self.journal.add_run(run, target.name, found.plan, adopted=True)
        for thing in found.marked:
            self.journal.adopt(
                run, thing.kind, thing.id, thing.name, thing.evidence, made=thing.made, stamp=thing.stamp
            )
        return self.journal.run(run)

    def kept(self, record: RunRecord, keep: frozenset[str]) -> dict[str, str]:
        """What `down` would leave for `keep`: each id with the reason in words."""
        return keeping.kept(self.removable(record), keep)

    @staticmethod
    def evidence(entry: LedgerEntry) -> str:
        """Why the ledger says what it says of a resource, in words."""
        return evidence.words(entry)

    def removable(self, record: RunRecord) -> list[LedgerEntry]:
        """What `down` would remove, in its order."""
        return cleanup.in_order(self.journal.ledger(record.id))

    def _drive(
        self, work: Callable[[Context], RunFinished], target: Target, run: str, plan: Plan, emit: Emit, stop: Stop
    ) -> RunFinished:
        self._log_to_file()
        session = target.in_subscription(plan.place.subscription).session
        with quiet.Prints(), going_on.held(self.journal, run):
            context = Context(run, plan, session, self.journal, emit, target.pace, stop)
            context.sign_in.ask, context.gone = target.ask_sign_in, lambda: target.gone
            return Inquest(context, sandbox=target.name == SANDBOX).over(work)

    # ---- looking and asking

    def operations(self, target: Target, record: RunRecord) -> dict[int, str]:
        """What Azure says now of the run's long operations whose end is not known here: number -> status. Raises ServiceError."""
        under_way = [one for one in self.journal.operations(record.id) if one.ended is None]
        if not under_way:
            return {}
        session = self._session(target, record)
        with quiet.Prints():
            return {one.number: pending.ask(session, one) or "Azure does not tell any more" for one in under_way}

    def endpoint_state(self, target: Target, record: RunRecord) -> dict[str, str]:
        """The states that Azure tells now: `endpoint`, `deployment`, `traffic`, `scoring_uri`; `absent` where there is none."""
        with quiet.Prints():
            return looking.states(self._session(target, record), record.plan)

    def logs(
        self,
        target: Target,
        record: RunRecord,
        container: Container,
        tail: int,
        *,
        follow: bool,
        stop: Stop,
    ) -> Iterator[tuple[str, bool]]:
        """The lines of a container's log; with `follow`, new ones as they come until `stop`. The flag is False for a sentence
        that says why there is no log, which is no log line."""
        session = self._session(target, record)
        return looking.logs(session, record.plan, container, tail, follow=follow, stop=stop, pause=target.pace.log_poll)

    def invoke(self, target: Target, record: RunRecord, body: bytes) -> ScoreAnswer:
        """Ask the endpoint of a run. The key stays here."""
        with quiet.Prints():
            return looking.invoke(self._session(target, record), record.plan, record.id, body)

    def endpoint_key(self, target: Target, record: RunRecord) -> Secret:
        """The key of a run's endpoint: for the clipboard, never for the screen. Raises ServiceError."""
        with quiet.Prints():
            return looking.key(self._session(target, record), record.plan)

    @staticmethod
    def _session(target: Target, record: RunRecord) -> Session:
        """The target's session in the run's own subscription."""
        return target.in_subscription(record.plan.place.subscription).session

    def _log_to_file(self) -> None:
        why = debuglog.begin(self.home)
        if why and why not in self.notices:
            self.notices.append(why)


def _waiter(run: str, emit: Emit, stop: Stop) -> Waiter:
    """Who waits for what a run reads before it begins: told as notices."""
    return Waiter(lambda words: emit(Notice(run=run, text=words)) if words else None, stop)
