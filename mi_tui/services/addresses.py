"""Whether somebody's endpoint answers at an address already. Endpoint names are unique in a region, among all customers of Azure."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor

SECONDS = 6.0
"""How long an answer is waited for: this is a hint, and nobody waits for a hint."""


def endpoint_host(name: str, location: str) -> str:
    """Where an endpoint answers ("Authenticate to online endpoints", scoring URI)."""
    return f"{name}.{location}.inference.ml.azure.com"


def endpoint_answers(name: str, location: str) -> bool:
    """Whether an endpoint of this name answers in the region. False may also mean that it answers in a private network only.

    No API tells it. An endpoint answers a request without a key with 401, and where there is none there is no host, or a gateway
    that says so: what a name that nobody has gets is asked for beside it, and only another answer counts.
    """
    nobody = f"mi-tui-{secrets.token_hex(8)}"
    with ThreadPoolExecutor(2) as pool:
        asked, compared = pool.map(lambda each: _status(endpoint_host(each, location)), (name, nobody))
    return asked is not None and asked != compared


def _status(host: str) -> int | None:
    import requests

    try:
        with requests.Session() as http:
            http.auth = lambda request: request  # a machine's ~/.netrc has nothing to say here
            answer = http.get(f"https://{host}/score", timeout=SECONDS, allow_redirects=False, stream=True)
            return answer.status_code
    except (requests.RequestException, UnicodeError):
        return None
