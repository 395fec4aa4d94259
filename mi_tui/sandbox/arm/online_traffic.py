"""The traffic of an online endpoint: live shares and mirrored ones, checked as Azure does before an endpoint takes them."""

from __future__ import annotations

from typing import Any

from mi_tui.sandbox.arm.online_operations import invalid
from mi_tui.sandbox.hosting import deployments
from mi_tui.sandbox.world import World


def shares(world: World, location: str, endpoint_id: str, sent: dict[str, Any]) -> dict[str, int]:
    """The wanted traffic in percent by deployment, checked: whole numbers, to deployments that are there, 0 or 100 together."""
    wanted = sent.get("traffic") or {}
    there = {d.name.lower(): d for d in world.store.resources(deployments.TYPE, endpoint_id)}
    traffic: dict[str, int] = {}
    for name, share in wanted.items():
        if share is None or not 0 <= share <= 100:
            raise invalid(
                location, f"The traffic of deployment [{name}] must be a whole number from 0 to 100.", "Traffic"
            )
        deployment = there.get(name.lower())
        if deployment is None:
            raise invalid(
                location,
                f"Traffic is assigned to deployment [{name}], which does not exist in the endpoint.",
                "Traffic",
            )
        state = deployment.body["properties"]["provisioningState"]
        # One whose change failed goes on serving as it was.
        if share and ("live" not in deployment.private or state == "Deleting"):
            raise invalid(
                location, f"Traffic cannot be assigned to deployment [{name}] in {state} provisioning state.", "Traffic"
            )
        traffic[deployment.name] = share
    if sum(traffic.values()) not in {0, 100}:
        raise invalid(
            location, f"The sum of traffic values must be 0 or 100, it is {sum(traffic.values())}.", "Traffic"
        )
    return traffic


def mirrored(
    world: World, location: str, endpoint_id: str, sent: dict[str, Any], traffic: dict[str, int]
) -> dict[str, int]:
    """The mirror traffic, checked: at most half, to one deployment that gets no live traffic. "Test the deployment with mirrored
    traffic" (Microsoft Learn)."""
    wanted = {name: share for name, share in (sent.get("mirrorTraffic") or {}).items() if share}
    there = {d.name.lower(): d for d in world.store.resources(deployments.TYPE, endpoint_id)}
    if len(wanted) > 1:
        raise invalid(location, "Mirror traffic can be sent to one deployment only.", "MirrorTraffic")
    for name, share in wanted.items():
        if not 0 <= share <= 50:
            raise invalid(location, f"The mirror traffic of deployment [{name}] must be from 0 to 50.", "MirrorTraffic")
        deployment = there.get(name.lower())
        if deployment is None or "live" not in deployment.private:
            raise invalid(
                location,
                f"Mirror traffic is assigned to deployment [{name}], which does not exist in the endpoint.",
                "MirrorTraffic",
            )
        if traffic.get(deployment.name):
            raise invalid(
                location, f"Deployment [{name}] cannot receive both live traffic and mirror traffic.", "MirrorTraffic"
            )
    return {there[name.lower()].name: share for name, share in wanted.items()}
