"""What a person is shown before clean-up: all that goes, also where the journal knows of more than what carries the run's tag."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import click
import pytest

from mi_tui.cli import down, exits
from mi_tui.engine.journal import LedgerEntry, Verdict
from mi_tui.model.plan import ResourceKind


@pytest.mark.parametrize("shown", [frozenset(), frozenset({"/a"})])
def test_nothing_goes_that_was_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shown: frozenset[str]
) -> None:
    ledger = [
        LedgerEntry("/A", ResourceKind.ENDPOINT, "ep-adopted", Verdict.ADOPTED, "tag"),
        LedgerEntry("/b", ResourceKind.UPLOAD, "files of a model", Verdict.INTENDED, "seen absent"),
    ]
    workflow: Any = SimpleNamespace(removable=lambda record: ledger)
    asked: list[str] = []
    monkeypatch.setattr(click, "confirm", lambda words, **_: bool(asked.append(words)))
    run: Any = SimpleNamespace(id="r")
    target: Any = None
    assert down._remove(workflow, target, run, False, False, False, shown) == exits.DONE
    said = capsys.readouterr().err
    assert asked == ["Remove them?"]
    assert "files of a model" in said
    assert ("ep-adopted" in said) == (not shown)
    assert ("by the journal of this machine" in said) is bool(shown)
