"""The Azure host names that the sandbox serves, and the service behind each: one list for proxy, certificates and dispatch."""

from __future__ import annotations

import re
from typing import Literal

Service = Literal["management", "login", "blob", "inference"]

MANAGEMENT = "management.azure.com"
LOGIN = "login.microsoftonline.com"
BLOB_SUFFIX = "blob.core.windows.net"
INFERENCE_SUFFIX = "inference.ml.azure.com"

SENTENCE = (
    f"The mi-tui sandbox serves only {MANAGEMENT}, {LOGIN}, *.{BLOB_SUFFIX} and *.{INFERENCE_SUFFIX} (port 443); "
    "it passes nothing on to the internet."
)
"""Said wherever another host is refused."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PATTERNS: tuple[tuple[Service, re.Pattern[str]], ...] = (
    ("management", re.compile(re.escape(MANAGEMENT))),
    ("login", re.compile(re.escape(LOGIN))),
    ("blob", re.compile(rf"{_LABEL}\.{re.escape(BLOB_SUFFIX)}")),
    ("inference", re.compile(rf"{_LABEL}(?:\.{_LABEL}){{0,3}}\.{re.escape(INFERENCE_SUFFIX)}")),
)


def service_of(host: str) -> Service | None:
    """The service that answers for a host name (any case, no port), or None when the sandbox does not serve it."""
    name = host.lower()
    return next((service for service, pattern in _PATTERNS if pattern.fullmatch(name)), None)
