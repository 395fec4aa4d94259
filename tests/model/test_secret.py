"""A secret shows itself to nobody by accident, and once known it is taken out of every text in any spelling."""

from __future__ import annotations

import base64
import json
import logging
import pickle
import uuid
from urllib.parse import quote

import msgspec
import pytest

from mi_tui.model.redact import looks_secret, redact
from mi_tui.model.secret import MOST, Secret, remember


def plain_value() -> str:
    """One that no pattern would take for a secret."""
    return f"plain words/{uuid.uuid4().hex[:12]}"


def test_nothing_that_prints_or_writes_shows_it() -> None:
    value = plain_value()
    secret = Secret(value)
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r:>30}", f"{[secret]} { ({'key': secret}) }"]
    shown.append(logging.LogRecord("x", 10, "f", 1, "the key is %s", (secret,), None).getMessage())
    assert all(value not in text and "***" in text for text in shown)
    assert secret.reveal() == value
    assert secret == Secret(value)
    assert secret != value


@pytest.mark.parametrize("write", [json.dumps, msgspec.json.encode, msgspec.yaml.encode, pickle.dumps])
def test_it_cannot_be_written(write) -> None:
    with pytest.raises(TypeError):
        write({"key": Secret(plain_value())})


def test_it_is_taken_out_of_any_text_in_any_spelling() -> None:
    value = plain_value()
    assert redact(value) == value, "the test is of what no pattern knows"
    Secret(value)
    for spelling in (value, quote(value, safe=""), quote(value), base64.b64encode(value.encode()).decode()):
        assert redact(f"before {spelling} after") == "before *** after"
    assert looks_secret(f"x{value}y")


def test_where_one_holds_another_both_go() -> None:
    inner = uuid.uuid4().hex
    Secret(inner)
    Secret(f"{inner}-and-more")
    assert redact(f"{inner}-and-more") == "***"


def test_short_values_and_the_oldest_are_not_looked_for() -> None:
    remember("key")
    assert redact("the key word") == "the key word"
    first = uuid.uuid4().hex
    remember(first)
    for _ in range(MOST):
        remember(uuid.uuid4().hex)
    assert redact(first) == first


def test_the_password_of_an_address_goes_too() -> None:
    assert redact("proxy http://me:hunter2hunter2@proxy:8080/x") == "proxy http://me:***@proxy:8080/x"
