"""Large blobs and the SDK's asynchronous client: 100 MB in blocks there and back, sync and async; the async client's own ways."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient
from blob_harness import HOST, Socket, key, new_world, served

SIZE = 100 * 1000 * 1000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Socket]:
    with served(new_world(tmp_path_factory.mktemp("world"))) as running:
        yield running


@pytest.fixture(scope="module")
def data() -> bytes:
    return os.urandom(SIZE)


@pytest.fixture
def service(server: Socket) -> BlobServiceClient:
    return server.client(key(server.world))


@pytest.mark.parametrize("workers", [1, 4])
def test_100_mb_in_blocks_and_back(service: BlobServiceClient, data: bytes, workers: int) -> None:
    blob = service.get_blob_client("data", f"sync{workers}")
    blob.upload_blob(data, max_concurrency=workers)
    committed, waiting = blob.get_block_list("all")
    assert [len(committed), sum(block.size for block in committed), waiting] == [24, SIZE, []]
    got = blob.download_blob(max_concurrency=workers).readall()
    assert hashlib.sha256(got).digest() == hashlib.sha256(data).digest()
    assert blob.download_blob(offset=50_000_000, length=9_000_000).readall() == data[50_000_000:59_000_000]
    blob.delete_blob()


def test_checksums_of_blocks_are_verified(service: BlobServiceClient, data: bytes) -> None:
    blob = service.get_blob_client("data", "checked")
    blob.upload_blob(data[: 9 << 20], validate_content=True, max_concurrency=2)
    assert blob.download_blob(validate_content=True).readall() == data[: 9 << 20]


def run(server: Socket, work: Callable[[Any], Awaitable[None]]) -> None:
    """`work` with an asynchronous BlobServiceClient. Skips without aiohttp, which the SDK's asynchronous client needs."""
    pytest.importorskip("aiohttp", reason="the SDK's asynchronous client needs aiohttp, which is not installed")
    from azure.core.pipeline.transport import AioHttpTransport
    from azure.storage.blob.aio import BlobServiceClient as AsyncService

    class Plain(AioHttpTransport):
        """As the harness' transport: what is meant for https goes to the test's plain socket, which is a proxy."""

        async def send(self, request: Any, **kwargs: Any) -> Any:
            request.url = request.url.replace("https://", "http://", 1)
            return await super().send(request, **kwargs)

    async def main() -> None:
        proxies = {"http": f"http://127.0.0.1:{server.port}"}
        async with AsyncService(
            f"https://{HOST}", credential=key(server.world), transport=Plain(), proxies=proxies, retry_total=0
        ) as service:
            await work(service)

    asyncio.run(main())


def test_100_mb_in_blocks_and_back_asynchronously(server: Socket, data: bytes) -> None:
    async def work(service: Any) -> None:
        blob = service.get_blob_client("data", "async")
        await blob.upload_blob(data, max_concurrency=4)
        stream = await blob.download_blob(max_concurrency=4)
        assert hashlib.sha256(await stream.readall()).digest() == hashlib.sha256(data).digest()
        await blob.delete_blob()

    run(server, work)


def test_the_asynchronous_client(server: Socket) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for letter in b"abc":
            yield bytes([letter]) * 1000

    async def work(service: Any) -> None:
        container = await service.create_container(f"c{secrets.token_hex(6)}")
        for number in range(5):
            await container.upload_blob(f"folder/{number}", b"x", metadata={"n": str(number)}, tags={"n": str(number)})
        assert [b.name async for b in container.list_blobs(name_starts_with="folder/")] == [
            f"folder/{n}" for n in range(5)
        ]
        assert [b.name async for b in container.walk_blobs()] == ["folder/"]
        blob = await container.upload_blob("streamed", pieces())
        assert (await (await blob.download_blob()).readall()) == b"a" * 1000 + b"b" * 1000 + b"c" * 1000
        lease = await blob.acquire_lease(15)
        await lease.release()
        copy = container.get_blob_client("copy")
        await copy.start_copy_from_url(blob.url)
        assert await copy.exists()
        found = service.find_blobs_by_tags(f"@container='{container.container_name}' AND n>='3'")
        assert [b.name async for b in found] == ["folder/3", "folder/4"]
        answers = await container.delete_blobs("folder/0", "folder/1")
        assert [answer.status_code async for answer in answers] == [202, 202]
        assert container.container_name in [c.name async for c in service.list_containers()]
        assert (await service.get_account_information())["account_kind"] == "StorageV2"
        await container.delete_container()
        assert not await container.exists()

    run(server, work)
