"""The Azure host names that the sandbox serves, and the service behind each: one list for proxy, certificates and dispatch."""

from __future__ import annotations

import re
from typing import Literal

Service = Literal["management", "login", "graph", "blob", "inference", "telemetry"]

MANAGEMENT = "management.azure.com"
LOGIN = "login.microsoftonline.com"
LOGIN_ALIASES = ("login.windows.net", "login.microsoft.com", "sts.windows.net")
"""Other names of the login host, as its discovery document says."""

GRAPH = "graph.microsoft.com"
BLOB_SUFFIX = "blob.core.windows.net"
INFERENCE_SUFFIX = "inference.ml.azure.com"
TELEMETRY_SUFFIXES = (
    "in.applicationinsights.azure.com",
    "livediagnostics.monitor.azure.com",
    "services.visualstudio.com",
)
"""Application Insights' ingestion and live metrics ("IP addresses used by Azure Monitor", Microsoft Learn): answered and dropped."""

SUBTREES = (MANAGEMENT, LOGIN, *LOGIN_ALIASES, GRAPH, BLOB_SUFFIX, INFERENCE_SUFFIX, *TELEMETRY_SUFFIXES)
"""The DNS subtrees that hold every served name: what the sandbox's certificate authority may sign for."""

SENTENCE = (
    f"The mi-tui sandbox serves only {MANAGEMENT}, {LOGIN}, {GRAPH}, *.{BLOB_SUFFIX} and *.{INFERENCE_SUFFIX} (port 443), and drops "
    "Application Insights' telemetry; it passes nothing on to the internet."
)
"""Said wherever another host is refused."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PATTERNS: tuple[tuple[Service, re.Pattern[str]], ...] = (
    ("management", re.compile(re.escape(MANAGEMENT))),
    ("login", re.compile("|".join(re.escape(name) for name in (LOGIN, *LOGIN_ALIASES)))),
    ("graph", re.compile(re.escape(GRAPH))),
    ("blob", re.compile(rf"{_LABEL}\.{re.escape(BLOB_SUFFIX)}")),
    ("inference", re.compile(rf"{_LABEL}(?:\.{_LABEL}){{0,3}}\.{re.escape(INFERENCE_SUFFIX)}")),
    ("telemetry", re.compile(rf"{_LABEL}\.(?:{'|'.join(re.escape(suffix) for suffix in TELEMETRY_SUFFIXES)})")),
)


def service_of(host: str) -> Service | None:
    """The service that answers for a host name (any case, no port), or None when the sandbox does not serve it."""
    name = host.lower()
    return next((service for service, pattern in _PATTERNS if pattern.fullmatch(name)), None)
