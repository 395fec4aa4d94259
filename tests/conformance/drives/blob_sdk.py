"""The rest of the blob service through azure-storage-blob with an account key: what a token of a contributor may not do."""

from __future__ import annotations

import contextlib
import datetime as dt

from azure.core.exceptions import HttpResponseError
from azure.storage.blob import (
    AccessPolicy,
    BlobLeaseClient,
    BlobServiceClient,
    ContainerSasPermissions,
    RetentionPolicy,
    StandardBlobTier,
    generate_container_sas,
)

from mi_tui.sandbox import furnish
from tests.conformance.drives.http import Caller
from tests.conformance.tapped import Tapped

CONTAINER = "conformance2"


def drive(sandbox: Tapped) -> None:
    """Leases, tags, tiers, copies, append and page blobs, policies, service properties, batches, delegated signatures."""
    caller = Caller(sandbox)
    account = f"{caller.group}/providers/Microsoft.Storage/storageAccounts/{furnish.DATA_ACCOUNT}"
    key = caller.arm("POST", f"{account}/listKeys", "2023-05-01").json()["keys"][0]["value"]
    service = _service(caller, key)
    container = service.create_container(CONTAINER)
    _service_wide(service)
    _leases(service)
    _kinds(service, key)
    _tags_and_tiers(service)
    _policies(service, key)
    _delegated(caller)
    container.delete_container()


def _service(caller: Caller, credential: str | None, sas: str = "") -> BlobServiceClient:
    facts = caller.facts
    return BlobServiceClient(
        f"https://{furnish.DATA_ACCOUNT}.blob.core.windows.net{sas}", credential=credential, proxies={"https": facts.proxy},
        connection_verify=str(facts.ca_file), retry_total=0,
    )  # fmt: skip


def _service_wide(service: BlobServiceClient) -> None:
    before = service.get_service_properties()
    service.set_service_properties(analytics_logging=before["analytics_logging"], cors=[])
    with contextlib.suppress(HttpResponseError):
        service.set_service_properties(delete_retention_policy=RetentionPolicy(enabled=True, days=1))


def _leases(service: BlobServiceClient) -> None:
    container = service.get_container_client(CONTAINER)
    container.upload_blob("leased", b"x")
    for target in (container, container.get_blob_client("leased")):
        lease = BlobLeaseClient(target)  # type: ignore[arg-type]
        lease.acquire(15)
        lease.renew()
        lease.change("11111111-1111-1111-1111-111111111111")
        with contextlib.suppress(HttpResponseError):
            target.acquire_lease(15)
        lease.release()
        target.acquire_lease().break_lease()


def _kinds(service: BlobServiceClient, key: str) -> None:
    appended = service.get_blob_client(CONTAINER, "appended")
    appended.create_append_blob()
    appended.append_block(b"first")
    appended.seal_append_blob()
    with contextlib.suppress(HttpResponseError):
        appended.append_block(b"second")
    pages = service.get_blob_client(CONTAINER, "pages")
    pages.create_page_blob(1024)
    pages.get_page_ranges()
    pages.upload_page(b"x" * 512, 0, 512)
    pages.clear_page(0, 512)
    pages.resize_blob(2048)
    copied = service.get_blob_client(CONTAINER, "copied")
    copied.start_copy_from_url(appended.url)
    with contextlib.suppress(HttpResponseError):  # a synchronous copy reaches its source by a signature only
        copied.start_copy_from_url(service.get_blob_client(CONTAINER, "leased").url, requires_sync=True)
    end = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    signature = generate_container_sas(furnish.DATA_ACCOUNT, CONTAINER, key, permission="r", expiry=end)
    copied.start_copy_from_url(f"{service.get_blob_client(CONTAINER, 'leased').url}?{signature}", requires_sync=True)
    copied.get_blob_properties()


def _tags_and_tiers(service: BlobServiceClient) -> None:
    container = service.get_container_client(CONTAINER)
    blob = container.upload_blob("tagged", b"x", tags={"stage": "raw"})
    blob.set_blob_tags({"stage": "clean"})
    blob.get_blob_tags()
    list(service.find_blobs_by_tags("\"stage\"='clean'"))
    list(container.find_blobs_by_tags("\"stage\"='clean'"))
    list(container.list_blobs(include=["tags", "copy", "uncommittedblobs"]))
    blob.set_standard_blob_tier(StandardBlobTier.COOL)
    blob.undelete_blob()
    container.upload_blob("other", b"x")
    container.delete_blobs("tagged", "other")


def _policies(service: BlobServiceClient, key: str) -> None:
    container = service.get_container_client(CONTAINER)
    end = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    container.set_container_access_policy({"readers": AccessPolicy(ContainerSasPermissions(read=True), end)})
    container.get_container_access_policy()
    generate_container_sas(furnish.DATA_ACCOUNT, CONTAINER, key, policy_id="readers")


def _delegated(caller: Caller) -> None:
    begin, end = (dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes) for minutes in (-5, 60))
    body = (
        "<?xml version='1.0' encoding='utf-8'?><KeyInfo>"
        f"<Start>{begin:%Y-%m-%dT%H:%M:%SZ}</Start><Expiry>{end:%Y-%m-%dT%H:%M:%SZ}</Expiry></KeyInfo>"
    )
    caller.send(
        "POST", f"https://{furnish.DATA_ACCOUNT}.blob.core.windows.net/?restype=service&comp=userdelegationkey", data=body,
        headers={
            "Authorization": f"Bearer {caller.token('https://storage.azure.com')}", "x-ms-version": "2022-11-02",
            "Content-Type": "application/xml",
        },
    )  # fmt: skip
