"""The lifecycle policy of a storage account: kept and told. The sandbox moves and deletes no blob by it, as Azure does not in the
first day or two either."""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import Response

from mi_tui.sandbox.arm.router import Call, reply, route
from mi_tui.sandbox.arm.shapes import Shape
from mi_tui.sandbox.arm.storage import ACCOUNT, account_above, empty, storage_reply
from mi_tui.sandbox.errors import ArmError, bad_request
from mi_tui.sandbox.store import Resource
from mi_tui.sandbox.times import zulu

_TYPE = "Microsoft.Storage/storageAccounts/managementPolicies"
_POLICY = ACCOUNT + "/managementPolicies/{policy}"
_BODY: Shape = {"properties": {"policy": {"rules": list}}}
_MOST_RULES = 100
_RULE_NAME = re.compile(r"[a-zA-Z0-9-]{1,256}")


@route("PUT", _POLICY, f"{_TYPE}/write", _BODY)
def put_policy(call: Call) -> Response:
    """Set the one policy. Rules: "Configure a lifecycle management policy"; the sentences are guesses."""
    account = _account(call)
    rules = ((call.body.get("properties") or {}).get("policy") or {}).get("rules")
    if not rules:
        raise bad_request("Values for request parameters are invalid: policy.", "InvalidValuesForRequestParameters")
    if account.body["kind"] == "Storage":
        # The sentence is that of MicrosoftDocs/azure-docs issue 29763.
        raise bad_request("The operation is not allowed on account kind Storage", "OperationNotAllowedOnKind")
    if len(rules) > _MOST_RULES:
        raise bad_request(f"A policy has at most {_MOST_RULES} rules.", "InvalidManagementPolicy")
    names = [_checked(rule) for rule in rules]
    if len(set(names)) != len(names):
        raise bad_request("The names of the rules must be unique within a policy.", "InvalidManagementPolicy")
    identifier = f"{account.id}/managementPolicies/default"
    body = {
        "properties": {"policy": {"rules": rules}, "lastModifiedTime": zulu()},
        "id": identifier,
        "name": "DefaultManagementPolicy",
        "type": _TYPE,
    }
    policy = Resource(identifier, _TYPE, "DefaultManagementPolicy", body)
    call.world.store.put(policy)
    return storage_reply(200, policy.body)


@route("GET", _POLICY, f"{_TYPE}/read")
def get_policy(call: Call) -> Response:
    """The policy; 404 without one (public transcripts)."""
    account = _account(call)
    found = call.world.store.resource(f"{account.id}/managementPolicies/default")
    if found is None:
        raise ArmError(404, "ManagementPolicyNotFound", f"No ManagementPolicy found for account {account.name}")
    return storage_reply(200, found.body)


@route("DELETE", _POLICY, f"{_TYPE}/delete")
def delete_policy(call: Call) -> Response:
    """Take the policy away (200); 204 when there is none."""
    identifier = f"{_account(call).id}/managementPolicies/default"
    if not call.world.store.has(identifier):
        return reply(204)
    call.world.store.remove(identifier)
    return empty(200)


def _account(call: Call) -> Resource:
    """The account; 404 for a policy of another name than `default` (the sentence is that of Azure/bicep issue 17199)."""
    account = account_above(call)
    if call.ids["policy"].lower() != "default":
        where = f"https://management.azure.com{call.path}?api-version={call.api_version}"
        raise ArmError(404, "HttpResourceNotFound", f"The request url {where} is not found.")
    return account


def _checked(rule: Any) -> str:
    """The name of a rule that may be kept."""
    if not isinstance(rule, dict) or rule.get("type") != "Lifecycle" or not isinstance(rule.get("definition"), dict):
        raise bad_request("A rule must have a name, the type 'Lifecycle' and a definition.", "InvalidManagementPolicy")
    if not isinstance(rule["definition"].get("actions"), dict) or not rule["definition"]["actions"]:
        raise bad_request("A rule's definition must have an action.", "InvalidManagementPolicy")
    name = rule.get("name")
    if not isinstance(name, str) or _RULE_NAME.fullmatch(name) is None:
        raise bad_request("A rule's name has letters, digits and hyphens only.", "InvalidManagementPolicy")
    return name
