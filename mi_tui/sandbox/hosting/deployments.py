"""Deployments that are there: their logs, their servers after a restart of the sandbox, and their end.

How one comes to be is in `provisioning`.
"""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
import time
from pathlib import Path
from typing import Any

from mi_tui.sandbox import grants
from mi_tui.sandbox.arm import operations
from mi_tui.sandbox.errors import ArmError
from mi_tui.sandbox.hosting import artifacts, environments, identities, running
from mi_tui.sandbox.hosting.instance import NO_LOGS, NOT_YET, Instance
from mi_tui.sandbox.hosting.logfile import LogFile
from mi_tui.sandbox.store import Operation, Resource
from mi_tui.sandbox.world import World

TYPE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments"
BUSY = frozenset({"Creating", "Updating", "Deleting"})

_log = logging.getLogger(__name__)
_reviving: set[asyncio.Task[None]] = set()


def endpoint_of(world: World, deployment_id: str) -> Resource:
    """The endpoint that a deployment belongs to. ArmError when it is gone."""
    endpoint = world.store.resource(deployment_id.rsplit("/deployments/", 1)[0])
    if endpoint is None:
        raise canceled()
    return endpoint


def workspace_of(world: World, resource_id: str) -> Resource:
    """The workspace that an endpoint or a deployment belongs to. ArmError when it is gone."""
    workspace = world.store.resource("/".join(resource_id.split("/")[:9]))
    if workspace is None:
        raise canceled()
    return workspace


def held_until(world: World, location: str, name: str) -> float:
    """Until when (Unix seconds) a deleted endpoint's name is held in a region; 0 when it is free."""
    return float(world.store.value(f"held:{location}:{name.lower()}") or 0)


def hold(world: World, location: str, name: str) -> None:
    """Hold the name of an endpoint that has just been deleted, as long as the profile says."""
    if world.profile.name_release:
        world.store.set_value(f"held:{location}:{name.lower()}", str(time.time() + world.profile.name_release))


def folder(world: World, name: str) -> Path:
    """A deployment's folder, by the name that its private part remembers: `folder` serves, `work` is being brought up or failed."""
    return world.home / "deployments" / name


def logs(world: World, deployment: Resource, container: str, tail: int | None) -> str:
    """What `getLogs` answers; `container` is `InferenceServer` or `StorageInitializer`."""
    if deployment.body["properties"]["provisioningState"] in {"Creating", "Deleting"}:
        return NOT_YET
    instance = Instance.of(deployment.private)
    name = "container.log" if container == "InferenceServer" else "storage-initializer.log"
    lines = LogFile(
        folder(world, deployment.private.get("work") or deployment.private.get("folder") or "none") / name
    ).tail(tail)
    if not instance.events and not lines:
        return NO_LOGS
    return instance.text(lines)


async def resume(world: World) -> None:
    """Start the servers of the deployments that were running when the sandbox stopped; requests wait for them.

    Folders that a killed sandbox left behind are removed.
    """
    every = world.store.resources(TYPE)
    known = {deployment.private.get(part) for deployment in every for part in ("folder", "work")}
    for left in (world.home / "deployments").glob("*"):
        if left.name not in known:
            await discard(world, left.name)
    for deployment in every:
        if "live" in deployment.private and deployment.body["properties"]["provisioningState"] != "Deleting":
            task = asyncio.get_running_loop().create_task(_revive(world, deployment))
            _reviving.add(task)
            task.add_done_callback(_reviving.discard)


async def stop_all() -> None:
    """Stop every server of this process; the deployments stay, and `resume` starts them again."""
    for task in list(_reviving):
        task.cancel()
    await asyncio.gather(*_reviving, return_exceptions=True)
    await running.stop_all()


async def remove(world: World, deployment_id: str) -> None:
    """End a deployment: its servers, its folders, its resource."""
    await running.stop(world, deployment_id)
    deployment = world.store.resource(deployment_id)
    if deployment is not None:
        for name in ("folder", "work"):
            await discard(world, deployment.private.get(name))
        grants.unassign_under(world, deployment_id)
        world.store.remove(deployment_id)


async def discard(world: World, name: str | None) -> None:
    """Remove a deployment's folder, when there is one."""
    if name:
        await asyncio.to_thread(shutil.rmtree, folder(world, name), ignore_errors=True)


@operations.finisher("deployment.delete")
async def _delete(world: World, operation: Operation) -> None:
    await running.stop(world, operation.resource_id)
    await asyncio.sleep(world.profile.deployment_delete)
    await remove(world, operation.resource_id)


def remembered(parts: artifacts.Artifacts, where: artifacts.Layout, variables: dict[str, str]) -> dict[str, Any]:
    """What `_revive` needs later: all of it, because the assets may be deleted while the deployment lives on, as in Azure."""
    return {
        "conda_file": parts.conda_file,
        "script": parts.script,
        "code": str(where.code.relative_to(where.root)),
        "models": str(where.models.relative_to(where.root)),
        "variables": variables,
    }


def spec(root: Path, live: dict[str, Any], built: environments.Environment) -> running.Spec:
    """How to start a server, from what is remembered of the deployment and the folder where its files lie."""
    return running.Spec(
        built.python,
        live["script"],
        root,
        root / live["code"],
        root / live["models"],
        root / "home",
        root / "tmp",
        live["variables"],
        live.get("memory"),
    )


async def _revive(world: World, deployment: Resource) -> None:
    live = deployment.private["live"]
    try:
        built = await environments.build(world, live["conda_file"])
    except (environments.BuildError, OSError) as error:
        _log.warning("the deployment %s could not be started again: %s", deployment.id, error)
        return
    how = spec(folder(world, deployment.private["folder"]), live, built)
    # It may have been deleted, or changed, while the environment was built.
    if world.store.resource(deployment.id) is not None and running.serving(world, deployment.id) is None:
        running.Server(world, endpoint_of(world, deployment.id).id, deployment.id, how).serve()


def canceled() -> ArmError:
    """Azure's error for an operation that a later one has overtaken."""
    return ArmError(
        409, "OperationCanceled", "The operation was canceled by another operation that has a higher priority. "
        "Please see troubleshooting guide, available here: https://aka.ms/oe-tsg#error-operationcanceled",
    )  # fmt: skip


def automatic_grant(world: World, endpoint: Resource, scope: str, role: str) -> None:
    """A role that Azure itself gives to a system-assigned identity; it acts at once, and goes with the endpoint."""
    if (endpoint.body.get("identity") or {}).get("type") != "SystemAssigned":
        return
    for principal in identities.principals(world, endpoint):
        assignment = grants.assign(world, scope, principal.object_id, role, by=principal.object_id, immediate=True)
        endpoint.private.setdefault("grants", [])
        if assignment.id not in endpoint.private["grants"]:
            endpoint.private["grants"].append(assignment.id)
    world.store.put(endpoint)


def seconds(text: Any, default: float) -> float:
    """An ISO 8601 duration such as `PT1M30S` in seconds; `default` when it is none."""
    found = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", str(text or ""))
    if found is None or not any(found.groups()):
        return default
    days, hours, minutes, rest = (float(part or 0) for part in found.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + rest
