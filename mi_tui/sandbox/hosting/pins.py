"""Pins of a conda file on another Python than the one it asks for: what was built for that one may not exist for this one.

Azure has every Python; a machine has a few. Microsoft's own examples pin Python 3.9 and, beside it, packages without a build for
later ones. Where the Python of a conda file is not on this machine and the pins cannot be met on the one that stands in, each
pinned package is taken in the first later version that can be had, and each that differs is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mi_tui.sandbox.hosting.conda import CondaFile

_PIN = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.-]*)(?P<extras>\[[^\]]*\])?\s*==\s*(?P<version>[\w.!+*-]+)\s*(?P<marker>;.*)?"
)


def loosened(requirements: Iterable[str]) -> tuple[str, ...]:
    """The `==` pins among the requirements, each as a lower bound."""
    return tuple(_with(found, ">=", found["version"].removesuffix(".*")) for found in _pins(requirements))


def repinned(requirements: Iterable[str], lock: str) -> tuple[str, ...]:
    """The requirements, with each `==` pin on what a lock file (`uv pip compile`) has of that package."""
    taken = dict(pinned(lock.splitlines()))
    lines = []
    for line in requirements:
        found = _PIN.fullmatch(line.strip())
        version = None if found is None else taken.get(_normal(found["name"]))
        lines.append(line if found is None or version is None else _with(found, "==", version))
    return tuple(lines)


def pinned(requirements: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Name and version of each `==` pin; the name as PyPI normalises it."""
    for found in _pins(requirements):
        yield _normal(found["name"]), found["version"]


def replaced(requirements: Iterable[str], lock: str) -> list[str]:
    """One note for each pin that a lock file does not meet."""
    taken = dict(pinned(lock.splitlines()))
    return [
        f"{name}=={version} cannot be had for this Python: {taken[name]} is used instead"
        for name, version in pinned(requirements)
        if name in taken and not _meets(taken[name], version)
    ]


def brought_along(conda: CondaFile) -> tuple[str, ...]:
    """What conda installs beside a Python before 3.12 without being asked: setuptools, then still with `pkg_resources`.

    Older packages import it and do not name it: gunicorn 20, so Microsoft's inference server 0.8.
    """
    parts = (conda.python or "").split(".")
    old = len(parts) == 2 and all(part.isdigit() for part in parts) and (int(parts[0]), int(parts[1])) < (3, 12)
    named = any(re.match(r"setuptools\b(?!-)", line.strip(), re.IGNORECASE) for line in conda.requirements)
    return ("setuptools<81",) if old and not named else ()


def _pins(requirements: Iterable[str]) -> Iterator[re.Match[str]]:
    for line in requirements:
        found = _PIN.fullmatch(line.strip())
        if found is not None:
            yield found


def _with(pin: re.Match[str], comparison: str, version: str) -> str:
    marker = f" {pin['marker']}" if pin["marker"] else ""
    return f"{pin['name']}{pin['extras'] or ''}{comparison}{version}{marker}"


def _meets(taken: str, wanted: str) -> bool:
    if wanted.endswith(".*"):
        return f"{taken}.".startswith(wanted.removesuffix("*"))
    return taken == wanted


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
