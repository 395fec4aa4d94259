"""Who the endpoint is and what it may do: the user-assigned identity, the grants, and the wait until they take effect."""

from __future__ import annotations

import re
import time

from mi_tui.engine import overwritten
from mi_tui.engine.context import RUN_TAG, Context, Done, Interrupted, Say
from mi_tui.model import names
from mi_tui.model.answers import IdentityKind
from mi_tui.model.plan import Grant, ResourceKind
from mi_tui.services import endpoints, grants, identities
from mi_tui.services.grants import GrantInfo


def identity(ctx: Context, say: Say) -> Done:
    """Make or take the user-assigned identity; note its principal id and client id."""
    planned = ctx.plan.resource("identity")
    group = names.parse_id(planned.id).group
    info = identities.get(ctx.session, group, planned.name)
    if info is not None:
        done = overwritten.keep(ctx, ResourceKind.IDENTITY, planned.id, planned.name, info.tags)
    else:
        say("Creating", "")
        tried = ctx.ours(planned.id)
        with ctx.making(
            ResourceKind.IDENTITY, planned.id, planned.name, lambda: identities.get(ctx.session, group, planned.name)
        ):
            info, fresh = identities.create(ctx.session, group, planned.name, ctx.plan.place.location, ctx.tags)
        done = overwritten.after_call(
            ctx, ResourceKind.IDENTITY, planned.id, planned.name, info.tags, fresh=fresh, tried=tried
        )
    ctx.note("principal_id", info.principal_id)
    ctx.note("client_id", info.client_id)
    return done


LONGER_WAIT = "longer_wait"
"""The fact that the grants are to be so many seconds old before the deployment is made, once; EVERY: as old as the slowest role needs;
empty: no more than as a rule."""
EVERY = "all"

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
    held = assigned(ctx, wanted, who)
    title = f"{wanted.role} on {wanted.scope_words}"
    if held is not None:
        return overwritten.keep(ctx, ResourceKind.GRANT, held.id, title, _marks(held))
    if wanted.skipped:
        return Done("skipped", "somebody else makes this grant, as the answers say")
    name = names.role_assignment_name(wanted.scope, who, wanted.role_guid)
    assignment = names.role_assignment_id(wanted.scope, name)
    say("Granting", "")
    tried = ctx.ours(assignment)
    with ctx.making(ResourceKind.GRANT, assignment, title, lambda: grants.get(ctx.session, assignment)):
        made = grants.create(
            ctx.session,
            wanted.scope,
            wanted.role_guid,
            who,
            name,
            lambda status: say(status, "the directory does not know the identity yet"),
            stop=ctx.stop,
            description=f"Made by mi-tui, {RUN_TAG}={ctx.run}",
        )
    if not made:
        # Made between the look and the call, perhaps by this run's own call whose answer was lost. A 409 changed nothing; a 200 says that
        # another run which computed the same name was quicker, and that its description is this run's now.
        refused = ctx.session.operations.calls.last_status() != 200
        there = grants.get(ctx.session, assignment)
        if there is not None:
            return overwritten.after_call(
                ctx, ResourceKind.GRANT, assignment, title, _marks(there), fresh=False, tried=tried or refused
            )
        ctx.journal.forget(ctx.run, assignment)
        return Done("used", "Azure says that this grant exists already")
    ctx.journal.created(ctx.run, ResourceKind.GRANT, assignment, title, f"assignment name computed by mi-tui: {name}")
    return Done("created", "", assignment)


def assigned(ctx: Context, wanted: Grant, who: str) -> GrantInfo | None:
    """The assignment that gives the principal the planned role at its scope or above; None when there is none."""
    return next((g for g in grants.list_for(ctx.session, wanted.scope, who) if g.role_guid == wanted.role_guid), None)


def _marks(held: GrantInfo) -> dict[str, str]:
    """The tag that an assignment cannot carry as such, out of its description."""
    found = re.search(rf"\b{re.escape(RUN_TAG)}=([\w-]+)", held.description)
    return {RUN_TAG: found[1]} if found else {}


def age(ctx: Context, *, at_once: bool) -> float | None:
    """Seconds since the youngest of the planned grants was made, by Azure's own word and clock, so that a grant of somebody else's
    counts like one of ours, and a wrong clock on this machine not at all. None when there is none of them.

    `at_once`: only those that a deployment needs at its beginning.
    """
    who = principal_id(ctx)
    wanted = [grant for grant in ctx.plan.grants if not (at_once and grant.key == STORAGE_GRANT)]
    held = [found for grant in wanted if who and (found := assigned(ctx, grant, who)) is not None]
    # Now, and not before: the answers to these looks set the clock.
    now = ctx.session.operations.azure_time()
    return min((max(0.0, now - found.created) for found in held), default=None)


def effective(ctx: Context, say: Say) -> Done:
    """Wait, visibly, until the last grant that the deployment needs at its beginning is `pace.grant_wait` old. No API says
    "effective" (azure-cli#22510); the deployment is tried again if this was too short. The storage grant needs no wait: init() comes
    minutes after the deployment was asked for."""
    _wait_longer(ctx, say)
    old = age(ctx, at_once=True)
    if old is None:
        return Done("done", "nothing to wait for before the deployment")
    wait(
        ctx,
        say,
        ctx.pace.grant_wait - old,
        "Azure says up to 10 minutes, and the deployment is tried again if it was not enough",
    )
    return Done("done")


def _wait_longer(ctx: Context, say: Say) -> None:
    """Wait until all grants are as old as a change of the plan asks for, within what Azure says that a role may take; once."""
    asked = ctx.fact(LONGER_WAIT)
    if not asked:
        return
    seconds = ctx.pace.propagation if asked == EVERY else min(float(asked), ctx.pace.young_grant)
    old = age(ctx, at_once=False)
    if old is not None:
        wait(ctx, say, seconds - old, "so that every grant acts before the deployment is made again")
    ctx.note(LONGER_WAIT, "")


def wait(ctx: Context, say: Say, seconds: float, words: str) -> None:
    """Wait for grants to act, counting down. Raises Interrupted."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        say("Waiting", f"{left:.0f} s more; {words}")
        if ctx.stop.wait(min(left, 1.0)):
            raise Interrupted
