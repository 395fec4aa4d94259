"""Ways to sign in to Azure, what was found when each was tried, and what a person is asked to do. Data only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct


class SignIn(StrEnum):
    """A way to sign in. The values are those of `--sign-in`."""

    AZURE_CLI = "azure-cli"
    ENVIRONMENT = "environment"
    BROWSER = "browser"
    DEVICE_CODE = "device-code"

    @property
    def silent(self) -> bool:
        """Whether it asks nobody anything."""
        return self in {SignIn.AZURE_CLI, SignIn.ENVIRONMENT}


LABELS: dict[SignIn, str] = {
    SignIn.AZURE_CLI: "Azure CLI",
    SignIn.ENVIRONMENT: "Environment",
    SignIn.BROWSER: "Browser",
    SignIn.DEVICE_CODE: "Device code",
}
"""In the order in which they are offered."""


class Standing(StrEnum):
    """What was found of a sign-in: `ready` gave a token, `offered` can be begun, `absent` cannot, `refused` was refused."""

    READY = "ready"
    OFFERED = "offered"
    ABSENT = "absent"
    REFUSED = "refused"


MARKS: dict[Standing, tuple[str, str]] = {
    Standing.READY: ("✓", "signed in"),
    Standing.OFFERED: ("○", "can be used"),
    Standing.ABSENT: ("–", "not here"),
    Standing.REFUSED: ("✗", "refused"),
}
"""The mark and the word of each."""


class Finding(Struct, frozen=True):
    """What was found when a sign-in was tried: `words` is a sentence; `name` and `tenant` say who it would be, where it is ready."""

    kind: SignIn
    standing: Standing
    words: str
    advice: str = ""
    name: str = ""
    tenant: str = ""

    @property
    def usable(self) -> bool:
        """Whether one can go on with it."""
        return self.standing in {Standing.READY, Standing.OFFERED}


class Prompt(Struct, frozen=True):
    """What a person is to do: open `url`, and there enter `code` where there is one, until `expires` (Unix seconds)."""

    kind: SignIn
    url: str
    code: str
    expires: float

    def sentence(self, until: str) -> str:
        """The same in words; `until` is the time of day when it ends."""
        if self.code:
            return f"To sign in, open {self.url} in a browser and enter the code {self.code} (valid until {until})."
        return f"Your browser was opened to sign in. If it was not, open this address on this machine: {self.url}"


def best(findings: Iterable[Finding]) -> SignIn | None:
    """The one to begin with: signed in before offered, in the order of `LABELS`; None when none can be used."""
    known = {finding.kind: finding for finding in findings}
    for standing in (Standing.READY, Standing.OFFERED):
        for kind in LABELS:
            if kind in known and known[kind].standing is standing:
                return kind
    return None


_TENANT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")


def tenant_fault(text: str) -> str:
    """Why a text names no tenant, in words; empty when it may. An id or a domain, as azure-identity takes it."""
    if not text or _TENANT.fullmatch(text):
        return ""
    return "A tenant is an id (8-4-4-4-12 hex digits) or a domain such as contoso.onmicrosoft.com."
