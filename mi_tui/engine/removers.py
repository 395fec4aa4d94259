"""How each kind of resource is removed: by its id in the ledger, only while it is still the one that was made, waited for and verified."""

from __future__ import annotations

from dataclasses import dataclass

from mi_tui.engine import evidence, traffic
from mi_tui.engine.journal import LedgerEntry, Verdict
from mi_tui.engine.patience import passes
from mi_tui.engine.removal import (
    REMOVABLE,
    Kept,
    Removal,
    Remover,
    Watch,
    certain,
    session_of,
    still_ours,
    verify,
    why_another,
)
from mi_tui.model import names
from mi_tui.model.failure import Failure
from mi_tui.model.plan import ResourceKind
from mi_tui.services import assets, blobs, deployments, endpoints, grants, identities, seen, storage
from mi_tui.services.endpoints import gone
from mi_tui.services.errors import ServiceError
from mi_tui.services.session import Session


@dataclass(frozen=True)
class _Front:
    """An endpoint by its id."""

    job: Removal
    session: Session
    group: str
    workspace: str
    name: str
    id: str

    @classmethod
    def of(cls, job: Removal, resource_id: str) -> _Front:
        """The endpoint in the id of an endpoint or of one of its deployments."""
        parsed = names.parse_id(resource_id)
        workspace, front = parsed.segments[0][1], parsed.segments[1][1]
        space = names.workspace_id(parsed.subscription, parsed.group, workspace)
        session = session_of(job.ctx, resource_id)
        return cls(job, session, parsed.group, workspace, front, names.endpoint_id(space, front))

    def get(self) -> endpoints.EndpointInfo | None:
        return certain(self.job, self.id, lambda: endpoints.get(self.session, self.group, self.workspace, self.name))

    def deployments(self) -> list[deployments.DeploymentInfo]:
        """Its deployments; none when it is gone."""

        def look() -> list[deployments.DeploymentInfo] | None:
            try:
                return deployments.list_all(self.session, self.group, self.workspace, self.name)
            except ServiceError as error:
                if error.status != 404:
                    raise
                return None

        return certain(self.job, self.id, look) or []


def _deployment(job: Removal, entry: LedgerEntry, watch: Watch) -> bool:
    front = _Front.of(job, entry.id)
    try:
        return _delete_deployment(job, entry, front, watch)
    except ServiceError as error:
        # A delete whose answer was lost goes on, and takes things away between two looks.
        if error.status == 404 and front.get() is None:
            return True
        raise


def _delete_deployment(job: Removal, entry: LedgerEntry, front: _Front, watch: Watch) -> bool:
    ctx, info = job.ctx, front.get()
    if info is None:
        return False
    if info.state.lower() == endpoints.DELETING:
        watch("goes with its endpoint")
        return endpoints.delete(front.session, front.group, front.workspace, front.name, watch, stop=ctx.stop)
    there = still_ours(job, entry)
    others = _others(job, front)
    if not others and job.ours(front.id) and _is_ours(job, front.id):
        # The endpoint is ours too: deleting it takes the deployment along, in one operation instead of three.
        watch("goes with its endpoint")
        _delete_endpoint(job, front, watch)
        return there
    if not there:
        return False
    if info.traffic.get(entry.name):
        before = traffic.before(ctx, front.name)
        shares = given_back(info.traffic, before, entry.name, {found.name for found in others})
        endpoints.wait_settled(front.session, front.group, front.workspace, front.name, watch=watch, stop=ctx.stop)
        endpoints.set_traffic(front.session, front.group, front.workspace, front.name, shares, watch, stop=ctx.stop)
    traffic.forget(ctx, front.name)
    return deployments.delete(front.session, front.group, front.workspace, front.name, entry.name, watch, stop=ctx.stop)


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


def _is_ours(job: Removal, resource_id: str) -> bool:
    entry = job.ctx.journal.entry(job.ctx.run, resource_id)
    found = certain(job, resource_id, lambda: seen.look(job.ctx.session, resource_id))
    return entry is not None and found is not None and not why_another(job, entry, found)


def _others(job: Removal, front: _Front) -> list[deployments.DeploymentInfo]:
    """The deployments of an endpoint that the run did not make; none when the endpoint is gone."""
    return [info for info in front.deployments() if not _made(job, info)]


def _made(job: Removal, info: deployments.DeploymentInfo) -> bool:
    entry = job.ctx.journal.entry(job.ctx.run, info.id)
    if entry is None or entry.verdict not in REMOVABLE:
        return False
    found = seen.look(job.ctx.session, info.id)
    return found is None or not evidence.another(entry, found, job.ctx.run)


def _everywhere(job: Removal) -> list[deployments.DeploymentInfo]:
    """The deployments of the workspace that the run did not make: azure-ai-ml reuses registered code of the same content for them.

    Read anew for each asset, as near to its deletion as can be: another deployment may have begun since the last look. One that has
    looked the code up and is not there yet cannot be seen.
    """
    ctx = job.ctx
    return [
        info
        for front in _fronts(job)
        for info in deployments.list_all(ctx.session, ctx.group, ctx.workspace, front.name)
        if not _made(job, info)
    ]


def _fronts(job: Removal) -> list[endpoints.EndpointInfo]:
    """The endpoints of the workspace; none when the workspace is gone."""
    ctx = job.ctx

    def look() -> list[endpoints.EndpointInfo] | None:
        try:
            return endpoints.list_all(ctx.session, ctx.group, ctx.workspace)
        except ServiceError as error:
            if error.status != 404:
                raise
            return None

    return certain(job, names.workspace_id(ctx.session.subscription_id, ctx.group, ctx.workspace), look) or []


def _endpoint(job: Removal, entry: LedgerEntry, watch: Watch) -> bool:
    front = _Front.of(job, entry.id)
    if not still_ours(job, entry):
        return False
    others = _others(job, front)
    if others:
        raise Kept(f"it has a deployment that this run did not make: {', '.join(found.name for found in others)}")
    _delete_endpoint(job, front, watch)
    return True


def _delete_endpoint(job: Removal, front: _Front, watch: Watch) -> None:
    """Delete an endpoint with its deployments, all of which are ours. Where Azure cannot do it in one, one after the other."""
    where = (front.session, front.group, front.workspace, front.name)
    stop = job.ctx.stop
    try:
        endpoints.delete(*where, watch, stop=stop)
    except ServiceError as error:
        if passes(error.failure):
            raise  # nothing is known of what the call did
        inside = front.deployments()
        if not inside or error.status in {401, 403} or "lock" in error.code.lower() or _others(job, front):
            raise
        watch("could not be deleted as a whole: its deployments first")
        info = front.get()
        if info is not None and any(info.traffic.values()):
            endpoints.wait_settled(*where, watch=watch, stop=stop)
            endpoints.set_traffic(*where, {}, watch, stop=stop)
        for one in inside:
            deployments.delete(*where, one.name, watch, stop=stop)
        endpoints.delete(*where, watch, stop=stop)
    job.taken.add(front.id.lower())


def _grant(job: Removal, entry: LedgerEntry, watch: Watch) -> bool:
    if not still_ours(job, entry):
        return False
    if job.ledger(ResourceKind.ENDPOINT) and not _for_data(job, entry):
        raise Kept("the endpoint is left, and fetches its image, model and code with it")
    was_there = grants.delete(job.ctx.session, entry.id)
    verify(job, entry)
    return was_there


def _for_data(job: Removal, entry: LedgerEntry) -> bool:
    """Whether a grant is one on the data, which this clean-up removes too."""
    accounts = [e.id for e in job.ctx.journal.ledger(job.ctx.run) if e.kind is ResourceKind.STORAGE_ACCOUNT]
    accounts += [r.id for r in job.ctx.plan.resources if r.kind is ResourceKind.STORAGE_ACCOUNT]
    return any(entry.id.lower().startswith(f"{account.rstrip('/').lower()}/") for account in accounts)


def _blob(job: Removal, entry: LedgerEntry, watch: Watch) -> bool:
    where, container, blob = evidence.blob_parts(entry.id)
    account = account_info(job, where)
    if account is None:
        return False
    session, etag = session_of(job.ctx, where), entry.stamp or job.ctx.fact("blob_etag")
    if entry.verdict is Verdict.INTENDED:
        # Nobody saw the outcome of the upload: the metadata tells whether it was this run's.
        marked = blobs.list_marked(session, account, container, seen.METADATA_MARK, job.ctx.run, blob)
        etag = next((found.etag for found in marked if found.name == blob), "")
        if not etag:
            if blobs.exists(session, account, container, blob):
                raise Kept("it does not carry this run's mark: somebody else put it there")
            return blobs.delete(session, account, container, blob)  # what a broken upload left: blocks without a blob
    try:
        return blobs.delete(session, account, container, blob, etag)
    except ServiceError as error:
        if error.status != 412:
            raise
        raise Kept("its content was replaced since this run uploaded it") from error


def account_info(job: Removal, resource_id: str) -> storage.AccountInfo | None:
    """The storage account in the id of one, or of what is in it; None when it is not there."""
    parsed, session = names.parse_id(resource_id), session_of(job.ctx, resource_id)
    group, name = parsed.group, parsed.segments[0][1]
    account = names.storage_account_id(parsed.subscription, group, name)
    return certain(job, account, lambda: storage.get_account(session, group, name))


def foreign_blobs(job: Removal, entry: LedgerEntry) -> list[str]:
    """The blobs of a container that this run did not put there, sorted; none when it is gone. Raises ServiceError."""
    ctx = job.ctx
    account = account_info(job, entry.id)
    if account is None or not storage.container_exists(
        session_of(ctx, entry.id), account.group, account.name, entry.name
    ):
        return []
    session, entries = session_of(ctx, entry.id), job.ledger(ResourceKind.BLOB)
    own = {e.id for e in entries if e.verdict is not Verdict.INTENDED}
    if len(own) < len(entries):
        marked = blobs.list_marked(session, account, entry.name, seen.METADATA_MARK, ctx.run)
        own |= {f"{entry.id}/blobs/{blob.name}" for blob in marked}
    found = blobs.list_names(session, account, entry.name)
    return sorted(name for name in found if f"{entry.id}/blobs/{name}" not in own)


def _container(job: Removal, entry: LedgerEntry, watch: Watch) -> bool:
    if not still_ours(job, entry):
        return False
    may_go = job.consent.get(entry.id.lower(), frozenset())
    session = session_of(job.ctx, entry.id)
    account = account_info(job, entry.id)
    if account is None:
        return False
    others = [name for name in blobs.list_names(session, account, entry.name) if name not in may_go]
    if others:
        raise Kept(f"it holds {len(others)} blob(s) that this run did not put there, such as {others[0]!r}")
    was_there = storage.delete_container(session, account.group, account.name, entry.name)
    verify(job, entry)
    return was_there


def _account(job: Removal, entry: LedgerEntry, watch: Watch) -> bool:
    if not still_ours(job, entry):
        return False
    parsed = names.parse_id(entry.id)
    session = session_of(job.ctx, entry.id)
    others = storage.list_containers(session, parsed.group, parsed.name)
    if others:
        raise Kept(f"it holds container(s) that this run did not make or had to leave: {', '.join(others[:3])}")
    if beside := storage.list_beside_blobs(session, entry.id):
        raise Kept(f"it holds what this run did not put there: {', '.join(beside[:3])}")
    was_there = storage.delete_account(session, parsed.group, parsed.name)
    verify(job, entry)
    return was_there


def _asset(job: Removal, entry: LedgerEntry, watch: Watch) -> bool:
    for info in _everywhere(job):
        if any(names.same_id(entry.id, used) for used in (info.model_id, info.code_id, info.environment_id) if used):
            raise Kept(f"the deployment {info.name} uses it")
    if not still_ours(job, entry):
        if entry.kind is ResourceKind.CODE and entry.verdict is Verdict.INTENDED:
            name, version = names.parse_id(entry.id).segments[-2][1], names.parse_id(entry.id).name
            assets.drop_upload(job.ctx.session, job.ctx.group, job.ctx.workspace, name, version, job.ctx.call(entry.id))
        assets.delete_empty(session_of(job.ctx, entry.id), entry.id)  # the version is gone, the asset may not be
        return False
    was_there = assets.delete(session_of(job.ctx, entry.id), entry.id)
    verify(job, entry)
    return was_there


def _upload(job: Removal, entry: LedgerEntry, watch: Watch) -> bool:
    ctx = job.ctx
    planned = names.parse_id(ctx.plan.place.workspace_storage_id)
    try:
        account_name, container = assets.datastore_container(ctx.session, ctx.group, ctx.workspace)
    except ServiceError as error:
        if error.status != 404:
            raise
        account_name, container = planned.name, ""  # the workspace is gone
    where = assets.parse_data_uri(entry.id, account_name, container)
    if where is None or where.account.lower() != planned.name.lower():
        raise Kept("the files do not lie in the workspace's own storage account")
    if not where.container:
        raise Kept("the workspace is gone, and only it tells in which container the files lie")
    session = session_of(ctx, ctx.plan.place.workspace_storage_id)
    account = account_info(job, ctx.plan.place.workspace_storage_id)
    if account is None:
        return False
    if where.owns_container:
        if job.ledger(ResourceKind.CODE):
            raise Kept("the registered code that lies there is left")
        was_there = storage.delete_container(session, planned.group, planned.name, where.container)
        what = f"The container {where.container!r}"
        gone(
            lambda: storage.container_exists(session, planned.group, planned.name, where.container) or None,
            what,
            ctx.stop,
        )
        return was_there
    try:
        kept = assets.model_uris(ctx.session, ctx.group, ctx.workspace)
    except ServiceError as error:
        if error.status != 404:
            raise
        kept = []
    if any(where.prefix.rstrip("/") in uri for uri in kept):
        raise Kept("a registered model that is left uses them")
    return blobs.delete_prefix(session, account, where.container, where.prefix) > 0


def _identity(job: Removal, entry: LedgerEntry, watch: Watch) -> bool:
    if not still_ours(job, entry):
        return False
    users = [
        info.name for info in _fronts(job) if any(names.same_id(entry.id, attached) for attached in info.identity_ids)
    ]
    if users:
        raise Kept(f"the endpoint {users[0]} uses it")
    parsed = names.parse_id(entry.id)
    was_there = identities.delete(session_of(job.ctx, entry.id), parsed.group, parsed.name)
    verify(job, entry)
    return was_there


def _never(job: Removal, entry: LedgerEntry, watch: Watch) -> bool:
    raise ServiceError(Failure(code="mi-tui/never", message="mi-tui never removes a workspace."))


REMOVERS: dict[ResourceKind, Remover] = {
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
    ResourceKind.WORKSPACE: _never,
}
