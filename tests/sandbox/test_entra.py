"""Entra ID of the sandbox: discovery, tokens, and refusals in Entra's words."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest

from mi_tui.sandbox import furnish, sign_ins
from mi_tui.sandbox.entra import login_app
from mi_tui.sandbox.oauth import CLI_CLIENT
from mi_tui.sandbox.profiles import PROFILES
from mi_tui.sandbox.store import Store
from mi_tui.sandbox.token_endpoint import ON_BEHALF_OF
from mi_tui.sandbox.tokens import Issuer, TokenError
from mi_tui.sandbox.world import TENANT, World

ARM_SCOPE = "https://management.azure.com/.default"
TOKEN = f"/{TENANT}/oauth2/v2.0/token"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    raw: bytes
    state: dict[str, Any]

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.raw))


class Entra:
    """Calls the application without a network."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.facts = furnish.defaults(world)
        self._app = login_app(world)

    def __call__(self, method: str, path: str, form: dict[str, str] | bytes | None = None, **headers: str) -> Answer:
        path, _, query = path.partition("?")
        body = form if isinstance(form, bytes) else urlencode(form or {}).encode()
        sent: list[dict[str, Any]] = []
        state: dict[str, Any] = {}
        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(), "state": state,
            "headers": [(b"host", b"login.microsoftonline.com")]
            + [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self._app(scope, receive, send))  # type: ignore[arg-type]
        raw = b"".join(message.get("body", b"") for message in sent[1:])
        found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], found, raw, state)

    def client(self, path: str = TOKEN, **changes: str) -> Answer:
        """A client credentials request that is right but for the changes; an empty value leaves the field out."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.facts["client_id"],
            "client_secret": self.facts["client_secret"],
            "scope": ARM_SCOPE,
        }
        return self("POST", path, {name: value for name, value in (form | changes).items() if value})

    def refresh(self, path: str = TOKEN, **changes: str) -> Answer:
        form = {
            "grant_type": "refresh_token",
            "client_id": CLI_CLIENT,
            "refresh_token": self.facts["user_refresh_token"],
            "scope": f"{ARM_SCOPE} openid profile offline_access",
            "client_info": "1",
        }
        return self("POST", path, {name: value for name, value in (form | changes).items() if value})


@pytest.fixture
def entra(tmp_path: Path) -> Iterator[Entra]:
    store = Store(tmp_path)
    world = World(tmp_path, store, Issuer(store, TENANT), PROFILES["instant"])
    furnish.furnish(world)
    yield Entra(world)
    store.close()


def refused(answer: Answer, status: int, error: str, number: int) -> str:
    """Check a refusal's whole shape; the sentence of its description."""
    body = answer.json
    assert (answer.status, body["error"], body["error_codes"]) == (status, error, [number])
    assert [name for name in body if name != "suberror"] == [
        "error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id", "error_uri",
    ]  # fmt: skip
    guid = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"
    found = re.fullmatch(
        f"AADSTS{number}: (.*) Trace ID: ({guid}) Correlation ID: ({guid}) Timestamp: ({moment})",
        body["error_description"],
    )
    assert found is not None, body["error_description"]
    assert found.groups()[1:] == (body["trace_id"], body["correlation_id"], body["timestamp"])
    assert body["error_uri"] == f"https://login.microsoftonline.com/error?code={number}"
    assert answer.state["code"] == f"AADSTS{number}"
    return found[1]


def test_client_credentials_v2(entra: Entra) -> None:
    answer = entra.client()
    assert answer.status == 200
    assert set(answer.json) == {"token_type", "expires_in", "ext_expires_in", "access_token"}
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 3599)
    assert answer.headers["cache-control"] == "no-store, no-cache"
    caller = entra.world.issuer.verify(answer.json["access_token"], ("https://management.azure.com",))
    assert (caller.name, caller.client_id) == (furnish.SERVICE_PRINCIPAL, furnish.CLIENT_ID)
    assert answer.state["caller"] == furnish.SERVICE_PRINCIPAL


def test_client_credentials_v1_has_strings(entra: Entra) -> None:
    answer = entra.client(f"/{TENANT}/oauth2/token", scope="", resource="https://storage.azure.com/")
    body = answer.json
    assert (body["expires_in"], body["resource"]) == ("3599", "https://storage.azure.com/")
    assert int(body["expires_on"]) - int(body["not_before"]) == 3599
    entra.world.issuer.verify(body["access_token"], ("https://storage.azure.com",))


def test_token_is_signed_with_the_published_key(entra: Entra) -> None:
    for path in (
        f"/{TENANT}/discovery/v2.0/keys",
        f"/{TENANT}/discovery/keys",
        "/common/discovery/v2.0/keys",
        "/common/discovery/keys",
    ):
        key = entra("GET", path).json["keys"][0]
        token = entra.client().json["access_token"]
        assert jwt.get_unverified_header(token)["kid"] == key["kid"]
        claims = jwt.decode(token, jwt.PyJWK(key).key, algorithms=["RS256"], audience="https://management.azure.com")
        assert (claims["tid"], claims["oid"], claims["appid"]) == (
            TENANT,
            furnish.SERVICE_PRINCIPAL_ID,
            furnish.CLIENT_ID,
        )


@pytest.mark.parametrize(
    ("scope", "audience"),
    [
        ("https://management.azure.com/.default", "https://management.azure.com"),
        ("https://management.azure.com//.default", "https://management.azure.com/"),
        ("https://management.core.windows.net//.default", "https://management.core.windows.net/"),
        ("https://storage.azure.com/.default", "https://storage.azure.com"),
        ("https://ml.azure.com/.default", "https://ml.azure.com"),
        ("https://stcontoso1.blob.core.windows.net/.default", "https://stcontoso1.blob.core.windows.net"),
        ("openid https://storage.azure.com/.default offline_access", "https://storage.azure.com"),
    ],
)
def test_audience_is_as_asked_for(entra: Entra, scope: str, audience: str) -> None:
    token = entra.client(scope=scope).json["access_token"]
    assert jwt.decode(token, options={"verify_signature": False})["aud"] == audience


def test_a_token_is_of_no_use_elsewhere(entra: Entra) -> None:
    token = entra.client(scope="https://storage.azure.com/.default").json["access_token"]
    with pytest.raises(TokenError, match="Audience"):
        entra.world.issuer.verify(token, ("https://management.azure.com",))


@pytest.mark.parametrize(
    ("changes", "status", "error", "number", "words"),
    [
        (
            {"client_secret": "wrong"},
            401,
            "invalid_client",
            7000215,
            f"for a secret added to app '{furnish.CLIENT_ID}'.",
        ),
        ({"client_secret": ""}, 401, "invalid_client", 7000218, "'client_assertion' or 'client_secret'"),
        (
            {"client_id": "11111111-2222-3333-4444-555555555555"},
            400,
            "unauthorized_client",
            700016,
            "Application with identifier",
        ),
        ({"client_id": ""}, 400, "invalid_request", 900144, "'client_id'"),
        ({"grant_type": ""}, 400, "invalid_request", 900144, "'grant_type'"),
        ({"grant_type": "implicit"}, 400, "unsupported_grant_type", 70003, "'implicit'"),
        (
            {"scope": "https://vault.azure.net/.default"},
            400,
            "invalid_resource",
            500011,
            "named https://vault.azure.net was",
        ),
        (
            {"scope": "https://MANAGEMENT.azure.com/.default"},
            400,
            "invalid_resource",
            500011,
            "was not found in the tenant named",
        ),
        ({"scope": "https://management.azure.com/user_impersonation"}, 400, "invalid_scope", 1002012, "/.default"),
        ({"scope": f"{ARM_SCOPE} https://storage.azure.com/.default"}, 400, "invalid_scope", 70011, "is not valid"),
        ({"scope": ""}, 400, "invalid_request", 900144, "'scope'"),
        ({"scope": "openid profile"}, 400, "invalid_scope", 70011, "The scope openid profile is not valid."),
        ({"scope": "User.Read"}, 400, "invalid_scope", 70011, "The scope User.Read is not valid."),
        ({"client_assertion": "a.b.c"}, 401, "invalid_client", 700027, "is not registered on application."),
        ({"grant_type": ON_BEHALF_OF, "assertion": "forged"}, 400, "invalid_grant", 50013, "Assertion failed"),
        ({"grant_type": ON_BEHALF_OF}, 400, "invalid_request", 900144, "'assertion'"),
        (
            {"grant_type": ON_BEHALF_OF, "assertion": "x", "client_secret": "wrong"},
            401,
            "invalid_client",
            7000215,
            "Invalid client secret",
        ),
    ],
)
def test_refusals(entra: Entra, changes: dict[str, str], status: int, error: str, number: int, words: str) -> None:
    assert words in refused(entra.client(**changes), status, error, number)


def test_a_managed_identity_cannot_sign_in_with_a_secret(entra: Entra) -> None:
    identity = next(p for p in entra.world.store.principals() if p.name == furnish.IDENTITY)
    refused(entra.client(client_id=str(identity.client_id), client_secret="no secret"), 401, "invalid_client", 7000215)


def test_unknown_tenant(entra: Entra) -> None:
    other = "11111111-2222-3333-4444-555555555555"
    assert f"Tenant '{other}' not found." in refused(
        entra.client(f"/{other}/oauth2/v2.0/token"), 400, "invalid_request", 90002
    )
    refused(entra("GET", f"/{other}/v2.0/.well-known/openid-configuration"), 400, "invalid_tenant", 90002)
    refused(entra.client("/common/oauth2/v2.0/token"), 400, "invalid_request", 50059)


def test_get_is_no_way_to_a_token(entra: Entra) -> None:
    refused(entra("GET", TOKEN), 400, "invalid_request", 900561)


@pytest.mark.parametrize("body", [b"\xff\xfe=1", b"a" * 70_000, b"&".join(b"a=1" for _ in range(200))])
def test_bodies_that_are_no_form(entra: Entra, body: bytes) -> None:
    refused(entra("POST", TOKEN, body), 400, "invalid_request", 9002313)


def test_basic_header_counts(entra: Entra) -> None:
    pair = f"{entra.facts['client_id']}:{entra.facts['client_secret']}"
    form = {"grant_type": "client_credentials", "scope": ARM_SCOPE}
    assert entra("POST", TOKEN, form, authorization="Basic " + base64.b64encode(pair.encode()).decode()).status == 200
    refused(entra("POST", TOKEN, form, authorization="Basic ***"), 400, "invalid_request", 9002313)


def test_refresh_token_is_the_users(entra: Entra) -> None:
    for tenant in (TENANT, "organizations", "common", TENANT.upper()):
        answer = entra.refresh(f"/{tenant}/oauth2/v2.0/token")
        body = answer.json
        caller = entra.world.issuer.verify(body["access_token"], ("https://management.azure.com",))
        assert (caller.name, caller.kind) == (furnish.USER, "User")
        assert body["refresh_token"] == entra.facts["user_refresh_token"]
        assert body["scope"] == "https://management.azure.com/user_impersonation"
        claims = jwt.decode(body["id_token"], options={"verify_signature": False})
        assert (claims["aud"], claims["preferred_username"]) == (CLI_CLIENT, furnish.USER)
        info = json.loads(base64.urlsafe_b64decode(body["client_info"] + "=="))
        assert info == {"uid": furnish.USER_ID, "utid": TENANT}


def test_id_token_opens_nothing(entra: Entra) -> None:
    with pytest.raises(TokenError):
        entra.world.issuer.verify(entra.refresh().json["id_token"], ("https://management.azure.com",))


def test_refresh_refusals(entra: Entra) -> None:
    refused(entra.refresh(refresh_token="not-it"), 400, "invalid_grant", 9002313)
    refused(entra.refresh(refresh_token=""), 400, "invalid_request", 900144)
    refused(entra.refresh(client_id=furnish.CLIENT_ID), 400, "unauthorized_client", 700016)
    refused(entra.refresh(scope="https://vault.azure.net/.default"), 400, "invalid_resource", 500011)


def test_refresh_v1(entra: Entra) -> None:
    answer = entra.refresh(f"/{TENANT}/oauth2/token", scope="", resource="https://storage.azure.com")
    assert answer.json["resource"] == "https://storage.azure.com"
    entra.world.issuer.verify(answer.json["access_token"], ("https://storage.azure.com",))


def test_secrets_stay_out_of_state_and_errors(entra: Entra) -> None:
    right, wrong = entra.client(), entra.client(client_secret="hunter2-wrong-secret")
    for answer in (right, wrong, entra.refresh(), entra.refresh(refresh_token="hunter2-wrong-secret")):
        told = json.dumps(answer.state)
        for secret in (entra.facts["client_secret"], entra.facts["user_refresh_token"], "hunter2"):
            assert secret not in told
    assert b"hunter2" not in wrong.raw


def test_openid_configuration(entra: Entra) -> None:
    body = entra("GET", f"/{TENANT}/v2.0/.well-known/openid-configuration").json
    base = f"https://login.microsoftonline.com/{TENANT}"
    assert (body["token_endpoint"], body["jwks_uri"]) == (f"{base}/oauth2/v2.0/token", f"{base}/discovery/v2.0/keys")
    assert (body["authorization_endpoint"], body["issuer"]) == (f"{base}/oauth2/v2.0/authorize", f"{base}/v2.0")
    shared = entra("GET", "/common/v2.0/.well-known/openid-configuration").json
    assert shared["issuer"] == "https://login.microsoftonline.com/{tenantid}/v2.0"
    old = entra("GET", f"/{TENANT}/.well-known/openid-configuration").json
    assert (old["token_endpoint"], old["issuer"]) == (f"{base}/oauth2/token", f"https://sts.windows.net/{TENANT}/")


def test_instance_discovery(entra: Entra) -> None:
    question = "/common/discovery/instance?api-version=1.1&authorization_endpoint=https://{}/common/oauth2/authorize"
    body = entra("GET", question.format("login.microsoftonline.com")).json
    assert (
        body["tenant_discovery_endpoint"] == "https://login.microsoftonline.com/common/.well-known/openid-configuration"
    )
    assert body["metadata"][0]["aliases"] == [
        "login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net",
    ]  # fmt: skip
    refused(entra("GET", question.format("login.evil.example")), 400, "invalid_instance", 50049)


def test_correlation_id_is_the_clients(entra: Entra) -> None:
    mine = "8f662401-6688-467b-b684-9f6a5c3fc9d0"
    answer = entra("POST", TOKEN, {}, client_request_id=mine, return_client_request_id="true")
    assert (answer.json["correlation_id"], answer.headers["client-request-id"]) == (mine, mine)


def test_other_paths(entra: Entra) -> None:
    assert entra("GET", "/").status == 404
    assert entra("GET", f"/{TENANT}/oauth2/v2.0/logout").status == 404
    assert entra("POST", f"/{TENANT}/v2.0/.well-known/openid-configuration").status == 405


def claims_of(answer: Answer) -> dict[str, Any]:
    """The claims of an answer's access token, unverified."""
    assert answer.status == 200, answer.raw
    return dict(jwt.decode(answer.json["access_token"], options={"verify_signature": False}))


def test_a_token_of_another_kind_is_not_exchanged(entra: Entra) -> None:
    assertion = entra.refresh().json["access_token"]
    answer = entra.client(grant_type=ON_BEHALF_OF, assertion=assertion, requested_token_use="on_behalf_of")
    assert "does not match the Client app" in refused(answer, 400, "invalid_grant", 500131)


def test_a_password_alone_signs_nobody_in(entra: Entra) -> None:
    form = {
        "grant_type": "password",
        "client_id": CLI_CLIENT,
        "scope": ARM_SCOPE,
        "username": furnish.USER,
        "password": "x",
    }
    refused(entra("POST", TOKEN, form), 400, "invalid_grant", 50126)
    refused(entra("POST", TOKEN, form | {"username": "nobody@contoso.example"}), 400, "invalid_grant", 50034)
    refused(entra("POST", TOKEN, form | {"username": f"admin@{furnish.TENANT_DOMAIN}"}), 400, "invalid_grant", 50126)
    right = entra("POST", TOKEN, form | {"password": furnish.user_password(entra.world)})
    assert "multi-factor authentication" in refused(right, 400, "invalid_grant", 50076)
    assert right.json["suberror"] == "basic_action"
    refused(entra("POST", TOKEN, form | {"client_id": furnish.CLIENT_ID}), 400, "unauthorized_client", 700016)


def test_where_a_user_signs_in(entra: Entra) -> None:
    path = "/common/userrealm/{}?api-version=1.0"
    assert entra("GET", path.format(furnish.USER)).json["account_type"] == "Managed"
    assert entra("GET", path.format("x@elsewhere.example")).json["account_type"] == "Unknown"


def test_tokens_for_graph_say_what_their_bearer_may(entra: Entra) -> None:
    for scope in ("https://graph.microsoft.com/.default", "https://graph.microsoft.com//.default"):
        app = claims_of(entra.client(scope=scope))
        assert (app["aud"], app["roles"]) == (scope.removesuffix("/.default"), ["Directory.Read.All"])
    assert "roles" not in claims_of(entra.client())
    person = claims_of(entra.refresh(scope="User.Read https://graph.microsoft.com/Directory.Read.All offline_access"))
    assert (person["aud"], person["scp"]) == ("https://graph.microsoft.com", "User.Read Directory.Read.All")
    assert "Directory.AccessAsUser.All" in claims_of(entra.refresh(scope="https://graph.microsoft.com/.default"))["scp"]
    assert claims_of(entra.refresh(scope="openid profile"))["aud"] == "https://graph.microsoft.com"
    refused(entra.refresh(scope="Mail.Read"), 400, "invalid_client", 650053)
    refused(entra.refresh(scope=f"User.Read {ARM_SCOPE}"), 400, "invalid_scope", 28000)


def test_a_refresh_token_that_lay_too_long(entra: Entra, monkeypatch: pytest.MonkeyPatch) -> None:
    token = sign_ins.add_refresh_token(entra.world.store, furnish.USER_ID)
    assert entra.refresh(refresh_token=token).status == 200
    now = sign_ins.time.time()
    monkeypatch.setattr(sign_ins.time, "time", lambda: now + sign_ins.INACTIVE_SECONDS + 90_000)
    said = refused(entra.refresh(refresh_token=token), 400, "invalid_grant", 700082)
    assert said.endswith("and was inactive for 91.00:00:00.")


def test_aliases_and_domains_name_the_same_tenant(entra: Entra) -> None:
    for name in (furnish.TENANT_DOMAIN, furnish.TENANT_DOMAIN.upper(), TENANT.upper()):
        assert claims_of(entra.client(f"/{name}/oauth2/v2.0/token"))["tid"] == TENANT
