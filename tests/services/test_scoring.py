"""Calling an endpoint with our own client."""

from __future__ import annotations

from pathlib import Path

import pytest

from mi_tui.model.secret import Secret
from mi_tui.services.errors import ServiceError
from mi_tui.services.scoring import invoke
from tests.services.loopback import Answer, Asked, Loopback


def test_an_answer_and_no_memory_of_the_call_before() -> None:
    server = Loopback(lambda _: Answer(200, [1.5, 2.5], {"azureml-model-deployment": "blue", "x-secret": "no"}))
    answer = invoke(f"{server.url}/score", Secret("the-key"), b'{"data": []}', deployment="green")
    assert (answer.ok, answer.status, answer.text, answer.model_status) == (True, 200, "[1.5, 2.5]", None)
    assert answer.headers == {"azureml-model-deployment": "blue", "content-type": "application/json"}
    invoke(f"{server.url}/score", Secret("the-key"), b"{}")
    first, second = server.asked
    assert first.headers["authorization"] == "Bearer the-key"
    assert first.headers["azureml-model-deployment"] == "green"
    assert first.body == b'{"data": []}'
    assert "azureml-model-deployment" not in second.headers


def test_an_error_of_the_container_shows_its_own_status() -> None:
    headers = {"ms-azureml-model-error-statuscode": "500", "ms-azureml-model-error-reason": "model_error"}
    server = Loopback(lambda _: Answer(424, {"error": "x"}, headers))
    answer = invoke(f"{server.url}/score", Secret("k"), b"{}")
    assert (answer.ok, answer.status, answer.model_status) == (False, 424, 500)
    assert answer.headers["ms-azureml-model-error-reason"] == "model_error"


def test_netrc_does_not_replace_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = Loopback(lambda _: Answer(200, {}))
    invoke(f"{server.url}/score", Secret("the-key"), b"{}")
    assert server.asked[0].headers["authorization"] == "Bearer the-key"


def test_the_key_goes_nowhere_else() -> None:
    other = Loopback(lambda _: Answer(200, {}))

    def script(asked: Asked) -> Answer:
        return Answer(307, None, {"Location": other.url})

    assert invoke(f"{Loopback(script).url}/score", Secret("k"), b"{}").status == 307
    assert other.asked == []


def test_no_answer_is_a_service_error() -> None:
    with pytest.raises(ServiceError) as caught:
        invoke("http://127.0.0.1:9/score", Secret("k"), b"{}")
    assert caught.value.code == "mi-tui/network"
