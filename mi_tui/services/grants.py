"""Role assignments (Microsoft.Authorization)."""

from __future__ import annotations

import datetime as dt
import threading
import time
from typing import Any

from msgspec import Struct

from mi_tui.model.roles import ACR_PULL, BLOB_CONTRIBUTOR, BLOB_READER
from mi_tui.services import arm, rights
from mi_tui.services.errors import Abandoned, ServiceError, as_failure, translated
from mi_tui.services.operations import Watch
from mi_tui.services.session import Session

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 10.0


class GrantInfo(Struct, frozen=True):
    """A role assignment. `created_on` is ISO 8601 in UTC, or empty; `role_guid` is the name of the role definition; `description` is
    whatever its maker wrote, the one thing of an assignment that can carry a mark."""

    id: str
    name: str
    scope: str
    role_guid: str
    principal_id: str
    created_on: str
    description: str = ""

    @property
    def created(self) -> float:
        """When it was made, in Unix seconds by Azure's clock; 0 when Azure does not say."""
        try:
            return dt.datetime.fromisoformat(self.created_on).timestamp()
        except ValueError:
            return 0.0


def list_for(session: Session, scope: str, principal_id: str) -> list[GrantInfo]:
    """The assignments to the principal that are effective at `scope`: made there or above. Raises ServiceError.

    Role Assignments - List For Scope with `principalId eq` answers those below the scope as well; they are left out.
    A scope that is not there (a container that is still to be made) has none.
    """
    with translated():
        from azure.core.exceptions import ResourceNotFoundError

        found = session.authorization().role_assignments.list_for_scope(
            scope, filter=f"principalId eq '{principal_id}'"
        )
        try:
            grants = [_info(item) for item in found]
        except ResourceNotFoundError:
            return []
    return [grant for grant in grants if covers(grant.scope, scope)]


def allows(session: Session, held: GrantInfo, role_guid: str) -> bool:
    """Whether an assignment gives what a role that the journey grants is for, be it by another role that includes it. Raises ServiceError.

    A condition (ABAC) on the assignment is not looked at.
    """
    if held.role_guid == role_guid or held.role_guid in _INCLUDING.get(role_guid, ()):
        return True
    action = _NEEDED.get(role_guid)
    if action is None:
        return False
    path = (
        f"/subscriptions/{session.subscription_id}/providers/Microsoft.Authorization/roleDefinitions/{held.role_guid}"
    )
    definition = arm.get(session, path, "2022-04-01")
    return definition is not None and rights.allows(definition, action)


_NEEDED = {
    BLOB_READER.guid: "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
    ACR_PULL.guid: "Microsoft.ContainerRegistry/registries/pull/read",
}
"""The one action of each role that an endpoint cannot do without ("Azure built-in roles")."""

_INCLUDING = {BLOB_READER.guid: (BLOB_CONTRIBUTOR.guid,)}
"""Roles that are known to include another; of all others the definition is read."""


def covers(upper: str, scope: str) -> bool:
    """Whether an assignment at `upper` counts at `scope`. A management group counts: Azure lists only those above the scope."""
    above, here = upper.rstrip("/").lower(), scope.rstrip("/").lower()
    return here == above or here.startswith(f"{above}/") or above.startswith("/providers/microsoft.management/")


def create(
    session: Session,
    scope: str,
    role_guid: str,
    principal_id: str,
    name: str,
    on_wait: Watch | None = None,
    stop: threading.Event | None = None,
    description: str = "",
) -> bool:
    """Assign the role to a service principal (managed identities are such): True when it was made, False when it existed.

    The principal's type is sent along, so that Azure need not know it from the directory yet; should it still answer
    PrincipalNotFound, the same request is sent again until the session's `grant_retry_seconds` have passed, and `on_wait` hears
    of it. Raises ServiceError, and Abandoned when `stop` is set.
    """
    with translated():
        from azure.core.exceptions import HttpResponseError
        from azure.mgmt.authorization.v2022_04_01.models import RoleAssignmentCreateParameters

        asked = RoleAssignmentCreateParameters(
            role_definition_id=f"/subscriptions/{session.subscription_id}/providers/Microsoft.Authorization/roleDefinitions/{role_guid}",
            principal_id=principal_id,
            principal_type="ServicePrincipal",
            description=description or None,
        )
        end = time.monotonic() + session.grant_retry_seconds
        pause = FIRST_PAUSE
        while True:
            try:
                status = session.authorization().role_assignments.create(
                    scope, name, asked, cls=lambda answer, _body, _headers: answer.http_response.status_code
                )
            except HttpResponseError as error:
                failure = as_failure(error)
                if failure.code == "RoleAssignmentExists":
                    return False
                left = end - time.monotonic()
                if failure.code != "PrincipalNotFound" or left <= 0:
                    raise ServiceError(failure) from error
            else:
                return bool(status == 201)
            if on_wait is not None:
                on_wait("PrincipalNotFound")
            if (stop or threading.Event()).wait(min(pause, left)):
                raise Abandoned("Stopped while the directory did not know the principal yet.")
            pause = min(pause * 2, LONGEST_PAUSE)


def get(session: Session, assignment_id: str) -> GrantInfo | None:
    """The assignment, or None when it is not there. Raises ServiceError."""
    with translated():
        from azure.core.exceptions import ResourceNotFoundError

        try:
            return _info(session.authorization().role_assignments.get_by_id(assignment_id))
        except ResourceNotFoundError:
            return None


def take_off(session: Session, assignment_id: str, mark: str) -> None:
    """Take this mark out of an assignment's description, where it stands behind other words: Role Assignments - Create, again with all that
    it has. Raises ServiceError."""
    with translated():
        from azure.core.exceptions import ResourceNotFoundError
        from azure.mgmt.authorization.v2022_04_01.models import RoleAssignmentCreateParameters

        assignments = session.authorization().role_assignments
        try:
            held = assignments.get_by_id(assignment_id)
        except ResourceNotFoundError:
            return
        rest = str(held.description or "").replace(mark, "").rstrip(" ,")
        if not rest or rest == held.description:
            return
        asked = RoleAssignmentCreateParameters(
            role_definition_id=held.role_definition_id, principal_id=held.principal_id, principal_type=held.principal_type,
            description=rest, condition=held.condition, condition_version=held.condition_version,
        )  # fmt: skip
        assignments.create_by_id(assignment_id, asked)


def delete(session: Session, assignment_id: str) -> bool:
    """Delete the assignment; False when it was gone already. Raises ServiceError."""
    with translated():
        from azure.core.exceptions import ResourceNotFoundError

        try:
            status = session.authorization().role_assignments.delete_by_id(
                assignment_id, cls=lambda answer, _body, _headers: answer.http_response.status_code
            )
        except ResourceNotFoundError:
            return False
        return bool(status != 204)


def _info(item: Any) -> GrantInfo:
    made = item.created_on
    return GrantInfo(
        id=str(item.id),
        name=str(item.name),
        scope=str(item.scope or ""),
        role_guid=str(item.role_definition_id).rpartition("/")[2].lower(),
        principal_id=str(item.principal_id or ""),
        created_on=made.isoformat() if made is not None else "",
        description=str(item.description or ""),
    )
