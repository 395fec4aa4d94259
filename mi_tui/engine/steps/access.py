"""Who the endpoint is and what it may do: the user-assigned identity, the grants, and the wait until they take effect."""

from __future__ import annotations

import time

from mi_tui.engine.context import Context, Done, Interrupted, Say
from mi_tui.model import names
from mi_tui.model.answers import IdentityKind
from mi_tui.model.plan import Grant, ResourceKind
from mi_tui.services import endpoints, grants, identities


def identity(ctx: Context, say: Say) -> Done:
    """Make or take the user-assigned identity; note its principal id and client id."""
    planned = ctx.plan.resource("identity")
    group = names.parse_id(planned.id).group
    info = identities.get(ctx.session, group, planned.name)
    if info is not None:
        done = ctx.keep(ResourceKind.IDENTITY, planned.id, planned.name, tags=info.tags)
    else:
        say("Creating", "")
        with ctx.making(
            ResourceKind.IDENTITY, planned.id, planned.name, lambda: identities.get(ctx.session, group, planned.name)
        ):
            info = identities.create(ctx.session, group, planned.name, ctx.plan.place.location, ctx.tags)
        ctx.journal.created(ctx.run, ResourceKind.IDENTITY, planned.id, planned.name, f"tag mi-tui-run={ctx.run}")
        done = Done("created", "", planned.id)
    ctx.note("principal_id", info.principal_id)
    ctx.note("client_id", info.client_id)
    return done


STORAGE_GRANT = "grant-storage"
"""The grant that init() needs. The others are needed from the deployment's first minute, to fetch image, model and code."""


def principal_id(ctx: Context) -> str:
    """The object id of the endpoint's identity; read from the endpoint when no step has noted it yet."""
    known = ctx.fact("principal_id")
    if known or ctx.plan.answers.identity.kind is IdentityKind.UAI:
        return known
    info = endpoints.get(ctx.session, ctx.group, ctx.workspace, ctx.plan.answers.endpoint.name)
    return info.principal_id or "" if info else ""


def planned_grant(ctx: Context, key: str) -> Grant:
    """The plan's grant with this key."""
    return next(grant for grant in ctx.plan.grants if grant.key == key)


def grant(ctx: Context, say: Say, key: str) -> Done:
    """Give the identity one role, under a name computed from scope, principal and role."""
    wanted = planned_grant(ctx, key)
    who = principal_id(ctx)
    held = next((g for g in grants.list_for(ctx.session, wanted.scope, who) if g.role_guid == wanted.role_guid), None)
    if held is not None:
        return ctx.keep(ResourceKind.GRANT, held.id, f"{wanted.role} on {wanted.scope_words}")
    if wanted.skipped:
        return Done("skipped", "somebody else makes this grant, as the answers say")
    name = names.role_assignment_name(wanted.scope, who, wanted.role_guid)
    assignment = names.role_assignment_id(wanted.scope, name)
    title = f"{wanted.role} on {wanted.scope_words}"
    say("Granting", "")
    with ctx.making(ResourceKind.GRANT, assignment, title, lambda: grants.get(ctx.session, assignment)):
        made = grants.create(
            ctx.session,
            wanted.scope,
            wanted.role_guid,
            who,
            name,
            lambda status: say(status, "the directory does not know the identity yet"),
            stop=ctx.stop,
        )
    if not made:
        ctx.journal.forget(ctx.run, assignment)
        return Done("used", "Azure says that this grant exists already")
    ctx.journal.created(ctx.run, ResourceKind.GRANT, assignment, title, f"assignment name computed by mi-tui: {name}")
    ctx.note("granted_at", str(time.time()))
    if key != STORAGE_GRANT:
        ctx.note("pull_granted_at", str(time.time()))
    return Done("created", "", assignment)


def effective(ctx: Context, say: Say) -> Done:
    """Wait, visibly, after the last grant that the deployment needs at its beginning. No API says "effective"; the deployment is
    tried again if this was too short. The storage grant needs no wait: init() comes minutes after the deployment was asked for."""
    granted = float(ctx.fact("pull_granted_at") or 0)
    left = granted + ctx.pace.grant_wait - time.time()
    if not granted or left <= 0:
        return Done("done", "nothing to wait for before the deployment" if not granted else "")
    while (left := granted + ctx.pace.grant_wait - time.time()) > 0:
        say(
            "Waiting",
            f"{left:.0f} s more; Azure says up to 10 minutes, and the deployment is tried again if it was not enough",
        )
        if ctx.stop.wait(min(left, 1.0)):
            raise Interrupted
    return Done("done")
