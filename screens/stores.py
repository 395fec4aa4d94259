"""What the Storage step knows of accounts that are there, and the small words it needs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mi_tui.model import names

if TYPE_CHECKING:
    from mi_tui.workflow import Target, Workflow


@dataclass(frozen=True)
class Account:
    """A storage account that is there; `containers` and `blobs` look into it, blocking."""

    id: str
    name: str
    group: str
    location: str
    note: str
    containers: Callable[[], list[str]]
    blobs: Callable[[str], list[str]]

    @property
    def where(self) -> str:
        """Region, group, and what is special about it."""
        return " · ".join(part for part in (self.location, self.group, self.note) if part)


def accounts_in(workflow: Workflow, target: Target, subscription: str | None) -> list[Account]:
    """The subscription's storage accounts. Blocks; raises ServiceError."""
    catalog = workflow.catalog(target, subscription)
    return [
        Account(
            info.id,
            info.name,
            info.group,
            info.location,
            ", ".join(
                words
                for off, words in (
                    (not info.shared_keys, "shared keys off"),
                    (not info.public_network, "no public network access"),
                )
                if off
            ),
            partial(catalog.containers, info),
            partial(catalog.blobs, info),
        )
        for info in catalog.accounts()
    ]


def free_name(name: str, taken: Iterable[str]) -> str:
    """`name`, or `name` with a number that is not taken: before the ending, where there is one."""
    used, stem = set(taken), Path(name)
    number, free = 2, name
    while free in used:
        free, number = f"{stem.stem}-{number}{stem.suffix}", number + 1
    return free


def short_path(path: str) -> str:
    """A path as short as it can be said: from here, or from home; cut in the middle when it is still long."""
    for base, lead in ((os.getcwd(), ""), (os.path.expanduser("~"), "~/")):
        if path.startswith(base + os.sep):
            path = lead + path[len(base) + 1 :]
            break
    return names.short_id(path, 44)
