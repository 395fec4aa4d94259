"""Clean-up: removes what the ledger says this run created, in an order that leaves no orphan, and verifies by reading."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mi_tui.engine import keeping
from mi_tui.engine.context import RUN_TAG, Context
from mi_tui.engine.journal import JournalError, LedgerEntry, RunState, Verdict
from mi_tui.model import names
from mi_tui.model.answers import IdentityKind
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


_FREE = {kind.value for kind in (ResourceKind.CODE, ResourceKind.MODEL, ResourceKind.ENVIRONMENT, ResourceKind.UPLOAD)}
"""What costs nothing to leave, and what other deployments of the same content share: leaving it is no failure."""


@dataclass(frozen=True)
class _Kept(Exception):
    """Something is left on purpose; the reason in words."""

    why: str


def removable(ctx: Context) -> list[LedgerEntry]:
    """What clean-up would remove, in its order: created by this run, or being created when it was interrupted."""
    return in_order(ctx.journal.ledger(ctx.run))


def in_order(ledger: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """Of a run's ledger, what clean-up would remove, in its order."""
    ours = [entry for entry in ledger if entry.verdict in {Verdict.CREATED, Verdict.INTENDED}]
    return sorted(ours, key=lambda entry: _ORDER.index(entry.kind))


def clean(ctx: Context, keep: frozenset[str] = frozenset()) -> RunFinished:
    """Remove everything that the run created, but what stands in `keep` (ids) and what that needs.

    What cannot be removed is reported with the reason; the run can be cleaned again.
    """
    try:
        return _clean(ctx, keep)
    except JournalError as error:
        event = RunFinished(
            run=ctx.run,
            outcome=Outcome.FAILED,
            failure=Failure(code="mi-tui/journal", message=str(error)),
            next=f"'mi-tui down {ctx.run}' tries again.",
        )
        ctx.emit(event)
        return event


def _clean(ctx: Context, keep: frozenset[str]) -> RunFinished:
    removed: list[str] = []
    left: list[Left] = []
    failures: list[Failure] = []
    kept_on_wish = keeping.kept(removable(ctx), keep)
    for entry in removable(ctx):
        if entry.id in kept_on_wish:
            left.append(Left(entry.kind.value, entry.name, entry.id, kept_on_wish[entry.id]))
            continue
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
        along = entry.kind is ResourceKind.ENDPOINT and bool(removed)
        gone = "went with its deployment" if along else "was gone already"
        ctx.emit(_finished(ctx, step, title, "removed", began, "" if was_there else gone, entry.id))
    standing = [item for item in left if item.kind not in _FREE and item.id not in kept_on_wish]
    if standing and not failures and not ctx.stop.is_set():
        # On purpose, and still not what was asked for: who waits for the end of the bill must not read a success.
        failures.append(
            Failure(
                code="mi-tui/left",
                message=f"{len(standing)} of what this run made is left, each for the reason that is told with it.",
                advice="What is in the way is somebody else's: once it is gone, clean up again.",
            )
        )
    outcome = Outcome.LEFT_RUNNING if ctx.stop.is_set() else Outcome.FAILED if failures else Outcome.SUCCEEDED
    done = not standing and not failures and not kept_on_wish and not ctx.stop.is_set()
    state = (
        RunState.REMOVED if done else RunState.FAILED if failures and not ctx.stop.is_set() else RunState.LEFT_RUNNING
    )
    ctx.journal.end_run(ctx.run, state)
    used = [entry for entry in ctx.journal.ledger(ctx.run) if entry.verdict is Verdict.EXISTED]
    left += [Left(entry.kind.value, entry.name, entry.id, "this run did not make it") for entry in used]
    event = RunFinished(
        run=ctx.run, outcome=outcome, failure=failures[0] if failures else None, removed=tuple(removed), left=tuple(left),
        next="" if done else f"'mi-tui down {ctx.run}' {'tries again' if failures else 'removes what is left'}.",
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
    info = endpoints.get(ctx.session, ctx.group, ctx.workspace, front)
    if info is None:
        return False
    ours = deployments.get(ctx.session, ctx.group, ctx.workspace, front, entry.name)
    if ours is not None:
        _must_be_ours(ctx, entry, ours.tags)
    others = _others(ctx)
    if not others and ctx.made(info.id, info.tags):
        # The endpoint is ours too: deleting it takes the deployment along, in one operation instead of three.
        watch("goes with its endpoint")
        endpoints.delete(ctx.session, ctx.group, ctx.workspace, front, watch, stop=ctx.stop)
        return ours is not None
    if info.traffic.get(entry.name):
        before = json.loads(ctx.fact("traffic_before") or "{}")
        shares = given_back(info.traffic, before, entry.name, {found.name for found in others})
        endpoints.wait_settled(ctx.session, ctx.group, ctx.workspace, front, watch=watch, stop=ctx.stop)
        endpoints.set_traffic(ctx.session, ctx.group, ctx.workspace, front, shares, watch, stop=ctx.stop)
    ctx.note("traffic_before", "")
    return deployments.delete(ctx.session, ctx.group, ctx.workspace, front, entry.name, watch, stop=ctx.stop)


def given_back(now: dict[str, int], before: dict[str, int], name: str, there: set[str]) -> dict[str, int]:
    """The traffic when deployment `name` goes: to those who share it now, else to those who had it before, in their proportion.

    Azure takes a sum of 0 or 100 only.
    """
    for known in (now, before):
        others = {other: share for other, share in known.items() if other != name and other in there and share > 0}
        total = sum(others.values())
        if total:
            shares = {other: share * 100 // total for other, share in others.items()}
            shares[max(others, key=lambda other: others[other])] += 100 - sum(shares.values())
            return shares
    return {}


def _others(ctx: Context) -> list[deployments.DeploymentInfo]:
    """The deployments of the run's endpoint that the run did not make; none when the endpoint is gone."""
    front = ctx.plan.answers.endpoint.name
    if endpoints.get(ctx.session, ctx.group, ctx.workspace, front) is None:
        return []
    found = deployments.list_all(ctx.session, ctx.group, ctx.workspace, front)
    return [info for info in found if not ctx.made(info.id, info.tags)]


def _everywhere(ctx: Context) -> list[deployments.DeploymentInfo]:
    """The deployments of the workspace that the run did not make: azure-ai-ml reuses registered code of the same content for them."""
    if ctx.strangers is None:
        ctx.strangers = [
            info
            for front in endpoints.list_all(ctx.session, ctx.group, ctx.workspace)
            for info in deployments.list_all(ctx.session, ctx.group, ctx.workspace, front.name)
            if not ctx.made(info.id, info.tags)
        ]
    return ctx.strangers


def _must_be_ours(ctx: Context, entry: LedgerEntry, tags: dict[str, str]) -> None:
    """Of an intent whose outcome nobody saw, the tag tells whether it was this run's call that made the resource."""
    if entry.verdict is Verdict.INTENDED and tags.get(RUN_TAG) != ctx.run:
        raise _Kept("it does not carry this run's tag: somebody else made it")


def _endpoint(ctx: Context, entry: LedgerEntry, watch: Watch) -> bool:
    info = endpoints.get(ctx.session, ctx.group, ctx.workspace, entry.name)
    if info is None:
        return False
    _must_be_ours(ctx, entry, info.tags)
    others = _others(ctx)
    if others:
        raise _Kept(f"it has a deployment that this run did not make: {', '.join(found.name for found in others)}")
    return endpoints.delete(ctx.session, ctx.group, ctx.workspace, entry.name, watch, stop=ctx.stop)


def _grant(ctx: Context, entry: LedgerEntry, watch: Watch) -> bool:
    stays = ctx.plan.answers.identity.kind is IdentityKind.UAI and ctx.ours(ctx.plan.resource("endpoint").id)
    if stays and not _for_data(ctx, entry) and grants.get(ctx.session, entry.id) is not None:
        raise _Kept("the endpoint is left, and fetches its image, model and code with it")
    return grants.delete(ctx.session, entry.id)


def _for_data(ctx: Context, entry: LedgerEntry) -> bool:
    """Whether a grant is the one on the data, which this clean-up removes too."""
    account = ctx.plan.resource("storage-account").id.rstrip("/").lower()
    return entry.id.lower().startswith(f"{account}/")


def _blob(ctx: Context, entry: LedgerEntry, watch: Watch) -> bool:
    account = _account_info(ctx)
    where = ctx.plan.answers.storage
    if account is None:
        return False
    try:
        return blobs.delete(ctx.session, account, where.container, where.blob, ctx.fact("blob_etag"))
    except ServiceError as error:
        if error.status != 412:
            raise
        raise _Kept("its content was replaced since this run uploaded it") from error


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
    _must_be_ours(ctx, entry, account.tags)
    others = storage.list_containers(ctx.session, account.group, account.name)
    if others:
        raise _Kept(f"it holds container(s) that this run did not make or had to leave: {', '.join(others[:3])}")
    return storage.delete_account(ctx.session, account.group, account.name)


def _account_info(ctx: Context) -> storage.AccountInfo | None:
    planned = ctx.plan.resource("storage-account")
    return storage.get_account(ctx.session, names.parse_id(planned.id).group, planned.name)


def _asset(ctx: Context, entry: LedgerEntry, watch: Watch) -> bool:
    for info in _everywhere(ctx):
        if any(names.same_id(entry.id, used) for used in (info.model_id, info.code_id, info.environment_id) if used):
            raise _Kept(f"the deployment {info.name} uses it")
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
        if any(kept.kind is ResourceKind.CODE for kept in removable(ctx)):
            raise _Kept("the registered code that lies there is left")
        return storage.delete_container(ctx.session, planned.group, planned.name, where.container)
    users = [
        kept for kept in assets.model_uris(ctx.session, ctx.group, ctx.workspace) if where.prefix.rstrip("/") in kept
    ]
    if users:
        raise _Kept("a registered model that is left uses them")
    return blobs.delete_prefix(ctx.session, account, where.container, where.prefix) > 0


def _identity(ctx: Context, entry: LedgerEntry, watch: Watch) -> bool:
    parsed = names.parse_id(entry.id)
    info = identities.get(ctx.session, parsed.group, parsed.name)
    if info is None:
        return False
    _must_be_ours(ctx, entry, info.tags)
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
