"""Deployments of online endpoints and their container logs: written by azure-ai-ml, read from Azure Resource Manager."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs

from msgspec import Struct

from mi_tui.model import names
from mi_tui.model.failure import Failure, parse_error
from mi_tui.model.redact import redact
from mi_tui.services import arm
from mi_tui.services.endpoints import API_VERSION, gone, sent
from mi_tui.services.errors import ServiceError, translated
from mi_tui.services.operations import Watch
from mi_tui.services.session import Session

if TYPE_CHECKING:
    from azure.ai.ml.entities import ManagedOnlineDeployment

Container = Literal["inference-server", "storage-initializer"]

_CONTAINERS: dict[Container, str] = {
    "inference-server": "InferenceServer",
    "storage-initializer": "StorageInitializer",
}
"""How the REST interface spells them."""

NOT_YET = "Deployment is in deleting or creating state so logs can't be retrieved."
NONE_NOW = "There are no logs for this deployment at the moment."
"""What Azure answers with status 200 in place of logs (public field reports); never to be shown as a log."""


class DeploymentInfo(Struct, frozen=True):
    """A deployment. The ids are those of the registered assets, as Azure gives them back."""

    id: str
    name: str
    state: str
    instance_type: str
    instance_count: int
    model_id: str
    code_id: str
    environment_id: str
    environment_variables: dict[str, str]
    tags: dict[str, str] = {}
    made: str = ""
    """When it was made (ISO 8601), as Azure says."""
    operation: str = ""
    """The address of its last long operation; empty where Azure does not tell."""


class DeploymentSpec(Struct, frozen=True):
    """What to deploy: ids of registered assets, and the script's name inside the code folder."""

    endpoint: str
    name: str
    model_id: str
    code_id: str
    environment_id: str
    scoring_script: str
    instance_type: str
    instance_count: int = 1
    environment_variables: dict[str, str] = {}
    tags: dict[str, str] = {}


class Logs(Struct, frozen=True):
    """The last lines of a container's log. When there are none (`available` is False), `sentence` says why in Azure's words."""

    available: bool
    text: str
    sentence: str


def get(session: Session, group: str, workspace: str, endpoint: str, name: str) -> DeploymentInfo | None:
    """The deployment, or None when it is not there. A failed one is there: look at `state`. Raises ServiceError."""
    item = arm.get(session, _id(session, group, workspace, endpoint, name), API_VERSION)
    return None if item is None else _info(item)


def create(
    session: Session,
    group: str,
    workspace: str,
    spec: DeploymentSpec,
    watch: Watch | None = None,
    stop: threading.Event | None = None,
) -> DeploymentInfo:
    """Create the deployment and wait: 8 to 14 minutes in Azure. It bills from now on, also when it fails.

    Raises ServiceError with the operation's own code (such as ResourceNotReady), and Abandoned when `stop` is set.
    """
    with translated():
        ml = session.ml(group, workspace)
        entity = _entity(spec)
    session.operations.finish(lambda: ml.online_deployments.begin_create_or_update(entity), watch, stop)
    found = get(session, group, workspace, spec.endpoint, spec.name)
    if found is None:
        raise ServiceError(Failure("ResourceNotFound", f"The deployment '{spec.name}' was not found.", status=404))
    return found


def delete(
    session: Session,
    group: str,
    workspace: str,
    endpoint: str,
    name: str,
    watch: Watch | None = None,
    stop: threading.Event | None = None,
) -> bool:
    """Delete the deployment and wait until it is gone; False when it was gone already (204). It may not have traffic.

    Not looked for first: who answers may not know of it yet. Raises ServiceError, and Abandoned when `stop` is set.
    """
    with translated():
        ml = session.ml(group, workspace)
    if not sent(session, lambda: ml.online_deployments.begin_delete(name=name, endpoint_name=endpoint), watch, stop):
        return False
    gone(lambda: get(session, group, workspace, endpoint, name), f"The deployment '{name}'", stop)
    return True


def ended(session: Session, operation: str) -> Failure | None:
    """How a long operation of an endpoint or a deployment failed; None when it did not, or when Azure does not tell any more.

    `operation` is the address that the resource names; one elsewhere than at Azure Resource Manager is not asked. Raises ServiceError.
    """
    path, _, query = arm.path_of(operation).partition("?")
    if not path:
        return None
    version = parse_qs(query).get("api-version", [API_VERSION])[0]
    answer = arm.get(session, path, version)
    error = arm.dig(answer, "error")
    return parse_error(error) if isinstance(error, dict) and (error.get("code") or error.get("message")) else None


def list_all(session: Session, group: str, workspace: str, endpoint: str) -> list[DeploymentInfo]:
    """The endpoint's deployments. Raises ServiceError."""
    parent = names.endpoint_id(names.workspace_id(session.subscription_id, group, workspace), endpoint)
    return [_info(item) for item in arm.list_all(session, f"{parent}/deployments", API_VERSION)]


def logs(
    session: Session, group: str, workspace: str, endpoint: str, name: str, container: Container, tail: int
) -> Logs:
    """The last `tail` lines of the container's log; each call gives the tail again. Raises ServiceError. Online Deployments - Get Logs.

    While a deployment is Creating there are no logs, and Azure answers 200 with a sentence in their place. What looks like a token,
    key or signature is `***`: scripts and SDKs print them, and what is shown here is also kept and copied.
    """
    asked: arm.Json = {"containerType": _CONTAINERS[container], "tail": tail}
    answer = arm.ask(session, f"{_id(session, group, workspace, endpoint, name)}/getLogs", API_VERSION, asked)
    return read_logs(arm.text(answer, "content"))


def read_logs(text: str) -> Logs:
    """Tell logs from the sentences that stand in for them."""
    stripped = text.strip()
    for sentence in (NOT_YET, NONE_NOW):
        if stripped.rstrip(".").lower() == sentence.rstrip(".").lower():
            return Logs(False, "", sentence)
    if not stripped:
        return Logs(False, "", "Azure answered without a log.")
    return Logs(True, redact(text), "")


def _entity(spec: DeploymentSpec) -> ManagedOnlineDeployment:
    from azure.ai.ml.entities import CodeConfiguration, ManagedOnlineDeployment

    return ManagedOnlineDeployment(
        name=spec.name,
        endpoint_name=spec.endpoint,
        model=spec.model_id,
        environment=spec.environment_id,
        code_configuration=CodeConfiguration(code=spec.code_id, scoring_script=spec.scoring_script),
        instance_type=spec.instance_type,
        instance_count=spec.instance_count,
        environment_variables=dict(spec.environment_variables),
        tags=dict(spec.tags),
    )


def _id(session: Session, group: str, workspace: str, endpoint: str, name: str) -> str:
    parent = names.endpoint_id(names.workspace_id(session.subscription_id, group, workspace), endpoint)
    return names.deployment_id(parent, name)


def _info(item: arm.Json) -> DeploymentInfo:
    capacity = arm.dig(item, "sku", "capacity")
    return DeploymentInfo(
        id=arm.text(item, "id"),
        name=arm.text(item, "name"),
        state=arm.text(item, "properties", "provisioningState"),
        instance_type=arm.text(item, "properties", "instanceType"),
        instance_count=capacity if isinstance(capacity, int) else 0,
        model_id=arm.text(item, "properties", "model"),
        code_id=arm.text(item, "properties", "codeConfiguration", "codeId"),
        environment_id=arm.text(item, "properties", "environmentId"),
        environment_variables=arm.texts(item, "properties", "environmentVariables"),
        tags=arm.texts(item, "tags"),
        made=arm.text(item, "systemData", "createdAt"),
        operation=arm.text(item, "properties", "properties", "AzureAsyncOperationUri"),
    )
