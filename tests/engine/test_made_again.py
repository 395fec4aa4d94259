"""A deployment or an endpoint that others made again under the run's names, between two of its sittings, is never deleted; stand-ins for
Azure's answers, as each would take minutes. And a read that is too old is not taken for the end of something."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from mi_tui.engine import cancelling, logs, overwritten, steps
from mi_tui.engine import traffic as before
from mi_tui.engine.context import RUN_TAG, Context, Pace
from mi_tui.engine.journal import Journal, Verdict
from mi_tui.engine.mending import mend
from mi_tui.engine.steps import mended, serving
from mi_tui.model.plan import ResourceKind
from mi_tui.services import activity, deployments, endpoints, seen, storage, tags
from mi_tui.services.deployments import DeploymentInfo
from mi_tui.services.endpoints import EndpointInfo
from mi_tui.services.errors import ServiceError
from mi_tui.services.seen import Seen
from mi_tui.services.session import Session
from tests.engine.test_mending import changed
from tests.engine.test_runner import _no_credential
from tests.screens.plans import a_plan

NOW = dt.datetime.now(dt.UTC)
OURS, LOOK, THEIRS = ((NOW - dt.timedelta(minutes=ago)).isoformat(timespec="seconds") for ago in (90, 60, 30))


class Azure:
    """An endpoint and its deployments, and what was asked of them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.deployments: list[DeploymentInfo] = []
        self.endpoint: EndpointInfo | None = None
        self.made = THEIRS
        self.deleted: list[str] = []
        self.shares: list[dict[str, int]] = []
        self.stale = 0
        """How many reads find nothing yet."""
        patch.setattr(deployments, "get", lambda *where: self._read(self._named(str(where[-1]))))
        patch.setattr(deployments, "list_all", lambda *_: list(self.deployments))
        patch.setattr(deployments, "delete", lambda *where, **_: self._gone(str(where[4])))
        patch.setattr(endpoints, "get", lambda *_: self.endpoint)
        patch.setattr(endpoints, "delete", lambda *where, **_: self._gone(str(where[3])))
        patch.setattr(endpoints, "wait_settled", lambda *_, **__: self.endpoint)
        patch.setattr(endpoints, "set_traffic", lambda *where, **_: self.shares.append(dict(where[4])))
        patch.setattr(
            seen, "look", lambda _, one: Seen(one, (self.endpoint and self.endpoint.tags.get(RUN_TAG)) or "", self.made)
        )

    def _named(self, name: str) -> DeploymentInfo | None:
        return next((found for found in self.deployments if found.name == name), None)

    def _read(self, found: DeploymentInfo | None) -> DeploymentInfo | None:
        self.stale -= 1
        return None if self.stale >= 0 else found

    def _gone(self, name: str) -> bool:
        self.deleted.append(name)
        self.deployments = [found for found in self.deployments if found.name != name]
        return True


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Azure:
    return Azure(monkeypatch)


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    plan, pace = a_plan(), Pace(absent_pause=0.0, state_poll=0.0)
    made = Context("r", plan, Session(_no_credential(), "s"), Journal(tmp_path / "j.db"), lambda event: None, pace)
    made.journal.add_run("r", "sandbox", plan)
    return made


def a_deployment(ctx: Context, made: str, state: str = "Succeeded", **tags: str) -> DeploymentInfo:
    planned = ctx.plan.resource("deployment")
    return DeploymentInfo(planned.id, planned.name, state, "Standard_DS3_v2", 1, "", "", "", {}, tags, made)


def an_endpoint(
    ctx: Context, state: str = "Succeeded", traffic: dict[str, int] | None = None, **tags: str
) -> EndpointInfo:
    planned = ctx.plan.resource("endpoint")
    return EndpointInfo(planned.id, planned.name, state, "", "SystemAssigned", (), "p", traffic or {}, "eastus", tags)


def note_made(ctx: Context, key: str) -> None:
    planned = ctx.plan.resource(key)
    ctx.journal.created(ctx.run, planned.kind, planned.id, planned.name, "tag", made=OURS)


def quiet(*_: str) -> None:
    pass


def remake(ctx: Context) -> None:
    ctx.note(mended.REMAKE, ctx.plan.resource("deployment").name)
    mended.remake(ctx, quiet)


def leave_behind(ctx: Context) -> None:
    planned = ctx.plan.resource("deployment")
    ctx.plan = changed(ctx.plan, "deployment", id=f"{planned.id}-2", name=f"{planned.name}-2")
    mended.leave_behind(ctx, quiet)


def settle_and_remove(ctx: Context) -> None:
    serving._settle(ctx, quiet, ctx.plan.resource("deployment").name)
    serving._remove_failed(ctx, quiet, ctx.plan.resource("deployment").name)


def cancel(ctx: Context) -> None:
    (step,) = [step for step in ctx.plan.steps if step.id == "deployment"]
    cancelling.end(ctx, step, quiet)


WAYS: dict[str, Callable[[Context], None]] = {
    "remake": remake, "leave behind": leave_behind, "a failed try": settle_and_remove, "cancel": cancel,
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("made", [OURS, THEIRS], ids=["ours", "theirs"])
def test_only_the_deployment_that_this_run_made_is_deleted(
    ctx: Context, azure: Azure, way: Callable[[Context], None], made: str
) -> None:
    name = ctx.plan.resource("deployment").name
    note_made(ctx, "deployment")
    azure.endpoint = an_endpoint(ctx)
    azure.deployments = [a_deployment(ctx, made, "Failed", **({RUN_TAG: "r"} if made == OURS else {}))]
    refused = made == THEIRS and way in {remake, settle_and_remove}
    with pytest.raises(ServiceError, match="that this run did not make") if refused else contextlib.nullcontext():
        way(ctx)
    assert azure.deleted == ([name] if made == OURS else [])


def test_a_read_that_is_too_old_is_not_the_end_of_a_deployment(ctx: Context, azure: Azure) -> None:
    note_made(ctx, "deployment")
    azure.endpoint, azure.deployments = an_endpoint(ctx), [a_deployment(ctx, OURS, **{RUN_TAG: "r"})]
    azure.stale = 2
    leave_behind(ctx)
    assert azure.deleted == ["blue"]


def broken(ctx: Context, verdict: Verdict, **tags: str) -> EndpointInfo:
    planned = ctx.plan.resource("endpoint")
    if verdict is Verdict.CREATED:
        note_made(ctx, "endpoint")
    else:
        ctx.note(f"absent {planned.id.lower()}", LOOK)
        ctx.journal.intend(ctx.run, planned.kind, planned.id, planned.name)
    return an_endpoint(ctx, "Failed", **tags)


@pytest.mark.parametrize(
    ("verdict", "made", "log", "deleted"),
    [
        (Verdict.CREATED, OURS, None, True),
        (Verdict.CREATED, THEIRS, None, False),
        (Verdict.INTENDED, THEIRS, True, True),
        (Verdict.INTENDED, THEIRS, None, True),
        # The run's call found theirs, and put its tag on it.
        (Verdict.INTENDED, THEIRS, False, False),
        (Verdict.INTENDED, OURS, None, False),
    ],
    ids=range(6),
)
def test_only_a_broken_endpoint_that_this_run_made_is_deleted(
    ctx: Context,
    azure: Azure,
    monkeypatch: pytest.MonkeyPatch,
    verdict: Verdict,
    made: str,
    log: bool | None,
    deleted: bool,
) -> None:
    monkeypatch.setattr(activity, "made", lambda *_: log)
    azure.endpoint, azure.made = broken(ctx, verdict, **{RUN_TAG: "r"}), made
    assert serving._may_replace(ctx, azure.endpoint) is deleted


def test_a_broken_endpoint_of_this_run_that_holds_others_deployments_is_left(ctx: Context, azure: Azure) -> None:
    azure.endpoint, azure.made = broken(ctx, Verdict.CREATED, **{RUN_TAG: "r"}), OURS
    azure.deployments = [a_deployment(ctx, THEIRS)]
    with pytest.raises(ServiceError, match="has a deployment by now"):
        serving._may_replace(ctx, azure.endpoint)


def test_a_cancelled_run_does_not_call_a_broken_endpoint_finished(ctx: Context, azure: Azure) -> None:
    azure.endpoint = an_endpoint(ctx, "Failed")
    (step,) = [step for step in ctx.plan.steps if step.id == "endpoint"]
    assert cancelling.end(ctx, step, quiet).result == "cancelled"


def test_an_endpoint_that_is_left_for_another_gives_its_traffic_back(ctx: Context, azure: Azure) -> None:
    """Also where the plan's change to another endpoint came between."""
    note_made(ctx, "deployment")
    azure.endpoint = an_endpoint(ctx, traffic={"theirs": 100})
    serving.traffic(ctx, quiet)
    assert azure.shares == [{"blue": 100}]
    for name, value in mend._AFTER_ANOTHER_ENDPOINT.items():
        ctx.note(name, value)
    azure.endpoint = an_endpoint(ctx, traffic={"blue": 100})
    theirs = msgspec.structs.replace(a_deployment(ctx, THEIRS), name="theirs", id="/theirs")
    azure.deployments = [a_deployment(ctx, OURS, **{RUN_TAG: "r"}), theirs]
    leave_behind(ctx)
    assert azure.shares[1:] == [{"theirs": 100}]
    assert azure.deleted == ["blue"]


def test_the_traffic_that_an_earlier_version_noted_is_given_back(ctx: Context) -> None:
    ctx.note("traffic_before", '{"theirs": 100}')
    assert before.before(ctx, "ep-demo") == {"theirs": 100}
    before.forget(ctx, "ep-demo")
    assert before.before(ctx, "ep-demo") == {}


def test_a_deployment_that_somebody_made_while_the_endpoint_was_waited_for_is_not_changed(
    ctx: Context, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = ctx.plan.resource("deployment")
    azure.endpoint = an_endpoint(ctx)

    def settles(*_: object, **__: object) -> EndpointInfo | None:
        azure.deployments = [a_deployment(ctx, THEIRS)]
        return azure.endpoint

    def put(*_: object, **__: object) -> None:
        raise AssertionError("their deployment was changed")

    monkeypatch.setattr(endpoints, "wait_settled", settles)
    monkeypatch.setattr(deployments, "create", put)
    monkeypatch.setattr(mended, "say_what_is_older", quiet)
    for _sitting in range(2):
        with pytest.raises(ServiceError, match="that this run did not make"):
            serving.deployment(ctx, quiet)
        assert ctx.journal.verdict(ctx.run, planned.id) is None
        ctx.journal.intend(ctx.run, planned.kind, planned.id, planned.name)


def test_of_an_intent_that_is_older_than_the_activity_log_nobody_is_asked(
    ctx: Context, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Azure would refuse the question, and with it every clean-up."""
    asked: list[object] = []
    monkeypatch.setattr(activity, "made", lambda *given: asked.append(given))
    for days, times in ((91, 0), (80, 1)):
        moment = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
        azure.made = (moment + dt.timedelta(minutes=1)).isoformat()
        planned = ctx.plan.resource("endpoint")
        ctx.note(f"absent {planned.id.lower()}", moment.isoformat(timespec="seconds"))
        azure.endpoint = an_endpoint(ctx, **{RUN_TAG: "r"})
        assert overwritten.against(ctx, ResourceKind.ENDPOINT, planned.id) == ""
        assert len(asked) == times


def test_an_account_that_azure_never_finishes_is_not_waited_for_without_an_end(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned, looks = ctx.plan.resource("storage-account"), 0

    def never(*_: object) -> storage.AccountInfo:
        nonlocal looks
        looks += 1
        assert looks < 1000, "waited for without an end"
        return storage.AccountInfo(
            planned.id, planned.name, "rg-ml-dev", "eastus", "StorageV2", True, True, "", ready=False
        )

    ctx.pace = replace(ctx.pace, busy_patience=0.0)
    monkeypatch.setattr(storage, "get_account", never)
    with pytest.raises(ServiceError, match="has not finished it"):
        steps.find("storage-account")(ctx, quiet)


def test_who_dies_while_giving_back_what_is_theirs_finds_it_theirs(
    ctx: Context, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tags are taken off first: the run's tag on what the ledger calls somebody else's would stay for ever."""
    planned, order = ctx.plan.resource("endpoint"), list[str]()
    ctx.journal.intend(ctx.run, planned.kind, planned.id, planned.name)
    existed = ctx.journal.existed
    monkeypatch.setattr(tags, "take_off", lambda *_: order.append("tags"))
    monkeypatch.setattr(ctx.journal, "existed", lambda *given: (order.append("ledger"), existed(*given)))
    done = overwritten.after_call(ctx, planned.kind, planned.id, planned.name, {RUN_TAG: "r"}, fresh=False, tried=False)
    assert (done.result, order) == ("used", ["tags", "ledger"])


def test_a_deployment_whose_intent_was_taken_back_too_soon_is_this_runs_by_its_tag(
    ctx: Context, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Azure refused and knew of nothing, and had made it all the same: forgotten, it would bill for ever."""
    planned = ctx.plan.resource("deployment")
    azure.endpoint, azure.deployments = an_endpoint(ctx), [a_deployment(ctx, OURS, **{RUN_TAG: "r"})]
    monkeypatch.setattr(logs.Follower, "look", lambda _: "")
    assert serving.deployment(ctx, quiet).result == "created"
    assert ctx.journal.verdict(ctx.run, planned.id) is Verdict.CREATED
