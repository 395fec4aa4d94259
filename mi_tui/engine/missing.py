"""Which grant is missing: the plan's needs held against the role assignments that exist."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from mi_tui.model.events import MissingGrant
from mi_tui.model.plan import Grant, Plan
from mi_tui.services import grants as assignments
from mi_tui.services.session import Session

_SIGNS = (
    "AuthorizationPermissionMismatch",
    "This request is not authorized to perform this operation using this permission",
    "does not have pull permission on the registry",
    "Startup task failed due to authorization error",
    "incorrect role assignments",
    "HTTPError: 403",
    "403 Client Error",
)
"""Texts of a missing or not yet effective role: blob service, deployment errors, and what `init()` prints of a 403."""


def looks_like_missing_right(text: str) -> bool:
    """Whether an error or a log speaks of a role that is missing or not yet effective (not of a closed network)."""
    return any(sign in text for sign in _SIGNS)


def grants(session: Session, plan: Plan, principal_id: str) -> tuple[MissingGrant, ...]:
    """The grants that the endpoint's identity needs and does not hold now, each with the command that makes it."""
    if not principal_id:
        return ()

    listener = session.operations.here()

    def held(grant: Grant) -> bool:
        with session.operations.working(listener):
            found = assignments.list_for(session, grant.scope, principal_id)
            return any(assignments.allows(session, one, grant.role_guid) for one in found)

    # Side by side: whoever looks at a failure waits for this.
    with ThreadPoolExecutor(max(1, len(plan.grants))) as pool:
        lacking = [grant for grant, there in zip(plan.grants, pool.map(held, plan.grants), strict=True) if not there]
    return tuple(
        MissingGrant(
            principal=grant.principal,
            principal_id=principal_id,
            role=grant.role,
            scope=grant.scope,
            why=grant.why,
            command=f"az role assignment create --role '{grant.role}' --assignee-object-id {principal_id} "
            f"--assignee-principal-type ServicePrincipal --scope '{grant.scope}'",
        )
        for grant in lacking
    )
