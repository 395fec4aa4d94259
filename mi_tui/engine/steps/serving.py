"""What serves: endpoint, deployment, traffic and the first request."""

from __future__ import annotations

from mi_tui.engine import evidence, logs, missing, overwritten
from mi_tui.engine import traffic as before
from mi_tui.engine.context import Context, Done, Interrupted, Looks, Say
from mi_tui.engine.patience import passes
from mi_tui.engine.steps import access, mended
from mi_tui.engine.steps.local import needed
from mi_tui.model.answers import IdentityKind
from mi_tui.model.events import Notice
from mi_tui.model.failure import Failure
from mi_tui.model.plan import Action, ResourceKind
from mi_tui.model.redact import redact
from mi_tui.services import deployments, endpoints, scoring
from mi_tui.services.deployments import DeploymentInfo, DeploymentSpec
from mi_tui.services.endpoints import EndpointInfo
from mi_tui.services.errors import ServiceError

_LATE_LOOKS = 3
"""How often the log of a failed deployment is asked for again when there is none."""


def endpoint(ctx: Context, say: Say) -> Done:
    """Make or take the endpoint; note its scoring URI and, for a system-assigned identity, its principal."""
    planned = ctx.plan.resource("endpoint")
    uai = ctx.plan.answers.identity.kind is IdentityKind.UAI
    info = endpoints.get(ctx.session, ctx.group, ctx.workspace, planned.name)
    if info is not None and info.state.lower() in endpoints.BUSY:
        info = endpoints.wait_settled(
            ctx.session,
            ctx.group,
            ctx.workspace,
            planned.name,
            ctx.pace.endpoint_settle,
            lambda status: say(status, ""),
            stop=ctx.stop,
        )
    if info is not None and info.broken and _may_replace(ctx, info):
        say("Deleting", "an earlier try left it broken")
        endpoints.delete(
            ctx.session, ctx.group, ctx.workspace, planned.name, lambda status: say(status, ""), stop=ctx.stop
        )
        info = None
    if info is not None:
        done = overwritten.keep(ctx, ResourceKind.ENDPOINT, planned.id, planned.name, info.tags)
    else:
        tried = ctx.ours(planned.id)
        with ctx.making(
            ResourceKind.ENDPOINT,
            planned.id,
            planned.name,
            lambda: endpoints.get(ctx.session, ctx.group, ctx.workspace, planned.name),
        ):
            info, fresh = endpoints.create(
                ctx.session, ctx.group, ctx.workspace, planned.name,
                identity_id=ctx.plan.resource("identity").id if uai else None,
                tags=ctx.tags, watch=lambda status: say(status, ""), stop=ctx.stop,
            )  # fmt: skip
        done = overwritten.after_call(
            ctx, ResourceKind.ENDPOINT, planned.id, planned.name, info.tags, fresh=fresh, tried=tried
        )
    ctx.note("scoring_uri", info.scoring_uri)
    if not uai and info.principal_id:
        ctx.note("principal_id", info.principal_id)
    return done


def _may_replace(ctx: Context, info: EndpointInfo) -> bool:
    """Whether a broken endpoint is ours to delete: this run's own, or the leftover that the plan was to replace; and it holds nothing of
    others. ServiceError when it does."""
    mine = overwritten.ours(ctx, ResourceKind.ENDPOINT, info.id, info.tags)
    if not mine and ctx.plan.resource("endpoint").action is not Action.REPLACE:
        return False
    there = deployments.list_all(ctx.session, ctx.group, ctx.workspace, info.name)
    tenants = [found for found in there if not mine or evidence.against(ctx, found)]
    if tenants:
        raise ServiceError(
            Failure(
                code="mi-tui/broken-endpoint-in-use",
                message=f"The broken endpoint {info.name!r} has a deployment by now ({tenants[0].name}), so it was left as it is.",
                advice="Take another endpoint name in a new run, or have who made the deployment delete it.",
            )
        )
    return True


def variables(ctx: Context) -> dict[str, str]:
    """What the scoring script gets to know: where the file is and, for a user-assigned identity, which identity to use."""
    answers = ctx.plan.answers
    given = {
        "STORAGE_ACCOUNT_NAME": answers.storage.account,
        "STORAGE_CONTAINER_NAME": answers.storage.container,
        "FILE_NAME": answers.storage.blob,
    }
    if answers.identity.kind is IdentityKind.UAI:
        given["UAI_CLIENT_ID"] = ctx.fact("client_id")
    return {**answers.deployment.environment_variables, **given}


def deployment(ctx: Context, say: Say) -> Done:
    """Make the deployment; when it fails for a grant that is there but young, delete it, wait and make it again."""
    planned = ctx.plan.resource("deployment")
    front = ctx.plan.answers.endpoint.name
    mended.remake(ctx, say)
    settled = _settle(ctx, say, planned.name)
    ctx.follower = logs.Follower(ctx, front, planned.name)
    if settled == "succeeded":
        ctx.follower.look()
        # It is this run's, by the ledger or by its tag alone: then the ledger is to have it again.
        return ctx.keep(ResourceKind.DEPLOYMENT, planned.id, planned.name, tags=ctx.tags)
    wanted = ctx.plan.answers.deployment
    mended.say_what_is_older(ctx)
    spec = DeploymentSpec(
        endpoint=front,
        name=planned.name,
        model_id=ctx.fact("model_id"),
        code_id=ctx.fact("code_id"),
        environment_id=ctx.fact("environment_id"),
        scoring_script=wanted.scoring_script,
        instance_type=wanted.instance_type,
        instance_count=wanted.instance_count,
        environment_variables=variables(ctx),
        tags=ctx.tags,
    )
    for attempt in range(1, ctx.pace.deployment_tries + 1):
        _remove_failed(ctx, say, planned.name)
        endpoints.wait_settled(
            ctx.session,
            ctx.group,
            ctx.workspace,
            front,
            ctx.pace.endpoint_settle,
            lambda status: say(status, "endpoint"),
            stop=ctx.stop,
        )
        _still_free(ctx, front, planned.name)
        ctx.journal.intend(ctx.run, ResourceKind.DEPLOYMENT, planned.id, planned.name)
        ctx.say_once(
            "Azure gives no container logs while a deployment is being created. They are asked for every "
            f"{max(1, round(ctx.pace.log_poll))} s, and shown as soon as there are any."
        )
        # Each try is another container, so its log is another one too.
        ctx.follower = logs.Follower(ctx, front, planned.name)
        try:
            with ctx.follower:
                deployments.create(
                    ctx.session, ctx.group, ctx.workspace, spec, lambda status: say(status, ""), stop=ctx.stop
                )
        except ServiceError as error:
            if passes(error.failure):
                # Nothing is known of what the call did: the step is done again, and looks.
                raise
            left = _look_after(ctx, front, planned.name, error)
            refused = 400 <= error.status < 500 and error.status != 404
            if (left is None and error.status) or (left is not None and not ctx.made(planned.id, left.tags)):
                # Refused before anything was made, such as for quota: there are no logs and nothing bills. A 404 may be that of a look
                # behind the call, by a part of Azure that does not know yet what was made.
                if refused or left is not None:
                    ctx.journal.forget(ctx.run, planned.id)
                raise
            if left is not None:
                ctx.journal.created(
                    ctx.run, ResourceKind.DEPLOYMENT, planned.id, planned.name, f"tag mi-tui-run={ctx.run}"
                )
            # Without a status it is the operation that failed, so Azure had taken the call: a look that finds nothing is an old one, and
            # the intent stays.
            text = _last_words(ctx, say)
            if attempt == ctx.pace.deployment_tries or not _too_early(ctx, error.failure, text):
                raise
            _await_grants(ctx, say, attempt + 1)
        else:
            break
    ctx.journal.created(ctx.run, ResourceKind.DEPLOYMENT, planned.id, planned.name, f"tag mi-tui-run={ctx.run}")
    ctx.follower.look()
    return Done("created", f"{wanted.instance_type} x {wanted.instance_count}", planned.id)


def _last_words(ctx: Context, say: Say) -> str:
    """The log of a deployment that failed; Azure may have it only a while after the state says so (public field reports)."""
    assert ctx.follower is not None
    text = ctx.follower.look()
    for _ in range(_LATE_LOOKS):
        if text or ctx.stop.is_set():
            break
        say("Failed", "waiting for its log")
        ctx.stop.wait(ctx.pace.log_poll)
        text = ctx.follower.look()
    return text


def _said_to_the_request(ctx: Context, follower: Looks, say: Say) -> None:
    """What the script said, and the proof with it; asked for again only where Azure did not answer the question."""
    for _ in range(_LATE_LOOKS):
        follower.look()
        if follower.answered or ctx.stop.is_set():
            return
        say("Answered", "waiting for its log")
        ctx.stop.wait(ctx.pace.log_poll)


def _look_after(ctx: Context, front: str, name: str, error: ServiceError) -> DeploymentInfo | None:
    """What a failed call left. Where it cannot be seen, the call's own error is the one to tell, and the intent stays."""
    try:
        return deployments.get(ctx.session, ctx.group, ctx.workspace, front, name)
    except ServiceError:
        raise error from None


def _settle(ctx: Context, say: Say, name: str) -> str:
    """The deployment's final state after whatever is under way: `succeeded`, `failed`, or empty when there is none."""
    while True:
        info = deployments.get(ctx.session, ctx.group, ctx.workspace, ctx.plan.answers.endpoint.name, name)
        if info is None:
            return ""
        state = info.state.lower()
        if state in {"succeeded", "failed", "canceled"}:
            # One that answers is used as it is, and told by the step's end; one that failed is going to be deleted.
            if not ctx.made(info.id, info.tags) or (state != "succeeded" and evidence.against(ctx, info)):
                ctx.journal.forget(ctx.run, info.id)
                raise mended.not_this_runs(ctx, name)
            return "succeeded" if state == "succeeded" else "failed"
        say(info.state, "under way since before")
        if ctx.stop.wait(ctx.pace.state_poll):
            raise Interrupted


def _still_free(ctx: Context, front: str, name: str) -> None:
    """Look once more, after minutes of waiting for the endpoint: a PUT would change a deployment that somebody has made meanwhile, and put
    the run's tag on it. ServiceError when there is one."""
    info = deployments.get(ctx.session, ctx.group, ctx.workspace, front, name)
    if info is not None and not ctx.made(info.id, info.tags):
        raise mended.not_this_runs(ctx, name)


def _remove_failed(ctx: Context, say: Say, name: str) -> None:
    """Delete what a failed try of this run left: Azure cannot repair a first provisioning that failed."""
    front = ctx.plan.answers.endpoint.name
    info = deployments.get(ctx.session, ctx.group, ctx.workspace, front, name)
    if info is not None and not evidence.against(ctx, info):
        say("Deleting", "Azure cannot repair a deployment whose first provisioning failed")
        deployments.delete(
            ctx.session, ctx.group, ctx.workspace, front, name, lambda status: say(status, ""), stop=ctx.stop
        )


def _too_early(ctx: Context, failure: Failure, log: str) -> bool:
    """Whether the failure is that of a grant which exists and was made a short while ago."""
    text = " ".join((failure.message, *failure.details, log))
    if not missing.looks_like_missing_right(text):
        return False
    old = access.age(ctx, at_once=False)
    young = old is not None and old < ctx.pace.young_grant
    return young and not missing.grants(ctx.session, ctx.plan, access.principal_id(ctx))


def _await_grants(ctx: Context, say: Say, attempt: int) -> None:
    """Wait before try `attempt` of a deployment whose grants are there but young; before the last one until they must act."""
    seconds = ctx.pace.retry_wait
    if attempt == ctx.pace.deployment_tries:
        seconds = max(seconds, ctx.pace.propagation - (access.age(ctx, at_once=False) or 0.0))
    ctx.emit(
        Notice(
            run=ctx.run,
            text=f"Every grant is there, but young: Azure may not act on it yet. Trying the deployment again in {seconds:.0f} s "
            f"(try {attempt} of {ctx.pace.deployment_tries}).",
        )
    )
    access.wait(ctx, say, seconds, "for the grants to take effect, which Azure says takes up to 10 minutes")


def traffic(ctx: Context, say: Say) -> Done:
    """Send all traffic to the deployment."""
    name, wanted = ctx.plan.answers.endpoint.name, {ctx.plan.answers.deployment.name: 100}
    info = endpoints.wait_settled(
        ctx.session,
        ctx.group,
        ctx.workspace,
        name,
        ctx.pace.endpoint_settle,
        lambda status: say(status, ""),
        stop=ctx.stop,
    )
    if {key: value for key, value in info.traffic.items() if value} == wanted:
        return Done("done", "was so already")
    before.note(ctx, name, info.traffic)
    endpoints.set_traffic(
        ctx.session, ctx.group, ctx.workspace, name, wanted, lambda status: say(status, ""), stop=ctx.stop
    )
    return Done("done", f"{next(iter(wanted))} 100 %")


def request(ctx: Context, say: Say) -> Done:
    """Ask the endpoint; right after the traffic update it may take a moment until the route is there."""
    path = ctx.plan.answers.request
    if path is None:
        return Done("skipped", "the answers name no request")
    file = needed(ctx, path, "The request", "it is sent to the endpoint")
    say("Sending", "")
    key = endpoints.key(ctx.session, ctx.group, ctx.workspace, ctx.plan.answers.endpoint.name)
    uri = ctx.fact("scoring_uri")
    for wait in (1.0, 2.0, 4.0, 8.0, 0.0):
        answer = scoring.invoke(uri, key, file.read_bytes())
        if answer.status not in {404, 502, 503} or not wait:
            break
        say(f"HTTP {answer.status}", "the route is not there yet")
        if ctx.stop.wait(wait):
            raise Interrupted
    if ctx.follower is not None:
        _said_to_the_request(ctx, ctx.follower, say)
    if answer.status != 200:
        raise ServiceError(
            Failure(
                code=f"HTTP {answer.status}",
                status=answer.status,
                message=f"The endpoint answered {answer.status}: {redact(answer.text[:500])}",
                advice="'mi-tui logs RUN' shows what the script said; 'mi-tui invoke RUN' asks again.",
            )
        )
    ctx.note("response", redact(answer.text))  # the journal keeps no secret, not even one that a script answers
    return Done("done", f"200 in {answer.seconds * 1000:.0f} ms")
