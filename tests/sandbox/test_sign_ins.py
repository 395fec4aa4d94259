"""People signing in to the sandbox: device codes and authorization codes, refused in Entra's words, and through real clients."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import DeviceCodeCredential, InteractiveBrowserCredential

from mi_tui.sandbox import client, furnish, token_endpoint
from mi_tui.sandbox.client import Connection
from mi_tui.sandbox.oauth import CLI_CLIENT
from mi_tui.sandbox.profiles import PROFILES
from mi_tui.sandbox.store import Store
from mi_tui.sandbox.tokens import Issuer
from mi_tui.sandbox.world import TENANT, World
from tests.person import sign_in
from tests.sandbox.process_harness import point
from tests.sandbox.test_entra import ARM_SCOPE, TOKEN, Answer, Entra, refused

REPOSITORY = Path(__file__).resolve().parents[2]
DEVICE = f"/{TENANT}/oauth2/v2.0/devicecode"
PAGE = "/common/oauth2/deviceauth"
AUTHORIZE = f"/{TENANT}/oauth2/v2.0/authorize"
SCOPE = f"{ARM_SCOPE} offline_access openid profile"
BACK = "http://localhost:8400"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def entra(tmp_path: Path) -> Iterator[Entra]:
    store = Store(tmp_path)
    world = World(tmp_path, store, Issuer(store, TENANT), PROFILES["instant"])
    furnish.furnish(world)
    yield Entra(world)
    store.close()


def begin(entra: Entra, **changes: str) -> Answer:
    return entra("POST", DEVICE, {"client_id": CLI_CLIENT, "scope": SCOPE} | changes)


def poll(entra: Entra, device_code: str, *, at_once: bool = False) -> Answer:
    """Ask for the tokens; unless `at_once`, as late as a client that keeps to the interval."""
    found = entra.world.sign_ins.devices.get(device_code)
    if found is not None and not at_once:
        found.polled = 0.0
    form = {
        "grant_type": token_endpoint.DEVICE_CODE,
        "client_id": CLI_CLIENT,
        "device_code": device_code,
        "client_info": "1",
    }
    return entra("POST", TOKEN, form)


def enter(entra: Entra, code: str, password: str | None = None, answer: str = "ok") -> Answer:
    known = furnish.user_password(entra.world)
    return entra("POST", PAGE, {"otc": code, "passwd": known if password is None else password, "answer": answer})


# ---- device code


def test_a_device_code_is_what_entra_gives(entra: Entra) -> None:
    answer = begin(entra)
    body = answer.json
    assert list(body) == ["user_code", "device_code", "verification_uri", "expires_in", "interval", "message"]
    assert body["expires_in"] == 900
    assert re.fullmatch(r"[A-Z0-9]{9}", body["user_code"])
    assert body["message"] == (
        f"To sign in, use a web browser to open the page {body['verification_uri']} and enter the code {body['user_code']} to authenticate."
    )
    other = begin(entra).json
    assert (other["user_code"], other["device_code"]) != (body["user_code"], body["device_code"])


def test_the_device_flow_from_pending_to_tokens_once(entra: Entra) -> None:
    body = begin(entra).json
    refused(poll(entra, body["device_code"]), 400, "authorization_pending", 70016)
    spaced = " ".join(body["user_code"]).lower()
    assert b"You have signed in as you@contoso.example" in enter(entra, spaced).raw
    tokens = poll(entra, body["device_code"]).json
    caller = entra.world.issuer.verify(tokens["access_token"], ("https://management.azure.com",))
    assert (caller.name, caller.kind) == (furnish.USER, "User")
    assert tokens["scope"] == "https://management.azure.com/user_impersonation"
    assert {"refresh_token", "id_token", "client_info", "foci"} <= set(tokens)
    refused(poll(entra, body["device_code"]), 400, "invalid_grant", 54005)
    again = entra.refresh(refresh_token=tokens["refresh_token"], scope="https://storage.azure.com/.default")
    entra.world.issuer.verify(again.json["access_token"], ("https://storage.azure.com",))


def test_the_device_flow_of_v1_names_a_resource(entra: Entra) -> None:
    asked = {"client_id": CLI_CLIENT, "resource": "https://management.core.windows.net/"}
    body = entra("POST", f"/{TENANT}/oauth2/devicecode", asked).json
    assert (body["expires_in"], body["interval"]) == ("900", "1")
    assert "verification_url" in body
    enter(entra, body["user_code"])
    form = {
        "grant_type": "device_code",
        "client_id": CLI_CLIENT,
        "resource": asked["resource"],
        "code": body["device_code"],
    }
    tokens = entra("POST", f"/{TENANT}/oauth2/token", form).json
    assert (tokens["resource"], tokens["scope"]) == (asked["resource"], "user_impersonation")
    assert tokens["expires_in"] == "3599"


def test_polling_too_fast_is_slowed_down(entra: Entra) -> None:
    body = begin(entra).json
    refused(poll(entra, body["device_code"]), 400, "authorization_pending", 70016)
    refused(poll(entra, body["device_code"], at_once=True), 400, "slow_down", 70016)
    assert entra.world.sign_ins.devices[body["device_code"]].interval == body["interval"] + 5


def test_an_entered_code_is_answered_at_once_however_fast_the_client_polls(entra: Entra) -> None:
    body = begin(entra).json
    poll(entra, body["device_code"])
    enter(entra, body["user_code"])
    assert poll(entra, body["device_code"], at_once=True).status == 200


def test_declined_expired_and_unknown_codes(entra: Entra) -> None:
    body = begin(entra).json
    assert b"declined" in enter(entra, body["user_code"], answer="cancel").raw
    refused(poll(entra, body["device_code"]), 400, "authorization_declined", 65004)
    old = begin(entra).json
    entra.world.sign_ins.devices[old["device_code"]].expires = time.time() - 1
    assert b"did not work" in enter(entra, old["user_code"]).raw
    refused(poll(entra, old["device_code"]), 400, "expired_token", 70020)
    refused(poll(entra, "no-such-code"), 400, "invalid_grant", 7000014)
    answer = enter(entra, "WRONGCODE")
    assert b"did not work" in answer.raw
    assert answer.state["code"] == "AADSTS70018"
    assert b"did not work" in enter(entra, "é" * 9).raw


def test_a_code_without_the_password_signs_nobody_in(entra: Entra) -> None:
    body = begin(entra).json
    for password in ("", "wrong", furnish.user_password(entra.world).upper()):
        answer = enter(entra, body["user_code"], password)
        assert b"password is incorrect" in answer.raw
        assert answer.state["code"] == "AADSTS50126"
    refused(poll(entra, body["device_code"]), 400, "authorization_pending", 70016)


@pytest.mark.parametrize(
    ("changes", "error", "number"),
    [
        ({"client_id": furnish.CLIENT_ID}, "unauthorized_client", 700016),
        ({"client_id": ""}, "invalid_request", 900144),
        ({"scope": ""}, "invalid_request", 900144),
        ({"scope": "https://vault.azure.net/.default"}, "invalid_resource", 500011),
    ],
)
def test_device_codes_that_are_refused(entra: Entra, changes: dict[str, str], error: str, number: int) -> None:
    refused(begin(entra, **changes), 400, error, number)


def test_codes_under_way_are_bounded(entra: Entra) -> None:
    first = begin(entra).json
    for _ in range(500):
        entra.world.sign_ins.begin_device(CLI_CLIENT, SCOPE, 1)
    assert len(entra.world.sign_ins.devices) == 500
    refused(poll(entra, first["device_code"]), 400, "invalid_grant", 7000014)


def test_a_domain_names_the_tenant(entra: Entra) -> None:
    body = entra("GET", "/contoso.example/v2.0/.well-known/openid-configuration").json
    assert body["issuer"] == f"https://login.microsoftonline.com/{TENANT}/v2.0"


# ---- authorization code


def ask(**changes: str) -> dict[str, str]:
    asked = {
        "client_id": CLI_CLIENT, "response_type": "code", "redirect_uri": BACK, "scope": SCOPE, "state": "s-1", "nonce": "n-1",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", "response_mode": "query", "client_info": "1",
    }  # fmt: skip
    return {name: value for name, value in (asked | changes).items() if value}


def authorize(entra: Entra, answer: str = "ok", **changes: str) -> Answer:
    return entra("POST", AUTHORIZE, ask(**changes) | {"passwd": furnish.user_password(entra.world), "answer": answer})


def told(answer: Answer) -> dict[str, str]:
    """What a redirection tells the client."""
    assert answer.status == 302, answer.raw
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def redeem(entra: Entra, code: str, **changes: str) -> Answer:
    form = {
        "grant_type": "authorization_code", "client_id": CLI_CLIENT, "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER,
        "scope": SCOPE,
    }  # fmt: skip
    return entra("POST", TOKEN, {name: value for name, value in (form | changes).items() if value})


def test_the_code_flow_with_a_proof_key(entra: Entra) -> None:
    page = entra("GET", f"{AUTHORIZE}?{urlencode(ask())}")
    assert page.status == 200
    assert b"you@contoso.example" in page.raw
    assert "default-src 'none'" in page.headers["content-security-policy"]
    answer = told(authorize(entra))
    assert answer["state"] == "s-1"
    tokens = redeem(entra, answer["code"]).json
    claims = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    assert (claims["nonce"], claims["aud"], claims["preferred_username"]) == ("n-1", CLI_CLIENT, furnish.USER)
    refused(redeem(entra, answer["code"]), 400, "invalid_grant", 54005)


def test_form_post_posts_itself(entra: Entra) -> None:
    answer = authorize(entra, response_mode="form_post", state='"><script>alert(1)</script>')
    assert answer.status == 200
    page = answer.raw.decode()
    assert f'action="{BACK}"' in page
    assert "<script>alert" not in page
    assert html.escape('"><script>alert(1)</script>') in page


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"code_verifier": "w" * 43}, 501481),
        ({"code_verifier": ""}, 501481),
        ({"redirect_uri": "http://localhost:8401"}, 500112),
        ({"code": "no-such-code"}, 70000),
    ],
)
def test_codes_that_are_not_redeemed(entra: Entra, changes: dict[str, str], number: int) -> None:
    code = told(authorize(entra))["code"]
    refused(redeem(entra, **({"code": code} | changes)), 400, "invalid_grant", number)
    assert redeem(entra, code).status == 200, "a failed try does not use it up"


def test_an_old_code(entra: Entra) -> None:
    code = told(authorize(entra))["code"]
    entra.world.sign_ins.codes[code].expires = time.time() - 1
    refused(redeem(entra, code), 400, "invalid_grant", 70008)


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/", "http://localhost.evil.example:8400", "http://user@localhost:8400", "//localhost", "http://localhost:99999",
        "javascript:alert(1)", "http://localhost:8400#x",
    ],
)  # fmt: skip
def test_no_code_goes_elsewhere(entra: Entra, address: str) -> None:
    answer = authorize(entra, redirect_uri=address)
    assert answer.status == 400
    assert b"AADSTS50011" in answer.raw
    assert "location" not in answer.headers


def test_the_client_is_told_what_is_wrong_and_that_the_person_declined(entra: Entra) -> None:
    assert told(authorize(entra, response_type="token"))["error"] == "unsupported_response_type"
    assert told(authorize(entra, scope="https://vault.azure.net/.default"))["error"] == "invalid_resource"
    declined = told(authorize(entra, answer="cancel"))
    assert (declined["error"], declined["state"]) == ("access_denied", "s-1")
    assert declined["error_description"].startswith("AADSTS65004")


def test_no_code_without_the_password(entra: Entra) -> None:
    answer = entra("POST", AUTHORIZE, ask() | {"passwd": "guess", "answer": "ok"})
    assert answer.status == 200
    assert b"password is incorrect" in answer.raw
    assert entra.world.sign_ins.codes == {}


def test_secrets_stay_out_of_what_the_log_is_told(entra: Entra) -> None:
    body = begin(entra).json
    password = furnish.user_password(entra.world)
    answers = [enter(entra, body["user_code"]), poll(entra, body["device_code"]), authorize(entra)]
    said = json.dumps([answer.state for answer in answers])
    code = told(answers[2])["code"]
    tokens = answers[1].json
    for secret in (password, body["device_code"], code, tokens["refresh_token"], tokens["access_token"]):
        assert secret not in said


# ---- through TLS, with azure-identity as it is


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    with client.connect(tmp_path_factory.mktemp("home"), profile="instant") as lease:
        yield lease.connection


@pytest.fixture
def aimed(sandbox: Connection, monkeypatch: pytest.MonkeyPatch) -> Connection:
    return point(monkeypatch, sandbox)


def name_in(token: str) -> str:
    return str(jwt.decode(token, options={"verify_signature": False})["upn"])


@pytest.mark.parametrize("tenant", ["organizations", TENANT])
def test_azure_identitys_device_code_signs_in(aimed: Connection, tenant: str) -> None:
    asked: list[tuple[str, str]] = []

    def prompt(url: str, code: str, expires: Any) -> None:
        asked.append((url, code))
        threading.Thread(target=sign_in, args=(url, code)).start()

    credential = DeviceCodeCredential(tenant_id=tenant, prompt_callback=prompt, timeout=60)
    assert name_in(credential.get_token(ARM_SCOPE).token) == furnish.USER
    assert name_in(credential.get_token("https://storage.azure.com/.default").token) == furnish.USER
    assert len(asked) == 1, "the second token comes by the refresh token"
    assert urlsplit(asked[0][0]).hostname == "127.0.0.1", "any browser of this machine can open it"


def test_azure_identitys_device_code_is_declined(aimed: Connection) -> None:
    def prompt(url: str, code: str, expires: Any) -> None:
        threading.Thread(target=sign_in, args=(url, code, "cancel")).start()

    with pytest.raises(ClientAuthenticationError, match="AADSTS65004"):
        DeviceCodeCredential(prompt_callback=prompt, timeout=60).get_token(ARM_SCOPE)


def test_the_device_page_stands_on_the_login_host_too(aimed: Connection) -> None:
    def prompt(url: str, code: str, expires: Any) -> None:
        page = f"https://login.microsoftonline.com{PAGE}"
        threading.Thread(target=sign_in, args=(page, code)).start()

    assert name_in(DeviceCodeCredential(prompt_callback=prompt, timeout=60).get_token(ARM_SCOPE).token) == furnish.USER


def test_the_loopback_pages_answer_to_no_other_name(sandbox: Connection) -> None:
    for host, status in (("127.0.0.1", 200), ("localhost", 200), ("evil.example", 404)):
        http = HTTPConnection(urlsplit(sandbox.control).netloc, timeout=10)
        http.request("GET", "/device", headers={"host": host})
        assert http.getresponse().status == status
        http.close()


def test_azure_identitys_browser_signs_in(aimed: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webbrowser._tryorder", None)
    monkeypatch.setattr("webbrowser._browsers", {})
    monkeypatch.setenv("BROWSER", f"{sys.executable} -m tests.person %s &")
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    credential = InteractiveBrowserCredential(timeout=60)
    assert name_in(credential.get_token(ARM_SCOPE).token) == furnish.USER
    assert name_in(credential.get_token("https://storage.azure.com/.default").token) == furnish.USER
