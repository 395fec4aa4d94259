"""The storage side: account, container and the file that the scoring script reads."""

from __future__ import annotations

import time
from dataclasses import replace

from mi_tui.engine import overwritten
from mi_tui.engine.context import RUN_TAG, Context, Done, Interrupted, Say
from mi_tui.engine.journal import Verdict
from mi_tui.engine.steps.local import needed
from mi_tui.model import names
from mi_tui.model.failure import Failure
from mi_tui.model.plan import ResourceKind
from mi_tui.services import blobs, seen, storage
from mi_tui.services.errors import ServiceError
from mi_tui.services.storage import AccountInfo


def _where(ctx: Context) -> tuple[str, str]:
    planned = ctx.plan.resource("storage-account")
    return names.parse_id(planned.id).group, planned.name


def account(ctx: Context, say: Say) -> Done:
    """Make or take the storage account."""
    planned = ctx.plan.resource("storage-account")
    group, name = _where(ctx)
    found = storage.get_account(ctx.session, group, name)
    end = time.monotonic() + ctx.pace.busy_patience
    while found is not None and not found.ready:
        # What an interrupted run began: until Azure has finished, the account's keys and blobs cannot be had.
        say("Creating", "under way since before")
        if time.monotonic() >= end:
            words = f"The storage account {name!r} is there, and Azure has not finished it after {ctx.pace.busy_patience:.0f} s."
            advice = f"Look at it in the portal; once it is ready, 'mi-tui resume {ctx.run}' goes on. Or take another name with --fix storage-account."
            raise ServiceError(Failure("mi-tui/account-busy", words, target=found.id, advice=advice))
        if ctx.stop.wait(ctx.pace.state_poll):
            raise Interrupted
        found = storage.get_account(ctx.session, group, name)
    if found is not None:
        return overwritten.keep(ctx, ResourceKind.STORAGE_ACCOUNT, planned.id, name, found.tags)
    tried = ctx.ours(planned.id)
    with ctx.making(
        ResourceKind.STORAGE_ACCOUNT, planned.id, name, lambda: storage.get_account(ctx.session, group, name)
    ):
        info, fresh = storage.create_account(
            ctx.session, group, name, ctx.plan.place.location, ctx.tags, lambda status: say(status, ""), stop=ctx.stop
        )
    done = overwritten.after_call(
        ctx, ResourceKind.STORAGE_ACCOUNT, planned.id, name, info.tags, fresh=fresh, tried=tried
    )
    if done.result == "created" and not info.public_network:
        return replace(done, detail="a policy closed its public network; the endpoint needs a private endpoint to it")
    return done


def container(ctx: Context, say: Say) -> Done:
    """Make or take the container."""
    planned = ctx.plan.resource("container")
    group, name = _where(ctx)
    found = seen.look(ctx.session, planned.id)
    if found is not None:
        return overwritten.keep(ctx, ResourceKind.CONTAINER, planned.id, planned.name, {RUN_TAG: found.run})
    say("Creating", "")
    tried = ctx.ours(planned.id)
    with ctx.making(
        ResourceKind.CONTAINER,
        planned.id,
        planned.name,
        lambda: storage.container_exists(ctx.session, group, name, planned.name),
    ):
        fresh = storage.create_container(ctx.session, group, name, planned.name, {seen.METADATA_MARK: ctx.run})
    # Whichever there was, it has the run's mark now.
    return overwritten.after_call(
        ctx, ResourceKind.CONTAINER, planned.id, planned.name, {RUN_TAG: ctx.run}, fresh=fresh, tried=tried
    )


def blob(ctx: Context, say: Say) -> Done:
    """Upload the file, with the signed-in user's token where that may, else with the account's key. Never overwrites."""
    planned = ctx.plan.resource("blob")
    info = found_account(ctx)
    where = ctx.plan.answers.storage
    # In a container that this run has just made there is nothing to look for; the upload itself never overwrites.
    fresh = ctx.journal.verdict(ctx.run, ctx.plan.resource("container").id) is Verdict.CREATED
    begun = ctx.journal.verdict(ctx.run, planned.id) is not None
    found, blind = (None, False) if where.upload and fresh and not begun else _look(ctx, info)
    if found is not None:
        return _kept(ctx, found)
    if blind and where.upload is None:
        return ctx.keep(ResourceKind.BLOB, planned.id, planned.name)
    if where.upload is None:
        raise ServiceError(
            Failure(
                code="mi-tui/no-blob",
                message=f"The blob {where.blob!r} is not in the container {where.container!r} any more.",
                advice="Put it back, or name a local file in storage.upload and begin a new run.",
            )
        )
    file = needed(ctx, where.upload, "The file to upload", "the scoring script reads it from the container")
    say("Uploading", "")
    # Where the caller may not look (None), a refused upload has made nothing either.
    with ctx.making(
        ResourceKind.BLOB,
        planned.id,
        planned.name,
        lambda: blobs.exists(ctx.session, info, where.container, where.blob),
    ):
        upload = blobs.upload(ctx.session, info, where.container, where.blob, file, {seen.METADATA_MARK: ctx.run})
    if upload.existed:
        # Put there between the look and the call, perhaps by this run's own call whose answer was lost: the blob itself tells.
        return _kept(ctx, blobs.BlobInfo(upload.etag, upload.metadata))
    ctx.note("blob_etag", upload.etag)
    ctx.journal.created(
        ctx.run, ResourceKind.BLOB, planned.id, planned.name, f"uploaded with etag {upload.etag}", stamp=upload.etag
    )
    by = "your sign-in" if upload.how == "token" else "the account key, as your sign-in may not write blobs there"
    return Done("created", f"{upload.size} B, uploaded with {by}", planned.id)


def _look(ctx: Context, info: AccountInfo) -> tuple[blobs.BlobInfo | None, bool]:
    """The planned blob as it is; and whether one may not look."""
    where = ctx.plan.answers.storage
    try:
        return blobs.find(ctx.session, info, where.container, where.blob), False
    except ServiceError as error:
        if error.code != blobs.ROLE_MISSING:
            raise
        return None, True


def _kept(ctx: Context, found: blobs.BlobInfo) -> Done:
    """A blob that is there: ours when its metadata says so, with the etag that tells later whether its content is still ours."""
    planned = ctx.plan.resource("blob")
    entry = ctx.journal.entry(ctx.run, planned.id)
    first = entry is not None and entry.verdict is Verdict.INTENDED
    done = ctx.keep(
        ResourceKind.BLOB, planned.id, planned.name, tags={RUN_TAG: found.metadata.get(seen.METADATA_MARK, "")}
    )
    if first and done.result == "created":
        ctx.note("blob_etag", found.etag)
    etag = found.etag if first else entry.stamp if entry else ""
    if etag and done.result == "created":
        words = (
            "intent recorded when it was absent; found present afterwards" if first else entry.evidence if entry else ""
        )
        ctx.journal.created(ctx.run, ResourceKind.BLOB, planned.id, planned.name, words, stamp=etag)
    return done


def found_account(ctx: Context) -> AccountInfo:
    """The storage account as it is now; ServiceError when it is gone."""
    group, name = _where(ctx)
    info = storage.get_account(ctx.session, group, name)
    if info is None:
        raise ServiceError(
            Failure(
                code="mi-tui/vanished",
                message=f"The storage account {name!r} is not there any more.",
                advice="Say 'mi-tui resume' to make it again.",
            )
        )
    return info
