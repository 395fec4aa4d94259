"""The tutorial by the Azure SDK alone, with a user-assigned identity that it creates. Knows nothing of mi-tui.

Takes AZURE_SUBSCRIPTION_ID, AZURE_RESOURCE_GROUP and AZURE_ML_WORKSPACE, and whatever signs DefaultAzureCredential in.
"""

from __future__ import annotations

from azure.ai.ml import MLClient
from azure.ai.ml.entities import IdentityConfiguration, ManagedIdentityConfiguration, ManagedOnlineEndpoint
from azure.identity import DefaultAzureCredential
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.msi.models import Identity
from common import ACR_PULL, BLOB_READER, Job, deploy, grant, make_storage, run, score


def tutorial(job: Job) -> list[float]:
    credential = DefaultAzureCredential()
    ml_client = MLClient(credential, job.subscription, job.group, job.workspace)
    with job.step("workspace"):
        workspace = ml_client.workspaces.get(job.workspace)

    identities = ManagedServiceIdentityClient(credential, job.subscription).user_assigned_identities
    with job.step("identity"):
        identities.create_or_update(job.group, job.identity, Identity(location=workspace.location))
        job.undo.append(("identity", lambda: identities.delete(job.group, job.identity)))
        identity = identities.get(job.group, job.identity)

    account = make_storage(job, credential, workspace.location)

    with job.step("endpoint"):
        job.undo.append(("endpoint", lambda: ml_client.online_endpoints.begin_delete(job.endpoint).result()))
        ml_client.online_endpoints.begin_create_or_update(
            ManagedOnlineEndpoint(
                name=job.endpoint,
                auth_mode="key",
                identity=IdentityConfiguration(
                    type="user_assigned",
                    user_assigned_identities=[ManagedIdentityConfiguration(resource_id=identity.id)],
                ),
            )
        ).result()
        endpoint = ml_client.online_endpoints.get(job.endpoint)
    held = [one.resource_id.lower() for one in endpoint.identity.user_assigned_identities or []]
    if endpoint.identity.type != "user_assigned" or held != [identity.id.lower()]:
        raise RuntimeError(f"The endpoint has a {endpoint.identity.type} identity: {held}.")

    grant(job, credential, identity.principal_id, BLOB_READER, account.id)
    grant(job, credential, identity.principal_id, ACR_PULL, workspace.container_registry)
    grant(job, credential, identity.principal_id, BLOB_READER, workspace.storage_account)
    deploy(job, ml_client, {"UAI_CLIENT_ID": identity.client_id})
    return score(job, ml_client)


if __name__ == "__main__":
    run("uai", tutorial)
