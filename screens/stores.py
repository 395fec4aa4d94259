"""What the Storage step knows of accounts, containers and blobs that are there, and how it says what is chosen."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mi_tui.model import names
from mi_tui.model.draft import Draft
from mi_tui.widgets.section import State
from screens.asking import same_name

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


Said = tuple[str, str, State]
"""What a row says: the value, what is said of it, and its state."""


_UNTOLD = "new, private, unless it is there"


@dataclass
class Stores:
    """What is known so far; None is not known yet. Containers are those of the chosen account, blobs those of the container."""

    accounts: dict[str, Account] | None = None
    containers: list[str] | None = None
    blobs: list[str] | None = None
    told: bool = True
    """Whether Azure tells what is there; False when it could not be asked."""

    def nearest(self, draft: Draft) -> list[Account]:
        """The accounts; those of the workspace's group and region come first."""

        def distance(account: Account) -> tuple[bool, bool, str]:
            return (
                not same_name(account.group, draft.resource_group),
                account.location != draft.location,
                account.name,
            )

        return sorted((self.accounts or {}).values(), key=distance)

    def account(self, draft: Draft) -> Account | None:
        """The account of the draft among those that are there."""
        group = draft.account_group or draft.resource_group
        for account in (self.accounts or {}).values():
            if account.name == draft.account and same_name(account.group, group):
                return account
        return None

    def has_container(self, draft: Draft) -> bool:
        """Whether the container of the draft is there."""
        return draft.container in (self.containers or [])

    def has_blob(self, draft: Draft) -> bool:
        """Whether the blob of the draft is there."""
        return draft.blob in (self.blobs or [])

    def looking(self, draft: Draft) -> bool:
        """Whether it is not known yet what the container holds."""
        if self.accounts is None:
            return True
        if self.account(draft) is None:
            return False
        return self.containers is None or (draft.container in self.containers and self.blobs is None)

    def say_account(self, draft: Draft, fault: str) -> Said:
        """The account's row; `fault` is what is wrong with a new one's name."""
        account = self.account(draft)
        if account is not None:
            return account.name, f"is there · {account.where}", "use"
        if draft.account_group and self.accounts is None:
            return draft.account, f"in {draft.account_group}", "use"
        if draft.account_group:
            return draft.account, f"is not in {draft.account_group}: choose another, or make one", "fault"
        if fault:
            return draft.account, fault, "fault"
        if self.accounts is None and self.told:
            return draft.account, "looking …", "busy"
        place = ", ".join(part for part in (draft.resource_group, draft.location) if part)
        words = f"new, in {place}" if place else "new"
        return draft.account, words if self.told else f"{words}, unless it is there: Azure did not tell", "create"

    def say_container(self, draft: Draft, fault: str) -> Said:
        """The container's row."""
        if self.has_container(draft):
            return draft.container, "is there", "use"
        if fault:
            return draft.container, fault, "fault"
        if self.looking(draft) and self.containers is None:
            return (draft.container, "looking …", "busy") if self.told else (draft.container, _UNTOLD, "create")
        return draft.container, "new, private", "create"

    def say_blob(self, draft: Draft, fault: str) -> Said:
        """The blob's row."""
        there = self.has_blob(draft)
        if fault:
            return draft.blob, fault, "fault"
        if there and draft.upload:
            return draft.blob, "is there already, and is used as it is; nothing is uploaded", "use"
        if draft.upload:
            return draft.blob, f"uploaded from {short_path(draft.upload)}", "create"
        if there:
            return draft.blob, "is there", "use"
        return (
            (draft.blob, "looking …", "busy")
            if self.told
            else (draft.blob, "Azure did not tell whether it is there", "warn")
        )


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
