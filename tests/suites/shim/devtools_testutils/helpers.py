"""Small questions that the suites ask."""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Callable
from typing import Any


def is_live() -> bool:
    """Whether requests go to the service; always."""
    return True


def is_live_and_not_recording() -> bool:
    """Whether requests go to the service and are not recorded; always."""
    return True


def test_name() -> str:
    """The running test: `file.py::Class::name[parameters]`."""
    return os.environ.get("PYTEST_CURRENT_TEST", "no test").rsplit(" ", 1)[0]


test_name.__test__ = False  # type: ignore[attr-defined]


def name_for_test(prefix: str) -> str:
    """A name that is the same whenever this test asks, and that no other test gets: the prefix and eight letters or digits."""
    return prefix + hashlib.blake2s(test_name().encode(), digest_size=4).hexdigest()


def trim_kwargs_from_test_function(function: Callable[..., Any], kwargs: dict[str, Any]) -> None:
    """Take out the keyword arguments that a function does not have."""
    parameters = inspect.signature(function).parameters.values()
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        for name in set(kwargs) - {parameter.name for parameter in parameters}:
            del kwargs[name]
