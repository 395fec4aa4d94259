"""What azure-storage-blob offers beyond plain block blobs, with the unmodified SDK: leases, tags, tiers, copies, kinds, batches."""

from __future__ import annotations

import datetime as dt
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import (
    AccessPolicy,
    BlobBlock,
    BlobClient,
    BlobServiceClient,
    BlobType,
    ContainerClient,
    ContainerSasPermissions,
    CorsRule,
    Metrics,
    RetentionPolicy,
    StandardBlobTier,
    generate_blob_sas,
    generate_container_sas,
)
from blob_harness import ACCOUNT, HOST, Socket, Wire, change_account, key, new_world, served

OTHER = "11111111-1111-1111-1111-111111111111"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Socket]:
    with served(new_world(tmp_path_factory.mktemp("world"))) as running:
        yield running


@pytest.fixture
def service(server: Socket) -> BlobServiceClient:
    return server.client(key(server.world))


@pytest.fixture
def container(service: BlobServiceClient) -> Iterator[ContainerClient]:
    made = service.create_container(f"c{secrets.token_hex(8)}")
    yield made
    made.delete_container()


def code(caught: pytest.ExceptionInfo[HttpResponseError]) -> tuple[int | None, str]:
    found = caught.value.error_code  # a member of an enumeration, where the SDK knows it
    return caught.value.status_code, str(getattr(found, "value", found))


def test_a_leased_blob_is_written_with_its_lease_only(container: ContainerClient) -> None:
    blob = container.upload_blob("leased", b"one")
    before = blob.get_blob_properties()
    lease = blob.acquire_lease(15)
    properties = blob.get_blob_properties()
    assert (properties.lease.state, properties.lease.status, properties.lease.duration) == ("leased", "locked", "fixed")
    assert properties.etag == before.etag
    with pytest.raises(HttpResponseError) as caught:
        blob.upload_blob(b"two", overwrite=True)
    assert code(caught) == (412, "LeaseIdMissing")
    with pytest.raises(HttpResponseError) as caught:
        blob.delete_blob(lease=OTHER)
    assert code(caught) == (412, "LeaseIdMismatchWithBlobOperation")
    with pytest.raises(HttpResponseError) as caught:
        blob.acquire_lease()
    assert code(caught) == (409, "LeaseAlreadyPresent")
    blob.upload_blob(b"two", overwrite=True, lease=lease)
    assert blob.get_blob_properties().lease.state == "leased"  # content goes, the lease stays
    assert blob.download_blob().readall() == b"two"  # reading needs none
    lease.change(OTHER)
    lease.renew()
    lease.release()
    with pytest.raises(HttpResponseError) as caught:
        blob.set_blob_metadata({"a": "1"}, lease=OTHER)
    assert code(caught) == (412, "LeaseNotPresentWithBlobOperation")
    lease = blob.acquire_lease()
    assert lease.break_lease() == 0
    assert blob.get_blob_properties().lease.state == "broken"
    with pytest.raises(HttpResponseError) as caught:
        lease.renew()
    assert code(caught) == (409, "LeaseIsBrokenAndCannotBeRenewed")
    with pytest.raises(HttpResponseError) as caught:
        blob.acquire_lease(5)
    assert code(caught) == (400, "InvalidHeaderValue")
    listed = next(iter(container.list_blobs()))
    assert listed.lease.state == "broken"
    lease = blob.acquire_lease(60)
    assert 0 < lease.break_lease(lease_break_period=30) <= 30
    with pytest.raises(HttpResponseError) as caught:
        blob.acquire_lease(15, lease_id=lease.id)
    assert code(caught) == (409, "LeaseIsBreakingAndCannotBeAcquired")
    blob.delete_blob(lease=lease)


def test_a_leased_container_is_deleted_with_its_lease_only(service: BlobServiceClient) -> None:
    container = service.create_container("leased-container")
    lease = container.acquire_lease()
    assert container.get_container_properties().lease.state == "leased"
    container.upload_blob("free", b"x")  # a container's lease guards the container alone
    with pytest.raises(HttpResponseError) as caught:
        container.delete_container()
    assert code(caught) == (412, "LeaseIdMissing")
    assert "lease on the container" in str(caught.value)
    assert [c.lease.state for c in service.list_containers(name_starts_with="leased-")] == ["leased"]
    container.delete_container(lease=lease)


def test_tags_are_set_found_and_asked_for(service: BlobServiceClient, container: ContainerClient) -> None:
    for name, stage in (("a", "raw"), ("b", "clean"), ("c", "clean")):
        container.upload_blob(name, b"x", tags={"stage": stage, "year": "2024"})
    blob = container.get_blob_client("a")
    etag = blob.get_blob_properties().etag
    assert blob.get_blob_tags() == {"stage": "raw", "year": "2024"}
    assert blob.get_blob_properties().tag_count == 2
    found = list(service.find_blobs_by_tags(f"@container='{container.container_name}' and \"stage\"='clean'"))
    assert [(f.name, f.container_name, f.tags) for f in found] == [
        (name, container.container_name, {"stage": "clean"}) for name in ("b", "c")
    ]
    pages = [
        [f.name for f in page] for page in container.find_blobs_by_tags("year>='2020'", results_per_page=2).by_page()
    ]
    assert pages == [["a", "b"], ["c"]]
    blob.set_blob_tags({"stage": "done"})
    assert blob.get_blob_properties().etag == etag
    assert next((b.name, b.tags) for b in container.list_blobs(include=["tags"])) == ("a", {"stage": "done"})
    assert blob.download_blob(if_tags_match_condition="\"stage\"='done'").readall() == b"x"
    with pytest.raises(ResourceModifiedError) as caught:
        blob.delete_blob(if_tags_match_condition="\"stage\"='raw'")
    assert caught.value.error_code == "ConditionNotMet"
    for wrong in ({str(number): "" for number in range(11)}, {"a": "no;semicolon"}, {"": "x"}):
        with pytest.raises(HttpResponseError) as refused:
            blob.set_blob_tags(wrong)
        assert code(refused) == (400, "InvalidTags")
    with pytest.raises(HttpResponseError) as refused:
        list(service.find_blobs_by_tags("stage =="))
    assert code(refused) == (400, "InvalidQueryParameterValue")


def test_tiers(container: ContainerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    blob = container.upload_blob("tiered", b"x")
    properties = blob.get_blob_properties()
    assert (properties.blob_tier, properties.blob_tier_inferred) == ("Hot", True)
    blob.set_standard_blob_tier(StandardBlobTier.ARCHIVE)
    assert next(iter(container.list_blobs())).blob_tier == "Archive"
    with pytest.raises(HttpResponseError) as caught:
        blob.download_blob()
    assert code(caught) == (409, "BlobArchived")
    blob.set_standard_blob_tier(StandardBlobTier.COOL, rehydrate_priority="High")
    coming = blob.get_blob_properties()
    assert (coming.blob_tier, coming.archive_status, coming.rehydrate_priority) == (
        "Archive",
        "rehydrate-pending-to-cool",
        "High",
    )
    with pytest.raises(HttpResponseError) as caught:
        blob.set_standard_blob_tier(StandardBlobTier.HOT)
    assert code(caught) == (409, "BlobBeingRehydrated")
    monkeypatch.setattr("time.time", lambda now=time.time: now() + 60)
    assert blob.download_blob().readall() == b"x"
    assert blob.get_blob_properties().blob_tier_change_time is not None
    container.upload_blob("cold", b"x", standard_blob_tier=StandardBlobTier.COLD)
    assert {b.name: b.blob_tier for b in container.list_blobs()} == {"cold": "Cold", "tiered": "Cool"}
    with pytest.raises(HttpResponseError) as caught:
        blob.set_standard_blob_tier("Lukewarm")
    assert code(caught) == (400, "InvalidBlobTier")


def test_copies_within_the_account(server: Socket, container: ContainerClient) -> None:
    source = container.upload_blob("from", b"hello", metadata={"a": "1"}, tags={"t": "1"})
    target = container.get_blob_client("to")
    started = target.start_copy_from_url(source.url)
    assert started["copy_status"] == "success"
    properties = target.get_blob_properties()
    assert (properties.copy.status, properties.copy.progress, properties.metadata) == ("success", "5/5", {"a": "1"})
    assert properties.copy.source == source.url
    assert target.download_blob().readall() == b"hello"
    with pytest.raises(HttpResponseError) as caught:
        target.abort_copy(started["copy_id"])
    assert code(caught) == (409, "NoPendingCopyOperation")
    with pytest.raises(HttpResponseError) as unsigned:
        target.start_copy_from_url(source.url, requires_sync=True)
    assert unsigned.value.response is not None
    assert unsigned.value.response.headers["x-ms-copy-source-error-code"] == "PublicAccessNotPermitted"
    target.start_copy_from_url(source.url + sas(server, container, "r"), requires_sync=True, metadata={"b": "2"})
    assert target.get_blob_properties().metadata == {"b": "2"}
    whole = container.get_blob_client("whole")
    whole.upload_blob_from_url(source.url + sas(server, container, "r"))
    assert whole.download_blob(validate_content=True).readall() == b"hello"
    staged = container.get_blob_client("staged")
    staged.stage_block_from_url("YQ==", source.url + sas(server, container, "r"), source_offset=1, source_length=3)
    staged.commit_block_list([BlobBlock("YQ==")])
    assert staged.download_blob().readall() == b"ell"
    with pytest.raises(HttpResponseError) as missing:
        target.start_copy_from_url(container.get_blob_client("nowhere").url)
    assert code(missing) == (404, "CannotVerifyCopySource")
    with pytest.raises(HttpResponseError) as other:
        target.start_copy_from_url("https://elsewhere.blob.core.windows.net/a/b")
    assert code(other) == (404, "CannotVerifyCopySource")
    with pytest.raises(ResourceExistsError):
        whole.upload_blob_from_url(source.url + sas(server, container, "r"), overwrite=False)


def test_a_copy_needs_the_right_to_its_source(server: Socket, container: ContainerClient) -> None:
    source = container.upload_blob("secret", b"x")
    writer = server.client_as("writer").get_blob_client(container.container_name, "copied")
    writer.start_copy_from_url(source.url)  # the writer may read here as well
    only_write = server.client(sas(server, container, "cw")[1:]).get_blob_client(container.container_name, "other")
    with pytest.raises(HttpResponseError) as caught:
        only_write.start_copy_from_url(source.url)
    assert code(caught) == (403, "CannotVerifyCopySource")


def sas(server: Socket, container: ContainerClient, letters: str) -> str:
    end = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5)
    return "?" + generate_container_sas(
        ACCOUNT, container.container_name, key(server.world), permission=letters, expiry=end
    )


def test_append_blobs(container: ContainerClient) -> None:
    blob = container.get_blob_client("log")
    blob.create_append_blob(metadata={"a": "1"})
    first = blob.append_block(b"one,")
    assert (first["blob_append_offset"], first["blob_committed_block_count"]) == ("0", 1)
    blob.append_block(b"two", appendpos_condition=4)
    with pytest.raises(HttpResponseError) as caught:
        blob.append_block(b"x", appendpos_condition=4)
    assert code(caught) == (412, "AppendPositionConditionNotMet")
    with pytest.raises(HttpResponseError) as caught:
        blob.append_block(b"x", maxsize_condition=7)
    assert code(caught) == (412, "MaxBlobSizeConditionNotMet")
    blob.upload_blob(b",three", blob_type=BlobType.APPENDBLOB)
    assert blob.download_blob().readall() == b"one,two,three"
    assert blob.get_blob_properties().append_blob_committed_block_count == 3
    blob.seal_append_blob()
    with pytest.raises(HttpResponseError) as caught:
        blob.append_block(b"x")
    assert code(caught) == (409, "BlobIsSealed")
    assert next(iter(container.list_blobs())).is_append_blob_sealed
    with pytest.raises(HttpResponseError) as caught:
        blob.stage_block("YQ==", b"x")
    assert code(caught) == (409, "InvalidBlobType")
    block = container.upload_blob("block", b"x")
    with pytest.raises(HttpResponseError) as caught:
        block.append_block(b"x")
    assert code(caught) == (409, "InvalidBlobType")


def ranges(blob: BlobClient) -> list[tuple[int, int]]:
    return [(found.start, found.end) for found in blob.list_page_ranges()]


def test_page_blobs(container: ContainerClient) -> None:
    blob = container.get_blob_client("disk")
    blob.create_page_blob(1 << 40, sequence_number=7)  # a terabyte that takes no place
    assert blob.get_blob_properties().size == 1 << 40
    blob.upload_page(b"a" * 1024, 512, 1024)
    blob.upload_page(b"b" * 512, 2048, 512)
    assert ranges(blob) == [(512, 1535), (2048, 2559)]
    assert [len(list(page)) for page in blob.list_page_ranges(results_per_page=1).by_page()] == [1, 1]
    blob.clear_page(1024, 1536)
    assert ranges(blob) == [(512, 1023)]
    assert blob.download_blob(512, 1024).readall() == b"a" * 512 + bytes(512)
    with pytest.raises(HttpResponseError) as caught:
        blob.upload_page(b"a" * 512, 512, 512, if_sequence_number_lt=7)
    assert code(caught) == (412, "SequenceNumberConditionNotMet")
    assert blob.set_sequence_number("increment")["blob_sequence_number"] == 8
    blob.resize_blob(512)
    assert (blob.get_blob_properties().size, ranges(blob)) == (512, [])
    with pytest.raises(HttpResponseError) as caught:
        blob.upload_page(b"a" * 512, 512, 512)
    assert code(caught) == (416, "InvalidPageRange")
    with pytest.raises(HttpResponseError) as caught:
        container.get_blob_client("odd").create_page_blob(100)
    assert code(caught) == (400, "InvalidHeaderValue")
    assert next(iter(container.list_blobs())).page_blob_sequence_number == 8


def test_stored_access_policies(server: Socket, container: ContainerClient) -> None:
    container.upload_blob("a", b"x")
    end = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5)
    start = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5)
    policy = AccessPolicy(ContainerSasPermissions(read=True), end, start)
    container.set_container_access_policy({"readers": policy})
    held = container.get_container_access_policy()["signed_identifiers"]
    assert [(i.id, i.access_policy.permission) for i in held] == [("readers", "r")]
    signed = generate_container_sas(ACCOUNT, container.container_name, key(server.world), policy_id="readers")
    reader = server.client(signed).get_blob_client(container.container_name, "a")
    assert reader.download_blob().readall() == b"x"
    with pytest.raises(HttpResponseError) as caught:
        reader.delete_blob()
    assert code(caught) == (403, "AuthorizationPermissionMismatch")
    container.set_container_access_policy({})  # revoked
    with pytest.raises(HttpResponseError) as caught:
        reader.download_blob()
    assert code(caught) == (403, "AuthenticationFailed")
    with pytest.raises(HttpResponseError) as caught:
        container.set_container_access_policy({}, public_access="blob")
    assert code(caught) == (409, "PublicAccessNotPermitted")


def test_public_access_of_a_container(server: Socket, service: BlobServiceClient) -> None:
    change_account(server.world, allowBlobPublicAccess=True)
    try:
        container = service.create_container("public", public_access="blob")
        container.upload_blob("a", b"free")
        assert server.client().get_blob_client("public", "a").download_blob().readall() == b"free"
        assert container.get_container_properties().public_access == "blob"
        assert [c.public_access for c in service.list_containers(name_starts_with="public")] == ["blob"]
        with pytest.raises(HttpResponseError):
            list(server.client().get_container_client("public").list_blobs())
        container.set_container_access_policy({}, public_access="container")
        assert [b.name for b in server.client().get_container_client("public").list_blobs()] == ["a"]
        container.delete_container()
    finally:
        change_account(server.world, allowBlobPublicAccess=False)


def test_service_properties_are_remembered(service: BlobServiceClient) -> None:
    rule = CorsRule(["https://contoso.example"], ["GET"], max_age_in_seconds=60)
    service.set_service_properties(cors=[rule], hour_metrics=Metrics(enabled=False), target_version="2021-12-02")
    held = service.get_service_properties()
    assert [r.allowed_origins for r in held["cors"]] == ["https://contoso.example"]
    assert held["hour_metrics"].enabled is False
    assert held["target_version"] == "2021-12-02"
    assert held["minute_metrics"].enabled is False
    with pytest.raises(HttpResponseError) as caught:
        service.set_service_properties(cors=[rule] * 6)
    assert code(caught) == (400, "InvalidXmlDocument")
    # What would have to change what later answers say is not passed over in silence.
    with pytest.raises(HttpResponseError) as caught:
        service.set_service_properties(delete_retention_policy=RetentionPolicy(enabled=True, days=1))
    assert code(caught) == (409, "FeatureNotSupportedForAccount")
    service.set_service_properties(cors=[])


def test_batches(container: ContainerClient) -> None:
    for name in ("a", "b with space", "c"):
        container.upload_blob(name, b"x")
    answers = list(container.set_standard_blob_tier_blobs(StandardBlobTier.COOL, "a", "b with space"))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert {b.name: b.blob_tier for b in container.list_blobs()} == {"a": "Cool", "b with space": "Cool", "c": "Hot"}
    answers = list(container.delete_blobs("a", "nowhere", "c", raise_on_any_failure=False))
    assert [answer.status_code for answer in answers] == [202, 404, 202]
    assert [b.name for b in container.list_blobs()] == ["b with space"]


def test_a_batch_with_a_token_is_decided_part_by_part(server: Socket, container: ContainerClient) -> None:
    container.upload_blob("a", b"x")
    reader = server.client_as("reader").get_container_client(container.container_name)
    answers = list(reader.delete_blobs("a", raise_on_any_failure=False))
    assert [answer.status_code for answer in answers] == [403]
    writer = server.client_as("writer").get_container_client(container.container_name)
    assert [answer.status_code for answer in writer.delete_blobs("a")] == [202]


def test_blobs_that_were_only_begun_are_listed_when_asked_for(container: ContainerClient) -> None:
    container.get_blob_client("begun").stage_block("YQ==", b"x")
    container.upload_blob("whole", b"x")
    assert list(container.list_blob_names()) == ["whole"]
    found = {
        b.name: b.size for b in container.list_blobs(include=["uncommittedblobs", "snapshots", "deleted", "versions"])
    }
    assert found == {"begun": 0, "whole": 1}


def test_snapshots_are_refused_and_absent(container: ContainerClient) -> None:
    blob = container.upload_blob("a", b"x")
    with pytest.raises(HttpResponseError) as caught:
        blob.create_snapshot()
    assert code(caught) == (409, "FeatureNotSupportedForAccount")
    assert "snapshots" in str(caught.value)
    with pytest.raises(ResourceNotFoundError):
        container.get_blob_client("a", snapshot="2024-01-01T00:00:00.0000000Z").download_blob()
    blob.delete_blob(delete_snapshots="only")
    assert blob.exists()
    blob.undelete_blob()
    blob.delete_blob(delete_snapshots="include")
    with pytest.raises(ResourceNotFoundError):
        blob.undelete_blob()


def test_a_lease_ends_by_itself(server: Socket, container: ContainerClient) -> None:
    blob = container.upload_blob("a", b"x")
    lease = blob.acquire_lease(15)
    row = server.world.store.blob(ACCOUNT, container.container_name, "a")
    assert row is not None
    row.properties["lease"]["until"] = time.time() - 1
    server.world.store.put_blob(row)
    assert blob.get_blob_properties().lease.state == "expired"
    with pytest.raises(HttpResponseError) as caught:
        blob.upload_blob(b"y", overwrite=True, lease=lease)
    assert code(caught) == (412, "LeaseLost")
    lease.renew()
    lease.release()
    blob.upload_blob(b"y", overwrite=True)
    assert HOST in blob.url


def test_a_copy_from_the_archive_lies_there_until_it_has_come_back(container: ContainerClient) -> None:
    source = container.upload_blob("deep", b"x", standard_blob_tier=StandardBlobTier.ARCHIVE)
    target = container.get_blob_client("back")
    target.start_copy_from_url(source.url, standard_blob_tier=StandardBlobTier.HOT, rehydrate_priority="High")
    properties = target.get_blob_properties()
    assert (properties.blob_tier, properties.archive_status) == ("Archive", "rehydrate-pending-to-hot")


def test_names_of_metadata_keep_their_capitals(container: ContainerClient) -> None:
    blob = container.upload_blob("named", b"x", metadata={"Upper": "A", "lower": "b"})
    assert blob.get_blob_properties().metadata == {"Upper": "A", "lower": "b"}
    assert next(iter(container.list_blobs(include=["metadata"]))).metadata == {"Upper": "A", "lower": "b"}


def test_the_account_is_told_at_every_address(server: Socket, container: ContainerClient) -> None:
    signed = server.client(sas(server, container, "r")[1:]).get_container_client(container.container_name)
    for client in (container, container.get_blob_client("nothing"), signed, signed.get_blob_client("nothing")):
        assert client.get_account_information()["account_kind"] == "StorageV2"


def test_a_lease_stands_for_the_knowledge_that_the_blob_is_there(container: ContainerClient) -> None:
    blob = container.upload_blob("known", b"one")
    lease = blob.acquire_lease()
    blob.upload_blob(b"two", lease=lease)  # the SDK sends If-None-Match: *
    assert blob.download_blob().readall() == b"two"
    with pytest.raises(ResourceModifiedError):
        lease.break_lease(0, if_tags_match_condition="a='b'")
    lease.break_lease(0)


def test_conditions_on_the_age_of_a_tier_and_on_a_blob_that_is_tagged(container: ContainerClient) -> None:
    blob = container.upload_blob("aged", b"x", standard_blob_tier=StandardBlobTier.COOL)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    with pytest.raises(ResourceModifiedError):
        blob.set_blob_tags({"a": "b"}, if_modified_since=later)
    with pytest.raises(ResourceModifiedError):
        blob.delete_blob(access_tier_if_modified_since=later)
    blob.delete_blob(access_tier_if_unmodified_since=later)


def test_a_signature_for_a_directory(server: Socket, container: ContainerClient) -> None:
    end = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    signature = generate_blob_sas(
        ACCOUNT, container.container_name, "a/b", account_key=key(server.world), permission="rcwl", expiry=end, is_directory=True
    )  # fmt: skip
    inside = server.client(signature).get_container_client(container.container_name)
    for name in ("a/b", "a/b/c"):
        inside.upload_blob(name, b"x")
    for name in ("a", "a/bc"):
        with pytest.raises(HttpResponseError) as caught:
            inside.upload_blob(name, b"x")
        assert code(caught) == (403, "AuthenticationFailed")
    assert [blob.name for blob in inside.list_blobs(name_starts_with="a/b/")] == ["a/b/c"]


def test_browsers_are_let_in_by_the_rules_of_the_service(tmp_path: Path) -> None:
    wire = Wire(new_world(tmp_path))
    ask = {"origin": "https://a.contoso.com", "access_control_request_method": "PUT"}
    assert wire("OPTIONS", "/data/x").code == "InvalidHeaderValue"
    assert wire("OPTIONS", "/data/x", **ask).code == "CorsPreflightFailure"
    rule = (
        "<AllowedMethods>PUT,GET</AllowedMethods><AllowedOrigins>https://*.contoso.com</AllowedOrigins>"
        "<AllowedHeaders>x-ms-meta-*,content-type</AllowedHeaders><ExposedHeaders>x-ms-*</ExposedHeaders><MaxAgeInSeconds>60</MaxAgeInSeconds>"
    )
    xml = f"<StorageServiceProperties><Cors><CorsRule>{rule}</CorsRule></Cors></StorageServiceProperties>"
    assert wire("PUT", "/?restype=service&comp=properties", xml.encode(), bearer="owner").status == 202
    allowed = wire("OPTIONS", "/data/x", **ask, access_control_request_headers="X-MS-Meta-a, Content-Type")
    assert (allowed.status, allowed.headers["access-control-allow-origin"]) == (200, "https://a.contoso.com")
    assert (allowed.headers["access-control-allow-methods"], allowed.headers["access-control-max-age"]) == ("PUT", "60")
    for wrong in ({"origin": "https://contoso.com"}, {"access_control_request_method": "DELETE"}):
        assert wire("OPTIONS", "/data/x", **ask | wrong).status == 403
    assert wire("OPTIONS", "/data/x", **ask, access_control_request_headers="authorization").status == 403
    read = wire("GET", "/data/x", bearer="reader", origin="https://a.contoso.com")
    assert (read.status, read.headers["access-control-expose-headers"]) == (404, "x-ms-*")
    assert (
        "access-control-allow-origin" not in wire("GET", "/data/x", bearer="reader", origin="https://b.example").headers
    )
