"""Patterns, and how a text from outside is laid out: codes wherever they stand, what is inside strings, ids for support, long lines."""

from __future__ import annotations

import pytest

from mi_tui.guide.case import Case
from mi_tui.guide.patterns import PatternError, compile_pattern
from mi_tui.guide.reading import joined, line_of, raised, read
from mi_tui.model.failure import Failure

# ---- patterns


def test_a_pattern_catches_what_changes_and_bears_wrapped_lines() -> None:
    pattern = compile_pattern("quota available for {size} in ... usage/limit: {used:int}/{limit:int}.")
    found = pattern.search(
        "Not enough quota available\n   for Standard_DS3_v2 in\nSubscriptionId x. Current usage/limit: 0/6. More"
    )
    assert found is not None
    assert found.groupdict() == {"size": "Standard_DS3_v2", "used": "0", "limit": "6"}
    assert pattern.search("quota available for nobody") is None


@pytest.mark.parametrize(
    "source", ["{name} is taken", "a {x} b", "one two ... three ... four ... five", "with {name} and {name}", "of {name:nokind} kind"]
)  # fmt: skip
def test_a_pattern_that_could_run_away_or_says_nothing_is_none(source: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(source)


# ---- codes


@pytest.mark.parametrize(
    "text",
    [
        "(OutOfQuota) Not enough",
        "ERROR: (OutOfQuota) Not enough",
        "Code: OutOfQuota\nMessage: x",
        '{"error":{"code":"OutOfQuota","message":"x"}}',
        '"{\\"error\\": {\\"code\\": \\"OutOfQuota\\"}}"',
        '{{"error":{{"code":"OutOfQuota"}}}}',
        "{'code': 'OutOfQuota'}",
        "<Error><Code>OutOfQuota</Code></Error>",
        "ErrorCode:OutOfQuota",
        "x-ms-error-code: OutOfQuota",
        "HttpResponseError: (None) OutOfQuota: Container terminated",
        "OutOfQuota: Container terminated",
        "(code: OutOfQuota)",
        "  OutOfQuota\n",
        "\ufeffOutOfQuota",
    ],
)
def test_a_code_is_found_wherever_azure_puts_it(text: str) -> None:
    assert "OutOfQuota" in read(Case(text=text)).codes


@pytest.mark.parametrize("text", ["We talk of OutOfQuota here.", "see OutOfQuota", "`OutOfQuota`"])
def test_a_word_in_a_sentence_is_no_code(text: str) -> None:
    assert "OutOfQuota" not in read(Case(text=text)).codes


def test_a_failure_and_a_log_keep_their_places() -> None:
    case = Case(
        failure=Failure("BadRequest", "The request is invalid.", status=400, details=("InnerThing: why",), anchor="error-x"),
        logs={"inference-server": ("ErrorCode:BlobNotFound",)},
    )  # fmt: skip
    found = read(case)
    assert list(found.codes) == ["BadRequest", "InnerThing"]
    assert list(found.log_codes) == ["BlobNotFound"]
    assert found.log_codes["BlobNotFound"].source == "log inference-server"
    assert 400 in found.statuses
    assert "error-x" in found.anchors


def test_a_code_that_was_waited_out_on_the_way_is_not_the_failures() -> None:
    found = read(
        Case(
            failure=Failure("BadRequest", "x"), events=("SubscriptionRequestsThrottled: waits", "HTTP/1.1 429 Too Many")
        )
    )
    assert list(found.codes) == ["BadRequest"]
    assert not found.statuses


def test_ids_and_times_for_support_are_found_once_each() -> None:
    text = (
        "RequestId:1f3c0a53-a01e-0049-0f6a-a27f77000000\nTime:2026-11-12T09:13:11.1234567Z\n"
        "x-ms-correlation-request-id: 5b0e6a8e-8f5a-4a79-9d3b-7f3f2c8d9e10\nrequest id 1f3c0a53-a01e-0049-0f6a-a27f77000000"
    )
    found = [(one.source, one.text) for one in read(Case(text=text)).support]
    assert ("request id", "1f3c0a53-a01e-0049-0f6a-a27f77000000") in found
    assert ("correlation id", "5b0e6a8e-8f5a-4a79-9d3b-7f3f2c8d9e10") in found
    assert ("time", "2026-11-12T09:13:11.1234567Z") in found
    assert len(found) == 3


# ---- evidence


def test_the_line_around_a_place_is_cut_at_blanks() -> None:
    text = f"first\n{'word ' * 400}HERE{' more' * 400}\nlast"
    line = line_of(text, text.index("HERE"), text.index("HERE") + 4)
    assert "HERE" in line
    assert "first" not in line
    assert len(line) < 900


def test_the_exception_of_the_script_is_named_and_not_the_servers_own() -> None:
    text = (
        "azmlinfsrv - Encountered Exception Traceback (most recent call last):\n  File \"score.py\", line 3, in init\nKeyError: 'x'\n\n"
        "The above exception was the direct cause of the following exception:\n\n"
        "azureml_inference_server_http.server.user_script.UserScriptException: Caught an unhandled exception from the user script\n"
    )
    assert raised(text) == "KeyError: 'x'"
    assert raised("nothing here") == ""


def test_lines_that_a_window_cut_are_joined_and_others_are_left() -> None:
    sentence = "Endpoint identity does not have pull permission on the registry. " * 3
    cut = "\n".join(sentence[at : at + 40].rstrip() for at in range(0, len(sentence), 40))
    assert joined(cut).split() == sentence.split()
    assert joined(cut.replace("\n", "\r\n")).split() == sentence.split()
    for text in (
        "",
        "one line",
        "a\nb\nc\n",
        "ERROR: (X) it failed.\nCode: X\nMessage: it failed.\n",
        "x" * 40 + "\ny",
    ):
        assert joined(text) == text
