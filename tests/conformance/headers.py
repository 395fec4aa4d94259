"""Headers: which there must be, which there may be, and the form of their values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tests.conformance.exchange import Exchange
from tests.conformance.forms import date_form, is_guid, is_path, path_form
from tests.conformance.shapes import Finding

_FREE = frozenset(
    {
        # Set by the server's HTTP layer, different from one front to another.
        "date", "content-length", "transfer-encoding", "connection", "keep-alive", "vary", "content-encoding", "server",
        # Taken out of the recordings, or kept in some of them only.
        "x-ms-request-id", "x-ms-correlation-request-id", "x-ms-routing-request-id", "x-ms-client-request-id",
        "x-ms-operation-identifier", "x-msedge-ref", "x-cache", "set-cookie", "p3p", "nel", "report-to", "x-ms-ests-server",
        "x-ms-srs", "content-security-policy-report-only", "x-request-time",
        "x-ms-ratelimit-remaining-subscription-deletes", "x-ms-ratelimit-remaining-subscription-global-reads",
        "x-ms-ratelimit-remaining-subscription-global-writes", "x-ms-ratelimit-remaining-subscription-resource-requests",
        "x-ms-ratelimit-remaining-tenant-reads", "x-ms-ratelimit-remaining-tenant-writes",
    }
)  # fmt: skip
"""Not compared: no client of this journey decides anything by them, or the recordings do not keep them all."""

_CHOSEN = frozenset({"content-type", "x-ms-content-crc64", "content-md5"})
"""Whether they are there depends on the content; their values are compared where both have them."""

_COUNTS = frozenset({"x-ms-ratelimit-remaining-subscription-reads", "x-ms-ratelimit-remaining-subscription-writes"})
"""Some of the recordings' clients keep them and others do not: they may be there where they were not recorded."""

_EXACT = frozenset(
    {
        "x-ms-response-type", "x-ms-async-operation-timeout", "x-ms-error-code", "cache-control", "pragma", "expires",
        "x-content-type-options", "strict-transport-security", "accept-ranges", "x-ms-failure-cause",
    }
)  # fmt: skip


_PACE = frozenset({"retry-after", "x-ms-retry-after-ms"})
"""Said of every answer that has them unrecorded: a client's speed hangs on them."""


def names_in(recorded: Iterable[Exchange]) -> frozenset[str]:
    """The header names that the recordings keep at all: of others, their absence says nothing."""
    return frozenset().union(*(exchange.headers for exchange in recorded)) | _PACE


def compare(samples: Sequence[Exchange], answer: Exchange, kept: frozenset[str], *, content: bool) -> Iterator[Finding]:
    """How an answer's headers differ from those of recorded answers of its class; `kept` is what `names_in` gave.

    With `content` the body is a blob's, and its type is what somebody gave it.
    """
    have = answer.headers
    everywhere = set.intersection(*(set(sample.headers) for sample in samples)) - _FREE
    anywhere = set.union(*(set(sample.headers) for sample in samples))
    for name in sorted(everywhere - set(have) - _CHOSEN):
        yield "missing", f"header {name}", "every recorded answer has it"
    for name in sorted((set(have) & kept) - anywhere - _FREE - _CHOSEN - _COUNTS):
        yield "unrecorded", f"header {name}", "no recorded answer has it"
    if "content-type" in everywhere and answer.body and "content-type" not in have:
        yield "missing", "header content-type", "every recorded answer has it"
    for name in sorted(set(have) & anywhere - _FREE - ({"content-type"} if content else set())):
        forms = {_form(name, sample.headers[name]) for sample in samples if name in sample.headers}
        form = _form(name, have[name])
        if form not in forms:
            yield "value", f"header {name}", f"{form}, recorded {' or '.join(sorted(forms))}"


def _form(name: str, value: str) -> str:
    if name == "content-type":
        return value.lower().replace(" ", "")
    if name in _EXACT:
        return value
    if is_path(value):
        return path_form(value)
    if date_form(value):
        return str(date_form(value))
    if is_guid(value):
        return "GUID"
    if name == "etag":
        return "quoted" if value.startswith('"') else "W/ quoted" if value.startswith("W/") else "bare"
    if value.lower() in {
        "true",
        "false",
        "available",
        "unlocked",
        "locked",
        "leased",
        "blockblob",
        "hot",
        "file",
        "container",
        "blob",
    }:
        return value
    return "text"
