"""Resource providers: whether a subscription has them registered, and registering them (Microsoft.Resources, Providers)."""

from __future__ import annotations

import threading
from urllib.parse import quote

from mi_tui.model.failure import Failure
from mi_tui.services import arm
from mi_tui.services.errors import Abandoned, ServiceError
from mi_tui.services.operations import Watch
from mi_tui.services.session import Session

API_VERSION = "2021-04-01"
REGISTERED = "registered"
REGISTER_SECONDS = 600.0
"""How long a registration is waited for: seconds to a few minutes as a rule ("Azure resource providers and types")."""


def state(session: Session, namespace: str) -> str:
    """`Registered`, `Registering`, `NotRegistered` or `Unregistering`; empty where Azure knows no such provider. Raises ServiceError.

    Providers - Get. One that Azure does not know is answered with 404 InvalidResourceNamespace.
    """
    return arm.text(arm.get(session, _path(session, namespace), API_VERSION), "registrationState")


def register(
    session: Session,
    namespace: str,
    watch: Watch | None = None,
    stop: threading.Event | None = None,
    timeout: float = REGISTER_SECONDS,
    pause: float = 5.0,
) -> bool:
    """Register a provider with the subscription and wait until it is; False when it was. Nothing unregisters it again.

    Needs `NAMESPACE/register/action` on the subscription, which Contributor has (Providers - Register). Raises ServiceError, with code
    `mi-tui/still-registering` after `timeout` seconds, and Abandoned when `stop` is set.
    """
    now = state(session, namespace)
    if now.lower() == REGISTERED:
        return False
    # Asked for also when it is on its way: Azure takes the request a second time.
    arm.ask(session, f"{_path(session, namespace)}/register", API_VERSION, {})
    waited = 0.0
    while (now := state(session, namespace)).lower() != REGISTERED:
        if watch is not None:
            watch(now)
        if waited >= timeout:
            words = f"The provider {namespace} is still {now} after {timeout:.0f} s."
            raise ServiceError(
                Failure("mi-tui/still-registering", words, advice="Azure goes on by itself: resume in a while.")
            )
        if (stop or threading.Event()).wait(pause):
            raise Abandoned(f"Stopped while {namespace} was {now}.")
        waited += pause
    return True


def _path(session: Session, namespace: str) -> str:
    return f"/subscriptions/{session.subscription_id}/providers/{quote(namespace, safe='.')}"
