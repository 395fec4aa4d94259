"""What is changed of azure-ai-ml's own uploads is private to it: seen to be where it is known to be, and done without where it is not."""

from __future__ import annotations

import importlib.metadata
import sys
from types import ModuleType

import pytest

from mi_tui.services import quiet, uploads
from mi_tui.services.operations import Operations


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has not uploaded anything yet; what is changed of azure-ai-ml is put back."""
    quiet.load_ml()
    from azure.ai.ml._artifacts import _blob_storage_helper as helper
    from azure.ai.ml._utils import _asset_utils as utils

    monkeypatch.setattr(uploads, "_installed", False)
    monkeypatch.setattr(uploads, "LACKING", [])
    for module, name in (
        (helper, "BlobServiceClient"),
        (helper, "ContainerClient"),
        (helper.BlobStorageClient, "__init__"),
        (utils, "PendingUploadRequestDto"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name))


def test_azure_ai_ml_has_what_is_changed_of_it() -> None:
    """Fails when a version of azure-ai-ml has moved it: then look how its uploads bear a lost answer now (the module's docstring)."""
    with uploads.uploading(Operations(1.0), "an-upload"):
        from azure.ai.ml._artifacts import _blob_storage_helper as helper
        from azure.ai.ml._utils import _asset_utils as utils

        version = importlib.metadata.version("azure-ai-ml")
        assert uploads.LACKING == [], f"azure-ai-ml {version} is not as services/uploads.py knows it"
        client = helper.ContainerClient("https://a.blob.core.windows.net", "c")
        retries = [type(policy).__name__ for policy in client._pipeline._impl_policies]
        assert "BlobRetries" in retries, "its clients take our retries"
        asked = utils.PendingUploadRequestDto(pending_upload_type="TemporaryBlobReference")
        assert asked.as_dict() == {"pendingUploadId": "an-upload", "pendingUploadType": "TemporaryBlobReference"}
    plain = utils.PendingUploadRequestDto(pending_upload_type="TemporaryBlobReference")
    assert plain.as_dict() == {"pendingUploadType": "TemporaryBlobReference"}, "what others upload is theirs"


@pytest.mark.parametrize(
    ("module", "lacks"),
    [("azure.ai.ml._artifacts._blob_storage_helper", "_take_clients"), ("azure.ai.ml._utils._asset_utils", "_name_upload")],
)  # fmt: skip
def test_another_version_uploads_in_its_own_way(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, module: str, lacks: str
) -> None:
    parent, _, name = module.rpartition(".")
    monkeypatch.setitem(sys.modules, module, ModuleType(module))
    monkeypatch.setattr(sys.modules[parent], name, sys.modules[module])
    with uploads.uploading(Operations(1.0), "an-upload"):
        pass
    assert [text.partition(":")[0] for text in uploads.LACKING] == [lacks]
    assert "its uploads are its own" in caplog.text
