"""Whether the caller may do what this plan does, per scope, as Azure evaluates it: roles, conditions, deny assignments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mi_tui.guide.preflight import facts
from mi_tui.guide.preflight.conditions import Verdict, judge
from mi_tui.guide.preflight.facts import Right
from mi_tui.guide.preflight.finding import Finding, failed, give_role, listed, ok, skipped, warning
from mi_tui.guide.preflight.reads import Reads
from mi_tui.model import roles
from mi_tui.model.answers import GrantPolicy, GrantScope
from mi_tui.services import grants, rights
from mi_tui.services.errors import ServiceError
from mi_tui.services.rights import Assignment, Permission

Entries = Sequence[Permission] | None


def in_workspace(reads: Reads) -> Finding:
    """Endpoint, deployment, assets and uploads."""
    wanted = list(facts.WORKSPACE_RIGHTS)
    front = reads.endpoint.result()
    if front is not None and front.broken and reads.answers.endpoint.replace_broken:
        wanted.append(facts.DELETE_ENDPOINT)
    return _judged(reads, reads.on_workspace.result(), wanted, reads.workspace_scope, "AzureML Data Scientist")


def in_group(reads: Reads) -> Finding:
    """What is made beside the workspace."""
    if reads.account.result() is not None:
        return ok("the storage account is there")
    wanted = [facts.MAKE_ACCOUNT, facts.MAKE_CONTAINER]
    return _judged(reads, reads.on_group.result(), wanted, reads.group_scope, "Contributor")


def on_account(reads: Reads) -> Finding:
    """The container of an account that is there."""
    if reads.account.result() is None:
        return ok("the run makes the account, and your rights in the resource group hold in it")
    if reads.on_container.result() is not None:
        return ok(f"the container {reads.answers.storage.container!r} is there")
    wanted = [facts.MAKE_CONTAINER]
    return _judged(reads, reads.on_account.result(), wanted, reads.account_scope, "Storage Account Contributor")


def attach(reads: Reads) -> Finding:
    """Giving the endpoint a user-assigned identity takes a right on that identity."""
    if not reads.uai:
        return ok("a system-assigned identity is born with the endpoint")
    if reads.identity.result() is None:
        making = [facts.MAKE_IDENTITY, facts.ATTACH_IDENTITY]
        scope = reads.identity_scope.partition("/providers/")[0]
        return _judged(reads, reads.on_identity_group.result(), making, scope, "Contributor")
    wanted = [facts.READ_IDENTITY, facts.ATTACH_IDENTITY]
    return _judged(reads, reads.on_identity.result(), wanted, reads.identity_scope, "Managed Identity Operator")


def upload(reads: Reads) -> Finding:
    """Who writes the blob: the sign-in, where a role lets it, else the account's key."""
    store = reads.answers.storage
    if store.upload is None:
        return ok("nothing is uploaded: the blob is there already")
    account = reads.account.result()
    entries = reads.on_container.result() or reads.on_account.result() or reads.on_group.result() or ()
    if rights.permitted(entries, facts.WRITE_BLOB.action):
        return ok("your sign-in may write blobs there")
    where = reads.account_scope if account is not None else reads.group_scope
    keys = account is None or account.shared_keys
    may_list = rights.permitted(entries, facts.LIST_KEYS.action)
    if keys and may_list:
        return ok("your sign-in may not write blobs there, the account's key may, and you may read it")
    why = "the account allows no keys" if not keys else "you may not read the account's key"
    return failed(
        f"Your sign-in may not write blobs in {store.account}, and {why}.",
        f"Have {roles.BLOB_CONTRIBUTOR.name} granted to you; a new role takes up to 10 minutes to act. "
        "Or name a blob that is there already, without storage.upload.",
        give_role(reads, roles.BLOB_CONTRIBUTOR.name, where),
    )


# ---- grants


def granting(reads: Reads) -> Finding:
    """The role assignments that the run makes: at each scope the right to, and no condition that keeps it."""
    if reads.answers.grants is GrantPolicy.SKIP:
        return ok("the answers leave the grants to somebody else")
    lacking: list[tuple[str, str]] = []
    kept: list[str] = []
    unclear: list[str] = []
    for scope, words, role, entries in _grants(reads):
        if entries is None or not rights.permitted(entries, facts.GRANT.action):
            lacking.append((words, scope))
            continue
        verdict = _verdict(_granting_assignments(reads, scope), role)
        if verdict is Verdict.EXCLUDES:
            kept.append(f"{role.name} on {words}")
        elif verdict is Verdict.UNCLEAR:
            unclear.append(f"{role.name} on {words}")
    give = "Role Based Access Control Administrator"
    hand_over = "Or set 'grants: skip' in the answers: then somebody else makes them, and the plan says which."
    if lacking:
        return failed(
            f"You may not grant roles ({facts.GRANT.action}) on {listed([words for words, _ in lacking])}.",
            f"Have {give} granted to you there, or have an owner grant. {hand_over}",
            "\n".join(give_role(reads, give, scope) for _, scope in lacking),
        )
    if kept:
        return failed(
            f"A condition on your role keeps you from granting {listed(kept)}.",
            f"Have the condition widened to these roles for service principals. {hand_over}",
        )
    if unclear:
        return warning(
            f"Your right to grant has a condition that mi-tui cannot evaluate, for {listed(unclear)}.",
            f"Look at it ('az role assignment list --assignee YOU --all'): it must allow these roles for service principals. {hand_over}",
        )
    return ok("you may make every grant of the plan")


def _grants(reads: Reads) -> Iterator[tuple[str, str, roles.Role, Entries]]:
    """The grants to make: scope, in words, role, and what the caller may do there."""
    store = reads.answers.storage
    on_account = reads.on_account.result()
    if on_account is None:
        scope, entries = reads.group_scope, reads.on_group.result()
    elif store.scope is GrantScope.ACCOUNT:
        scope, entries = reads.account_scope, on_account
    else:
        scope, entries = reads.container_scope, reads.on_container.result() or on_account
    yield scope, f"{store.container} of {store.account}", roles.BLOB_READER, entries
    if not reads.uai:
        return  # Azure itself makes the other two for a system-assigned identity
    registry = reads.registry_id()
    if registry:
        yield registry, f"registry {registry.rsplit('/', 1)[-1]}", roles.ACR_PULL, reads.on_registry.result()
    own = reads.own_storage_id()
    yield own, f"account {own.rsplit('/', 1)[-1]}", roles.BLOB_READER, reads.on_own_storage.result()


def _granting_assignments(reads: Reads, scope: str) -> list[Assignment]:
    """The caller's assignments that reach the scope and may be what lets the caller grant; none where they may not be read."""
    try:
        found = reads.assignments.result()
    except ServiceError:
        return []
    return [one for one in found if grants.covers(one.scope, scope)]


def _verdict(found: list[Assignment], role: roles.Role) -> Verdict:
    """Whether any assignment lets the role be granted. An unknown (custom) role without a condition may be the one that does."""
    may = [judge(one.condition, role.guid) for one in found if one.role_guid in facts.GRANTORS]
    if Verdict.ALLOWS in may or not may:
        return Verdict.ALLOWS  # the permissions say so, and no condition is known
    custom = any(roles.by_guid(one.role_guid) is None and one.role_guid not in facts.GRANTORS for one in found)
    if Verdict.UNCLEAR in may:
        return Verdict.UNCLEAR
    return Verdict.UNCLEAR if custom and _may_grant_otherwise(found) else Verdict.EXCLUDES


def _may_grant_otherwise(found: list[Assignment]) -> bool:
    """Whether a role that is not known here, and so may allow granting, is among them. Microsoft's common ones do not."""
    return any(one.role_guid not in facts.GRANTORS and one.role_guid not in facts.NO_GRANTORS for one in found)


def limit(reads: Reads) -> Finding:
    """How near the subscription is to its limit of role assignments."""
    counted, whole = reads.count.result()
    most = facts.ASSIGNMENT_LIMIT
    if not whole:
        return skipped(
            f"because there are more than {counted:,} and counting them all takes too long; the limit is {most:,}"
        )
    said = f"{counted:,} that you can see, of at most {most:,}"
    if counted < facts.ASSIGNMENTS_NEAR:
        return ok(said)
    advice = "Have assignments removed whose principal is gone, or roles granted to groups in place of persons."
    command = "az role assignment list --all --query \"[?principalName=='']\" --output table"
    full = counted + sum(1 for _ in _grants(reads)) > most
    return failed(f"{said}.", advice, command) if full else warning(f"{said}.", advice, command)


def denied(reads: Reads) -> Finding:
    """Deny assignments outrank every role; a managed application or a deployment stack makes them."""
    me = reads.caller.result().object_id.lower()
    wanted = [*facts.WORKSPACE_RIGHTS, facts.MAKE_ACCOUNT, facts.MAKE_CONTAINER, facts.GRANT]
    hit: list[str] = []
    others = 0
    for one in reads.denials.result():
        if me in one.excluded:
            continue
        taken = [right.words for right in wanted if rights.permitted(one.permissions, right.action)]
        if taken and (me in one.principals or "*" in one.principals):
            hit.append(f"{one.name or 'a deny assignment'} ({listed(taken, 2)})")
        elif taken:
            others += 1
    if hit:
        return failed(
            f"Deny assignments keep you from it: {listed(hit)}.",
            "Only what made them (a deployment stack, a managed application) can take them away; ask who runs it.",
        )
    if others:
        return warning(
            f"{others} deny assignments name groups or persons; whether you are among them cannot be told.",
            "If something is refused, look at 'Deny assignments' under Access control in the portal.",
        )
    return ok("none that concerns this plan")


def _judged(reads: Reads, entries: Entries, wanted: Sequence[Right], scope: str, role: str) -> Finding:
    """Whether every right is there."""
    if entries is None:
        return skipped(f"because {scope.rsplit('/', 1)[-1]} is not there")
    lacking = [right for right in wanted if not rights.permitted(entries, right.action)]
    if not lacking:
        return ok(f"all {len(wanted)} actions are allowed" if len(wanted) > 1 else f"{wanted[0].action} is allowed")
    return failed(
        f"You may not {listed([right.words for right in lacking])} ({listed([right.action for right in lacking], 3)}).",
        f"Have the role {role} granted to you on {scope.rsplit('/', 1)[-1]}; a new role takes up to 10 minutes to act.",
        give_role(reads, role, scope),
    )
