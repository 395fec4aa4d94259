"""Whose is it: what the ledger, the tags and an answer of Azure together say, and who gets the traffic of what goes."""

from pathlib import Path

import pytest

from mi_tui.engine.context import RUN_TAG, Context, Pace
from mi_tui.engine.journal import Journal, Verdict
from mi_tui.engine.removers import given_back
from mi_tui.model.failure import Failure
from mi_tui.model.plan import ResourceKind
from mi_tui.services.errors import ServiceError
from mi_tui.services.session import Session
from tests.engine.test_journal import PLAN
from tests.engine.test_runner import _no_credential


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    made = Context("r", PLAN, Session(_no_credential(), "s"), Journal(tmp_path / "j.db"), lambda event: None, Pace())
    made.journal.add_run("r", "sandbox", PLAN)
    return made


def refused(status: int) -> ServiceError:
    return ServiceError(Failure(code="Refused", message="no", status=status))


@pytest.mark.parametrize(
    ("status", "there", "verdict"),
    [(403, False, None), (409, False, None), (409, True, Verdict.INTENDED), (0, False, Verdict.INTENDED), (500, False, Verdict.INTENDED)],
)  # fmt: skip
def test_an_intent_is_taken_back_only_when_azure_refused_and_nothing_is_there(
    ctx: Context, status: int, there: bool, verdict: Verdict | None
) -> None:
    with pytest.raises(ServiceError), ctx.making(ResourceKind.STORAGE_ACCOUNT, "/a", "a", lambda: there):
        raise refused(status)
    assert ctx.journal.verdict("r", "/a") is verdict


def test_an_intent_stays_when_nobody_could_look(ctx: Context) -> None:
    def blind() -> bool:
        raise refused(403)

    with pytest.raises(ServiceError), ctx.making(ResourceKind.STORAGE_ACCOUNT, "/a", "a", blind):
        raise refused(403)
    assert ctx.journal.verdict("r", "/a") is Verdict.INTENDED


@pytest.mark.parametrize(
    ("tags", "verdict"),
    [({RUN_TAG: "r"}, Verdict.CREATED), ({RUN_TAG: "other"}, Verdict.EXISTED), ({}, Verdict.EXISTED), (None, Verdict.CREATED)],
)  # fmt: skip
def test_the_tag_settles_an_intent_whose_outcome_nobody_saw(
    ctx: Context, tags: dict[str, str] | None, verdict: Verdict
) -> None:
    ctx.journal.intend("r", ResourceKind.ENDPOINT, "/e", "e")
    ctx.keep(ResourceKind.ENDPOINT, "/e", "e", tags=tags)
    assert ctx.journal.verdict("r", "/e") is verdict


def test_what_this_run_made_stays_its_own_without_the_tag(ctx: Context) -> None:
    ctx.journal.created("r", ResourceKind.ENDPOINT, "/e", "e", "seen")
    ctx.keep(ResourceKind.ENDPOINT, "/e", "e", tags={})
    assert ctx.journal.verdict("r", "/e") is Verdict.CREATED


@pytest.mark.parametrize(
    ("now", "before", "there", "shares"),
    [
        ({"new": 100}, {"old": 100}, {"old"}, {"old": 100}),
        ({"new": 100}, {"a": 50, "b": 50}, {"a"}, {"a": 100}),
        ({"new": 100}, {"old": 100}, set(), {}),
        ({"new": 100}, {}, {"old"}, {}),
        ({"new": 10, "green": 90}, {"old": 100}, {"old", "green"}, {"green": 100}),
        ({"new": 34, "a": 33, "b": 33}, {}, {"a", "b"}, {"a": 50, "b": 50}),
        ({"new": 1, "a": 33, "b": 66}, {}, {"a", "b"}, {"a": 33, "b": 67}),
    ],
)
def test_traffic_goes_back_to_whoever_has_or_had_it(
    now: dict[str, int], before: dict[str, int], there: set[str], shares: dict[str, int]
) -> None:
    assert given_back(now, before, "new", there) == shares
