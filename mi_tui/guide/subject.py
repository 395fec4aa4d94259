"""Subject: what is to be looked at when something went wrong, the endpoint of a run or one that mi-tui did not make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mi_tui.model.answers import Answers
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
    build: tuple[str, str, str] | None = None
    """Storage account, container and path of the log of an image build."""


NOTHING = Wish()


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
