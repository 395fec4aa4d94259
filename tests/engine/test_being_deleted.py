"""A container whose name was in use a moment ago: a run waits until Azure gives it out again, and says so. In a real sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from mi_tui.engine import runner
from mi_tui.engine.journal import Verdict
from mi_tui.model.events import Notice, Outcome, StepProgress
from mi_tui.sandbox import client
from mi_tui.services import storage
from mi_tui.services.errors import ServiceError
from tests.engine.test_cleanup import World, clean, gone, world

__all__ = ["world"]

pytestmark = pytest.mark.e2e

SAID = "The specified container is being deleted. Try operation later."


@pytest.fixture
def slow_to_delete(world: World, tmp_path: Path) -> Iterator[World]:
    """The sandbox holds a deleted container's name for a second and a half."""
    home, scenario = world.folder / "home" / "sandbox", tmp_path / "slow.yaml"
    scenario.write_text("about: containers go slowly\ntimings: {container_delete: 1.5}\n")
    with client.connect(home, scenario=str(scenario)):
        yield world
    with client.connect(home, scenario="none"):
        pass


def test_a_run_waits_until_the_name_of_a_deleted_container_is_free(slow_to_delete: World) -> None:
    ctx = slow_to_delete.begin("storage-account")
    where = (ctx.session, ctx.group, ctx.plan.answers.storage.account, ctx.plan.answers.storage.container)
    assert storage.create_container(*where)
    assert storage.delete_container(*where)
    with pytest.raises(ServiceError) as refused:
        storage.create_container(*where)
    failure = refused.value.failure
    assert (failure.status, failure.code) == (409, "ContainerOperationFailure")
    assert failure.message == SAID
    assert "RequestId" in failure.raw

    steps = [step for step in ctx.plan.steps if step.id in {"container", "blob"}]
    alone = tuple(msgspec.structs.replace(step, needs=tuple({"container"} & {*step.needs})) for step in steps)
    ctx.plan = msgspec.structs.replace(ctx.plan, steps=alone)
    slow_to_delete.events.clear()
    assert runner.run(ctx).outcome is Outcome.SUCCEEDED
    assert ctx.journal.verdict(ctx.run, ctx.plan.resource("container").id) is Verdict.CREATED
    events = slow_to_delete.events
    waits = [event for event in events if isinstance(event, StepProgress) and event.status == "Waiting"]
    assert waits
    assert all(event.step == "container" and SAID in event.detail and "next try in" in event.detail for event in waits)
    notices = [event.text for event in events if isinstance(event, Notice)]
    assert SAID in notices[0]
    assert notices[1].startswith("Azure answers again after ")

    assert clean(ctx).outcome is Outcome.SUCCEEDED
    assert gone(ctx)
