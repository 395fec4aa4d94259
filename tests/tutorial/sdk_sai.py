"""The tutorial by the Azure SDK alone, with the endpoint's system-assigned identity. Knows nothing of mi-tui.

Takes AZURE_SUBSCRIPTION_ID, AZURE_RESOURCE_GROUP and AZURE_ML_WORKSPACE, and whatever signs DefaultAzureCredential in.
"""

from __future__ import annotations

from azure.ai.ml import MLClient
from azure.ai.ml.entities import ManagedOnlineEndpoint
from azure.identity import DefaultAzureCredential
from common import BLOB_READER, Job, deploy, grant, make_storage, run, score


def tutorial(job: Job) -> list[float]:
    credential = DefaultAzureCredential()
    ml_client = MLClient(credential, job.subscription, job.group, job.workspace)
    with job.step("workspace"):
        location = ml_client.workspaces.get(job.workspace).location

    account = make_storage(job, credential, location)

    with job.step("endpoint"):
        job.undo.append(("endpoint", lambda: ml_client.online_endpoints.begin_delete(job.endpoint).result()))
        ml_client.online_endpoints.begin_create_or_update(
            ManagedOnlineEndpoint(name=job.endpoint, auth_mode="key")
        ).result()
        endpoint = ml_client.online_endpoints.get(job.endpoint)
    if endpoint.identity.type != "system_assigned":
        raise RuntimeError(f"The endpoint has a {endpoint.identity.type} identity.")

    grant(job, credential, endpoint.identity.principal_id, BLOB_READER, account.id)
    deploy(job, ml_client, {})
    return score(job, ml_client)


if __name__ == "__main__":
    run("sai", tutorial)
