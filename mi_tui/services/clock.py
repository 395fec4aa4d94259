"""How far this machine's clock is from Azure's."""

from __future__ import annotations

import email.utils
import time

from mi_tui.services.errors import translated
from mi_tui.services.session import ARM, CONNECT_SECONDS

_SECONDS = 20


def skew() -> float | None:
    """Seconds by which this machine is ahead of Azure (behind: negative), to about a second; None when Azure does not tell the time.

    Any answer of Azure Resource Manager tells it in `Date`; this asks without a token, as a wrong clock may be why there is none.
    Raises ServiceError.
    """
    import requests

    with translated():
        began = time.time()
        with requests.Session() as http:
            http.auth = lambda request: request  # a machine's ~/.netrc has nothing to say here
            answer = http.get(
                f"{ARM}/subscriptions?api-version=2022-12-01",
                timeout=(CONNECT_SECONDS, _SECONDS),
                allow_redirects=False,
            )
        ended = time.time()
    try:
        told = email.utils.parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return None
    # The header has whole seconds: on average half of one has passed since.
    return (began + ended) / 2 - (told + 0.5)
