"""Models of the SDKs whose first objects are made in several threads at one moment."""

import sys
import threading
from typing import Any, Optional

import pytest

from mi_tui.services import first_use, quiet

RAW = {"inner": {"value": "x"}, "other": {"value": "y"}}


def fresh(base: Any) -> Any:
    """A class that nobody has made an object of, built as the package builds its own."""

    class Inner(base.Model):  # type: ignore[misc]
        value: Optional[str] = base.rest_field()  # noqa: UP045 - the package knows no other form

    class Outer(base.Model):  # type: ignore[misc]
        inner: Optional[Inner] = base.rest_field()  # noqa: UP045
        other: Optional[Inner] = base.rest_field()  # noqa: UP045

    return Outer


def missed(base: Any, tries: int) -> int:
    """How often four threads that make the first objects of a class at one moment do not all get whole ones."""
    wrong = 0
    for _ in range(tries):
        kind, start, found = fresh(base), threading.Barrier(4), []
        base.Model._calculated.discard(f"{kind.__module__}.{kind.__qualname__}")
        base.Model._calculated.discard(f"{kind.__module__}.{kind.__qualname__.replace('Outer', 'Inner')}")

        def make(kind: Any = kind, start: threading.Barrier = start, found: list[Any] = found) -> None:
            start.wait()
            made = kind(RAW)
            found.append((getattr(made.inner, "value", None), getattr(made.other, "value", None)))

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wrong += found != [("x", "y")] * 4
    return wrong


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Threads change places as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
def test_threads_that_make_the_first_objects_of_a_model_get_whole_ones() -> None:
    quiet.load_clients()
    from azure.mgmt.storage._utils import model_base

    assert missed(model_base, 300) == 0


def test_it_is_done_once_and_for_every_package_that_has_such_models() -> None:
    quiet.load_clients()
    from azure.mgmt.storage._utils import model_base

    kept = model_base.Model.__new__
    first_use.one_at_a_time()
    assert model_base.Model.__new__ is kept
