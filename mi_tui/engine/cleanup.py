"""Clean-up: removes what the ledger says this run created, in an order that leaves no orphan, and verifies by reading."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from mi_tui.engine.context import Context
from mi_tui.engine.journal import JournalError, LedgerEntry, RunState, Verdict
from mi_tui.model import names
from mi_tui.model.events import Left, Outcome, RunFinished, StepFailed, StepFinished, StepProgress, StepStarted
from mi_tui.model.failure import Failure
from mi_tui.model.plan import ResourceKind
from mi_tui.services import assets, blobs, deployments, endpoints, grants, identities, storage
from mi_tui.services.errors import Abandoned, ServiceError, as_failure

_ORDER = (
    ResourceKind.DEPLOYMENT,
    ResourceKind.ENDPOINT,
    ResourceKind.GRANT,
    ResourceKind.BLOB,
    ResourceKind.CONTAINER,
    ResourceKind.STORAGE_ACCOUNT,
    ResourceKind.CODE,
    ResourceKind.MODEL,
    ResourceKind.ENVIRONMENT,
    ResourceKind.UPLOAD,
    ResourceKind.IDENTITY,
)


@dataclass(frozen=True)
class _Kept(Exception):
    """Something is left on purpose; the reason in words."""

    why: str


def removable(ctx: Context) -> list[LedgerEntry]:
    """What clean-up would remove, in its order: created by this run, or being created when it was interrupted."""
    ours = [e for e in ctx.journal.ledger(ctx.run) if e.verdict in {Verdict.CREATED, Verdict.INTENDED}]
    return sorted(ours, key=lambda entry: _ORDER.index(entry.kind))


def clean(ctx: Context) -> RunFinished:
    """Remove everything that the run created. What cannot be removed is reported with the reason; the run can be cleaned again."""
    removed: list[str] = []
    left: list[Left] = []
    failures: list[Failure] = []
    for entry in removable(ctx):
        if ctx.stop.is_set():
            left.append(Left(entry.kind.value, entry.name, entry.id, "clean-up was stopped before it"))
            continue
        step, title, began = f"remove {entry.id}", f"{entry.kind.value} {entry.name}", time.monotonic()
        ctx.emit(StepStarted(run=ctx.run, step=step, title=title))
        try:
            was_there = _REMOVERS[entry.kind](ctx, entry, _progress(ctx, step))
        except _Kept as kept:
            left.append(Left(entry.kind.value, entry.name, entry.id, kept.why))
            ctx.emit(_finished(ctx, step, title, "left", began, kept.why, entry.id))
            continue
        except Abandoned:
            left.append(Left(entry.kind.value, entry.name, entry.id, "clean-up was stopped while it was being removed"))
            continue
        except JournalError:
            raise
        except Exception as error:  # noqa: BLE001 - one thing that cannot be removed must not keep the rest
            failure = as_failure(error)
            failures.append(failure)
            left.append(Left(entry.kind.value, entry.name, entry.id, failure.sentence()))
            ctx.emit(StepFailed(run=ctx.run, step=step, title=title, failure=failure, seconds=time.monotonic() - began))
            continue
        ctx.journal.removed(ctx.run, entry.id, "seen to be gone")
        removed.append(entry.id)
        ctx.emit(_finished(ctx, step, title, "removed", began, "" if was_there else "was gone already", entry.id))
    outcome = Outcome.LEFT_RUNNING if ctx.stop.is_set() else Outcome.FAILED if failures else Outcome.SUCCEEDED
    state = RunState.REMOVED if not left else RunState.LEFT_RUNNING if ctx.stop.is_set() else RunState.FAILED
    ctx.journal.end_run(ctx.run, state)
    used = [entry for entry in ctx.journal.ledger(ctx.run) if entry.verdict is Verdict.EXISTED]
    left += [Left(entry.kind.value, entry.name, entry.id, "was here before this run") for entry in used]
    event = RunFinished(
        run=ctx.run, outcome=outcome, failure=failures[0] if failures else None, removed=tuple(removed), left=tuple(left),
        next=f"'mi-tui down {ctx.run}' tries again." if state is not RunState.REMOVED else "",
    )  # fmt: skip
    ctx.emit(event)
    return event


def _progress(ctx: Context, step: str) -> Callable[[str], None]:
    last = ""

    def watch(status: str) -> None:
        nonlocal last
        if status != last:
            last = status
            ctx.emit(StepProgress(run=ctx.run, step=step, status=status))

    return watch


def _finished(
    ctx: Context, step: str, title: str, result: str, began: float, detail: str, resource: str
) -> StepFinished:
    return StepFinished(
        run=ctx.run,
        step=step,
        title=title,
        result=result,
        seconds=time.monotonic() - began,
        detail=detail,
        resource=resource,
    )


Watch = Callable[[str], None]
Remover = Callable[[Context, LedgerEntry, Watch], bool]
"""Removes one resource and verifies; False when it was gone already."""


def _deployment(ctx: Context, entry: LedgerEntry, watch: Watch) -> bool:
    front = ctx.plan.answers.endpoint.name
    if ctx.ours(ctx.plan.resource("endpoint").id):
        # The endpoint is ours too: deleting it takes the deployment along, in one operation instead of three.
        watch("goes with its endpoint")
        return endpoints.delete(ctx.session, ctx.group, ctx.workspace, front, watch, stop=ctx.stop)
    info = endpoints.get(ctx.session, ctx.group, ctx.workspace, front)
    if info is not None and info.traffic.get(entry.name):
        there = {found.name for found in deployments.list_all(ctx.session, ctx.group, ctx.workspace, front)}
        before = json.loads(ctx.fact("traffic_before") or "{}")
        others = {name: share for name, share in before.items() if name in there - {entry.name} and share}
        if sum(others.values()) != 100:
            others = {}  # what had the traffic is gone; Azure takes a sum of 0 or 100 only
        endpoints.set_traffic(ctx.session, ctx.group, ctx.workspace, front, others, watch, stop=ctx.stop)
    return deployments.delete(ctx.session, ctx.group, ctx.workspace, front, entry.name, watch, stop=ctx.stop)


def _endpoint(ctx: Context, entry: LedgerEntry, watch: Watch) -> bool:
    others = [
        found.name
        for found in deployments.list_all(ctx.session, ctx.group, ctx.workspace, entry.name)
        if not ctx.ours(found.id)
    ] if endpoints.get(ctx.session, ctx.group, ctx.workspace, entry.name) else []  # fmt: skip
    if others:
        raise _Kept(f"it has a deployment that this run did not make: {', '.join(others)}")
    return endpoints.delete(ctx.session, ctx.group, ctx.workspace, entry.name, watch, stop=ctx.stop)


def _grant(ctx: Context, entry: LedgerEntry, watch: Watch) -> bool:
    return grants.delete(ctx.session, entry.id)


def _blob(ctx: Context, entry: LedgerEntry, watch: Watch) -> bool:
    account = _account_info(ctx)
    where = ctx.plan.answers.storage
    return account is not None and blobs.delete(ctx.session, account, where.container, where.blob)


def _container(ctx: Context, entry: LedgerEntry, watch: Watch) -> bool:
    account = _account_info(ctx)
    if account is None or not storage.container_exists(ctx.session, account.group, account.name, entry.name):
        return False
    others = blobs.list_names(ctx.session, account, entry.name)
    if others:
        raise _Kept(f"it holds {len(others)} blob(s) that this run did not put there, such as {others[0]!r}")
    return storage.delete_container(ctx.session, account.group, account.name, entry.name)


def _account(ctx: Context, entry: LedgerEntry, watch: Watch) -> bool:
    account = _account_info(ctx)
    if account is None:
        return False
    others = storage.list_containers(ctx.session, account.group, account.name)
    if others:
        raise _Kept(f"it holds container(s) that this run did not make or had to leave: {', '.join(others[:3])}")
    return storage.delete_account(ctx.session, account.group, account.name)


def _account_info(ctx: Context) -> storage.AccountInfo | None:
    planned = ctx.plan.resource("storage-account")
    return storage.get_account(ctx.session, names.parse_id(planned.id).group, planned.name)


def _asset(ctx: Context, entry: LedgerEntry, watch: Watch) -> bool:
    return assets.delete(ctx.session, entry.id)


def _upload(ctx: Context, entry: LedgerEntry, watch: Watch) -> bool:
    account_name, container = assets.datastore_container(ctx.session, ctx.group, ctx.workspace)
    where = assets.parse_data_uri(entry.id, account_name, container)
    planned = names.parse_id(ctx.plan.place.workspace_storage_id)
    if where is None or where.account.lower() != planned.name.lower():
        raise _Kept("the files do not lie in the workspace's own storage account")
    account = storage.get_account(ctx.session, planned.group, planned.name)
    if account is None:
        return False
    if where.owns_container:
        return storage.delete_container(ctx.session, planned.group, planned.name, where.container)
    users = [
        kept for kept in assets.model_uris(ctx.session, ctx.group, ctx.workspace) if where.prefix.rstrip("/") in kept
    ]
    if users:
        raise _Kept("another registered model uses the same files")
    return blobs.delete_prefix(ctx.session, account, where.container, where.prefix) > 0


def _identity(ctx: Context, entry: LedgerEntry, watch: Watch) -> bool:
    parsed = names.parse_id(entry.id)
    users = _users(ctx, entry.id)
    if users:
        raise _Kept(f"the endpoint {users[0]} uses it")
    return identities.delete(ctx.session, parsed.group, parsed.name)


def _users(ctx: Context, identity: str) -> list[str]:
    """Endpoints of the workspace that carry this identity."""
    return [
        info.name
        for info in endpoints.list_all(ctx.session, ctx.group, ctx.workspace)
        if any(names.same_id(identity, attached) for attached in info.identity_ids)
    ]


def _workspace(ctx: Context, entry: LedgerEntry, watch: Watch) -> bool:
    raise ServiceError(Failure(code="mi-tui/never", message="mi-tui never removes a workspace."))


_REMOVERS: dict[ResourceKind, Remover] = {
    ResourceKind.DEPLOYMENT: _deployment,
    ResourceKind.ENDPOINT: _endpoint,
    ResourceKind.GRANT: _grant,
    ResourceKind.BLOB: _blob,
    ResourceKind.CONTAINER: _container,
    ResourceKind.STORAGE_ACCOUNT: _account,
    ResourceKind.CODE: _asset,
    ResourceKind.MODEL: _asset,
    ResourceKind.ENVIRONMENT: _asset,
    ResourceKind.UPLOAD: _upload,
    ResourceKind.IDENTITY: _identity,
    ResourceKind.WORKSPACE: _workspace,
}
