"""Microsoft Graph of the sandbox: what it tells of the directory, to whom, and its own errors. And the telemetry that is dropped."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from arm_harness import new_world, stranger

from mi_tui.sandbox import furnish
from mi_tui.sandbox.graph import MAX_IDS, GraphApp
from mi_tui.sandbox.store import Principal
from mi_tui.sandbox.telemetry import MAX_BODY, telemetry_app
from mi_tui.sandbox.world import World

AUDIENCE = "https://graph.microsoft.com"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    raw: bytes
    state: dict[str, Any]

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


def call(app: Any, method: str, path: str, query: str = "", body: bytes = b"", **headers: str) -> Answer:
    """One request without a network."""
    sent: list[dict[str, Any]] = []
    state: dict[str, Any] = {}
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(), "state": state,
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    raw = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}, raw, state)


class Graph:
    """Graph as one principal sees it; by default the signed-in user."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __call__(
        self, method: str, path: str, query: str = "", body: object = None, *, who: str = furnish.USER_ID,
        audience: str = AUDIENCE, roles: tuple[str, ...] = (), token: str | None = None,
    ) -> Answer:  # fmt: skip
        principal = self.world.store.principal(who)
        assert principal is not None
        minted = self.world.issuer.mint(principal, audience, roles=roles)[0] if token is None else token
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return call(GraphApp(self.world), method, f"/v1.0{path}", query, raw, authorization=f"Bearer {minted}")

    def filtered(self, path: str, text: str) -> list[Any]:
        answer = self("GET", path, "$filter=" + quote(text, safe=""))
        assert answer.status == 200, answer.raw
        return list(answer.json["value"])


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[Graph]:
    world = new_world(tmp_path)
    yield Graph(world)
    world.store.close()


def refused(answer: Answer, status: int, code: str, words: str = "") -> None:
    """Check a refusal's whole envelope."""
    error = answer.json["error"]
    assert (answer.status, error["code"]) == (status, code), answer.raw
    assert words in error["message"]
    assert list(error["innerError"]) == ["date", "request-id", "client-request-id"]
    assert error["innerError"]["request-id"] == answer.headers["request-id"]
    assert answer.state["code"] == code


def test_the_signed_in_user(graph: Graph) -> None:
    me = graph("GET", "/me")
    assert me.status == 200
    assert (me.json["id"], me.json["userPrincipalName"]) == (furnish.USER_ID, furnish.USER)
    assert me.json["@odata.context"] == "https://graph.microsoft.com/v1.0/$metadata#users/$entity"
    for key in (furnish.USER, furnish.USER.upper(), furnish.USER_ID):
        assert graph("GET", f"/users/{key}").json["id"] == furnish.USER_ID
    assert graph("GET", f"/users('{furnish.USER}')", "$select=id,displayName").json.keys() == {
        "@odata.context", "id", "displayName",
    }  # fmt: skip
    app = graph("GET", "/me", who=furnish.SERVICE_PRINCIPAL_ID, roles=("Directory.Read.All",))
    refused(app, 400, "BadRequest", "/me request is only valid with delegated authentication flow.")


def test_filters_of_the_azure_cli(graph: Graph) -> None:
    by_name = f"servicePrincipalNames/any(c:c eq '{furnish.CLIENT_ID}')"
    assert [sp["id"] for sp in graph.filtered("/servicePrincipals", by_name)] == [furnish.SERVICE_PRINCIPAL_ID]
    assert [u["id"] for u in graph.filtered("/users", f"userPrincipalName eq '{furnish.USER}'")] == [furnish.USER_ID]
    started = graph.filtered("/servicePrincipals", "startswith(displayName,'SP-mi')")
    assert [sp["displayName"] for sp in started] == [furnish.SERVICE_PRINCIPAL]
    both = f"startswith(displayName,'sp') and appId in ('{furnish.CLIENT_ID}','x') or (displayName eq 'no''body')"
    assert len(graph.filtered("/servicePrincipals", both)) == 1
    assert len(graph.filtered("/servicePrincipals", "not (servicePrincipalType eq 'ManagedIdentity')")) == 1
    assert graph.filtered("/groups", "displayName eq 'x' and mailNickname eq 'y'") == []
    assert [app["appId"] for app in graph.filtered("/applications", f"appId eq '{furnish.CLIENT_ID}'")]


@pytest.mark.parametrize(
    "text", ["", "x", "displayName eq", "displayName like 'a'", "nothing eq 'a'", "displayName eq 'a", "((((", "a eq 'b' c", "(" * 5000]
)  # fmt: skip
def test_filters_that_are_refused(graph: Graph, text: str) -> None:
    answer = graph("GET", "/users", "$filter=" + quote(text, safe=""))
    assert answer.status == 400
    assert answer.json["error"]["code"] in {"BadRequest", "Request_UnsupportedQuery"}


def test_a_managed_identity_is_a_service_principal(graph: Graph) -> None:
    (found,) = graph.filtered("/servicePrincipals", f"displayName eq '{furnish.IDENTITY}'")
    assert found["servicePrincipalType"] == "ManagedIdentity"
    assert found["alternativeNames"][0] == "isExplicit=True"
    assert found["alternativeNames"][1].endswith(f"/userAssignedIdentities/{furnish.IDENTITY}")
    assert found["servicePrincipalNames"][0] == found["appId"]
    assert graph("GET", f"/servicePrincipals/{found['id']}").json["id"] == found["id"]
    assert graph("GET", f"/servicePrincipals(appId='{found['appId']}')").json["id"] == found["id"]


def test_pages(graph: Graph) -> None:
    whole = [sp["id"] for sp in graph("GET", "/servicePrincipals").json["value"]]
    query, found = "$top=2&$count=true", []
    while True:
        answer = graph("GET", "/servicePrincipals", query).json
        assert answer["@odata.count"] == len(whole)
        found += [sp["id"] for sp in answer["value"]]
        if "@odata.nextLink" not in answer:
            break
        query = answer["@odata.nextLink"].partition("?")[2]
    assert found == whole
    refused(graph("GET", "/users", "$top=0"), 400, "Request_BadRequest")
    refused(graph("GET", "/users", "$expand=manager"), 400, "Request_UnsupportedQuery")


def test_objects_by_their_ids(graph: Graph) -> None:
    ids = [furnish.USER_ID, furnish.SERVICE_PRINCIPAL_ID.upper(), "11111111-2222-4333-8444-555555555555"]
    body = {"ids": ids, "types": ["user", "group", "servicePrincipal", "directoryObjectPartnerReference"]}
    answer = graph("POST", "/directoryObjects/getByIds", body=body)
    assert {item["id"]: item["@odata.type"] for item in answer.json["value"]} == {
        furnish.USER_ID: "#microsoft.graph.user",
        furnish.SERVICE_PRINCIPAL_ID: "#microsoft.graph.servicePrincipal",
    }
    only = graph("POST", "/directoryObjects/microsoft.graph.getByIds", body=body | {"types": ["user"]})
    assert [item["id"] for item in only.json["value"]] == [furnish.USER_ID]
    for wrong in ({}, {"ids": "x"}, {"ids": [1]}, {"ids": ["x"]}, {"ids": ids * MAX_IDS}, {"ids": ids, "types": 1}):
        assert graph("POST", "/directoryObjects/getByIds", body=wrong).status == 400
    for raw in (b"", b"{", b"[1]", b"[" * 100_000):
        refused(graph("POST", "/directoryObjects/getByIds", body=raw), 400, "BadRequest")
    assert graph("GET", f"/directoryObjects/{furnish.USER_ID}").json["@odata.type"] == "#microsoft.graph.user"


def test_nobody_is_found_before_directory_replication(graph: Graph) -> None:
    new = Principal("22222222-2222-4333-8444-555555555555", "ServicePrincipal", "late", "c1", None, None, 4e9)
    graph.world.store.put_principal(new)
    refused(
        graph("GET", f"/servicePrincipals/{new.object_id}"), 404, "Request_ResourceNotFound", "does not exist or one of"
    )


def test_what_is_not_there(graph: Graph) -> None:
    for path, status, code in (
        ("/users/nobody@contoso.example", 404, "Request_ResourceNotFound"),
        ("/groups/11111111-2222-4333-8444-555555555555", 404, "Request_ResourceNotFound"),
        ("/servicePrincipals/not-a-guid", 400, "Request_BadRequest"),
        ("/nonsense", 400, "BadRequest"),
        ("/users/you@contoso.example/nonsense", 400, "BadRequest"),
        ("/directoryObjects", 501, "NotImplemented"),
        ("", 501, "NotImplemented"),
    ):
        refused(graph("GET", path), status, code)
    refused(call(GraphApp(graph.world), "GET", "/v1.0/me"), 401, "InvalidAuthenticationToken", "Access token is empty.")
    assert graph("GET", "/me/ownedObjects").json["value"] == []
    assert (
        graph("POST", f"/users/{furnish.USER_ID}/getMemberGroups", body={"securityEnabledOnly": True}).json["value"]
        == []
    )


def test_who_may_read_and_that_nobody_writes(graph: Graph) -> None:
    person = stranger(graph.world)
    assert graph("GET", "/users", who=person).status == 200
    app = furnish.SERVICE_PRINCIPAL_ID
    refused(graph("GET", "/users", who=app), 403, "Authorization_RequestDenied", "Insufficient privileges")
    refused(graph("GET", "/users", who=app, roles=("Mail.Read",)), 403, "Authorization_RequestDenied")
    assert graph("GET", "/users", who=app, roles=("Directory.Read.All",)).status == 200
    for method, path in (("POST", "/users"), ("PATCH", "/me"), ("DELETE", f"/users/{person}"), ("PUT", "/groups")):
        refused(graph(method, path, body={}), 403, "Authorization_RequestDenied")


def test_tokens_that_are_refused(graph: Graph) -> None:
    user = graph.world.store.principal(furnish.USER_ID)
    assert user is not None
    other = graph("GET", "/me", audience="https://management.azure.com")
    refused(other, 401, "InvalidAuthenticationToken", "Invalid audience.")
    assert 'realm=""' in other.headers["www-authenticate"]
    old = graph.world.issuer.mint(user, AUDIENCE, lifetime=-10)[0]
    refused(graph("GET", "/me", token=old), 401, "InvalidAuthenticationToken", "the token is expired")
    head, claims, _ = graph.world.issuer.mint(user, AUDIENCE)[0].split(".")
    forged = graph("GET", "/me", token=f"{head}.{claims}.{'A' * 342}")
    refused(forged, 401, "InvalidAuthenticationToken", "Invalid signature.")
    refused(graph("GET", "/me", token="x"), 401, "InvalidAuthenticationToken", "JWT is not well formed")


# ---- telemetry


def test_telemetry_is_counted_and_answered() -> None:
    lines = b'{"name":"a"}\n{"name":"b"}\n'
    for body in (lines, b'[{"name":"a"},{"name":"b"}]', gzip.compress(lines)):
        coded = {"content_encoding": "gzip"} if body[:2] == b"\x1f\x8b" else {}
        answer = call(telemetry_app, "POST", "/v2.1/track", body=body, **coded)
        assert answer.status == 200
        assert answer.json == {"itemsReceived": 2, "itemsAccepted": 2, "errors": [], "appId": None}
        assert answer.state["decision"] == "telemetry: answered and dropped"
    live = call(telemetry_app, "POST", "/QuickPulseService.svc/ping", "ikey=x", b"[]")
    assert (live.status, live.headers["x-ms-qps-subscribed"], live.raw) == (200, "false", b"")


def test_telemetry_that_is_none() -> None:
    partly = call(telemetry_app, "POST", "/v2/track", body=b'{"name":"a"}\nno json\n')
    assert (partly.status, partly.json["itemsAccepted"], partly.json["errors"][0]["index"]) == (206, 1, 1)
    assert call(telemetry_app, "POST", "/v2/track", body=b"no json").status == 400
    assert call(telemetry_app, "POST", "/v2/track", body=b"no gzip", content_encoding="gzip").status == 400
    bomb = gzip.compress(b" " * (MAX_BODY * 3))
    assert call(telemetry_app, "POST", "/v2/track", body=bomb, content_encoding="gzip").status == 413
    assert call(telemetry_app, "POST", "/v2/track", body=b" " * (MAX_BODY + 1)).status == 413
    assert call(telemetry_app, "GET", "/v2/track").status == 405
    assert call(telemetry_app, "GET", "/").status == 404
