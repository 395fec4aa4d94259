"""Policies: those whose assignment alone tells that they would refuse what the plan makes."""

from __future__ import annotations

from mi_tui.guide.preflight import facts
from mi_tui.guide.preflight.finding import Finding, failed, listed, ok, warning
from mi_tui.guide.preflight.reads import Reads
from mi_tui.model.diagnosis import Change, ChangeKind
from mi_tui.services.policies import PolicyInfo


def allowed(reads: Reads) -> Finding:
    """Tags and places that a policy wants. What other policies say stands in their definitions, and is not read here."""
    found = [one for one in reads.policies.result() if one.enforced]
    tags = {name.lower(): value for name, value in reads.answers.tags.items()}
    missing: dict[str, str] = {}
    names: list[str] = []
    for one in found:
        tag, value = _tag(one)
        if tag and (tags.get(tag.lower()) is None or value not in {"", tags.get(tag.lower())}):
            missing[tag] = value
            names.append(one.name)
    if missing:
        wanted = [f"{tag}={value}" if value else tag for tag, value in missing.items()]
        return failed(
            f"The policy {listed(names)} refuses what has no tag {listed(wanted)}.",
            f"Set it in the answers (tags: {{{next(iter(missing))}: ...}}), or ask for an exemption.",
            change=Change(ChangeKind.TAG, tuple(f"{tag}={value}" for tag, value in missing.items())),
        )
    where = reads.location().lower()
    for one in found:
        places = [place.lower().replace(" ", "") for place in one.parameters.get(facts.LOCATIONS, ())]
        if one.definition == facts.LOCATION_POLICY and places and where not in places:
            return failed(
                f"The policy {one.name} allows {listed(places)}, and the workspace is in {where}.",
                "Take a workspace in one of these regions, or ask for an exemption.",
            )
    if refusing := _refusing(reads, found):
        return failed(
            f"The policy {refusing[0].name} refuses new storage accounts that {refusing[1]}, as the one of this plan would.",
            "Take a storage account that is there already, or ask for an exemption.",
        )
    known = {*facts.TAG_POLICIES, facts.LOCATION_POLICY, facts.CLOSES_ACCOUNTS, *facts.REFUSES_ACCOUNTS}
    others = [one.name for one in found if one.definition not in known]
    hints = [one.name for one in found if one.definition not in known and one.parameters.get(facts.TAG_NAME)]
    if hints:
        return warning(
            f"{listed(hints)} may want a tag; what a policy does with it stands in its definition, which is not read.",
            "Look at it under Policy in the portal.",
        )
    if others:
        return ok(
            f"{len(found)} assigned; what {len(others)} of them want stands in their definitions, which are not read"
        )
    return ok(f"{len(found)} assigned, none in the way" if found else "none is assigned")


def _tag(one: PolicyInfo) -> tuple[str, str]:
    """The tag that a policy asks for, and the value that it must have; empty for any."""
    if one.definition not in facts.TAG_POLICIES:
        return "", ""
    return (one.parameters.get(facts.TAG_NAME) or ("",))[0], (one.parameters.get(facts.TAG_VALUE) or ("",))[0]


def _refusing(reads: Reads, found: list[PolicyInfo]) -> tuple[PolicyInfo, str] | None:
    """The policy that refuses the storage account which the run is to make, and what it has against it."""
    if reads.account.result() is not None:
        return None
    for one in found:
        against = facts.REFUSES_ACCOUNTS.get(one.definition)
        if against and _effect(one, "audit") == "deny":
            return one, against
    return None


def closing(found: list[PolicyInfo]) -> PolicyInfo | None:
    """The policy that closes the public network of every storage account that is made."""
    closes = (one for one in found if one.enforced and one.definition == facts.CLOSES_ACCOUNTS)
    return next((one for one in closes if _effect(one, "modify") == "modify"), None)


def _effect(one: PolicyInfo, default: str) -> str:
    return (one.parameters.get(facts.EFFECT) or (default,))[0].lower()
