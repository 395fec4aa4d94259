"""What a run made, found from its mark alone: for the machine that has no journal of it. Reads only.

Found are, in one subscription and workspace: endpoints, deployments, identities and storage accounts by the tag `mi-tui-run`; registered
versions by it, under the names that the run gives them; containers and blobs by the metadata `mi_tui_run`, in the workspace's
resource group and wherever the run gave rights; role assignments by their
description, or by the computed name and a principal that was found; and the uploaded files of a version that was found, when they came
right before it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

from mi_tui.engine import planner
from mi_tui.engine.context import OVERWRITTEN, call_of
from mi_tui.engine.patience import passes
from mi_tui.model import names, roles
from mi_tui.model.answers import RESERVED_TAG, Answers, Deployment, Endpoint, Identity, IdentityKind, Storage, Workspace
from mi_tui.model.plan import Action, Place, Plan, PlannedResource, ResourceKind
from mi_tui.services import activity, arm, assets, blobs, deployments, endpoints, identities, seen, storage, workspaces
from mi_tui.services.errors import ServiceError
from mi_tui.services.seen import METADATA_MARK, Seen
from mi_tui.services.session import Session

_BEFORE = 900.0
"""Seconds within which files are uploaded before the version that they belong to is registered."""

_SIDE_BY_SIDE = 8
_GAP = 3
"""How many names of code are looked for in vain, one after the other, before there are no more."""
_UNKNOWN = "unknown"


class Marked(Struct, frozen=True):
    """Something that carries the run's mark, with the evidence in words."""

    kind: ResourceKind
    id: str
    name: str
    evidence: str
    made: str = ""
    stamp: str = ""


class Found(Struct, frozen=True):
    """What carries a run's mark, and a plan that says where; `unseen` are sentences about what may not be looked at."""

    plan: Plan
    marked: tuple[Marked, ...]
    unseen: tuple[str, ...]


def find(session: Session, group: str, workspace: str, run: str) -> Found:
    """Everything that carries the run's mark. Raises ServiceError when the workspace itself cannot be read, and for what
    passes by itself."""
    space = workspaces.get(session, group, workspace)
    look = _Look(session, group, workspace, space.storage_id, run)
    marked = tuple(look.everything())
    return Found(_plan(session, group, workspace, space, marked), marked, tuple(look.unseen))


class _Look:
    def __init__(self, session: Session, group: str, workspace: str, own_storage: str, run: str) -> None:
        self._session, self._group, self._workspace, self._run = session, group, workspace, run
        self._own_storage = own_storage
        self._space = names.workspace_id(session.subscription_id, group, workspace)
        self._tag = f"tag {RESERVED_TAG}={run}"
        self._principals: set[str] = set()
        self.unseen: list[str] = []

    def everything(self) -> Iterator[Marked]:
        yield from self._seen("endpoints", self._without_found(self._serving()))
        yield from self._seen("identities", self._without_found(self._identities()))
        containers = list(self._seen("storage accounts", self._without_found(self._storage())))
        yield from containers
        yield from self._seen("blobs", self._blobs([c for c in containers if c.kind is ResourceKind.CONTAINER]))
        yield from self._seen("registered versions", self._assets())
        yield from self._seen("role assignments", self._without_found(self._grants()))

    def _seen(self, what: str, found: Iterable[Marked]) -> Iterator[Marked]:
        """What could be seen; a refusal is noted and keeps nothing else from being found."""
        try:
            yield from found
        except ServiceError as error:
            if passes(error.failure):
                raise
            self.unseen.append(f"The {what} could not all be read: {error.failure.sentence()}")

    def _without_found(self, marked: Iterable[Marked]) -> Iterator[Marked]:
        """Without what Azure's activity log says that the run's call found there: that put the mark on what is somebody else's."""
        for thing in marked:
            if thing.kind in OVERWRITTEN and self._was_there(thing.id):
                self.unseen.append(
                    f"The {thing.kind.value} {thing.name} carries the run's mark, but Azure's activity log says that the run's call found it "
                    "there: it is somebody else's, and is left."
                )
            else:
                yield thing

    def _was_there(self, resource_id: str) -> bool:
        since = self._session.operations.azure_time() - activity.KEPT
        try:
            return activity.made(self._session, resource_id, call_of(self._run, resource_id), since) is False
        except ServiceError as error:
            if passes(error.failure):
                raise
            return False  # nobody will tell: the right is missing, or the provider of the log

    def _as(self, kind: ResourceKind, resource_id: str, name: str, evidence: str) -> Marked | None:
        found = seen.look(self._session, resource_id)
        return Marked(kind, resource_id, name, evidence, found.made, found.stamp) if found else None

    def _serving(self) -> Iterator[Marked]:
        for front in endpoints.list_all(self._session, self._group, self._workspace):
            if front.tags.get(RESERVED_TAG) == self._run:
                if front.principal_id:
                    self._principals.add(front.principal_id.lower())
                if thing := self._as(ResourceKind.ENDPOINT, front.id, front.name, self._tag):
                    yield thing
            for back in deployments.list_all(self._session, self._group, self._workspace, front.name):
                made = back.tags.get(RESERVED_TAG) == self._run
                if made and (thing := self._as(ResourceKind.DEPLOYMENT, back.id, back.name, self._tag)):
                    yield thing

    def _identities(self) -> Iterator[Marked]:
        for info in identities.list_all(self._session):
            if info.tags.get(RESERVED_TAG) == self._run:
                self._principals.add(info.principal_id.lower())
                yield Marked(ResourceKind.IDENTITY, info.id, info.name, self._tag, "", info.principal_id)

    def _storage(self) -> Iterator[Marked]:
        """Accounts by tag, and containers by metadata in them, in every other account of the resource group, and in those of other groups
        on which, or in which, a marked assignment gives rights."""
        granted = [f"{scope.lower()}/" for scope in self._scopes()]
        for account in storage.list_accounts(self._session):
            ours = account.tags.get(RESERVED_TAG) == self._run
            if ours and (thing := self._as(ResourceKind.STORAGE_ACCOUNT, account.id, account.name, self._tag)):
                yield thing
            beneath = f"{account.id.lower()}/"
            if (
                ours
                or account.group.lower() == self._group.lower()
                or any(scope.startswith(beneath) for scope in granted)
            ):
                yield from self._seen(
                    f"containers of {account.name}", self._containers(account.id, account.group, account.name)
                )

    def _containers(self, account_id: str, group: str, account: str) -> Iterator[Marked]:
        found = storage.list_containers(self._session, group, account)
        ids = [names.container_id(account_id, name) for name in found]
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            looks = list(pool.map(lambda one: seen.look(self._session, one), ids))
        for name, identifier, look in zip(found, ids, looks, strict=True):
            if look is not None and look.run == self._run:
                yield Marked(ResourceKind.CONTAINER, identifier, name, f"metadata {look.stamp}", look.made, look.stamp)

    def _blobs(self, containers: list[Marked]) -> Iterator[Marked]:
        """Blobs by metadata in the containers that were found, and in those on which a marked assignment gives rights."""
        places = {container.id.lower(): container.id for container in containers}
        for scope in self._scopes():
            if "/blobservices/default/containers/" in scope.lower():
                places.setdefault(scope.lower(), scope)
        for container_id in places.values():
            parsed = names.parse_id(container_id)
            account = storage.get_account(self._session, parsed.group, parsed.segments[0][1])
            if account is None:
                continue
            for blob in blobs.list_marked(self._session, account, parsed.name, METADATA_MARK, self._run):
                identifier = planner.blob_id(container_id, blob.name)
                words = f"metadata {METADATA_MARK}={self._run}"
                yield Marked(ResourceKind.BLOB, identifier, blob.name, words, blob.made, blob.etag)

    def _assets(self) -> Iterator[Marked]:
        query = {"listViewType": "All"}
        for kind, ending in ((ResourceKind.MODEL, "model"), (ResourceKind.ENVIRONMENT, "env")):
            path = f"{self._space}/{kind.value}s"
            for item in arm.list_all(self._session, path, assets.API_VERSION, query):
                name = arm.text(item, "name")
                if name.endswith(f"-{self._run}-{ending}"):
                    yield from self._version(
                        kind, names.asset_id(self._space, f"{kind.value}s", name, "1"), f"{kind.value}s/{name}:1"
                    )
        number = missed = 0
        while missed < _GAP:  # code whose content was registered before has left out a number
            number += 1
            code = planner.code_name(self._run, number)
            found = list(
                self._version(ResourceKind.CODE, names.asset_id(self._space, "codes", code, "1"), f"codes/{code}:1")
            )
            missed = 0 if found else missed + 1
            yield from found

    def _version(self, kind: ResourceKind, identifier: str, name: str) -> Iterator[Marked]:
        item = arm.get(self._session, identifier, assets.API_VERSION)
        if item is None:
            return
        look = seen.of(item, identifier)
        if look.run not in {self._run, ""}:
            return
        words = self._tag if look.run else "the name that only this run gives"
        yield Marked(kind, identifier, name, words, look.made)
        uri = arm.text(item, "properties", "modelUri") or arm.text(item, "properties", "codeUri")
        if uri:
            yield from self._files(uri, name, look)

    def _files(self, uri: str, name: str, version: Seen) -> Iterator[Marked]:
        """The files of a version, when all of them were uploaded right before it was registered: else others put them there."""
        where = assets.parse_data_uri(uri, *assets.datastore_container(self._session, self._group, self._workspace))
        own = names.parse_id(self._own_storage)
        if where is None or where.account.lower() != own.name.lower():
            return
        account = storage.get_account(self._session, own.group, own.name)
        if account is None:
            return
        moments = [
            blob.made for blob in blobs.list_marked(self._session, account, where.container, "", "", where.prefix)
        ]
        if moments and all(_right_before(moment, version.made) for moment in moments):
            place = uri if where.owns_container else f"azureml://datastores/{assets.DATASTORE}/paths/{where.prefix}"
            words = f"uploaded at {min(moments)}, right before {name} was registered"
            yield Marked(ResourceKind.UPLOAD, place, f"files of {name}", words)

    def _assignments(self) -> list[arm.Json]:
        path = f"/subscriptions/{self._session.subscription_id}/providers/Microsoft.Authorization/roleAssignments"
        return list(arm.list_all(self._session, path, "2022-04-01"))

    def _scopes(self) -> list[str]:
        """Where the run gave rights; nowhere when that may not be read, which is said where the assignments themselves are looked for."""
        try:
            found = self._assignments()
        except ServiceError as error:
            if passes(error.failure):
                raise
            return []
        return [arm.text(item, "properties", "scope").rstrip("/") for item in found if self._marks(item)]

    def _marks(self, item: arm.Json) -> str:
        """How an assignment is known to be the run's, in words; empty when it is not."""
        if seen.of(item).run == self._run:
            return f"description {RESERVED_TAG}={self._run}"
        who, scope = arm.text(item, "properties", "principalId"), arm.text(item, "properties", "scope")
        role = arm.text(item, "properties", "roleDefinitionId").rsplit("/", 1)[-1]
        if who.lower() in self._principals and arm.text(item, "name").lower() == names.role_assignment_name(
            scope, who, role
        ):
            return f"the name that mi-tui computes, and the principal {who} that this run made"
        return ""

    def _grants(self) -> Iterator[Marked]:
        for item in self._assignments():
            words = self._marks(item)
            if words:
                scope = arm.text(item, "properties", "scope")
                role = roles.by_guid(arm.text(item, "properties", "roleDefinitionId").rsplit("/", 1)[-1])
                name = f"{role.name if role else 'a role'} on {scope.rstrip('/').rsplit('/', 1)[-1]}"
                yield Marked(ResourceKind.GRANT, arm.text(item, "id"), name, words, seen.of(item).made)


def _right_before(uploaded: str, registered: str) -> bool:
    try:
        first, second = (dt.datetime.fromisoformat(moment) for moment in (uploaded, registered))
    except ValueError:
        return False
    first, second = (at if at.tzinfo else at.replace(tzinfo=dt.UTC) for at in (first, second))
    return -5 <= (second - first).total_seconds() <= _BEFORE


def _plan(
    session: Session, group: str, workspace: str, space: workspaces.WorkspaceInfo, marked: tuple[Marked, ...]
) -> Plan:
    """A plan that says where the run played and what it is known by; it has no steps, so nothing of it can be gone on with."""

    def named(kind: ResourceKind, otherwise: str) -> str:
        return next((thing.name for thing in marked if thing.kind is kind), otherwise)

    identity = named(ResourceKind.IDENTITY, "")
    answers = Answers(
        workspace=Workspace(session.subscription_id, group, workspace),
        identity=Identity(IdentityKind.UAI if identity else IdentityKind.SAI, identity or None),
        storage=Storage(
            named(ResourceKind.STORAGE_ACCOUNT, _UNKNOWN), container=named(ResourceKind.CONTAINER, _UNKNOWN)
        ),
        endpoint=Endpoint(named(ResourceKind.ENDPOINT, _UNKNOWN)),
        deployment=Deployment("", "", "", name=named(ResourceKind.DEPLOYMENT, _UNKNOWN)),
    )
    place = Place(
        session.subscription_id, "", group, space.id, space.location, space.storage_id, space.registry_id, session.caller().name
    )  # fmt: skip
    used = PlannedResource("workspace", ResourceKind.WORKSPACE, workspace, Action.USE, space.id)
    return Plan(answers, place, (used,), (), ())
