"""The activity log: what was changed in a subscription, by whom and with what outcome, read from the sandbox's own request log.

Shapes and rules: "Activity Logs - List" (Azure Monitor REST reference).
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from starlette.responses import Response

from mi_tui.sandbox.arm.paths import resource_of
from mi_tui.sandbox.arm.router import Call, reply, route
from mi_tui.sandbox.errors import bad_request
from mi_tui.sandbox.store import Request
from mi_tui.sandbox.times import timestamp
from mi_tui.sandbox.world import TENANT

_EVENTS = "/subscriptions/{s}/providers/Microsoft.Insights/eventtypes/management/values"
_HOST = "management.azure.com"
_PAGE = 200


_COMPARED = re.compile(r"(\w+)\s+(eq|ge|le)\s+(?:'((?:[^']|'')*)'|([^\s']+))", re.IGNORECASE)
"""One comparison; the Azure CLI puts no quotes around times."""
_KNOWN = frozenset(
    {
        *("eventtimestamp", "eventchannels", "resourcegroupname", "resourceuri", "resourceid", "resourceprovider"),
        *("correlationid", "status", "levels", "caller", "operations"),
    }
)


@route("GET", _EVENTS)
def list_events(call: Call) -> Response:
    """Events newest first, within the time that `$filter` has to begin; `$select` chooses members."""
    subscription = f"/subscriptions/{call.ids['s']}"
    call.require_reach("Microsoft.Insights/eventtypes/values/read", subscription)
    since, until, wanted = _asked(call)
    chosen = {name.strip().lower() for name in call.query.get("$select", "").split(",") if name.strip()}
    skip = _skipped(call)
    found = list(_events(call, subscription, since, until, wanted))
    values = [
        {name: value for name, value in event.items() if not chosen or name.lower() in chosen}
        for event in found[skip : skip + _PAGE]
    ]
    body: dict[str, Any] = {"value": values}
    if len(found) > skip + _PAGE:
        kept = {key: value for key, value in call.request.query_params.items() if key.lower() != "$skiptoken"}
        token = base64.urlsafe_b64encode(json.dumps(skip + _PAGE).encode()).decode()
        query = urlencode({**kept, "$skiptoken": token}, safe="$")
        body["nextLink"] = f"https://{_HOST}{quote(call.path, safe='/()')}?{query}"
    return reply(200, body)


@route("GET", "/providers/Microsoft.Insights/eventcategories")
def list_categories(call: Call) -> Response:
    """The categories of events."""
    names = (
        "Administrative",
        "ServiceHealth",
        "ResourceHealth",
        "Alert",
        "Autoscale",
        "Security",
        "Recommendation",
        "Policy",
    )
    return reply(200, {"value": [_word(name) for name in names]})


def _asked(call: Call) -> tuple[float, float, dict[str, str]]:
    """From when to when, and what else the events must have. ArmError 400 without a beginning (the sentences are guesses)."""
    text = call.query.get("$filter", "")
    since: float | None = None
    until = float("inf")
    wanted: dict[str, str] = {}
    for name, operator, quoted, bare in _COMPARED.findall(text):
        value = quoted or bare
        if name.lower() not in _KNOWN:
            raise bad_request(f"The query filter property '{name}' is not supported.", "BadRequest")
        if name.lower() == "eventtimestamp":
            moment = _moment(value)
            if operator.lower() == "ge":
                since = moment
            elif operator.lower() == "le":
                until = moment
        else:
            wanted[name.lower()] = value.replace("''", "'").lower()
    rest = re.sub(r"\s+|\band\b", "", _COMPARED.sub("", text), flags=re.IGNORECASE)
    if rest:
        raise bad_request(f"The query filter '{text[:200]}' is not valid.", "BadRequest")
    if since is None:
        raise bad_request("The query filter must have a start time: eventTimestamp ge '<time>'.", "BadRequest")
    return since, until, wanted


def _moment(text: str) -> float:
    head, dot, fraction = text.strip().removesuffix("Z").partition(".")
    try:
        moment = datetime.fromisoformat(f"{head}.{fraction[:6].ljust(6, '0')}" if dot else head)
    except ValueError as error:
        raise bad_request(f"The time '{text[:50]}' in the query filter is not valid.", "BadRequest") from error
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def _skipped(call: Call) -> int:
    token = call.query.get("$skiptoken")
    if not token:
        return 0
    try:
        return max(0, int(json.loads(base64.urlsafe_b64decode(token.encode()))))
    except (ValueError, TypeError) as error:
        raise bad_request("The $skiptoken is not valid.", "BadRequest") from error


def _events(
    call: Call, subscription: str, since: float, until: float, wanted: dict[str, str]
) -> Iterator[dict[str, Any]]:
    allowed: dict[str, bool] = {}
    for row in reversed(call.world.store.requests(since=since)):
        path = re.sub("/+", "/", row.path).rstrip("/")
        changes = row.host == _HOST and row.method in {"PUT", "PATCH", "POST", "DELETE"}
        if not changes or row.time > until or not (path.lower() + "/").startswith(subscription.lower() + "/"):
            continue
        event = _event(row, path)
        if not _fits(event, wanted):
            continue
        where = str(event["resourceId"])
        if where not in allowed:
            allowed[where] = call.allows("Microsoft.Insights/eventtypes/values/read", where)
        if allowed[where]:
            yield event


def _fits(event: dict[str, Any], wanted: dict[str, str]) -> bool:
    having = {
        "resourcegroupname": event["resourceGroupName"],
        "resourceuri": event["resourceId"],
        "resourceid": event["resourceId"],
        "resourceprovider": event["resourceProviderName"]["value"],
        "correlationid": event["correlationId"],
        "status": event["status"]["value"],
        "levels": event["level"],
        "caller": event["caller"],
        "operations": event["operationName"]["value"],
    }
    return all(
        having[name].lower() in {part.strip() for part in value.split(",")}
        for name, value in wanted.items()
        if name in having
    )


def _event(row: Request, path: str) -> dict[str, Any]:
    resource, operation = resource_of(row.method, path)
    parts = resource.strip("/").split("/")
    group = parts[3] if len(parts) > 3 and parts[2].lower() == "resourcegroups" else ""
    failed = row.status >= 400
    moment = timestamp(row.time)
    number = str(uuid.uuid5(uuid.UUID(TENANT), f"{row.time} {row.method} {path}"))
    identifier = f"{resource}/events/{number}/ticks/{int((row.time + 62_135_596_800) * 10_000_000)}"
    provider, _, kind = operation.rpartition("/")[0].partition("/")
    return {
        "authorization": {"action": operation, "scope": resource},
        "caller": row.caller,
        "channels": "Operation",
        "claims": {},
        "correlationId": number,
        "description": "",
        "eventDataId": number,
        "eventName": _word("EndRequest", "End request"),
        "category": _word("Administrative"),
        "eventTimestamp": moment,
        "httpRequest": {
            "clientRequestId": row.client_id or number,
            "method": row.method,
            "uri": f"https://{_HOST}{path}",
        },
        "id": identifier,
        "level": "Error" if failed else "Informational",
        "operationId": number,
        "operationName": _word(operation),
        "properties": {"statusCode": str(row.status)} | ({"statusMessage": row.code} if row.code else {}),
        "resourceGroupName": group,
        "resourceId": resource,
        "resourceProviderName": _word(provider),
        "resourceType": _word(f"{provider}/{kind}"),
        "status": _word("Failed" if failed else "Succeeded"),
        "subStatus": _word(str(row.status)),
        "submissionTimestamp": moment,
        "subscriptionId": parts[1],
        "tenantId": TENANT,
    }


def _word(value: str, localized: str | None = None) -> dict[str, str]:
    return {"value": value, "localizedValue": localized or value}
