"""What a deployment is made of, read from the sandbox's store: its environment's conda file, its code and its model.

Laid out in the deployment's own folder as in Azure's container: the code in `azureml-app/<code folder>`, the model in
`azureml-app/azureml-models/<name>/<version>/<last part of its path>`.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from mi_tui.sandbox import containers
from mi_tui.sandbox.store import Resource
from mi_tui.sandbox.world import World

_MODEL_URI = re.compile(r"azureml:/?/?.*?/?datastores/(?P<datastore>[^/]+)/paths/(?P<path>.+)", re.IGNORECASE)


class ArtifactError(Exception):
    """Something that a deployment names is not there; the text says what."""


@dataclass(frozen=True)
class Place:
    """A path in a blob container; `scope` is the container's resource id, where reading it is decided."""

    account: str
    container: str
    path: str
    scope: str


@dataclass(frozen=True)
class Artifacts:
    """All that a deployment needs to be hosted. `model` is None for a deployment without one."""

    conda_file: str
    image: str | None
    code: Place
    script: str
    model: Place | None
    model_name: str
    model_version: str


@dataclass(frozen=True)
class Layout:
    """Where things lie on disk."""

    root: Path
    code: Path
    models: Path
    home: Path
    temporary: Path


def read(world: World, workspace: Resource, properties: dict[str, Any]) -> Artifacts:
    """What a deployment's properties name. ArtifactError when something of it does not exist or cannot be hosted here."""
    code = properties.get("codeConfiguration") or {}
    if not code.get("codeId"):
        raise ArtifactError(
            "The sandbox hosts deployments with a scoring script only: the deployment has no code configuration."
        )
    environment = _asset(world, properties.get("environmentId"), "environment")
    conda_file = environment.body["properties"].get("condaFile")
    if not conda_file:
        raise ArtifactError(
            f"The environment {environment.id} has no conda file. The sandbox runs no container images: "
            "give the environment a conda file with azureml-inference-server-http."
        )
    asset = _asset(world, code["codeId"], "code")
    model, name, version = None, "", ""
    if properties.get("model"):
        resource = _asset(world, properties["model"], "model")
        model = _model_place(world, workspace, str(resource.body["properties"].get("modelUri") or ""))
        parts = resource.id.strip("/").split("/")
        name, version = parts[-3], parts[-1]
    return Artifacts(
        str(conda_file), environment.body["properties"].get("image"), _url_place(world, str(asset.body["properties"]["codeUri"])),
        str(code.get("scoringScript") or "score.py"), model, name, version,
    )  # fmt: skip


def _asset(world: World, identifier: Any, kind: str) -> Resource:
    text = str(identifier or "").removeprefix("azureml:")
    if text.startswith(("//registries/", "azureml://")):
        raise ArtifactError(f"The {kind} {identifier} is in a registry; the sandbox has no registries.")
    resource = world.store.resource(text) if text.startswith("/") else None
    if resource is None:
        raise ArtifactError(f"The {kind} '{identifier}' was not found.")
    return resource


def _url_place(world: World, url: str) -> Place:
    parts = urlsplit(url)
    account = (parts.hostname or "").partition(".")[0]
    container, _, path = unquote(parts.path).lstrip("/").partition("/")
    return _place(world, account, container, path.strip("/"))


def _model_place(world: World, workspace: Resource, uri: str) -> Place:
    found = _MODEL_URI.fullmatch(uri)
    if found is None:
        if uri.startswith("https://"):
            return _url_place(world, uri)
        raise ArtifactError(f"The model's path {uri!r} is on no datastore of the workspace.")
    datastore = world.store.resource(f"{workspace.id}/datastores/{found['datastore']}")
    if datastore is None:
        raise ArtifactError(f"Could not find datastore: {found['datastore']}.")
    facts = datastore.body["properties"]
    container = facts.get("containerName") or facts.get("filesystem")
    if not container:
        raise ArtifactError(
            f"The model's path {uri!r} is on a datastore of the type {facts['datastoreType']}, which holds no blobs."
        )
    return _place(world, str(facts["accountName"]), str(container), unquote(found["path"]).strip("/"))


def _place(world: World, account: str, container: str, path: str) -> Place:
    resource = containers.account_by_name(world, account)
    if resource is None:
        raise ArtifactError(f"The storage account '{account}' was not found.")
    return Place(resource.name, container, path, containers.container_id(resource.id, container))


def layout(root: Path, artifacts: Artifacts) -> Layout:
    """Where a deployment's things belong under its folder."""
    app = root / "azureml-app"
    models = app / "azureml-models"
    if artifacts.model_name:
        models = models / _folder_name(artifacts.model_name) / _folder_name(artifacts.model_version)
    return Layout(
        root, app / _folder_name(PurePosixPath(artifacts.code.path).name or "code"), models, root / "home", root / "tmp"
    )


def lay_out(where: Layout) -> None:
    """Make the empty folders of a deployment."""
    for folder in (where.root, where.code, where.models, where.home, where.temporary):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def code_files(world: World, artifacts: Artifacts, layout: Layout) -> list[tuple[Path, Path]]:
    """The code's files: where their content lies and where it belongs. ArtifactError when there are none."""
    return _files(world, artifacts.code, layout.code, "code")


def model_files(world: World, artifacts: Artifacts, layout: Layout) -> list[tuple[Path, Path]]:
    """The model's files, which belong under the last part of the model's path, as Azure has it."""
    if artifacts.model is None:
        return []
    return _files(
        world,
        artifacts.model,
        layout.models / _folder_name(PurePosixPath(artifacts.model.path).name or "model"),
        "model",
    )


def copy(files: list[tuple[Path, Path]]) -> None:
    """Copy files into place. Touches no store, so that a large model can be copied by a thread."""
    for source, target in files:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(source, target)
        target.chmod(0o600)


def _files(world: World, place: Place, target: Path, kind: str) -> list[tuple[Path, Path]]:
    prefix = f"{place.path}/" if place.path else ""
    found: list[tuple[Path, Path]] = []
    single = world.store.blob(place.account, place.container, place.path) if place.path else None
    if single is not None:
        where = target / PurePosixPath(place.path).name if target.is_dir() else target
        found.append((world.store.blob_folder / single.file, where))
    for blob in world.store.blobs_in(place.account, place.container, prefix):
        path = (target / blob.name[len(prefix) :]).resolve()
        if not path.is_relative_to(target.resolve()):
            raise ArtifactError(f"The blob name {blob.name!r} leads out of the {kind} folder.")
        found.append((world.store.blob_folder / blob.file, path))
    if not found:
        raise ArtifactError(f"There are no blobs of the {kind} at '{place.path}' in the container '{place.container}'.")
    return found


def _folder_name(text: str) -> str:
    # Names come from clients; one that is no plain name must not lead anywhere.
    return text if re.fullmatch(r"(?!\.+\Z)[\w.\- ]+", text) else re.sub(r"[^\w\-]", "_", text)
