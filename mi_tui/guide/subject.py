"""Subject: what is to be looked at when something went wrong, the endpoint of a run or one that mi-tui did not make."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mi_tui.model.answers import Answers
from mi_tui.model.failure import Failure
from mi_tui.model.plan import Grant, Plan
from mi_tui.services.session import Session

DATA_GRANT, REGISTRY_GRANT, WORKSPACE_GRANT = "grant-storage", "grant-registry", "grant-workspace"
"""The keys of the grants, as plans have them."""


@dataclass(frozen=True)
class Wish:
    """What is worth a longer read because of how it failed."""

    sizes: bool = False
    """Machine sizes and quota."""
    memory: bool = False
    """Of the sizes that fit, those with more memory."""
    elsewhere: bool = False
    """Of the sizes that fit, those of another family."""
    names: frozenset[str] = frozenset()
    """Of what another name is to be found that is free: `endpoint`, `account`, `deployment`."""
    build: tuple[str, str, str] | None = None
    """Storage account, container and path of the log of an image build."""


NOTHING = Wish()

_MEMORY = re.compile(r"insufficient memory|OOMKilled|MemoryError|out of memory", re.IGNORECASE)
_ROOM = re.compile(r"quota|capacity|VmSize|instance type", re.IGNORECASE)
_NAMES = re.compile(
    r"\b[Nn]ame|[Tt]aken|[Aa]lready|exists|identity-(?:kind|other)|[Nn]ot ?[Ff]ound|[Rr]e-?create|never made completely|unrecoverable"
)
_NAMED = {
    "endpoint": re.compile(r"[Ee]ndpoint|[Nn]ot ?[Ff]ound"),
    "account": re.compile(r"[Ss]torage[ -]?(?:[Aa]ccount|name)|AccountName"),
    "deployment": re.compile(r"[Dd]eployment"),
}
"""Another name may help where these are spoken of, and of what."""
_BUILD_LOG = re.compile(
    r"storage account '\[?([a-z0-9]{3,24})\]?' in the container '\[?([a-z0-9-]{3,63})\]?' at the path '\[?([^'\]]{1,500})\]?'"
)
"""Where the log of an image build lies ("Troubleshoot online endpoints": ImageBuildFailure)."""


def wish_of(failure: Failure, log: Iterable[str] = ()) -> Wish:
    """What is worth a longer read because of how it failed, and of what the containers' logs say."""
    said = " ".join((failure.code, failure.message, *failure.details))
    memory = bool(_MEMORY.search(said)) or any(map(_MEMORY.search, log))
    place = _BUILD_LOG.search(said)
    return Wish(
        sizes=memory or bool(_ROOM.search(said)),
        memory=memory,
        names=frozenset(what for what, words in _NAMED.items() if _NAMES.search(said) and words.search(said)),
        build=(place[1], place[2], place[3]) if place else None,
    )


@dataclass(frozen=True)
class Subject:
    """An endpoint in a workspace, and what is known of it already. Empty means: to be found out."""

    session: Session
    group: str
    workspace: str
    endpoint: str
    deployment: str = ""
    """Empty: the one that is in trouble, else the one with the most traffic."""
    sandbox: bool = False
    answers: Answers | None = None
    location: str = ""
    account_id: str = ""
    grants: tuple[Grant, ...] | None = None
    """What the plan says that the identity needs; None: what the deployment's variables and the workspace tell."""
    principal_id: str = ""
    client_id: str = ""
    logs: bool = True
    """Whether the containers' logs are to be read; a run has followed them."""
    wish: Wish = NOTHING


def of_answers(session: Session, answers: Answers, *, sandbox: bool, wish: Wish = NOTHING) -> Subject:
    """What answers name whose plan was refused: nothing of it is the run's yet, and no grant is looked at."""
    return Subject(
        session=session,
        group=answers.workspace.resource_group,
        workspace=answers.workspace.name,
        endpoint=answers.endpoint.name,
        deployment=answers.deployment.name,
        sandbox=sandbox,
        answers=answers,
        grants=(),
        logs=False,
        wish=wish,
    )


def of_plan(session: Session, plan: Plan, facts: Mapping[str, str], *, sandbox: bool, wish: Wish = NOTHING) -> Subject:
    """The endpoint of a run. `facts` are what its steps have noted."""
    wanted = {resource.key: resource for resource in plan.resources}
    account = wanted.get("storage-account")
    return Subject(
        session=session,
        group=plan.place.resource_group,
        workspace=plan.answers.workspace.name,
        endpoint=plan.answers.endpoint.name,
        deployment=plan.answers.deployment.name,
        sandbox=sandbox,
        answers=plan.answers,
        location=plan.place.location,
        account_id=account.id if account else "",
        grants=plan.grants,
        principal_id=facts.get("principal_id", ""),
        client_id=facts.get("client_id", ""),
        logs=False,
        wish=wish,
    )
