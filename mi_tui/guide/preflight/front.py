"""The endpoint: its name, what is there under it already, and its deployments."""

from __future__ import annotations

import secrets

from mi_tui.guide.preflight.finding import Finding, az, failed, listed, ok, warning
from mi_tui.guide.preflight.reads import Reads
from mi_tui.model import names
from mi_tui.model.answers import IdentityKind
from mi_tui.model.diagnosis import Change, ChangeKind
from mi_tui.services.endpoints import BUSY, EndpointInfo


def _free(name: str) -> str:
    return f"{name[:25].rstrip('-')}-{secrets.token_hex(3)}"


def name(reads: Reads) -> Finding:
    """Unique in the region among all customers; only the address tells of others."""
    wanted = reads.answers.endpoint.name
    if fault := names.ENDPOINT.fault(wanted):
        return failed(fault, "Take a name that keeps the rule.")
    found = reads.endpoint.result()
    if found is not None:
        return ok(f"{wanted} is in this workspace already ({found.state})")
    if reads.address.result():
        free = _free(wanted)
        return failed(
            f"Somebody's endpoint answers at {wanted}.{reads.location()}.inference.ml.azure.com already.",
            f"Take another name, such as {free}.",
            change=Change(ChangeKind.ENDPOINT_NAME, (free,)),
        )
    return ok(
        f"nobody answers at {wanted}.{reads.location()}.inference.ml.azure.com; only Azure's own refusal would be certain"
    )


def broken(reads: Reads) -> Finding:
    """What is left of an attempt that failed; Azure refuses every deployment in it."""
    found, answers = reads.endpoint.result(), reads.answers
    if found is None or not found.broken:
        if found is not None and found.state.lower() in BUSY:
            return warning(f"{found.name} is {found.state}.", "The run waits until it is not.")
        return ok("nothing is left over under this name" if found is None else f"{found.name} is {found.state}")
    said = f"The endpoint {found.name!r} exists but was never made completely (state {found.state})"
    inside = [one.name for one in reads.deployments.result()]
    where = answers.workspace
    command = az(
        "ml", "online-endpoint", "delete", "--name", found.name, "--resource-group", where.resource_group,
        "--workspace-name", where.name, "--subscription", where.subscription,
    )  # fmt: skip
    if inside:
        return failed(
            f"{said}, and it has deployments: {listed(inside)}.",
            "They are not this run's to delete. Take another endpoint name, or have who made them delete it.",
            command,
            Change(ChangeKind.ENDPOINT_NAME, (_free(found.name),)),
        )
    if answers.endpoint.replace_broken:
        return warning(
            f"{said}.", "The run deletes it and makes it again, as the answers say (endpoint.replace_broken)."
        )
    return failed(
        f"{said}.",
        "Set endpoint.replace_broken to true, and the run deletes it and makes it again; or take another endpoint name.",
        command,
        Change(ChangeKind.REPLACE_BROKEN, (found.name,)),
    )


def identity(reads: Reads) -> Finding:
    """An endpoint keeps the identity that it was made with."""
    found = reads.endpoint.result()
    if found is None or found.broken:
        return ok(f"made with the endpoint: {reads.answers.identity.kind.words}")
    has, wanted = _kind(found), reads.answers.identity.kind
    change = Change(ChangeKind.IDENTITY, (has.value, *found.identity_ids[:1]))
    if has is not wanted:
        return failed(
            f"The endpoint {found.name!r} exists with a {has.words} identity, the answers ask for a {wanted.words} one.",
            f"Take the {has.words} identity that it has (identity.kind: {has.value}), another endpoint name, or delete the endpoint first.",
            change=change,
        )
    if has is IdentityKind.UAI:
        mine = reads.identity.result()
        if mine is None or not any(names.same_id(mine.id, attached) for attached in found.identity_ids):
            return failed(
                f"The endpoint {found.name!r} exists with another user-assigned identity: {listed(list(found.identity_ids))}.",
                "Name the identity that it has, or take another endpoint name.",
                change=change,
            )
    return ok(f"{found.name} has the {has.words} identity that the answers ask for")


def _kind(endpoint: EndpointInfo) -> IdentityKind:
    return IdentityKind.UAI if endpoint.identity_kind.lower() == "userassigned" else IdentityKind.SAI


def deployment(reads: Reads) -> Finding:
    """A deployment that is there is never replaced."""
    wanted = reads.answers.deployment.name
    found = reads.endpoint.result()
    if found is None or found.broken:
        return ok(f"{wanted} is the first one of the endpoint")
    others = reads.deployments.result()
    there = next((one for one in others if one.name.lower() == wanted.lower()), None)
    if there is None:
        return ok(f"{wanted} is new beside {listed([one.name for one in others]) or 'none'}")
    taken = {one.name.lower() for one in others}
    free = next(
        (each for each in ("blue", "green", "red") if each not in taken), f"{wanted[:25]}-{secrets.token_hex(3)}"
    )
    return failed(
        f"The endpoint {found.name!r} already has a deployment {there.name!r} (state {there.state}).",
        f"Take another deployment name, such as {free}; mi-tui never replaces a deployment that this run did not make.",
        change=Change(ChangeKind.DEPLOYMENT_NAME, (free,)),
    )
