"""The diagnosis that is kept with a run: read back as it was told, without secrets, bounded, and gone when the run did not fail."""

from __future__ import annotations

from pathlib import Path

from mi_tui.engine import diagnosed
from mi_tui.engine.journal import Journal
from mi_tui.model.diagnosis import Change, ChangeKind, Confidence, Diagnosis, Evidence, Fix
from mi_tui.model.failure import Failure

FOUND = Diagnosis(
    rule="blob-role-missing",
    cause="The identity may not read the blob.",
    confidence=Confidence.CERTAIN,
    evidence=(Evidence("log inference-server", "HTTPError: 403"),),
    fixes=(Fix("Grant it", "az role assignment create", Change(ChangeKind.GRANT, ("grant-storage",))), Fix("Wait")),
    support=(Evidence("request id", "r-1"),),
)


def test_what_was_told_is_read_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    failure = Failure("ResourceNotReady", "User container has crashed", request_id="r-1")
    assert diagnosed.kept(journal, "abcd") is None
    diagnosed.keep(journal, "abcd", FOUND, failure)
    assert diagnosed.kept(journal, "abcd") == FOUND
    assert diagnosed.failure(journal, "abcd") == failure
    diagnosed.keep(journal, "abcd", None, None)
    assert diagnosed.kept(journal, "abcd") is None
    assert diagnosed.failure(journal, "abcd") is None


def test_no_secret_and_no_flood_is_kept_but_every_fix(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    many = tuple(Evidence("log", f"line {number} AccountKey=abcdefghijkl " + "x" * 9_000) for number in range(50))
    fixes = tuple(Fix(f"fix {number}") for number in range(30))
    loud = Diagnosis("unknown", "y" * 9_000, Confidence.UNKNOWN, many, fixes)
    diagnosed.keep(journal, "abcd", loud, Failure("X", "z" * 9_000, raw="AccountKey=abcdefghijkl"))
    found = diagnosed.kept(journal, "abcd")
    assert found is not None
    assert len(found.fixes) == 30
    assert len(found.evidence) < 50
    text = "".join(journal.facts("abcd").values())
    assert "abcdefghijkl" not in text
    assert len(text) < 100_000


def test_what_another_version_wrote_is_no_diagnosis(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    journal.note("abcd", "diagnosis", '{"rule": 7}')
    assert diagnosed.kept(journal, "abcd") is None
