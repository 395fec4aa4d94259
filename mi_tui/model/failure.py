"""Failure: an Azure error of whatever shape, parsed into code, message, target, ids and help anchor."""

from __future__ import annotations

import json
import re
from typing import Any

from msgspec import Struct

VANISHED = "mi-tui/vanished"
"""The code of the failure that something which the plan only uses is gone; resuming with `make_missing` mends it."""

BROKEN_ENDPOINT = "mi-tui/broken-endpoint"
"""The code of the failure that the endpoint is a broken leftover; `endpoint.replace_broken` in the answers mends it."""


class Failure(Struct, frozen=True, omit_defaults=True):
    """What went wrong, in Azure's words and in ours. `code` is Azure's error code, or `mi-tui/...` for our own."""

    code: str
    message: str
    advice: str = ""
    target: str = ""
    status: int = 0
    request_id: str = ""
    correlation_id: str = ""
    anchor: str = ""
    details: tuple[str, ...] = ()
    raw: str = ""
    retry_after: float = 0.0
    """Seconds that Azure asked to wait before the next try; 0 when it did not."""

    def sentence(self) -> str:
        """One line for people: the code and what Azure said of it."""
        return f"{self.code}: {self.message}" if self.code else self.message


_ANCHOR = re.compile(r"aka\.ms/oe-tsg#([\w-]+)")
_LEADING_CODE = re.compile(r"\A\s*(?:\(([\w.]+)\)\s*)?(?:([A-Z][A-Za-z]{4,}):\s+)?")
_RAW_LIMIT = 8_000


def parse_error(body: object, *, status: int = 0, request_id: str = "", correlation_id: str = "") -> Failure:
    """Parse the `error` object of an ARM answer, of a failed long operation, or a bare text.

    The sentence that helps is often JSON in a string in `details[]`, sometimes with doubled braces; a failed long operation may
    carry no code while the message begins with it. Shapes: Microsoft's Azure ML troubleshooting page and public issue threads.
    """
    error = body.get("error", body) if isinstance(body, dict) else {"message": str(body)}
    if not isinstance(error, dict):
        error = {"message": str(error)}
    code = str(error.get("code") or "")
    message = str(error.get("message") or "").strip()
    if not code or code == "None":
        found = _LEADING_CODE.match(message)
        code = next((group for group in found.groups() if group and group != "None"), "") if found else ""
        message = message[found.end() :] if found and code else message
    inner = tuple(_inner_sentences(error.get("details")))
    anchor = _ANCHOR.search(message + " ".join(inner))
    return Failure(
        code=code or (f"HTTP {status}" if status else "Unknown"),
        message=message or "Azure gave no message.",
        target=str(error.get("target") or ""),
        status=status,
        request_id=request_id,
        correlation_id=correlation_id or _correlation(error),
        anchor=anchor.group(1) if anchor else "",
        details=inner,
        raw=json.dumps(body, default=str)[:_RAW_LIMIT] if isinstance(body, dict) else str(body)[:_RAW_LIMIT],
    )


def _inner_sentences(details: object) -> list[str]:
    """The sentences in `details[]`, un-nested from JSON in strings."""
    sentences: list[str] = []
    for detail in details if isinstance(details, list) else []:
        if not isinstance(detail, dict):
            continue
        text = str(detail.get("message") or "").strip()
        nested = _json_in(text)
        errors = nested.get("errors") if isinstance(nested, dict) else None
        if isinstance(errors, dict):
            sentences += [
                str(item) for items in errors.values() for item in (items if isinstance(items, list) else [items])
            ]
        elif text:
            sentences.append(f"{detail['code']}: {text}" if detail.get("code") else text)
        sentences += _inner_sentences(detail.get("details"))
    return sentences


def _json_in(text: str) -> dict[str, Any] | None:
    start = text.find("{")
    if start < 0:
        return None
    for candidate in (text[start:], text[start:].replace("{{", "{").replace("}}", "}")):
        try:
            value = json.loads(candidate)
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
    return None


def _correlation(error: dict[str, Any]) -> str:
    for item in error.get("additionalInfo") or []:
        if isinstance(item, dict) and item.get("type") == "Correlation" and isinstance(item.get("info"), dict):
            info = item["info"].get("value", item["info"])
            if isinstance(info, dict):
                return str(info.get("operation") or info.get("request") or "")
    return ""
