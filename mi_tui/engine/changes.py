"""What others did to a run's resources between its two sittings: said before anything goes on, and planned anew where that is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import msgspec

from mi_tui.engine.context import Context
from mi_tui.engine.journal import LedgerEntry, Verdict
from mi_tui.model import names
from mi_tui.model.plan import Action, Plan, PlannedResource, ResourceKind
from mi_tui.services import assets, blobs, deployments, endpoints, grants, identities, storage
from mi_tui.services.errors import ServiceError
from mi_tui.services.session import Session

_AT_ONCE = 6

GONE = "is gone"


def said(ctx: Context) -> list[str]:
    """A sentence for everything that this run made and that is gone or other than it left it. Never raises for what cannot be read;
    Abandoned when the run is to stop."""
    planned = {item.id.lower() for item in ctx.plan.resources}
    made = [
        entry
        for entry in ctx.journal.ledger(ctx.run)
        # What the plan does not have any more is not made again. Grants and containers of uploads are no resources of a plan.
        if entry.verdict is Verdict.CREATED and (entry.kind is ResourceKind.GRANT or entry.id.lower() in planned)
    ]
    with ThreadPoolExecutor(_AT_ONCE, initializer=ctx.session.operations.helping()) as pool:
        found = list(pool.map(lambda entry: _look(ctx, entry), made))
    return [
        f"The {entry.kind.value} {entry.name} {what} since this run made it; "
        + ("it is made again." if what == GONE else "it is taken as it is.")
        for entry, what in zip(made, found, strict=True)
        if what
    ]


def _look(ctx: Context, entry: LedgerEntry) -> str:
    look = _LOOKS.get(entry.kind)
    try:
        return look(ctx, entry) if look is not None else ""
    except ServiceError:
        return ""  # the step meets it too, and says it


def _identity(ctx: Context, entry: LedgerEntry) -> str:
    parsed = names.parse_id(entry.id)
    return GONE if identities.get(ctx.session, parsed.group, parsed.name) is None else ""


def _account(ctx: Context, entry: LedgerEntry) -> str:
    parsed = names.parse_id(entry.id)
    found = storage.get_account(ctx.session, parsed.group, parsed.name)
    if found is None:
        return GONE
    return "" if found.public_network else "had its public network closed"


def _container(ctx: Context, entry: LedgerEntry) -> str:
    parsed = names.parse_id(ctx.plan.resource("storage-account").id)
    return "" if storage.container_exists(ctx.session, parsed.group, parsed.name, entry.name) else GONE


def _blob(ctx: Context, entry: LedgerEntry) -> str:
    parsed, store = names.parse_id(ctx.plan.resource("storage-account").id), ctx.plan.answers.storage
    account = storage.get_account(ctx.session, parsed.group, parsed.name)
    if account is None or not storage.container_exists(ctx.session, parsed.group, parsed.name, store.container):
        return GONE
    return GONE if blobs.exists(ctx.session, account, store.container, store.blob) is False else ""


def _grant(ctx: Context, entry: LedgerEntry) -> str:
    return GONE if grants.get(ctx.session, entry.id) is None else ""


def _asset(ctx: Context, entry: LedgerEntry) -> str:
    return GONE if assets.get(ctx.session, entry.id) is None else ""


def _endpoint(ctx: Context, entry: LedgerEntry) -> str:
    return GONE if endpoints.get(ctx.session, ctx.group, ctx.workspace, entry.name) is None else ""


def _deployment(ctx: Context, entry: LedgerEntry) -> str:
    front, wanted = ctx.plan.answers.endpoint.name, ctx.plan.answers.deployment
    info = deployments.get(ctx.session, ctx.group, ctx.workspace, front, entry.name)
    if info is None:
        return GONE
    if info.instance_type.lower() != wanted.instance_type.lower() or info.instance_count != wanted.instance_count:
        return f"was changed to {info.instance_type} x {info.instance_count}"
    ours = {"code_id": info.code_id, "model_id": info.model_id, "environment_id": info.environment_id}
    other = [what for what, now in ours.items() if (known := ctx.fact(what)) and now and not names.same_id(known, now)]
    return f"got another {other[0].removesuffix('_id')}" if other else ""


_LOOKS: dict[ResourceKind, Callable[[Context, LedgerEntry], str]] = {
    ResourceKind.IDENTITY: _identity,
    ResourceKind.STORAGE_ACCOUNT: _account,
    ResourceKind.CONTAINER: _container,
    ResourceKind.BLOB: _blob,
    ResourceKind.GRANT: _grant,
    ResourceKind.MODEL: _asset,
    ResourceKind.CODE: _asset,
    ResourceKind.ENVIRONMENT: _asset,
    ResourceKind.ENDPOINT: _endpoint,
    ResourceKind.DEPLOYMENT: _deployment,
}


# ---- what the plan only uses


def missing(session: Session, plan: Plan, ledger: Iterable[LedgerEntry]) -> list[PlannedResource]:
    """What the plan uses (and the run never made) and is gone, in the plan's order. Raises ServiceError."""
    ours = {
        entry.id.lower() for entry in ledger if entry.verdict in {Verdict.CREATED, Verdict.INTENDED, Verdict.REMOVED}
    }
    used = {
        item.key: item
        for item in plan.resources
        if item.action in {Action.USE, Action.CHANGE} and item.id.lower() not in ours
    }
    gone: list[PlannedResource] = []
    if (identity := used.get("identity")) is not None:
        parsed = names.parse_id(identity.id)
        if identities.get(session, parsed.group, parsed.name) is None:
            gone.append(identity)
    where = names.parse_id(plan.resource("storage-account").id)
    account = storage.get_account(session, where.group, where.name)
    if account is None:
        gone += [item for key in ("storage-account", "container", "blob") if (item := used.get(key)) is not None]
    elif (box := used.get("container")) is not None and not storage.container_exists(
        session, where.group, where.name, box.name
    ):
        gone += [item for key in ("container", "blob") if (item := used.get(key)) is not None]
    elif (blob := used.get("blob")) is not None and (
        blobs.exists(session, account, plan.answers.storage.container, blob.name) is False
    ):
        gone.append(blob)
    front = used.get("endpoint")
    place = plan.place.resource_group, plan.answers.workspace.name
    if front is not None and endpoints.get(session, *place, front.name) is None:
        gone.append(front)
    return gone


def with_made(plan: Plan, gone: Iterable[PlannedResource]) -> Plan:
    """The plan with these resources to be created instead of used."""
    keys = {item.key for item in gone}
    resources = tuple(
        msgspec.structs.replace(item, action=Action.CREATE, detail="was there and is gone; made anew")
        if item.key in keys
        else item
        for item in plan.resources
    )
    return msgspec.structs.replace(plan, resources=resources)
