"""The blob service of an account as Resource Manager shows and sets it; what the data plane sets is the same thing.

Rules: "Blob Services - Set Service Properties". What would change how blobs behave and is not done here is refused, not forgotten.
"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from starlette.responses import Response

from mi_tui.sandbox.arm.router import Call, route
from mi_tui.sandbox.arm.shapes import Shape
from mi_tui.sandbox.arm.storage import ACCOUNT, account_above, storage_page, storage_reply
from mi_tui.sandbox.blob import settings, xml
from mi_tui.sandbox.blob.errors import text
from mi_tui.sandbox.errors import ArmError, bad_request
from mi_tui.sandbox.store import Resource, Store

_NS = "Microsoft.Storage/storageAccounts/blobServices"
_SERVICE = ACCOUNT + "/blobServices/default"
_POLICY = {"enabled": bool, "days": int, "allowPermanentDelete": bool}
_BODY: Shape = {
    "properties": {
        "cors": {"corsRules": list},
        "defaultServiceVersion": str,
        "deleteRetentionPolicy": _POLICY,
        "containerDeleteRetentionPolicy": _POLICY,
        "isVersioningEnabled": bool,
        "automaticSnapshotPolicyEnabled": bool,
        "changeFeed": {"enabled": bool, "retentionInDays": int},
        "restorePolicy": {"enabled": bool, "days": int},
        "lastAccessTimeTrackingPolicy": {"enable": bool},
    }
}
_MOST_RULES = 5
_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "MERGE", "PATCH", "POST", "OPTIONS", "PUT", "TRACE"})
_RULE = {
    "allowedOrigins": "AllowedOrigins",
    "allowedMethods": "AllowedMethods",
    "allowedHeaders": "AllowedHeaders",
    "exposedHeaders": "ExposedHeaders",
}
_MISSING = {
    "deleteRetentionPolicy": "soft delete of blobs",
    "containerDeleteRetentionPolicy": "soft delete of containers",
    "changeFeed": "the change feed",
    "restorePolicy": "restoring to a point in time",
    "lastAccessTimeTrackingPolicy": "tracking of the last access",
}


@route("GET", _SERVICE, f"{_NS}/read")
def get_blob_service(call: Call) -> Response:
    """The blob service of an account."""
    return storage_reply(200, _blob_service(call.world.store, account_above(call)))


@route("GET", ACCOUNT + "/blobServices", f"{_NS}/read")
def list_blob_services(call: Call) -> Response:
    """The one blob service of an account."""
    return storage_page([_blob_service(call.world.store, account_above(call))])


@route("PUT", _SERVICE, f"{_NS}/write", _BODY)
def put_blob_service(call: Call) -> Response:
    """Set CORS rules and the default version; without rules there are none any more. 400 for what is not done here."""
    account = account_above(call)
    sent = call.body.get("properties") or {}
    wanted = [
        words
        for name, words in _MISSING.items()
        if (sent.get(name) or {}).get("enabled") or (sent.get(name) or {}).get("enable")
    ]
    wanted += ["versions of blobs"] if sent.get("isVersioningEnabled") else []
    if wanted:
        raise ArmError(
            400,
            "FeatureNotSupportedForAccount",
            f"The mi-tui sandbox does not do {wanted[0]}: leave it disabled. Blobs in the sandbox have no versions and no history.",
        )
    sections = settings.held(call.world.store, account)
    rules = (sent.get("cors") or {}).get("corsRules") or []
    if len(rules) > _MOST_RULES:
        raise _invalid("cors")
    sections["Cors"] = "".join(_rule(rule) for rule in rules)
    if sent.get("defaultServiceVersion"):
        sections["DefaultServiceVersion"] = text(str(sent["defaultServiceVersion"]))
    settings.keep(call.world.store, account, sections)
    # What was set, without the SKU that only a GET tells ("Blob Services - Set Service Properties", sample response).
    body = _blob_service(call.world.store, account)
    del body["sku"]
    return storage_reply(200, body)


def _blob_service(store: Store, account: Resource) -> dict[str, Any]:
    sections = settings.held(store, account)
    rules = ElementTree.fromstring(f"<Cors>{sections.get('Cors', '')}</Cors>")
    version = ElementTree.fromstring(f"<Version>{sections.get('DefaultServiceVersion', '')}</Version>").text
    return {
        "sku": account.body["sku"],
        "id": f"{account.id}/blobServices/default",
        "name": "default",
        "type": _NS,
        "properties": {
            "cors": {"corsRules": [_told(rule) for rule in rules]},
            **({"defaultServiceVersion": version} if version else {}),
            "deleteRetentionPolicy": {"allowPermanentDelete": False, "enabled": False},
        },
    }


def _rule(rule: Any) -> str:
    """One rule of a body as the data plane keeps it."""
    if not isinstance(rule, dict) or not all(isinstance(rule.get(name) or [], list) for name in _RULE):
        raise _invalid("cors")
    methods = [str(method).upper() for method in rule.get("allowedMethods") or []]
    age = rule.get("maxAgeInSeconds")
    if not rule.get("allowedOrigins") or not methods or not set(methods) <= _METHODS:
        raise _invalid("cors")
    if not isinstance(age, int) or isinstance(age, bool) or age < 0:
        raise _invalid("cors")
    inner = "".join(
        xml.element(tag, ",".join(str(item) for item in rule.get(name) or [])) for name, tag in _RULE.items()
    )
    return f"<CorsRule>{inner}{xml.element('MaxAgeInSeconds', str(age))}</CorsRule>"


def _told(rule: ElementTree.Element) -> dict[str, Any]:
    lists = {name: [part for part in (rule.findtext(tag) or "").split(",") if part] for name, tag in _RULE.items()}
    return {**lists, "maxAgeInSeconds": int(rule.findtext("MaxAgeInSeconds") or 0)}


def _invalid(name: str) -> ArmError:
    return bad_request(
        f"Values for request parameters are invalid: {name}.", "InvalidValuesForRequestParameters", target=name
    )
