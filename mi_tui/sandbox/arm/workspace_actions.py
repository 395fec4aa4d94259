"""What a workspace is asked for by POST: keys and tokens, a diagnosis, keys read anew; and the lists that hang on its network.

Shapes: "Workspaces" in Microsoft's OpenAPI file of 2024-07-01-preview. What the values of notebooks and registries look like is a guess.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from starlette.responses import Response

from mi_tui.sandbox.arm import operations
from mi_tui.sandbox.arm.account_rp import PREFIX, accept
from mi_tui.sandbox.arm.ml import WORKSPACE, WORKSPACE_TYPE, ml_reply, workspace
from mi_tui.sandbox.arm.router import Call, route
from mi_tui.sandbox.store import Operation, Resource
from mi_tui.sandbox.world import World

_NOTEBOOK_SECONDS = 28_800


@route("POST", WORKSPACE + "/listKeys")
def list_keys(call: Call) -> Response:
    """The keys of what a workspace depends on."""
    space = _allowed(call, "listKeys")
    facts = space.body["properties"]
    answer: dict[str, Any] = {
        "userStorageKey": _storage_key(call.world, space),
        "userStorageArmId": facts.get("storageAccount"),
        "appInsightsInstrumentationKey": _kept(call, space, "instrumentation"),
        "notebookAccessKeys": _notebook_keys(call, space),
    }
    registry = call.world.store.resource(str(facts.get("containerRegistry") or ""))
    if registry is not None and registry.body["properties"].get("adminUserEnabled"):
        answer["containerRegistryCredentials"] = {
            "location": registry.body["location"],
            "username": registry.name,
            "passwords": [{"name": name, "value": _kept(call, registry, name)} for name in ("password", "password2")],
        }
    return ml_reply(200, answer)


@route("POST", WORKSPACE + "/listStorageAccountKeys")
def list_storage_keys(call: Call) -> Response:
    """The first key of the workspace's storage."""
    return ml_reply(200, {"userStorageKey": _storage_key(call.world, _allowed(call, "listStorageAccountKeys"))})


@route("POST", WORKSPACE + "/listNotebookKeys")
def list_notebook_keys(call: Call) -> Response:
    """The keys of the workspace's notebooks, which the sandbox does not have: no host answers to them."""
    return ml_reply(200, _notebook_keys(call, _allowed(call, "listNotebookKeys")))


@route("POST", WORKSPACE + "/listNotebookAccessToken")
def list_notebook_token(call: Call) -> Response:
    """A token for the workspace's notebooks, as for their keys."""
    space = _allowed(call, "listNotebookAccessToken")
    notebook = space.body["properties"]["notebookInfo"]
    return ml_reply(
        200,
        {
            "notebookResourceId": notebook["resourceId"],
            "hostName": notebook["fqdn"],
            "publicDns": notebook["fqdn"],
            "accessToken": secrets.token_urlsafe(48),
            "tokenType": "Bearer",
            "expiresIn": _NOTEBOOK_SECONDS,
            "refreshToken": secrets.token_urlsafe(48),
            "scope": "aznb_identity",
        },
    )


@route("POST", WORKSPACE + "/resyncKeys")
async def resync_keys(call: Call) -> Response:
    """Begin to read the keys of the workspace's dependencies anew."""
    return accept(call, "resync", _allowed(call, "resyncKeys"), writes=False)


@route("POST", WORKSPACE + "/diagnose", body={"value": dict})
async def diagnose(call: Call) -> Response:
    """Begin to look for what is wrong with a workspace's dependencies."""
    return accept(call, "diagnose", _allowed(call, "diagnose"), writes=False)


@route("POST", WORKSPACE + "/prepareNotebook")
async def prepare_notebook(call: Call) -> Response:
    """Begin to make the notebooks' place."""
    return accept(call, "notebook", _allowed(call, "prepareNotebook"), writes=False)


@operations.finisher(f"{PREFIX}resync")
async def _resync(world: World, operation: Operation) -> None:
    await asyncio.sleep(world.profile.traffic)


@operations.finisher(f"{PREFIX}notebook")
async def _notebook(world: World, operation: Operation) -> None:
    await asyncio.sleep(world.profile.traffic)
    space = world.store.resource(operation.resource_id)
    operation.result = None if space is None else dict(space.body["properties"]["notebookInfo"])


@operations.finisher(f"{PREFIX}diagnose")
async def _diagnose(world: World, operation: Operation) -> None:
    """What the sandbox can see: whether the dependencies are there, and whether the storage takes keys and the public network."""
    await asyncio.sleep(world.profile.traffic)
    space = world.store.resource(operation.resource_id)
    found: dict[str, list[dict[str, str]]] = {
        f"{what}Results": []
        for what in (
            "userDefinedRoute", "networkSecurityRule", "resourceLock", "dnsResolution", "storageAccount", "keyVault",
            "containerRegistry", "applicationInsights", "other",
        )
    }  # fmt: skip
    facts = {} if space is None else space.body["properties"]
    for what in ("storageAccount", "keyVault", "containerRegistry", "applicationInsights"):
        if facts.get(what) and not world.store.has(facts[what]):
            found[f"{what}Results"].append(_finding("ResourceNotFound", f"The {what} '{facts[what]}' does not exist."))
    account = world.store.resource(str(facts.get("storageAccount") or ""))
    if account is not None and account.body["properties"].get("allowSharedKeyAccess") is False:
        words = f"The storage account {account.name} does not permit key based authentication."
        found["storageAccountResults"].append(_finding("KeyAccessDisabled", words))
    if account is not None and account.body["properties"].get("publicNetworkAccess") == "Disabled":
        words = f"The storage account {account.name} cannot be reached through the public network."
        found["storageAccountResults"].append(_finding("NetworkAccessDisabled", words))
    operation.result = {"value": found}


def _finding(code: str, message: str) -> dict[str, str]:
    return {"code": code, "level": "Error", "message": message}


@route(
    "GET",
    WORKSPACE + "/outboundNetworkDependenciesEndpoints",
    f"{WORKSPACE_TYPE}/outboundNetworkDependenciesEndpoints/read",
)
def outbound_dependencies(call: Call) -> Response:
    """Hosts that what runs in a workspace must reach."""
    space = workspace(call)
    hosts = {
        "Microsoft Entra ID": ("login.microsoftonline.com",),
        "Azure portal": ("management.azure.com",),
        "Azure Machine Learning": (f"{space.body['location']}.api.azureml.ms", space.body["properties"]["notebookInfo"]["fqdn"]),
        "Docker images maintained by Azure Machine Learning": ("mcr.microsoft.com",),
    }  # fmt: skip
    entries = [
        {
            "properties": {
                "category": category,
                "endpoints": [{"domainName": name, "endpointDetails": [{"port": 443}]} for name in names],
            }
        }
        for category, names in hosts.items()
    ]
    return ml_reply(200, {"value": entries})


def _allowed(call: Call, action: str) -> Resource:
    """The workspace, for those who may do an action with it."""
    call.require(f"{WORKSPACE_TYPE}/{action}/action", call.path.rpartition("/")[0])
    return workspace(call)


def _storage_key(world: World, space: Resource) -> str | None:
    account = world.store.resource(str(space.body["properties"].get("storageAccount") or ""))
    return None if account is None else str(account.private["keys"][0]["value"])


def _notebook_keys(call: Call, space: Resource) -> dict[str, str]:
    return {f"{which}AccessKey": _kept(call, space, f"{which}Notebook") for which in ("primary", "secondary")}


def _kept(call: Call, resource: Resource, name: str) -> str:
    """A secret of a resource that is made when it is first asked for."""
    known = resource.private.setdefault("secrets", {})
    if name not in known:
        known[name] = secrets.token_urlsafe(32)
        call.world.store.put(resource)
    return str(known[name])
