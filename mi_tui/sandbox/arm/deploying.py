"""How a template deployment comes about: its parameters are checked, its resources put in order, and each is written as its caller would."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mi_tui.sandbox.arm import operations
from mi_tui.sandbox.arm.router import within
from mi_tui.sandbox.arm.template import Scope, TemplateError, evaluate
from mi_tui.sandbox.errors import ArmError, bad_request
from mi_tui.sandbox.store import Operation, Resource
from mi_tui.sandbox.times import timestamp
from mi_tui.sandbox.tokens import Caller
from mi_tui.sandbox.world import World

TYPE = "Microsoft.Resources/deployments"
KIND = "template.deploy"
BUSY = frozenset({"Accepted", "Running"})
_ENDED = frozenset({"Succeeded", "Failed", "Canceled"})
_WAIT = 0.05
"""Seconds between two looks at a resource that is being made."""

_OWN = (
    "condition",
    "type",
    "apiVersion",
    "name",
    "dependsOn",
    "scope",
    "resources",
    "comments",
    "copy",
    "subscriptionId",
    "resourceGroup",
)
"""Members of a template's resource that are no part of the resource."""

_KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str, "securestring": str, "int": int, "bool": bool, "object": dict, "secureobject": dict, "array": list,
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One resource of a template: its id, type and api-version, what it waits for, and what its body is made of."""

    id: str
    type: str
    version: str
    waits: tuple[str, ...]
    source: dict[str, Any]


@dataclass
class Plan:
    """A template with its parameters' values, and its resources in the order in which they are made."""

    template: dict[str, Any]
    scope: Scope
    steps: list[Step]

    def told(self) -> dict[str, Any]:
        """The parameters as a deployment's GET tells them: no secure one's value."""
        declared = {name.lower(): (name, one) for name, one in (self.template.get("parameters") or {}).items()}
        answer = {}
        for key, value in self.scope.parameters.items():
            name, one = declared[key]
            kind = str(one.get("type"))
            secret = kind.lower().startswith("secure")
            answer[name] = {"type": kind.capitalize() if not secret else kind} | (
                {} if secret else {"value": evaluate(value, self.scope)}
            )
        return answer

    def providers(self) -> list[dict[str, Any]]:
        """The namespaces and types that are used."""
        found: dict[str, dict[str, Any]] = {}
        for step in self.steps:
            namespace, _, kind = step.type.partition("/")
            types = found.setdefault(namespace, {"namespace": namespace, "resourceTypes": []})["resourceTypes"]
            if kind not in [one["resourceType"] for one in types]:
                place = evaluate(step.source.get("location"), self.scope)
                types.append({"resourceType": kind, "locations": [place] if place else []})
        return list(found.values())


def plan(world: World, group_id: str, name: str, template: dict[str, Any], given: dict[str, Any]) -> Plan:
    """Understand a template. ArmError (400 `InvalidTemplate`) for one that is wrong in itself or does not fit its parameters."""
    try:
        scope = _scope(world, group_id, name, template, given)
        # Once, and at once: a default may be a new GUID.
        scope.parameters = {key: _literal(evaluate(value, scope)) for key, value in scope.parameters.items()}
        steps = list(_steps(template.get("resources") or [], scope, "", ""))
        found = Plan(template, scope, _in_order(steps))
        found.providers()
        return found
    except TemplateError as error:
        raise bad_request(f"Deployment template validation failed: '{error}'", "InvalidTemplate") from error


def _scope(world: World, group_id: str, name: str, template: dict[str, Any], given: dict[str, Any]) -> Scope:
    group = world.store.resource(group_id)
    subscription = world.store.resource("/".join(group_id.split("/")[:3]))
    assert group is not None
    assert subscription is not None

    def reference(identifier: str, full: bool) -> Any:
        found = world.store.resource(identifier)
        if found is None:
            raise TemplateError(f"The resource '{identifier}' is not defined in the template.")
        return found.body if full else found.body.get("properties") or {}

    return Scope(
        _parameters(template.get("parameters") or {}, given),
        template.get("variables") or {},
        {key: subscription.body[key] for key in ("id", "subscriptionId", "tenantId", "displayName")},
        group.body,
        {"name": name, "properties": {"template": {}, "parameters": {}}},
        reference,
    )


def _parameters(declared: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    sent = {key.lower(): value for key, value in given.items()}
    extra = sorted(set(sent) - {name.lower() for name in declared})
    if extra:
        raise TemplateError(
            f"The template parameters '{', '.join(extra)}' in the parameters file are not valid; they are not present in the original "
            "template and can therefore not be provided at deployment time."
        )
    for name, one in declared.items():
        entry = sent.get(name.lower())
        value = entry.get("value") if isinstance(entry, dict) else None
        if value is None and "defaultValue" in one:
            values[name.lower()] = one["defaultValue"]
            continue
        if not isinstance(entry, dict) or "value" not in entry:
            raise TemplateError(f"The value for the template parameter '{name}' is not provided.")
        wanted = _KINDS.get(str(one.get("type")).lower())
        if wanted is None or (value is not None and not isinstance(value, wanted)):
            raise TemplateError(
                f"The provided value for the template parameter '{name}' is not valid: it must be of type {one.get('type')}."
            )
        allowed = one.get("allowedValues")
        if allowed and str(value).lower() not in {str(one).lower() for one in allowed}:
            raise TemplateError(
                f"The provided value '{value}' for the template parameter '{name}' is not valid. The value '{value}' is not part of the "
                f"allowed value(s): '{','.join(map(str, allowed))}'."
            )
        # What is given is a value: a bracket in it begins no expression.
        values[name.lower()] = _literal(value)
    return values


def _literal(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _literal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_literal(item) for item in value]
    return f"[{value}" if isinstance(value, str) and value.startswith("[") and value.endswith("]") else value


def _steps(resources: list[Any], scope: Scope, kind: str, name: str) -> Iterator[Step]:
    """The resources whose condition holds, those in resources after them."""
    for source in resources:
        if (
            not isinstance(source, dict)
            or not source.get("type")
            or not source.get("name")
            or not source.get("apiVersion")
        ):
            raise TemplateError("Each resource of a template has a type, a name and an apiVersion.")
        if "copy" in source:
            raise TemplateError("The sandbox has no copy loops: write each resource out.")
        if not evaluate(source.get("condition", True), scope):
            continue
        own_type, own_name = str(evaluate(source["type"], scope)), str(evaluate(source["name"], scope))
        whole_type = f"{kind}/{own_type}" if kind and "." not in own_type.partition("/")[0] else own_type
        whole_name = f"{name}/{own_name}" if name and whole_type != own_type else own_name
        waits = [str(evaluate(one, scope)) for one in source.get("dependsOn") or []]
        yield Step(
            _identifier(source, scope, whole_type, whole_name),
            whole_type,
            str(evaluate(source["apiVersion"], scope)),
            tuple(waits),
            source,
        )
        yield from _steps(source.get("resources") or [], scope, whole_type, whole_name)


def _identifier(source: dict[str, Any], scope: Scope, kind: str, name: str) -> str:
    namespace, *types = kind.split("/")
    names = name.split("/")
    if len(types) != len(names):
        raise TemplateError(f"The name '{name}' does not have the segments of the type '{kind}'.")
    below = "/".join((namespace, *(f"{type_}/{one}" for type_, one in zip(types, names, strict=True))))
    if source.get("scope"):
        return f"{str(evaluate(source['scope'], scope)).rstrip('/')}/providers/{below}"
    subscription = evaluate(source.get("subscriptionId") or scope.subscription["subscriptionId"], scope)
    group = evaluate(source.get("resourceGroup") or scope.group["name"], scope)
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{below}"


def _in_order(steps: list[Step]) -> list[Step]:
    """What others wait for comes first; a wait for something whose condition does not hold is none."""
    left, ordered = list(steps), list[Step]()
    while left:
        names = {step.id.lower() for step in left} | {step.id.rpartition("/")[2].lower() for step in left}
        ready = [
            step for step in left
            if not any(wait.lower() in names and wait.lower() not in {step.id.lower(), step.id.rpartition("/")[2].lower()} for wait in step.waits)
        ]  # fmt: skip
        if not ready:
            raise TemplateError("Circular dependency detected on resource: '" + left[0].id + "'.")
        ordered += ready
        left = [step for step in left if step not in ready]
    return ordered


def _body(step: Step, scope: Scope) -> dict[str, Any]:
    inner = step.type.lower() == TYPE.lower() and (
        str(((step.source.get("properties") or {}).get("expressionEvaluationOptions") or {}).get("scope")).lower()
        == "inner"
    )
    source = {key: value for key, value in step.source.items() if key not in _OWN}
    if inner:
        properties = source["properties"]
        kept = {
            **evaluate({k: v for k, v in properties.items() if k != "template"}, scope),
            "template": properties.get("template"),
        }
        return {**evaluate({k: v for k, v in source.items() if k != "properties"}, scope), "properties": kept}
    body: dict[str, Any] = evaluate(source, scope)
    return body


@operations.finisher(KIND)
async def _deploy(world: World, operation: Operation) -> None:
    """Make one resource after another; the first refusal ends it, and what was made stays."""
    deployment = world.store.resource(operation.resource_id)
    principal = None if deployment is None else world.store.principal(deployment.private["caller"])
    if deployment is None or principal is None:
        raise ArmError(404, "DeploymentNotFound", "The deployment could not be found.")
    caller = Caller(principal.object_id, principal.kind, principal.name, principal.client_id or "")
    properties, begun = deployment.body["properties"], time.time()
    properties["provisioningState"] = "Running"
    deployment.private["operations"] = []
    world.store.put(deployment)
    group = "/".join(deployment.id.split("/")[:5])
    made: list[str] = []
    try:
        wanted = plan(world, group, deployment.name, deployment.private["template"], deployment.private["parameters"])
        for step in wanted.steps:
            await _make(world, caller, deployment, step, wanted.scope)
            made.append(step.id)
        properties["outputs"] = _outputs(wanted)
        properties["provisioningState"] = "Succeeded"
    except ArmError as error:
        properties["provisioningState"] = "Failed"
        properties["error"] = error.error()
        raise
    finally:
        properties["outputResources"] = [{"id": one} for one in made]
        properties["duration"] = f"PT{time.time() - begun:.7f}S"
        properties["timestamp"] = timestamp()
        world.store.put(deployment)


def _outputs(wanted: Plan) -> dict[str, Any]:
    try:
        return {
            name: {"type": str(one.get("type")).capitalize(), "value": evaluate(one.get("value"), wanted.scope)}
            for name, one in (wanted.template.get("outputs") or {}).items()
        }
    except TemplateError as error:
        raise _failed({"code": "DeploymentOutputEvaluationFailed", "message": str(error)}) from error


async def _make(world: World, caller: Caller, deployment: Resource, step: Step, scope: Scope) -> None:
    number, begun = uuid.uuid4().hex[:16].upper(), time.time()
    entry: dict[str, Any] = {
        "provisioningOperation": "Create",
        "provisioningState": "Running",
        "timestamp": timestamp(),
        "duration": "PT0S",
        "serviceRequestId": str(uuid.uuid4()),
        "targetResource": {
            "id": step.id,
            "resourceType": step.type,
            "resourceName": step.id.split("/providers/")[-1].partition("/")[2].partition("/")[2],
        },
    }
    whole = {"id": f"{deployment.id}/operations/{number}", "operationId": number, "properties": entry}
    deployment.private["operations"].append(whole)
    world.store.put(deployment)
    refused: dict[str, Any] | None = None
    try:
        answer = await within(world, caller, "PUT", step.id, step.version, _body(step, scope))
        status = answer.status_code
        refused = await _settled(world, step.id)
    except ArmError as error:
        status, refused = error.status, error.error()
    except TemplateError as error:
        status, refused = (
            400,
            {"code": "InvalidTemplate", "message": f"Unable to process template language expressions: '{error}'"},
        )
    entry |= {
        "provisioningState": "Failed" if refused else "Succeeded",
        "statusCode": "Conflict" if refused and status < 400 else _words(status),
        "duration": f"PT{time.time() - begun:.7f}S",
        "timestamp": timestamp(),
    }
    if refused:
        entry["statusMessage"] = {"status": "Failed", "error": json.loads(json.dumps(refused))}
    world.store.put(deployment)
    if refused:
        raise _failed(refused)


def _failed(refused: dict[str, Any]) -> ArmError:
    message = (
        "At least one resource deployment operation failed. Please list deployment operations for details. "
        "Please see https://aka.ms/arm-deployment-operations for usage details."
    )
    return ArmError(409, "DeploymentFailed", message, details=[{k: v for k, v in refused.items() if v is not None}])


def _words(status: int) -> str:
    return {
        200: "OK",
        201: "Created",
        202: "OK",
        400: "BadRequest",
        403: "Forbidden",
        404: "NotFound",
        409: "Conflict",
    }.get(status, str(status))


async def _settled(world: World, identifier: str) -> dict[str, Any] | None:
    """Wait until a resource is made; the error when it failed."""
    while True:
        found = world.store.resource(identifier)
        state = None if found is None else (found.body.get("properties") or {}).get("provisioningState")
        if found is None or state in {"Failed", "Canceled"}:
            known = None if found is None else found.body["properties"].get("error")
            gone = {
                "code": "ResourceDeploymentFailure",
                "message": f"The resource '{identifier}' ended in the state '{state}'.",
            }
            # An assignment of a role is kept elsewhere.
            return None if found is None and world.store.assignment(identifier) is not None else known or gone
        if state is None or state in _ENDED:
            return None
        await asyncio.sleep(_WAIT)
