"""Clean-up in a real sandbox: what was made again by others, holds others' blobs, is locked, or may not be removed, is left and said;
what is half gone is finished; what carries the run's mark is found without a journal. Endpoints are in tests/e2e."""

from __future__ import annotations

import datetime as dt
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from azure.core.rest import HttpRequest

from mi_tui import targets
from mi_tui.engine import cleanup, evidence, pending, planner, steps
from mi_tui.engine.context import Context, Stop
from mi_tui.engine.journal import LedgerEntry, RunState, Verdict
from mi_tui.model import names
from mi_tui.model.answers import GrantScope, IdentityKind, Workspace
from mi_tui.model.events import Event, Notice, Outcome, RunFinished
from mi_tui.model.plan import ResourceKind
from mi_tui.sandbox import client
from mi_tui.services import arm, grants, identities, rights, seen, storage
from mi_tui.services.errors import ServiceError
from mi_tui.services.session import Session
from mi_tui.workflow import Workflow

pytestmark = pytest.mark.e2e

STEPS = ("identity", "storage-account", "container", "blob", "grant-storage")
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"


@dataclass
class World:
    """A sandbox, and the workflow that works in it."""

    target: targets.Target
    workflow: Workflow
    folder: Path
    events: list[Event] = field(default_factory=list)

    @property
    def session(self) -> Session:
        return self.target.session

    def begin(self, *done: str, **storage: object) -> Context:
        """A run of which the steps `done` (default: all that need no endpoint) are done; its answers have `storage` otherwise."""
        connection = self.target.connection
        assert connection is not None
        answers = self.workflow.check_files(self.workflow.example_answers(IdentityKind.UAI, connection))
        answers = msgspec.structs.replace(answers, storage=msgspec.structs.replace(answers.storage, **storage))
        run = planner.new_run_id()
        plan = planner.make_plan(self.session, answers, run)
        ctx = Context(run, plan, self.session, self.workflow.journal, self.events.append, self.target.pace)
        ctx.journal.add_run(run, "sandbox", plan)
        for step in done or STEPS:
            steps.find(step)(ctx, lambda *_: None)
        return ctx


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("cleanup")
    with pytest.MonkeyPatch.context() as patch:
        for name in targets._NETWORK_VARIABLES:
            patch.setenv(name, os.environ.get(name, ""))
            patch.delenv(name)
        workflow = Workflow(folder / "home")
        with workflow.sandbox(profile="instant") as target:
            yield World(target, workflow, folder)


def entry(ctx: Context, kind: ResourceKind) -> LedgerEntry:
    (found,) = [item for item in ctx.journal.ledger(ctx.run) if item.kind is kind]
    return found


def why(end: RunFinished, kind: ResourceKind) -> str:
    (found,) = [item.why for item in end.left if item.kind == kind.value]
    return found


def clean(ctx: Context, **more: dict[str, frozenset[str]]) -> RunFinished:
    ctx.journal.take(ctx.run)
    return cleanup.clean(ctx, **more)


def put_blob(ctx: Context, name: str) -> None:
    from azure.storage.blob import BlobServiceClient

    account = ctx.plan.answers.storage.account
    key = storage.account_key(ctx.session, ctx.group, account).reveal()
    with BlobServiceClient(f"https://{account}.blob.core.windows.net", credential=key) as client:
        client.get_blob_client(ctx.plan.answers.storage.container, name).upload_blob(b"theirs")


def gone(ctx: Context) -> bool:
    return all(
        seen.look(ctx.session, item.id) is None
        for item in ctx.journal.ledger(ctx.run)
        if item.kind is not ResourceKind.BLOB
    )


def test_what_a_run_makes_is_marked_and_noted_with_its_evidence_and_removed_once(world: World) -> None:
    ctx = world.begin()
    assert {item.verdict for item in ctx.journal.ledger(ctx.run)} == {Verdict.CREATED}
    for kind in (ResourceKind.STORAGE_ACCOUNT, ResourceKind.IDENTITY, ResourceKind.CONTAINER):
        found = seen.look(ctx.session, entry(ctx, kind).id)
        assert found is not None
        assert found.run == ctx.run
    account, identity = entry(ctx, ResourceKind.STORAGE_ACCOUNT), entry(ctx, ResourceKind.IDENTITY)
    assert account.made
    assert account.request_id in evidence.words(account)
    assert identity.stamp == ctx.fact("principal_id")
    assert entry(ctx, ResourceKind.CONTAINER).stamp == f"mi_tui_run={ctx.run}"
    (operation,) = ctx.journal.operations(ctx.run)
    assert (operation.step, operation.kind, operation.outcome) == ("storage-account", "PUT", "Succeeded")
    assert operation.request_id
    assert operation.correlation_id
    assert "?api-version=" in operation.address
    assert "&" not in operation.address
    assert clean(ctx).outcome is Outcome.SUCCEEDED
    assert gone(ctx)
    assert ctx.journal.run(ctx.run).state is RunState.REMOVED
    again = clean(ctx)
    assert (again.outcome, again.removed) == (Outcome.SUCCEEDED, ())


def take_away(ctx: Context, identity: LedgerEntry, container: LedgerEntry) -> None:
    """Somebody deletes the identity and the container of a run."""
    identities.delete(ctx.session, ctx.group, identity.name)
    storage.delete_container(ctx.session, ctx.group, ctx.plan.answers.storage.account, container.name)


def make_when_free(ctx: Context, name: str) -> None:
    """Make a container of a name that has just become free, as soon as the sandbox gives it out again."""
    end = time.monotonic() + 30
    while True:
        try:
            assert storage.create_container(ctx.session, ctx.group, ctx.plan.answers.storage.account, name)
        except ServiceError as error:
            if "is being deleted" not in error.failure.message or time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


def made_again(ctx: Context) -> tuple[LedgerEntry, LedgerEntry]:
    """Somebody deletes a run's identity and container and makes others of the same names, the identity with a copy of the run's tag."""
    identity, container = entry(ctx, ResourceKind.IDENTITY), entry(ctx, ResourceKind.CONTAINER)
    # In Azure, a container's name is not free sooner than half a minute after it was made.
    made = dt.datetime.fromisoformat(container.made) - dt.timedelta(minutes=1)
    ctx.journal.created(
        ctx.run, container.kind, container.id, container.name, container.evidence,
        made=made.isoformat(), stamp=container.stamp,
    )  # fmt: skip
    take_away(ctx, identity, container)
    identities.create(ctx.session, ctx.group, identity.name, ctx.plan.place.location, {"mi-tui-run": ctx.run})
    make_when_free(ctx, container.name)
    return identity, container


def test_what_others_made_again_since_is_left_and_said(world: World) -> None:
    ctx = world.begin()
    identity, container = made_again(ctx)
    end = clean(ctx)
    assert end.outcome is Outcome.FAILED
    for kind in (ResourceKind.IDENTITY, ResourceKind.CONTAINER):
        assert "made it again since" in why(end, kind)
        assert seen.look(ctx.session, entry(ctx, kind).id) is not None
    assert "inputs" in why(end, ResourceKind.STORAGE_ACCOUNT)
    # Whoever made them takes them away; then nothing is in the way.
    take_away(ctx, identity, container)
    assert clean(ctx).outcome is Outcome.SUCCEEDED
    assert gone(ctx)


def test_a_step_that_meets_what_others_made_again_disowns_it(world: World) -> None:
    ctx = world.begin("identity")
    identity = entry(ctx, ResourceKind.IDENTITY)
    identities.delete(ctx.session, ctx.group, identity.name)
    identities.create(ctx.session, ctx.group, identity.name, ctx.plan.place.location, {})
    assert steps.find("identity")(ctx, lambda *_: None).result == "used"
    assert ctx.journal.verdict(ctx.run, identity.id) is Verdict.EXISTED
    assert clean(ctx).outcome is Outcome.SUCCEEDED
    assert seen.look(ctx.session, identity.id) is not None
    identities.delete(ctx.session, ctx.group, identity.name)


def test_what_others_made_again_is_told_by_its_evidence_after_a_resume_too(world: World) -> None:
    """A container carries no tag that would be missed, and a copy may carry the run's own."""
    ctx = world.begin("identity", "storage-account", "container")
    identity, container = made_again(ctx)
    for step, item in (("identity", identity), ("container", container)):
        assert steps.find(step)(ctx, lambda *_: None).result == "used"
        assert ctx.journal.verdict(ctx.run, item.id) is Verdict.EXISTED
    clean(ctx)
    assert seen.look(ctx.session, identity.id) is not None
    assert seen.look(ctx.session, container.id) is not None
    take_away(ctx, identity, container)
    assert clean(ctx).outcome is Outcome.SUCCEEDED


def test_others_blobs_keep_the_container_unless_a_person_gave_them_away(world: World) -> None:
    ctx = world.begin()
    container = entry(ctx, ResourceKind.CONTAINER)
    put_blob(ctx, "theirs.csv")
    assert cleanup.foreign(ctx) == {container.id: ("theirs.csv",)}
    end = clean(ctx)
    assert "'theirs.csv'" in why(end, ResourceKind.CONTAINER)
    assert end.outcome is Outcome.FAILED
    said = {container.id: frozenset({"theirs.csv"})}
    put_blob(ctx, "later.csv")
    assert "'later.csv'" in why(clean(ctx, consent=said), ResourceKind.CONTAINER), "only what was shown may go"
    said = {container.id: frozenset({"theirs.csv", "later.csv"})}
    assert clean(ctx, consent=said).outcome is Outcome.SUCCEEDED
    assert gone(ctx)


def test_an_account_in_which_others_keep_queues_is_left(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox has blobs only: a stand-in for the lists of the other services."""
    ctx = world.begin("storage-account")
    here, asked = arm.list_all, list[str]()

    def listed(session: Session, path: str, *more: str) -> Iterator[arm.Json]:
        asked.append(path.removeprefix(entry(ctx, ResourceKind.STORAGE_ACCOUNT).id))
        if path.endswith("/queues"):
            return iter([{"name": "orders"}, {"name": "$metrics"}])
        return here(session, path, *more)

    with monkeypatch.context() as patch:
        patch.setattr(arm, "list_all", listed)
        assert why(clean(ctx), ResourceKind.STORAGE_ACCOUNT) == "it holds what this run did not put there: queue orders"
    assert {"/fileServices/default/shares", "/queueServices/default/queues", "/tableServices/default/tables"} <= set(
        asked
    )
    assert clean(ctx).outcome is Outcome.SUCCEEDED
    assert gone(ctx)


def test_what_is_half_gone_is_finished_and_a_stop_in_the_middle_is_gone_on_with(world: World) -> None:
    ctx = world.begin()
    storage.delete_account(ctx.session, ctx.group, ctx.plan.answers.storage.account)
    ctx.stop = Stop()
    emit = ctx.emit

    def stops(event: Event) -> None:
        emit(event)
        if getattr(event, "result", "") == "removed":
            ctx.stop.set()

    ctx.emit = stops
    end = clean(ctx)
    assert end.outcome is Outcome.LEFT_RUNNING
    assert len(end.removed) == 1
    ctx.stop, ctx.emit = Stop(), emit
    assert clean(ctx).outcome is Outcome.SUCCEEDED
    assert gone(ctx)


@pytest.mark.parametrize("ours", [True, False])
def test_of_an_intent_whose_outcome_nobody_saw_the_mark_decides(world: World, ours: bool) -> None:
    ctx = world.begin("storage-account")
    planned = ctx.plan.resource("container")
    ctx.journal.intend(ctx.run, ResourceKind.CONTAINER, planned.id, planned.name)
    mark = {seen.METADATA_MARK: ctx.run if ours else "other1"}
    storage.create_container(ctx.session, ctx.group, ctx.plan.answers.storage.account, planned.name, mark)
    end = clean(ctx)
    if ours:
        assert end.outcome is Outcome.SUCCEEDED
    else:
        assert "somebody else made it" in why(end, ResourceKind.CONTAINER)
        storage.delete_container(ctx.session, ctx.group, ctx.plan.answers.storage.account, planned.name)
        assert clean(ctx).outcome is Outcome.SUCCEEDED
    assert gone(ctx)


@pytest.mark.parametrize("ours", [True, False])
def test_of_an_upload_whose_outcome_nobody_saw_the_metadata_decides(world: World, ours: bool) -> None:
    ctx = world.begin("storage-account", "container")
    planned = ctx.plan.resource("blob")
    if ours:
        steps.find("blob")(ctx, lambda *_: None)
    else:
        put_blob(ctx, planned.name)
    ctx.journal.intend(ctx.run, ResourceKind.BLOB, planned.id, planned.name)
    end = clean(ctx)
    if ours:
        assert end.outcome is Outcome.SUCCEEDED
        assert gone(ctx)
        return
    assert "somebody else put it there" in why(end, ResourceKind.BLOB)
    foreign = cleanup.foreign(ctx)
    assert list(foreign.values()) == [(planned.name,)]
    assert clean(ctx, consent={container: frozenset(found) for container, found in foreign.items()}).removed
    assert gone(ctx)


def test_a_lock_is_named_with_the_command_that_takes_it_away(world: World) -> None:
    ctx = world.begin("storage-account")
    account = entry(ctx, ResourceKind.STORAGE_ACCOUNT)
    path = f"{account.id}/providers/Microsoft.Authorization/locks/keep"
    put(ctx.session, path, "2016-09-01", {"properties": {"level": "CanNotDelete", "notes": "audit 7"}})
    end = clean(ctx)
    assert end.failure is not None
    assert "'keep'" in end.failure.advice
    assert "audit 7" in end.failure.advice
    assert f"az lock delete --ids '{rights.locks(ctx.session, account.id)[0].id}'" in end.failure.advice
    arm.delete(ctx.session, path, "2016-09-01")
    assert clean(ctx).outcome is Outcome.SUCCEEDED


def test_where_rights_are_missing_it_is_said_who_has_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox's service principal, with a Reader's role only, cleans up what the person made."""
    ctx = world.begin("identity")
    session, connection = ctx.session, world.target.connection
    assert connection is not None
    scope = names.group_id(session.subscription_id, ctx.group)
    from azure.identity import ClientSecretCredential

    secret = connection.client_secret
    other = Session(ClientSecretCredential(connection.tenant, connection.client_id, secret), session.subscription_id)
    me = other.caller().object_id
    held = [grant for grant in grants.list_for(session, scope, me) if names.same_id(grant.scope, scope)]
    assert held
    grants.create(session, scope, READER, me, str(uuid.uuid4()))
    for grant in held:
        grants.delete(session, grant.id)
    try:
        weak = as_other(ctx, other)
        wait_until(lambda: not _may_delete(other, scope))
        end = clean(weak)
        assert end.failure is not None
        assert end.failure.status == 403
        assert connection.user in end.failure.advice
        assert "az role assignment create" in end.failure.advice
        assert "'Managed Identity Contributor'" in end.failure.advice
    finally:
        for grant in held:
            grants.create(session, scope, grant.role_guid, me, str(uuid.uuid4()))
    assert clean(ctx).outcome is Outcome.SUCCEEDED
    assert gone(ctx)


def test_from_another_machine_what_carries_the_mark_is_found_adopted_and_removed(world: World) -> None:
    ctx = world.begin()
    connection = world.target.connection
    assert connection is not None
    where = Workspace(connection.subscription, connection.resource_group, connection.workspace)
    stranger = world.begin("identity")
    there = Workflow(world.folder / f"other-{ctx.run}")
    found = there.marked(world.target, ctx.run, where)
    assert found.unseen == ()
    made = {item.id.lower() for item in ctx.journal.ledger(ctx.run)}
    assert {thing.id.lower() for thing in found.marked} == made, "all of this run's, and nothing of another's"
    record = there.adopt(world.target, ctx.run, found)
    assert record.adopted
    assert {item.verdict for item in there.journal.ledger(ctx.run)} == {Verdict.ADOPTED}
    end = there.down(world.target, record, world.events.append, Stop())
    assert end.outcome is Outcome.SUCCEEDED, end
    assert gone(ctx)
    assert there.marked(world.target, ctx.run, where).marked == ()
    # The machine that has the journal finds everything gone already.
    assert clean(ctx).outcome is Outcome.SUCCEEDED
    assert clean(stranger).outcome is Outcome.SUCCEEDED


OWNER = """
about: the person owns the subscription
furniture: {rights: {add: [{role: Owner, scope: subscription}]}}
"""


@pytest.mark.parametrize("scope", list(GrantScope))
def test_from_another_machine_a_container_in_an_account_of_another_group_is_found_too(
    world: World, scope: GrantScope
) -> None:
    home, scenario = world.folder / "home" / "sandbox", world.folder / "owner.yaml"
    scenario.write_text(OWNER)
    with client.connect(home, scenario=str(scenario)):
        pass
    group, name = "rg-data", f"stelsewhere{uuid.uuid4().hex[:8]}"
    url = f"https://management.azure.com{names.group_id(world.session.subscription_id, group)}?api-version=2021-04-01"
    world.session.arm().send_request(HttpRequest("PUT", url, json={"location": "westeurope"})).raise_for_status()
    storage.create_account(world.session, group, name, "westeurope", {})
    ctx = world.begin(*STEPS, account=name, resource_group=group, scope=scope)
    connection = world.target.connection
    assert connection is not None
    where = Workspace(connection.subscription, connection.resource_group, connection.workspace)
    there = Workflow(world.folder / f"other-{ctx.run}")
    found = there.marked(world.target, ctx.run, where)
    made = {item.id.lower() for item in ctx.journal.ledger(ctx.run) if item.verdict is Verdict.CREATED}
    assert {thing.id.lower() for thing in found.marked} == made
    assert (
        there.down(world.target, there.adopt(world.target, ctx.run, found), world.events.append, Stop()).failure is None
    )
    assert storage.list_containers(ctx.session, group, name) == []
    assert clean(ctx).outcome is Outcome.SUCCEEDED
    assert storage.delete_account(world.session, group, name)
    with client.connect(home, scenario="none"):
        pass


def test_where_there_is_a_journal_what_was_here_before_is_not_adopted(world: World) -> None:
    ctx = world.begin("identity")
    identity = entry(ctx, ResourceKind.IDENTITY)
    ctx.journal.disown(ctx.run, identity.id, "it was here before")
    connection = world.target.connection
    assert connection is not None
    where = Workspace(connection.subscription, connection.resource_group, connection.workspace)
    found = world.workflow.marked(world.target, ctx.run, where)
    assert [thing.id.lower() for thing in found.marked] == [identity.id.lower()]
    world.workflow.adopt(world.target, ctx.run, found)
    assert clean(ctx).removed == ()
    assert seen.look(ctx.session, identity.id) is not None
    identities.delete(ctx.session, ctx.group, identity.name)


def test_an_operation_whose_end_nobody_saw_is_asked_for(world: World) -> None:
    ctx = world.begin("storage-account")
    (operation,) = ctx.journal.operations(ctx.run)
    ctx.journal._change("UPDATE operations SET ended=NULL, outcome=''")
    assert world.workflow.operations(world.target, ctx.journal.run(ctx.run)) == {operation.number: "Succeeded"}
    world.events.clear()
    pending.settle(ctx)
    assert ctx.journal.operations(ctx.run)[0].outcome == "Succeeded"
    (said,) = world.events
    assert isinstance(said, Notice)
    assert "(step storage-account) ended: Succeeded" in said.text
    # Nobody else gets our token, and what Azure has forgotten is no reason to wait.
    ctx.journal._change("UPDATE operations SET ended=NULL, address='evil.example.org/subscriptions/s'")
    pending.settle(ctx)
    assert ctx.journal.operations(ctx.run)[0].outcome.startswith("unknown")
    clean(ctx)


def put(session: Session, path: str, version: str, body: dict[str, object]) -> None:
    from azure.core.rest import HttpRequest

    answer = session.arm().send_request(
        HttpRequest("PUT", f"https://management.azure.com{path}", params={"api-version": version}, json=body)
    )
    answer.raise_for_status()


def as_other(ctx: Context, session: Session) -> Context:
    return Context(ctx.run, ctx.plan, session, ctx.journal, ctx.emit, ctx.pace)


def wait_until(seen_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not seen_so():
        assert time.monotonic() < end
        time.sleep(0.1)


def _may_delete(session: Session, scope: str) -> bool:
    """Whether a tag may still be written: the same roles that delete."""
    try:
        identities.delete(session, scope.rsplit("/", 1)[-1], "no-such-identity")
    except ServiceError as error:
        return error.status != 403
    return True


OLD_ANSWERS = """
about: replicas that do not know yet what was made
rules:
  - on: {method: GET, path: "*/userAssignedIdentities/{name}"}
    when: {times: 2}
    answer: {status: 404, code: ResourceNotFound, message: The resource was not found.}
  - on: {method: GET, path: "*/storageAccounts/{name}"}
    when: {times: 2}
    answer: {status: 404, code: ResourceNotFound, message: The resource was not found.}
  - on: {method: GET, path: "*/containers/{name}"}
    when: {times: 1}
    answer: {status: 404, code: ContainerNotFound, message: The specified container does not exist.}
"""


def test_what_an_old_answer_does_not_know_is_not_taken_for_gone(world: World, tmp_path: Path) -> None:
    ctx = world.begin()
    (tmp_path / "old.yaml").write_text(OLD_ANSWERS)
    with client.connect(world.folder / "home" / "sandbox", scenario=str(tmp_path / "old.yaml")):
        pass
    try:
        assert clean(ctx).outcome is Outcome.SUCCEEDED
    finally:
        with client.connect(world.folder / "home" / "sandbox", scenario="none"):
            pass
    assert gone(ctx)
    ids = {item.id.lower() for item in ctx.journal.ledger(ctx.run)}
    connection = world.target.connection
    assert connection is not None
    assert not [item for item in client.tree(connection)["resources"] if item["id"].lower() in ids]


@pytest.mark.parametrize(
    ("step", "kind", "needs"),
    [("model", ResourceKind.MODEL, "The model"), ("environment", ResourceKind.ENVIRONMENT, "The conda file"),
     ("code", ResourceKind.CODE, "The folder with the scoring script"), ("blob", ResourceKind.BLOB, "The file to upload")],
)  # fmt: skip
def test_a_file_that_is_gone_since_is_named_with_why_it_is_needed(
    world: World, tmp_path: Path, step: str, kind: ResourceKind, needs: str
) -> None:
    ctx = world.begin("storage-account", "container")
    gone = str(tmp_path / "gone")
    answers = ctx.plan.answers
    ctx.plan = msgspec.structs.replace(
        ctx.plan,
        answers=msgspec.structs.replace(
            answers,
            storage=msgspec.structs.replace(answers.storage, upload=gone),
            deployment=msgspec.structs.replace(answers.deployment, model=gone, code=gone, conda=gone),
        ),
    )
    with pytest.raises(ServiceError, match=f"{needs} is not there any more: {gone}") as raised:
        steps.find(step)(ctx, lambda *_: None)
    assert "This step changed nothing" in raised.value.failure.message
    assert f"mi-tui resume {ctx.run}" in raised.value.failure.advice
    assert ctx.journal.verdict(ctx.run, ctx.plan.resource(step).id) is None, "nothing was begun"
    assert clean(ctx).outcome is Outcome.SUCCEEDED
