"""Azure Monitor's metrics of a deployment: instances minute by minute, none for one that has no machine, and what is refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from arm_harness import Answer, stranger
from online_harness import ENDPOINTS, Online, close_online, open_online

from mi_tui.sandbox import app
from mi_tui.sandbox.hosting import deployments
from mi_tui.sandbox.store import Resource

METRICS = f"{ENDPOINTS}/ep-one/deployments/blue/providers/Microsoft.Insights/metrics"
VERSION = "2023-10-01"


@pytest.fixture
def online(tmp_path: Path) -> Iterator[Online]:
    app.load_handlers()
    opened = open_online(tmp_path)
    opened.endpoint("ep-one")
    yield opened
    close_online(opened)


def deployment(online: Online, **private: object) -> None:
    """A deployment as it is while or after it waits for a machine."""
    identifier = f"{ENDPOINTS}/ep-one/deployments/blue"
    body = {
        "id": identifier,
        "location": "westeurope",
        "sku": {"capacity": 2},
        "properties": {"provisioningState": "Creating"},
    }
    online.arm.world.store.put(Resource(identifier, deployments.TYPE, "blue", body, dict(private)))


def told(answer: Answer) -> Any:
    """The metrics of an answer."""
    assert answer.status == 200, answer.json
    return answer.json["value"]


def span(minutes: int) -> str:
    now = dt.datetime.now(dt.UTC)
    begin = now - dt.timedelta(minutes=minutes)
    return f"{begin:%Y-%m-%dT%H:%M:%SZ}/{now:%Y-%m-%dT%H:%M:%SZ}"


def test_one_without_a_machine_has_no_point_and_one_with_a_machine_has_one_a_minute(online: Online) -> None:
    asked = f"{METRICS}?metricnames=DeploymentCapacity&aggregation=Maximum&timespan={span(30)}"
    deployment(online)
    (metric,) = told(online.arm("GET", asked, version=VERSION))
    assert metric["name"]["value"] == "DeploymentCapacity"
    assert metric["unit"] == "Count"
    assert metric["timeseries"] == []

    deployment(online, machine=dt.datetime.now().timestamp() - 180)
    (metric,) = told(online.arm("GET", asked, version=VERSION))
    (series,) = metric["timeseries"]
    counted = [point for point in series["data"] if "maximum" in point]
    assert 3 <= len(counted) <= 5
    assert {point["maximum"] for point in counted} == {2.0}
    assert len(series["data"]) >= 30


@pytest.mark.parametrize("query", ["metricnames=Nonsense", "timespan=yesterday/today", "timespan=2026-01-01T00:00:00Z"])
def test_what_is_no_metric_or_no_time_is_refused(online: Online, query: str) -> None:
    deployment(online)
    answer = online.arm("GET", f"{METRICS}?{query}", version=VERSION)
    assert answer.status == 400
    assert answer.json["error"]["code"] == "BadRequest"


def test_metrics_take_a_right_and_a_deployment(online: Online) -> None:
    assert online.arm("GET", METRICS, version=VERSION).status == 404
    deployment(online)
    assert online.arm.as_(stranger(online.arm.world))("GET", METRICS, version=VERSION).status == 403
