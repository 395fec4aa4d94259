"""Sign-ins: each tried silently and told in words, the two that ask a person through the real Entra of the sandbox, giving up."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure.identity import AuthenticationRequiredError

from mi_tui.model.sign_in import Finding, Prompt, SignIn, Standing, best, tenant_fault
from mi_tui.sandbox import client
from mi_tui.sandbox.client import Connection
from mi_tui.services import browsers, sign_in, tenants
from mi_tui.services.errors import ServiceError, as_failure, translated
from mi_tui.services.session import Session
from mi_tui.services.sign_in import Account, Attempt, SignInCancelled
from tests.person import sign_in as go_to_page
from tests.sandbox.process_harness import point

REPOSITORY = Path(__file__).resolve().parents[2]
USER = "you@contoso.example"
PERSON = f"{sys.executable} -m tests.person %s"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    with client.connect(tmp_path_factory.mktemp("home"), profile="instant") as lease:
        yield lease.connection


@pytest.fixture
def aimed(sandbox: Connection, monkeypatch: pytest.MonkeyPatch) -> Connection:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    return point(monkeypatch, sandbox)


@pytest.fixture
def no_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it but what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}")
    return folder


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


class Trial:
    """An attempt on a thread of its own, as the wizard makes it."""

    def __init__(self, kind: SignIn, tenant: str = "", then: Callable[[Prompt], object] | None = None) -> None:
        self.prompts: queue.Queue[Prompt] = queue.Queue()
        self.results: queue.Queue[Account | BaseException] = queue.Queue()

        def prompt(what: Prompt) -> None:
            self.prompts.put(what)
            if then is not None:
                threading.Thread(target=then, args=(what,)).start()

        self.attempt = Attempt(kind, tenant, prompt)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self.results.put(self.attempt.run())
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            self.results.put(error)

    def end(self) -> Account | BaseException:
        return self.results.get(timeout=60)


# ---- silently


def test_the_environment_signs_in_and_says_as_whom(aimed: Connection) -> None:
    probed = sign_in.probe(SignIn.ENVIRONMENT)
    assert probed.finding.standing is Standing.READY, probed.finding
    assert probed.finding.tenant == aimed.tenant
    assert aimed.client_id in probed.finding.name
    assert probed.account is not None
    assert aimed.client_secret not in repr(probed)
    assert "eyJ" not in repr(probed)


def test_a_wrong_secret_is_explained(aimed: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")
    finding = sign_in.probe(SignIn.ENVIRONMENT).finding
    assert finding.standing is Standing.REFUSED
    assert finding.words == "The client secret is wrong. (AADSTS7000215)"
    assert "AZURE_CLIENT_SECRET" in finding.advice
    with pytest.raises(ServiceError) as caught:
        sign_in.account(SignIn.ENVIRONMENT)
    failure = caught.value.failure
    assert failure.code == "AADSTS7000215"
    assert failure.details[0].startswith("Invalid client secret provided.")
    assert "Trace ID" not in failure.details[0]
    assert len(failure.correlation_id) == 36


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET are not set."),
        ({"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c"}, "AZURE_CLIENT_SECRET is not set."),
        ({"AZURE_CLIENT_SECRET": "s"}, "AZURE_TENANT_ID and AZURE_CLIENT_ID are not set."),
    ],
)
def test_missing_variables_are_named(variables: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    finding = sign_in.probe(SignIn.ENVIRONMENT).finding
    assert (finding.standing, finding.words) == (Standing.ABSENT, words)


def test_the_cli_not_there_signed_out_and_signed_in(aimed: Connection, no_cli: Path) -> None:
    finding = sign_in.probe(SignIn.AZURE_CLI).finding
    assert (finding.standing, finding.words) == (Standing.ABSENT, "Azure CLI is not installed (or not on the PATH).")
    program(no_cli, "az", "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1")
    finding = sign_in.probe(SignIn.AZURE_CLI).finding
    assert (finding.standing, finding.words) == (Standing.ABSENT, "Azure CLI is there, but not signed in.")
    ready = sign_in.probe(SignIn.ENVIRONMENT).account
    assert ready is not None
    token = ready.credential.get_token("https://management.azure.com/.default")
    answer = json.dumps({"accessToken": token.token, "expires_on": token.expires_on, "tokenType": "Bearer"})
    program(no_cli, "az", f"echo \"$@\" > {no_cli}/asked\necho '{answer}'")
    probed = sign_in.probe(SignIn.AZURE_CLI, "contoso.example")
    assert probed.finding.standing is Standing.READY
    assert "--tenant contoso.example" in (no_cli / "asked").read_text()


def test_a_cli_whose_sign_in_has_expired_is_explained(no_cli: Path) -> None:
    said = "ERROR: AADSTS700082: The refresh token has expired due to inactivity. Interactive authentication is needed: az login"
    program(no_cli, "az", f'echo "{said}" >&2; exit 1')
    finding = sign_in.probe(SignIn.AZURE_CLI).finding
    assert finding.standing is Standing.REFUSED
    assert "AADSTS700082" in finding.words
    assert "az login" in finding.advice


def test_a_tenant_that_is_not_there(aimed: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TENANT_ID", "11111111-2222-3333-4444-555555555555")
    finding = sign_in.probe(SignIn.ENVIRONMENT).finding
    assert finding.standing is Standing.REFUSED
    assert "tenant" in finding.words.lower()


def test_without_a_network_it_is_the_network_that_is_named(aimed: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    finding = sign_in.probe(SignIn.ENVIRONMENT).finding
    assert finding.standing is Standing.REFUSED
    assert "HTTPS_PROXY" in finding.advice, finding


# ---- with a person


def test_device_code_signs_in_by_typed_data_and_prints_nothing(
    aimed: Connection, capfd: pytest.CaptureFixture[str]
) -> None:
    trial = Trial(SignIn.DEVICE_CODE, then=lambda prompt: go_to_page(prompt.url, prompt.code))
    account = trial.end()
    assert isinstance(account, Account), account
    prompt = trial.prompts.get_nowait()
    assert (account.caller.name, account.caller.tenant) == (USER, aimed.tenant)
    assert len(prompt.code) == 9
    assert 800 < prompt.expires - time.time() <= 900
    assert capfd.readouterr() == ("", "")
    session = Session(account.credential, aimed.subscription)  # type: ignore[arg-type]
    assert tenants.display_name(session, account.caller.tenant) == "Contoso"
    trial.attempt.cancel()
    account.credential.get_token("https://storage.azure.com/.default")


def test_a_declined_device_code_is_explained(aimed: Connection) -> None:
    error = Trial(SignIn.DEVICE_CODE, then=lambda prompt: go_to_page(prompt.url, prompt.code, "cancel")).end()
    assert isinstance(error, ServiceError)
    assert (error.failure.code, error.failure.message) == ("AADSTS65004", "The sign-in was declined.")


def test_a_device_code_that_is_given_up_is_not_polled_for_any_more(aimed: Connection) -> None:
    trial = Trial(SignIn.DEVICE_CODE)
    prompt = trial.prompts.get(timeout=30)
    trial.attempt.cancel()
    assert isinstance(trial.end(), SignInCancelled)

    def polls() -> int:
        return sum(row["path"].endswith("/token") for row in client.log(aimed))

    before = polls()
    go_to_page(prompt.url, prompt.code)
    time.sleep(2.5)
    assert polls() == before, "nobody asks whether it was entered"


def test_a_browser_signs_in(aimed: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER", PERSON)
    assert sign_in.probe(SignIn.BROWSER).finding.standing is Standing.OFFERED
    trial = Trial(SignIn.BROWSER)
    account = trial.end()
    assert isinstance(account, Account), account
    assert account.caller.name == USER
    prompt = trial.prompts.get_nowait()
    assert prompt.code == ""
    assert "code_challenge=" in prompt.url


def test_a_guest_names_the_tenant(aimed: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER", PERSON)
    trial = Trial(SignIn.BROWSER, "contoso.example")
    assert isinstance(trial.end(), Account)
    other = Trial(SignIn.DEVICE_CODE, "fabrikam.example").end()
    assert isinstance(other, ServiceError)
    assert "tenant" in str(other).lower()


def test_a_browser_sign_in_that_is_given_up_ends_and_lets_its_port_go(
    aimed: Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    marker = tmp_path / "opened"
    monkeypatch.setenv("BROWSER", f"touch {marker} --")
    trial = Trial(SignIn.BROWSER)
    trial.prompts.get(timeout=30)
    trial.attempt.cancel()
    assert isinstance(trial.end(), SignInCancelled)


def test_a_browser_that_cannot_be_opened_says_so(aimed: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER", "false")
    error = Trial(SignIn.BROWSER).end()
    assert isinstance(error, ServiceError)
    assert "could not be opened" in error.failure.message


def test_a_sign_in_that_has_ended_is_said_and_nobody_is_asked_in_the_middle(aimed: Connection) -> None:
    account = Trial(SignIn.DEVICE_CODE, then=lambda prompt: go_to_page(prompt.url, prompt.code)).end()
    assert isinstance(account, Account), account
    session = Session(account.credential, aimed.subscription)  # type: ignore[arg-type]
    with pytest.raises(ServiceError) as caught, translated():
        session.credential.get_token("https://vault.azure.net/.default")
    assert caught.value.failure.message == "The sign-in has ended."
    ended = as_failure(AuthenticationRequiredError(["s"]))
    assert (ended.code, ended.message) == ("mi-tui/sign-in", "The sign-in has ended.")
    assert "Sign in again" in ended.advice


# ---- browsers


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "There is no screen for a browser in this terminal."),
        ({"SSH_CONNECTION": "1"}, "There is no screen for a browser in an SSH session."),
        ({"DISPLAY": ":0"}, "No browser was found on this machine."),
        ({"BROWSER": "lynx"}, "BROWSER is lynx, which would need this terminal."),
        ({"BROWSER": "/no/such/netscape"}, "BROWSER is netscape, which is not installed."),
        ({"BROWSER": "'unbalanced"}, "The variable BROWSER cannot be read as a command."),
    ],
)
def test_why_there_is_no_browser(
    variables: dict[str, str], words: str, no_cli: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert browsers.why_none() == words
    probed = sign_in.probe(SignIn.BROWSER).finding
    assert (probed.standing, probed.words) == (Standing.ABSENT, words)


def test_a_browser_writes_nothing_on_our_terminal() -> None:
    code = (
        "import os, sys\n"
        "os.environ['BROWSER'] = 'sh -c \"echo noise; echo noise >&2\"'\n"
        "from mi_tui.services import browsers\n"
        "sys.exit(0 if browsers.open_page('https://example.com') else 1)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# ---- the model


def test_the_best_is_the_cli_where_it_is_signed_in() -> None:
    ready = [Finding(kind, Standing.READY, "") for kind in (SignIn.ENVIRONMENT, SignIn.AZURE_CLI)]
    offered = [Finding(kind, Standing.OFFERED, "") for kind in (SignIn.DEVICE_CODE, SignIn.BROWSER)]
    assert best([*offered, *ready]) is SignIn.AZURE_CLI
    assert best([*offered, ready[0]]) is SignIn.ENVIRONMENT
    assert best(offered) is SignIn.BROWSER
    assert best([Finding(SignIn.AZURE_CLI, Standing.REFUSED, "")]) is None


def test_tenants_are_checked_before_they_are_used() -> None:
    assert not tenant_fault("")
    assert not tenant_fault("contoso.onmicrosoft.com")
    assert not tenant_fault("5a9d7c1e-0b4e-4c0f-9d53-3f6a2c7e1b90")
    assert all(tenant_fault(text) for text in ("a b", "https://x", "-x", "x/..", "ü.de"))
