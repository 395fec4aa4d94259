"""Facts: the names and ids of a case, filled into a rule's words, commands and changes; where one is not known, a word that stands for it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mi_tui.guide.case import Case
from mi_tui.guide.conditions import placeholders, unregistered
from mi_tui.guide.grants import the_grant
from mi_tui.guide.reading import ENTRA, Read
from mi_tui.guide.rules import Rule, load
from mi_tui.model import entra
from mi_tui.model.redact import redact
from mi_tui.model.roles import ACR_PULL, BLOB_READER
from mi_tui.model.text import visible

_SIGN_IN = "Sign in again, to the tenant of the subscription: 'az login --tenant TENANT'."

_FIELD = re.compile(r"\{([a-z_]+)\}")

_WORDS: dict[str, tuple[str, str]] = {
    "account": ("the storage account {}", "the storage account"),
    "account_group": ("{}", "its resource group"),
    "blob": ("the blob {}", "the blob"),
    "client_id": ("{}", "the identity's client id"),
    "container": ("the container {}", "the container"),
    "detail": ("{}", ""),
    "deployment": ("the deployment {}", "the deployment"),
    "entra_advises": ("{}", _SIGN_IN),
    "entra_says": ("{}", "it does not say why"),
    "endpoint": ("the endpoint {}", "the endpoint"),
    "fitting": (", such as {}", ""),
    "free_account": (", such as {}", ""),
    "free_deployment": (", such as {}", ""),
    "free_endpoint": (", such as {}", ""),
    "group": ("the resource group {}", "the resource group"),
    "identity_id": ("the identity {}", "the identity"),
    "location": ("the region {}", "the region"),
    "missing": ("{}", "the missing grants"),
    "placeholders": ("{}", "the variables"),
    "principal": ("the identity {}", "the endpoint's identity"),
    "registry": ("the registry {}", "the workspace's registry"),
    "scope": ("{}", "the container"),
    "script": ("{}", "the scoring script"),
    "size": ("{}", "the instance type"),
    "subscription": ("the subscription {}", "the subscription"),
    "unregistered": ("{}", "the resource providers"),
    "workspace": ("the workspace {}", "the workspace"),
    "workspace_group": ("{}", "another group"),
    "workspace_storage": ("the workspace's storage account {}", "the workspace's storage account"),
}
"""Each fact in words, known and not known. In a command an unknown one is its name in capitals."""

_IDS = frozenset({"identity_id", "registry", "scope", "workspace_storage"})
"""Facts that are resource ids: in words their last segment is enough."""

COMMANDS = frozenset({"grant_storage", "grant_registry", "grant_workspace", "register"})
"""Facts that are whole commands."""

NAMES = frozenset(_WORDS) | COMMANDS
"""Everything that a template may name beside its rule's own captures."""


@dataclass(frozen=True)
class Facts:
    """What is known of a case, and how it is said."""

    values: Mapping[str, tuple[str, ...]]
    commands: Mapping[str, str]
    words_for: Mapping[str, str]
    """What is said for a capture that is not known."""

    def known(self, name: str) -> bool:
        """Whether there is a value for the name."""
        return bool(self.values.get(name) or self.commands.get(name))

    def in_words(self, template: str) -> str:
        """The template as a sentence for people."""
        text = _FIELD.sub(lambda found: self._word(found[1], first=_begins(template[: found.start()])), template)
        return text if text.startswith("mi-tui") else text[:1].upper() + text[1:]

    def in_command(self, template: str) -> str:
        """The template as a command for a shell: values from outside are quoted, unknown ones stand in capitals."""
        return _FIELD.sub(lambda found: self._argument(found[1]), template)

    def as_values(self, template: str) -> tuple[str, ...]:
        """The template as values of a change: a list where it names nothing but a list. Empty when something in it is not known."""
        names = _FIELD.findall(template)
        if not all(self.values.get(name) for name in names):
            return ()
        if template == f"{{{''.join(names)}}}":
            return self.values[names[0]]
        return (_FIELD.sub(lambda found: self.values[found[1]][0], template),)

    def _word(self, name: str, *, first: bool) -> str:
        known, unknown = _WORDS.get(name, ("{}", self.words_for.get(name, name.replace("_", " "))))
        values = self.values.get(name, ())
        if name in _IDS:
            values = tuple(value.rstrip("/").rsplit("/", 1)[-1] for value in values)
        said = known.format(" and ".join(values)) if values else unknown
        return f"T{said[1:]}" if first and said.startswith("the ") else said

    def _argument(self, name: str) -> str:
        if name in COMMANDS:
            return self.commands[name]
        values = self.values.get(name, ())
        return " ".join(map(shlex.quote, values)) if values else name.upper()


def _begins(before: str) -> bool:
    """Whether a sentence begins after this."""
    return not before or before.endswith((". ", "? "))


def facts(read: Read, captures: Mapping[str, str], rule: Rule) -> Facts:
    """The facts of a case with what a rule's pattern caught; what was caught comes before what is known otherwise."""
    case = read.case
    world, answers = case.world, case.answers
    one: dict[str, str] = {
        "account": world.account or (answers.storage.account if answers else ""),
        "account_group": world.account_group or "",
        "blob": world.blob or (answers.storage.blob if answers else ""),
        "client_id": world.client_id,
        "container": world.container or (answers.storage.container if answers else ""),
        "deployment": world.deployment or (answers.deployment.name if answers else ""),
        "endpoint": world.endpoint or (answers.endpoint.name if answers else ""),
        "free_account": world.free_account,
        "free_deployment": world.free_deployment,
        "free_endpoint": world.free_endpoint,
        "group": world.resource_group or (answers.workspace.resource_group if answers else ""),
        "identity_id": world.identity_id,
        "location": world.location,
        "principal": world.principal_id,
        "registry": world.registry_id or "",
        "script": str(Path(answers.deployment.code, answers.deployment.scoring_script)) if answers else "",
        "size": world.instance_type or (answers.deployment.instance_type if answers else ""),
        "subscription": world.subscription or (answers.workspace.subscription if answers else ""),
        "workspace": world.workspace or (answers.workspace.name if answers else ""),
        "workspace_group": world.workspace_group,
        "workspace_storage": world.workspace_storage_id,
    }
    grant = the_grant(case, "storage")
    one["scope"] = grant.scope if grant else ""
    values: dict[str, tuple[str, ...]] = {name: (value,) for name, value in one.items() if value}
    if world.fitting:
        values["fitting"] = world.fitting[:1]
    many = {
        "missing": tuple(grant.key for grant in world.missing if grant.key),
        "unregistered": unregistered(case),
        "placeholders": placeholders(case),
    }
    values |= {name: found for name, found in many.items() if found}
    values |= {name: (visible(redact(value)),) for name, value in captures.items() if value}
    if package := package_of(captures.get("module", "")):
        values["package"] = (package,)
    values |= _entra(read)
    if rule.detail and all(name in values for name in _FIELD.findall(rule.detail)):
        values["detail"] = (_FIELD.sub(lambda found: values[found[1]][0], rule.detail),)
    return Facts(values, _commands(case, values), rule.defaults)


def package_of(module: str) -> str:
    """The pip package that has a Python module; empty where the table does not know it.

    The module may be a file of one's own, and a package of its name anybody's: what is not known is not offered.
    """
    table = load().packages
    parts = module.split(".")
    return next((table[name] for length in range(len(parts), 0, -1) if (name := ".".join(parts[:length])) in table), "")


def _entra(read: Read) -> dict[str, tuple[str, ...]]:
    """What a refusal of Entra means and what to do, by its number."""
    code = next((name for name in read.codes if name.startswith(ENTRA) and name != ENTRA), "")
    if not code:
        return {}
    what, advice = entra.EXPLAINED.get(int(code[len(ENTRA) :]), ("", ""))
    said = read.codes[code].text
    return {
        "entra_says": (f"{code}, {what[:1].lower()}{what[1:]}" if what else said,),
        "entra_advises": (advice or _SIGN_IN,),
    }


def _commands(case: Case, values: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    def grant(kind: str, role: str, scope: str, otherwise: str) -> str:
        state = the_grant(case, kind)
        if state is not None and state.command:
            return state.command
        who = values.get("principal", ("PRINCIPAL_ID",))[0]
        where = values.get(scope, (otherwise,))[0]
        return (
            f"az role assignment create --role {shlex.quote(role)} --assignee-object-id {shlex.quote(who)} "
            f"--assignee-principal-type ServicePrincipal --scope {shlex.quote(where)}"
        )

    namespaces = values.get("unregistered") or values.get("namespace") or ("NAMESPACE",)
    return {
        "grant_storage": grant("storage", BLOB_READER.name, "scope", "CONTAINER_ID"),
        "grant_registry": grant("registry", ACR_PULL.name, "registry", "REGISTRY_ID"),
        "grant_workspace": grant("workspace", BLOB_READER.name, "workspace_storage", "WORKSPACE_STORAGE_ID"),
        "register": "\n".join(f"az provider register --wait --namespace {shlex.quote(name)}" for name in namespaces),
    }
