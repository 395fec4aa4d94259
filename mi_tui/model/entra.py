"""What Entra's refusals mean and what to do, by AADSTS number.

Source: "Microsoft Entra authentication and authorization error codes" (Microsoft Learn, read 2026-11). Entra's own sentence is
always told beside ours.
"""

from __future__ import annotations

import re

_AGAIN = "Sign in again: 'az login', or choose Browser or Device code."
_GUEST = "Give the tenant that you were invited to (--tenant, or the field on the first screen), or ask its admin to invite you."
_MFA = "Sign in in a browser, where the second factor can be asked for: 'az login --tenant TENANT', or choose Browser."
_SECRET = "Make a new secret for the app registration and set AZURE_CLIENT_SECRET to its value (not to its id)."
_APP = "Check AZURE_CLIENT_ID and AZURE_TENANT_ID: the app registration must be in that tenant."
_POLICY = (
    "Sign in from a device and a place that your organization allows; it may allow Browser where it blocks Device code."
)

EXPLAINED: dict[int, tuple[str, str]] = {
    50020: ("This account is not known in that tenant.", _GUEST),
    50034: ("There is no such user in that tenant.", _GUEST),
    50053: (
        "The account is locked after too many wrong passwords.",
        "Wait, or reset the password, then sign in again.",
    ),
    50055: ("The password has expired.", "Change it at https://myaccount.microsoft.com, then sign in again."),
    50057: ("The account is disabled.", "Ask the tenant's admin."),
    50059: ("The sign-in names no tenant.", "Give the tenant: --tenant, or AZURE_TENANT_ID."),
    50072: ("A second factor has to be set up first.", _MFA),
    50074: ("A second factor is asked for.", _MFA),
    50076: ("A second factor is asked for.", _MFA),
    50079: ("A second factor has to be set up first.", _MFA),
    50105: (
        "The account is not assigned to this application.",
        "Ask the tenant's admin to assign it, or use another sign-in.",
    ),
    50126: ("User name or password is wrong.", "Try again; it is not mi-tui that asks for them."),
    50132: ("The sign-in has ended, for example because the password was changed.", _AGAIN),
    50133: ("The sign-in has ended because the password was changed.", _AGAIN),
    50158: ("Your organization asks for one more step.", _MFA),
    50173: ("The sign-in has ended because the password was changed or all sessions were revoked.", _AGAIN),
    53000: ("Your organization allows only devices that comply with its rules.", _POLICY),
    53001: ("Your organization allows only devices that are joined to its domain.", _POLICY),
    53003: ("Your organization's Conditional Access rules block this sign-in.", _POLICY),
    65001: ("Nobody has consented to this application in that tenant.", "Ask the tenant's admin for consent."),
    65004: ("The sign-in was declined.", "Begin again if that was not meant."),
    70008: ("The sign-in was not used in time.", _AGAIN),
    70018: ("The code that was entered is wrong.", "Begin again and enter the new code."),
    70019: ("The code has expired before it was entered.", "Begin again and enter the new code within 15 minutes."),
    70020: ("The code has expired before it was entered.", "Begin again and enter the new code within 15 minutes."),
    70043: ("The sign-in has expired.", _AGAIN),
    90002: (
        "There is no such tenant.",
        "Check the tenant's id or domain (--tenant, AZURE_TENANT_ID, or the field on the first screen).",
    ),
    90072: ("This account is not known in that tenant.", _GUEST),
    500011: ("The tenant does not know Azure's resource.", "Check that it is the tenant of your subscription."),
    700016: ("The tenant does not know this application.", _APP),
    700024: ("The certificate's statement is not valid at this time.", "Check this machine's clock."),
    700027: ("The certificate does not match the app registration.", "Check AZURE_CLIENT_CERTIFICATE_PATH."),
    700082: ("The sign-in has expired: it was not used for a long time.", _AGAIN),
    700084: ("The sign-in has expired.", _AGAIN),
    900023: ("This is no tenant.", "Check the tenant's id or domain."),
    7000014: ("The code is not known any more.", "Begin again and enter the new code."),
    7000112: ("The application is disabled in that tenant.", "Ask the tenant's admin."),
    7000215: ("The client secret is wrong.", _SECRET),
    7000222: ("The client secret has expired.", _SECRET),
}

_NUMBER = re.compile(r"\bAADSTS(\d+)")
_TAIL = re.compile(
    r"\s*Trace ID:\s*(?P<trace>[0-9a-fA-F-]{36})\s*Correlation ID:\s*(?P<correlation>[0-9a-fA-F-]{36}).*", re.DOTALL
)


def number_in(text: str) -> int:
    """The AADSTS number in a text; 0 when there is none."""
    found = _NUMBER.search(text)
    return int(found[1]) if found else 0


def sentence_in(text: str) -> tuple[str, str, str]:
    """Entra's own sentence in a text, its trace id and its correlation id; empty where there are none."""
    found = _NUMBER.search(text)
    said = text[found.end() :].lstrip(": ") if found else text
    tail = _TAIL.search(said)
    ids = (tail["trace"], tail["correlation"]) if tail else ("", "")
    return (said[: tail.start()] if tail else said).strip(), *ids
