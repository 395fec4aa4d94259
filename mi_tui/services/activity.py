"""What Azure's activity log tells of a call whose answer nobody saw (Azure Monitor, "Activity Logs - List")."""

from __future__ import annotations

import datetime as dt

from mi_tui.services import arm
from mi_tui.services.session import Session

API_VERSION = "2015-04-01"
KEPT = 89 * 86_400.0
"""Seconds for which the log can be asked: events are kept for 90 days, and a question about an earlier moment is refused (400)."""
_MADE = frozenset({"created", "accepted", "201", "202"})
_WAS_THERE = frozenset({"ok", "200"})


def made(session: Session, resource_id: str, call: str, since: float) -> bool | None:
    """Whether one of the PUTs with the client request id `call`, sent since a Unix time, made the resource: True for 201 and 202, False
    when all that the log knows of them were answered 200. None when it knows of none: an event takes 3 to 20 minutes to be in it
    ("Azure Monitor activity log"). Not to be asked of a moment that is longer ago than KEPT.

    Raises ServiceError, with status 403 for who may not read it.
    """
    subscription = resource_id.split("/")[2]
    begin = dt.datetime.fromtimestamp(since, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    events = arm.list_all(
        session,
        f"/subscriptions/{subscription}/providers/Microsoft.Insights/eventtypes/management/values",
        API_VERSION,
        {"$filter": f"eventTimestamp ge '{begin}' and resourceUri eq '{resource_id}'"},
    )
    answers = set()
    for event in events:
        if arm.text(event, "httpRequest", "clientRequestId").lower() == call.lower():
            answers |= {
                arm.text(event, "properties", "statusCode").lower(),
                arm.text(event, "subStatus", "value").lower(),
            }
    if answers & _MADE:
        return True
    return False if answers & _WAS_THERE else None
