"""Whose a resource is: what the ledger noted when it was made, held against what Azure says of it now."""

from __future__ import annotations

import datetime as dt

from mi_tui.engine.context import RUN_TAG, Context, Done
from mi_tui.engine.journal import LedgerEntry, Verdict
from mi_tui.model import names
from mi_tui.model.events import Notice
from mi_tui.model.plan import ResourceKind
from mi_tui.services import seen
from mi_tui.services.deployments import DeploymentInfo
from mi_tui.services.errors import ServiceError
from mi_tui.services.seen import Seen

_CLOCKS = 300.0
"""Seconds by which this machine's clock may differ from Azure's."""


def gather(ctx: Context, done: Done) -> Done:
    """After a step made something: note when Azure says that it was made, so that another of the same name is told from it later.

    What was made again by somebody else since this run made it is used as it is, said, and not ours any more.
    """
    entry = ctx.journal.entry(ctx.run, done.resource) if done.result == "created" and done.resource else None
    if entry is None or entry.verdict is not Verdict.CREATED or entry.kind in {ResourceKind.BLOB, ResourceKind.UPLOAD}:
        return done
    try:
        found = seen.look(ctx.session, entry.id)
    except ServiceError:
        return done  # the mark is evidence enough; the moment only sharpens it
    if found is None:
        return done
    if why := another(entry, found, ctx.run):
        ctx.journal.disown(ctx.run, entry.id, why)
        ctx.emit(
            Notice(
                run=ctx.run,
                text=f"{entry.kind.value} {entry.name}: {why}. It is used as it is, and clean-up leaves it.",
            )
        )
        return Done("used", why, done.resource)
    if not entry.made and not entry.stamp:
        ctx.journal.created(
            ctx.run, entry.kind, entry.id, entry.name, entry.evidence,
            made=found.made, stamp=found.stamp, request_id=ctx.session.operations.calls.last_request_id(),
        )  # fmt: skip
    return done


def another(entry: LedgerEntry, found: Seen, run: str) -> str:
    """Why what is there is not what this run made, in words; empty when it is."""
    if entry.verdict is Verdict.INTENDED:
        return _not_by_this_call(entry, found, run)
    if entry.made and found.made:
        if not seen.same_moment(entry.made, found.made):
            return f"somebody made it again since: Azure says at {found.made}, and this run's was made at {entry.made}"
        return ""
    if entry.stamp and entry.kind is not ResourceKind.BLOB:
        if entry.stamp == found.stamp or _only_marked_anew(entry, found):
            return ""
        return "somebody made it again since: it lacks what marks this run's"
    if entry.kind in _TAGGED and found.run != run:
        return "it does not carry this run's tag any more, and nothing else tells that it is the one that this run made"
    return ""


def _only_marked_anew(entry: LedgerEntry, found: Seen) -> bool:
    """Whether a container is the run's although it lacks its mark: another run's call, a moment after this run's, replaced that. The name
    of a container is not free for at least 30 seconds after its deletion ("Delete Container", Azure Storage REST), so what has not
    changed since then is what this run made."""
    if entry.kind is not ResourceKind.CONTAINER or not entry.made or not found.changed:
        return False
    return seen.moment(found.changed) < seen.moment(entry.made) + _NAME_HELD


_NAME_HELD = 30.0 - 2.0
"""Seconds after a container was made in which no other can have its name; less what the clocks of two services may differ."""

_TAGGED = {ResourceKind.ENDPOINT, ResourceKind.DEPLOYMENT, ResourceKind.STORAGE_ACCOUNT, ResourceKind.IDENTITY}
"""What carries the run's tag since the first format of the journal."""


def _not_by_this_call(entry: LedgerEntry, found: Seen, run: str) -> str:
    """Of an intent whose outcome nobody saw, the mark tells whether it was this run's call that made the resource."""
    if found.run == run:
        return ""
    if entry.kind is ResourceKind.GRANT and not found.run and _since(entry, found):
        return ""  # its name is computed by mi-tui, it was seen absent before, and it was made since
    return "it does not carry this run's tag: somebody else made it"


def _since(entry: LedgerEntry, found: Seen) -> bool:
    try:
        made = dt.datetime.fromisoformat(found.made)
    except ValueError:
        return False
    made = made if made.tzinfo else made.replace(tzinfo=dt.UTC)
    return made.timestamp() >= entry.noted - _CLOCKS


def words(entry: LedgerEntry) -> str:
    """Everything that the ledger knows of why a resource is whose it is."""
    parts = [entry.evidence]
    if entry.made:
        parts.append(f"made at {entry.made} by Azure's clock")
    if entry.stamp and entry.stamp not in entry.evidence:
        parts.append(
            entry.stamp
            if "=" in entry.stamp
            else f"{'etag' if entry.kind is ResourceKind.BLOB else 'principal'} {entry.stamp}"
        )
    if entry.request_id:
        parts.append(f"request {entry.request_id}")
    return "; ".join(parts)


def against(ctx: Context, info: DeploymentInfo) -> str:
    """Why a deployment is not the one that this run made, in words; empty when it is. By its tags, and by the moment that Azure says."""
    if not ctx.made(info.id, info.tags):
        return "this run did not make it"
    entry = ctx.journal.entry(ctx.run, info.id)
    return another(entry, Seen(info.id, info.tags.get(RUN_TAG, ""), info.made), ctx.run) if entry else ""


def blob_parts(resource_id: str) -> tuple[str, str, str]:
    """The account's id, the container and the blob in the ledger's id of a blob. ValueError when it is none."""
    upper, found, blob = resource_id.partition("/blobs/")
    parsed = names.parse_id(upper)
    if not found or len(parsed.segments) < 3:
        raise ValueError(f"not the id of a blob: {resource_id!r}")
    return names.storage_account_id(parsed.subscription, parsed.group, parsed.segments[0][1]), parsed.name, blob
