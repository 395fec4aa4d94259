"""Somebody makes what this run is about to make, between its look and its call: used as it is, given back, never cleaned up; also when the
process dies before it has read Azure's answer. In a real sandbox."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mi_tui.engine import adopting, evidence, overwritten, steps
from mi_tui.engine.context import RUN_TAG, Context
from mi_tui.engine.journal import Journal, Verdict
from mi_tui.engine.steps import access
from mi_tui.model import names
from mi_tui.model.events import Notice, Outcome
from mi_tui.model.plan import ResourceKind
from mi_tui.sandbox import client
from mi_tui.services import activity, endpoints, grants, identities, seen, storage, tags
from mi_tui.services.errors import ServiceError
from mi_tui.services.operations import Operations
from mi_tui.services.session import Session
from tests.engine.test_cleanup import World, clean, why, world

__all__ = ["world"]

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Case:
    """One kind: its step, what is done before, how it is made and read."""

    kind: ResourceKind
    key: str
    before: str
    make: Callable[[Context, str, dict[str, str]], object]
    get: Callable[[Context, str], Any]


def _container(ctx: Context) -> Any:
    found = seen.look(ctx.session, ctx.plan.resource("container").id)
    return found and SimpleNamespace(tags={RUN_TAG: found.run} if found.run else {})


CASES = {
    "identity": Case(
        ResourceKind.IDENTITY, "identity", "storage-account",
        lambda ctx, name, tags: identities.create(ctx.session, ctx.group, name, ctx.plan.place.location, tags),
        lambda ctx, name: identities.get(ctx.session, ctx.group, name),
    ),
    "account": Case(
        ResourceKind.STORAGE_ACCOUNT, "storage-account", "identity",
        lambda ctx, name, tags: storage.create_account(ctx.session, ctx.group, name, ctx.plan.place.location, tags),
        lambda ctx, name: storage.get_account(ctx.session, ctx.group, name),
    ),
    "container": Case(
        ResourceKind.CONTAINER, "container", "storage-account",
        lambda ctx, name, tags: storage.create_container(ctx.session, ctx.group, ctx.plan.answers.storage.account, name, tags),
        lambda ctx, name: _container(ctx),
    ),
    "endpoint": Case(
        ResourceKind.ENDPOINT, "endpoint", "identity",
        lambda ctx, name, tags: endpoints.create(
            ctx.session, ctx.group, ctx.workspace, name, identity_id=ctx.plan.resource("identity").id, tags=tags
        ),
        lambda ctx, name: endpoints.get(ctx.session, ctx.group, ctx.workspace, name),
    ),
}  # fmt: skip
THEIRS = {"owner": "somebody"}
each = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


class Killed(Exception):
    """Stands for the end of the process."""


def die(*_: object, **__: object) -> None:
    raise Killed


class Scene:
    """A run that is about to make something."""

    def __init__(self, world: World, case: Case, patch: pytest.MonkeyPatch) -> None:
        self.case, self._patch, self._events = case, patch, world.events
        self.ctx = world.begin(case.before)
        self._events.clear()
        self.planned = self.ctx.plan.resource(case.key)

    def somebody_is_quicker(self) -> None:
        """They make it when the run has looked for it, and before it calls."""
        intend, case, left = Journal.intend, self.case, [self.ctx]
        # The look right before the call is made to be too early as well.
        here = endpoints.get
        self._patch.setattr(endpoints, "get", lambda *where: None if left else here(*where))
        calling = type(self.ctx.session.operations).finish

        def late(*given: Any, **more: Any) -> Any:
            if left and case.kind is ResourceKind.ENDPOINT:
                with self.ctx.session.operations.calls.calling("another"):
                    case.make(left.pop(), self.planned.name, THEIRS)
            return calling(*given, **more)

        def noted(journal: Journal, run: str, kind: ResourceKind, *more: str) -> None:
            intend(journal, run, kind, *more)
            if left and kind is case.kind and kind is not ResourceKind.ENDPOINT:
                case.make(left.pop(), self.planned.name, THEIRS)

        self._patch.setattr(Journal, "intend", noted)
        self._patch.setattr(type(self.ctx.session.operations), "finish", late)

    def killed_before_the_answer(self) -> None:
        """The process dies when the call has had its effect."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(overwritten, "after_call", die)
            with pytest.raises(Killed):
                self.step()

    def another_run_is_slower(self) -> None:
        """Another run's call finds what this run's has just made, puts its own tag on it, and (not yet from a container) takes that off
        again."""
        after_call = overwritten.after_call

        def late(*given: Any, **more: Any) -> Any:
            if self.case.kind is ResourceKind.CONTAINER:
                self.case.make(self.ctx, self.planned.name, {seen.METADATA_MARK: "another"})
            else:
                tags.take_off(self.ctx.session, self.planned.id, self.ctx.tags)
            return after_call(*given, **more)

        self._patch.setattr(overwritten, "after_call", late)

    def step(self) -> Any:
        return steps.find(self.case.key)(self.ctx, lambda *_: None)

    @property
    def verdict(self) -> Verdict | None:
        return self.ctx.journal.verdict(self.ctx.run, self.planned.id)

    @property
    def tags(self) -> dict[str, str]:
        return dict(self.case.get(self.ctx, self.planned.name).tags)

    @property
    def notices(self) -> str:
        return "\n".join(event.text for event in self._events if isinstance(event, Notice))

    def must_be_theirs(self) -> None:
        """Used, said, without the run's tag, and left by clean-up; then they take it away."""
        assert self.verdict is Verdict.EXISTED
        assert RUN_TAG not in self.tags
        assert f"Somebody else made the {self.case.kind.value} {self.planned.name}" in self.notices
        clean(self.ctx)  # an endpoint of theirs keeps the identity that it uses
        assert seen.look(self.ctx.session, self.planned.id) is not None
        self.take_away()
        assert clean(self.ctx).outcome is Outcome.SUCCEEDED

    def take_away(self) -> None:
        ctx, name = self.ctx, self.planned.name
        if self.case.kind is ResourceKind.ENDPOINT:
            endpoints.delete(ctx.session, ctx.group, ctx.workspace, name)
        elif self.case.kind is ResourceKind.IDENTITY:
            identities.delete(ctx.session, ctx.group, name)
        elif self.case.kind is ResourceKind.CONTAINER:
            storage.delete_container(ctx.session, ctx.group, ctx.plan.answers.storage.account, name)
        else:
            storage.delete_account(ctx.session, ctx.group, name)


@pytest.fixture
def scene(world: World, case: Case, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(world, case, monkeypatch)


@each
def test_what_the_call_found_there_is_theirs(scene: Scene) -> None:
    scene.somebody_is_quicker()
    assert scene.step().result == "used"
    scene.must_be_theirs()


@each
def test_what_the_call_found_there_is_theirs_after_a_kill_too(scene: Scene) -> None:
    scene.somebody_is_quicker()
    scene.killed_before_the_answer()
    assert scene.tags[RUN_TAG] == scene.ctx.run, "the call put the run's tag on what is theirs"
    assert scene.step().result == "used"
    scene.must_be_theirs()


@each
def test_what_the_call_made_is_the_runs_after_a_kill_too(scene: Scene) -> None:
    scene.killed_before_the_answer()
    assert scene.verdict is Verdict.INTENDED
    assert scene.step().result == "created"
    assert scene.verdict is Verdict.CREATED
    assert clean(scene.ctx).outcome is Outcome.SUCCEEDED
    assert seen.look(scene.ctx.session, scene.planned.id) is None


@each
@pytest.mark.parametrize("killed", [False, True], ids=["", "killed"])
def test_what_the_call_made_is_the_runs_although_another_run_took_its_tag(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    scene.another_run_is_slower()
    if killed:
        with monkeypatch.context() as patch:
            patch.setattr(evidence, "gather", die)
            with pytest.raises(Killed):
                scene.step()
    assert scene.step().result == "created"
    assert scene.tags.get(RUN_TAG) != scene.ctx.run
    assert scene.verdict is Verdict.CREATED
    assert clean(scene.ctx).outcome is Outcome.SUCCEEDED
    assert seen.look(scene.ctx.session, scene.planned.id) is None


@pytest.mark.parametrize("case", [CASES["identity"]], ids=["identity"])
def test_clean_up_right_after_the_kill_leaves_what_is_theirs(scene: Scene) -> None:
    scene.somebody_is_quicker()
    scene.killed_before_the_answer()
    assert "activity log" in why(clean(scene.ctx), scene.case.kind)
    assert seen.look(scene.ctx.session, scene.planned.id) is not None
    scene.take_away()
    assert clean(scene.ctx).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("case", [CASES["account"]], ids=["account"])
def test_what_is_older_than_the_look_that_did_not_find_it_is_theirs(scene: Scene) -> None:
    scene.killed_before_the_answer()
    late = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    scene.ctx.note(f"absent {scene.planned.id.lower()}", late.isoformat(timespec="seconds"))
    assert scene.step().result == "used"
    assert "before this run did anything" in scene.notices
    scene.must_be_theirs()


@pytest.mark.parametrize("case", [CASES["identity"]], ids=["identity"])
@pytest.mark.parametrize(
    ("told", "verdict"), [(None, Verdict.INTENDED), (True, Verdict.CREATED), (403, Verdict.CREATED)]
)
def test_while_the_log_tells_nothing_yet_it_stays_an_intent(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, told: bool | int | None, verdict: Verdict
) -> None:
    def made(session: Session, *_: object) -> bool | None:
        if told == 403:
            from mi_tui.model.failure import Failure

            raise ServiceError(Failure("AuthorizationFailed", "no", status=403))
        return None if told is None else True

    scene.killed_before_the_answer()
    monkeypatch.setattr(activity, "made", made)
    assert scene.step().result == "created"
    assert scene.verdict is verdict
    assert clean(scene.ctx).outcome is Outcome.SUCCEEDED
    assert seen.look(scene.ctx.session, scene.planned.id) is None


@each
@pytest.mark.parametrize("theirs", [False, True], ids=["ours", "theirs"])
def test_a_mark_that_the_runs_call_put_on_what_is_theirs_is_not_adopted(scene: Scene, theirs: bool) -> None:
    if theirs:
        scene.somebody_is_quicker()
    scene.killed_before_the_answer()
    assert scene.tags[RUN_TAG] == scene.ctx.run
    found = adopting.find(scene.ctx.session, scene.ctx.group, scene.ctx.workspace, scene.ctx.run)
    assert (scene.planned.id.lower() in {thing.id.lower() for thing in found.marked}) is not theirs
    assert any(scene.planned.name in said for said in found.unseen) is theirs
    scene.take_away()
    assert clean(scene.ctx).outcome is Outcome.SUCCEEDED


LOOK_FAILS = """
about: the look right after the call is answered by who does not know of it yet
rules:
  - {on: {method: GET, path: "%s"}, when: {skip: %d, times: 1}, answer: {status: 404, code: ResourceNotFound, message: not found}}
"""
LOOKS = {
    "identity": ("*/userAssignedIdentities/{n}", (1, 2)),
    "account": ("*/storageAccounts/{n}", (1, 2)),
    "endpoint": ("*/onlineEndpoints/{n}", (2, 4)),
}
"""Each kind's path, and how often it is read before the run looks at what it has made: by the run alone, or by somebody who is quicker too."""


@contextmanager
def scenario(world: World, text: str) -> Iterator[None]:
    (world.folder / "scenario.yaml").write_text(text)
    home = world.folder / "home" / "sandbox"
    with client.connect(home, scenario=str(world.folder / "scenario.yaml")):
        pass
    try:
        yield
    finally:
        with client.connect(home, scenario="none"):
            pass


@pytest.mark.parametrize("theirs", [False, True], ids=["ours", "theirs"])
@pytest.mark.parametrize(("case", "look"), [(CASES[name], look) for name, look in LOOKS.items()], ids=list(LOOKS))
def test_what_azure_answered_counts_although_the_look_after_it_failed(
    scene: Scene, world: World, monkeypatch: pytest.MonkeyPatch, look: tuple[str, tuple[int, int]], theirs: bool
) -> None:
    monkeypatch.setattr(activity, "made", lambda *_: None)  # it takes up to 20 minutes to tell
    if theirs:
        scene.somebody_is_quicker()
    path, skip = look
    with scenario(world, LOOK_FAILS % (path, skip[theirs])), pytest.raises(ServiceError):
        scene.step()
    assert scene.tags[RUN_TAG] == scene.ctx.run, "the call put the run's tag on it"
    assert scene.step().result == ("used" if theirs else "created")
    if theirs:
        scene.must_be_theirs()
    else:
        assert scene.verdict is Verdict.CREATED
        assert clean(scene.ctx).outcome is Outcome.SUCCEEDED
        assert seen.look(scene.ctx.session, scene.planned.id) is None


@pytest.mark.parametrize("case", [CASES["identity"], CASES["container"]], ids=["identity", "container"])
@pytest.mark.parametrize("early", [False, True])
def test_a_call_that_the_sdk_sent_again_after_a_503_is_no_evidence_of_somebody_else(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, early: bool
) -> None:
    """A gateway gives up on a call that has its effect; the SDK sends it again by itself, and is answered 200."""
    hook, left = Operations.hook, [503]
    if early:
        monkeypatch.setattr(activity, "made", lambda *_: None)

    def gateway(operations: Operations, answer: Any) -> None:
        if answer.http_response.request.method == "PUT" and left:
            answer.http_response.status_code = left.pop()
        hook(operations, answer)

    monkeypatch.setattr(Operations, "hook", gateway)
    assert scene.step().result == "created"
    assert not left
    assert clean(scene.ctx).outcome is Outcome.SUCCEEDED
    assert seen.look(scene.ctx.session, scene.planned.id) is None


REFUSED = """
about: the activity log cannot be asked
rules:
  - {on: {path: "*/eventtypes/management/values"}, answer: {status: 409, code: MissingSubscriptionRegistration, message: not registered}}
"""


@pytest.mark.parametrize("case", [CASES["identity"]], ids=["identity"])
@pytest.mark.parametrize("resumed", [False, True])
def test_an_activity_log_that_cannot_be_asked_is_in_nobodys_way(scene: Scene, world: World, resumed: bool) -> None:
    scene.killed_before_the_answer()
    with scenario(world, REFUSED):
        if resumed:
            assert scene.step().result == "created"
        assert clean(scene.ctx).outcome is Outcome.SUCCEEDED
    assert seen.look(scene.ctx.session, scene.planned.id) is None


TAGS_STAY = """
about: what takes the run's mark off is cut off, with or without its effect
rules:
  - {on: {method: PATCH, path: "*"}, when: {times: 1}, reset: %s}
"""


@pytest.mark.parametrize("case", [CASES["identity"], CASES["container"]], ids=["identity", "container"])
@pytest.mark.parametrize("reset", ["before", "after"])
def test_the_runs_mark_is_taken_off_theirs_although_the_network_fails(
    scene: Scene, world: World, monkeypatch: pytest.MonkeyPatch, reset: str
) -> None:
    monkeypatch.setattr(activity, "made", lambda *_: None)
    scene.somebody_is_quicker()
    with scenario(world, TAGS_STAY % reset):
        with pytest.raises(ServiceError):
            scene.step()
        assert scene.step().result == "used"
    scene.must_be_theirs()


@pytest.mark.parametrize("killed", [False, True], ids=["", "killed"])
@pytest.mark.parametrize("theirs", [True, False], ids=["theirs", "ours"])
def test_a_grant_that_another_run_made_under_the_same_name_is_theirs(
    world: World, monkeypatch: pytest.MonkeyPatch, theirs: bool, killed: bool
) -> None:
    """A second run with the same identity and container computes the same name, and its call writes over the first one's description."""
    ctx = world.begin("identity", "storage-account", "container")
    wanted, who = access.planned_grant(ctx, access.STORAGE_GRANT), access.principal_id(ctx)
    name = names.role_assignment_name(wanted.scope, who, wanted.role_guid)
    assignment = names.role_assignment_id(wanted.scope, name)
    intend = Journal.intend

    def quicker(journal: Journal, run: str, kind: ResourceKind, *more: str) -> None:
        intend(journal, run, kind, *more)
        if theirs and grants.get(ctx.session, assignment) is None:
            grants.create(
                ctx.session, wanted.scope, wanted.role_guid, who, name, description=f"Made by mi-tui, {RUN_TAG}=another"
            )

    monkeypatch.setattr(Journal, "intend", quicker)
    if killed:
        with monkeypatch.context() as patch:
            patch.setattr(overwritten, "after_call", die)
            patch.setattr(Journal, "created", die)
            with pytest.raises(Killed):
                steps.find(access.STORAGE_GRANT)(ctx, lambda *_: None)
    world.events.clear()
    done = steps.find(access.STORAGE_GRANT)(ctx, lambda *_: None)
    assert done.result == ("used" if theirs else "created")
    assert ctx.journal.verdict(ctx.run, assignment) is (Verdict.EXISTED if theirs else Verdict.CREATED)
    made = grants.get(ctx.session, assignment)
    assert made is not None
    assert (f"{RUN_TAG}={ctx.run}" in made.description) is not theirs
    said = [e.text for e in world.events if isinstance(e, Notice)]
    assert any("Somebody else made the role assignment" in text for text in said) is theirs
    end = clean(ctx)  # with the container, which is the run's own, goes what was granted on it
    assert end.outcome is Outcome.SUCCEEDED
    assert (assignment in end.removed) is not theirs


OLD_LOOKS = """
about: the first look at each thing is answered by who does not know of it yet
rules:
  - {on: {method: GET, path: "*/userAssignedIdentities/{n}"}, when: {times: 1}, answer: &old {status: 404, code: ResourceNotFound, message: no}}
  - {on: {method: GET, path: "*/storageAccounts/{n}"}, when: {times: 1}, answer: *old}
  - {on: {method: GET, path: "*/containers/{n}"}, when: {times: 1}, answer: *old}
  - {on: {method: GET, path: "*/roleAssignments"}, when: {times: 1}, answer: *old}
"""


def test_what_the_run_made_stays_its_own_when_a_later_look_does_not_find_it(world: World) -> None:
    """A replica that is seconds behind: the step is done again, and its call is answered 200 by what the run itself made."""
    done = "identity", "storage-account", "container", access.STORAGE_GRANT
    ctx = world.begin(*done)
    time.sleep(3.2)  # longer than what the clocks of two services may differ
    with scenario(world, OLD_LOOKS):
        assert {step: steps.find(step)(ctx, lambda *_: None).result for step in done} == dict.fromkeys(done, "created")
    assert {item.verdict for item in ctx.journal.ledger(ctx.run)} == {Verdict.CREATED}
    assert clean(ctx).outcome is Outcome.SUCCEEDED


LOST_PLACE = """
about: the place for an upload of code is told to nobody
rules:
  - {on: {method: POST, path: "*/startPendingUpload"}, when: {times: 1}, reset: after}
"""


@pytest.mark.parametrize("resumed", [False, True])
def test_a_place_for_code_whose_answer_was_lost_is_found_again(world: World, tmp_path: Path, resumed: bool) -> None:
    connection, home = world.target.connection, world.folder / "home" / "sandbox"
    assert connection is not None
    before = client.tree(connection)
    ctx = world.begin("identity")
    (tmp_path / "lost.yaml").write_text(LOST_PLACE)
    with client.connect(home, scenario=str(tmp_path / "lost.yaml")):
        pass
    with pytest.raises(ServiceError):
        steps.find("code")(ctx, lambda *_: None)
    with client.connect(home, scenario="none"):
        pass
    assert len(client.tree(connection)["resources"]) == len(before["resources"]) + 2, "the identity, and the place"
    if resumed:
        assert steps.find("code")(ctx, lambda *_: None).result == "created"
    assert clean(ctx).outcome is Outcome.SUCCEEDED
    assert client.tree(connection) == before
