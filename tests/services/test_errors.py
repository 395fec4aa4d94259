"""Real exceptions of the real SDKs, and the Failure in them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceRequestError
from azure.core.rest import HttpRequest

from mi_tui.services.errors import Abandoned, ServiceError, as_failure, translated
from mi_tui.services.operations import Operations
from mi_tui.services.quiet import load_ml
from tests.services.loopback import Answer, Loopback, begin, client


@pytest.fixture
def answers() -> Iterator[tuple[Loopback, list[Answer]]]:
    queue: list[Answer] = []
    server = Loopback(lambda _: queue.pop(0))
    yield server, queue
    server.close()


def raised(server: Loopback) -> HttpResponseError:
    response = client(server.url).send_request(HttpRequest("GET", f"{server.url}/thing"))
    with pytest.raises(HttpResponseError) as caught:
        response.raise_for_status()
    return caught.value


def test_arm_error(answers: tuple[Loopback, list[Answer]]) -> None:
    server, queue = answers
    body = {
        "error": {
            "code": "BadRequest",
            "message": "The request is invalid.",
            "target": "instanceType",
            "details": [
                {
                    "code": "InferencingClientCreateDeploymentFailed",
                    "message": 'InferencingClient HttpRequest error {{"errors":{{"VmSize":["Not enough quota available for '
                    "Standard_DS3_v2. Current usage/limit: 0/6. Additional needed: 8 Please see troubleshooting guide, "
                    'available here: https://aka.ms/oe-tsg#error-outofquota"]}}}}',
                }
            ],
            "additionalInfo": [{"type": "Correlation", "info": {"value": {"operation": "op-1", "request": "r-1"}}}],
        }
    }
    queue.append(Answer(400, body, {"x-ms-request-id": "req-1", "x-ms-correlation-request-id": "cor-1"}))
    failure = as_failure(raised(server))
    assert (failure.code, failure.status) == ("BadRequest", 400)
    assert (failure.request_id, failure.correlation_id) == ("req-1", "cor-1")
    assert failure.target == "instanceType"
    assert failure.anchor == "error-outofquota"
    assert failure.details[0].startswith("Not enough quota available")


def test_blob_xml_error(answers: tuple[Loopback, list[Answer]]) -> None:
    server, queue = answers
    xml = (
        "\ufeff<?xml version='1.0' encoding='utf-8'?><Error><Code>AuthorizationPermissionMismatch</Code><Message>This request "
        "is not authorized to perform this operation using this permission.\nRequestId:abc\nTime:now</Message></Error>"
    )
    queue.append(Answer(403, xml, {"x-ms-error-code": "AuthorizationPermissionMismatch", "x-ms-request-id": "abc"}))
    failure = as_failure(raised(server))
    assert failure.code == "AuthorizationPermissionMismatch"
    assert failure.message == "This request is not authorized to perform this operation using this permission."
    assert (failure.status, failure.request_id) == (403, "abc")


def test_answer_to_head_has_its_code_in_a_header(answers: tuple[Loopback, list[Answer]]) -> None:
    server, queue = answers
    queue.append(Answer(403, None, {"x-ms-error-code": "AuthorizationFailure"}))
    assert as_failure(raised(server)).code == "AuthorizationFailure"


def test_answer_without_any_body(answers: tuple[Loopback, list[Answer]]) -> None:
    server, queue = answers
    queue.append(Answer(501))
    failure = as_failure(raised(server))
    assert (failure.code, failure.status) == ("HTTP 501", 501)
    assert failure.message


def test_failed_long_operation_without_a_code(answers: tuple[Loopback, list[Answer]]) -> None:
    server, queue = answers
    words = "ResourceNotReady: User container has crashed or terminated: Liveness probe failed. https://aka.ms/oe-tsg#error-x"
    queue += [
        Answer(201, {"properties": {"provisioningState": "Creating"}}, {"Azure-AsyncOperation": f"{server.url}/op/1"}),
        Answer(200, {"status": "InProgress"}),
        Answer(200, {"status": "Failed", "error": {"code": None, "message": words}}, {"x-ms-request-id": "poll-3"}),
    ]
    operations = Operations(0.01)
    pipeline = client(server.url, operations)
    with pytest.raises(ServiceError) as caught:
        operations.finish(lambda: begin(pipeline, f"{server.url}/deployment"))
    failure = caught.value.failure
    assert (failure.code, failure.status) == ("ResourceNotReady", 0)
    assert failure.message.startswith("User container has crashed")
    assert failure.request_id == "poll-3"
    assert failure.anchor == "error-x"
    assert caught.value.code == "ResourceNotReady"


def test_unreachable_server() -> None:
    with pytest.raises(ServiceRequestError) as caught:
        client("http://127.0.0.1:9").send_request(HttpRequest("GET", "http://127.0.0.1:9/x"))
    failure = as_failure(caught.value)
    assert failure.code == "mi-tui/network"
    assert failure.message == "The connection was refused: 127.0.0.1."
    assert failure.status == 0
    with pytest.raises(requests.ConnectionError) as refused:
        requests.get("http://127.0.0.1:9/x", timeout=5)
    assert as_failure(refused.value).code == "mi-tui/network"


def test_nobody_is_signed_in() -> None:
    from azure.identity import EnvironmentCredential

    with pytest.MonkeyPatch.context() as patch:
        for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET", "AZURE_USERNAME"):
            patch.delenv(name, raising=False)
        with pytest.raises(ClientAuthenticationError) as caught:
            EnvironmentCredential().get_token("https://management.azure.com/.default")
    failure = as_failure(caught.value)
    assert failure.code == "mi-tui/sign-in"
    assert "az login" in failure.advice
    code = as_failure(
        ClientAuthenticationError("Authentication failed: AADSTS7000215: Invalid client secret provided.")
    )
    assert code.code == "AADSTS7000215"


def test_azure_ai_ml_exceptions_lose_their_colours() -> None:
    load_ml()
    from azure.ai.ml.exceptions import ErrorCategory, ErrorTarget, MlException, ValidationException

    error = MlException("\x1b[1m\x1b[31mError: \x1b[39mno such field\x1b[0m", "", target=ErrorTarget.MODEL)
    failure = as_failure(error)
    assert failure.message == "Error: no such field"
    assert failure.code == "MlException"
    assert failure.target == "Model"
    wrong = ValidationException(
        "wrong", "wrong", error_category=ErrorCategory.USER_ERROR, target=ErrorTarget.ONLINE_ENDPOINT
    )
    assert as_failure(wrong).code == "ValidationException"


def test_ml_exception_around_an_http_error(answers: tuple[Loopback, list[Answer]]) -> None:
    from azure.ai.ml.exceptions import MlException

    server, queue = answers
    queue.append(Answer(403, {"error": {"code": "AuthorizationFailed", "message": "no"}}))
    failure = as_failure(MlException("Saving failed", "", error=raised(server)))
    assert (failure.code, failure.status) == ("AuthorizationFailed", 403)


def test_an_exception_of_azure_ai_ml_while_an_answer_is_handled(answers: tuple[Loopback, list[Answer]]) -> None:
    from azure.ai.ml.exceptions import EmptyDirectoryError, MlException

    server, queue = answers
    queue.append(Answer(403, {"error": {"code": "AuthorizationFailure", "message": "no"}}))
    with pytest.raises(MlException) as caught:  # noqa: PT012
        try:
            raise raised(server)
        except HttpResponseError:
            raise MlException("Saving blob was unsuccessful", "")  # noqa: B904
    assert as_failure(caught.value).code == "AuthorizationFailure"
    alone = as_failure(EmptyDirectoryError(message="The folder is empty.", no_personal_data_message=""))
    assert (alone.code, alone.message) == ("EmptyDirectoryError", "The folder is empty.")


def test_a_bare_exception_of_azure_ai_ml_around_an_http_error(answers: tuple[Loopback, list[Answer]]) -> None:
    server, queue = answers
    queue.append(Answer(403, "", {"x-ms-error-code": "KeyBasedAuthenticationNotPermitted"}))
    wrapped = Exception("KeyBasedAuthenticationNotPermitted\nThis SAS token is derived from an account key.")
    wrapped.__cause__ = raised(server)
    failure = as_failure(wrapped)
    assert (failure.code, failure.status) == ("KeyBasedAuthenticationNotPermitted", 403)
    assert failure.message == "KeyBasedAuthenticationNotPermitted This SAS token is derived from an account key."
    assert as_failure(Exception("odd")).code == "mi-tui/internal"


def test_files_and_the_unexpected(tmp_path: Any) -> None:
    with pytest.raises(ServiceError) as caught, translated():
        (tmp_path / "absent.txt").read_text()
    assert caught.value.code == "mi-tui/file"
    assert "absent.txt" in caught.value.failure.message
    assert as_failure(FileNotFoundError(2, "No such file or directory")).message.startswith("A file of this machine")
    assert as_failure(RuntimeError("odd")).code == "mi-tui/internal"
    assert as_failure(Abandoned()).code == "mi-tui/abandoned"


def test_a_folder_that_is_gone_is_said(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with (
        pytest.raises(ServiceError, match="The folder in which mi-tui was started has been removed") as caught,
        translated(),
    ):
        os.getcwd()
    assert "Go to a folder that is there" in caught.value.failure.advice


def test_no_secret_survives_in_a_failure_or_its_cause(answers: tuple[Loopback, list[Answer]]) -> None:
    server, queue = answers
    secret = "c2VjcmV0c2VjcmV0"
    body = {
        "error": {
            "code": "Bad",
            "message": f"failed for https://a.blob.core.windows.net/c?sv=1&sig={secret}",
            "details": [{"code": "X", "message": f"Authorization: Bearer {secret}"}],
        }
    }
    queue.append(Answer(400, body))
    with pytest.raises(ServiceError) as caught, translated():
        raise raised(server)
    assert secret not in json.dumps([str(caught.value), repr(caught.value.failure)])
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_service_errors_pass_unchanged() -> None:
    first = as_failure(ValueError("x"))
    with pytest.raises(ServiceError) as caught, translated():
        raise ServiceError(first)
    assert caught.value.failure is first
    with pytest.raises(Abandoned), translated():
        raise Abandoned
