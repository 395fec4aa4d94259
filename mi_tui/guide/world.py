"""World: what is so now, read side by side and bounded in time. Every read may fail; its part is unknown then, and why is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mi_tui.guide import instead, needs
from mi_tui.guide.case import NO_REGISTRY, World
from mi_tui.guide.subject import Subject
from mi_tui.model import names
from mi_tui.model.capacity import Capacity
from mi_tui.model.failure import Failure
from mi_tui.model.plan import Grant
from mi_tui.services import (
    blobs,
    capacity,
    deployments,
    endpoints,
    identities,
    metrics,
    providers,
    storage,
    subscriptions,
    workspaces,
)
from mi_tui.services.deployments import Container, DeploymentInfo, Logs
from mi_tui.services.endpoints import EndpointInfo
from mi_tui.services.errors import ServiceError
from mi_tui.services.identities import IdentityInfo
from mi_tui.services.session import Session
from mi_tui.services.storage import AccountInfo
from mi_tui.services.together import Look, Together
from mi_tui.services.workspaces import WorkspaceInfo

ABSENT = "absent"
NAMESPACES = ("Microsoft.MachineLearningServices", "Microsoft.PolicyInsights", "Microsoft.Cdn")
"""The providers that a first endpoint in a subscription needs (mslearn-mlops#72)."""

CONTAINERS: tuple[Container, ...] = ("inference-server", "storage-initializer")
_TAIL = 300
"""Lines of each container's log that are looked at."""
_BUILD, _CONDA = 60_000, 100_000
"""Bytes of the end of a build's log, and of a conda file, that are looked at."""

KINDS = {"systemassigned": "sai", "userassigned": "uai"}


@dataclass(frozen=True)
class Sight:
    """What was seen. `unknown` says of each read that did not answer why, by what it was about."""

    world: World
    failure: Failure | None = None
    """How the last operation of the deployment, or else of the endpoint, failed, where Azure still tells it."""
    logs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    no_log: Mapping[str, str] = field(default_factory=dict)
    """Of each container without a log, why there is none in Azure's words."""
    others: tuple[str, ...] = ()
    """The endpoint's other deployments."""
    scoring_uri: str = ""
    unknown: Mapping[str, Failure] = field(default_factory=dict)


def look(subject: Subject, seconds: float) -> Sight:
    """See what is so now, for `seconds` at most; what has not answered by then is unknown. Changes nothing; never raises ServiceError."""
    with Together(subject.session, seconds) as together:
        return _Looking(subject, together).sight()


def states(found: World) -> dict[str, str]:
    """The states that are known, by what they are of."""
    known = {"endpoint": found.endpoint_state, "deployment": found.deployment_state}
    return {what: state for what, state in known.items() if state}


class _Looking:
    """One look. What has to be known first stands first; whatever can be asked at once is."""

    def __init__(self, subject: Subject, together: Together) -> None:
        self._subject, self._together = subject, together
        self._session = subject.session
        self._begin = together.begin

    def sight(self) -> Sight:
        """Read everything, and put it together."""
        subject, session, begin = self._subject, self._session, self._begin
        where = (subject.group, subject.workspace, subject.endpoint)
        space = begin("the workspace", lambda: workspaces.get(session, *where[:2]))
        elsewhere = begin("where the workspace is", lambda: self._elsewhere_is(space)) if subject.answers else None
        front = begin("the endpoint", lambda: endpoints.get(session, *where))
        backs = begin("the deployments", lambda: self._deployments(where))
        owner = begin("the subscription", lambda: subscriptions.get(session))
        registered = {name: begin(f"the provider {name}", _provider(session, name)) for name in NAMESPACES}
        caller = begin("who is signed in", session.caller)
        room = begin("machine sizes and quota", lambda: self._capacity(space)) if subject.wish.sizes else None
        build = begin("the log of the image build", self._build) if subject.wish.build else None
        identity = begin("the identity", lambda: self._identity(front.value()))
        principal = self._principal(front, identity)
        account = begin("the storage account", lambda: self._account(lambda: self._one(backs)))
        wanted = subject.grants if subject.grants is not None else self._needs(space, backs, account)
        held = [
            (need, begin(f"role assignments on {need.scope_words}", needs.held(session, need, principal)))
            for need in wanted
        ]
        granting = begin("your own rights", needs.may_grant(session, wanted[0].scope)) if wanted else None
        container, blob = self._place(backs)
        has_container = (
            begin(f"the container {container}", self._has_container(account, container)) if container else None
        )
        has_blob = begin(f"the blob {blob}", self._has_blob(account, container, blob)) if container and blob else None
        own = begin("the workspace's storage account", lambda: self._own(space.value()))
        back, begun = self._one(backs), front.value()
        logs = (
            {name: begin(f"the log of {name}", self._log(back, name)) for name in CONTAINERS}
            if back and subject.logs
            else {}
        )
        points = begin("the metric DeploymentCapacity", self._points(back)) if back else None
        ended = begin("the last operation", self._ended(back, begun))
        free = self._free_names(space)

        there, mine = space.value(), account.value()
        subscription, who, workspace_account = owner.value(), caller.value(), own.value()
        machines = instead.room(subject, room.value() if room else None, back)
        sai = begun.principal_id if begun else None
        found, named = identity.value(), self._account_name(back)
        world = World(
            sandbox=subject.sandbox,
            subscription=session.subscription_id,
            subscription_state=subscription.state if subscription else "",
            location=self._location(space),
            providers=_known(registered),
            caller=who.name if who else "",
            caller_id=who.object_id if who else "",
            may_grant=granting.value() if granting else None,
            clock_skew=session.operations.skew(),
            resource_group=subject.group,
            workspace=subject.workspace,
            workspace_group=_name(elsewhere),
            workspace_public=there.public_network_access if there else None,
            v1_legacy=there.v1_legacy if there else None,
            managed_network=_network(there),
            registry_id=(there.registry_id or NO_REGISTRY) if there else None,
            workspace_storage_id=there.storage_id if there else "",
            workspace_shared_keys=workspace_account.shared_keys if workspace_account else None,
            endpoint=subject.endpoint,
            endpoint_state=begun.state if begun else "" if front.failure else ABSENT,
            traffic=begun.traffic if begun else None,
            identity_kind=KINDS.get(begun.identity_kind.lower(), "") if begun else "",
            identity_id=begun.identity_ids[0] if begun and begun.identity_ids else "",
            identity_exists=None if identity.failure or not begun else bool(found or sai),
            principal_id=principal,
            client_id=subject.client_id or (found.client_id if found else ""),
            grants=tuple(needs.state(session, need, principal, look) for need, look in held),
            deployment=back.name if back else subject.deployment,
            deployment_state=back.state if back else "" if backs.failure else ABSENT,
            instance_type=back.instance_type if back else self._asked()[0],
            instance_count=back.instance_count if back else self._asked()[1],
            variables=back.environment_variables if back else None,
            conda=self._conda(),
            capacity_points=points.value() if points else None,
            account=mine.name if mine else named,
            account_group=self._group_of(account, named),
            container=container,
            blob=blob,
            # Before there is a deployment that asks for it, an account that is not there is still to be made.
            account_exists=True if mine else None if account.failure or back is None else False if named else None,
            container_exists=has_container.value() if has_container else None,
            blob_exists=has_blob.value() if has_blob else None,
            storage_public=mine.public_network if mine else None,
            storage_default_action="" if mine is None else "Deny" if mine.firewall else "Allow",
            shared_keys=mine.shared_keys if mine else None,
            fit=machines.fit,
            fitting=machines.fitting,
            free_endpoint=_name(free.get("endpoint")),
            free_account=_name(free.get("account")),
            free_deployment=_name(free.get("deployment")),
        )
        texts = {name: look.value() for name, look in logs.items()}
        read: dict[str, tuple[str, ...]] = {}
        read |= {
            str(name): tuple(log.text.splitlines()) for name, log in texts.items() if log is not None and log.available
        }
        if build is not None and (log := build.value()):
            read["build"] = tuple(log.splitlines())
        return Sight(
            world,
            failure=ended.value(),
            logs=read,
            no_log={str(name): log.sentence for name, log in texts.items() if log is not None and not log.available},
            others=tuple(one.name for one in backs.value() or () if back is None or one.name != back.name),
            scoring_uri=begun.scoring_uri if begun else "",
            unknown=self._together.unknown(),
        )

    def _elsewhere_is(self, space: Look[WorkspaceInfo]) -> str:
        """The resource group of the subscription where a workspace of the name is that is not in the one that was asked; empty: none is."""
        if space.value() is not None or space.failure is None or space.failure.status not in {403, 404}:
            return ""
        wanted = self._subject.workspace.lower()
        return next((one.group for one in workspaces.list_all(self._session) if one.name.lower() == wanted), "")

    # ---- endpoint and deployment

    def _deployments(self, where: tuple[str, str, str]) -> list[DeploymentInfo]:
        """The deployment that is meant alone, where a run looks at its own; else all of the endpoint."""
        subject = self._subject
        if subject.grants:
            found = deployments.get(self._session, *where, subject.deployment)
            return [found] if found else []
        try:
            return deployments.list_all(self._session, *where)
        except ServiceError as error:
            if error.status == 404:
                return []  # there is no such endpoint, which its own read says
            raise

    def _one(self, backs: Look[list[DeploymentInfo]]) -> DeploymentInfo | None:
        """The deployment that is looked at."""
        found = backs.value() or []
        if self._subject.deployment:
            return next((one for one in found if one.name.lower() == self._subject.deployment.lower()), None)
        return min(found, key=lambda one: (one.state.lower() == "succeeded", one.name), default=None)

    def _asked(self) -> tuple[str, int]:
        answers = self._subject.answers
        return (answers.deployment.instance_type, answers.deployment.instance_count) if answers else ("", 0)

    def _log(self, back: DeploymentInfo, container: Container) -> Callable[[], Logs]:
        subject = self._subject
        return lambda: deployments.logs(
            self._session, subject.group, subject.workspace, subject.endpoint, back.name, container, _TAIL
        )

    def _points(self, back: DeploymentInfo) -> Callable[[], int]:
        return lambda: metrics.points(self._session, back.id, metrics.CAPACITY, back.made)

    def _ended(self, back: DeploymentInfo | None, front: EndpointInfo | None) -> Callable[[], Failure | None]:
        """How the last operation of what is not in order failed."""
        broken = [
            one.operation for one in (back, front) if one is not None and one.state.lower() in {"failed", "canceled"}
        ]
        return lambda: deployments.ended(self._session, broken[0]) if broken else None

    def _build(self) -> str:
        account, container, path = self._subject.wish.build or ("", "", "")
        return blobs.end_of(self._session, account, container, path, _BUILD)

    def _conda(self) -> str:
        """The text of the run's conda file; empty where it cannot be read any more."""
        answers = self._subject.answers
        if answers is None:
            return ""
        try:
            with Path(answers.deployment.conda).open("rb") as file:
                return file.read(_CONDA).decode("utf-8", "replace")
        except OSError:
            return ""

    # ---- identity and grants

    def _identity(self, front: EndpointInfo | None) -> IdentityInfo | None:
        """The user-assigned identity of the endpoint; None when it has none, or it is gone."""
        if front is None or not front.identity_ids:
            return None
        parsed = names.parse_id(front.identity_ids[0])
        session = self._elsewhere(parsed.subscription)
        return identities.get(session, parsed.group, parsed.name)

    def _principal(self, front: Look[EndpointInfo | None], identity: Look[IdentityInfo | None]) -> str:
        if self._subject.principal_id:
            return self._subject.principal_id
        found = front.value()
        if found is None:
            return ""
        if found.principal_id:
            return found.principal_id
        uai = identity.value()
        return uai.principal_id if uai else ""

    def _needs(
        self, space: Look[WorkspaceInfo], backs: Look[list[DeploymentInfo]], account: Look[AccountInfo | None]
    ) -> tuple[Grant, ...]:
        return needs.needs(self._subject.endpoint, space.value(), account.value(), self._place(backs)[0])

    # ---- storage

    def _account_name(self, back: DeploymentInfo | None) -> str:
        answers = self._subject.answers
        return (
            answers.storage.account
            if answers
            else (back.environment_variables if back else {}).get("STORAGE_ACCOUNT_NAME", "")
        )

    def _account(self, back: Callable[[], DeploymentInfo | None]) -> AccountInfo | None:
        """The storage account that the script reads: the plan's, or the one that the variables name, wherever in the subscription it is."""
        if self._subject.account_id:
            parsed = names.parse_id(self._subject.account_id)
            return storage.get_account(self._elsewhere(parsed.subscription), parsed.group, parsed.name)
        wanted = self._account_name(back()).lower()
        if not wanted:
            return None
        return next((one for one in storage.list_accounts(self._session) if one.name.lower() == wanted), None)

    def _group_of(self, account: Look[AccountInfo | None], named: str) -> str | None:
        """Where an account of the name is that was looked for in the whole subscription; empty: nowhere; None: not known."""
        mine = account.value()
        if self._subject.account_id or not named or account.failure:
            return None
        return mine.group if mine else ""

    def _place(self, backs: Look[list[DeploymentInfo]]) -> tuple[str, str]:
        """Container and blob that the script reads."""
        answers = self._subject.answers
        if answers is not None:
            return answers.storage.container, answers.storage.blob
        back = self._one(backs)
        variables = back.environment_variables if back else {}
        return variables.get("STORAGE_CONTAINER_NAME", ""), variables.get("FILE_NAME", "")

    def _has_container(self, account: Look[AccountInfo | None], container: str) -> Callable[[], bool | None]:
        def read() -> bool | None:
            mine = account.value()
            if mine is None or names.CONTAINER.fault(container):
                return None
            return storage.container_exists(self._session, mine.group, mine.name, container)

        return read

    def _has_blob(self, account: Look[AccountInfo | None], container: str, blob: str) -> Callable[[], bool | None]:
        def read() -> bool | None:
            mine = account.value()
            return None if mine is None else blobs.there(self._session, mine, container, blob)

        return read

    def _own(self, space: WorkspaceInfo | None) -> AccountInfo | None:
        if space is None or not space.storage_id:
            return None
        parsed = names.parse_id(space.storage_id)
        return storage.get_account(self._elsewhere(parsed.subscription), parsed.group, parsed.name)

    # ---- what there is to take instead

    def _free_names(self, space: Look[WorkspaceInfo]) -> dict[str, Look[str]]:
        """Names that are free, each looked up, of what was wished for."""
        subject, session = self._subject, self._session
        where = (subject.group, subject.workspace, subject.endpoint)
        account, mine = self._account_name(None), subject.deployment
        reads: dict[str, Callable[[], str]] = {
            "endpoint": lambda: instead.free_endpoint(session, *where, self._location(space)),
            "account": lambda: instead.free_account(session, account) if account else "",
            "deployment": lambda: instead.free_deployment(session, *where, mine),
        }
        return {
            what: self._begin(f"a free name of the {what}", read)
            for what, read in reads.items()
            if what in subject.wish.names
        }

    def _location(self, space: Look[WorkspaceInfo]) -> str:
        there = None if self._subject.location else space.value()
        return there.location if there else self._subject.location

    # ---- machines

    def _capacity(self, space: Look[WorkspaceInfo]) -> Capacity | None:
        location = self._location(space)
        return capacity.read(self._session, location) if location else None

    def _elsewhere(self, subscription: str) -> Session:
        same = subscription.lower() == self._session.subscription_id.lower()
        return self._session if same else self._session.in_subscription(subscription)


def _name(look: Look[str] | None) -> str:
    return (look.value() if look else "") or ""


def _provider(session: Session, namespace: str) -> Callable[[], str]:
    return lambda: providers.state(session, namespace)


def _known(registered: Mapping[str, Look[str]]) -> dict[str, str] | None:
    """The states that could be read; None when none could."""
    found = {name: state for name, look in registered.items() if (state := look.value()) is not None}
    return found or None


def _network(space: WorkspaceInfo | None) -> str:
    if space is None:
        return ""
    return "Disabled" if space.isolation == "Disabled" else space.network_status or "Inactive"
