"""Codes, models and environments of a workspace: containers, versions, and the place to upload code to."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from mi_tui.sandbox import containers
from mi_tui.sandbox.arm.ml import WORKSPACE, WORKSPACE_TYPE, created, ml_reply, system_data, workspace
from mi_tui.sandbox.arm.router import Call, route
from mi_tui.sandbox.errors import ArmError, ml_detail, ml_error
from mi_tui.sandbox.store import Resource

UPLOAD_SECONDS = 8 * 3600
"""How long the SAS of a pending upload lives; about what the recorded one had."""

_CHANGEABLE = ("description", "tags", "isArchived", "stage")


@dataclass(frozen=True)
class Kind:
    """One kind of asset: its word in paths, the properties of a version, those that may not change, and its 404."""

    word: str
    properties: Callable[[dict[str, Any]], dict[str, Any]]
    fixed: tuple[str, ...]
    not_found: Callable[[str, str], ArmError]

    @property
    def type(self) -> str:
        """The resource type of its containers."""
        return f"{WORKSPACE_TYPE}/{self.word}"


def _code(sent: dict[str, Any]) -> dict[str, Any]:
    # `isAnonymous` comes back false for code, whatever was sent (recorded).
    return {
        "description": sent.get("description"),
        "tags": sent.get("tags") or {},
        "properties": _texts(sent.get("properties")),
        "isArchived": bool(sent.get("isArchived")),
        "isAnonymous": False,
        "codeUri": sent.get("codeUri"),
        "provisioningState": "Succeeded",
    }


def _model(sent: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": sent.get("description"),
        "tags": sent.get("tags") or {},
        "properties": _texts(sent.get("properties")),
        "isArchived": bool(sent.get("isArchived")),
        "isAnonymous": bool(sent.get("isAnonymous")),
        "autoDeleteSetting": sent.get("autoDeleteSetting"),
        "flavors": sent.get("flavors") or {},
        "modelType": sent.get("modelType") or "custom_model",
        "modelUri": str(sent.get("modelUri") or "").replace("/resourcegroups/", "/resourceGroups/"),
        "jobName": sent.get("jobName"),
        "provisioningState": "Succeeded",
        "stage": sent.get("stage"),
        "intellectualProperty": None,
    }


def _environment(sent: dict[str, Any]) -> dict[str, Any]:
    answer = {
        "description": sent.get("description"),
        "tags": sent.get("tags") or {},
        "properties": _texts(sent.get("properties")),
        "isArchived": bool(sent.get("isArchived")),
        "isAnonymous": bool(sent.get("isAnonymous")),
        "autoDeleteSetting": sent.get("autoDeleteSetting"),
        "environmentType": "UserCreated",
        "image": sent.get("image"),
        "condaFile": sent.get("condaFile") or "",
        "osType": sent.get("osType") or "Linux",
        "autoRebuild": sent.get("autoRebuild") or "Disabled",
        "provisioningState": "Succeeded",
        "stage": sent.get("stage") or "Logged",
        "intellectualProperty": None,
    }
    for key in ("build", "inferenceConfig"):
        if sent.get(key) is not None:
            answer[key] = sent[key]
    return answer


def _texts(sent: object) -> dict[str, str]:
    return {str(key): str(value) for key, value in sent.items()} if isinstance(sent, dict) else {}


def _model_not_found(name: str, version: str) -> ArmError:
    message = (
        f"Model container with name: {name} not found."
        if not version
        else f"Model with name: {name} and version: {version} not found."
    )
    return ml_error(404, "The specified resource was not found.", details=[ml_detail("ModelNotFound", message)])


def _code_not_found(name: str, version: str) -> ArmError:
    what = f"Code container with name: {name}" if not version else f"Code with name: {name} and version: {version}"
    return ml_error(
        404, "The specified resource was not found.", details=[ml_detail("CodeNotFound", f"{what} not found.")]
    )


def _environment_not_found(name: str, version: str) -> ArmError:
    return ml_error(404, f"No environment exists for name: {name}, version: {version}, label: ", inner="NotFoundError")


def list_containers(kind: Kind) -> Callable[[Call], Response]:
    """GET of all assets of a kind."""

    def handler(call: Call) -> Response:
        found = call.world.store.resources(kind.type, under=workspace(call).id)
        return ml_reply(200, {"value": [c.body for c in found if _wanted(call, c)]})

    return handler


def get_container(kind: Kind) -> Callable[[Call], Response]:
    """GET of one asset with its latest and next version."""

    def handler(call: Call) -> Response:
        return ml_reply(200, _container(call, kind).body)

    return handler


def put_container(kind: Kind) -> Callable[[Call], Response]:
    """PUT of an asset's description and tags."""

    def handler(call: Call) -> Response:
        identifier = f"{workspace(call).id}/{kind.word}/{call.ids['name']}"
        existing = call.world.store.resource(identifier)
        container = existing or _new_container(call, kind, identifier)
        sent = call.body.get("properties") or {}
        container.body["properties"] |= {
            k: sent[k] for k in ("description", "tags", "isArchived") if sent.get(k) is not None
        }
        container.body["systemData"] = system_data(call, existing.body["systemData"] if existing else None)
        call.world.store.put(container)
        return created(call, container.body) if existing is None else ml_reply(200, container.body)

    return handler


def delete_container(kind: Kind) -> Callable[[Call], Response]:
    """DELETE of an asset with all versions; what was uploaded for it stays in storage, as in Azure."""

    def handler(call: Call) -> Response:
        identifier = f"{workspace(call).id}/{kind.word}/{call.ids['name']}"
        if call.world.store.resource(identifier) is None:
            return ml_reply(204, None)
        call.world.store.remove(identifier)
        return ml_reply(200, None)

    return handler


def list_versions(kind: Kind) -> Callable[[Call], Response]:
    """GET of an asset's versions, newest first; for code, `hash` finds versions of any name."""

    def handler(call: Call) -> Response:
        space = workspace(call)
        content_hash = call.query.get("hash")
        under = space.id if content_hash and kind.word == "codes" else f"{space.id}/{kind.word}/{call.ids['name']}"
        found = [v for v in call.world.store.resources(f"{kind.type}/versions", under=under) if _wanted(call, v)]
        if content_hash:
            found = [v for v in found if _has_hash(v, content_hash, call.query.get("hashversion"))]
        if not call.query.get("$orderby", "desc").lower().endswith("asc"):
            found.reverse()
        top = call.query.get("$top", "")
        return ml_reply(200, {"value": [v.body for v in (found[: int(top)] if top.isdecimal() else found)]})

    return handler


def get_version(kind: Kind) -> Callable[[Call], Response]:
    """GET of one version."""

    def handler(call: Call) -> Response:
        identifier = f"{workspace(call).id}/{kind.word}/{call.ids['name']}/versions/{call.ids['version']}"
        found = call.world.store.resource(identifier)
        if found is None:
            raise kind.not_found(call.ids["name"], call.ids["version"])
        return ml_reply(200, found.body)

    return handler


def put_version(kind: Kind) -> Callable[[Call], Response]:
    """PUT of a version: 201 when new; else 200, and only description, tags, archiving and new properties change."""

    def handler(call: Call) -> Response:
        container = f"{workspace(call).id}/{kind.word}/{call.ids['name']}"
        identifier = f"{container}/versions/{call.ids['version']}"
        sent = call.body.get("properties")
        if not isinstance(sent, dict):
            raise ml_error(400, "The request is invalid: the body must have properties.", inner="BadArgument")
        existing = call.world.store.resource(identifier)
        if existing is not None:
            _update(call, kind, existing, sent)
            return ml_reply(200, existing.body)
        properties = kind.properties(sent)
        _check_new(kind, call, properties)
        body: dict[str, Any] = {
            "id": identifier,
            "name": call.ids["version"],
            "type": f"{kind.type}/versions",
            "properties": properties,
            "systemData": system_data(call),
        }
        call.world.store.put(Resource(identifier, body["type"], call.ids["version"], body))
        _count(call, kind, container)
        return created(call, body)

    return handler


def delete_version(kind: Kind) -> Callable[[Call], Response]:
    """DELETE of one version; 204 when there is none."""

    def handler(call: Call) -> Response:
        identifier = f"{workspace(call).id}/{kind.word}/{call.ids['name']}/versions/{call.ids['version']}"
        if call.world.store.resource(identifier) is None:
            return ml_reply(204, None)
        call.world.store.remove(identifier)
        return ml_reply(200, None)

    return handler


def start_upload(kind: Kind) -> Callable[[Call], Response]:
    """POST that makes a container of its own in the workspace's storage, and hands out a SAS for it."""

    def handler(call: Call) -> Response:
        from mi_tui.sandbox.blob.sas import service_sas  # late, as in workspaces.py

        call.require(f"{kind.type}/versions/startPendingUpload/action", call.path.rpartition("/")[0])
        space = workspace(call).body["properties"]
        account = call.world.store.resource(space["storageAccount"])
        if account is None:
            raise ml_error(400, "The storage account of the workspace does not exist.", inner="StorageAccountNotFound")
        container = containers.create_container(call.world, account.id, f"{space['workspaceId'][:10]}-{uuid.uuid4()}")
        host = f"{account.name}.blob.core.windows.net"
        token = service_sas(call.world, account.name, container.name, "rcwl", UPLOAD_SECONDS)
        return ml_reply(
            200,
            {
                "blobReferenceForConsumption": {
                    "blobUri": f"https://{host}:443/{container.name}",
                    "storageAccountArmId": account.id,
                    "credential": {"credentialType": "SAS", "sasUri": f"https://{host}/{container.name}?{token}"},
                },
                "pendingUploadId": str(uuid.uuid4()),
                # Not what was asked for, and yet what Azure answers (recorded).
                "pendingUploadType": "None",
            },
        )

    return handler


def _container(call: Call, kind: Kind) -> Resource:
    found = call.world.store.resource(f"{workspace(call).id}/{kind.word}/{call.ids['name']}")
    if found is None:
        raise kind.not_found(call.ids["name"], "")
    return found


def _new_container(call: Call, kind: Kind, identifier: str) -> Resource:
    properties: dict[str, Any] = {
        "description": None,
        "tags": {},
        "properties": {},
        "isArchived": False,
        "latestVersion": None,
        "nextVersion": "1",
    }
    body = {
        "id": identifier,
        "name": call.ids["name"],
        "type": kind.type,
        "properties": {**properties, "provisioningState": "Succeeded"},
        "systemData": system_data(call),
    }
    return Resource(identifier, kind.type, call.ids["name"], body)


def _count(call: Call, kind: Kind, identifier: str) -> None:
    """Keep the container's latest and next version; a version makes its container."""
    container = call.world.store.resource(identifier) or _new_container(call, kind, identifier)
    versions = [v.name for v in call.world.store.resources(f"{kind.type}/versions", under=identifier)]
    numbers = [int(name) for name in versions if name.isdecimal()]
    container.body["properties"]["latestVersion"] = versions[-1]
    container.body["properties"]["nextVersion"] = str(max(numbers, default=0) + 1)
    call.world.store.put(container)


def _wanted(call: Call, found: Resource) -> bool:
    view = call.query.get("listviewtype", "ActiveOnly").lower()
    return view == "all" or bool(found.body["properties"].get("isArchived")) == (view == "archivedonly")


def _has_hash(version: Resource, content_hash: str, hash_version: str | None) -> bool:
    properties = version.body["properties"]["properties"]
    return properties.get("hash_sha256") == content_hash and (
        not hash_version or properties.get("hash_version") == hash_version
    )


def _check_new(kind: Kind, call: Call, properties: dict[str, Any]) -> None:
    """400 for a version without what it is made of."""
    if kind.word == "models" and not re.fullmatch(r"[1-9][0-9]*", call.ids["version"]):
        raise ml_error(
            400, f"The model version '{call.ids['version']}' is not a positive integer.", inner="BadArgument"
        )
    needed = {"codes": ("codeUri",), "models": ("modelUri",), "environments": ("image", "build")}[kind.word]
    if not any(properties.get(key) for key in needed):
        raise ml_error(400, f"The request is invalid: {' or '.join(needed)} is required.", inner="BadArgument")


def _update(call: Call, kind: Kind, existing: Resource, sent: dict[str, Any]) -> None:
    before = existing.body["properties"]
    after = kind.properties({**before, **sent})
    # The same code from a new upload is the same version: Azure answers with the first upload's place (recorded).
    same_code = kind.word == "codes" and (
        bool(after["properties"].get("hash_sha256"))
        and after["properties"].get("hash_sha256") == before["properties"].get("hash_sha256")
    )
    if not same_code and any(before.get(key) != after.get(key) for key in kind.fixed):
        if kind.word == "environments":
            raise ml_error(
                409,
                f"The environment {call.ids['name']} version {call.ids['version']} is already registered "
                "and cannot be changed.",
                inner="ConflictError",
            )
        raise ml_error(400, "Asset paths cannot be updated.", inner="BadArgument")
    before |= {key: after[key] for key in _CHANGEABLE if key in sent and key in after}
    before["properties"] = {**after["properties"], **before["properties"]}
    existing.body["systemData"] = system_data(call, existing.body["systemData"])
    call.world.store.put(existing)


KINDS = (
    Kind("codes", _code, ("codeUri",), _code_not_found),
    Kind("models", _model, ("modelUri", "modelType"), _model_not_found),
    Kind("environments", _environment, ("image", "condaFile", "build"), _environment_not_found),
)


def _register(kind: Kind) -> None:
    every = f"{WORKSPACE}/{kind.word}"
    one = every + "/{name}"
    versions = one + "/versions"
    version = versions + "/{version}"
    route("GET", every, f"{kind.type}/read")(list_containers(kind))
    route("GET", one, f"{kind.type}/read")(get_container(kind))
    route("PUT", one, f"{kind.type}/write")(put_container(kind))
    route("DELETE", one, f"{kind.type}/delete")(delete_container(kind))
    route("GET", versions, f"{kind.type}/versions/read")(list_versions(kind))
    route("GET", version, f"{kind.type}/versions/read")(get_version(kind))
    route("PUT", version, f"{kind.type}/versions/write")(put_version(kind))
    route("DELETE", version, f"{kind.type}/versions/delete")(delete_version(kind))
    if kind.word != "environments":
        route("POST", version + "/startPendingUpload")(start_upload(kind))


for _kind in KINDS:
    _register(_kind)
