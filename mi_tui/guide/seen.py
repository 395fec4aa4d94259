"""Seen: what was read of an endpoint, line by line for people, each with its mark. It judges only what Azure itself says."""

from __future__ import annotations

from collections.abc import Iterator

from mi_tui.guide.case import NO_REGISTRY, GrantState, World
from mi_tui.guide.world import ABSENT, Sight
from mi_tui.model.check import Check, CheckStatus
from mi_tui.model.redact import redact

OK, WARNING, FAILED, SKIPPED = CheckStatus.OK, CheckStatus.WARNING, CheckStatus.FAILED, CheckStatus.SKIPPED

_SETTLED = {"succeeded": OK, "failed": FAILED, "canceled": FAILED}
_SHOWN = 400
_READ_BY_SCRIPT = ("STORAGE_ACCOUNT_NAME", "STORAGE_CONTAINER_NAME", "FILE_NAME", "UAI_CLIENT_ID")
"""Variables whose values are shown; others may hold anything."""


def checks(sight: Sight) -> tuple[Check, ...]:
    """What was seen, in the order in which a person would look. What was not, and why, stands at the end."""
    now = sight.world
    return (
        *_place(now),
        *_serving(sight),
        *_rights(now),
        *_storage(now, " ".join(sight.unknown)),
        *_logs(sight),
        *_unknown(sight),
    )


def _place(world: World) -> Iterator[Check]:
    if world.subscription_state:
        status = OK if world.subscription_state == "Enabled" else FAILED
        yield Check("subscription", "subscription", status, world.subscription_state)
    if world.workspace_public is not None:
        network = "public network" if world.workspace_public else "no public network access"
        managed = "" if world.managed_network in {"", "Disabled"} else f"; managed network {world.managed_network}"
        legacy = "; v1 legacy mode" if world.v1_legacy else ""
        registry = "; no container registry yet" if world.registry_id == NO_REGISTRY else ""
        bad = world.v1_legacy or world.managed_network.lower() == "inactive"
        status = FAILED if bad else WARNING if not world.workspace_public else OK
        yield Check("workspace", f"workspace {world.workspace}", status, f"{network}{managed}{legacy}{registry}")
    lacking = [name for name, state in (world.providers or {}).items() if state.lower() != "registered"]
    if world.providers:
        words = ", ".join(f"{name} {world.providers[name]}" for name in lacking) or "registered"
        yield Check("providers", "resource providers", WARNING if lacking else OK, words)


def _serving(sight: Sight) -> Iterator[Check]:
    world = sight.world
    if not world.endpoint_state:
        return
    yield Check(
        "endpoint",
        f"endpoint {world.endpoint}",
        _SETTLED.get(world.endpoint_state.lower(), WARNING),
        world.endpoint_state,
    )
    if world.endpoint_state == ABSENT:
        return
    kind = {"sai": "system-assigned", "uai": "user-assigned"}.get(world.identity_kind, "none")
    name = f" {world.identity_id.rsplit('/', 1)[-1]}" if world.identity_id else ""
    gone = "" if world.identity_exists is not False else ", which is not there any more"
    principal = f", principal {world.principal_id}" if world.principal_id else ""
    bad = kind == "none" or world.identity_exists is False
    yield Check("identity", "identity", FAILED if bad else OK, f"{kind}{name}{gone}{principal}")
    if not world.deployment_state:
        return
    size = (
        f", {world.instance_type} x {world.instance_count}"
        if world.instance_type and world.deployment_state != ABSENT
        else ""
    )
    others = f"; also there: {', '.join(sight.others)}" if sight.others else ""
    title = f"deployment {world.deployment}" if world.deployment else "deployment"
    state = "there is none" if world.deployment_state == ABSENT else world.deployment_state
    yield Check("deployment", title, _SETTLED.get(world.deployment_state.lower(), WARNING), f"{state}{size}{others}")
    if sight.failure is not None:
        said = " ".join((sight.failure.sentence(), *sight.failure.details))
        yield Check("last-operation", "its last operation", FAILED, redact(said)[:_SHOWN])
    if world.traffic is not None:
        shares = {name: share for name, share in world.traffic.items() if share}
        words = (
            ", ".join(f"{name} {share} %" for name, share in shares.items()) or "none: requests are answered with 404"
        )
        settled = world.deployment_state.lower() == "succeeded"
        status = OK if shares.get(world.deployment) else WARNING if shares or not settled else FAILED
        yield Check("traffic", "traffic", status, words)
    if world.capacity_points is not None:
        words = (
            f"{world.capacity_points} minute{'s' if world.capacity_points != 1 else ''} with a machine"
            if world.capacity_points
            else "no machine in all the time"
        )
        waits = world.deployment_state.lower() in {"creating", "updating"}
        yield Check(
            "machine",
            "metric DeploymentCapacity",
            OK if world.capacity_points else WARNING if waits else SKIPPED,
            words,
        )
    if world.variables is not None and world.deployment_state != ABSENT:
        known = [f"{name}={redact(world.variables[name])[:120]}" for name in _READ_BY_SCRIPT if name in world.variables]
        more = len(world.variables) - len(known)
        words = ", ".join((*known, *((f"{more} more",) if more else ()))) or "none"
        yield Check("variables", "environment variables", OK, words)


def _rights(world: World) -> Iterator[Check]:
    for grant in (world.grants or ()) if world.endpoint_state != ABSENT else ():
        if grant.held is not None:
            words = f"held{_age(grant)}" if grant.held else "missing"
            yield Check(
                grant.key, f"{grant.role} on {grant.scope_words}", OK if grant.held else FAILED, words,
                command="" if grant.held else grant.command,
            )  # fmt: skip


def _age(grant: GrantState) -> str:
    if grant.age is None:
        return ""
    young = "; a role may take up to 10 minutes to act" if grant.age < 600 else ""
    unit = (
        f"{grant.age:.0f} s"
        if grant.age < 120
        else f"{grant.age / 60:.0f} min"
        if grant.age < 7200
        else f"{grant.age / 3600:.0f} h"
    )
    return f" for {unit}{young}"


def _storage(world: World, unknown: str) -> Iterator[Check]:
    if world.account_exists is None:
        return
    title = f"storage account {world.account}"
    if not world.account_exists:
        bad = WARNING if world.endpoint_state == ABSENT else FAILED
        yield Check("storage", title, bad, "not there, or you may not see it")
        return
    closed = "closed to public networks" if world.storage_public is False else "its firewall lets in only who is listed"
    keys = "" if world.shared_keys is not False else "; account keys are turned off"
    yield Check(
        "storage",
        title,
        WARNING if world.network_closed else OK,
        f"{closed if world.network_closed else 'network open'}{keys}",
    )
    if world.container_exists is not None:
        words = "there" if world.container_exists else "not there"
        yield Check("container", f"container {world.container}", OK if world.container_exists else FAILED, words)
    if world.blob_exists is not None:
        words = "there" if world.blob_exists else "not there"
        yield Check("blob", f"blob {world.blob}", OK if world.blob_exists else FAILED, words)
    elif world.blob and world.container_exists and "blob" not in unknown:
        yield Check("blob", f"blob {world.blob}", SKIPPED, "your sign-in may not look into the container")


def _logs(sight: Sight) -> Iterator[Check]:
    for name, lines in sight.logs.items():
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        yield Check(f"log-{name}", f"log of {name}", OK, f"{len(lines)} lines; the last: {redact(last)[:160]}")
    for name, sentence in sight.no_log.items():
        yield Check(f"log-{name}", f"log of {name}", SKIPPED, sentence)


def _unknown(sight: Sight) -> Iterator[Check]:
    for what, failure in sight.unknown.items():
        yield Check(
            f"unseen-{what.replace(' ', '-')}", what, SKIPPED, f"could not be read: {failure.sentence()[:_SHOWN]}"
        )
