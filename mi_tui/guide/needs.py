"""Needs: which role assignments an endpoint's identity needs, and how each of them stands."""

from __future__ import annotations

from collections.abc import Callable

from mi_tui.guide.case import GrantState
from mi_tui.guide.subject import DATA_GRANT, REGISTRY_GRANT, WORKSPACE_GRANT
from mi_tui.model import names
from mi_tui.model.plan import Grant
from mi_tui.model.roles import ACR_PULL, BLOB_READER, Role
from mi_tui.services import grants, rights
from mi_tui.services.grants import GrantInfo
from mi_tui.services.session import Session
from mi_tui.services.storage import AccountInfo
from mi_tui.services.together import Look
from mi_tui.services.workspaces import WorkspaceInfo

_MAKE = "Microsoft.Authorization/roleAssignments/write"


def needs(endpoint: str, space: WorkspaceInfo | None, account: AccountInfo | None, container: str) -> tuple[Grant, ...]:
    """What the identity needs, by what the deployment's variables name and what the workspace has."""
    found = []
    if account is not None:
        scope = names.container_id(account.id, container) if container else account.id
        words = f"container {container} of {account.name}" if container else f"account {account.name}"
        found.append(_need(endpoint, DATA_GRANT, BLOB_READER, scope, words, "so that init() may read its file"))
    if space is not None and space.registry_id:
        words = f"registry {space.registry_id.rsplit('/', 1)[-1]}"
        why = "so that the container image may be pulled"
        found.append(_need(endpoint, REGISTRY_GRANT, ACR_PULL, space.registry_id, words, why))
    if space is not None and space.storage_id:
        words = f"account {space.storage_id.rsplit('/', 1)[-1]}"
        why = "so that the model and the code may be fetched"
        found.append(_need(endpoint, WORKSPACE_GRANT, BLOB_READER, space.storage_id, words, why))
    return tuple(found)


def _need(endpoint: str, key: str, role: Role, scope: str, words: str, why: str) -> Grant:
    return Grant(key, endpoint, "", role.name, role.guid, scope, words, why)


def held(session: Session, need: Grant, principal: str) -> Callable[[], GrantInfo | None]:
    """Reads the assignment that gives what is needed, the oldest of several; None when there is none. Raises ServiceError."""

    def read() -> GrantInfo | None:
        found = sorted(grants.list_for(session, need.scope, principal), key=lambda one: one.created)
        return next((one for one in found if grants.allows(session, one, need.role_guid)), None)

    return read if principal else lambda: None


def state(session: Session, need: Grant, principal: str, look: Look[GrantInfo | None]) -> GrantState:
    """How an assignment that is needed stands, by what was read of it."""
    found = look.value()
    unknown = look.failure is not None or not principal
    age = session.operations.azure_time() - found.created if found is not None and found.created else None
    return GrantState(
        key=need.key,
        role=need.role,
        scope=need.scope,
        scope_words=need.scope_words,
        principal=need.principal,
        principal_id=principal,
        held=None if unknown else found is not None,
        age=max(0.0, age) if age is not None else None,
        command=f"az role assignment create --role '{need.role}' --assignee-object-id {principal} "
        f"--assignee-principal-type ServicePrincipal --scope '{need.scope}'"
        if principal
        else "",
    )


def may_grant(session: Session, scope: str) -> Callable[[], bool | None]:
    """Reads whether the caller may make role assignments at the scope; None where it is not there. Raises ServiceError."""

    def read() -> bool | None:
        entries = rights.permissions(session, scope)
        return None if entries is None else rights.permitted(entries, _MAKE)

    return read
