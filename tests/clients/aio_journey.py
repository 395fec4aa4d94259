"""The journey through the asynchronous SDK clients, as a program of its own: `python -m tests.clients.aio_journey ACCOUNT`.

aiohttp reads which certificates to trust when it is imported, so that a process cannot be pointed at the sandbox later.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Awaitable, Callable

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity.aio import EnvironmentCredential
from azure.mgmt.authorization.aio import AuthorizationManagementClient
from azure.mgmt.authorization.models import RoleAssignmentCreateParameters
from azure.mgmt.msi.aio import ManagedServiceIdentityClient
from azure.mgmt.storage.aio import StorageManagementClient
from azure.storage.blob.aio import BlobServiceClient

from mi_tui.sandbox import furnish

GROUP = furnish.GROUP
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"


async def when_allowed(ask: Callable[[], Awaitable[object]]) -> None:
    """Ask until a role assignment acts; 403 until then."""
    for _ in range(100):
        try:
            await ask()
        except HttpResponseError as error:
            if error.status_code != 403:
                raise
            await asyncio.sleep(0.1)
        else:
            return
    raise AssertionError("the role assignment did not act")


async def journey(account: str) -> None:
    """Make, use and remove what the journey needs."""
    text = b"written without waiting\n" * 200_000
    async with (
        EnvironmentCredential() as credential,
        StorageManagementClient(credential, furnish.DEV) as storage,
        ManagedServiceIdentityClient(credential, furnish.DEV) as identities,
        AuthorizationManagementClient(credential, furnish.DEV) as roles,
        BlobServiceClient(
            f"https://{account}.blob.core.windows.net",
            credential,
            max_single_put_size=1 << 20,
            max_block_size=1 << 20,
        ) as blobs,
    ):
        body = {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
        creating = await storage.storage_accounts.begin_create(GROUP, account, body)
        made, identity = await asyncio.gather(
            creating.result(),
            identities.user_assigned_identities.create_or_update(GROUP, f"id-{account}", {"location": "westeurope"}),
        )
        assert made.name == account
        assert account in [one.name async for one in storage.storage_accounts.list_by_resource_group(GROUP)]
        assert identity.name in [one.name async for one in identities.user_assigned_identities.list_by_subscription()]

        box = blobs.get_container_client("box")
        with pytest.raises(HttpResponseError) as refused:
            await box.upload_blob("a", text)
        assert refused.value.error_code in {"AuthorizationPermissionMismatch", "ContainerNotFound"}
        assert made.id is not None
        for principal, role in (
            (furnish.SERVICE_PRINCIPAL_ID, BLOB_CONTRIBUTOR),
            (identity.principal_id, BLOB_READER),
        ):
            definition = f"/subscriptions/{furnish.DEV}/providers/Microsoft.Authorization/roleDefinitions/{role}"
            wanted = RoleAssignmentCreateParameters(
                role_definition_id=definition, principal_id=principal, principal_type="ServicePrincipal"
            )
            await roles.role_assignments.create(made.id, str(uuid.uuid4()), wanted)
        own = [
            one
            async for one in roles.role_assignments.list_for_scope(
                made.id, filter=f"principalId eq '{identity.principal_id}'"
            )
        ]
        assert [one.scope for one in own] == [made.id]
        await storage.blob_containers.create(GROUP, account, "box", {})
        await when_allowed(lambda: box.upload_blob("a", text, overwrite=True, max_concurrency=4))
        read = await (await box.download_blob("a", max_concurrency=4)).readall()
        assert read == text
        await asyncio.gather(*(box.upload_blob(f"many/{n:03}", b"x" * n) for n in range(60)))
        listed = [one.name async for one in box.list_blobs(name_starts_with="many/", results_per_page=7)]
        assert listed == [f"many/{n:03}" for n in range(60)]
        with pytest.raises(ResourceNotFoundError):
            await box.get_blob_client("none").get_blob_properties()

        await identities.user_assigned_identities.delete(GROUP, identity.name)
        await storage.storage_accounts.delete(GROUP, account)
        with pytest.raises(ResourceNotFoundError):
            await storage.storage_accounts.get_properties(GROUP, account)


if __name__ == "__main__":
    asyncio.run(journey(sys.argv[1]))
