"""Every answer of the sandbox, in the journeys and in every operation by hand, held against Azure's files and recorded answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance import material
from tests.conformance.comparison import compare
from tests.conformance.drive import drive_all
from tests.conformance.exchange import read
from tests.conformance.report import table

pytestmark = pytest.mark.e2e


def test_no_answer_differs_from_azure_without_a_reason(
    tmp_path: Path, environment_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = material.folder()
    if place is None:
        pytest.skip(material.missing())
    monkeypatch.setenv("MI_TUI_SANDBOX_CACHE", str(environment_cache))
    outcome = compare(read(drive_all(tmp_path, material.recordings(place))), place)
    assert outcome.whole, table(outcome)
    assert len(outcome.held) > 500
    assert sum(one.spec != "" for one in outcome.held) > 300
    assert sum(one.recordings > 0 for one in outcome.held) > 300
