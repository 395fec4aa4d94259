"""Facts told apart without a network: where uploads are, what is a log, which assignment counts where."""

from __future__ import annotations

import pytest

from mi_tui.services import blobs, grants
from mi_tui.services.assets import DataLocation, parse_data_uri
from mi_tui.services.deployments import NONE_NOW, NOT_YET, Logs, read_logs
from mi_tui.services.storage import AccountInfo

S = "/subscriptions/11111111-2222-3333-4444-555555555555"
WORKSPACE = f"{S[1:]}/resourceGroups/rg/workspaces/ws"


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        (
            # As recorded: a port in the host, and a container of the code's own.
            "https://sapcy5552emqcc6.blob.core.windows.net:443/2eef7b49-b-d7f67fbf-de9a-52c4-a60d-b8f2de094401/onlinescoring",
            DataLocation("sapcy5552emqcc6", "2eef7b49-b-d7f67fbf-de9a-52c4-a60d-b8f2de094401", "onlinescoring/", True),
        ),
        (
            "https://acct.blob.core.windows.net/061273aa-2-51ba424e/",
            DataLocation("acct", "061273aa-2-51ba424e", "", True),
        ),
        (
            "https://acct.blob.core.windows.net/azureml-blobstore-1/LocalUpload/abc/code",
            DataLocation("acct", "azureml-blobstore-1", "LocalUpload/abc/code/", False),
        ),
        (
            f"azureml://{WORKSPACE}/datastores/workspaceblobstore/paths/LocalUpload/0a1b/model",
            DataLocation("wsaccount", "azureml-blobstore-1", "LocalUpload/0a1b/", False),
        ),
        (
            "azureml://datastores/workspaceblobstore/paths/LocalUpload/0a1b/model.pkl",
            DataLocation("wsaccount", "azureml-blobstore-1", "LocalUpload/0a1b/", False),
        ),
        (f"azureml://{WORKSPACE}/datastores/other/paths/LocalUpload/0a1b/model", None),
        (f"azureml://{WORKSPACE}/datastores/workspaceblobstore/paths/UI/0a1b/model", None),
        (f"azureml://{WORKSPACE}/datastores/workspaceblobstore/paths/LocalUpload/", None),
        ("runs:/123/model", None),
        ("https://example.com/x", None),
        ("", None),
    ],
)
def test_where_the_files_of_an_asset_are(uri: str, found: DataLocation | None) -> None:
    assert parse_data_uri(uri, "wsaccount", "azureml-blobstore-1") == found


@pytest.mark.parametrize("sentence", [NOT_YET, NONE_NOW])
def test_a_sentence_is_no_log(sentence: str) -> None:
    assert read_logs(f"\n{sentence}\n") == Logs(False, "", sentence)
    assert read_logs(f"Container logs:\n{sentence}").available


def test_logs_and_nothing() -> None:
    assert read_logs("Instance status:\nSystemSetup: Succeeded").text == "Instance status:\nSystemSetup: Succeeded"
    assert not read_logs("").available
    assert read_logs("").sentence


@pytest.mark.parametrize(
    ("upper", "scope", "counts"),
    [
        (f"{S}/resourceGroups/rg", f"{S}/resourcegroups/RG/providers/x/y/z", True),
        (f"{S}/resourceGroups/rg", f"{S}/resourceGroups/rg", True),
        (f"{S}/resourceGroups/rg", f"{S}/resourceGroups/rg2", False),
        (f"{S}/resourceGroups/rg/providers/x/y/z", f"{S}/resourceGroups/rg", False),
        ("/", f"{S}/resourceGroups/rg", True),
        ("/providers/Microsoft.Management/managementGroups/m", S, True),
    ],
)
def test_which_assignment_counts_where(upper: str, scope: str, counts: bool) -> None:
    assert grants.covers(upper, scope) is counts


def test_no_prefix_would_empty_a_container() -> None:
    account = AccountInfo("id", "a", "rg", "eastus", "StorageV2", True, True, "https://a.blob.core.windows.net/")
    for prefix in ("", "/"):
        with pytest.raises(ValueError, match="prefix"):
            blobs.delete_prefix(None, account, "c", prefix)  # type: ignore[arg-type]
