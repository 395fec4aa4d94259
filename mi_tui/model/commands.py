"""The `az` commands that would do by hand what a plan does. Computed from the plan alone; nothing here is run."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

import msgspec

from mi_tui.model import names
from mi_tui.model.answers import IdentityKind
from mi_tui.model.plan import Action, Grant, Plan

_SCHEMA = "https://azuremlschemas.azureedge.net/latest"
"""Where the CLI's YAML schemas lie ("CLI (v2) managed online deployment YAML schema", Microsoft Learn)."""


class _Raw(str):
    """Text for the shell that must not be quoted again."""


@dataclass(frozen=True)
class Command:
    """One step by hand: why in words, and the shell text, several lines long where that is easier to read."""

    why: str
    text: str


def commands(plan: Plan) -> tuple[Command, ...]:
    """What to type, in an order that works. Resources that are only used, and grants that exist, need no command."""
    made = [
        Command(
            "work in this subscription",
            _az("account set", ("--subscription", plan.place.subscription)),
        )
    ]
    made += [
        Command(
            "Azure ML needs this provider to make an endpoint",
            _az("provider register", ("--namespace", namespace), ("--wait",)),
        )
        for namespace in plan.registers
    ]
    uai = plan.answers.identity.kind is IdentityKind.UAI
    if uai:
        made += _identity(plan)
    made += _storage(plan)
    made += _endpoint(plan, uai)
    made += _grants(plan)
    made += _deployment(plan, uai)
    if plan.answers.request:
        made.append(
            Command(
                "the first request",
                _az(
                    "ml online-endpoint invoke",
                    ("--name", plan.answers.endpoint.name),
                    *_workspace(plan),
                    ("--request-file", plan.answers.request),
                ),
            )
        )
    return tuple(Command(_whole(command.why), _whole(command.text)) for command in made)


def script(plan: Plan) -> str:
    """All commands as one shell text, each under its reason."""
    return "\n\n".join(f"# {command.why}\n{command.text}" for command in commands(plan)) + "\n"


def _az(command: str, *options: tuple[str, ...]) -> str:
    """`az`, one option a line, every value quoted where the shell would take it apart."""
    words = [
        " ".join([option[0], *(value if isinstance(value, _Raw) else shlex.quote(value) for value in option[1:])])
        for option in options
    ]
    return " \\\n    ".join((f"az {command}", *words))


def _workspace(plan: Plan) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("--resource-group", plan.place.resource_group), ("--workspace-name", plan.answers.workspace.name)


def _tags(plan: Plan) -> tuple[tuple[str, ...], ...]:
    tags = plan.answers.tags
    return (("--tags", *(f"{name}={value}" for name, value in tags.items())),) if tags else ()


def _identity(plan: Plan) -> list[Command]:
    planned = plan.resource("identity")
    where = (("--name", planned.name), ("--resource-group", names.parse_id(planned.id).group))
    made = []
    if planned.action is Action.CREATE:
        made.append(
            Command(planned.why, _az("identity create", *where, ("--location", plan.place.location), *_tags(plan)))
        )
    read = "\n".join(
        f"{variable}=$({_az('identity show', *where, ('--query', field), ('--output', 'tsv'))})"
        for variable, field in (("IDENTITY_ID", "id"), ("PRINCIPAL_ID", "principalId"), ("CLIENT_ID", "clientId"))
    )
    return [*made, Command("who that identity is", read)]


def _storage(plan: Plan) -> list[Command]:
    store = plan.answers.storage
    made = []
    account = plan.resource("storage-account")
    if account.action is Action.CREATE:
        made.append(
            Command(
                account.why,
                _az(
                    "storage account create",
                    ("--name", account.name),
                    ("--resource-group", names.parse_id(account.id).group),
                    ("--location", plan.place.location),
                    ("--kind", "StorageV2"),
                    ("--sku", "Standard_LRS"),
                    ("--min-tls-version", "TLS1_2"),
                    ("--allow-blob-public-access", "false"),
                    *_tags(plan),
                ),
            )
        )
    container = plan.resource("container")
    if container.action is Action.CREATE:
        made.append(
            Command(
                container.why,
                _az(
                    "storage container create",
                    ("--name", container.name),
                    ("--account-name", account.name),
                    ("--auth-mode", "login"),
                ),
            )
        )
    blob = plan.resource("blob")
    if blob.action is Action.CREATE and store.upload:
        made.append(
            Command(
                f"{blob.why}; needs Storage Blob Data Contributor for you",
                _az(
                    "storage blob upload",
                    ("--account-name", account.name),
                    ("--container-name", container.name),
                    ("--name", blob.name),
                    ("--file", store.upload),
                    ("--auth-mode", "login"),
                ),
            )
        )
    return made


def _endpoint(plan: Plan, uai: bool) -> list[Command]:
    planned = plan.resource("endpoint")
    made = []
    if planned.action is Action.REPLACE:
        gone = _az("ml online-endpoint delete", ("--name", planned.name), *_workspace(plan), ("--yes",))
        made.append(Command("the broken one of this name goes first", gone))
    if planned.action in {Action.CREATE, Action.REPLACE}:
        about: dict[str, object] = {
            "$schema": f"{_SCHEMA}/managedOnlineEndpoint.schema.json",
            "name": planned.name,
            "auth_mode": "key",
        }
        if plan.answers.tags:
            about["tags"] = dict(plan.answers.tags)
        options: tuple[tuple[str, ...], ...] = ()
        if uai:
            about["identity"] = {"type": "user_assigned", "user_assigned_identities": [{"resource_id": "set below"}]}
            options = (("--set", _Raw('identity.user_assigned_identities[0].resource_id="$IDENTITY_ID"')),)
        create = _az(
            "ml online-endpoint create",
            ("--name", planned.name),
            *_workspace(plan),
            ("--file", "endpoint.yml"),
            *options,
        )
        made.append(Command(planned.why, f"{_file('endpoint.yml', about)}\n{create}"))
    if not uai:
        show = _az(
            "ml online-endpoint show",
            ("--name", planned.name),
            *_workspace(plan),
            ("--query", "identity.principal_id"),
            ("--output", "tsv"),
        )
        made.append(Command("who the endpoint is", f"PRINCIPAL_ID=$({show})"))
    return made


def _grants(plan: Plan) -> list[Command]:
    return [
        Command(
            f"{grant.why}{'; somebody else makes this grant' if grant.skipped else ''}",
            _commented(_grant(grant)) if grant.skipped else _grant(grant),
        )
        for grant in plan.grants
        if not (grant.exists or grant.automatic)
    ]


def _grant(grant: Grant) -> str:
    return _az(
        "role assignment create",
        ("--assignee-object-id", _Raw('"$PRINCIPAL_ID"')),
        ("--assignee-principal-type", "ServicePrincipal"),
        ("--role", grant.role),
        ("--scope", grant.scope),
    )


def _commented(text: str) -> str:
    return "\n".join(f"# {line}" for line in text.splitlines())


def _deployment(plan: Plan, uai: bool) -> list[Command]:
    wanted, store = plan.answers.deployment, plan.answers.storage
    about: dict[str, object] = {
        "$schema": f"{_SCHEMA}/managedOnlineDeployment.schema.json",
        "name": wanted.name,
        "endpoint_name": plan.answers.endpoint.name,
        "model": {"path": wanted.model},
        "code_configuration": {"code": wanted.code, "scoring_script": wanted.scoring_script},
        "environment": {"conda_file": wanted.conda, "image": wanted.image},
        "instance_type": wanted.instance_type,
        "instance_count": wanted.instance_count,
        "environment_variables": {
            **wanted.environment_variables,
            "STORAGE_ACCOUNT_NAME": store.account,
            "STORAGE_CONTAINER_NAME": store.container,
            "FILE_NAME": store.blob,
        },
    }
    if plan.answers.tags:
        about["tags"] = dict(plan.answers.tags)
    options = (("--set", _Raw('environment_variables.UAI_CLIENT_ID="$CLIENT_ID"')),) if uai else ()
    create = _az(
        "ml online-deployment create",
        ("--name", wanted.name),
        ("--endpoint-name", plan.answers.endpoint.name),
        *_workspace(plan),
        ("--file", "deployment.yml"),
        ("--all-traffic",),
        *options,
    )
    return [
        Command(
            "what answers; it bills while it exists. Wait a minute or two after the grants",
            f"{_file('deployment.yml', about)}\n{create}",
        )
    ]


def _file(name: str, about: dict[str, object]) -> str:
    """A here-document that writes a YAML file. Its end mark is in no value: values with a line end are quoted by YAML."""
    return f"cat > {name} <<'YAML'\n{msgspec.yaml.encode(_whole_all(about), order=None).decode()}YAML"


def _whole(text: str) -> str:
    """The text, with a question mark for each half character: a shell script is UTF-8. Answers with such a text are refused."""
    return text.encode("utf-8", "replace").decode()


def _whole_all(value: object) -> object:
    if isinstance(value, dict):
        return {_whole(str(key)): _whole_all(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_whole_all(inner) for inner in value]
    return _whole(value) if isinstance(value, str) else value
