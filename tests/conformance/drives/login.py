"""Entra: discovery, tokens, and the refusals of its token endpoint."""

from __future__ import annotations

from tests.conformance.drives.http import ARM, Caller
from tests.conformance.tapped import Tapped

HOST = "https://login.microsoftonline.com"


def drive(sandbox: Tapped) -> None:
    """The documents that clients read before they sign in, and each way of asking for a token."""
    caller = Caller(sandbox)
    facts = caller.facts
    authorize = f"{HOST}/common/oauth2/authorize"
    caller.send("GET", f"{HOST}/common/discovery/instance?api-version=1.1&authorization_endpoint={authorize}")
    for tenant in (facts.tenant, "common", "organizations"):
        caller.send("GET", f"{HOST}/{tenant}/v2.0/.well-known/openid-configuration")
    caller.send("GET", f"{HOST}/{facts.tenant}/.well-known/openid-configuration")
    caller.send("GET", f"{HOST}/{facts.tenant}/discovery/v2.0/keys")
    caller.token(ARM)
    right = {
        "grant_type": "client_credentials",
        "client_id": facts.client_id,
        "client_secret": facts.client_secret,
        "scope": f"{ARM}/.default",
    }
    token = f"{HOST}/{facts.tenant}/oauth2/v2.0/token"
    for wrong in (
        {"client_secret": "wrong"},
        {"client_id": "00000000-0000-4000-8000-000000000000"},
        {"scope": "https://nosuch.example/.default"},
        {"grant_type": "nonsense"},
        {"scope": ""},
    ):
        caller.send("POST", token, data={**right, **wrong})
    first = {key: value for key, value in right.items() if key != "scope"} | {"resource": f"{ARM}/"}
    caller.send("POST", f"{HOST}/{facts.tenant}/oauth2/token", data=first)
    caller.send("POST", f"{HOST}/nosuch.example/oauth2/v2.0/token", data=right)
