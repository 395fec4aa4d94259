"""The registered assets: model, environment and code, under names that the plan knows before anything is uploaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mi_tui.engine.context import Context, Done, Say
from mi_tui.engine.journal import Verdict
from mi_tui.engine.mending import uploaded
from mi_tui.engine.mending.conda_file import MADE_FROM, hash_of, text_of
from mi_tui.engine.steps.local import needed
from mi_tui.model import names
from mi_tui.model.plan import PlannedResource, ResourceKind
from mi_tui.services import assets
from mi_tui.services.assets import AssetInfo

Register = Callable[[Path, str, str], AssetInfo]


def model(ctx: Context, say: Say) -> Done:
    """Upload and register the model."""
    planned, wanted = ctx.plan.resource("model"), ctx.plan.answers.deployment

    def ready() -> Path:
        return needed(ctx, wanted.model, "The model", "it is uploaded to the workspace")

    def register(path: Path, name: str, version: str) -> AssetInfo:
        ctx.note(uploaded.MADE_FROM["model"], uploaded.content(path))
        return assets.register_model(
            ctx.session, ctx.group, ctx.workspace, name, version, path, ctx.tags, _intent(ctx, planned)
        )

    return _register(ctx, say, planned, ready, register)


def environment(ctx: Context, say: Say) -> Done:
    """Register the environment: conda file on a base image."""
    planned, wanted = ctx.plan.resource("environment"), ctx.plan.answers.deployment

    def ready() -> Path:
        return needed(ctx, wanted.conda, "The conda file", "Azure builds the environment from it")

    def register(conda: Path, name: str, version: str) -> AssetInfo:
        ctx.note(MADE_FROM, hash_of(text_of(str(conda))))
        return assets.register_environment(
            ctx.session, ctx.group, ctx.workspace, name, version, conda, wanted.image, ctx.tags
        )

    return _register(ctx, say, planned, ready, register)


def code(ctx: Context, say: Say) -> Done:
    """Upload and register the folder with the scoring script."""
    planned, wanted = ctx.plan.resource("code"), ctx.plan.answers.deployment

    def ready() -> Path:
        path = needed(ctx, wanted.code, "The folder with the scoring script", "it is uploaded to the workspace")
        needed(ctx, str(path / wanted.scoring_script), "The scoring script", "the deployment runs it")
        return path

    def register(path: Path, name: str, version: str) -> AssetInfo:
        ctx.note(uploaded.MADE_FROM["code"], uploaded.content(path))
        return assets.register_code(
            ctx.session, ctx.group, ctx.workspace, name, version, path, ctx.tags, _intent(ctx, planned),
            upload=ctx.call(planned.id),
        )  # fmt: skip

    return _register(ctx, say, planned, ready, register)


def _intent(ctx: Context, planned: PlannedResource) -> Callable[[str], None]:
    """Journals where files are about to go, so that a registration that fails after its upload leaves nothing unknown."""

    def intend(place: str) -> None:
        ctx.journal.intend(ctx.run, ResourceKind.UPLOAD, place, _files_of(planned))
        ctx.note(f"{planned.key}_upload", place)

    return intend


def _register(ctx: Context, say: Say, planned: PlannedResource, ready: Callable[[], Path], register: Register) -> Done:
    found = assets.get(ctx.session, planned.id)
    if found is not None:
        _settle_uploads(ctx, planned, found.data_uri)
        ctx.note(f"{planned.key}_id", found.id)
        return ctx.keep(planned.kind, planned.id, planned.name)
    kind, name, version = planned.id.split("/")[-4], planned.name, planned.id.rsplit("/", 1)[-1]
    path, tried = ready(), ctx.ours(planned.id)
    say("Uploading" if planned.kind is not ResourceKind.ENVIRONMENT else "Registering", "")
    with ctx.making(planned.kind, planned.id, f"{kind}/{name}:{version}", lambda: assets.get(ctx.session, planned.id)):
        info = register(path, name, version)
    ctx.note(f"{planned.key}_id", info.id)
    if not names.same_id(info.id, planned.id):
        if tried and planned.kind is ResourceKind.CODE:
            # The place that an earlier try was given, should its answer have been lost.
            assets.drop_upload(ctx.session, ctx.group, ctx.workspace, name, version, ctx.call(planned.id))
        ctx.journal.forget(ctx.run, planned.id)
        return ctx.keep(planned.kind, info.id, info.name, "the same content was registered before; Azure uses that")
    ctx.journal.created(
        ctx.run, planned.kind, planned.id, f"{kind}/{name}:{version}", "answered 201 to this run's request"
    )
    if info.uploaded and info.data_uri:
        ctx.journal.created(
            ctx.run,
            ResourceKind.UPLOAD,
            info.data_uri,
            _files_of(planned),
            "the folder was not there before the upload",
        )
        # Only now: between the two nothing would know of the files.
        ctx.journal.forget(ctx.run, ctx.fact(f"{planned.key}_upload"))
    _settle_uploads(ctx, planned, info.data_uri)
    return Done("created", "", planned.id)


def _settle_uploads(ctx: Context, planned: PlannedResource, uri: str) -> None:
    """What interrupted tries left of their uploads, once the asset is registered with its files at `uri`: Azure gives each try's
    code a container of its own, so the others are of no use to anybody."""
    for entry in ctx.journal.ledger(ctx.run):
        mine = entry.kind is ResourceKind.UPLOAD and entry.name == _files_of(planned)
        if not mine or entry.verdict is not Verdict.INTENDED:
            continue
        if assets.same_files(ctx.session, ctx.group, ctx.workspace, entry.id, uri):
            ctx.journal.created(
                ctx.run,
                entry.kind,
                entry.id,
                entry.name,
                "intent recorded when it was absent; found present afterwards",
            )
        elif assets.delete_container_of(ctx.session, ctx.group, ctx.workspace, entry.id):
            ctx.journal.removed(ctx.run, entry.id, "an interrupted upload, made anew elsewhere")


def _files_of(planned: PlannedResource) -> str:
    return f"files of {planned.name}"
