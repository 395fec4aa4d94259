"""Conditional headers. Source: "Specifying conditional headers for Blob service operations" (REST reference)."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from starlette.datastructures import Headers

from mi_tui.sandbox.blob.errors import BlobError, fault, invalid_header, not_modified


def check_read(headers: Headers, etag: str, modified: float) -> None:
    """Raise 412 or 304 unless a read's conditions hold. `modified` is in Unix seconds; HTTP knows whole ones only."""
    if headers.get("if-none-match", "").strip() == "*":
        raise fault("UnsatisfiableCondition")
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    since, until = _time(headers, "if-modified-since"), _time(headers, "if-unmodified-since")
    if match is not None and not _names(match, etag):
        raise fault("ConditionNotMet")
    if until is not None and match is None and int(modified) > until:
        raise fault("ConditionNotMet")
    if none_match is not None:
        if _names(none_match, etag):
            raise not_modified()
    elif since is not None and int(modified) <= since:
        raise not_modified()


def check_write(headers: Headers, etag: str | None, modified: float, already: str = "ConditionNotMet") -> None:
    """Raise unless a write's conditions hold; `etag` is None when there is nothing yet.

    `already` is the code for `If-None-Match: *` on something that exists; Put Blob has one of its own.
    """
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    if none_match is not None and none_match.strip() == "*" and etag is not None:
        raise fault(already)
    if etag is None:
        if match is not None:
            raise fault("ConditionNotMet")
        return
    since, until = _time(headers, "if-modified-since"), _time(headers, "if-unmodified-since")
    failed = (
        (match is not None and not _names(match, etag))
        or (none_match is not None and _names(none_match, etag))
        or (since is not None and int(modified) <= since)
        or (until is not None and int(modified) > until)
    )
    if failed:
        raise fault("ConditionNotMet")


def _names(value: str, etag: str) -> bool:
    value = value.strip()
    return value == "*" or value.strip('"') == etag.strip('"')


def _time(headers: Headers, name: str) -> int | None:
    value = headers.get(name)
    if value is None:
        return None
    try:
        return int(parsedate_to_datetime(value).timestamp())
    except (ValueError, OverflowError) as error:
        raise invalid_header(name, value) from error


def check_times(headers: Headers, changed: float, prefix: str = "") -> None:
    """Raise 412 unless something changed after `if-modified-since` and not after `if-unmodified-since`; `changed` in Unix seconds."""
    since, until = _time(headers, f"{prefix}if-modified-since"), _time(headers, f"{prefix}if-unmodified-since")
    if (since is not None and int(changed) <= since) or (until is not None and int(changed) > until):
        raise fault("ConditionNotMet")


def check_source(headers: Headers, etag: str, modified: float, unmet: str) -> None:
    """Raise unless the `x-ms-source-if-*` conditions hold: with the code `unmet`, and as recorded, 304 or 412."""
    given = {name[12:]: value for name, value in headers.items() if name.startswith("x-ms-source-if-")}
    own = Headers({name: value for name, value in given.items() if name != "if-tags"})
    try:
        check_read(own, etag, modified)
    except BlobError as error:
        if error.code == "InvalidHeaderValue":
            raise
        refused = fault(unmet)
        if unmet == "CannotVerifyCopySource":
            refused.status, refused.message = error.status, error.message
        raise refused from error
