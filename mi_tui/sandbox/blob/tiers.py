"""Access tiers: which a blob may have, what a request sets, and how a blob comes back from the archive.

Source: "Set Blob Tier" and "Blob rehydration from the archive tier" (Storage documentation).
"""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

from mi_tui.sandbox.blob.call import Call
from mi_tui.sandbox.blob.errors import fault, invalid_header
from mi_tui.sandbox.store import Blob

_BLOCK = ("Hot", "Cool", "Cold", "Archive", "Smart")
_GIB = 1024**3
_PAGE = {"P4": 32, "P6": 64, "P10": 128, "P15": 256, "P20": 512, "P30": 1024, "P40": 2048, "P50": 4096, "P60": 8192, "P70": 16384, "P80": 32768}  # fmt: skip
"""Tiers of a page blob in a premium account, and the GiB that one holds."""

_INFERRED = ("P10", "P20", "P30", "P40", "P50", "P60")

_TIERED_KINDS = ("StorageV2", "BlobStorage", "BlockBlobStorage")

_SMART = "2026-02-06"
"""The version since which answers name the tier in which a smart blob lies."""

_HOURS = {"Standard": 15.0, "High": 1.0}
"""How long a rehydration takes in Azure at most; the sandbox's time goes faster."""


def given(call: Call, kind: str = "BlockBlob") -> dict[str, Any]:
    """The properties that `x-ms-access-tier` sets, if it is there. InvalidBlobTier when the account or the kind of blob has none such."""
    value = call.headers.get("x-ms-access-tier")
    if value is None:
        return {}
    known = next((tier for tier in _allowed(call, kind) if tier.lower() == value.lower()), None)
    if known is None:
        raise fault("InvalidBlobTier")
    _priority(call)
    return {"tier": known, "tier_changed": time.time(), "rehydrate": None}


def settle(blob: Blob) -> None:
    """Bring a blob whose rehydration is over to its new tier; only in memory, which every reading does alike."""
    coming = blob.properties.get("rehydrate")
    if coming and time.time() >= float(coming["ready"]):
        blob.properties |= {"tier": coming["to"], "tier_changed": float(coming["ready"]), "rehydrate": None}


def archived(blob: Blob) -> bool:
    """Whether a blob's content cannot be read now."""
    settle(blob)
    return blob.properties.get("tier") == "Archive"


def change(call: Call, blob: Blob, wanted: dict[str, Any]) -> int:
    """Set a blob's tier; 200, or 202 when it has to come back from the archive first. BlobBeingRehydrated on the way to another."""
    if not archived(blob) or wanted["tier"] == "Archive":
        if blob.properties.get("rehydrate"):
            raise fault("BlobBeingRehydrated")
        blob.properties |= wanted
        return 200
    coming = blob.properties.get("rehydrate")
    if coming and (coming["to"] != wanted["tier"] or _priority(call) == "Standard"):
        raise fault("BlobBeingRehydrated")
    blob.properties["rehydrate"] = rehydration(call, wanted["tier"])
    return 202


def rehydration(call: Call, tier: str) -> dict[str, Any]:
    """What is remembered of a blob on its way back to a tier."""
    priority = _priority(call)
    ready = time.time() + _HOURS[priority] * 3600 / call.world.profile.speed
    return {"to": tier, "priority": priority, "ready": ready}


def of(call: Call, blob: Blob) -> tuple[str, bool] | None:
    """A blob's tier and whether it is only what the account or the size implies; None where there are no tiers."""
    settle(blob)
    kind = str(blob.properties["blob_type"])
    allowed = _allowed(call, kind)
    if not allowed:
        return None
    own = blob.properties.get("tier")
    if own:
        return str(own), False
    if kind == "PageBlob":
        return next((tier for tier in _INFERRED if blob.size <= _PAGE[tier] * _GIB), _INFERRED[-1]), True
    return str(call.account.body.get("properties", {}).get("accessTier") or "Hot"), True


def told(call: Call, blob: Blob) -> dict[str, str]:
    """What answers tell of a blob's tier: the names are those of headers."""
    tier = of(call, blob)
    if tier is None or call.version < "2017-04-17":
        return {}
    found = {"x-ms-access-tier": tier[0]}
    if tier[1]:
        return {**found, "x-ms-access-tier-inferred": "true"}
    if tier[0] == "Smart" and call.version >= _SMART:
        found["x-ms-smart-access-tier"] = "Hot"
    coming = blob.properties.get("rehydrate")
    if coming:
        found["x-ms-archive-status"] = f"rehydrate-pending-to-{str(coming['to']).lower()}"
        if call.version >= "2019-12-12":
            found["x-ms-rehydrate-priority"] = str(coming["priority"])
    if tier[0] in _BLOCK:
        found["x-ms-access-tier-change-time"] = formatdate(int(float(blob.properties["tier_changed"])), usegmt=True)
    return found


def _allowed(call: Call, kind: str) -> tuple[str, ...]:
    """The tiers that a kind of blob may have in this account."""
    account = call.account.body
    premium = str((account.get("sku") or {}).get("name", "")).startswith("Premium")
    if kind == "PageBlob":
        return tuple(_PAGE) if premium and account.get("kind") != "BlockBlobStorage" else ()
    return _BLOCK if kind == "BlockBlob" and account.get("kind", "StorageV2") in _TIERED_KINDS else ()


def _priority(call: Call) -> str:
    value = call.headers.get("x-ms-rehydrate-priority", "Standard")
    found = next((name for name in _HOURS if name.lower() == value.lower()), None)
    if found is None:
        raise invalid_header("x-ms-rehydrate-priority", value)
    return found
