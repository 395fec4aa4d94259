"""The pytest side of a run: excludes what is excluded, and tells each test's outcome."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from devtools_testutils.proxy_fixtures import environment_variables, recorded_test, test_proxy, variable_recorder

from tests.suites.catalog import exclusions, reason, suites

__all__ = ["environment_variables", "recorded_test", "test_proxy", "variable_recorder"]

EXCLUDED = "excluded: "


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what does not run."""
    excluded, marks = exclusions(os.environ["SUITE_NAME"]), suites()[os.environ["SUITE_NAME"]].marks
    for item in items:
        for mark in marks:
            item.add_marker(mark)
        why = reason(item.nodeid, excluded)
        if why is not None and not os.environ.get("SUITE_EXCLUDED"):
            item.add_marker(pytest.mark.skip(reason=EXCLUDED + why))


class Teller:
    """Writes one line for each test, in the process that knows them all."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("a", encoding="utf-8")
        self._told: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test's first bad phase, or else its call."""
        if report.nodeid in self._told or (report.when != "call" and report.passed):
            return
        self._told.add(report.nodeid)
        told = {"test": report.nodeid, "outcome": report.outcome}
        if report.skipped:
            told["reason"] = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr).removeprefix("Skipped: ")  # fmt: skip
            if told["reason"].startswith(EXCLUDED):
                told |= {"outcome": "excluded", "reason": told["reason"].removeprefix(EXCLUDED)}
        self._file.write(json.dumps(told) + "\n")
        self._file.flush()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be read counts as a failure."""
        if report.failed:
            self._file.write(json.dumps({"test": report.nodeid, "outcome": "failed"}) + "\n")
            self._file.flush()


def pytest_configure(config: pytest.Config) -> None:
    """Tell from the controlling process alone; and have tests that wait for the service's indexes wait less."""
    longest, sleep = os.environ.get("SUITE_LONGEST_SLEEP"), time.sleep
    if longest:
        time.sleep = lambda seconds: sleep(min(seconds, float(longest)))
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Teller(Path(os.environ["SUITE_TOLD"])), "teller")
