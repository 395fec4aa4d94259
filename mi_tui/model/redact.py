"""Takes secrets out of text before anybody sees it: those that are known, and behind them what looks like a token, key or signature."""

from __future__ import annotations

import re

from mi_tui.model.secret import HIDDEN, hide

_RULES: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    (("eyj",), re.compile(r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?"), HIDDEN),
    (
        ("bearer", "basic"),
        re.compile(r"\b(Bearer|Basic)\s+(?!\*\*\*)[\w.~+/=-]{6,}", re.IGNORECASE),
        rf"\1 {HIDDEN}",
    ),
    (
        ("sharedkey",),
        re.compile(r"\b(SharedKey(?:Lite)?)\s+[\w-]+:[\w+/=]+", re.IGNORECASE),
        rf"\1 {HIDDEN}",
    ),
    (
        ("sig", "skoid", "sktid"),
        re.compile(r"(?:\b|(?<=%3F)|(?<=%26))(sig|skoid|sktid)(=|%3D)[^&\s\"'<>;,)]+", re.IGNORECASE),
        rf"\1\2{HIDDEN}",
    ),
    (
        ("key=", "signature=", "secret=", "assertion=", "token=", "password=", "header="),
        re.compile(
            r"\b(AccountKey|SharedAccess(?:Key|Signature)|client_secret|client_assertion|refresh_token|access_token|id_token|"
            r"password|MSI_SECRET|IDENTITY_HEADER)=(?!\*\*\*)[^&\s\"';,<>]+",
            re.IGNORECASE,
        ),
        rf"\1={HIDDEN}",
    ),
    (
        ("key", "token", "secret", "assertion", "authorization", "password"),
        re.compile(
            r"([\"'](?:primaryKey|secondaryKey|account_?key|access_?token|refresh_?token|id_?token|client_?secret|client_?assertion|"
            r"sas_?token|authorization|password|secret)[\"']\s*:\s*[\"'])(?!\*\*\*)[^\"']+",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    # The key of a storage account, wherever it stands: 64 bytes in base64.
    (("==",), re.compile(r"(?<![\w+/=])[\w+/]{86}=="), HIDDEN),
    # A password in an address, such as that of a proxy.
    (("://",), re.compile(r"(?<=://)([^\s/:@]+):(?!\*\*\*)[^\s/@]+@"), rf"\1:{HIDDEN}@"),
)
"""Each rule with what stands, in small letters, in every text that it can find something in: a look for that costs a tenth."""


def redact(text: str) -> str:
    """The text with every secret replaced by `***`. Applying it twice changes nothing more."""
    text = hide(text)
    small = text.lower()
    for hints, pattern, replacement in _RULES:
        if any(hint in small for hint in hints):
            text = pattern.sub(replacement, text)
    return text


def looks_secret(text: str) -> bool:
    """Whether a text holds what is known to be a secret or looks like one."""
    return redact(text) != text
