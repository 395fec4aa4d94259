"""Decorators of tests that hand in keyword arguments, for functions and coroutines, without hiding what pytest has to hand in."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

Test = Callable[..., Any]
Supply = Callable[[Any], contextlib.AbstractContextManager[dict[str, Any]]]
"""Asked with the test case before the test; what it gives is handed in."""


def supplied(test: Test, names: set[str], supply: Supply) -> Test:
    """`test` with keyword arguments handed in; of those only the ones that it, or the decorator below this one, takes."""
    hidden = {*getattr(test, "supplied_names", set()), *names}
    takes = getattr(test, "takes", None) or _taken(test)

    def given(kwargs: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
        return {**{name: value for name, value in more.items() if takes is True or name in takes}, **kwargs}

    if inspect.iscoroutinefunction(test):

        @functools.wraps(test)
        async def wrapper(case: Any, *args: Any, **kwargs: Any) -> Any:
            with supply(case) as more:
                return await test(case, *args, **given(kwargs, more))
    else:

        @functools.wraps(test)
        def wrapper(case: Any, *args: Any, **kwargs: Any) -> Any:
            with supply(case) as more:
                return test(case, *args, **given(kwargs, more))

    wrapper.supplied_names = hidden  # type: ignore[attr-defined]
    wrapper.takes = takes  # type: ignore[attr-defined]
    signature = inspect.signature(test)
    visible = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.name not in hidden and parameter.kind is not parameter.VAR_KEYWORD
    ]
    wrapper.__signature__ = signature.replace(parameters=visible)  # type: ignore[attr-defined]
    return wrapper


def passed_through(test: Test | None = None, **_: Any) -> Any:
    """What records a test elsewhere: here its requests simply go out. Hands in the `variables` of a recording, which are none."""
    if test is None:
        return passed_through
    return supplied(test, {"variables"}, _no_variables)


def _taken(test: Test) -> set[str] | bool:
    """The names of a test's arguments; True when it takes any."""
    parameters = inspect.signature(test).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return True
    return {parameter.name for parameter in parameters}


@contextlib.contextmanager
def _no_variables(case: Any) -> Iterator[dict[str, Any]]:
    yield {"variables": {}}
