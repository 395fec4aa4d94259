"""What holds for every test: the environment that it found is there again after it, and after its module's fixtures."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# A machine that does other things too is no fault of what is tried.
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")


class _Loggers(dict[str, Any]):
    """All loggers by name. Who goes through them goes through those of now, whatever another thread makes meanwhile.

    From 9.1 on pytest does so at each phase of a test, without the lock of logging; azure.ai.ml, which a thread imports while a plan is
    made, makes loggers, and failed the test that happened to begin: "dictionary changed size during iteration".
    """

    def values(self) -> Any:
        return list(super().values())


def pytest_configure() -> None:
    logging.root.manager.loggerDict = _Loggers(logging.root.manager.loggerDict)
    # A shell has what it runs in the background ignore Ctrl+C, and so would each mi-tui that a test interrupts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module", autouse=True)
def same_environment_after_the_module() -> Iterator[None]:
    """As below, for what the module's own fixtures change: they are set up before a test's, and taken down after them."""
    yield from _kept()


@pytest.fixture(autouse=True)
def same_environment() -> Iterator[None]:
    """Opening the sandbox points the process's proxy and CA variables into it; the next test is not to talk to that one."""
    yield from _kept()


def _kept() -> Iterator[None]:
    before = dict(os.environ)
    yield
    if os.environ != before:
        os.environ.clear()
        os.environ.update(before)
