"""What each kind of change asks for: other answers, grants to make, providers to register, lines in the conda file, files uploaded again, waiting."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import msgspec

from mi_tui.engine.catalog import Catalog
from mi_tui.engine.mending import allowed
from mi_tui.engine.mending.case import Case, Wish, refused
from mi_tui.engine.planner import PlanError
from mi_tui.model import instances, names
from mi_tui.model.answers import RESERVED_VARIABLES, Answers, Identity, IdentityKind
from mi_tui.model.answers_rules import name_faults
from mi_tui.model.capacity import Capacity
from mi_tui.model.diagnosis import Change, ChangeKind
from mi_tui.model.failure import Failure
from mi_tui.services import capacity, deployments, endpoints, workspaces
from mi_tui.services.errors import ServiceError

_TRIES = 5
"""How many names are tried when one is to be found that is free."""


def wish(case: Case, change: Change) -> Wish:
    """What the change asks for. Raises PlanError when it cannot be, ServiceError when the world cannot be read."""
    made = _KINDS[change.kind](case, change.values)
    if faults := list(name_faults(made.answers)):
        raise PlanError([Failure("mi-tui/answers", str(fault)) for fault in faults])
    return made


def asks_for(change: Change) -> tuple[str, ...]:
    """What a person has to say before the change can be: names of tags without a value."""
    if change.kind is not ChangeKind.TAG:
        return ()
    return tuple(name for name, value in map(_pair, change.values) if not value)


def with_values(change: Change, values: dict[str, str]) -> Change:
    """The change with what the person said for each of `asks_for`."""
    pairs = [(name, value or values.get(name, "")) for name, value in map(_pair, change.values)]
    return Change(change.kind, tuple(f"{name}={value}" for name, value in pairs))


# ---- the machine


def _instance_type(case: Case, values: tuple[str, ...]) -> Wish:
    wanted = case.answers.deployment
    room = _room(case)
    name = values[0] if values else _fitting(room, wanted.instance_type, wanted.instance_count)
    if not name:
        raise refused(
            "instance-type", "No size that fits is known.", "Name one: 'mi-tui resume RUN --fix instance-type=NAME'."
        )
    size = instances.find(name)
    if words := names.INSTANCE_TYPE.fault(name):
        raise refused("instance-type", words)
    if room is not None and room.absent(name):
        raise refused("instance-type", f"{name} is not among the sizes that Azure ML lists in {room.location}.")
    name = size.name if size else name
    deployment = msgspec.structs.replace(wanted, instance_type=name)
    made = Wish(msgspec.structs.replace(case.answers, deployment=deployment), remake=True)
    made.lines.append(f"Instance type: {wanted.instance_type} -> {name}{_facts(size)}")
    fit = room.fit(name, wanted.instance_count) if room else None
    if fit is not None:
        made.lines.append(f"Quota: {fit.words}")
    return made


def _facts(size: instances.InstanceType | None) -> str:
    if size is None:
        return ""
    return f" ({size.cores} cores, {size.memory_gib:g} GiB, about {size.usd_per_hour:.2f} USD/h each)"


def _room(case: Case) -> Capacity | None:
    where = case.answers.workspace
    try:
        location = case.plan.place.location if case.plan else ""
        location = location or workspaces.get(case.session, where.resource_group, where.name).location
        return capacity.read(case.session, location)
    except ServiceError:
        return None  # reading it takes a right that a run does not need; the price is shown all the same


def _fitting(room: Capacity | None, but: str, count: int) -> str:
    """The cheapest size that fits the quota, other than the one that is chosen."""
    if room is None:
        return ""
    cheapest = sorted(instances.all_types(), key=lambda kind: kind.usd_per_hour)
    fits = (kind.name for kind in cheapest if (fit := room.fit(kind.name, count)) is not None and fit.fits)
    return next((name for name in fits if name.lower() != but.lower()), "")


# ---- names


def _endpoint_name(case: Case, values: tuple[str, ...]) -> Wish:
    where, old = case.answers.workspace, case.answers.endpoint.name
    location = case.plan.place.location if case.plan else ""
    location = location or workspaces.get(case.session, where.resource_group, where.name).location
    catalog = Catalog(case.session)

    def fault(name: str) -> str | None:
        return catalog.endpoint_fault(where.resource_group, where.name, name, location)

    new = _name(values, old, 26, "-", fault)
    endpoint = msgspec.structs.replace(case.answers.endpoint, name=new, replace_broken=False)
    return Wish(msgspec.structs.replace(case.answers, endpoint=endpoint), [f"Endpoint: {old} -> {new}"])


def _deployment_name(case: Case, values: tuple[str, ...]) -> Wish:
    where, front, old = case.answers.workspace, case.answers.endpoint.name, case.answers.deployment.name
    place = (case.session, where.resource_group, where.name, front)
    there = {info.name.lower() for info in deployments.list_all(*place)} if endpoints.get(*place) else set[str]()

    def fault(name: str) -> str | None:
        taken = f"The endpoint {front!r} has a deployment {name!r} already." if name.lower() in there else None
        return names.DEPLOYMENT.fault(name) or taken

    new = _name(values, old, 26, "-", fault)
    deployment = msgspec.structs.replace(case.answers.deployment, name=new)
    return Wish(msgspec.structs.replace(case.answers, deployment=deployment), [f"Deployment: {old} -> {new}"])


def _storage_account(case: Case, values: tuple[str, ...]) -> Wish:
    old = case.answers.storage.account
    new = _name(values, old, 20, "", Catalog(case.session).storage_name_fault)
    store = msgspec.structs.replace(case.answers.storage, account=new, resource_group=None)
    return Wish(msgspec.structs.replace(case.answers, storage=store), [f"Storage account: {old} -> {new}"])


def _name(values: tuple[str, ...], old: str, longest: int, joint: str, fault: Callable[[str], str | None]) -> str:
    """The name that was asked for, or one with the same stem that is free. PlanError when it cannot be had."""
    tried = values[:1] or tuple(f"{old[:longest].rstrip('-')}{joint}{secrets.token_hex(2)}" for _ in range(_TRIES))
    words = ""
    for name in tried:
        found = fault(name)
        if not found:
            return name
        words = found
    raise refused("name", words, "Take another name.")


# ---- the endpoint that is there


def _identity(case: Case, values: tuple[str, ...]) -> Wish:
    where, name = case.answers.workspace, case.answers.endpoint.name
    kind, identity_id = (*values, "", "")[:2]
    if not kind:
        found = endpoints.get(case.session, where.resource_group, where.name, name)
        if found is None:
            raise refused("no-endpoint", f"There is no endpoint {name!r}, so it has no identity to take.")
        kind = "uai" if found.identity_ids else "sai"
        identity_id = found.identity_ids[0] if found.identity_ids else ""
    old = case.answers.identity
    if kind.lower() == "sai":
        new = Identity(IdentityKind.SAI)
    elif kind.lower() == "uai" and identity_id:
        new = _identity_of(case, identity_id)
    else:
        raise refused("identity", "Say sai, or uai and the identity's resource id.")
    lines = [f"Identity: {_said(old)} -> {_said(new)}"]
    return Wish(msgspec.structs.replace(case.answers, identity=new), lines)


def _identity_of(case: Case, identity_id: str) -> Identity:
    try:
        parsed = names.parse_id(identity_id)
    except ValueError as error:
        raise refused("identity", f"{identity_id!r} is no resource id of an identity.") from error
    where = case.answers.workspace
    if parsed.subscription.lower() != where.subscription.lower():
        raise refused(
            "identity", f"The identity {parsed.name!r} lies in another subscription than the workspace.",
            "Take another endpoint name.",
        )  # fmt: skip
    own = parsed.group.lower() == where.resource_group.lower()
    return Identity(IdentityKind.UAI, parsed.name, None if own else parsed.group)


def _said(identity: Identity) -> str:
    return identity.kind.words + (f" {identity.name}" if identity.name else "")


def _replace_broken(case: Case, values: tuple[str, ...]) -> Wish:
    name = case.answers.endpoint.name
    if values and values[0].lower() != name.lower():
        raise refused("replace-broken", f"The plan's endpoint is {name!r}, not {values[0]!r}.")
    endpoint = msgspec.structs.replace(case.answers.endpoint, replace_broken=True)
    line = f"The broken leftover {name} is deleted and made again, if it holds nothing that this run did not make"
    return Wish(msgspec.structs.replace(case.answers, endpoint=endpoint), [line])


# ---- what is deployed


def _conda(case: Case, values: tuple[str, ...]) -> Wish:
    return Wish(case.answers, conda=values, remake=True)


def _again(key: str) -> Callable[[Case, tuple[str, ...]], Wish]:
    """The change that uploads what this asset of the plan is made from again."""

    def made(case: Case, values: tuple[str, ...]) -> Wish:
        if values:
            raise refused(key, f"The fix {key!r} takes no value: what the answers name is uploaded as it is now.")
        return Wish(case.answers, anew=frozenset({key}), remake=True)

    return made


def _variable(case: Case, values: tuple[str, ...]) -> Wish:
    if not values:
        raise refused("variable", "Which variable is to be set was not said.", "Such as LOG_LEVEL=debug.")
    answers, lines, known = case.answers, list[str](), dict(case.answers.deployment.environment_variables)
    for name, value in map(_pair, values):
        if name in RESERVED_VARIABLES:
            answers = _computed_from(answers, name, value)
            lines.append(_reserved_line(name, value))
        elif value:
            lines.append(f"~ {name}: {known[name]!r} -> {value!r}" if name in known else f"+ {name}={value}")
            known[name] = value
        elif name in known:
            lines.append(f"- {name} (was {known.pop(name)!r})")
        else:
            raise refused("variable", f"There is no variable {name!r} to take out.")
    deployment = msgspec.structs.replace(answers.deployment, environment_variables=known)
    return Wish(msgspec.structs.replace(answers, deployment=deployment), lines, remake=True)


def _computed_from(answers: Answers, name: str, value: str) -> Answers:
    """The answers from which a variable that mi-tui sets itself is computed to be `value`."""
    member = {"STORAGE_ACCOUNT_NAME": "account", "STORAGE_CONTAINER_NAME": "container", "FILE_NAME": "blob"}.get(name)
    if member is None:
        return answers  # the client id is read from the identity each time
    if not value:
        raise refused("variable", f"{name} is computed from storage.{member}; without it the script finds nothing.")
    store = msgspec.structs.replace(answers.storage, **{member: value})
    return msgspec.structs.replace(answers, storage=store)


def _reserved_line(name: str, value: str) -> str:
    if name == "UAI_CLIENT_ID":
        return f"~ {name}: read from the identity again"
    return f"~ {name} -> {value} (computed from the answers' storage, which is changed)"


def _tag(case: Case, values: tuple[str, ...]) -> Wish:
    pairs = dict(map(_pair, values))
    if not pairs:
        raise refused("tag", "Which tag is to be set was not said.", "Such as cost-center=4711.")
    if empty := [name for name, value in pairs.items() if not value]:
        raise refused("tag", f"The tag {empty[0]!r} has no value yet.", f"Say it: --fix tag={empty[0]}=VALUE.")
    lines = [f"Tag on whatever is made from now on: {name}={value}" for name, value in pairs.items()]
    return Wish(msgspec.structs.replace(case.answers, tags={**case.answers.tags, **pairs}), lines)


def _retry(case: Case, values: tuple[str, ...]) -> Wish:
    return Wish(case.answers, ["Nothing of the plan changes: what is not done is tried again"])


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip()


_KINDS: dict[ChangeKind, Callable[[Case, tuple[str, ...]], Wish]] = {
    ChangeKind.GRANT: allowed.grant,
    ChangeKind.WAIT: allowed.wait,
    ChangeKind.REGISTER: allowed.register,
    ChangeKind.INSTANCE_TYPE: _instance_type,
    ChangeKind.ENDPOINT_NAME: _endpoint_name,
    ChangeKind.DEPLOYMENT_NAME: _deployment_name,
    ChangeKind.STORAGE_ACCOUNT: _storage_account,
    ChangeKind.IDENTITY: _identity,
    ChangeKind.REPLACE_BROKEN: _replace_broken,
    ChangeKind.CONDA: _conda,
    ChangeKind.CODE: _again("code"),
    ChangeKind.MODEL: _again("model"),
    ChangeKind.VARIABLE: _variable,
    ChangeKind.TAG: _tag,
    ChangeKind.RETRY: _retry,
}
