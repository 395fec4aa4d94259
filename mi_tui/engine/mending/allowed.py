"""Changes of what may be done: grants, waiting until they act, and resource providers. Who lacks the right gets the command instead."""

from __future__ import annotations

import msgspec

from mi_tui.engine.mending.case import Case, Wish, refused
from mi_tui.engine.planner import PlanError
from mi_tui.engine.steps.access import EVERY, LONGER_WAIT
from mi_tui.model.answers import GrantPolicy
from mi_tui.model.failure import Failure
from mi_tui.model.plan import Grant
from mi_tui.services import grants, providers, rights
from mi_tui.services.errors import ServiceError
from mi_tui.services.session import Session


def grant(case: Case, values: tuple[str, ...]) -> Wish:
    if case.plan is None:
        return _all_grants(case, values)
    known = {grant.key: grant for grant in case.plan.grants}
    if unknown := [key for key in values if key not in known]:
        raise refused("no-such-grant", f"The plan has no grant {', '.join(unknown)}.", f"It has: {', '.join(known)}.")
    chosen = [grant for grant in known.values() if not values or grant.key in values]
    lacking = [grant for grant in chosen if not _held(case, grant)]
    if not case.principal_id:
        # Nobody can hold a role before there is somebody: only what was left to others is not going to be made.
        lacking = [grant for grant in lacking if grant.skipped]
    if not lacking:
        raise refused(
            "no-grant-missing", "No grant of the plan is missing.", "Resume the run, or wait until young ones act."
        )
    if forbidden := [grant for grant in lacking if not _may(case.session, _GRANTING, grant.scope)]:
        raise PlanError([_somebody_else_grants(case, grant) for grant in forbidden])
    made = Wish(case.answers, grants=frozenset(grant.key for grant in lacking))
    made.lines += [f"+ {grant.role} for {grant.principal} on {grant.scope_words}: {grant.why}" for grant in lacking]
    if {grant.key for grant in known.values() if grant.skipped} <= made.grants:
        made.answers = msgspec.structs.replace(case.answers, grants=GrantPolicy.MAKE)
    return made


def _all_grants(case: Case, values: tuple[str, ...]) -> Wish:
    if case.answers.grants is GrantPolicy.MAKE:
        raise refused("no-grant-missing", "The plan makes every grant already.")
    if values:
        raise refused("not-begun", "Before the run has begun, all grants are made or none.", "Leave the keys out.")
    answers = msgspec.structs.replace(case.answers, grants=GrantPolicy.MAKE)
    return Wish(answers, ["Grants: left to somebody else -> made by this run"])


def _held(case: Case, grant: Grant) -> bool:
    if not case.principal_id:
        return False
    held = grants.list_for(case.session, grant.scope, case.principal_id)
    return any(found.role_guid == grant.role_guid for found in held)


_GRANTING = "Microsoft.Authorization/roleAssignments/write"


def _may(session: Session, action: str, scope: str) -> bool:
    """Whether the caller may do it; True also where that cannot be seen: then the step that does it is told."""
    try:
        entries = rights.permissions(session, scope)
    except ServiceError:
        return True
    return entries is None or rights.permitted(entries, action)


def _somebody_else_grants(case: Case, grant: Grant) -> Failure:
    who = case.principal_id or "PRINCIPAL-ID"
    command = (
        f"az role assignment create --role '{grant.role}' --assignee-object-id {who} --assignee-principal-type ServicePrincipal "
        f"--scope '{grant.scope}'"
    )
    words = f"You may not grant {grant.role} on {grant.scope_words}: that takes {_GRANTING}."
    return Failure("mi-tui/no-right", words, advice=f"Whoever may grant it says: {command}. Then resume.")


def wait(case: Case, values: tuple[str, ...]) -> Wish:
    if case.plan is None:
        raise refused("not-begun", "Nothing was granted yet, so there is nothing to wait for.")
    asked = values[0] if values else EVERY
    if asked != EVERY and not (asked.replace(".", "", 1).isdigit() and float(asked) > 0):
        raise refused("seconds", f"{asked!r} is no number of seconds.")
    long = "as Azure says that a role may take to act (10 minutes)" if asked == EVERY else f"{float(asked):.0f} s"
    line = f"Waits until the youngest grant is as old {long if asked == EVERY else f'as {long}'}, then tries the deployment again"
    return Wish(case.answers, [line], facts={LONGER_WAIT: asked})


def register(case: Case, values: tuple[str, ...]) -> Wish:
    if not values:
        raise refused("no-namespace", "Which provider is to be registered was not said.", "Such as Microsoft.Cdn.")
    made, missing = Wish(case.answers), list[str]()
    for namespace in values:
        state = providers.state(case.session, namespace)
        if not state:
            raise refused("no-such-provider", f"Azure knows no provider {namespace!r}.")
        subscription = f"/subscriptions/{case.session.subscription_id}"
        if state.lower() != providers.REGISTERED and not _may(
            case.session, f"{namespace}/register/action", subscription
        ):
            raise refused(
                "no-right", f"You may not register {namespace}: that takes {namespace}/register/action on the subscription.",
                f"Whoever may, such as a Contributor of it, says: az provider register --namespace {namespace}. Then resume.",
            )  # fmt: skip
        if state.lower() == providers.REGISTERED:
            made.lines.append(f"= {namespace} is registered by now")
        else:
            missing.append(namespace)
            made.lines.append(f"+ register {namespace} (now {state}); the registration stays after clean-up")
    made.register = tuple(missing)
    return made
