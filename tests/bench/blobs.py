"""`python -m tests.bench.blobs [ROUNDS] [--large]`: 100 MB to a blob and back, in the sandbox and beside it in Azurite.

One client does the same to both, `azure-storage-blob` with an account key over TLS, round by round one after the other, so that a
slow minute of the machine hits both; the ratio is taken pair by pair. Azurite (npm `azurite`) is looked for on the PATH and in
`AZURITE`, the path of `azurite-blob`. With `--large` 5 GiB go to the sandbox and back, and its memory is told.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import hashlib
import ipaddress
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import requests
from azure.storage.blob import BlobServiceClient
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mi_tui.sandbox import client as sandbox_client
from mi_tui.sandbox.client import Connection

SIZE = 100 * 1000 * 1000
"""Bytes of the blob."""

CONTAINER = "bench"

# Azurite's documented account; it is no secret.
AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Endless:
    """A readable of `size` bytes that are made when they are asked for: no memory, no file."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._pattern = hashlib.sha256(b"blob").digest() * 32768  # 1 MiB

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes."""
        wanted = min(self._left, len(self._pattern) * 8 if size < 0 else size)
        self._left -= wanted
        return (self._pattern * (wanted // len(self._pattern) + 1))[:wanted]


@contextlib.contextmanager
def sandbox(home: Path) -> Iterator[tuple[BlobServiceClient, int]]:
    """A client of the furnished account of a sandbox of its own, and the sandbox's process id."""
    with sandbox_client.connect(home, profile="instant") as lease:
        connection = lease.connection
        try:
            account, key = _furnished(connection)
            options = {"proxies": {"https": connection.proxy}, "connection_verify": str(connection.ca_file)}
            yield (
                BlobServiceClient(f"https://{account}.blob.core.windows.net", credential=key, **options),
                connection.pid,
            )
        finally:
            sandbox_client.stop(home)


def _furnished(connection: Connection) -> tuple[str, str]:
    """Name and key of the first storage account."""
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"https": connection.proxy}
    session.verify = str(connection.ca_file)
    secret = {
        "grant_type": "client_credentials",
        "client_id": connection.client_id,
        "client_secret": connection.client_secret,
        "scope": "https://management.azure.com/.default",
    }
    answer = session.post(f"https://login.microsoftonline.com/{connection.tenant}/oauth2/v2.0/token", data=secret)
    session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    version = "api-version=2023-05-01"
    management = f"https://management.azure.com/subscriptions/{connection.subscription}/providers/Microsoft.Storage"
    account = session.get(f"{management}/storageAccounts?{version}").json()["value"][0]
    keys = session.post(f"https://management.azure.com{account['id']}/listKeys?{version}").json()["keys"]
    return str(account["name"]), str(keys[0]["value"])


def azurite_command() -> str | None:
    """The path of `azurite-blob`, or None where it is not installed."""
    return os.environ.get("AZURITE") or shutil.which("azurite-blob")


@contextlib.contextmanager
def azurite(command: str, home: Path) -> Iterator[BlobServiceClient]:
    """A client of an Azurite of its own, behind TLS as the sandbox is."""
    certificate, key = _certificate(home)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [command, "--blobPort", str(port), "--location", str(home), "--cert", str(certificate), "--key", str(key)]
    process = subprocess.Popen([*words, "--silent", "--skipApiVersionCheck"], stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield BlobServiceClient(
            f"https://127.0.0.1:{port}/{AZURITE_ACCOUNT}", credential=AZURITE_KEY, connection_verify=str(certificate)
        )
    finally:
        process.terminate()
        process.wait()


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 of the sandbox's own kind of key, and that key."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(private, hashes.SHA256())
    )
    certificate, key = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    key.write_bytes(private.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return certificate, key


def jobs(service: BlobServiceClient, data: bytes) -> dict[str, Callable[[], object]]:
    """What is timed, by name: the SDK's own ways with its own defaults."""
    blob = service.get_blob_client(CONTAINER, "data")

    def down(workers: int) -> None:
        got = blob.download_blob(max_concurrency=workers).readall()
        assert len(got) == len(data)

    return {
        "upload, one after the other": lambda: blob.upload_blob(data, overwrite=True),
        "upload, four at once": lambda: blob.upload_blob(data, overwrite=True, max_concurrency=4),
        "download, one after the other": lambda: down(1),
        "download, four at once": lambda: down(4),
    }


def compare(rounds: int) -> None:
    """Both, job by job, and the ratio of their times."""
    data = os.urandom(SIZE)
    command = azurite_command()
    with contextlib.ExitStack() as opened:
        home = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="mi-tui-bench-")))
        for part in ("sandbox", "azurite"):
            (home / part).mkdir()
        ours, _ = opened.enter_context(sandbox(home / "sandbox"))
        services = {"sandbox": ours}
        if command is not None:
            services["azurite"] = opened.enter_context(azurite(command, home / "azurite"))
        work = {}
        for name, service in services.items():
            service.create_container(CONTAINER)
            work[name] = jobs(service, data)
        for job in work["sandbox"]:
            took: dict[str, list[float]] = {name: [] for name in services}
            for round_ in range(rounds + 1):
                for name in services:
                    began = time.perf_counter()
                    work[name][job]()
                    if round_:
                        took[name].append(time.perf_counter() - began)
            for name, seconds in took.items():
                row(f"{job}: {name}", seconds)
            if command is not None:
                ratios = [mine / other for mine, other in zip(took["sandbox"], took["azurite"], strict=True)]
                print(
                    f"{'  sandbox / azurite, pair by pair':42} min {min(ratios):6.2f}  median {statistics.median(ratios):6.2f}"
                    f"  max {max(ratios):6.2f}"
                )
    if command is None:
        print("azurite: not installed (npm install azurite; then AZURITE=.../node_modules/.bin/azurite-blob)")


def large(size: int = 5 * 1024**3) -> None:
    """A blob of 5 GiB there and back, and the most memory that the sandbox had before and after."""
    with contextlib.ExitStack() as opened:
        home = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="mi-tui-bench-")))
        # The blocks and the blob that is made of them are both there for a moment.
        free, needed = shutil.disk_usage(home).free, 2 * size + 1024**3
        if free < needed:
            sys.exit(
                f"{home} has {free / 1e9:.0f} GB free; {needed / 1e9:.0f} GB are needed. Set TMPDIR to another disk."
            )
        service, pid = opened.enter_context(sandbox(home))
        service.create_container(CONTAINER)
        blob = service.get_blob_client(CONTAINER, "large")
        before = peak(pid)
        began = time.perf_counter()
        blob.upload_blob(Endless(size), length=size, max_concurrency=2)
        uploaded, middle = time.perf_counter(), peak(pid)
        read = sum(len(piece) for piece in blob.download_blob(max_concurrency=2).chunks())
        downloaded = time.perf_counter()
        assert read == size == blob.get_blob_properties().size
        print(
            f"{size / 1024**3:.0f} GiB up {uploaded - began:.1f} s, down {downloaded - uploaded:.1f} s; the sandbox's peak memory in "
            f"MiB: {before:.0f} before, {middle:.0f} after the upload, {peak(pid):.0f} after the download"
        )


def peak(pid: int) -> float:
    """The most resident memory a process had so far, in MiB; Linux only."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


def row(name: str, seconds: list[float]) -> None:
    """One row of figures; MB are millions of bytes."""
    middle = statistics.median(seconds)
    print(
        f"{name:42} min {min(seconds):6.3f}  median {middle:6.3f}  max {max(seconds):6.3f} s  {SIZE / middle / 1e6:6.0f} MB/s  n={len(seconds)}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--large", action="store_true")
    chosen = parser.parse_args()
    large() if chosen.large else compare(chosen.rounds)
