"""Case: everything that a diagnosis may look at. Data only: who can read Azure fills it, and the rules are held against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mi_tui.model.answers import Answers
from mi_tui.model.capacity import Fit
from mi_tui.model.diagnosis import Evidence
from mi_tui.model.failure import Failure

NO_REGISTRY = ""
"""`World.registry_id` of a workspace that has no container registry; None is: not known."""


@dataclass(frozen=True)
class GrantState:
    """One role assignment that the endpoint's identity needs, and whether it holds it now."""

    key: str
    """As in the plan: `grant-storage`, `grant-registry`, `grant-workspace`"""
    role: str
    scope: str
    scope_words: str
    """The scope for people, such as `container inputs`."""
    principal: str = ""
    principal_id: str = ""
    held: bool | None = None
    """None: it could not be read."""
    age: float | None = None
    """Seconds since it was made, by Azure's clock; None where it is not held, or Azure does not say."""
    command: str = ""
    """The `az` command that makes it."""


@dataclass(frozen=True)
class World:
    """The world as it is now, as far as it was read. None, and an empty text, mean: not known."""

    # ---- the subscription and who asks
    sandbox: bool | None = None
    subscription: str = ""
    subscription_state: str = ""
    """Azure's word: `Enabled`, `Disabled`, `Warned`, `PastDue`, `Deleted`."""
    location: str = ""
    providers: Mapping[str, str] | None = None
    """Registration state by namespace, such as `Microsoft.Cdn: NotRegistered`."""
    caller: str = ""
    caller_id: str = ""
    may_grant: bool | None = None
    """The caller may make the role assignments that are needed."""
    clock_skew: float | None = None
    """Seconds by which this machine's clock is ahead of Azure's."""

    # ---- the workspace
    resource_group: str = ""
    workspace: str = ""
    workspace_group: str = ""
    """The resource group where a workspace of that name is, when it is not in the one that was asked."""
    workspace_public: bool | None = None
    v1_legacy: bool | None = None
    managed_network: str = ""
    """The managed network's state, such as `Active` or `Inactive`; `Disabled` where the workspace has none."""
    registry_id: str | None = None
    """The container registry's id; NO_REGISTRY where the workspace has none."""
    workspace_storage_id: str = ""
    workspace_shared_keys: bool | None = None
    """The workspace's own storage account allows account keys."""

    # ---- the endpoint, its identity, its deployment
    endpoint: str = ""
    endpoint_state: str = ""
    """`provisioningState`, or `absent`."""
    traffic: Mapping[str, int] | None = None
    identity_kind: str = ""
    """What the endpoint has: `sai` or `uai`."""
    identity_id: str = ""
    """The resource id of a user-assigned identity."""
    identity_exists: bool | None = None
    principal_id: str = ""
    client_id: str = ""
    grants: tuple[GrantState, ...] | None = None
    """What the identity needs; None where it was not looked at."""
    deployment: str = ""
    deployment_state: str = ""
    """`provisioningState`, or `absent`."""
    instance_type: str = ""
    instance_count: int = 0
    variables: Mapping[str, str] | None = None
    """The deployment's environment variables."""
    conda: str = ""
    """The text of the conda file."""
    capacity_points: int | None = None
    """Points of the metric DeploymentCapacity on the deployment since it was begun; 0: it never had a machine."""

    # ---- the storage that the script reads
    account: str = ""
    account_group: str | None = None
    """The resource group of the account of that name in the subscription; empty: none that the caller sees has it."""
    container: str = ""
    blob: str = ""
    account_exists: bool | None = None
    container_exists: bool | None = None
    blob_exists: bool | None = None
    storage_public: bool | None = None
    """`publicNetworkAccess` is not `Disabled`."""
    storage_default_action: str = ""
    """`networkAcls.defaultAction`: `Allow` or `Deny`."""
    shared_keys: bool | None = None

    # ---- what there is to take instead
    fit: Fit | None = None
    """Whether the chosen instance type fits the quota."""
    fitting: tuple[str, ...] = ()
    """Instance types that fit, the best first; of a container that had too little memory, those with more."""
    free_endpoint: str = ""
    """An endpoint name that was looked up and is free; likewise below."""
    free_account: str = ""
    free_deployment: str = ""

    @property
    def network_closed(self) -> bool | None:
        """Whether the storage account refuses public networks; None where it is not known."""
        if self.storage_public is False or self.storage_default_action == "Deny":
            return True
        return None if self.storage_public is None else False

    @property
    def missing(self) -> tuple[GrantState, ...]:
        """The grants that are known not to be held."""
        return tuple(grant for grant in self.grants or () if grant.held is False)


@dataclass(frozen=True)
class Case:
    """What there is to go by. A case may be nothing but a text from somebody else's terminal."""

    failure: Failure | None = None
    text: str = ""
    """Raw text from outside: an error, a command's output, a traceback, a log."""
    logs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Each container's lines by its name: `inference-server`, `storage-initializer`, `build`."""
    states: Mapping[str, str] = field(default_factory=dict)
    """What Azure says of what there is, such as `endpoint: Succeeded`, `deployment: Failed`."""
    events: tuple[str, ...] = ()
    """What was said on the way: statuses of operations, events of the deployment."""
    answers: Answers | None = None
    world: World = World()


@dataclass(frozen=True)
class Finding:
    """Whether a condition holds, and what was read of the world."""

    holds: bool | None
    evidence: tuple[Evidence, ...] = ()


UNKNOWN = Finding(None)
"""Of a condition of which nothing is known."""
