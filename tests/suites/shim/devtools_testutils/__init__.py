"""The part of Microsoft's test helpers that the suites call, for live runs: nothing is recorded, nothing is played back."""

from __future__ import annotations

from typing import Any

from devtools_testutils.callbacks import ResponseCallback, RetryCounter
from devtools_testutils.cases import AzureMgmtRecordedTestCase, AzureMgmtTestCase, AzureRecordedTestCase
from devtools_testutils.fake_credentials import FakeTokenCredential
from devtools_testutils.helpers import is_live, is_live_and_not_recording, trim_kwargs_from_test_function
from devtools_testutils.preparers import (
    CachedResourceGroupPreparer,
    EnvironmentVariableLoader,
    EnvironmentVariableOptions,
    FakeResource,
    PowerShellPreparer,
    RandomNameResourceGroupPreparer,
    ResourceGroupPreparer,
)
from devtools_testutils.proxy_fixtures import environment_variables, recorded_test, test_proxy, variable_recorder
from devtools_testutils.wrapping import passed_through as recorded_by_proxy

__all__ = [
    "AzureMgmtRecordedTestCase", "AzureMgmtTestCase", "AzureRecordedTestCase", "CachedResourceGroupPreparer",
    "EnvironmentVariableLoader", "EnvironmentVariableOptions", "FakeResource", "FakeTokenCredential", "PowerShellPreparer",
    "RandomNameResourceGroupPreparer", "ResourceGroupPreparer", "ResponseCallback", "RetryCounter", "environment_variables",
    "is_live", "is_live_and_not_recording", "recorded_by_proxy", "recorded_test", "test_proxy",
    "trim_kwargs_from_test_function", "variable_recorder",
]  # fmt: skip

_RECORDING = ("add_", "set_", "remove_")


def _nothing(*_: Any, **__: Any) -> None:
    """Recordings are not sanitized or matched here: there are none."""


def __getattr__(name: str) -> Any:
    """The many settings of the recording proxy, none of which does anything in a live run."""
    if name.startswith(_RECORDING) and name.endswith(
        ("_sanitizer", "_sanitizers", "_matcher", "_options", "_transform")
    ):
        return _nothing
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
