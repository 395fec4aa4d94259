"""Codes, models, environments and data of a workspace: containers, versions, and the place to upload code to."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from starlette.responses import Response

from mi_tui.sandbox import containers
from mi_tui.sandbox.arm import labels
from mi_tui.sandbox.arm.asset_kinds import KINDS, Kind
from mi_tui.sandbox.arm.ml import WORKSPACE, created, ml_empty, ml_reply, system_data, workspace
from mi_tui.sandbox.arm.paging import ML_ASSETS, page_of
from mi_tui.sandbox.arm.router import Call, route
from mi_tui.sandbox.arm.shapes import TEXTS, Shape
from mi_tui.sandbox.errors import ml_error
from mi_tui.sandbox.store import Place, Resource

UPLOAD_SECONDS = 8 * 3600
"""How long the SAS of a pending upload lives; about what the recorded one had."""

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,254}", re.ASCII)
"""The pattern of Microsoft's OpenAPI files, and the dot, which the service takes too."""

_BODY: Shape = {
    "properties": {
        **dict.fromkeys(
            (
                "description", "codeUri", "modelUri", "modelType", "jobName", "stage", "image", "condaFile", "osType",
                "autoRebuild", "dataType", "dataUri",
            ),
            str,
        ),
        **dict.fromkeys(("isArchived", "isAnonymous"), bool),
        **dict.fromkeys(("tags", "properties"), TEXTS),
        **dict.fromkeys(("flavors", "build", "inferenceConfig", "autoDeleteSetting"), dict),
        "referencedUris": list,
    }
}  # fmt: skip
_SINCE = {
    "2023": frozenset({"provisioningState", "stage"}),
    "2023-04-01-preview": frozenset({"autoDeleteSetting", "intellectualProperty"}),
}
"""Members of versions by the api-version that brought them."""

_NEEDED = {
    "codes": ("codeUri",),
    "models": ("modelUri",),
    "environments": ("image", "build"),
    "data": ("dataUri",),
}
"""What a new version is made of: one of these."""

_DATA_TYPES = ("uri_file", "uri_folder", "mltable")
_CHANGEABLE = ("description", "tags", "isArchived", "stage")


def list_containers(kind: Kind) -> Callable[[Call], Response]:
    """GET of all assets of a kind."""

    def handler(call: Call) -> Response:
        space = workspace(call)

        def read(after: Place | None) -> Iterator[Resource]:
            every = call.world.store.each_resource(kind.type, space.id, after=after)
            return (container for container in every if _wanted(call, container))

        return ml_reply(200, page_of(call, ML_ASSETS, read))

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
        if existing is None:
            _check_name(call.ids["name"])
        container = existing or _new_container(call, kind, identifier)
        sent = call.body.get("properties") or {}
        if kind.word == "data" and existing is None:
            container.body["properties"]["dataType"] = _data_type(sent)
        container.body["properties"] |= {
            k: sent[k] for k in ("description", "tags", "isArchived") if sent.get(k) is not None
        }
        container.body["systemData"] = system_data(call, existing.body["systemData"] if existing else None)
        call.world.store.put(container)
        return created(call, container.body) if existing is None else ml_reply(200, container.body)

    return handler


def delete(call: Call) -> Response:
    """DELETE of an asset with all versions, or of one version; 204 when there is none.

    What was uploaded for it stays in storage, as in Azure.
    """
    identifier = f"{workspace(call).id}/{call.path.split('/', 9)[9]}"
    if call.world.store.resource(identifier) is None:
        return ml_empty(204)
    call.world.store.remove(identifier)
    return ml_empty(200)


def list_versions(kind: Kind) -> Callable[[Call], Response]:
    """GET of an asset's versions, newest first; for code, `hash` finds versions of any name."""

    def handler(call: Call) -> Response:
        space = workspace(call)
        content_hash = call.query.get("hash")
        under = space.id if content_hash and kind.word == "codes" else f"{space.id}/{kind.word}/{call.ids['name']}"
        oldest_first = call.query.get("$orderby", "desc").lower().endswith("asc")
        tags, stage = labels.wanted(call, "tags"), call.query.get("stage")

        def read(after: Place | None) -> Iterator[Resource]:
            every = call.world.store.each_resource(
                f"{kind.type}/versions", under, after=after, newest_first=not oldest_first
            )
            for version in every:
                if not _wanted(call, version) or not labels.has(version.body["properties"].get("tags"), tags):
                    continue
                if stage and version.body["properties"].get("stage") != stage:
                    continue
                if not content_hash or _has_hash(version, content_hash, call.query.get("hashversion")):
                    yield version

        return ml_reply(200, page_of(call, ML_ASSETS, read, lambda version: _shown(call, version.body)))

    return handler


def get_version(kind: Kind) -> Callable[[Call], Response]:
    """GET of one version."""

    def handler(call: Call) -> Response:
        identifier = f"{workspace(call).id}/{kind.word}/{call.ids['name']}/versions/{call.ids['version']}"
        found = call.world.store.resource(identifier)
        if found is None:
            raise kind.not_found(call.ids["name"], call.ids["version"])
        return ml_reply(200, _shown(call, found.body))

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
            return ml_reply(200, _shown(call, existing.body))
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
        return created(call, _shown(call, body))

    return handler


def start_upload(kind: Kind) -> Callable[[Call], Response]:
    """POST that makes a container of its own in the workspace's storage, and hands out a SAS for it.

    Without a `pendingUploadId` each call makes another one (recorded). With one it is the same for the same id: the operation is called
    CreateOrGet, and "if PendingUploadId = null then random guid will be used" (OpenAPI; not recorded).
    """

    def handler(call: Call) -> Response:
        from mi_tui.sandbox.blob.sas import service_sas  # late, as in workspaces.py

        call.require(f"{kind.type}/versions/startPendingUpload/action", call.path.rpartition("/")[0])
        space = workspace(call).body["properties"]
        account = call.world.store.resource(space["storageAccount"])
        if account is None:
            raise ml_error(400, "The storage account of the workspace does not exist.", inner="StorageAccountNotFound")
        asked = str(call.body.get("pendingUploadId") or "")
        upload = asked or str(uuid.uuid4())
        known = f"{call.path.lower()} {upload.lower()}"
        own = uuid.uuid5(uuid.UUID(space["workspaceId"]), known) if asked else uuid.uuid4()
        name = f"{space['workspaceId'][:10]}-{own}"
        container = containers.create_container(call.world, account.id, name)  # or the one that is there
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
                "pendingUploadId": upload,
                # Not what was asked for, and yet what Azure answers (recorded).
                "pendingUploadType": "None",
            },
        )

    return handler


def _shown(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """A version as the api-version that was asked for has it, without the members that came later (recorded and OpenAPI files)."""
    later = [names for since, names in _SINCE.items() if call.api_version.lower() < since]
    unknown = frozenset().union(*later)
    return {**body, "properties": {key: value for key, value in body["properties"].items() if key not in unknown}}


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
        "properties": properties if kind.word == "data" else {**properties, "provisioningState": "Succeeded"},
        "systemData": system_data(call),
    }
    return Resource(identifier, kind.type, call.ids["name"], body)


def _count(call: Call, kind: Kind, identifier: str) -> None:
    """Keep the container's latest and next version; a version makes its container."""
    container = call.world.store.resource(identifier) or _new_container(call, kind, identifier)
    if kind.word == "data":
        container.body["properties"].setdefault("dataType", call.body["properties"]["dataType"])
    versions = [v.name for v in call.world.store.resources(f"{kind.type}/versions", under=identifier)]
    numbers = [int(name) for name in versions if name.isdecimal() and len(name) < 10]
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
    """400 for a version with a name that is none, or without what it is made of."""
    _check_name(call.ids["name"])
    _check_name(call.ids["version"])
    if kind.word == "models" and not re.fullmatch(r"[1-9][0-9]{0,8}", call.ids["version"]):
        raise ml_error(
            400, f"The model version '{call.ids['version']}' is not a positive integer.", inner="BadArgument"
        )
    if kind.word == "data":
        _data_type(properties)
    needed = _NEEDED[kind.word]
    if not any(properties.get(key) for key in needed):
        raise ml_error(400, f"The request is invalid: {' or '.join(needed)} is required.", inner="BadArgument")


def _data_type(properties: dict[str, Any]) -> str:
    """The type of data, which an asset keeps for all of its versions."""
    kind = properties.get("dataType")
    if kind not in _DATA_TYPES:
        message = f"The request is invalid: dataType must be one of {', '.join(_DATA_TYPES)}."
        raise ml_error(400, message, inner="BadArgument")
    return str(kind)


def _check_name(name: str) -> None:
    if _NAME.fullmatch(name) is None:
        message = (
            f"The name '{name}' is invalid: at most 255 letters, digits, '-', '_' and '.', and a letter or digit first."
        )
        raise ml_error(400, message, inner="BadArgument")


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


def _register(kind: Kind) -> None:
    every = f"{WORKSPACE}/{kind.word}"
    one = every + "/{name}"
    versions = one + "/versions"
    version = versions + "/{version}"
    route("GET", every, f"{kind.type}/read")(list_containers(kind))
    route("GET", one, f"{kind.type}/read")(get_container(kind))
    route("PUT", one, f"{kind.type}/write", _BODY)(put_container(kind))
    route("DELETE", one, f"{kind.type}/delete")(delete)
    route("GET", versions, f"{kind.type}/versions/read")(list_versions(kind))
    route("GET", version, f"{kind.type}/versions/read")(get_version(kind))
    route("PUT", version, f"{kind.type}/versions/write", _BODY)(put_version(kind))
    route("DELETE", version, f"{kind.type}/versions/delete")(delete)
    if kind.word in {"codes", "models"}:
        route("POST", version + "/startPendingUpload")(start_upload(kind))


for _kind in KINDS:
    _register(_kind)
