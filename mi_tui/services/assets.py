"""Registered models, code and environments of a workspace, and what registering them uploads to its storage."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from mi_tui.model import names
from mi_tui.services import arm, blobs, storage, workspaces
from mi_tui.services.errors import ServiceError, translated
from mi_tui.services.session import Session
from mi_tui.services.storage import AccountInfo
from mi_tui.services.uploads import uploading

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

API_VERSION = "2023-04-01"
DATASTORE = "workspaceblobstore"
UPLOADS = "LocalUpload/"
"""Where azure-ai-ml puts uploads in the datastore: one folder per content hash."""

Kind = Literal["models", "codes", "environments"]

OnUpload = Callable[[str], None]
"""Gets the address of a place that was seen absent, right before the files of a registration go there: should the registration
then fail, this is all that is known of them."""


class AssetInfo(Struct, frozen=True):
    """A registered asset. `data_uri` is where its files are; empty for an environment.

    `uploaded` is True only on evidence: the folder or container of its files was seen absent before this registration.
    Where the storage may not be listed there is no evidence, and it is False.
    """

    id: str
    name: str
    version: str
    created: bool
    data_uri: str = ""
    uploaded: bool = False


class DataLocation(Struct, frozen=True):
    """Files in a storage account. `prefix` ends with a slash. `owns_container`: the container holds nothing else.

    `account_id` is empty when the account is not the workspace's own.
    """

    account: str
    container: str
    prefix: str
    owns_container: bool
    account_id: str = ""


def register_model(
    session: Session,
    group: str,
    workspace: str,
    name: str,
    version: str,
    path: Path,
    tags: dict[str, str],
    on_upload: OnUpload | None = None,
) -> AssetInfo:
    """Register a model folder or file, uploading it when its content is not there yet. Raises ServiceError.

    A model of that name and version is used as it is: `created` is False then.
    """
    folder = ""

    def make(ml: MLClient) -> Any:
        from azure.ai.ml.entities import Model

        nonlocal folder
        entity: Any = Model(name=name, version=version, path=str(path.resolve()), type="custom_model", tags=dict(tags))
        # The SDK's own computation, done first: the folder is known before anything is in it. The SDK takes it from here.
        entity._ignore_file, entity._upload_hash = _ignored_and_hash(path.resolve())
        wanted = f"{UPLOADS}{entity._upload_hash}/"
        if _absent(session, group, workspace, wanted):
            folder = wanted
            if on_upload is not None:
                on_upload(f"azureml://datastores/{DATASTORE}/paths/{folder}")
        return ml.models.create_or_update(entity)

    return _register(session, group, workspace, "models", name, version, make, lambda at: at.prefix == folder)


def register_code(
    session: Session,
    group: str,
    workspace: str,
    name: str,
    version: str,
    path: Path,
    tags: dict[str, str],
    on_upload: OnUpload | None = None,
    upload: str = "",
) -> AssetInfo:
    """Register a code folder. What its .amlignore names is not uploaded. Raises ServiceError.

    When the same content is registered already, that asset comes back, with its own name and version: `created` is False then.
    `upload` is the id under which Azure is asked for a place for the files: the same id finds a place again whose answer was lost.
    """
    fresh: set[str] = set()

    def make(ml: MLClient) -> Any:
        from azure.ai.ml.entities._assets import Code

        before = _containers(session, group, workspace)

        def hear(address: str, body: object) -> None:
            # Azure names the container of an upload here, right before the files go there.
            uri = arm.text(body, "blobReferenceForConsumption", "blobUri")
            if not uri or not urlsplit(address).path.lower().endswith("/startpendingupload"):
                return
            ours = bool(upload) and arm.text(body, "pendingUploadId").lower() == upload.lower()
            at = parse_data_uri(uri, *datastore_container(session, group, workspace))
            new = before is not None and at is not None and at.container not in before
            if at is not None and at.owns_container and (ours or new):
                fresh.add(at.container)
                if on_upload is not None:
                    on_upload(uri)

        with session.operations.hearing(hear):
            # azure-ai-ml hides its code operations; a deployment calls the same ones.
            return ml._code.create_or_update(
                Code(name=name, version=version, path=str(path.resolve()), tags=dict(tags))
            )

    return _register(session, group, workspace, "codes", name, version, make, lambda at: at.container in fresh, upload)


def drop_upload(session: Session, group: str, workspace: str, name: str, version: str, upload: str) -> bool:
    """Delete the place that Azure gives the upload with this id, of code that was never registered: whether there is none any more.

    Azure is asked for it again, as the answer that named it was lost; should it not know the id, it makes another place, which goes at
    once. False where it is not the upload's own, or the rights for it are missing. Raises ServiceError.
    """
    before = _containers(session, group, workspace)
    wanted = names.asset_id(names.workspace_id(session.subscription_id, group, workspace), "codes", name, version)
    body: arm.Json = {"pendingUploadId": upload, "pendingUploadType": "TemporaryBlobReference"}
    try:
        given = arm.post(session, f"{wanted}/startPendingUpload", API_VERSION, body)
    except ServiceError as error:
        if error.status not in {403, 404}:
            raise
        return error.status == 404
    uri = arm.text(given, "blobReferenceForConsumption", "blobUri")
    at = parse_data_uri(uri, *datastore_container(session, group, workspace))
    ours = arm.text(given, "pendingUploadId").lower() == upload.lower()
    if at is None or not (ours or (before is not None and at.container not in before)):
        return False
    return delete_container_of(session, group, workspace, uri)


def register_environment(
    session: Session, group: str, workspace: str, name: str, version: str, conda: Path, image: str, tags: dict[str, str]
) -> AssetInfo:
    """Register an environment of a base image and a conda file. Azure builds it at the first deployment. Raises ServiceError."""

    def make(ml: MLClient) -> Any:
        from azure.ai.ml.entities import Environment

        return ml.environments.create_or_update(
            Environment(name=name, version=version, image=image, conda_file=str(conda.resolve()), tags=dict(tags))
        )

    return _register(session, group, workspace, "environments", name, version, make, lambda at: False)


def get(session: Session, asset_id: str) -> AssetInfo | None:
    """The registered asset with this id, or None. Raises ServiceError, ValueError when it is no asset's id."""
    kind, name, version = _parts(asset_id)
    item = arm.get(session, asset_id, API_VERSION)
    if item is None:
        return None
    field = {"models": "modelUri", "codes": "codeUri"}.get(kind, "")
    return AssetInfo(arm.text(item, "id") or asset_id, name, version, False, arm.text(item, "properties", field))


def delete(session: Session, asset_id: str) -> bool:
    """Delete this version, and the asset itself when it has no other version; False when it was gone. Raises ServiceError.

    Uploaded files stay: see `uploads`.
    """
    was_there = arm.delete(session, asset_id, API_VERSION)
    delete_empty(session, asset_id)
    return was_there


def delete_empty(session: Session, asset_id: str) -> None:
    """Delete the asset of a version that is gone, when it has no other one. Raises ServiceError."""
    kind, _, _ = _parts(asset_id)
    parent = asset_id.rpartition("/versions/")[0]
    query = {} if kind == "codes" else {"listViewType": "All"}
    try:
        others = any(True for _ in arm.list_all(session, f"{parent}/versions", API_VERSION, query))
    except ServiceError as error:
        if error.status != 404:
            raise
        return
    if not others:
        arm.delete(session, parent, API_VERSION)


def model_uris(session: Session, group: str, workspace: str) -> list[str]:
    """Where the files of every registered model version lie: two models of one content share their files. Raises ServiceError."""
    models = f"{names.workspace_id(session.subscription_id, group, workspace)}/models"
    query = {"listViewType": "All"}
    return [
        arm.text(version, "properties", "modelUri")
        for model in arm.list_all(session, models, API_VERSION, query)
        for version in arm.list_all(session, f"{models}/{arm.text(model, 'name')}/versions", API_VERSION, query)
    ]


def datastore_container(session: Session, group: str, workspace: str) -> tuple[str, str]:
    """The storage account's name and the container of the workspace's blob datastore. Raises ServiceError."""

    def look() -> tuple[str, str]:
        path = f"{names.workspace_id(session.subscription_id, group, workspace)}/datastores/{DATASTORE}"
        item = arm.require(session, path, workspaces.API_VERSION)
        return arm.text(item, "properties", "accountName"), arm.text(item, "properties", "containerName")

    # A workspace keeps its datastore: read once.
    return session.client(("datastore", group.lower(), workspace.lower()), look)


def uploads(session: Session, group: str, workspace: str, asset: AssetInfo) -> DataLocation | None:
    """What this registration uploaded, to be removed in the end; None when it uploaded nothing of its own. Raises ServiceError."""
    if not asset.uploaded:
        return None
    location = parse_data_uri(asset.data_uri, *datastore_container(session, group, workspace))
    if location is None:
        return None
    account = names.parse_id(workspaces.get(session, group, workspace).storage_id)
    if account.name.lower() != location.account.lower():
        return location
    identifier = names.storage_account_id(account.subscription, account.group, account.name)
    return DataLocation(location.account, location.container, location.prefix, location.owns_container, identifier)


def same_files(session: Session, group: str, workspace: str, one: str, other: str) -> bool:
    """Whether two addresses of uploaded files are in the same folder, or in the same container of their own. Raises ServiceError."""
    own = datastore_container(session, group, workspace)
    first, second = parse_data_uri(one, *own), parse_data_uri(other, *own)
    if first is None or second is None:
        return False
    return (first.account, first.container) == (second.account, second.container) and (
        first.owns_container or first.prefix == second.prefix
    )


def delete_container_of(session: Session, group: str, workspace: str, uri: str) -> bool:
    """Delete the container that uploaded files have to themselves in the workspace's storage: True when it is gone now, False when
    they have none, or lie elsewhere. Raises ServiceError."""
    at = parse_data_uri(uri, *datastore_container(session, group, workspace))
    account = _own_account(session, group, workspace)
    if at is None or not at.owns_container or account is None or account.name.lower() != at.account.lower():
        return False
    storage.delete_container(session, account.group, account.name, at.container)
    return True


_DATASTORE_URI = re.compile(r"azureml://(?:.+/)?datastores/([^/]+)/paths/(.+)")


def parse_data_uri(uri: str, account: str, container: str) -> DataLocation | None:
    """Where an asset's files are; `account` and `container` are those of the workspace's blob datastore.

    Code has an address (`https://…/container/folder`) in a container of its own; a model has a path in the datastore, of which
    the hash folder is what one upload makes. None for an address that is neither.
    """
    found = _DATASTORE_URI.fullmatch(uri)
    if found is not None:
        path = found.group(2)
        if found.group(1) != DATASTORE or not path.startswith(UPLOADS):
            return None
        folder = path.removeprefix(UPLOADS).split("/")[0]
        return DataLocation(account, container, f"{UPLOADS}{folder}/", False) if folder else None
    parts = urlsplit(uri)
    host = parts.hostname or ""
    if parts.scheme != "https" or ".blob." not in host:
        return None
    own, _, path = unquote(parts.path).strip("/").partition("/")
    if not own:
        return None
    return DataLocation(host.split(".")[0], own, f"{path}/" if path else "", own.lower() != container.lower())


def _register(
    session: Session,
    group: str,
    workspace: str,
    kind: Kind,
    name: str,
    version: str,
    make: Callable[[MLClient], Any],
    is_new: Callable[[DataLocation], bool],
    upload: str = "",
) -> AssetInfo:
    """Register unless it is there. `is_new` tells of the place of its files whether this registration was the first to use it."""
    wanted = names.asset_id(names.workspace_id(session.subscription_id, group, workspace), kind, name, version)
    if (existing := get(session, wanted)) is not None:
        return existing
    with translated():
        ml = session.ml(group, workspace)
        with contextlib.nullcontext() if kind == "environments" else uploading(session.operations, upload):
            made = make(ml)
    uri = "" if kind == "environments" else str(made.path or "")
    created = (str(made.name), str(made.version)) == (name, version)
    at = parse_data_uri(uri, *datastore_container(session, group, workspace)) if created and uri else None
    return AssetInfo(str(made.id), str(made.name), str(made.version), created, uri, at is not None and is_new(at))


def _ignored_and_hash(path: Path) -> tuple[Any, str]:
    from azure.ai.ml._utils._asset_utils import get_ignore_file, get_object_hash

    ignored = get_ignore_file(path)
    return ignored, str(get_object_hash(path, ignored))


def _absent(session: Session, group: str, workspace: str, folder: str) -> bool:
    """Whether a folder of the datastore was seen to be absent; False also where one may not look."""
    account_name, container = datastore_container(session, group, workspace)
    account = _own_account(session, group, workspace)
    if account is None or account.name.lower() != account_name.lower():
        return False
    try:
        return folder not in blobs.list_prefixes(session, account, container, folder.rstrip("/"))
    except ServiceError as error:
        if error.status == 403:
            return False
        if error.status == 404:
            return True  # the container is made at the first upload
        raise


def _containers(session: Session, group: str, workspace: str) -> set[str] | None:
    """The containers of the workspace's storage; None when they may not be listed."""
    account = _own_account(session, group, workspace)
    if account is None:
        return None
    try:
        return set(storage.list_containers(session, account.group, account.name))
    except ServiceError as error:
        if error.status == 403:
            return None
        raise


def _own_account(session: Session, group: str, workspace: str) -> AccountInfo | None:
    """The workspace's storage account as it is now; None when the caller may not see it. A workspace keeps its account: which one it is
    is read once, while somebody may allow its keys, or forbid them, in the middle of a run."""
    storage_id = session.client(
        ("own account", group.lower(), workspace.lower()), lambda: workspaces.get(session, group, workspace).storage_id
    )
    account = names.parse_id(storage_id)
    try:
        return storage.get_account(session, account.group, account.name)
    except ServiceError as error:
        if error.status == 403:
            return None
        raise


def _parts(asset_id: str) -> tuple[str, str, str]:
    """Kind, name and version in an asset's id."""
    segments = names.parse_id(asset_id).segments
    if len(segments) < 3 or segments[-1][0].lower() != "versions":
        raise ValueError(f"not the id of a registered asset: {asset_id!r}")
    (kind, name), (_, version) = segments[-2:]
    return kind, name, version
