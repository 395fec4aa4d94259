"""The sandbox met by real Azure clients over TLS, and what its own client asks of it and tells about it."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential, EnvironmentCredential
from process_harness import VARIABLES, ended, point, soon

from mi_tui.sandbox import client, launch
from mi_tui.sandbox.client import Connection, Lease, SandboxError


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home of a sandbox; whatever runs there at the end is ended."""
    folder = tmp_path / "sandbox"
    yield folder
    if folder.is_dir():
        client.stop(folder)


@pytest.fixture
def lease(home: Path) -> Iterator[Lease]:
    with client.connect(home, profile="instant") as it:
        yield it


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lease]:
    """One sandbox for the tests that only look at it."""
    folder = tmp_path_factory.mktemp("shared") / "sandbox"
    with client.connect(folder, profile="instant") as it:
        yield it
    client.stop(folder)


@pytest.fixture
def azure(shared: Lease, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """This process pointed at the shared sandbox."""
    return point(monkeypatch, shared.connection)


def test_azure_identity_gets_tokens_over_tls_through_the_proxy(azure: Connection) -> None:
    token = EnvironmentCredential().get_token("https://management.azure.com/.default")
    assert 3500 < token.expires_on - time.time() <= 3600
    headers = {"Authorization": f"Bearer {token.token}"}
    answer = requests.get(
        "https://management.azure.com/subscriptions?api-version=2022-12-01", headers=headers, timeout=10
    )
    assert azure.subscription in [item["subscriptionId"] for item in answer.json()["value"]]
    wrong = ClientSecretCredential(azure.tenant, azure.client_id, "wrong")
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215: Invalid client secret provided"):
        wrong.get_token("https://management.azure.com/.default")
    elsewhere = ClientSecretCredential("11111111-2222-3333-4444-555555555555", azure.client_id, azure.client_secret)
    with pytest.raises(ClientAuthenticationError, match="Unable to get authority configuration"):
        elsewhere.get_token("https://management.azure.com/.default")


def test_other_hosts_are_refused_and_told_in_the_log(azure: Connection) -> None:
    with pytest.raises(requests.exceptions.ProxyError, match="403 Forbidden"):
        requests.get("https://example.org/", timeout=10)
    last = client.log(azure)[-1]
    assert (last["method"], last["host"], last["status"]) == ("CONNECT", "example.org", 403)
    assert "serves only" in last["decision"]


def test_the_hosts_are_served_with_certificates_of_our_ca_only(
    azure: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for host in (
        "management.azure.com",
        "x1234.blob.core.windows.net",
        f"{'e' * 32}.westeurope.inference.ml.azure.com",
    ):
        assert requests.get(f"https://{host}/", timeout=10).status_code in {400, 401, 403, 404, 409}
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    monkeypatch.delenv("CURL_CA_BUNDLE")
    with pytest.raises(requests.exceptions.SSLError):
        requests.get("https://management.azure.com/", timeout=10)


def test_tree_and_status_tell_no_secret(shared: Lease) -> None:
    world, told = client.tree(shared.connection), client.status(shared.connection)
    assert {"resources", "role_assignments", "blobs"} <= set(world)
    assert (told["pid"], told["profile"], told["scenario"], told["persistent"], told["leases"]) == (
        shared.connection.pid, "instant", "none", False, 1,
    )  # fmt: skip
    secrets = (
        shared.connection.client_secret,
        shared.connection.control_token,
        shared.connection.user_refresh_token,
        shared.connection.user_password,
    )
    assert all(secrets)
    for text in (json.dumps(world), json.dumps(told), repr(shared.connection)):
        assert not any(secret in text for secret in secrets)


def test_secrets_are_kept_from_logs_process_arguments_and_others(azure: Connection) -> None:
    EnvironmentCredential().get_token("https://management.azure.com/.default")
    secrets = (azure.client_secret, azure.control_token, azure.user_refresh_token, azure.user_password)
    for name in ("sandbox.log", "start.log"):
        text = (azure.home / name).read_text()
        assert not any(secret in text for secret in (*secrets, "eyJ"))
    assert not any(secret in json.dumps(client.log(azure)) for secret in (*secrets, "eyJ"))
    arguments = Path(f"/proc/{azure.pid}/cmdline")
    if arguments.exists():
        assert not any(secret in arguments.read_text() for secret in secrets)
    for path in azure.home.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_only_loopback_listens(shared: Lease) -> None:
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("no /proc on this machine")
    ports = {int(url.rsplit(":", 1)[1]) for url in (shared.connection.proxy, shared.connection.control)}
    rows = [line.split()[1:4] for line in table.read_text().splitlines()[1:]]
    inodes = {os.readlink(file) for file in Path(f"/proc/{shared.connection.pid}/fd").iterdir() if file.is_symlink()}
    assert any(inode.startswith("socket:") for inode in inodes)
    listening = [(local.split(":")[0], int(local.split(":")[1], 16)) for local, _, state in rows if state == "0A"]
    assert ports <= {port for _, port in listening}
    assert {address for address, port in listening if port in ports} == {"0100007F"}


def test_control_wants_its_token(shared: Lease) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": shared.connection.control_token}):
        for method, what in (("GET", "status"), ("GET", "tree"), ("GET", "lease"), ("POST", "stop")):
            answer = requests.request(method, f"{shared.connection.control}/control/{what}", headers=headers, timeout=5)
            assert answer.status_code == 401
    assert shared.alive()
    good = {"Authorization": f"Bearer {shared.connection.control_token}"}
    assert requests.get(f"{shared.connection.control}/control/nothing", headers=good, timeout=5).status_code == 404
    assert (
        requests.post(f"{shared.connection.control}/control/profile", data=b"[", headers=good, timeout=5).status_code
        == 400
    )
    assert requests.get(f"{shared.connection.control}/", timeout=5).status_code == 404


def test_profile_and_scenario_of_a_running_one_are_changed_only_when_asked(home: Path) -> None:
    with client.connect(home, profile="instant", scenario="slow-grants") as first, client.connect(home) as second:
        assert (second.connection.profile, second.connection.scenario) == ("instant", "slow-propagation")
        with client.connect(home, profile="demo") as third:
            assert (third.connection.profile, third.connection.scenario) == ("demo", "slow-propagation")
        assert client.status(first.connection)["profile"] == "demo"
        found = client.running(home)
        assert found is not None
        assert (found.profile, found.scenario) == ("demo", "slow-propagation")


@pytest.mark.parametrize(("profile", "scenario"), [("warp", None), (None, "flood")])
def test_unknown_names_are_refused_before_anything_starts(
    home: Path, profile: str | None, scenario: str | None
) -> None:
    with pytest.raises(SandboxError, match=f"'{profile or scenario}'. Choose one of: "):
        client.connect(home, profile=profile, scenario=scenario)
    assert not home.exists()


def test_names_that_the_command_line_offers() -> None:
    assert client.PROFILE_NAMES == ("instant", "demo", "azure")
    assert next(iter(client.scenarios())) == "none"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_explicit_port_is_taken_or_said_to_be_busy(home: Path) -> None:
    port = free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(
            SandboxError, match=f"Port {port} of 127.0.0.1 is in use by another program. Choose another port"
        ):
            client.connect(home, profile="instant", port=port)
    with client.connect(home, profile="instant", port=port) as lease:
        assert lease.connection.proxy == f"http://127.0.0.1:{port}"
        with client.connect(home, port=port) as same:
            assert same.connection.pid == lease.connection.pid
        with pytest.raises(SandboxError, match="already runs, at"):
            client.connect(home, port=free_port())
        assert lease.alive()


def test_a_remembered_port_that_is_taken_now_is_given_up(home: Path) -> None:
    with client.connect(home, profile="instant") as lease:
        first = lease.connection
    assert soon(lambda: ended(first.pid))
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", int(first.proxy.rsplit(":", 1)[1])))
        other.listen()
        with client.connect(home, profile="instant") as lease:
            assert lease.connection.proxy != first.proxy


def test_the_process_gets_no_credentials_and_no_way_back_into_a_sandbox(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*VARIABLES, "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    ca = str(home / "ca" / "mi-tui-sandbox-ca.pem")
    for name, value in {
        "HTTPS_PROXY": "http://127.0.0.1:4000", "https_proxy": "http://127.0.0.1:4000", "REQUESTS_CA_BUNDLE": ca, "SSL_CERT_FILE": ca,
        "AZURE_CLIENT_SECRET": "real", "ARM_CLIENT_SECRET": "real", "MSI_SECRET": "real", "UV_INDEX_URL": "https://pypi.example",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    inside = launch._environment_of_server(home)
    assert not {"HTTPS_PROXY", "https_proxy", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"} & set(inside)
    assert "real" not in inside.values()
    assert inside["UV_INDEX_URL"] == "https://pypi.example"
    for name, value in {"REQUESTS_CA_BUNDLE": "/etc/company.pem", "SSL_CERT_FILE": "/etc/company.pem"}.items():
        monkeypatch.setenv(name, value)
    outside = launch._environment_of_server(home)
    assert (outside["HTTPS_PROXY"], outside["REQUESTS_CA_BUNDLE"]) == ("http://127.0.0.1:4000", "/etc/company.pem")


def test_environment_points_everything_at_the_sandbox(shared: Lease) -> None:
    variables = client.environment(shared.connection)
    assert variables["HTTPS_PROXY"] == variables["https_proxy"] == shared.connection.proxy
    assert {variables[name] for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")} == {
        str(shared.connection.ca_file)
    }
    assert "HTTP_PROXY" not in variables  # the identity endpoint of a deployment is plain http on loopback
    assert variables["AZURE_TOKEN_CREDENTIALS"] == "EnvironmentCredential"
    assert {name for name in variables if name.startswith("AZURE_")} == {
        "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP",
        "AZURE_ML_WORKSPACE", "AZURE_LOCATION", "AZURE_TOKEN_CREDENTIALS",
    }  # fmt: skip


def test_importing_the_client_loads_nothing_heavy() -> None:
    heavy = ("cryptography", "starlette", "uvicorn", "jwt", "sqlite3", "ssl", "http.client", "asyncio", "subprocess")
    code = f"import sys, mi_tui.sandbox.client\nprint([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_scenario_files_are_read_anew_and_a_bad_one_starts_nothing(home: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("about: x\nrules: [{on: {service: ftp}}]\n")
    with pytest.raises(client.SandboxUsageError, match=r"mine\.yaml:2: rules\[0\]\.on\.service: one of"):
        client.connect(home, scenario=str(mine))
    assert not home.exists()
    mine.write_text("about: x\nfurniture: {unregistered: [Microsoft.Cdn]}\n")
    with client.connect(home, profile="instant", scenario=f"slow-grants,{mine}") as lease:
        assert lease.connection.scenario == f"slow-propagation,{mine}"
        before = client.tree(lease.connection)
        mine.write_text("about: x\nfurniture: {registry: false}\n")
        with client.connect(home, scenario=f"slow-propagation,{mine}") as again:
            assert client.tree(again.connection) != before
            with client.connect(home, scenario="none"):
                assert client.tree(again.connection) == before


def test_every_scenario_can_be_had_as_data() -> None:
    every = client.explained_scenarios()
    assert json.loads(json.dumps(every))["no-quota"]["furniture"]["quotas"] == {"*": 6}
