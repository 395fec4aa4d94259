"""What the two tutorial scripts share: settings, the clock, one role assignment, the deployment, the clean-up.

Like the scripts, it uses the Azure SDK only, one call after another, and would run against Azure as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azure.ai.ml import MLClient
from azure.ai.ml.entities import CodeConfiguration, Environment, ManagedOnlineDeployment, Model
from azure.core.credentials import TokenCredential
from azure.core.exceptions import HttpResponseError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.authorization.v2020_10_01_preview.models import RoleAssignmentCreateParameters
from azure.mgmt.storage import StorageManagementClient
from azure.mgmt.storage.models import BlobContainer, Sku, StorageAccount, StorageAccountCreateParameters
from azure.storage.blob import ContainerClient

SCORING = Path(__file__).resolve().parents[2] / "scoring"
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest"
BLOB_READER = "Storage Blob Data Reader"
ACR_PULL = "AcrPull"
CONTAINER = "hello-container"
FILE = "hello.txt"
DEPLOYMENT = "blue"


@dataclass
class Job:
    """One run of a tutorial: where it works, what its resources are called, how long each step took."""

    kind: str
    keep: bool
    show_times: bool
    grant_wait: float
    code: Path
    subscription: str = field(default_factory=lambda: os.environ["AZURE_SUBSCRIPTION_ID"])
    group: str = field(default_factory=lambda: os.environ["AZURE_RESOURCE_GROUP"])
    workspace: str = field(default_factory=lambda: os.environ["AZURE_ML_WORKSPACE"])
    suffix: str = field(default_factory=lambda: secrets.token_hex(4))
    times: dict[str, float] = field(default_factory=dict)
    undo: list[tuple[str, Callable[[], object]]] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return f"tutorial-{self.kind}-{self.suffix}"

    @property
    def account(self) -> str:
        return f"tutorial{self.kind}{self.suffix}"

    @property
    def identity(self) -> str:
        return f"tutorial-identity-{self.suffix}"

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Say on stderr what is done, and keep its seconds."""
        sys.stderr.write(f"{name} ...\n")
        start = time.perf_counter()
        try:
            yield
        finally:
            self.times[name] = round(time.perf_counter() - start, 3)

    def clean_up(self) -> None:
        """Delete what was made, last first. One failed deletion does not keep the others from being tried."""
        if self.keep:
            return
        failed = []
        for name, delete in reversed(self.undo):
            with self.step(f"delete {name}"):
                try:
                    delete()
                except Exception as error:  # noqa: BLE001 - every SDK has its own errors; all are raised together below
                    failed.append(f"{name}: {error}")
        if failed:
            raise RuntimeError("Not deleted: " + "; ".join(failed))


def run(kind: str, tutorial: Callable[[Job], list[float]]) -> None:
    """Run one tutorial from the command line; the last line on stdout is the predictions as JSON."""
    parser = argparse.ArgumentParser(description=f"Microsoft's managed identity tutorial by the Python SDK, {kind}.")
    parser.add_argument("--keep", action="store_true", help="leave everything in place at the end")
    parser.add_argument("--times", action="store_true", help="print the seconds of each step as JSON on stderr")
    parser.add_argument(
        "--grant-wait", type=float, default=60, metavar="SECONDS", help="wait after the grants, for them to take effect"
    )
    parser.add_argument("--code", type=Path, default=SCORING / "code", help="the folder of the scoring script")
    options = parser.parse_args()
    job = Job(kind, keep=options.keep, show_times=options.times, grant_wait=options.grant_wait, code=options.code)
    start = time.perf_counter()
    try:
        try:
            predictions = tutorial(job)
        finally:
            job.clean_up()
    finally:
        job.times["total"] = round(time.perf_counter() - start, 3)
        if job.show_times:
            sys.stderr.write(f"\n{json.dumps(job.times)}\n")
    # The SDK's pollers leave an unfinished line of dots on stdout.
    sys.stdout.write(f"\n{json.dumps(predictions)}\n")


def make_storage(job: Job, credential: TokenCredential, location: str) -> StorageAccount:
    """Create account and container and upload the file with the account's key; return the account."""
    client = StorageManagementClient(credential, job.subscription)
    job.undo.append(("storage account", lambda: client.storage_accounts.delete(job.group, job.account)))
    with job.step("storage account"):
        account = client.storage_accounts.begin_create(
            job.group,
            job.account,
            StorageAccountCreateParameters(
                sku=Sku(name="Standard_LRS"),
                kind="StorageV2",
                location=location,
                minimum_tls_version="TLS1_2",
                allow_blob_public_access=False,
            ),
        ).result()
    with job.step("container"):
        client.blob_containers.create(job.group, job.account, CONTAINER, BlobContainer())
    with job.step("upload"):
        keys: Any = client.storage_accounts.list_keys(job.group, job.account)
        # azure-mgmt-storage 23 renamed it: `keys` is a method of what it is since.
        key = (keys.keys_property if hasattr(keys, "keys_property") else keys.keys)[0].value
        with ContainerClient(account.primary_endpoints.blob, CONTAINER, credential=key) as container:
            container.upload_blob(FILE, (SCORING / FILE).read_bytes())
    return account


def grant(job: Job, credential: TokenCredential, principal_id: str, role_name: str, scope: str) -> None:
    """Assign a role, found by its name, to a principal."""
    definitions = AuthorizationManagementClient(credential, job.subscription, api_version="2018-01-01-preview")
    assignments = AuthorizationManagementClient(credential, job.subscription, api_version="2020-10-01-preview")
    what = f"{role_name} on {scope.rsplit('/', 1)[-1]}"
    with job.step(f"grant {what}"):
        role = next(role for role in definitions.role_definitions.list(scope) if role.role_name == role_name)
        made = assignments.role_assignments.create(
            scope,
            str(uuid.uuid4()),
            RoleAssignmentCreateParameters(
                role_definition_id=role.id, principal_id=principal_id, principal_type="ServicePrincipal"
            ),
        )
    job.undo.append((what, lambda: assignments.role_assignments.delete(scope, made.name)))


def deploy(job: Job, ml_client: MLClient, extra_variables: dict[str, str]) -> None:
    """Wait for the grants, create the deployment, and check by its log that the blob was read."""
    with job.step("wait for the grants"):
        time.sleep(job.grant_wait)
    deployment = ManagedOnlineDeployment(
        name=DEPLOYMENT,
        endpoint_name=job.endpoint,
        model=Model(path=str(SCORING / "model")),
        code_configuration=CodeConfiguration(code=str(job.code), scoring_script="score.py"),
        environment=Environment(conda_file=str(SCORING / "environment" / "conda.yaml"), image=IMAGE),
        instance_type="Standard_DS3_v2",
        instance_count=1,
        environment_variables={
            "STORAGE_ACCOUNT_NAME": job.account,
            "STORAGE_CONTAINER_NAME": CONTAINER,
            "FILE_NAME": FILE,
            **extra_variables,
        },
    )
    with job.step("deployment"):
        try:
            ml_client.online_deployments.begin_create_or_update(deployment).result()
        except HttpResponseError:
            # The error names the container; only its log says why it ended.
            sys.stderr.write(f"\n{ml_client.online_deployments.get_logs(DEPLOYMENT, job.endpoint, 100)}\n")
            raise
    with job.step("logs"):
        state = ml_client.online_deployments.get(DEPLOYMENT, job.endpoint).provisioning_state
        logs = ml_client.online_deployments.get_logs(DEPLOYMENT, job.endpoint, 1000)
    proof = [line for line in logs.splitlines() if "Blob contains" in line]
    if state != "Succeeded" or not proof:
        raise RuntimeError(f"The deployment is {state}, and its log does not say that the blob was read:\n{logs}")
    sys.stderr.write("\n".join([*proof, ""]))


def score(job: Job, ml_client: MLClient) -> list[float]:
    """Send all traffic to the deployment and return what it answers to the sample request."""
    with job.step("traffic"):
        endpoint: Any = ml_client.online_endpoints.get(job.endpoint)
        endpoint.traffic = {DEPLOYMENT: 100}
        ml_client.begin_create_or_update(endpoint).result()
    with job.step("invoke"):
        answer = ml_client.online_endpoints.invoke(
            endpoint_name=job.endpoint, request_file=str(SCORING / "sample-request.json")
        )
    predictions: list[float] = json.loads(answer)
    if len(predictions) != 2:
        raise RuntimeError(f"Two predictions were expected, not {answer}")
    return predictions
