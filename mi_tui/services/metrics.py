"""Metrics that Azure Monitor keeps of a resource (Microsoft.Insights)."""

from __future__ import annotations

import datetime as dt

from mi_tui.services import arm
from mi_tui.services.session import Session

API_VERSION = "2023-10-01"

CAPACITY = "DeploymentCapacity"
"""Instances in a deployment, one point a minute, by `instanceId` and `State` ("Supported metrics for Microsoft.MachineLearningServices/
workspaces/onlineEndpoints/deployments"). One that waits for a machine has no point at all (public field reports)."""

_LONGEST = 86_400.0
"""Seconds that are looked back: a point of the last day says that there is a machine."""


def points(session: Session, resource_id: str, name: str, since: str) -> int:
    """How many minutes since a moment (ISO 8601) have a value above 0 of a metric. Raises ServiceError. Metrics - List."""
    now = session.operations.azure_time()
    begin = max(_moment(since, now), now - _LONGEST)
    query = {
        "metricnames": name,
        "timespan": f"{_written(begin)}/{_written(now + 60)}",
        "interval": "PT1M",
        "aggregation": "Maximum",
        "api-version": API_VERSION,
    }
    path = f"{resource_id}/providers/Microsoft.Insights/metrics"
    found = 0
    for item in arm.list_all(session, path, API_VERSION, query):
        series = arm.dig(item, "timeseries")
        for one in series if isinstance(series, list) else []:
            data = arm.dig(one, "data")
            values = [arm.dig(point, "maximum") for point in (data if isinstance(data, list) else [])]
            found += sum(isinstance(value, (int, float)) and value > 0 for value in values)
    return found


def _moment(text: str, otherwise: float) -> float:
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        return otherwise - _LONGEST
    return (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).timestamp()


def _written(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
