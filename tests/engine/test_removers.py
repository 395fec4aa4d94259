"""Removing where Azure is slow or stubborn: stand-ins for its answers; the real thing is in test_cleanup and tests/e2e."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from mi_tui.engine import removers
from mi_tui.engine.context import Context, Pace
from mi_tui.engine.journal import Journal
from mi_tui.engine.removal import Removal
from mi_tui.model.failure import Failure
from mi_tui.model.plan import ResourceKind
from mi_tui.services.errors import ServiceError
from mi_tui.services.seen import Seen
from mi_tui.services.session import Session
from tests.engine.test_journal import PLAN
from tests.engine.test_runner import _no_credential

SPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
FRONT = f"{SPACE}/onlineEndpoints/ep"
IDENTITY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-1"


@pytest.fixture
def job(tmp_path: Path) -> Removal:
    ctx = Context("r", PLAN, Session(_no_credential(), "s"), Journal(tmp_path / "j.db"), lambda event: None, Pace())
    ctx.journal.add_run("r", "sandbox", PLAN)
    ctx.journal.created("r", ResourceKind.ENDPOINT, FRONT, "ep", "tag")
    ctx.journal.created("r", ResourceKind.DEPLOYMENT, f"{FRONT}/deployments/blue", "blue", "tag")
    ctx.journal.created("r", ResourceKind.IDENTITY, IDENTITY, "id-1", "tag")
    return Removal(ctx)


def test_an_endpoint_that_fails_with_its_deployments_goes_after_them(
    job: Removal, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    blue = SimpleNamespace(id=f"{FRONT}/deployments/blue", name="blue", tags={})
    there = [blue]

    def delete_front(*where: object, **_: object) -> bool:
        calls.append("endpoint")
        if there:
            raise ServiceError(Failure("Conflict", "The endpoint has deployments in a failed state.", status=409))
        return True

    def delete_back(*where: object, **_: object) -> bool:
        calls.append(str(where[4]))
        there.clear()
        return True

    front = SimpleNamespace(id=FRONT, name="ep", tags={}, traffic={"blue": 100}, identity_ids=())
    monkeypatch.setattr(removers.endpoints, "get", lambda *_: front)
    monkeypatch.setattr(removers.endpoints, "delete", delete_front)
    monkeypatch.setattr(removers.endpoints, "wait_settled", lambda *_, **__: front)
    monkeypatch.setattr(
        removers.endpoints, "set_traffic", lambda *where, **_: calls.append(f"traffic {where[4]}") or front
    )
    monkeypatch.setattr(removers.deployments, "list_all", lambda *_: list(there))
    monkeypatch.setattr(removers.deployments, "delete", delete_back)
    monkeypatch.setattr(removers.seen, "look", lambda session, one: Seen(one, "r", ""))
    said: list[str] = []
    assert removers.REMOVERS[ResourceKind.ENDPOINT](job, job.ledger(ResourceKind.ENDPOINT)[0], said.append)
    assert calls == ["endpoint", "traffic {}", "blue", "endpoint"]
    assert any("deployments first" in words for words in said)


def test_what_is_still_seen_after_its_deletion_is_waited_for(job: Removal, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([True, True, True, False])  # the first is the look before the call
    monkeypatch.setattr(removers.seen, "look", lambda session, one: Seen(one, "r", "") if next(looks) else None)
    monkeypatch.setattr(removers.endpoints, "list_all", lambda *_: [])
    monkeypatch.setattr(removers.identities, "delete", lambda *_: True)
    assert removers.REMOVERS[ResourceKind.IDENTITY](job, job.ledger(ResourceKind.IDENTITY)[0], lambda _: None)
    assert next(looks, None) is None


def test_a_workspace_is_never_removed(job: Removal) -> None:
    with pytest.raises(ServiceError, match="never"):
        removers.REMOVERS[ResourceKind.WORKSPACE](job, job.ledger(ResourceKind.ENDPOINT)[0], lambda _: None)


def test_without_a_journal_no_call_is_made(job: Removal) -> None:
    from mi_tui.engine.journal import JournalWriteError

    job.ctx.journal.close()
    called = []
    with pytest.raises(JournalWriteError), job.ctx.making(ResourceKind.BLOB, "/b", "b", lambda: None):
        called.append("upload")
    assert called == []
