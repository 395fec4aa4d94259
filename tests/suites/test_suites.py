"""The table of the suites, without running one."""

from __future__ import annotations

import json
from pathlib import Path

from tests.suites import outcome
from tests.suites.catalog import Exclusion, exclusions, reason, suites


def test_every_suite_has_a_release_and_every_exclusion_a_reason() -> None:
    found = suites()
    assert all(suite.version for suite in found.values())
    for name in found:
        assert all(exclusion.reason and exclusion.tests for exclusion in exclusions(name))


def test_an_exclusion_means_its_brackets() -> None:
    excluded = [Exclusion("because", ["test_a.py::*::test_one[x]", "test_b.py::*"])]
    assert reason("test_a.py::TestA::test_one[x]", excluded) == "because"
    assert reason("test_a.py::TestA::test_onex", excluded) is None
    assert reason("test_b.py::TestB::test_two", excluded) == "because"


def test_the_table_counts_and_names(tmp_path: Path) -> None:
    told = tmp_path / "told"
    lines = [
        {"test": "a.py::T::one", "outcome": "passed"},
        {"test": "a.py::T::two", "outcome": "excluded", "reason": "because"},
        {"test": "b.py::T::three", "outcome": "failed"},
    ]
    told.write_text("\n".join(json.dumps(line) for line in lines), "utf-8")
    seen = outcome.read(told)
    assert not seen.whole
    assert "b.py::T::three" in outcome.table(seen)
    assert "1  because" in outcome.table(seen)
    told.write_text(json.dumps(lines[0]), "utf-8")
    assert outcome.read(told).whole
    assert not outcome.read(tmp_path / "nothing ran").whole
