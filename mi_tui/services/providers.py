"""Resource providers of a subscription: whether they are registered."""

from __future__ import annotations

from mi_tui.services import arm
from mi_tui.services.session import Session

API_VERSION = "2021-04-01"


def state(session: Session, namespace: str) -> str:
    """`Registered`, `Registering`, `NotRegistered` or `Unregistering`; empty where Azure knows no such provider. Raises ServiceError.

    Providers - Get.
    """
    item = arm.get(session, f"/subscriptions/{session.subscription_id}/providers/{namespace}", API_VERSION)
    return arm.text(item, "registrationState")
