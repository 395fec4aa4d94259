"""A plan that is refused: why, with the world as it is now; what cannot be looked at takes nothing away, and names are looked up."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mi_tui.advice import Advice
from mi_tui.engine import planner
from mi_tui.engine.context import Pace
from mi_tui.engine.mending.mend import mend_new
from mi_tui.engine.planner import PlanError
from mi_tui.fixing import StillRefused, before_a_run
from mi_tui.guide import instead, world
from mi_tui.guide.case import NO_REGISTRY, World
from mi_tui.guide.subject import Subject
from mi_tui.guide.world import Sight
from mi_tui.model.diagnosis import Change, ChangeKind
from mi_tui.model.failure import Failure
from mi_tui.model.names import ENDPOINT, STORAGE_ACCOUNT
from mi_tui.model.plan import Plan
from mi_tui.services import addresses, deployments, endpoints, storage
from mi_tui.services.errors import NETWORK
from mi_tui.services.session import Session
from mi_tui.targets import Target
from screens.reasons import Reason, card
from tests.guide.test_inquest import Nobody
from tests.screens.plans import SUBSCRIPTION, a_plan

TAKEN = Failure("mi-tui/storage-name", "The storage account named stdemo is already taken.", "Take another name.")
OTHER = Failure("mi-tui/identity-kind", "The endpoint 'ep-demo' exists with a user-assigned identity.", "Take another.")
SEEN = World(
    resource_group="rg-ml-dev", account="stdemo", account_group="", free_account="stdemo12", endpoint="ep-demo",
    endpoint_state="Succeeded", registry_id=NO_REGISTRY, identity_kind="uai", identity_id="/x/id-demo", free_endpoint="ep-demo-12",
)  # fmt: skip


def target(nobody: Nobody) -> Target:
    return Target("azure", Session(nobody, SUBSCRIPTION), Pace(look=2.0))


def looked(patch: pytest.MonkeyPatch, seen: World) -> list[Subject]:
    asked: list[Subject] = []

    def look(subject: Subject, _seconds: float) -> Sight:
        asked.append(subject)
        return Sight(seen)

    patch.setattr(world, "look", look)
    return asked


def test_each_refusal_has_its_evidence_and_names_that_were_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = looked(monkeypatch, SEEN)
    taken, other = Advice.refused(target(Nobody()), a_plan().answers, [TAKEN, OTHER])
    assert [subject.wish.names for subject in asked] == [{"account", "endpoint"}], "one look for all"
    assert taken is not None
    assert other is not None
    assert (taken.rule, other.rule) == ("storage-name-taken", "identity-immutable")
    assert "none of the accounts that you see in the subscription has this name" in [one.text for one in taken.evidence]
    assert "its identity is user-assigned, id-demo" in [one.text for one in other.evidence]
    assert before_a_run(taken) == (Change(ChangeKind.STORAGE_ACCOUNT, ("stdemo12",)),)
    assert before_a_run(other) == (
        Change(ChangeKind.IDENTITY, ("uai", "/x/id-demo")),
        Change(ChangeKind.ENDPOINT_NAME, ("ep-demo-12",)),
    )
    said = card([Reason(TAKEN, None), Reason(OTHER, None)], [taken, other])
    assert said.sure == "certain"
    assert [fix.change for fix in said.fixes if fix.change] == [*before_a_run(taken), *before_a_run(other)]


def test_an_account_of_ones_own_in_another_group_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    looked(monkeypatch, World(resource_group="rg-ml-dev", account="stdemo", account_group="rg-data"))
    (found,) = Advice.refused(target(Nobody()), a_plan().answers, [TAKEN])
    assert found is not None
    assert found.rule == "storage-name-yours"
    assert "storage.resource_group: rg-data" in found.fixes[0].words


def test_without_a_network_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = looked(monkeypatch, SEEN)
    nobody = Nobody()
    (found,) = Advice.refused(target(nobody), a_plan().answers, [Failure(NETWORK, "The name cannot be resolved.")])
    assert found is not None
    assert found.rule == "network"
    assert (asked, nobody.asked) == ([], 0)


def test_a_fault_in_the_search_is_told_and_takes_the_diagnosis_of_the_text_not_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> Sight:
        raise ZeroDivisionError("a fault in the search")

    monkeypatch.setattr(world, "look", broken)
    (found,) = Advice.refused(target(Nobody()), a_plan().answers, [TAKEN])
    assert found is not None
    assert found.rule == "storage-name-taken"
    assert "a fault in the search" in found.evidence[-1].text
    assert before_a_run(found) == (Change(ChangeKind.STORAGE_ACCOUNT),), "a free one is looked up when it is shown"


def test_a_name_is_offered_only_when_it_was_looked_up_and_is_free(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    session: Any = SimpleNamespace()
    answers: dict[str, Iterable[object]] = {"there": iter([object(), None, None]), "answers": iter([True, False])}
    monkeypatch.setattr(endpoints, "get", lambda *_: next(iter(answers["there"])))
    monkeypatch.setattr(addresses, "endpoint_answers", lambda *_: next(iter(answers["answers"])))
    free = instead.free_endpoint(session, "rg", "ws", "ep-with-a-very-long-name-so-long", "westeurope")
    assert free.startswith("ep-with-a-very-long-name-so")
    assert ENDPOINT.fault(free) is None
    monkeypatch.setattr(endpoints, "get", lambda *_: object())
    assert instead.free_endpoint(session, "rg", "ws", "ep", "westeurope") == ""

    monkeypatch.setattr(storage, "check_name", lambda *_: None)
    assert STORAGE_ACCOUNT.fault(instead.free_account(session, "St_Not-Valid")) is None
    monkeypatch.setattr(storage, "check_name", lambda *_: "taken")
    assert instead.free_account(session, "stdemo") == ""

    there = [SimpleNamespace(name=name) for name in ("blue", "GREEN")]
    monkeypatch.setattr(deployments, "list_all", lambda *_: there)
    assert instead.free_deployment(session, "rg", "ws", "ep", "Blue") == "red"


def test_a_change_that_leaves_another_reason_says_it_and_gives_the_changed_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> Plan:
        raise PlanError([OTHER])

    monkeypatch.setattr(planner, "make_plan", refuse)
    session: Any = SimpleNamespace()
    with pytest.raises(StillRefused) as still:
        mend_new(session, "abc123", a_plan().answers, Change(ChangeKind.TAG, ("cost-center=4711",)))
    assert still.value.failures == [OTHER]
    assert still.value.answers.tags == {"cost-center": "4711"}
    assert any("cost-center=4711" in line for line in still.value.lines)
