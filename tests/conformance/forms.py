"""The form of a value without the value: what kind of date, id or address it is, and how its fixed words are spelled."""

from __future__ import annotations

import re

_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(\.(\d+))?(Z|[+-]\d\d:\d\d)?")
_HTTP_DATE = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT"
)
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# The recordings have ids in which a redaction left too few digits.
_REDACTED = re.compile(r"0{8}(-0{4}){3}-0{9,12}")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_ ]*")

_FIXED = frozenset(
    {
        "subscriptions", "resourcegroups", "providers", "locations", "operations", "asyncoperations", "mfeoperationsstatus",
        "mfeoperationresults", "workspaces", "onlineendpoints", "deployments", "codes", "models", "environments", "versions",
        "datastores", "storageaccounts", "blobservices", "default", "containers", "userassignedidentities", "roleassignments",
        "roledefinitions", "registries", "vaults", "components", "tenants", "paths", "oauth2", "v2.0", "token", "authorize",
        "devicecode", "logout", "discovery", "keys", "kerberos", "userinfo", "openid", "oidc", "score", "swagger.json", "workspaceoperationsstatus",
    }
)  # fmt: skip
"""Words of ids and addresses that are no names, whatever their case."""


def date_form(text: str) -> str | None:
    """`7 digits, Z` for `2024-06-19T08:55:27.1234567Z`; None for what is no date.

    With an offset Azure ML leaves trailing zeros out, so that any number of digits is one form as long as the last is none.
    """
    found = _DATE.fullmatch(text)
    if found is None:
        return "HTTP date" if _HTTP_DATE.fullmatch(text) else None
    fraction, zone = found.group(3) or "", found.group(4)
    if zone in {"Z", None}:
        return f"{len(fraction)} digits, {zone or 'no zone'}"
    return "trailing zeros, offset" if fraction.endswith("0") else "no trailing zeros, offset"


def is_guid(text: str) -> bool:
    """Whether a text is a GUID, or what the recordings' redaction left of one."""
    return _GUID.fullmatch(text) is not None or _REDACTED.fullmatch(text) is not None


def is_word(text: str) -> bool:
    """Whether a text could be an enumeration's value."""
    return _WORD.fullmatch(text) is not None


_SERVICES = frozenset(
    {"blob", "queue", "table", "file", "dfs", "web", "inference", "api", "notebooks", "experiments", "modelmanagement"}
)


def is_path(text: str) -> bool:
    """Whether a text is a resource id or an address."""
    return text.startswith(("/subscriptions/", "https://", "/providers/", "azureml://"))


def path_form(text: str) -> str:
    """A resource id or address with `{}` for names: its fixed words as they are spelled, its query's parameter names.

    What lies in a storage account or in a datastore is `...`.
    """
    base, _, query = text.partition("?")
    scheme, found, rest = base.partition("://")
    host, slash, path = rest.partition("/") if found else ("", "", base)
    host = _host_form(host)
    if "/paths/" in path:
        path = path.partition("/paths/")[0] + "/paths/..."
    if ".core.windows.net" in host and path:
        path = "..."
    leading = f"{scheme}://{host}{slash}" if found else ""
    # Azure's poll addresses carry signatures, which mean nothing to a client.
    names = sorted({piece.partition("=")[0] for piece in query.split("&")} - {"t", "c", "s", "h"}) if query else []
    return leading + "/".join(map(_part, path.split("/"))) + ("?" + "&".join(names) if names else "")


def words_of(text: str) -> dict[str, str]:
    """The fixed words of an id or address as they are spelled, by their lower case."""
    path = text.partition("?")[0].partition("://")[2] or text.partition("?")[0]
    return {part.lower(): part for part in path.split("/") if _part(part) == part and part}


def _part(part: str) -> str:
    return part if part.lower() in _FIXED or part.lower().startswith("microsoft.") or part in {"", "..."} else "{}"


def _host_form(host: str) -> str:
    """A host name with `{}` for the account, endpoint or region before the service's own labels."""
    if host.startswith(("127.0.0.1", "localhost")):
        return "loopback"
    pieces = host.split(".")
    services = [index for index, piece in enumerate(pieces) if piece in _SERVICES]
    return ".".join(["{}", *pieces[services[0] :]]) if services and services[0] else host


def sentence_form(text: str) -> str:
    """An error's sentence with `{}` for what is quoted, for ids and names, and for times."""
    text = re.sub(r"RequestId:\S+", "RequestId:{}", text)
    text = re.sub(r"Time:\S+", "Time:{}", text)
    text = re.sub(r"'[^']*'", "'{}'", text)
    text = re.sub(r"\b[0-9a-f]{32}\b|" + _GUID.pattern, "{}", text)
    return re.sub(
        r"(account named|Connection|[Nn]ame:|datastore:|version:|[Pp]rincipal|directory) [\w{}-]+", r"\1 {}", text
    )
