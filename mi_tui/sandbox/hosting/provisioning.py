"""How a deployment comes to be: its stages, one after the other, with Azure's states and Azure's errors.

Image build, image pull with the endpoint's identity, download with the endpoint's identity, start of the container. Texts:
"Troubleshoot online endpoints" (Microsoft Learn) and public issues.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from pathlib import Path
from typing import Any

from mi_tui.sandbox import containers
from mi_tui.sandbox.arm import operations
from mi_tui.sandbox.blob.rows import put_bytes
from mi_tui.sandbox.errors import ArmError
from mi_tui.sandbox.hosting import artifacts, conda, deployments, environments, identities, running
from mi_tui.sandbox.hosting.deployments import automatic_grant, canceled, endpoint_of, folder, workspace_of
from mi_tui.sandbox.hosting.instance import MODEL, PULL, START, SYSTEM, Instance
from mi_tui.sandbox.hosting.logfile import LogFile
from mi_tui.sandbox.sizes import size_named
from mi_tui.sandbox.store import Operation, Resource
from mi_tui.sandbox.world import World

GUIDE = "Please see troubleshooting guide, available here: https://aka.ms/oe-tsg"
PULL_ACTION = "Microsoft.ContainerRegistry/registries/pull/read"
READ_ACTION = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"

_READY_SECONDS = {"instant": 60.0, "demo": 120.0}
"""At most this long a container may take to become ready; other profiles go by the deployment's own readiness probe."""
_PROPAGATION_LIMIT = 600.0
"""Seconds that a pull or download is tried again while a role is on its way; Azure gives up after about ten minutes."""


@operations.finisher("deployment.create")
async def _create(world: World, operation: Operation) -> None:
    """Bring a new or a changed deployment up. A change that fails leaves the server before it in place, as in Azure."""
    work = _Work(world, operation)
    try:
        await work.run()
    except asyncio.CancelledError:
        await work.abandon()
        raise
    except Exception:
        # Whatever went wrong ends the deployment's state too; the operation gets the error itself.
        await work.abandon()
        await work.failed()
        raise


class _Work:
    """One run of a deployment's stages."""

    def __init__(self, world: World, operation: Operation) -> None:
        self.world = world
        self.operation = operation
        self.instance = Instance()
        self.server: running.Server | None = None
        self.work = uuid.uuid4().hex

    def current(self) -> Resource:
        """The deployment as it is now. ArmError when another operation took over."""
        deployment = self.world.store.resource(self.operation.resource_id)
        if deployment is None or deployment.private.get("operation") != self.operation.id:
            raise canceled()
        return deployment

    def keep(self, **private: Any) -> Resource:
        """Write down how far the deployment is."""
        deployment = self.current()
        deployment.private |= {"instance": self.instance.kept(), **private}
        self.world.store.put(deployment)
        return deployment

    async def run(self) -> None:
        """All stages, one after the other."""
        # A run that failed, or a sandbox that died in the middle, left a folder.
        await deployments.discard(self.world, self.current().private.get("work"))
        deployment = self.keep(work=self.work)
        properties = deployment.body["properties"]
        workspace = workspace_of(self.world, deployment.id)
        try:
            parts = artifacts.read(self.world, workspace, properties)
            await self.machine(str(properties["instanceType"]))
            self.keep(machine=time.time())
            built = await self.build(parts)
            layout = artifacts.layout(folder(self.world, self.work), parts)
            artifacts.lay_out(layout)
            LogFile(layout.root / "container.log").write("".join(f"NOTE: {note}\n" for note in built.notes).encode())
            await self.pull()
            await self.download(parts, layout)
            variables = {str(name): str(value) for name, value in properties["environmentVariables"].items()}
            live = deployments.remembered(parts, layout, variables) | {
                "conda_file": self.conda(parts),
                "memory": self._memory(str(properties["instanceType"])),
            }
            await self.start(deployments.spec(layout.root, live, built), built, live)
        except artifacts.ArtifactError as error:
            raise ArmError(400, "BadArgument", f"{error} {GUIDE}#error-badargument") from error

    async def machine(self, instance_type: str) -> None:
        """Allocation of a machine. Quota is a permission: a region that has none left lets the deployment wait, without a word."""
        broken = self.world.active.broken("deployment.create")
        if broken is not None:
            raise ArmError(500, broken.code, broken.message)
        size = size_named(instance_type)
        while size is not None and self.world.active.full(size.family):
            self.current()
            await asyncio.sleep(0.25)

    async def build(self, parts: artifacts.Artifacts) -> environments.Environment:
        """Image build: the environment. The registry that would hold the image is made when the workspace has none."""
        began = time.monotonic()
        try:
            environment = await environments.build(self.world, self.conda(parts))
        except environments.BuildError as error:
            await _rest(began, self.world.profile.image_build)
            raise self._build_failure(error.log) from error
        if not environment.cached:
            await _rest(began, self.world.profile.image_build)
        self._registry()
        self.instance.stages |= {SYSTEM: "Succeeded", PULL: "InProgress", MODEL: "InProgress"}
        for note in environment.notes:
            self.instance.event("SystemSetup", f"Sandbox: {note}", warning=True)
        return environment

    def conda(self, parts: artifacts.Artifacts) -> str:
        """The conda file as the image is built from it: in a scenario it may ask for more, or for less."""
        active = self.world.active
        return conda.changed(parts.conda_file, active.required(parts.conda_file), active.dropped(parts.conda_file))

    async def pull(self) -> None:
        """Image pull, which asks for AcrPull on the workspace's registry."""
        self.instance.event("Pulling", "Start pulling container image")
        self.keep()
        registry = self._registry()
        if not await self._permitted(
            PULL_ACTION, registry, self.world.profile.image_pull, "ImagePullFailed", "Image pull failed, retrying."
        ):
            self.instance.stages |= {PULL: "Failed", MODEL: "Waiting"}
            raise ArmError(
                400, "BadArgument",
                "Endpoint identity does not have pull permission on the registry. For System Assigned Identity case and workspace ACR, "
                "platform will wire up the permissions but if user is creating deployment with User Assigned Identity or if using "
                "non-workspace ACR, then User should grant pull permissions to identity on the registry. "
                "Please see troubleshooting guide, available here: https://aka.ms/oe-tsg#authorization-error",
            )  # fmt: skip
        self.instance.event("Pulled", "Container image is pulled successfully")
        self.instance.stages[PULL] = "Succeeded"
        self.keep()

    async def download(self, parts: artifacts.Artifacts, layout: artifacts.Layout) -> None:
        """Code and model, which the storage initializer reads from the workspace's storage as the endpoint's identity."""
        log = LogFile(layout.root / "storage-initializer.log")
        self.instance.event("Downloading", "Start downloading models")
        for kind, place in (("code", parts.code), ("model", parts.model)):
            if place is None:
                continue
            url = f"https://{place.account}.blob.core.windows.net/{place.container}/{place.path}"
            log.line(f"{_now()} INFO Downloading {kind} from {url}")
            seconds = self.world.profile.model_download / 2
            retry = "Model download failed, retrying. Please check storage-initializer log for detail."
            if not await self._permitted(READ_ACTION, place.scope, seconds, "DownloadFailed", retry, data=True):
                log.line(
                    f"{_now()} ERROR AuthorizationPermissionMismatch: This request is not authorized to perform this operation using this permission. {url}"
                )
                self.instance.stages[MODEL] = "Failed"
                raise ArmError(
                    400, "BadArgument",
                    "Startup task failed due to authorization error. Please see troubleshooting guide: https://aka.ms/oe-tsg#error-badargument",
                )  # fmt: skip
        files = artifacts.code_files(self.world, parts, layout) + artifacts.model_files(self.world, parts, layout)
        await asyncio.to_thread(artifacts.copy, files)
        await asyncio.to_thread(self._spoil, layout.code / parts.script)
        log.line(f"{_now()} INFO {len(files)} files are downloaded")
        self.instance.event("Downloaded", "Models are downloaded successfully or no model need to download")
        self.instance.stages |= {MODEL: "Succeeded", START: "InProgress"}
        self.keep()

    def _spoil(self, script: Path) -> None:
        """Add what a scenario adds to the scoring script."""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            text = script.read_text("utf-8")
            script.write_text(text + self.world.active.script(text), "utf-8")

    async def start(self, how: running.Spec, environment: environments.Environment, live: dict[str, Any]) -> None:
        """The container. One that crashes is started again while a role of its identity is still on its way, as kubelet would."""
        deployment = self.current()
        endpoint = endpoint_of(self.world, deployment.id)
        self.instance.event("Created", "Created container inference-server")
        if not environment.has_server:
            for line in environments.missing_server_lines():
                LogFile(how.root / "container.log").line(line)
            raise self._crash("Back-off restarting failed container")
        self.server = running.Server(self.world, endpoint.id, deployment.id, how)
        self.instance.event("Started", "Started container inference-server")
        self.keep()
        deadline = time.monotonic() + self._ready_seconds(deployment)
        while not await self.server.start(max(deadline - time.monotonic(), 1.0)):
            self.current()
            if self.server.out_of_memory:
                self.instance.stages[START] = "Failed"
                self.instance.event("OOMKilled", "Container terminated due to insufficient memory", warning=True)
                raise ArmError(
                    400, "OutOfQuota",
                    f"Container terminated due to insufficient memory. {GUIDE}#error-outofquota",
                )  # fmt: skip
            if self.server.exit_code is None:
                raise self._crash("Readiness probe failed: HTTP probe failed with statuscode: 502")
            self.instance.event("BackOff", "Back-off restarting failed container", warning=True)
            moment = identities.next_role(self.world, identities.principals(self.world, endpoint))
            if moment is None:
                raise self._crash("Liveness probe failed: HTTP probe failed with statuscode: 502")
            self.keep()
            await self._until(min(moment, time.time() + max(deadline - time.monotonic(), 0.0)))
        self.instance.event("ContainerReady", "Container is ready")
        self.instance.stages[START] = "Succeeded"
        await self._succeeded(self.server, live)

    async def _succeeded(self, server: running.Server, live: dict[str, Any]) -> None:
        """Let the new server take the requests, and remove what served before it."""
        deployment = self.current()
        old = deployment.private.get("folder")
        deployment.body["properties"]["provisioningState"] = "Succeeded"
        deployment.private |= {"instance": self.instance.kept(), "live": live}
        deployment.private["folder"] = deployment.private.pop("work")
        self.world.store.put(deployment)
        before = server.serve()
        if before is not None:
            await before.stop()
        await deployments.discard(self.world, old)

    async def failed(self) -> None:
        """Put the deployment into the state Failed; leave nothing behind when it is another operation's by now."""
        deployment = self.world.store.resource(self.operation.resource_id)
        if deployment is None or deployment.private.get("operation") != self.operation.id:
            await deployments.discard(self.world, self.work)
            return
        deployment.body["properties"]["provisioningState"] = "Failed"
        deployment.private["instance"] = self.instance.kept()
        self.world.store.put(deployment)

    async def abandon(self) -> None:
        """Stop what was started and did not get as far as serving."""
        if self.server is not None and running.serving(self.world, self.server.deployment_id) is not self.server:
            await self.server.stop()

    async def _until(self, moment: float) -> None:
        """Wait for a moment (Unix seconds), and notice in time when another operation takes over."""
        while time.time() < moment:
            self.current()
            await asyncio.sleep(min(0.25, max(moment - time.time(), 0.01)))

    def _memory(self, instance_type: str) -> int | None:
        """Bytes that the container may use; None where the sandbox sets no limit."""
        size, share = size_named(instance_type), self.world.active.memory_share()
        return None if size is None or share >= 1 else int(size.memory * share * 2**30)

    def _crash(self, probe: str) -> ArmError:
        if self.instance.stages[START] != "Failed":
            self.instance.stages[START] = "Failed"
            self.instance.event(
                probe.partition(" ")[0] + "ProbeFailed" if "probe" in probe else "BackOff", probe, warning=True
            )
        return ArmError(
            400,
            "ResourceNotReady",
            f"User container has crashed or terminated: {probe}. {GUIDE}#error-resourcenotready",
        )

    def _ready_seconds(self, deployment: Resource) -> float:
        probe = deployment.body["properties"].get("readinessProbe") or {}
        own = deployments.seconds(probe.get("initialDelay"), 10.0) + float(
            probe.get("failureThreshold") or 30
        ) * deployments.seconds(probe.get("period"), 10.0)
        return min(own, _READY_SECONDS.get(self.world.profile.name, own))

    async def _permitted(
        self, action: str, scope: str, duration: float, event: str, message: str, *, data: bool = False
    ) -> bool:
        """Whether the endpoint's identity may do something; tried for `duration` seconds, longer while a role propagates."""
        who = identities.principals(self.world, endpoint_of(self.world, self.operation.resource_id))
        end = time.time() + duration
        refused = False
        while True:
            self.current()
            if identities.may(self.world, who, action, scope, data=data):
                await asyncio.sleep(max(end - time.time(), 0.0))
                return True
            if not refused:
                refused = True
                self.instance.event(event, message, warning=True)
            moment = identities.allowed_from(self.world, who, action, scope, data=data)
            limit = end if moment is None else max(end, min(moment + 0.5, self.operation.started + _PROPAGATION_LIMIT))
            if time.time() >= limit:
                return False
            await asyncio.sleep(min(0.25, max(limit - time.time(), 0.01)))

    def _registry(self) -> str:
        """The id of the workspace's registry, made when there is none; a system-assigned identity gets AcrPull on it."""
        workspace = workspace_of(self.world, self.operation.resource_id)
        existing = workspace.body["properties"].get("containerRegistry")
        if existing:
            return str(existing)
        name = str(workspace.body["properties"]["workspaceId"]).replace("-", "")
        group = "/".join(workspace.id.split("/")[:5])
        identifier = f"{group}/providers/Microsoft.ContainerRegistry/registries/{name}"
        type_ = "Microsoft.ContainerRegistry/registries"
        body = {
            "id": identifier, "name": name, "type": type_, "location": workspace.body["location"], "tags": {},
            "sku": {"name": "Basic", "tier": "Basic"},
            "properties": {
                "loginServer": f"{name}.azurecr.io", "adminUserEnabled": True, "publicNetworkAccess": "Enabled",
                "provisioningState": "Succeeded",
            },
        }  # fmt: skip
        self.world.store.put(Resource(identifier, type_, name, body))
        workspace.body["properties"]["containerRegistry"] = identifier
        self.world.store.put(workspace)
        for endpoint in self.world.store.resources(
            "Microsoft.MachineLearningServices/workspaces/onlineEndpoints", workspace.id
        ):
            automatic_grant(self.world, endpoint, identifier, identities.ACR_PULL)
        return identifier

    def _build_failure(self, log: str) -> ArmError:
        """Put the build's log where Azure puts it, and name the place."""
        workspace = workspace_of(self.world, self.operation.resource_id)
        account_id = str(workspace.body["properties"]["storageAccount"])
        account = account_id.rsplit("/", 1)[-1]
        container, path = "azureml", f"ImageLogs/{uuid.uuid4()}/build.log"
        containers.create_container(self.world, account_id, container)
        put_bytes(self.world, account, container, path, log.encode(), content_type="text/plain")
        last = next(
            (
                line.strip()
                for line in reversed(log.splitlines())
                if line.strip().startswith(("×", "╰", "error", "ERROR"))
            ),
            "",
        )
        return ArmError(
            400, "ImageBuildFailure",
            f"Image build failed. {last} For more details see the build log under the storage account '{account}' in the container "
            f"'{container}' at the path '{path}'. {GUIDE}#error-imagebuildfailure",
        )  # fmt: skip


async def _rest(began: float, duration: float) -> None:
    """Sleep what is left of a stage's duration."""
    await asyncio.sleep(max(duration - (time.monotonic() - began), 0.0))


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
