"""Azure Monitor's metrics of a deployment: how many instances it has had, minute by minute. All other metrics are known and empty.

Shapes: "Metrics - List" (Azure Monitor REST reference); names and units: "Supported metrics for Microsoft.MachineLearningServices/
workspaces/onlineEndpoints/deployments". That a minute without a value has a point without one is a guess.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from typing import Any

from starlette.responses import Response

from mi_tui.sandbox.arm.online_deployments import ONE, deployment_of
from mi_tui.sandbox.arm.router import Call, reply, route
from mi_tui.sandbox.errors import bad_request

_UNITS = {
    "DeploymentCapacity": "Count",
    "CpuUtilizationPercentage": "Percent",
    "CpuMemoryUtilizationPercentage": "Percent",
    "DiskUtilization": "Percent",
}
_MOST = 30 * 24 * 60
"""Minutes that one answer can have; the sandbox refuses more."""

_MINUTE = 60


@route("GET", ONE + "/providers/Microsoft.Insights/metrics", "Microsoft.Insights/metrics/read")
def list_metrics(call: Call) -> Response:
    """The metrics that `metricnames` names (default: DeploymentCapacity) over `timespan` (default: the last hour)."""
    deployment = deployment_of(call)
    names = [name.strip() for name in call.query.get("metricnames", "DeploymentCapacity").split(",") if name.strip()]
    spelled = {name.lower(): name for name in _UNITS}
    for name in names:
        if name.lower() not in spelled:
            raise bad_request(
                f"Failed to find metric configuration for provider: Microsoft.MachineLearningServices, resource Type: workspaces/"
                f"onlineEndpoints/deployments, metric: {name}, Valid metrics: {','.join(_UNITS)}",
                "BadRequest",
            )
    begin, end = _timespan(call.query.get("timespan", ""))
    since = deployment.private.get("machine")
    count = int(deployment.body["sku"]["capacity"])
    wanted = {part.strip().lower() for part in call.query.get("aggregation", "Average").split(",")}
    value = []
    for name in (spelled[name.lower()] for name in names):
        series: list[dict[str, Any]] = []
        if name == "DeploymentCapacity" and since is not None:
            series = [{"metadatavalues": [], "data": _points(begin, end, float(since), count, wanted)}]
        value.append(
            {
                "id": f"{deployment.id}/providers/Microsoft.Insights/metrics/{name}",
                "type": "Microsoft.Insights/metrics",
                "name": {"value": name, "localizedValue": name},
                "unit": _UNITS[name],
                "timeseries": series,
                "errorCode": "Success",
            }
        )
    return reply(
        200,
        {
            "cost": 0,
            "timespan": f"{_zulu(begin)}/{_zulu(end)}",
            "interval": "PT1M",
            "namespace": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments",
            "resourceregion": deployment.body["location"],
            "value": value,
        },
    )


def _points(begin: float, end: float, since: float, count: int, wanted: set[str]) -> list[dict[str, Any]]:
    """One point a minute; those from the minute of the machine on, and not of the future, have values."""
    found = []
    minute = int(begin) // _MINUTE * _MINUTE
    while minute < end:
        point: dict[str, Any] = {"timeStamp": _zulu(minute)}
        if since < minute + _MINUTE and minute <= time.time():
            point |= {name: float(count) for name in ("average", "minimum", "maximum") if name in wanted}
        found.append(point)
        minute += _MINUTE
    return found


def _timespan(text: str) -> tuple[float, float]:
    """From when to when (Unix seconds). ArmError 400 for what is none (the sentence is a guess)."""
    if not text:
        return time.time() - 3600, time.time()
    parts = [_moment(part) for part in text.split("/")]
    if len(parts) != 2 or parts[0] is None or parts[1] is None or not 0 < parts[1] - parts[0] <= _MOST * _MINUTE:
        raise bad_request(f"Detected invalid time interval input: {text[:100]}", "BadRequest")
    return parts[0], parts[1]


def _moment(text: str) -> float | None:
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00)?", text.strip())
    try:
        return dt.datetime.fromisoformat(found[1]).replace(tzinfo=dt.UTC).timestamp() if found else None
    except ValueError:
        return None


def _zulu(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
