"""The fixtures of the recording proxy, which does not run here."""

from __future__ import annotations

import os
from typing import Any

import pytest


class VariableRecorder:
    """Would keep a test's random values in its recording."""

    def __init__(self) -> None:
        self.variables: dict[str, str] = {}

    def get_or_record(self, name: str, default: str) -> str:
        """The value that the test has under this name."""
        return self.variables.setdefault(name, default)


class EnvironmentVariableSanitizer:
    """Would keep values of the environment out of recordings."""

    def get(self, name: str) -> str:
        """A value of the environment."""
        return os.environ[name]

    def sanitize(self, name: str, value: str) -> str:
        """A value of the environment, or else what stands for it in recordings."""
        return os.environ.get(name) or value

    def sanitize_batch(self, values: dict[str, str]) -> dict[str, str]:
        """The same for several."""
        return {name: self.sanitize(name, value) for name, value in values.items()}


@pytest.fixture(scope="session")
def test_proxy() -> None:
    """No proxy is started."""


@pytest.fixture(scope="session")
def environment_variables() -> EnvironmentVariableSanitizer:
    """The environment of the run."""
    return EnvironmentVariableSanitizer()


@pytest.fixture
def recorded_test(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Nothing is recorded."""
    return {"variables": {}}


@pytest.fixture
def variable_recorder(recorded_test: dict[str, Any]) -> VariableRecorder:
    """The test's random values."""
    return VariableRecorder()
