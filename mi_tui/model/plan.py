"""Plan: the resources to create, use or change and the grants to make, as a graph of steps. Data only; the engine computes it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from mi_tui.model.answers import Answers
from mi_tui.model.capacity import Fit


class Action(StrEnum):
    """What happens to a resource. The marks are `+`, `=`, `~` and `!`."""

    CREATE = "create"
    USE = "use"
    CHANGE = "change"
    REPLACE = "replace"
    """Deleted first and made again: a broken leftover, on the person's word."""

    @property
    def mark(self) -> str:
        """The sign that stands before the resource, always together with a word."""
        return {"create": "+", "use": "=", "change": "~", "replace": "!"}[self.value]


class ResourceKind(StrEnum):
    """What the journey makes or uses."""

    WORKSPACE = "workspace"
    IDENTITY = "user-assigned identity"
    STORAGE_ACCOUNT = "storage account"
    CONTAINER = "container"
    BLOB = "blob"
    ENDPOINT = "online endpoint"
    MODEL = "model"
    CODE = "code"
    ENVIRONMENT = "environment"
    DEPLOYMENT = "deployment"
    GRANT = "role assignment"
    UPLOAD = "uploaded files"


class PlannedResource(Struct, frozen=True):
    """One resource of the plan. `id` is empty while Azure alone knows it."""

    key: str
    kind: ResourceKind
    name: str
    action: Action
    id: str
    detail: str = ""
    why: str = ""


class Grant(Struct, frozen=True):
    """One role assignment: principal, role, scope, reason. `principal_id` is empty until the principal exists."""

    key: str
    principal: str
    principal_id: str
    role: str
    role_guid: str
    scope: str
    scope_words: str
    why: str
    exists: bool = False
    automatic: bool = False
    """Made by Azure itself, for a system-assigned identity."""
    skipped: bool = False
    """The answers say that somebody else makes it."""


REGISTER = "register-"
"""What the id of a step that registers a resource provider begins with; the namespace follows."""


class PlannedStep(Struct, frozen=True):
    """One node of the graph. `needs` are the ids of the steps that must be done before; `typical` is in seconds."""

    id: str
    title: str
    why: str
    needs: tuple[str, ...] = ()
    typical: float = 0.0


class Place(Struct, frozen=True):
    """Where the plan plays: what was read of the workspace, and who is signed in."""

    subscription: str
    subscription_name: str
    resource_group: str
    workspace_id: str
    location: str
    workspace_storage_id: str
    registry_id: str | None
    caller: str = ""
    caller_id: str = ""


class Plan(Struct, frozen=True):
    """What a run will do. `warnings` are sentences that do not stop it; `usd_per_hour` is a dated list price or None."""

    answers: Answers
    place: Place
    resources: tuple[PlannedResource, ...]
    grants: tuple[Grant, ...]
    steps: tuple[PlannedStep, ...]
    warnings: tuple[str, ...] = ()
    usd_per_hour: float | None = None
    fit: Fit | None = None
    """Whether the quota suffices, as it was when the plan was made; None when it could not be read."""

    @property
    def registers(self) -> tuple[str, ...]:
        """The resource providers that the run registers with the subscription before it makes anything that needs them."""
        return tuple(step.id.removeprefix(REGISTER) for step in self.steps if step.id.startswith(REGISTER))

    def resource(self, key: str) -> PlannedResource:
        """The resource with this key; KeyError when the plan has none."""
        for resource in self.resources:
            if resource.key == key:
                return resource
        raise KeyError(key)
