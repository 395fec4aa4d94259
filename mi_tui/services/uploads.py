"""Uploads of model and code by azure-ai-ml, made to bear a network that breaks.

The package's own client never overwrites unless it finds the first file of a folder unconfirmed: a PUT whose answer was lost, or an
upload that broke off after its second file, then ends in 409 BlobAlreadyExists, for ever (azure-ai-ml 1.35.2,
`_artifacts/_blob_storage_helper.py`). The folder is named by the hash of its content (or is the upload's own container), so writing
the same bytes again is right. Its first pause is 15 s, and it tells nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mi_tui.services import retries
from mi_tui.services.operations import Operations

_ONE = threading.Lock()
"""Two uploads of the same files at a time can hang azure-ai-ml 1.35 for ever."""
_operations: Operations | None = None
"""Those of the upload that is under way."""


def _with_retries(options: dict[str, Any]) -> dict[str, Any]:
    # A client that another one has made comes with that one's pipeline, and so with its retries.
    if _operations is None or "_pipeline" in options:
        return options
    return {"retry_policy": retries.for_blobs(_operations, overwrites=True), **options}


@contextmanager
def uploading(operations: Operations) -> Iterator[None]:
    """While entered, azure-ai-ml uploads as described above, one at a time; its waits are told to who works in this thread."""
    global _operations
    with _ONE, operations.everywhere():
        _install()
        _operations = operations
        try:
            yield
        finally:
            _operations = None


_installed = False


def _install() -> None:
    """Have azure-ai-ml take clients that retry so, once."""
    global _installed
    if _installed:
        return
    from azure.ai.ml._artifacts import _blob_storage_helper as helper
    from azure.storage.blob import BlobServiceClient, ContainerClient

    class Service(BlobServiceClient):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **_with_retries(options))

    class Container(ContainerClient):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **_with_retries(options))

    begin = helper.BlobStorageClient.__init__

    def overwriting(self: Any, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        self.overwrite = True

    helper.BlobServiceClient, helper.ContainerClient = Service, Container
    helper.BlobStorageClient.__init__ = overwriting
    _installed = True
