"""Endpoints, deployments and scoring without a network: ARM and inference requests go straight into the applications.

Scoring servers are real processes in real environments; those are built once and kept in pytest's cache folder.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from arm_harness import WORKSPACE, Answer, Arm, close_arm, open_arm

from mi_tui.sandbox import containers, furnish
from mi_tui.sandbox.arm import online
from mi_tui.sandbox.hosting import deployments
from mi_tui.sandbox.hosting.identity_endpoint import IdentityEndpoint
from mi_tui.sandbox.inference import InferenceApp
from mi_tui.sandbox.store import Blob, Principal, Resource

assert online

VERSION = "2023-04-01-preview"
ENDPOINTS = f"{WORKSPACE}/onlineEndpoints"
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
CONDA = "dependencies:\n  - pip\n  - pip:\n      - azureml-inference-server-http==1.5.1\n"

SCRIPT = """
import json, os, time, urllib.request

def init():
    global model
    model = open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model", "factor.txt")).read()
    print("factor is", model)

def run(raw_data):
    asked = json.loads(raw_data)
    if "sleep" in asked:
        time.sleep(asked["sleep"])
    if "environment" in asked:
        return dict(os.environ)
    if "token" in asked:
        address = os.environ["MSI_ENDPOINT"] + "?resource=https://storage.azure.com" + asked["token"]
        request = urllib.request.Request(address, headers={"secret": os.environ["MSI_SECRET"]})
        return json.load(urllib.request.build_opener().open(request))
    if "die" in asked:
        os.kill(os.getppid(), 9)
        time.sleep(10)
    return [value * int(model) for value in asked["data"]]
"""


@dataclass
class Scored:
    """The answer of a scoring request."""

    status: int
    headers: dict[str, str]
    text: str
    state: dict[str, Any]

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.text)


@dataclass
class Online:
    """A world with what a deployment is made of."""

    arm: Arm
    server: uvicorn.Server
    serving: asyncio.Task[None]

    def until(self, name: str, deployment: str | None = None, seconds: float = 60.0) -> Answer:
        """Wait until an endpoint or a deployment is not busy; returns its GET."""
        path = f"{ENDPOINTS}/{name}" + (f"/deployments/{deployment}" if deployment else "")

        def settled() -> bool:
            answer = self.arm("GET", path, version=VERSION)
            return answer.status != 200 or answer.json["properties"]["provisioningState"] in {"Succeeded", "Failed"}

        self.arm.until(settled, seconds)
        return self.arm("GET", path, version=VERSION)

    def operation(self, answer: Answer, seconds: float = 60.0) -> Answer:
        """Poll an accepted operation until it ends; returns the last answer."""
        address = answer.headers["azure-asyncoperation"]
        self.arm.until(lambda: self.arm("GET", address).json["status"] != "Updating", seconds)
        return self.arm("GET", address)

    def endpoint(self, name: str, identity: dict[str, Any] | None = None, **properties: Any) -> Answer:
        """Make an endpoint and wait for it; returns the first answer."""
        first = self.arm("PUT", f"{ENDPOINTS}/{name}", endpoint_body(identity, **properties), version=VERSION)
        assert first.status == 201, first.json
        assert self.operation(first).json["status"] == "Succeeded"
        return first

    def deploy(self, endpoint: str, name: str = "blue", **parts: Any) -> Answer:
        """Make a deployment and wait for its end; returns the operation's last answer."""
        first = self.arm("PUT", f"{ENDPOINTS}/{endpoint}/deployments/{name}", self.body(**parts), version=VERSION)
        assert first.status in {200, 201}, first.json
        return self.operation(first)

    def body(self, script: str = SCRIPT, conda: str = CONDA, **properties: Any) -> dict[str, Any]:
        """A deployment's body, with its code, environment and model made."""
        return {
            "location": "westeurope",
            "sku": {"name": "Default", "capacity": 1},
            "tags": {},
            "properties": {
                "codeConfiguration": {"codeId": self.code({"score.py": script}), "scoringScript": "score.py"},
                "environmentId": self.asset(
                    "environments", "env", {"condaFile": conda, "image": "mcr.microsoft.com/any"}
                ),
                "model": self.model(),
                "instanceType": "Standard_DS3_v2",
                "endpointComputeType": "Managed",
                "environmentVariables": {},
                **properties,
            },
        }

    def asset(self, kind: str, name: str, properties: dict[str, Any]) -> str:
        """Write an asset down as its PUT would; returns its id."""
        identifier = f"{WORKSPACE}/{kind}/{name}-{uuid.uuid4().hex[:6]}/versions/1"
        type_ = f"Microsoft.MachineLearningServices/workspaces/{kind}/versions"
        self.arm.world.store.put(Resource(identifier, type_, "1", {"id": identifier, "properties": properties}))
        return identifier

    def code(self, files: dict[str, str]) -> str:
        """A code asset with these files, uploaded as the SDK does: to a container of its own, below a folder's name."""
        container = f"code-{uuid.uuid4().hex[:8]}"
        containers.create_container(self.arm.world, self.account, container)
        for name, text in files.items():
            self.blob(container, f"onlinescoring/{name}", text)
        return self.asset(
            "codes",
            "code",
            {"codeUri": f"https://{self.account_name}.blob.core.windows.net:443/{container}/onlinescoring"},
        )

    def model(self, factor: str = "2") -> str:
        """A model asset: a folder `model` with one file."""
        path = f"LocalUpload/{uuid.uuid4().hex}/model"
        datastore = self.arm.world.store.resource(f"{WORKSPACE}/datastores/workspaceblobstore")
        assert datastore is not None
        self.blob(datastore.body["properties"]["containerName"], f"{path}/factor.txt", factor)
        ids = WORKSPACE.split("/")
        uri = f"azureml://subscriptions/{ids[2]}/resourceGroups/{ids[4]}/workspaces/{ids[8]}/datastores/workspaceblobstore/paths/{path}"
        return self.asset("models", "m", {"modelUri": uri})

    @property
    def account(self) -> str:
        """The id of the workspace's storage account."""
        workspace = self.arm.world.store.resource(WORKSPACE)
        assert workspace is not None
        return str(workspace.body["properties"]["storageAccount"])

    @property
    def account_name(self) -> str:
        """Its name."""
        return self.account.rsplit("/", 1)[-1]

    def blob(self, container: str, name: str, text: str) -> None:
        """Write a blob."""
        file = uuid.uuid4().hex
        (self.arm.world.store.blob_folder / file).write_text(text)
        self.arm.world.store.put_blob(Blob(self.account_name, container, name, len(text), file, {"etag": '"0x1"'}))

    def keys(self, endpoint: str) -> dict[str, str]:
        """Both keys of an endpoint."""
        answer = self.arm("POST", f"{ENDPOINTS}/{endpoint}/listKeys", version=VERSION).json
        return {"primary": answer["primaryKey"], "secondary": answer["secondaryKey"]}

    def traffic(self, endpoint: str, **shares: int) -> Answer:
        """Set the traffic and wait; returns the first answer."""
        body = endpoint_body(
            self.arm("GET", f"{ENDPOINTS}/{endpoint}", version=VERSION).json["identity"], traffic=shares
        )
        answer = self.arm("PUT", f"{ENDPOINTS}/{endpoint}", body, version=VERSION)
        if answer.status == 200:
            self.operation(answer)
        return answer

    def score(self, endpoint: str, body: Any, key: str | None = None, path: str = "/score", **headers: str) -> Scored:
        """Send a scoring request; `key` None takes the primary key, '' sends none."""
        return self.arm.run(
            self.scoring(endpoint, body, self.keys(endpoint)["primary"] if key is None else key, path, **headers)
        )

    async def scoring(self, endpoint: str, body: Any, key: str, path: str = "/score", **headers: str) -> Scored:
        """The same, to be awaited."""
        given = {"host": f"{endpoint}.westeurope.inference.ml.azure.com", "content-type": "application/json"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            given["authorization"] = f"Bearer {key}"
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        method = "GET" if path == "/swagger.json" else "POST"
        status, found, text, state = await call(InferenceApp(self.arm.world), method, path, "", given, raw)
        return Scored(status, found, text.decode(), state)

    def logs(self, endpoint: str, name: str = "blue", **body: Any) -> str:
        """What getLogs answers."""
        answer = self.arm("POST", f"{ENDPOINTS}/{endpoint}/deployments/{name}/getLogs", body, version=VERSION)
        assert answer.status == 200, answer.json
        return str(answer.json["content"])

    def user_assigned(self, name: str = "id-test") -> dict[str, str]:
        """A user-assigned identity; returns its ids."""
        group = "/".join(WORKSPACE.split("/")[:5])
        identifier = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
        principal = Principal(str(uuid.uuid4()), "ServicePrincipal", name, str(uuid.uuid4()), None, identifier)
        self.arm.world.store.put(
            Resource(identifier, "Microsoft.ManagedIdentity/userAssignedIdentities", name, {"id": identifier})
        )
        self.arm.world.store.put_principal(principal)
        return {"id": identifier, "principal": principal.object_id, "client": str(principal.client_id)}


def endpoint_body(identity: dict[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    """An endpoint's body as the SDK sends it."""
    sent = {"authMode": "Key", "properties": {}, "traffic": {}, "mirrorTraffic": {}, **properties}
    return {
        "location": "westeurope",
        "tags": {},
        "identity": identity or {"type": "SystemAssigned"},
        "properties": sent,
    }


def user_identity(*ids: str) -> dict[str, Any]:
    """The identity of an endpoint with user-assigned identities."""
    return {"type": "UserAssigned", "userAssignedIdentities": {identifier: {} for identifier in ids}}


async def call(
    app: Any, method: str, path: str, query: str, headers: dict[str, str], body: bytes = b""
) -> tuple[int, dict[str, str], bytes, dict[str, Any]]:
    """One request into an ASGI application: status, headers, body, and what it left in the request's state."""
    scope: dict[str, Any] = {
        "type": "http", "http_version": "1.1", "method": method, "scheme": "https", "path": path, "raw_path": path.encode(),
        "query_string": query.encode(), "root_path": "", "server": ("sandbox", 443), "state": {},
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    content = b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
    return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}, content, scope["state"]


def open_online(home: Path, **settings: Any) -> Online:
    """A new world, with its identity endpoint on a real port of loopback."""
    arm = open_arm(home, furnish.USER_ID, **settings)

    async def begin() -> tuple[uvicorn.Server, asyncio.Task[None]]:
        config = uvicorn.Config(
            IdentityEndpoint(arm.world), host="127.0.0.1", port=0, log_level="error", lifespan="off"
        )
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        task = asyncio.get_running_loop().create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        return server, task

    server, task = arm.run(begin())
    port = server.servers[0].sockets[0].getsockname()[1]
    arm.world.loopback = f"http://127.0.0.1:{port}"
    return Online(arm, server, task)


def close_online(online: Online) -> None:
    """Stop the servers and close the world."""

    async def end() -> None:
        await deployments.stop_all()
        online.server.should_exit = True
        await online.serving

    from mi_tui.sandbox.arm import operations

    online.arm.run(operations.stop_all())
    online.arm.run(end())
    close_arm(online.arm)


def eventually(online: Online, condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Let the world's loop run until a condition holds."""
    online.arm.until(condition, seconds)
