"""The four kinds of asset: what a version of each is made of, what of it may not change, and how its absence is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mi_tui.sandbox.arm.ml import WORKSPACE_TYPE
from mi_tui.sandbox.errors import ArmError, ml_detail, ml_error


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


def _common(sent: dict[str, Any]) -> dict[str, Any]:
    """What a version of every kind has, in the order in which Azure sends it."""
    return {
        "description": sent.get("description"),
        "tags": sent.get("tags") or {},
        "properties": _texts(sent.get("properties")),
        "isArchived": bool(sent.get("isArchived")),
        "isAnonymous": bool(sent.get("isAnonymous")),
    }


def _code(sent: dict[str, Any]) -> dict[str, Any]:
    # `isAnonymous` comes back false for code, whatever was sent (recorded).
    return {
        **_common(sent),
        "isAnonymous": False,
        "codeUri": sent.get("codeUri"),
        "provisioningState": "Succeeded",
    }


def _model(sent: dict[str, Any]) -> dict[str, Any]:
    return {
        **_common(sent),
        "autoDeleteSetting": sent.get("autoDeleteSetting"),
        "flavors": sent.get("flavors") or {},
        "modelType": sent.get("modelType") or "custom_model",
        "modelUri": (sent.get("modelUri") or "").replace("/resourcegroups/", "/resourceGroups/"),
        "jobName": sent.get("jobName"),
        "provisioningState": "Succeeded",
        "stage": sent.get("stage"),
        "intellectualProperty": None,
    }


def _environment(sent: dict[str, Any]) -> dict[str, Any]:
    answer = {
        **_common(sent),
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


def _data(sent: dict[str, Any]) -> dict[str, Any]:
    answer = {
        **_common(sent),
        "dataType": sent.get("dataType"),
        "dataUri": _folder(sent) if sent.get("dataType") in {"uri_folder", "mltable"} else sent.get("dataUri"),
    }
    if sent.get("autoDeleteSetting"):
        answer["autoDeleteSetting"] = sent["autoDeleteSetting"]
    if str(sent.get("dataType")).lower() == "mltable":
        answer["referencedUris"] = sent.get("referencedUris")
    return answer


def _folder(sent: dict[str, Any]) -> str | None:
    """The address of a folder ends with a slash, whether it was sent with one or not (the SDK's own tests expect it)."""
    uri = sent.get("dataUri")
    return uri if not uri or uri.endswith("/") else f"{uri}/"


def _texts(sent: dict[str, str | None] | None) -> dict[str, str]:
    return {key: value for key, value in (sent or {}).items() if value is not None}


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


def _data_not_found(name: str, version: str) -> ArmError:
    what = f"Data container with name: {name}" if not version else f"Data with name: {name} and version: {version}"
    return ml_error(404, f"{what} not found.", inner="NotFoundError")


KINDS = (
    Kind("codes", _code, ("codeUri",), _code_not_found),
    Kind("models", _model, ("modelUri", "modelType"), _model_not_found),
    Kind("environments", _environment, ("image", "condaFile", "build"), _environment_not_found),
    Kind("data", _data, ("dataType", "dataUri"), _data_not_found),
)
