"""Scoring requests and the identity endpoint: who is let in, where a request goes, and how errors are told."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from arm_harness import stranger
from online_harness import (
    ENDPOINTS,
    SCRIPT,
    VERSION,
    Online,
    call,
    close_online,
    endpoint_body,
    open_online,
    user_identity,
)  # fmt: skip

from mi_tui.sandbox import furnish, rbac
from mi_tui.sandbox.hosting import running
from mi_tui.sandbox.hosting.environments import CACHE_VARIABLE
from mi_tui.sandbox.hosting.identity_endpoint import IdentityEndpoint
from mi_tui.sandbox.inference import MAX_BODY, ML

SCORER = "f6c7c914-8db3-469d-8ca1-694a8f32e121"
"""AzureML Data Scientist, which may score."""


@pytest.fixture(scope="module")
def online(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Online]:
    """One endpoint with two deployments, which answer with their own factor: 90 in 100 to `two`, 10 to `ten`."""
    patch = pytest.MonkeyPatch()
    if CACHE_VARIABLE not in os.environ:
        assert pytestconfig.cache is not None
        patch.setenv(CACHE_VARIABLE, str(pytestconfig.cache.mkdir("scoring-environments")))
    opened = open_online(tmp_path_factory.mktemp("world"))
    opened.endpoint("ep-score")
    settings = {"requestTimeout": "PT1S", "maxConcurrentRequestsPerInstance": 2}
    assert opened.deploy("ep-score", "two", requestSettings=settings).json["status"] == "Succeeded"
    script = SCRIPT.replace("int(model)", "10")
    assert opened.deploy("ep-score", "ten", script=script).json["status"] == "Succeeded"
    yield opened
    close_online(opened)
    patch.undo()


def test_keys_let_in_and_nothing_else(online: Online) -> None:
    keys = online.keys("ep-score")
    for key in keys.values():
        assert online.score("ep-score", {"data": [1]}, key=key, azureml_model_deployment="two").status == 200
    for key, text in (
        ("", "key_auth_bad_header_forbidden"),
        ("x", "key_auth_access_denied"),
        (keys["primary"] + "x", "key_auth_access_denied"),
    ):
        answer = online.score("ep-score", {"data": [1]}, key=key)
        assert (answer.status, answer.text) == (401, text)
    answer = online.score("ep-score", {"data": [1]}, key=keys["secondary"], azureml_model_deployment="two")
    assert answer.state["caller"] == "ep-score (secondary key)"
    assert keys["secondary"] not in str(answer.state)


def test_routes(online: Online) -> None:
    none = online.score("ep-score", {"data": [1]})
    assert none.status == 404
    assert none.json["error"]["message"].startswith(
        "No valid deployments to route to. Please check that the endpoint has"
    )
    assert online.traffic("ep-score", two=90, ten=10).status == 200
    seen = Counter(online.score("ep-score", {"data": [1]}).headers["azureml-model-deployment"] for _ in range(120))
    assert seen["two"] > 70
    assert seen["ten"] > 0
    picked = online.score("ep-score", {"data": [1]}, azureml_model_deployment="ten")
    assert (picked.json, picked.headers["azureml-model-deployment"]) == ([10], "ten")
    assert online.score("ep-score", {"data": [1]}, azureml_model_deployment="none").status == 404
    assert online.score("ep-score", {"data": [1]}, path="/other").status == 404
    assert online.score("ep-score", {}, path="/swagger.json", azureml_model_deployment="two").json["swagger"] == "2.0"
    assert online.arm.run(online.scoring("ep-none", {}, "x")).status == 404


def test_request_ids(online: Online) -> None:
    answer = online.score(
        "ep-score", {"data": [1]}, azureml_model_deployment="two", x_request_id="my-id", x_ms_client_request_id="mine"
    )
    assert answer.headers["x-request-id"] == "my-id"
    assert answer.headers["x-ms-client-request-id"] == "mine"
    assert answer.headers["x-ms-server-version"].startswith("azmlinfsrv/")
    assert online.score("ep-score", {"data": [1]}, azureml_model_deployment="two").headers["x-request-id"] != "my-id"


def test_a_failing_model_is_424(online: Online) -> None:
    answer = online.score("ep-score", {"nothing": 1}, azureml_model_deployment="two")
    assert answer.status == 424
    assert answer.headers["ms-azureml-model-error-statuscode"] == "500"
    assert answer.headers["ms-azureml-model-error-reason"] == "model_error"
    assert answer.json == {"message": "An unexpected error occurred in scoring script. Check the logs for more info."}


def test_the_one_too_many_is_told_why(online: Online) -> None:
    server = running.serving(online.arm.world, f"{ENDPOINTS}/ep-score/deployments/two")
    assert server is not None
    server.pending += 4
    try:
        answer = online.score("ep-score", {"data": [1]}, azureml_model_deployment="two")
    finally:
        server.pending -= 4
    assert (answer.status, answer.headers["ms-azureml-model-error-reason"]) == (429, "too_many_pending_request")
    assert "Too many pending requests, the limit is 4." in answer.json["error"]["message"]


def test_a_body_without_end_is_not_kept(online: Online) -> None:
    assert online.score("ep-score", b" " * (MAX_BODY + 1), azureml_model_deployment="two").status == 413


def mirrored(online: Online, share: int, to: str = "ten", **traffic: int) -> int:
    """Ask for mirror traffic beside live traffic; the status of the PUT, which is waited for."""
    identity = online.arm("GET", f"{ENDPOINTS}/ep-score", version=VERSION).json["identity"]
    body = endpoint_body(identity, traffic=traffic, mirrorTraffic={to: share})
    answer = online.arm("PUT", f"{ENDPOINTS}/ep-score", body, version=VERSION)
    if answer.status == 200:
        online.operation(answer)
    return int(answer.status)


def test_mirror_traffic_reaches_its_deployment_and_nobody_hears_of_it(
    online: Online, monkeypatch: pytest.MonkeyPatch
) -> None:
    for share, to, traffic in ((51, "ten", {"two": 100}), (50, "ten", {"ten": 100}), (50, "none", {"two": 100})):
        assert mirrored(online, share, to, **traffic) == 400
    assert mirrored(online, 50, two=100) == 200
    monkeypatch.setattr("mi_tui.sandbox.inference.random.random", lambda: 0.49)
    seen = online.logs("ep-score", "ten").count("/score")
    answer = online.score("ep-score", {"data": [1]})
    assert (answer.json, answer.headers["azureml-model-deployment"]) == ([2], "two")
    online.arm.until(lambda: online.logs("ep-score", "ten").count("/score") > seen)
    seen = online.logs("ep-score", "ten").count("/score")
    monkeypatch.setattr("mi_tui.sandbox.inference.random.random", lambda: 0.51)
    assert online.score("ep-score", {"data": [1]}).json == [2]
    assert online.score("ep-score", {"data": [1]}, azureml_model_deployment="ten").json == [10]
    online.arm.until(lambda: online.logs("ep-score", "ten").count("/score") > seen)
    assert mirrored(online, 0, two=90, ten=10) == 200


def test_an_endpoint_closed_to_the_public(online: Online) -> None:
    online.endpoint("ep-closed", publicNetworkAccess="Disabled")
    answer = online.score("ep-closed", {"data": [1]})
    assert (answer.status, answer.state["code"]) == (403, "Forbidden")
    assert online.score("ep-closed", {"data": [1]}, key="wrong").status == 401


def test_slow_requests_are_408_and_too_many_are_429(online: Online) -> None:
    key = online.keys("ep-score")["primary"]

    async def many() -> list[int]:
        asked = (
            online.scoring("ep-score", {"sleep": 1.5, "data": []}, key, azureml_model_deployment="two")
            for _ in range(5)
        )
        return sorted(answer.status for answer in await asyncio.gather(*asked))

    # At most 2 x 2 requests x 1 instance wait; the deployment's time is one second.
    assert online.arm.run(many()) == [408, 408, 408, 408, 429]
    server = running.serving(online.arm.world, f"{ENDPOINTS}/ep-score/deployments/two")
    assert server is not None
    assert server.pending == 0


def test_an_entra_token_needs_the_right_to_score(online: Online) -> None:
    online.endpoint("ep-aad", authMode="AADToken")
    world = online.arm.world
    who = world.store.principal(stranger(world))
    assert who is not None
    token = world.issuer.mint(who, ML)[0]
    assert online.score("ep-aad", {}, key=token).status == 403
    online.arm.grant(
        f"{ENDPOINTS}/ep-aad", who.object_id, SCORER, "00000000-0000-4000-8000-000000000002", principalType="User"
    )
    action = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/score/action"
    online.arm.until(lambda: rbac.decide(world.store, who.object_id, action, f"{ENDPOINTS}/ep-aad").allowed)
    assert online.score("ep-aad", {}, key=token).status == 404
    assert online.score("ep-aad", {}, key=world.issuer.mint(who, "https://management.azure.com")[0]).status == 401
    assert online.score("ep-aad", {}, key="forged").status == 401


def ask(
    online: Online, secret: str, query: str, name: str = "secret", path: str = "/msi/token"
) -> tuple[int, dict[str, str]]:
    """One request to the identity endpoint."""
    import json

    headers = {"host": "127.0.0.1", name: secret}
    status, _, body, _ = online.arm.run(call(IdentityEndpoint(online.arm.world), "GET", path, query, headers))
    return status, json.loads(body)


def test_identity_endpoint(online: Online) -> None:
    server = running.serving(online.arm.world, f"{ENDPOINTS}/ep-score/deployments/two")
    assert server is not None
    principal = online.arm("GET", f"{ENDPOINTS}/ep-score", version=VERSION).json["identity"]["principalId"]
    for resource in ("https://storage.azure.com", "https://storage.azure.com/"):
        status, body = ask(online, server.secret, f"api-version=2017-09-01&resource={resource}")
        assert status == 200
        assert set(body) == {"access_token", "expires_on", "resource", "token_type", "client_id"}
        assert (body["resource"], body["token_type"]) == (resource, "Bearer")
        assert int(body["expires_on"]) > 0
        assert (
            online.arm.world.issuer.verify(body["access_token"], ("https://storage.azure.com",)).object_id == principal
        )
    good = "resource=https://storage.azure.com"
    assert ask(online, server.secret + "x", good)[0] == 401
    assert ask(online, "", good)[0] == 401
    assert ask(online, server.secret, "")[0] == 400
    assert ask(online, server.secret, good, path="/control/stop")[0] == 404
    assert ask(online, server.secret, "resource=https://STORAGE.azure.com")[1]["error"] == "invalid_resource"
    # The identities of others are not to be had, whoever they are.
    for client in (furnish.CLIENT_ID, principal):
        status, body = ask(online, server.secret, f"{good}&clientid={client}")
        assert (status, body["error_description"]) == (400, "Identity not found")


def test_a_user_assigned_identity_has_to_be_named(online: Online) -> None:
    uai, other = online.user_assigned(), online.user_assigned("id-other")
    online.endpoint("ep-uai", user_identity(uai["id"]))
    spec = running.Spec(Path(), "", online.arm.world.home, Path(), Path(), Path(), Path(), {})
    server = running.Server(online.arm.world, f"{ENDPOINTS}/ep-uai", f"{ENDPOINTS}/ep-uai/deployments/x", spec)
    good = "resource=https://storage.azure.com"
    assert ask(online, server.secret, good)[0] == 400
    assert ask(online, server.secret, f"{good}&clientid={other['client']}")[0] == 400
    assert ask(online, server.secret, f"{good}&clientid={uai['principal']}")[0] == 400
    status, body = ask(online, server.secret, f"{good}&clientid={uai['client'].upper()}")
    assert (status, body["client_id"]) == (200, uai["client"])
    online.arm.run(server.stop())
    assert ask(online, server.secret, f"{good}&clientid={uai['client']}")[0] == 401
