"""A deployment by plain REST, as `az rest` or curl makes it: assets, endpoint, deployment, traffic and a score, without any SDK."""

from __future__ import annotations

import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import requests

from mi_tui.sandbox import client
from tests.conformance.drives.http import Caller
from tests.conformance.tapped import Tapped
from tests.e2e.conftest import REPOSITORY, Shell

pytestmark = [pytest.mark.e2e, pytest.mark.long]

ASSETS, ENDPOINTS, DATASTORES = "2023-04-01", "2022-02-01-preview", "2024-07-01-preview"
SCRIPT = b"""
import os
from pathlib import Path

def init():
    global text
    text = next(Path(os.environ["AZUREML_MODEL_DIR"]).rglob("*.txt")).read_text()

def run(raw_data):
    return {"asked": raw_data, "model": text}
"""


def _put_blob(caller: Caller, uri: str, name: str, content: bytes) -> None:
    """Write a blob below a container's address, with the signature that the address has."""
    place, _, signature = uri.partition("?")
    answer = caller.send("PUT", f"{place}/{name}?{signature}", data=content, headers={"x-ms-blob-type": "BlockBlob"})
    assert answer.status_code == 201, answer.text


def _done(caller: Caller, answer: requests.Response, *statuses: int) -> None:
    """Wait for what a request has begun."""
    assert answer.status_code in statuses, answer.text
    ended = caller.until(answer.headers["Azure-AsyncOperation"], seconds=120).json()
    assert ended["status"] == "Succeeded", ended


def _assets(caller: Caller) -> dict[str, Any]:
    """Register code, a model and an environment; the members of a deployment that name them."""
    name = f"rest-{uuid.uuid4().hex[:8]}"
    code = f"{caller.workspace}/codes/{uuid.uuid4()}/versions/1"
    place = caller.arm(
        "POST", f"{code}/startPendingUpload", ASSETS, {"pendingUploadType": "TemporaryBlobReference"}
    ).json()
    reference = place["blobReferenceForConsumption"]
    _put_blob(caller, reference["credential"]["sasUri"], "src/score.py", SCRIPT)
    body: dict[str, Any] = {"codeUri": f"{reference['blobUri']}/src"}
    assert caller.arm("PUT", code, ASSETS, {"properties": body}).status_code == 201

    store = f"{caller.workspace}/datastores/workspaceblobstore"
    facts = caller.arm("GET", store, DATASTORES).json()["properties"]
    secrets = caller.arm("POST", f"{store}/listSecrets", DATASTORES, {"expirableSecret": True}).json()
    container = f"https://{facts['accountName']}.blob.core.windows.net/{facts['containerName']}"
    _put_blob(caller, f"{container}?{secrets['sasToken']}", f"{name}/model/said.txt", b"by REST")
    model = f"{caller.workspace}/models/{name}/versions/1"
    body = {"modelUri": f"azureml:/{store}/paths/{name}/model", "modelType": "custom_model"}
    assert caller.arm("PUT", model, ASSETS, {"properties": body}).status_code == 201

    environment = f"{caller.workspace}/environments/{name}/versions/1"
    conda = (REPOSITORY / "scoring" / "environment" / "conda.yaml").read_text("utf-8")
    body = {"image": "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04", "condaFile": conda}
    assert caller.arm("PUT", environment, ASSETS, {"properties": body}).status_code == 201
    return {
        "codeConfiguration": {"codeId": code, "scoringScript": "score.py"},
        "model": model,
        "environmentId": environment,
    }


def test_a_deployment_by_rest_alone(shell: Shell) -> None:
    connection = client.running(Path(shell.home) / "sandbox")
    assert connection is not None
    caller = Caller(cast(Tapped, SimpleNamespace(connection=connection)))
    name = f"rest-{uuid.uuid4().hex[:8]}"
    endpoint = f"{caller.workspace}/onlineEndpoints/{name}"
    body: dict[str, Any] = {
        "location": connection.location,
        "identity": {"type": "SystemAssigned"},
        "properties": {"authMode": "Key"},
    }
    _done(caller, caller.arm("PUT", endpoint, ENDPOINTS, body), 201)
    properties = {"endpointComputeType": "Managed", "instanceType": "Standard_DS2_v2", **_assets(caller)}
    deployment = {"location": connection.location, "sku": {"name": "Default", "capacity": 1}, "properties": properties}
    _done(caller, caller.arm("PUT", f"{endpoint}/deployments/blue", ASSETS, deployment), 201)
    found = caller.arm("GET", endpoint, ENDPOINTS).json()["properties"]
    key = caller.arm("POST", f"{endpoint}/listKeys", ENDPOINTS).json()["primaryKey"]

    def score() -> requests.Response:
        said = {"Authorization": f"Bearer {key}"}
        return caller.send("POST", found["scoringUri"], json={"data": 1}, headers=said)

    assert score().status_code == 404, "no deployment gets traffic yet"
    wanted = {"properties": {"traffic": {"blue": 100}}}
    # Later api-versions have no traffic in a PATCH: it is passed over, as any member that a version does not know.
    assert caller.arm("PATCH", endpoint, ASSETS, wanted).status_code == 200
    assert caller.arm("GET", endpoint, ASSETS).json()["properties"]["traffic"] == {}
    _done(caller, caller.arm("PATCH", endpoint, ENDPOINTS, wanted), 202)
    answer = score()
    assert answer.json() == {"asked": '{"data": 1}', "model": "by REST"}
    assert answer.headers["azureml-model-deployment"] == "blue"
    _done(caller, caller.arm("PATCH", endpoint, ENDPOINTS, {"properties": {"traffic": {}}}, **{"If-Match": "*"}), 202)
    assert score().status_code == 404
    assert caller.arm("PATCH", endpoint, ENDPOINTS, {"properties": {"traffic": {"blue": 50}}}).status_code == 400
    _done(caller, caller.arm("DELETE", endpoint, ENDPOINTS), 202)
    assert caller.arm("GET", endpoint, ENDPOINTS).status_code == 404
