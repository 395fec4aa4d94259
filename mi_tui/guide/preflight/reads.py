"""What preflight reads: each call to Azure once, all that wait for nothing at the same time, and each with how long it took."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from msgspec import Struct

from mi_tui.guide.preflight.facts import PROVIDERS
from mi_tui.guide.preflight.once import Once, Waited
from mi_tui.model import names
from mi_tui.model.answers import Answers, IdentityKind
from mi_tui.services import (
    addresses,
    blobs,
    capacity,
    clock,
    deployments,
    endpoints,
    identities,
    policies,
    providers,
    rights,
    storage,
    subscriptions,
    workspaces,
)
from mi_tui.services.deployments import DeploymentInfo
from mi_tui.services.errors import ServiceError
from mi_tui.services.session import Session
from mi_tui.services.storage import AccountInfo

T = TypeVar("T")


class Known(Struct, frozen=True):
    """What an earlier look at the workspace told. With it, what hangs on the workspace is read beside it instead of after it; should
    the workspace turn out otherwise, it is read again."""

    location: str = ""
    storage_id: str = ""
    registry_id: str | None = None


class Reads:
    """The calls, as attributes; `result()` of one waits for it. Those that this plan does not need are never begun.

    What waits for what: everything for the token; the region's sizes and the endpoint's address, the workspace's own storage and
    rights on its registry for the workspace, unless `known` says where these are; the blob for its account.
    """

    def __init__(self, session: Session, answers: Answers, known: Known | None = None) -> None:
        self.session, self.answers = session, answers
        self.known = known or Known()
        self.all: list[Once[object]] = []
        self._gate = threading.Event()
        self._gate.set()
        where, store, who = answers.workspace, answers.storage, answers.identity
        self.uai = who.kind is IdentityKind.UAI
        group, subscription = where.resource_group, where.subscription
        self.store_group = store.resource_group or group
        self.identity_group = who.resource_group or group
        self.subscription_scope = f"/subscriptions/{subscription}"
        self.group_scope = names.group_id(subscription, group)
        self.workspace_scope = names.workspace_id(subscription, group, where.name)
        self.account_scope = names.storage_account_id(subscription, self.store_group, store.account)
        self.container_scope = names.container_id(self.account_scope, store.container)
        self.identity_scope = names.identity_id(subscription, self.identity_group, who.name or "")

        once = self._once
        self.clock = once("clock", clock.skew, free=True)
        self.caller = once("sign-in", session.caller, free=True)
        self.subscription = once("subscription", lambda: subscriptions.get(session))
        self.providers = {name: once(f"provider {name}", _provider(session, name)) for name in PROVIDERS}
        self.workspace = once("workspace", lambda: workspaces.get(session, group, where.name))
        self.account = once("storage account", lambda: storage.get_account(session, self.store_group, store.account))
        self.name_taken = once("storage account name", lambda: storage.check_name(session, store.account))
        self.endpoint = once("endpoint", lambda: endpoints.get(session, group, where.name, answers.endpoint.name))
        self.deployments = once("deployments", self._deployments)
        self.identity = once(
            "identity", lambda: identities.get(session, self.identity_group, who.name or ""), wanted=self.uai
        )
        self.on_subscription = self._rights("subscription", self.subscription_scope)
        self.on_group = self._rights("resource group", self.group_scope)
        self.on_workspace = self._rights("workspace", self.workspace_scope)
        self.on_account = self._rights("storage account", self.account_scope)
        self.on_container = self._rights("container", self.container_scope)
        self.on_identity = self._rights("identity", self.identity_scope, wanted=self.uai)
        self.on_identity_group = self.on_group
        if self.uai and self.identity_group.lower() != group.lower():
            scope = names.group_id(subscription, self.identity_group)
            self.on_identity_group = self._rights("identity's resource group", scope)
        self.assignments = once(
            "your role assignments",
            lambda: rights.assigned_to(session, self.group_scope, self.caller.result().object_id),
        )
        self.denials = once("deny assignments", lambda: rights.denials(session, self.group_scope))
        self.policies = once("policies", lambda: policies.assigned(session, self.group_scope))
        self.count = once("number of role assignments", lambda: rights.count_assignments(session, self._others_done))
        self.blob = once("blob", self._blob, after=(self.account,), wanted=not store.upload)

        space: Sequence[Waited] = () if self.known.location else (self.workspace,)
        self.capacity = once("sizes and quota", lambda: capacity.read(session, self.location()), after=space)
        self.address = once("endpoint address", self._answers, after=space)
        space = () if self.known.storage_id else (self.workspace,)
        self.own_storage = once("workspace storage", self._own_storage, after=space)
        self.on_own_storage = once(
            "your rights on the workspace storage",
            lambda: rights.permissions(session, self.own_storage_id()),
            after=space,
        )
        space = () if self.known.registry_id else (self.workspace,)
        self.on_registry = once("your rights on the registry", self._registry_rights, after=space, wanted=self.uai)

    def begin(self) -> None:
        """Begin everything that this plan needs; what takes longest, or waits for others, stands last and begins first."""
        self._gate.clear()
        self.caller.start()
        for one in reversed(self.all):
            one.start()
        self._gate.set()

    # ---- what the workspace tells, or is known

    def location(self) -> str:
        """The workspace's region."""
        return self.known.location or self.workspace.result().location

    def own_storage_id(self) -> str:
        """The id of the workspace's own storage account."""
        return self.known.storage_id or self.workspace.result().storage_id

    def registry_id(self) -> str | None:
        """The id of the workspace's registry; None while it has none."""
        return self.known.registry_id or self.workspace.result().registry_id

    def stale(self) -> bool:
        """Whether what was known of the workspace is not so any more. Waits for the workspace; raises ServiceError."""
        if self.known == Known():
            return False
        space = self.workspace.result()
        known = (self.known.location.lower(), self.known.storage_id.lower(), (self.known.registry_id or "").lower())
        return known != (space.location.lower(), space.storage_id.lower(), (space.registry_id or "").lower())

    # ---- the calls

    def _once(
        self, name: str, call: Callable[[], T], after: Sequence[Waited] = (), *,
        free: bool = False, wanted: bool = True,
    ) -> Once[T]:  # fmt: skip
        """A call that waits for the token, unless it is `free` of it."""

        def signed_in() -> T:
            self.caller.result()  # who is not signed in is told so once, and asked for no second token
            return call()

        made = Once(name, call if free else signed_in, after if free else (self.caller, *after), self._gate)
        if wanted:
            self.all.append(made)  # type: ignore[arg-type]  # only begun and measured there
        return made

    def _rights(self, what: str, scope: str, *, wanted: bool = True) -> Once[tuple[rights.Permission, ...] | None]:
        return self._once(f"your rights on the {what}", lambda: rights.permissions(self.session, scope), wanted=wanted)

    def _deployments(self) -> list[DeploymentInfo]:
        where = self.answers.workspace
        try:
            return deployments.list_all(self.session, where.resource_group, where.name, self.answers.endpoint.name)
        except ServiceError as error:
            if error.status == 404:  # no endpoint, no deployments
                return []
            raise

    def _blob(self) -> bool | None:
        account = self.account.result()
        store = self.answers.storage
        return account is not None and blobs.exists(self.session, account, store.container, store.blob)

    def _answers(self) -> bool:
        return addresses.endpoint_answers(self.answers.endpoint.name, self.location())

    def _own_storage(self) -> AccountInfo | None:
        found = names.parse_id(self.own_storage_id())
        session = self.session
        if found.subscription.lower() != session.subscription_id.lower():
            session = session.in_subscription(found.subscription)
        return storage.get_account(session, found.group, found.name)

    def _registry_rights(self) -> tuple[rights.Permission, ...] | None:
        registry = self.registry_id()
        return rights.permissions(self.session, registry) if registry else None

    def _others_done(self) -> bool:
        """Whether every other call has ended: then counting the last thousands of assignments is not worth waiting for."""
        return all(one.done for one in self.all if one.name != self.count.name)


def _provider(session: Session, name: str) -> Callable[[], str]:
    return lambda: providers.state(session, name)
