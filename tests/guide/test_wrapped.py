"""The same error as it is met: printed by `az`, raised by an SDK, as ARM's JSON, in a string, in a CI's log, folded by a terminal."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mi_tui.guide.case import Case
from mi_tui.guide.diagnose import diagnose
from mi_tui.model.failure import parse_error

TEXTS: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "texts.yaml").read_text())
PLAIN = [
    (entry["rule"], found[1], found[2])
    for entry in TEXTS
    if "world" not in entry and (found := re.fullmatch(r"(?:ERROR: )?\((\w+)\) (.+)", entry.get("text", "").strip()))
]
"""Rule, code and sentence of the texts that are no more than that."""

RFC = "https://tools.ietf.org/html/rfc7231#section-6.5.1"


def _arm(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "target": None, "details": [], "additionalInfo": []}}


def _ml(code: str, message: str) -> dict[str, Any]:
    inner = json.dumps(
        {"errors": {"": [message]}, "type": RFC, "title": "One or more validation errors occurred.", "status": 400}
    )
    details = [{"code": "InferencingClientCallFailed", "message": inner}, {"code": code, "message": message}]
    return {"error": {"code": "BadRequest", "message": "The request is invalid.", "details": details}}


def _az(code: str, message: str) -> str:
    return (
        "(BadRequest) The request is invalid.\nCode: BadRequest\nMessage: The request is invalid.\n"
        f"Exception Details:\t({code}) {message}\n\tCode: {code}\n\tMessage: {message}\n"
        'Additional Information:Type: ComponentName\nInfo: {\n    "value": "managementfrontend"\n}'
    )


def _doubled(code: str, message: str) -> str:
    return json.dumps(_ml(code, message)).replace("{", "{{").replace("}", "}}")


def _in_a_log(code: str, message: str) -> str:
    return "\n".join(
        f"2026-11-12T15:39:59.5158725Z {line}"
        for line in f"##[error]ERROR: ({code}) {message}\nCode: {code}".split("\n")
    )


WRAPPERS: dict[str, Callable[[str, str], str]] = {
    "az": lambda code, message: f"ERROR: ({code}) {message}\nCode: {code}\nMessage: {message}\n",
    "az, nested": _az,
    "SDK": lambda code, message: (
        "Traceback (most recent call last):\n  File \"x.py\", line 1, in <module>\n    poller.result()\n"
        f"azure.core.exceptions.HttpResponseError: ({code}) {message}\nCode: {code}\nMessage: {message}"
    ),
    "long operation": lambda code, message: f"HttpResponseError: (None) {code}: {message}",
    "ARM": lambda code, message: json.dumps(_arm(code, message)),
    "ARM, laid out": lambda code, message: json.dumps(_arm(code, message), indent=2),
    "ARM in a string": lambda code, message: json.dumps(json.dumps(_arm(code, message))),
    "ARM in a string in a string": lambda code, message: json.dumps(json.dumps(json.dumps(_arm(code, message)))),
    "Azure ML": lambda code, message: json.dumps(_ml(code, message)),
    "Azure ML, doubled braces": _doubled,
    "a CI's log": _in_a_log,
    "a terminal's colours": lambda code, message: f"\x1b[91mERROR: ({code}) {message}\x1b[0m",
    "a narrow terminal": lambda code, message: "\n".join(textwrap.wrap(f"ERROR: ({code}) {message}", 60, break_long_words=False)),
    "Windows": lambda code, message: f"ERROR: ({code}) {message}\r\nCode: {code}\r\n",
}  # fmt: skip


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_the_rule_comes_first_however_the_error_is_wrapped(wrapper: str) -> None:
    wrong = {}
    for rule, code, message in PLAIN:
        found = diagnose(Case(text=WRAPPERS[wrapper](code, message)))
        if found[0].rule != rule:
            wrong[rule] = [one.rule for one in found]
    assert not wrong
    assert len(PLAIN) > 25


@pytest.mark.parametrize("shape", [_arm, _ml], ids=["ARM", "Azure ML"])
def test_the_rule_comes_first_for_a_failure_that_was_parsed(shape: Callable[[str, str], dict[str, Any]]) -> None:
    wrong = {}
    for rule, code, message in PLAIN:
        found = diagnose(Case(failure=parse_error(shape(code, message), status=400)))
        if found[0].rule != rule:
            wrong[rule] = [one.rule for one in found]
    assert not wrong
