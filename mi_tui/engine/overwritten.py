"""Whose is what a PUT may have found in place of making it: an identity, a storage account, a container, an endpoint, a grant.

Azure has no condition against that. Who was quicker than this run finds the run's tag on what is theirs, so the tag needs company: the
status of the answer, else (the process died before it was read) Azure's creation time and its activity log.
"""

from __future__ import annotations

import datetime as dt

import msgspec

from mi_tui.engine import context, evidence
from mi_tui.engine.context import OVERWRITTEN, RUN_TAG, Context, Done
from mi_tui.engine.journal import Verdict
from mi_tui.engine.patience import passes
from mi_tui.model.events import Notice
from mi_tui.model.plan import ResourceKind
from mi_tui.services import activity, grants, seen, storage, tags
from mi_tui.services.errors import ServiceError
from mi_tui.services.seen import Seen

_CLOCKS = 2.0
"""Seconds by which the clocks of two of Azure's services may differ."""
_METADATA = f"{seen.METADATA_MARK}="
_MARKS = {ResourceKind.CONTAINER: "metadata", ResourceKind.GRANT: "words in its description"}
"""What carries the run's mark where it is no tag."""
_REPLACED = {
    ResourceKind.STORAGE_ACCOUNT: "tags and settings (TLS, HTTPS only, public blobs)",
    ResourceKind.CONTAINER: "metadata and public access",
    ResourceKind.ENDPOINT: "tags and traffic",
    ResourceKind.GRANT: "words in its description",
}
"""What the run's call put in the place of somebody else's, besides; of an identity it is the tags alone."""
_UNKNOWN = (Verdict.INTENDED, None)
FOUND = "Azure answered that it was there when it was to be made"


def keep(ctx: Context, kind: ResourceKind, resource_id: str, name: str, carried: dict[str, str]) -> Done:
    """As `Context.keep`, of what carries these tags: what this run's call put its tag on without having made it is given back.

    While Azure cannot tell yet, it stays an intent, and clean-up asks again.
    """
    if ctx.journal.verdict(ctx.run, resource_id) not in _UNKNOWN:
        return ctx.keep(kind, resource_id, name, tags=carried)
    if carried.get(RUN_TAG) != ctx.run and ctx.answer(resource_id) != context.FOUND:
        return ctx.keep(kind, resource_id, name, tags=carried)
    why, certain = _against(ctx, resource_id)
    if why:
        return _give_back(ctx, kind, resource_id, name, why)
    if not certain and ctx.ours(resource_id):
        return Done("created", "made earlier by this run, as its tag says", resource_id)
    return ctx.keep(kind, resource_id, name, tags=carried)


def after_call(
    ctx: Context, kind: ResourceKind, resource_id: str, name: str, carried: dict[str, str], *, fresh: bool, tried: bool
) -> Done:
    """What became of the call that was to make it. `carried` are its tags afterwards; `fresh`: Azure's answer says that this call made
    it; `tried`: an earlier call of this run may have, whose answer was lost."""
    if fresh:
        made = _made(ctx, kind, resource_id)
        ctx.journal.created(
            ctx.run, kind, resource_id, name, _mark(ctx, kind),
            made=made.made if made else "", stamp=made.stamp if made else "",
            request_id=ctx.session.operations.calls.last_request_id() if made else "",
        )  # fmt: skip
        return Done("created", "", resource_id)
    if tried or ctx.repeated(resource_id) or carried.get(RUN_TAG) != ctx.run:
        return keep(ctx, kind, resource_id, name, carried)
    # Should the tags not come off at once, the next try knows it still.
    ctx.note_found(resource_id)
    return _give_back(ctx, kind, resource_id, name, FOUND)


def _mark(ctx: Context, kind: ResourceKind) -> str:
    """How the run marks what it makes: a container has metadata in place of tags."""
    return f"metadata {_METADATA}{ctx.run}" if kind is ResourceKind.CONTAINER else f"tag {RUN_TAG}={ctx.run}"


def _made(ctx: Context, kind: ResourceKind, resource_id: str) -> Seen | None:
    """What tells the resource that this run's call has just made from any other of its name, noted before the first look at its tags:
    another run's call may have replaced those by then. None where Azure did not say."""
    if kind is ResourceKind.CONTAINER:
        # Azure keeps no creation time of one; now is the moment of its 201.
        now = dt.datetime.fromtimestamp(ctx.session.operations.azure_time(), dt.UTC)
        return Seen(resource_id, ctx.run, now.isoformat(timespec="seconds"), f"{_METADATA}{ctx.run}")
    if told := seen.told(ctx.session, resource_id):
        return told
    # A storage account is taken with 202 and no word of it.
    try:
        found = seen.look(ctx.session, resource_id)
    except ServiceError:
        return None
    since = ctx.absent_since(resource_id)
    if found is None or not since:
        return None
    return found if seen.moment(found.made) >= dt.datetime.fromisoformat(since).timestamp() - _CLOCKS else None


def ours(ctx: Context, kind: ResourceKind, resource_id: str, carried: dict[str, str]) -> bool:
    """Whether this run made what is there, and nobody has made it again since: what may be deleted to be made anew. Raises ServiceError."""
    if not ctx.made(resource_id, carried):
        return False
    entry, found = ctx.journal.entry(ctx.run, resource_id), seen.look(ctx.session, resource_id)
    if found is None or (entry is not None and evidence.another(entry, found, ctx.run)):
        return False
    return ctx.journal.verdict(ctx.run, resource_id) not in _UNKNOWN or not against(ctx, kind, resource_id)


def against(ctx: Context, kind: ResourceKind, resource_id: str) -> str:
    """Why, although it carries the run's tag, it was not made by this run, whose ledger says no more than that it meant to; empty when
    nothing says so. Raises ServiceError."""
    return _against(ctx, resource_id)[0] if kind in OVERWRITTEN else ""


def _against(ctx: Context, resource_id: str) -> tuple[str, bool]:
    """As `against`; and whether that is certain, or as certain as it can become."""
    since = ctx.absent_since(resource_id)
    if not since:
        return "", True  # an intent of an earlier version, which noted no more
    entry = ctx.journal.entry(ctx.run, resource_id)
    if entry is not None and (entry.made or entry.stamp):
        # This run made it once, and did not find it later: what is there may be that one, seen too early.
        there = seen.look(ctx.session, resource_id)
        if there is not None and not evidence.another(
            msgspec.structs.replace(entry, verdict=Verdict.CREATED), there, ctx.run
        ):
            return "", True
    if told := ctx.answer(resource_id):
        return (FOUND if told == context.FOUND else ""), True
    found = seen.look(ctx.session, resource_id)
    moment = dt.datetime.fromisoformat(since)
    if found is not None and found.made and seen.moment(found.made) < moment.timestamp() - _CLOCKS:
        return f"Azure says that it was made at {found.made}, before this run did anything", True
    if ctx.session.operations.azure_time() - moment.timestamp() > activity.KEPT:
        return "", True  # nobody can tell any more
    try:
        made = activity.made(ctx.session, resource_id, ctx.call(resource_id), moment.timestamp() - _CLOCKS)
    except ServiceError as error:
        if passes(error.failure):
            raise
        return "", True  # nobody will tell: the right is missing, or the provider of the log
    return (
        ("Azure's activity log says that this run's call found it there", True) if made is False else ("", made is True)
    )


def _give_back(ctx: Context, kind: ResourceKind, resource_id: str, name: str, why: str) -> Done:
    """Use what is somebody else's as it is; the tags that this run's call put on it are taken off, and it is said."""
    marks = _MARKS.get(kind, "tags")
    # The tags first: who dies in between finds what is without them to be somebody else's.
    try:
        if kind is ResourceKind.CONTAINER:
            storage.take_off_metadata(ctx.session, resource_id, seen.METADATA_MARK, ctx.run)
        elif kind is ResourceKind.GRANT:
            grants.take_off(ctx.session, resource_id, f"{RUN_TAG}={ctx.run}")
        else:
            tags.take_off(ctx.session, resource_id, ctx.tags)
        said = f"The run's {marks} were taken off again"
    except ServiceError as error:
        if passes(error.failure):
            raise
        said = f"The run's {marks} are on it and could not be taken off ({error.failure.sentence().rstrip('.')})"
    ctx.emit(
        Notice(
            run=ctx.run,
            text=f"Somebody else made the {kind.value} {name} while this run was about to: {why}. It is used, and clean-up leaves it. "
            f"{said}; {_REPLACED.get(kind, 'tags')} that it had before were replaced.",
        )
    )
    return ctx.not_ours(kind, resource_id, name, why)
