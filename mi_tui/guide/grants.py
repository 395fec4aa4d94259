"""Conditions on role assignments: which a rule's grant is, whether it is held, how old it is, and whether the script reads elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable

from mi_tui.guide.case import UNKNOWN, Case, Finding, GrantState
from mi_tui.model.diagnosis import Evidence
from mi_tui.model.roles import ACR_PULL, BLOB_READER

YOUNG = 15 * 60.0
"""Seconds in which a grant may not act yet: Azure says up to ten minutes ("Troubleshoot Azure RBAC"), and a token may be older than it."""


def the_grant(case: Case, kind: str) -> GrantState | None:
    """The grant on the script's storage (`storage`), on the registry, or on the workspace's storage; None where it was not looked at."""
    for grant in case.world.grants or ():
        if grant.key == f"grant-{kind}":
            return grant
    role = ACR_PULL if kind == "registry" else BLOB_READER
    named = [grant for grant in case.world.grants or () if grant.role == role.name and not grant.key]
    return named[0] if named else None


def said_of(grant: GrantState) -> Evidence:
    """What was read of a grant, as evidence."""
    who = grant.principal_id or grant.principal or "the identity"
    age = f", made {grant.age:.0f} s ago" if grant.held and grant.age is not None else ""
    held = "is held" if grant.held else "is not held" if grant.held is False else "could not be read"
    return Evidence(f"role assignments on {grant.scope_words or grant.scope}", f"{grant.role} {held} by {who}{age}")


def grant_is(kind: str, test: Callable[[GrantState], bool | None]) -> Callable[[Case], Finding]:
    """The condition that a grant (`kind` as in `the_grant`) stands a test; not known where there is none."""

    def condition(case: Case) -> Finding:
        found = the_grant(case, kind)
        return Finding(test(found), (said_of(found),)) if found else UNKNOWN

    return condition


def missing(grant: GrantState) -> bool | None:
    """Whether it is not held."""
    return None if grant.held is None else not grant.held


def young(grant: GrantState) -> bool | None:
    """Whether it is held, and so lately that it may not act yet."""
    if not grant.held:
        return None if grant.held is None else False
    return None if grant.age is None else grant.age < YOUNG


def old(grant: GrantState) -> bool | None:
    """Whether it is held, and for so long that it acts."""
    still = young(grant)
    return False if grant.held is False else None if still is None else not still


_READ = re.compile(
    r"40[34]: \w{1,60}: principal \S{1,60} could not read (?P<container>[^/\s]{1,63})/\S{1,400} in (?P<account>[a-z0-9]{3,24})"
    r"|403 Client Error[^\n]{0,200}? url: https://(?P<host>[a-z0-9]{3,24})\.blob\.core\.windows\.net/(?P<folder>[^/\s?]{1,63})/"
)
"""What was read when storage refused: as the script that ships with mi-tui tells it, and as requests does."""


def reads_elsewhere(case: Case) -> Finding:
    """Whether storage refused something that the identity's grant does not cover, by the container that the log names."""
    world, grant = case.world, the_grant(case, "storage")
    lines = [line for lines in case.logs.values() for line in lines if "403" in line]
    found = [place for line in lines if (place := _READ.search(line))]
    if grant is None or not found or not world.account or not world.container:
        return UNKNOWN
    whole = "/containers/" not in grant.scope
    outside = [
        place
        for place in found
        if (place["account"] or place["host"]) != world.account
        or (not whole and (place["container"] or place["folder"]) != world.container)
    ]
    return Finding(len(outside) == len(found), tuple(Evidence("log", place.group()) for place in outside[:1]))


def some_grant_missing(case: Case) -> Finding:
    """Whether any of the grants that the endpoint needs is not held."""
    grants = case.world.grants
    if grants is None:
        return UNKNOWN
    if lacking := case.world.missing:
        return Finding(True, tuple(map(said_of, lacking)))
    return Finding(None if any(grant.held is None for grant in grants) else False)
