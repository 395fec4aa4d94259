"""Conditions: what a rule may ask of the world. A small closed set; each answers True, False, or None where it is not known."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from mi_tui.guide.case import NO_REGISTRY, UNKNOWN, Case, Finding
from mi_tui.guide.grants import grant_is, missing, old, reads_elsewhere, some_grant_missing, young
from mi_tui.model.diagnosis import Evidence

PLACEHOLDER = re.compile(r"_place_?holder|<[^<>]{1,60}>|\byour[-_ ](?:storage|container|file|client)", re.IGNORECASE)
"""A value that somebody was to fill in; Microsoft's tutorial ships `storage_place_holder`, `container_place_holder`, `file_place_holder`."""

SERVER = "azureml-inference-server-http"


def check(name: str, case: Case) -> Finding:
    """Whether the condition holds; `not NAME` asks for the contrary. KeyError when there is no such condition."""
    if name.startswith("not "):
        found = CONDITIONS[name[4:]](case)
        return Finding(None if found.holds is None else not found.holds, found.evidence)
    return CONDITIONS[name](case)


def _property(name: str, source: str, test: Callable[[Case], bool | None], words: str) -> Callable[[Case], Finding]:
    """A condition on one property; `words` is said of it where it holds, `{}` being `name`'s value in the world."""

    def condition(case: Case) -> Finding:
        holds = test(case)
        if not holds:
            return Finding(holds)
        value = getattr(case.world, name)
        where = source.format(
            account=case.world.account or "", workspace=case.world.workspace, endpoint=case.world.endpoint,
            deployment=case.world.deployment, subscription=case.world.subscription,
        ).strip()  # fmt: skip
        return Finding(True, (Evidence(where, words.format(value)),))

    return condition


def _unregistered(case: Case) -> Finding:
    providers = case.world.providers
    if providers is None:
        return UNKNOWN
    lacking = unregistered(case)
    return Finding(bool(lacking), tuple(Evidence(f"resource provider {name}", providers[name]) for name in lacking))


def unregistered(case: Case) -> tuple[str, ...]:
    """The resource providers that are known not to be registered."""
    return tuple(
        name for name, state in (case.world.providers or {}).items() if state.lower() not in {"registered", "registering"}
    )  # fmt: skip


def placeholders(case: Case) -> tuple[str, ...]:
    """Names of the deployment's variables whose value somebody was to fill in."""
    return tuple(name for name, value in (case.world.variables or {}).items() if PLACEHOLDER.search(value))


def _placeholder(case: Case) -> Finding:
    variables = case.world.variables
    if variables is None:
        return UNKNOWN
    found = placeholders(case)
    return Finding(bool(found), tuple(Evidence("environment variables", f"{name}={variables[name]}") for name in found))


def _client_id(test: Callable[[str, Case], bool | None]) -> Callable[[Case], Finding]:
    def condition(case: Case) -> Finding:
        world = case.world
        if world.variables is None or world.identity_kind != "uai":
            return Finding(None if not world.identity_kind or world.identity_kind == "uai" else False)
        value = world.variables.get("UAI_CLIENT_ID", "")
        holds = test(value, case)
        ids = f"client id {world.client_id or 'not known'}, principal id {world.principal_id or 'not known'}"
        return Finding(
            holds, (Evidence("environment variables", f"UAI_CLIENT_ID={value}"), Evidence("the identity", ids))
        )

    return condition


def _is_principal(value: str, case: Case) -> bool | None:
    return value.lower() == case.world.principal_id.lower() if case.world.principal_id else None


def _is_other(value: str, case: Case) -> bool | None:
    return bool(value) and value.lower() != case.world.client_id.lower() if case.world.client_id else None


def _is_right(value: str, case: Case) -> bool | None:
    return value.lower() == case.world.client_id.lower() if case.world.client_id else None


def _no_server(case: Case) -> Finding:
    conda = case.world.conda
    if not conda.strip():
        return UNKNOWN
    lines = [line for line in conda.splitlines() if not line.lstrip().startswith("#")]
    has = any(re.search(r"azureml[-_]inference[-_]server[-_]http|azureml-defaults", line) for line in lines)
    return Finding(not has, () if has else (Evidence("conda file", f"{SERVER} is not among the packages"),))


def _old_python(case: Case) -> Finding:
    found = re.search(r"^\s*-?\s*['\"]?python\s*=+\s*(2|3\.[0-7])\b", case.world.conda, re.MULTILINE)
    if not case.world.conda.strip():
        return UNKNOWN
    return Finding(found is not None, (Evidence("conda file", found.group().strip()),) if found else ())


_PIP_AT_WORK = re.compile(r"Installing pip dependencies:(?!.*(?:rror|done))")


def _ends_in_pip(case: Case) -> Finding:
    """Whether the log of an image build, or a text that has it, breaks off while pip is at work."""
    lines = [line for line in case.logs.get("build", case.text.splitlines()) if line.strip()][-3:]
    found = [line.strip() for line in lines if _PIP_AT_WORK.search(line)]
    if not lines:
        return UNKNOWN
    return Finding(bool(found), (Evidence("the end of the build's log", found[-1]),) if found else ())


def _fit(case: Case) -> Finding:
    fit = case.world.fit
    if fit is None or fit.fits is None:
        return UNKNOWN
    return Finding(not fit.fits, (Evidence(f"quota for {case.world.instance_type or 'the instance type'}", fit.words),))


def _state(where: str, *wanted: str) -> Callable[[Case], Finding]:
    def condition(case: Case) -> Finding:
        world = case.world
        state = case.states.get(where) or (world.endpoint_state if where == "endpoint" else world.deployment_state)
        if not state:
            return UNKNOWN
        name = world.endpoint if where == "endpoint" else world.deployment
        said = "it is not there" if state.lower() == "absent" else f"state {state}"
        return Finding(state.lower() in wanted, (Evidence(f"{where} {name}".strip(), said),))

    return condition


def _network_closed(case: Case) -> Finding:
    world, closed = case.world, case.world.network_closed
    said = (
        "publicNetworkAccess is Disabled"
        if world.storage_public is False
        else "networkRuleSet.defaultAction is Deny: it lets in only who is listed"
    )
    return Finding(closed, (Evidence(f"storage account {world.account}".strip(), said),) if closed else ())


def _elsewhere(what: str, name: str, found: str | None, wanted: str) -> Finding:
    """Whether something is in another resource group than where it was looked for."""
    if found is None or not wanted:
        return UNKNOWN
    said = Evidence(f"{what} {name}", f"it is in the resource group {found} of the subscription")
    return Finding(bool(found) and found.lower() != wanted.lower(), (said,))


def _account_elsewhere(case: Case) -> Finding:
    world, answers = case.world, case.answers
    wanted = (answers.storage.resource_group if answers else None) or world.resource_group
    return _elsewhere("storage account", world.account, world.account_group, wanted)


def _workspace_elsewhere(case: Case) -> Finding:
    world = case.world
    return _elsewhere("workspace", world.workspace, world.workspace_group or None, world.resource_group)


def _there(case: Case) -> Finding:
    state = case.states.get("deployment") or case.world.deployment_state
    if not state:
        return UNKNOWN
    return Finding(state.lower() != "absent", (Evidence(f"deployment {case.world.deployment}", f"state {state}"),))


def _identity_of(kind: str, words: str) -> Callable[[Case], Finding]:
    def condition(case: Case) -> Finding:
        world = case.world
        if not world.identity_kind:
            return UNKNOWN
        name = f", {world.identity_id.rsplit('/', 1)[-1]}" if world.identity_id else ""
        said = Evidence(f"endpoint {world.endpoint}".strip(), f"its identity is {words}{name}")
        return Finding(world.identity_kind == kind, (said,))

    return condition


def _no_traffic(case: Case) -> Finding:
    traffic = case.world.traffic
    if traffic is None:
        return UNKNOWN
    none = not any(traffic.values())
    return Finding(none, (Evidence(f"endpoint {case.world.endpoint}".strip(), "traffic: none"),) if none else ())


def _no_machine(case: Case) -> Finding:
    creating = _state("deployment", "creating", "updating")(case)
    points = case.world.capacity_points
    if creating.holds is None or points is None:
        return Finding(False if creating.holds is False else None)
    said = Evidence("metric DeploymentCapacity", f"{points} points since the deployment was begun")
    return Finding(bool(creating.holds and points == 0), (*creating.evidence, said))


def _negated(value: bool | None) -> bool | None:
    return None if value is None else not value


CONDITIONS: Mapping[str, Callable[[Case], Finding]] = {
    "storage-grant-missing": grant_is("storage", missing),
    "storage-grant-held": grant_is("storage", lambda grant: grant.held),
    "storage-grant-young": grant_is("storage", young),
    "storage-grant-old": grant_is("storage", old),
    "reads-elsewhere": reads_elsewhere,
    "registry-grant-missing": grant_is("registry", missing),
    "registry-grant-young": grant_is("registry", young),
    "registry-grant-held": grant_is("registry", lambda grant: grant.held),
    "workspace-grant-missing": grant_is("workspace", missing),
    "workspace-grant-young": grant_is("workspace", young),
    "some-grant-missing": some_grant_missing,
    "network-closed": _network_closed,
    "network-open": _property(
        "storage_public", "storage account {account}", lambda case: _negated(case.world.network_closed), "its network is open"
    ),
    "account-absent": _property(
        "account", "storage account {account}", lambda case: _negated(case.world.account_exists), "it is not there"
    ),
    "account-elsewhere": _account_elsewhere,
    "account-nowhere": _property(
        "account", "storage account {account}",
        lambda case: None if case.world.account_group is None else not case.world.account_group,
        "none of the accounts that you see in the subscription has this name",
    ),
    "container-absent": _property(
        "container", "storage account {account}", lambda case: _negated(case.world.container_exists), "there is no container {}"
    ),
    "blob-absent": _property(
        "blob", "storage account {account}", lambda case: _negated(case.world.blob_exists), "there is no blob {}"
    ),
    "keys-off": _property(
        "shared_keys", "storage account {account}", lambda case: _negated(case.world.shared_keys), "account keys are turned off"
    ),
    "workspace-keys-off": _property(
        "workspace_shared_keys",
        "storage account of the workspace {workspace}",
        lambda case: _negated(case.world.workspace_shared_keys),
        "account keys are turned off",
    ),
    "registry-none": _property(
        "registry_id",
        "workspace {workspace}",
        lambda case: None if case.world.registry_id is None else case.world.registry_id == NO_REGISTRY,
        "containerRegistry is empty",
    ),
    "workspace-elsewhere": _workspace_elsewhere,
    "workspace-private": _property(
        "workspace_public", "workspace {workspace}", lambda case: _negated(case.world.workspace_public), "publicNetworkAccess is Disabled"
    ),
    "v1-legacy": _property("v1_legacy", "workspace {workspace}", lambda case: case.world.v1_legacy, "v1LegacyMode is true"),
    "managed-network-not-ready": _property(
        "managed_network",
        "workspace {workspace}",
        lambda case: case.world.managed_network.lower() == "inactive" if case.world.managed_network else None,
        "its managed network is {}",
    ),
    "subscription-not-enabled": _property(
        "subscription_state",
        "subscription {subscription}",
        lambda case: case.world.subscription_state != "Enabled" if case.world.subscription_state else None,
        "its state is {}",
    ),
    "may-not-grant": _property(
        "caller", "your rights", lambda case: _negated(case.world.may_grant), "{} may not make role assignments there"
    ),
    "identity-gone": _property(
        "identity_id", "endpoint {endpoint}", lambda case: _negated(case.world.identity_exists), "its identity is not there any more: {}"
    ),
    "identity-uai": _identity_of("uai", "user-assigned"),
    "identity-sai": _identity_of("sai", "system-assigned"),
    "clock-off": _property(
        "clock_skew", "this machine's clock", lambda case: None if case.world.clock_skew is None else abs(case.world.clock_skew) > 300,
        "it is {:.0f} s ahead of Azure's",
    ),
    "something-fits": _property(
        "fitting", "instance types that fit", lambda case: bool(case.world.fitting), "{0[0]}"
    ),
    "providers-unregistered": _unregistered,
    "variable-placeholder": _placeholder,
    "client-id-missing": _client_id(lambda value, _case: not value),
    "client-id-is-principal": _client_id(_is_principal),
    "client-id-other": _client_id(_is_other),
    "client-id-right": _client_id(_is_right),
    "conda-lacks-server": _no_server,
    "conda-old-python": _old_python,
    "build-ends-in-pip": _ends_in_pip,
    "quota-short": _fit,
    "no-traffic": _no_traffic,
    "no-machine": _no_machine,
    "endpoint-failed": _state("endpoint", "failed", "canceled"),
    "endpoint-busy": _state("endpoint", "updating", "creating", "deleting"),
    "endpoint-absent": _state("endpoint", "absent"),
    "deployment-there": _there,
    "deployment-failed": _state("deployment", "failed", "canceled"),
    "deployment-succeeded": _state("deployment", "succeeded"),
    "deployment-creating": _state("deployment", "creating", "updating"),
}  # fmt: skip
"""Every condition by its name."""
