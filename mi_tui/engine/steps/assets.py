"""The registered assets: model, environment and code, under names that the plan knows before anything is uploaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mi_tui.engine.context import Context, Done, Say
from mi_tui.model import names
from mi_tui.model.plan import PlannedResource, ResourceKind
from mi_tui.services import assets
from mi_tui.services.assets import AssetInfo

Register = Callable[[str, str], AssetInfo]


def model(ctx: Context, say: Say) -> Done:
    """Upload and register the model."""
    planned, path = ctx.plan.resource("model"), Path(ctx.plan.answers.deployment.model)

    def register(name: str, version: str) -> AssetInfo:
        return assets.register_model(
            ctx.session, ctx.group, ctx.workspace, name, version, path, ctx.tags, _intent(ctx, planned)
        )

    return _register(ctx, say, planned, register)


def environment(ctx: Context, say: Say) -> Done:
    """Register the environment: conda file on a base image."""
    planned, wanted = ctx.plan.resource("environment"), ctx.plan.answers.deployment

    def register(name: str, version: str) -> AssetInfo:
        return assets.register_environment(
            ctx.session, ctx.group, ctx.workspace, name, version, Path(wanted.conda), wanted.image, ctx.tags
        )

    return _register(ctx, say, planned, register)


def code(ctx: Context, say: Say) -> Done:
    """Upload and register the folder with the scoring script."""
    planned, path = ctx.plan.resource("code"), Path(ctx.plan.answers.deployment.code)

    def register(name: str, version: str) -> AssetInfo:
        return assets.register_code(
            ctx.session, ctx.group, ctx.workspace, name, version, path, ctx.tags, _intent(ctx, planned)
        )

    return _register(ctx, say, planned, register)


def _intent(ctx: Context, planned: PlannedResource) -> Callable[[str], None]:
    """Journals where files are about to go, so that a registration that fails after its upload leaves nothing unknown."""

    def intend(place: str) -> None:
        ctx.note(f"{planned.key}_upload", place)
        ctx.journal.intend(ctx.run, ResourceKind.UPLOAD, place, f"files of {planned.name}")

    return intend


def _register(ctx: Context, say: Say, planned: PlannedResource, register: Register) -> Done:
    found = assets.get(ctx.session, planned.id)
    if found is not None:
        ctx.note(f"{planned.key}_id", found.id)
        return ctx.keep(planned.kind, planned.id, planned.name)
    kind, name, version = planned.id.split("/")[-4], planned.name, planned.id.rsplit("/", 1)[-1]
    say("Uploading" if planned.kind is not ResourceKind.ENVIRONMENT else "Registering", "")
    with ctx.making(planned.kind, planned.id, f"{kind}/{name}:{version}", lambda: assets.get(ctx.session, planned.id)):
        info = register(name, version)
    ctx.note(f"{planned.key}_id", info.id)
    if not names.same_id(info.id, planned.id):
        ctx.journal.forget(ctx.run, planned.id)
        return ctx.keep(planned.kind, info.id, info.name, "the same content was registered before; Azure uses that")
    ctx.journal.created(
        ctx.run, planned.kind, planned.id, f"{kind}/{name}:{version}", "answered 201 to this run's request"
    )
    if info.uploaded and info.data_uri:
        ctx.journal.forget(ctx.run, ctx.fact(f"{planned.key}_upload"))
        ctx.journal.created(
            ctx.run,
            ResourceKind.UPLOAD,
            info.data_uri,
            f"files of {name}",
            "the folder was not there before the upload",
        )
    return Done("created", "", planned.id)
