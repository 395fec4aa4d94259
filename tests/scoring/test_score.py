"""scoring/code/score.py against a loopback Azure: identity endpoint, blob server behind TLS, CONNECT proxy.

Requests and the Azure SDK are the real ones and build their real URLs. Only ``joblib`` is a stand-in, because the
wizard's environment has no scikit-learn; the real model under the real server is the end-to-end tests' matter.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib.util
import io
import json
import logging
import re
import select
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SCORING = Path(__file__).resolve().parents[2] / "scoring"
HOST = "unittestaccount.blob.core.windows.net"
SECRET = "identity-secret"
SAI, UAI = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
CLIENT = "33333333-3333-3333-3333-333333333333"
TOKENS = {oid: jwt.encode({"oid": oid}, "k" * 32, algorithm="HS256") for oid in (SAI, UAI)}
# What a developer's machine may have set, and a deployment has not.
FOREIGN_SETTINGS = (
    *("UAI_CLIENT_ID", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "AZURE_CLIENT_ID", "CURL_CA_BUNDLE"),
    *("HTTP_PROXY", "http_proxy", "https_proxy", "no_proxy", "ALL_PROXY", "all_proxy"),
)
TEXT = "Hello\nthere"


class Handler(BaseHTTPRequestHandler):
    """Answers JSON or bytes, quietly; what it was asked is kept on the server."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


class Identity(Handler):
    asked: ClassVar[list[dict[str, str]]] = []

    def do_GET(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        self.asked.append(query)
        if self.headers["secret"] != SECRET:
            self.answer(401, b"{}")
        elif query.get("clientid", CLIENT) != CLIENT:
            self.answer(400, b'{"error": "identity not found"}')
        else:
            token = TOKENS[UAI if "clientid" in query else SAI]
            body = {"access_token": token, "expires_on": "4102444800", "token_type": "Bearer", "resource": "x"}
            self.answer(200, json.dumps(body).encode(), content_type="application/json")


class Blob(Handler):
    refuse: ClassVar[str] = ""
    troubles: ClassVar[list[str]] = []
    """What goes wrong with the next requests, each once: `busy`, or `cut`."""
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.troubles:
            if self.troubles.pop() == "busy":
                self.answer(503, b"<Error/>", x_ms_error_code="ServerBusy")
            self.close_connection = True
        elif self.refuse:
            self.answer(403, b"<Error/>", x_ms_error_code=self.refuse)
        elif self.headers["authorization"] not in {f"Bearer {token}" for token in TOKENS.values()}:
            self.answer(401, b"<Error/>", x_ms_error_code="InvalidAuthenticationInfo")
        elif self.path not in ("/c/hello.txt", "/c/a%20folder/h%23.txt"):
            self.answer(404, b"<Error/>", x_ms_error_code="BlobNotFound")
        elif "x-ms-range" in self.headers:
            body = TEXT.encode()
            self.answer(206, body, content_range=f"bytes 0-{len(body) - 1}/{len(body)}", etag='"0x1"')
        else:
            self.answer(200, TEXT.encode())


class Connect(Handler):
    target: ClassVar[tuple[str, int]]

    def do_CONNECT(self) -> None:
        if self.path != f"{HOST}:443":
            self.answer(403, b"")
            return
        with socket.create_connection(self.target) as far:
            self.send_response(200)
            self.end_headers()
            pair = {self.connection: far, far: self.connection}
            while ready := select.select(list(pair), [], [], 10)[0]:
                for end in ready:
                    if not (data := end.recv(65536)):
                        self.close_connection = True
                        return
                    pair[end].sendall(data)


def certificate(folder: Path) -> Path:
    """One self-signed certificate for the blob host, which is its own authority; the file holds the key too."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "blob.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return file


def serve(handler: type[Handler], context: ssl.SSLContext | None = None) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    pem = certificate(tmp_path_factory.mktemp("ca"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    blob = serve(Blob, context)
    Connect.target = ("127.0.0.1", blob.server_port)
    identity, proxy = serve(Identity), serve(Connect)
    yield SimpleNamespace(
        pem=pem,
        identity=f"http://127.0.0.1:{identity.server_port}/msi/token",
        proxy=f"http://127.0.0.1:{proxy.server_port}",
    )
    for server in (blob, identity, proxy):
        server.shutdown()
        server.server_close()


class Model:
    """Stands in for the scikit-learn model: sums each row."""

    n_features_in_ = 3

    def __init__(self, path: Path) -> None:
        self.path = path

    def predict(self, rows: list[list[float]]) -> SimpleNamespace:
        return SimpleNamespace(tolist=lambda: [float(sum(row)) for row in rows])


@pytest.fixture
def output() -> io.StringIO:
    """What the script writes to stdout, which is the container's log."""
    return io.StringIO()


@pytest.fixture
def score(azure: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, output: io.StringIO) -> ModuleType:
    """score.py freshly loaded as the server loads it, in the environment that a deployment gives it."""
    for name in FOREIGN_SETTINGS:
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AZUREML_MODEL_DIR": str(tmp_path),
        "STORAGE_ACCOUNT_NAME": "unittestaccount",
        "STORAGE_CONTAINER_NAME": "c",
        "FILE_NAME": "hello.txt",
        "MSI_ENDPOINT": azure.identity,
        "MSI_SECRET": SECRET,
        "HTTPS_PROXY": azure.proxy,
        "NO_PROXY": "127.0.0.1,localhost",
        "REQUESTS_CA_BUNDLE": str(azure.pem),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Identity, "asked", [])
    monkeypatch.setattr(Blob, "asked", [])
    joblib = ModuleType("joblib")
    joblib.__dict__["load"] = Model
    monkeypatch.setitem(sys.modules, "joblib", joblib)
    spec = importlib.util.spec_from_file_location("entry_module", SCORING / "code" / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with contextlib.redirect_stdout(output):
        spec.loader.exec_module(module)
    return module


def blob_lines(text: str) -> list[str]:
    return [line.partition(" - ")[2] for line in text.splitlines() if "Blob contains" in line]


@pytest.mark.parametrize(
    ("client_id", "oid"), [(None, SAI), ("", SAI), (CLIENT, UAI)], ids=["system", "empty-is-system", "user"]
)
def test_init_reads_the_blob_twice_as_the_endpoints_identity(
    score: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    output: io.StringIO,
    tmp_path: Path,
    client_id: str | None,
    oid: str,
) -> None:
    if client_id is not None:
        monkeypatch.setenv("UAI_CLIENT_ID", client_id)
    score.init()
    out = output.getvalue()
    assert blob_lines(out) == [
        f"Blob contains: 'Hello\\nthere' (read by {way} as principal {oid})" for way in ("REST", "SDK")
    ]
    assert Blob.asked == ["/c/hello.txt"] * 2
    assert [query.get("clientid") for query in Identity.asked] == [client_id or None] * 2
    assert {query["resource"] for query in Identity.asked} == {"https://storage.azure.com"}
    assert score.model.path == tmp_path / "model" / "sklearn_regression_model.pkl"
    assert TOKENS[oid] not in out
    assert SECRET not in out


def test_the_root_logger_stays_unconfigured_and_azure_quiet(score: ModuleType, output: io.StringIO) -> None:
    before = list(logging.getLogger().handlers)
    score.init()
    out = output.getvalue()
    assert logging.getLogger().handlers == before
    assert "Request URL" not in out
    assert not logging.getLogger("azure.core.pipeline.policies.http_logging_policy").isEnabledFor(logging.INFO)
    # Loading the script again in one process, as a test or a notebook does, must not double the lines.
    own = [handler for handler in logging.getLogger("score").handlers if type(handler) is logging.StreamHandler]
    assert len(own) == 1


def test_names_with_special_characters_are_quoted(score: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILE_NAME", "a folder/h#.txt")
    score.init()
    assert Blob.asked == ["/c/a%20folder/h%23.txt"] * 2


@pytest.mark.parametrize("trouble", ["busy", "cut"])
def test_what_passes_by_itself_is_asked_again(
    score: ModuleType, monkeypatch: pytest.MonkeyPatch, output: io.StringIO, trouble: str
) -> None:
    monkeypatch.setattr(Blob, "troubles", [trouble])
    score.init()
    assert Blob.asked == ["/c/hello.txt"] * 3
    assert len(blob_lines(output.getvalue())) == 2


def test_a_long_text_is_cut_in_the_log(score: ModuleType, monkeypatch: pytest.MonkeyPatch, output: io.StringIO) -> None:
    monkeypatch.setitem(globals(), "TEXT", "x" * 5000)
    score.init()
    line = blob_lines(output.getvalue())[0]
    assert line.startswith(f"Blob contains: '{'x' * 200}'... (5000 characters) (read by REST")


def test_a_refused_read_names_status_code_and_principal(score: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Blob, "refuse", "AuthorizationPermissionMismatch")
    with pytest.raises(requests.HTTPError) as caught:
        score.init()
    assert str(caught.value) == (
        f"403: AuthorizationPermissionMismatch: principal {SAI} could not read c/hello.txt in unittestaccount"
    )


def test_an_identity_that_the_endpoint_does_not_have_is_named(
    score: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UAI_CLIENT_ID", "another")
    with pytest.raises(requests.HTTPError, match="400: no token for client id another"):
        score.init()


@pytest.mark.parametrize("name", ["AZUREML_MODEL_DIR", "STORAGE_ACCOUNT_NAME", "FILE_NAME", "MSI_ENDPOINT"])
def test_a_missing_setting_is_named(score: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(RuntimeError, match=name):
        score.init()


@pytest.mark.parametrize("token", ["", "opaque", "a.b.c", "a.bm90IGpzb24.c", "a.W10.c"])
def test_an_unreadable_token_has_an_unknown_principal(score: ModuleType, token: str) -> None:
    assert score.principal(token) == "unknown"


def test_run_answers_exactly_the_predictions(score: ModuleType) -> None:
    score.init()
    assert score.run('{"data": [[1, 2, 3], [4, 5, 6.5]]}') == [6.0, 15.5]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "not JSON"),
        ("[1]", 'the key "data"'),
        ('{"rows": []}', 'the key "data"'),
        ('{"data": []}', "one or more rows"),
        ('{"data": {"0": 1}}', "one or more rows"),
        ('{"data": [[1, 2, 3], 4]}', "Row 1 must be a list"),
        ('{"data": [[1, 2]]}', "Row 0 has 2 values; the model takes 3"),
        ('{"data": [[1, "2", 3]]}', "Row 0, value 1 must be a finite number"),
        ('{"data": [[1, 2, NaN]]}', "Row 0, value 2 must be a finite number"),
        ('{"data": [[true, 2, 3]]}', "Row 0, value 0 must be a finite number"),
        ('{"data": [[1' + "0" * 400 + ", 2, 3]]}", "Row 0, value 0 must be a finite number"),
    ],
)
def test_a_bad_payload_is_answered_with_400_and_the_reason(
    score: ModuleType, monkeypatch: pytest.MonkeyPatch, body: str, message: str
) -> None:
    # Flask comes with the scoring server and is not in the wizard's environment.
    flask = ModuleType("flask")
    flask.__dict__["Response"] = lambda text, **rest: SimpleNamespace(text=text, **rest)
    monkeypatch.setitem(sys.modules, "flask", flask)
    score.init()
    answer: Any = score.run(body)
    assert (answer.status, answer.mimetype) == (400, "application/json")
    error = json.loads(answer.text)["error"]
    assert error["code"] == "BadPayload"
    assert message in error["message"]


def test_the_sample_request_fits_the_model(score: ModuleType) -> None:
    rows = score.rows_of((SCORING / "sample-request.json").read_text(), 10)
    assert rows == [list(range(1, 11)), list(range(10, 0, -1))]


def pins() -> dict[str, str]:
    """The scoring environment's direct requirements, conda's and pip's, by name."""
    entries = yaml.safe_load((SCORING / "environment" / "conda.yaml").read_text())["dependencies"]
    lines = [line for entry in entries for line in (entry["pip"] if isinstance(entry, dict) else [entry])]
    return {name: version for name, _, version in (re.split(r"(=+)", line, maxsplit=1) for line in lines)}


def test_every_direct_requirement_is_pinned() -> None:
    assert {"python", "scikit-learn", "azure-storage-blob", "azureml-inference-server-http"} <= set(pins())
    assert all(re.fullmatch(r"\d+(\.\d+)+", version) for version in pins().values())


def test_the_model_was_made_with_the_pinned_scikit_learn() -> None:
    pickle = (SCORING / "model" / "sklearn_regression_model.pkl").read_bytes()
    made_with = re.search(rb"_sklearn_version\W+([\d.]+)", pickle)
    assert made_with is not None
    assert made_with[1].decode() == pins()["scikit-learn"]
