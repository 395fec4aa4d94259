"""A difference between what the sandbox answered and what it is held against, and where it was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tests.conformance.operations import Class

Against = Literal["spec", "recording"]


@dataclass(frozen=True, order=True)
class Difference:
    """`of` is the class as text; `kind` a word such as `missing`, `type`, `case`, `date`; `at` a header or a place in the body,
    list items as `[]`, any-name members as `{}`; `detail` in words, without values that change from run to run."""

    against: Against
    of: str
    kind: str
    at: str
    detail: str

    def __str__(self) -> str:
        return f"{self.against}: {self.of}: {self.at}: {self.kind}: {self.detail}"


@dataclass(frozen=True)
class Held:
    """One exchange that was compared: with the file `spec` ('' without), with `recordings` recorded answers."""

    of: Class
    spec: str
    recordings: int
    differences: tuple[Difference, ...]


def counted(differences: Iterable[Difference]) -> list[tuple[Difference, int]]:
    """Each difference once, with how often it was seen."""
    return sorted(Counter(differences).items())
