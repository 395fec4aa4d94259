"""The unmodified azure-storage-blob SDK against the blob service: keys, SAS and tokens, small and large, read and written."""

from __future__ import annotations

import datetime as dt
import io
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import (
    AccountSasPermissions,
    BlobBlock,
    BlobSasPermissions,
    BlobServiceClient,
    ContentSettings,
    ResourceTypes,
    generate_account_sas,
    generate_blob_sas,
)
from blob_harness import ACCOUNT, Socket, change_account, key, new_world, served

from mi_tui.sandbox import containers
from mi_tui.sandbox.blob.sas import service_sas
from mi_tui.sandbox.profiles import PROFILES


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Socket]:
    with served(new_world(tmp_path_factory.mktemp("world"))) as running:
        yield running


@pytest.fixture
def service(server: Socket) -> BlobServiceClient:
    return server.client(key(server.world))


def later(seconds: float = 600) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)


def test_the_life_of_a_blob_with_a_key(service: BlobServiceClient) -> None:
    container = service.create_container("life")
    with pytest.raises(ResourceExistsError):
        service.create_container("life")
    blob = container.get_blob_client("folder/späce & +plus.txt")
    settings = ContentSettings(content_type="text/plain", cache_control="no-cache")
    blob.upload_blob(b"hello", metadata={"upload_status": "completed", "name": "x"}, content_settings=settings)
    with pytest.raises(ResourceExistsError):
        blob.upload_blob(b"again")
    first = blob.get_blob_properties()
    blob.upload_blob(b"hello world", overwrite=True, validate_content=True)
    properties = blob.get_blob_properties()
    assert (properties.size, properties.metadata, properties.content_settings.content_type) == (
        11, {}, "application/octet-stream",
    )  # fmt: skip
    assert properties.etag != first.etag
    assert properties.creation_time == first.creation_time
    assert first.metadata == {"upload_status": "completed", "name": "x"}
    assert first.content_settings.cache_control == "no-cache"
    assert blob.download_blob().readall() == b"hello world"
    assert blob.download_blob(offset=6, length=3, validate_content=True).readall() == b"wor"
    blob.set_blob_metadata({"a": "1"})
    blob.set_http_headers(ContentSettings(content_type="text/markdown"))
    properties = blob.get_blob_properties()
    assert (properties.metadata, properties.content_settings.content_type) == ({"a": "1"}, "text/markdown")
    blob.delete_blob()
    with pytest.raises(ResourceNotFoundError) as gone:
        blob.download_blob()
    assert gone.value.error_code == "BlobNotFound"
    assert not blob.exists()
    container.delete_container()
    assert not container.exists()
    with pytest.raises(ResourceNotFoundError) as nowhere:
        blob.upload_blob(b"x")
    assert nowhere.value.error_code == "ContainerNotFound"


def test_the_second_key_works_and_a_wrong_one_does_not(server: Socket) -> None:
    assert [c.name for c in server.client(key(server.world, 2)).list_containers(name_starts_with="data")] == ["data"]
    wrong = key(server.world)[::-1].lstrip("=") + "=="
    with pytest.raises(ClientAuthenticationError) as refused:
        next(iter(server.client(wrong).list_containers()))
    assert refused.value.error_code == "AuthenticationFailed"
    assert "Server used following string to sign" in str(refused.value)


def test_lists_come_in_pages_and_folders(service: BlobServiceClient) -> None:
    container = service.create_container("lists")
    names = ["a.txt", "a/1", "a/2", "a/b/3", "b/1", "c&d<e>.txt", "z"]
    for name in names:
        container.upload_blob(name, b"x", metadata={"n": "1"})
    assert list(container.list_blob_names()) == names
    pages = [[b.name for b in page] for page in container.list_blobs(results_per_page=2).by_page()]
    assert pages == [names[0:2], names[2:4], names[4:6], names[6:7]]
    assert [b.name for b in container.list_blobs(name_starts_with="a/")] == ["a/1", "a/2", "a/b/3"]
    # Within a page the SDK gives folders first.
    assert [b.name for b in container.walk_blobs()] == ["a/", "b/", "a.txt", "c&d<e>.txt", "z"]
    folders = [[b.name for b in page] for page in container.walk_blobs(results_per_page=2).by_page()]
    assert folders == [["a/", "a.txt"], ["b/", "c&d<e>.txt"], ["z"]]
    assert [b.name for b in container.walk_blobs(name_starts_with="a/")] == ["a/b/", "a/1", "a/2"]
    listed = next(iter(container.list_blobs(include=["metadata"])))
    assert listed.metadata == {"n": "1"}
    assert listed.size == 1
    assert listed.etag == container.get_blob_client("a.txt").get_blob_properties().etag.strip('"')
    container.set_container_metadata({"team": "ml"})
    found = [c for c in service.list_containers(include_metadata=True) if c.name == "lists"]
    assert found[0].metadata == {"team": "ml"}
    assert container.get_container_properties().metadata == {"team": "ml"}
    assert service.get_service_properties()["cors"] == []
    assert service.get_account_information()["account_kind"] == "StorageV2"


def test_conditions(service: BlobServiceClient) -> None:
    blob = service.get_blob_client("data", "conditions")
    blob.upload_blob(b"one", overwrite=True)
    etag = blob.get_blob_properties().etag
    blob.upload_blob(b"two", overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified)
    with pytest.raises(ResourceModifiedError):
        blob.upload_blob(b"three", overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified)
    with pytest.raises(ResourceModifiedError):
        blob.delete_blob(etag=etag, match_condition=MatchConditions.IfNotModified)
    now = blob.get_blob_properties().etag
    with pytest.raises(HttpResponseError) as unchanged:
        blob.download_blob(etag=now, match_condition=MatchConditions.IfModified)
    assert unchanged.value.status_code == 304
    assert blob.download_blob(etag=etag, match_condition=MatchConditions.IfModified).readall() == b"two"
    with pytest.raises(ResourceModifiedError):
        blob.download_blob(if_unmodified_since=later(-3600))


def test_a_container_sas_allows_what_it_says(server: Socket) -> None:
    world = server.world
    reading = server.client(service_sas(world, ACCOUNT, "data", "rl", 60)).get_container_client("data")
    writing = server.client(service_sas(world, ACCOUNT, "data", "rcwl", 60)).get_container_client("data")
    writing.upload_blob("sas.txt", b"by sas", overwrite=True)
    assert reading.download_blob("sas.txt").readall() == b"by sas"
    assert "sas.txt" in list(reading.list_blob_names())
    with pytest.raises(HttpResponseError) as refused:
        reading.upload_blob("sas.txt", b"no", overwrite=True)
    assert (refused.value.status_code, refused.value.error_code) == (403, "AuthorizationPermissionMismatch")
    with pytest.raises(HttpResponseError) as refused:
        writing.delete_blob("sas.txt")
    assert refused.value.error_code == "AuthorizationPermissionMismatch"
    elsewhere = server.client(service_sas(world, ACCOUNT, "data", "rl", 60)).get_container_client("other")
    with pytest.raises(ClientAuthenticationError) as refused:
        list(elsewhere.list_blob_names())
    assert refused.value.error_code == "AuthenticationFailed"
    expired = server.client(service_sas(world, ACCOUNT, "data", "rl", -1)).get_container_client("data")
    with pytest.raises(ClientAuthenticationError) as refused:
        list(expired.list_blob_names())
    assert "Signature not valid in the specified time frame" in str(refused.value)


def test_the_sdks_own_sas_of_a_blob_and_of_the_account(server: Socket) -> None:
    world = server.world
    server.client(key(world)).get_blob_client("data", "one.txt").upload_blob(b"1", overwrite=True)
    one = generate_blob_sas(
        ACCOUNT, "data", "one.txt", account_key=key(world, 2), permission=BlobSasPermissions(read=True), expiry=later()
    )
    assert server.client(one).get_blob_client("data", "one.txt").download_blob().readall() == b"1"
    with pytest.raises(ClientAuthenticationError):
        server.client(one).get_blob_client("data", "sas.txt").download_blob()
    whole = generate_account_sas(
        ACCOUNT, key(world), ResourceTypes(object=True), AccountSasPermissions(read=True, list=True), later()
    )
    assert server.client(whole).get_blob_client("data", "one.txt").download_blob().readall() == b"1"
    with pytest.raises(HttpResponseError) as refused:
        list(server.client(whole).list_containers())
    assert refused.value.error_code == "AuthorizationResourceTypeMismatch"


def test_a_token_counts_for_what_its_roles_allow(server: Socket) -> None:
    for_reader, for_writer = (server.client_as(n).get_blob_client("data", "token.txt") for n in ("reader", "writer"))
    for_writer.upload_blob(b"by role", overwrite=True)
    assert for_reader.download_blob().readall() == b"by role"
    for call in (for_reader.delete_blob, lambda: for_reader.upload_blob(b"x", overwrite=True)):
        with pytest.raises(HttpResponseError) as refused:
            call()
        assert refused.value.status_code == 403
        assert refused.value.error_code == "AuthorizationPermissionMismatch"
        sentence = "This request is not authorized to perform this operation using this permission."
        assert sentence in str(refused.value)
    # An Owner owns the account, not the data; but containers are a control-plane matter.
    owner = server.client_as("owner")
    owner.create_container("owned")
    with pytest.raises(HttpResponseError) as refused:
        owner.get_blob_client("data", "token.txt").download_blob()
    assert refused.value.error_code == "AuthorizationPermissionMismatch"
    owner.delete_container("owned")
    with pytest.raises(HttpResponseError):
        server.client_as("nobody").create_container("owned")


def test_a_deleted_containers_name_is_held(server: Socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.world, "profile", PROFILES["azure"])
    service = server.client(key(server.world))
    container = service.create_container("held")
    container.upload_blob("a", b"x")
    container.delete_container()
    for _ in range(2):
        with pytest.raises(ResourceExistsError) as refused:
            service.create_container("held")
        assert (refused.value.status_code, refused.value.error_code) == (409, "ContainerBeingDeleted")
        assert str(refused.value).startswith(
            "The specified container is being deleted. Try operation later.\nRequestId:"
        )
    for call in (
        container.delete_container,
        container.get_container_properties,
        lambda: container.upload_blob("b", b""),
    ):
        with pytest.raises(ResourceNotFoundError) as gone:
            call()
        assert gone.value.error_code == "ContainerNotFound"
    assert "held" not in [found.name for found in service.list_containers()]
    assert service.create_container("held2").exists()
    later = SimpleNamespace(time=lambda: time.time() + 31, strftime=time.strftime, gmtime=time.gmtime)
    monkeypatch.setattr(containers, "time", later)
    assert service.create_container("held").exists()


def test_an_account_without_keys_takes_tokens_only(server: Socket) -> None:
    world = server.world
    change_account(world, allowSharedKeyAccess=False)
    try:
        sas = server.client(service_sas(world, ACCOUNT, "data", "rwl", 60))
        for client in (server.client(key(world)), sas):
            with pytest.raises(HttpResponseError) as refused:
                client.get_blob_client("data", "nokey").upload_blob(b"x" * 3_000_000, overwrite=True)
            assert refused.value.status_code == 403
            assert refused.value.error_code == "KeyBasedAuthenticationNotPermitted"
            assert "Key based authentication is not permitted on this storage account." in str(refused.value)
        server.client_as("writer").get_blob_client("data", "nokey").upload_blob(b"x", overwrite=True)
    finally:
        change_account(world, allowSharedKeyAccess=True)


class Zeros(io.RawIOBase):
    """A file of zeros that takes no memory."""

    def __init__(self, size: int) -> None:
        self._left = size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = min(size if size >= 0 else self._left, self._left)
        self._left -= wanted
        return b"\0" * wanted


def test_a_large_blob_goes_up_in_blocks_and_down_in_ranges(service: BlobServiceClient) -> None:
    size = 72 * 1024 * 1024
    blob = service.get_blob_client("data", "large")
    blob.upload_blob(Zeros(size), length=size, overwrite=True)
    assert blob.get_blob_properties().size == size
    committed, uncommitted = blob.get_block_list("all")
    assert (len(committed), uncommitted) == (18, [])
    assert sum(len(chunk) for chunk in blob.download_blob().chunks()) == size


def test_blocks_are_committed_in_the_order_of_the_list(service: BlobServiceClient) -> None:
    blob = service.get_blob_client("data", "blocks")
    for name in ("a", "b", "c"):
        blob.stage_block(name, name.encode() * 3)
    assert [b.id for b in blob.get_block_list("uncommitted")[1]] == ["a", "b", "c"]
    assert not blob.exists()
    blob.commit_block_list([BlobBlock("c"), BlobBlock("a")], metadata={"m": "1"})
    assert blob.download_blob().readall() == b"cccaaa"
    blob.stage_block("d", b"ddd")
    blob.commit_block_list([BlobBlock("a"), BlobBlock("d"), BlobBlock("c")])
    assert blob.download_blob().readall() == b"aaadddccc"
    with pytest.raises(HttpResponseError) as refused:
        blob.commit_block_list([BlobBlock("b")])
    assert refused.value.error_code == "InvalidBlockList"
    assert blob.download_blob().readall() == b"aaadddccc"


def test_the_server_answers_others_while_a_large_body_comes(server: Socket, service: BlobServiceClient) -> None:
    blob = service.get_blob_client("data", "busy")
    upload = threading.Thread(target=lambda: blob.upload_blob(b"\1" * (48 << 20), overwrite=True))
    upload.start()
    slowest = 0.0
    other = server.client(key(server.world)).get_container_client("data")
    while upload.is_alive():
        began = time.monotonic()
        assert other.exists()
        slowest = max(slowest, time.monotonic() - began)
    upload.join()
    assert slowest < 1.0
    assert blob.get_blob_properties().size == 48 << 20
