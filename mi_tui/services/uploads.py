"""Uploads of model and code by azure-ai-ml, made to bear a network that breaks.

The package's own client never overwrites unless it finds the first file of a folder unconfirmed: a PUT whose answer was lost, or an
upload that broke off after its second file, then ends in 409 BlobAlreadyExists, for ever (azure-ai-ml 1.35.2,
`_artifacts/_blob_storage_helper.py`). The folder is named by the hash of its content (or is the upload's own container), so writing
the same bytes again is right. Its first pause is 15 s, and it tells nobody. And it asks for a place for code without naming its upload,
so that a place whose answer was lost is nobody's (`_utils/_asset_utils.py`).

All of that is private to the package. Where another version has it elsewhere, its uploads are as they are there: `LACKING` says what.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mi_tui.services import quiet, retries
from mi_tui.services.operations import Operations

_ONE = threading.Lock()
"""Two uploads of the same files at a time can hang azure-ai-ml 1.35 for ever."""
_operations: Operations | None = None
"""Those of the upload that is under way."""
_upload = ""
"""The id under which it asks for a place; empty for one that Azure draws."""
LACKING: list[str] = []
"""What of azure-ai-ml was not found where it is known to be; each time that it was looked for."""


def _with_retries(options: dict[str, Any]) -> dict[str, Any]:
    # A client that another one has made comes with that one's pipeline, and so with its retries.
    if _operations is None or "_pipeline" in options:
        return options
    return {"retry_policy": retries.for_blobs(_operations, overwrites=True), **options}


@contextmanager
def uploading(operations: Operations, upload: str = "") -> Iterator[None]:
    """While entered, azure-ai-ml uploads as described above, one at a time; its waits are told to who works in this thread.

    `upload` is the id under which it asks Azure for a place for code.
    """
    global _operations, _upload
    with _ONE, operations.everywhere():
        _install()
        _operations, _upload = operations, upload
        try:
            yield
        finally:
            _operations, _upload = None, ""


_installed = False


def _install() -> None:
    """Have azure-ai-ml upload so, once."""
    global _installed
    if _installed:
        return
    _installed = True
    for change in (_take_clients, _name_upload):
        try:
            change()
        except (ImportError, AttributeError) as error:
            LACKING.append(f"{change.__name__}: {error}")
            logging.getLogger(__name__).warning(
                "azure-ai-ml is not as it is known here, its uploads are its own: %s", error
            )


def _take_clients() -> None:
    """Clients that retry as ours do, and that overwrite."""
    from azure.ai.ml._artifacts import _blob_storage_helper as helper
    from azure.storage.blob import BlobServiceClient, ContainerClient

    class Service(BlobServiceClient):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **_with_retries(options))

    class Container(ContainerClient):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **_with_retries(options))

    begin = helper.BlobStorageClient.__init__
    # Looked for before anything is changed: half of it would be worse than nothing.
    _ = helper.BlobServiceClient, helper.ContainerClient

    def overwriting(self: Any, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        self.overwrite = True

    helper.BlobServiceClient, helper.ContainerClient = Service, Container
    helper.BlobStorageClient.__init__ = overwriting


def _name_upload() -> None:
    """Ask for a place under the upload's own id ("if PendingUploadId = null then random guid will be used", OpenAPI)."""
    from azure.ai.ml._utils import _asset_utils as utils

    plain = utils.PendingUploadRequestDto

    def request(**options: Any) -> Any:
        return plain(**{**({"pending_upload_id": _upload} if _upload else {}), **options})

    utils.PendingUploadRequestDto = request


def contents(path: Path) -> dict[str, str] | None:
    """The files that azure-ai-ml would upload of a folder, without what .amlignore (or else .gitignore) names, or a single file: each by its
    name in the upload, with its hash. None where the package has elsewhere what tells that. Raises OSError."""
    quiet.load_ml()
    try:
        from azure.ai.ml._utils._asset_utils import get_ignore_file, get_upload_files_from_folder
    except ImportError:
        return None

    where = path.resolve()
    files = (
        get_upload_files_from_folder(where, ignore_file=get_ignore_file(where))
        if where.is_dir()
        else [(where, where.name)]
    )
    return {str(name): _hash(Path(file)) for file, name in files}


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
