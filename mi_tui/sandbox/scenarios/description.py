"""What a scenario is: data that says how its world differs from the calm one, and how sure it is that Azure does the same.

Every class is also a mapping of the YAML form; `FIELDS` there is what `reading` accepts, and its words are the field's own.
Standard library only.
"""

# ruff: noqa: RUF009  # `explained` makes a dataclass field
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Service = Literal["management", "login", "blob", "inference"]
"""Which of Azure's hosts a request goes to: ARM, Entra, blob storage, or an endpoint's own address."""

Principal = Literal["caller", "endpoint"]


def explained(words: str, default: Any = ..., **more: Any) -> Any:
    """A field with the words that explain it; without a default it must be given."""
    if default is ...:
        return field(metadata={"words": words}, **more)
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata={"words": words}, **more)
    return field(default=default, metadata={"words": words}, **more)


@dataclass(frozen=True)
class Evidence:
    """Where a text or a behaviour is known from."""

    source: str = explained("document, issue or recording that shows it")
    date: str = explained("when the source was written or read: YYYY, YYYY-MM or YYYY-MM-DD")
    sure: bool = explained("false for a best guess: the behaviour is known, the exact words are not", True)


@dataclass(frozen=True)
class Match:
    """Which requests a rule is about."""

    service: Service = explained("management, login, blob or inference", "management")
    method: str = explained("HTTP method, several parted by '|', '*' for all", "*")
    path: str = explained("path; '*' is anything, '{name}' one segment, which the answer's texts may name again", "*")
    lacks: str = explained("only when the JSON body has nothing at this place, such as 'tags.cost-center'", "")


@dataclass(frozen=True)
class When:
    """Which of the matching requests are hit; without anything, all."""

    skip: int = explained("let so many matching requests pass first", 0)
    times: int = explained("hit at most so many; 0 is no limit", 0)
    every: int = explained("hit only each n-th matching request", 1)
    probability: float = explained("hit a request with this probability, from 0 to 1", 1.0)
    seed: int = explained("where the dice begin: the same seed hits the same requests", 0)


@dataclass(frozen=True)
class Answer:
    """What a hit request is answered, in the error envelope of its service. Texts may name `{subscription}`, `{path}`,
    `{location}` and what the rule's path names."""

    status: int = explained("HTTP status, 400 to 599")
    code: str = explained("Azure's error code")
    message: str = explained("Azure's words")
    headers: Mapping[str, str] = explained("headers besides the service's usual ones", {})
    error: Mapping[str, Any] = explained("further members of ARM's error object, such as target and additionalInfo", {})


@dataclass(frozen=True)
class Rule:
    """Requests, and what happens to them: an answer, a cut connection, an expired token, or a delay."""

    on: Match = explained("which requests")
    when: When = explained("which of them", When())
    answer: Answer | None = explained("answer this", None)
    reset: Literal["", "before", "after"] = explained(
        "cut the connection before or after the request has its effect", ""
    )
    expire: bool = explained("the request's token counts as expired from then on", False)
    delay: float = explained("seconds that the request waits first", 0.0)
    authorized: bool = explained("only after the caller's rights were checked (management)", False)


@dataclass(frozen=True)
class RoleAt:
    """A role of the signed-in person and of the service principal."""

    role: str = explained("name of a built-in role")
    scope: Literal["subscription", "group", "workspace", "account"] = explained("where", "group")
    condition: str = explained("the assignment's ABAC condition", "")


@dataclass(frozen=True)
class Rights:
    """What the caller may do."""

    remove: tuple[RoleAt, ...] = explained("roles that the caller does not have", ())
    add: tuple[RoleAt, ...] = explained("roles that the caller has instead", ())
    lost: tuple[str, ...] = explained(
        "roles whose first assignment to each identity is taken away again by somebody else", ()
    )


@dataclass(frozen=True)
class Existing:
    """An online endpoint that is there already."""

    name: str = explained("its name; empty: whatever endpoint is asked for first turns out to be there", "")
    state: Literal["Succeeded", "Failed"] = explained("its provisioning state", "Succeeded")
    identity: Literal["SystemAssigned", "UserAssigned"] = explained("its identity", "SystemAssigned")


@dataclass(frozen=True)
class Policy:
    """A policy that is assigned to the first subscription. It is only shown: what it refuses is said by rules."""

    name: str = explained("the assignment's name")
    definition: str = explained("the GUID of the built-in definition")
    display: str = explained("what it is called", "")
    parameters: Mapping[str, Any] = explained("the values of the definition's parameters", {})


@dataclass(frozen=True)
class Furniture:
    """How what is there differs. Given back when the scenario ends; what the user made is never touched."""

    rights: Rights = explained("what the caller may do", Rights())
    unregistered: tuple[str, ...] = explained("resource providers that are not registered", ())
    quotas: Mapping[str, int] = explained("cores that a VM family may use, by family; '*' for every one", {})
    data_accounts: Mapping[str, Any] = explained("properties of the storage accounts for data, and of new ones", {})
    workspace_account: Mapping[str, Any] = explained("properties of the workspace's own storage account", {})
    registry: bool = explained("false: the workspace has no container registry", True)
    endpoints: tuple[Existing, ...] = explained("online endpoints that are there already", ())
    taken: tuple[Literal["account", "endpoint"], ...] = explained(
        "the first name asked for is somebody else's: of a storage account, of an endpoint", ()
    )
    policies: tuple[Policy, ...] = explained("policies that are assigned to the subscription, as lists show them", ())


@dataclass(frozen=True)
class Broken:
    """A long operation that Azure accepts and that then fails."""

    operation: Literal["endpoint.create", "deployment.create"] = explained("which operation")
    code: str = explained("Azure's error code")
    message: str = explained("Azure's words")
    times: int = explained("so many of them; 0 is no limit", 1)


@dataclass(frozen=True)
class Hosting:
    """What goes wrong with the container. What is broken stays broken until the file itself changes, as in Azure."""

    require: tuple[str, ...] = explained("requirements that the first environment asks for besides its own", ())
    drop: tuple[str, ...] = explained("packages that the first environment lacks", ())
    script: str = explained("Python lines at the end of the first scoring script", "")
    memory_share: float = explained("part of the instance type's memory that the container may use", 1.0)
    full: tuple[str, ...] = explained("VM families of which the region has no machine left; '*' for every one", ())


@dataclass(frozen=True)
class Scenario:
    """One scenario, of the library or of a file."""

    about: str = explained("what goes wrong, in one line")
    seen: str = explained("what Azure answers then: code and where it shows", "")
    remedy: str = explained("what helps", "")
    failures: tuple[str, ...] = explained("Azure's error codes that are seen", ())
    evidence: tuple[Evidence, ...] = explained("where it is known from", ())
    furniture: Furniture = explained("what is there", Furniture())
    rules: tuple[Rule, ...] = explained("what happens to requests; the first rule that hits decides", ())
    timings: Mapping[str, float | Mapping[str, float]] = explained(
        "durations in seconds, by the profile's names; one for all profiles, or one for each", {}
    )
    operations: tuple[Broken, ...] = explained("long operations that fail", ())
    hosting: Hosting = explained("what goes wrong with the container", Hosting())
