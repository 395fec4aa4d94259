"""From answers and what exists to a plan: what is made, used and granted, in which order, and why. Reads only."""

from __future__ import annotations

import secrets
import string
import uuid
from collections.abc import Iterable

from mi_tui.engine.found import Found, look
from mi_tui.engine.patience import passes
from mi_tui.model import instances, names, roles
from mi_tui.model.answers import Answers, GrantPolicy, GrantScope, IdentityKind
from mi_tui.model.capacity import QUOTA_HELP, Fit
from mi_tui.model.failure import BROKEN_ENDPOINT, Failure
from mi_tui.model.plan import Action, Grant, Plan, PlannedResource, PlannedStep, ResourceKind
from mi_tui.services import grants, storage
from mi_tui.services.endpoints import EndpointInfo
from mi_tui.services.errors import ServiceError
from mi_tui.services.identities import IdentityInfo
from mi_tui.services.session import Session

_CODE_NAMESPACE = uuid.UUID("0d0f2f2e-0f5c-5b3e-8d55-6a0c53b1c2f7")
_ALPHABET = "".join(sorted(set(string.ascii_lowercase + string.digits) - set("0o1l")))


class PlanError(Exception):
    """The answers cannot be planned against what exists. Nothing was changed. `failures` says what and how to go on."""

    def __init__(self, failures: list[Failure]) -> None:
        self.failures = failures
        super().__init__("; ".join(failure.sentence() for failure in failures))


def new_run_id() -> str:
    """A short name for a run, easy to say and to type."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(6))


def code_name(run: str, number: int = 1) -> str:
    """The name under which a run registers its code for the `number`th time; Azure takes GUIDs only."""
    return str(uuid.uuid5(_CODE_NAMESPACE, run if number == 1 else f"{run} {number}"))


def make_plan(session: Session, answers: Answers, run: str) -> Plan:
    """The plan for these answers (with absolute paths). Raises PlanError or ServiceError; changes nothing."""
    return plan_from(session, answers, run, look(session, answers))


def plan_from(session: Session, answers: Answers, run: str, found: Found) -> Plan:
    """The plan for these answers and for what exists. Raises PlanError or ServiceError; changes nothing."""
    faults = list(_conflicts(session, answers, found))
    if faults:
        raise PlanError(faults)
    resources = _resources(answers, found, run)
    planned_grants = _grants(session, answers, found)
    instance = instances.find(answers.deployment.instance_type)
    return Plan(
        answers=answers,
        place=found.place,
        resources=tuple(resources),
        grants=tuple(planned_grants),
        steps=tuple(steps_of(answers, planned_grants)),
        warnings=tuple(_warnings(answers, found)),
        usd_per_hour=instance.usd_per_hour * answers.deployment.instance_count if instance else None,
        fit=_fit(answers, found),
    )


def _fit(answers: Answers, found: Found) -> Fit | None:
    wanted = answers.deployment
    return found.capacity.fit(wanted.instance_type, wanted.instance_count) if found.capacity else None


def _conflicts(session: Session, answers: Answers, found: Found) -> list[Failure]:
    faults: list[Failure] = []

    def fault(code: str, message: str, advice: str) -> None:
        faults.append(Failure(code=f"mi-tui/{code}", message=message, advice=advice))

    store = answers.storage
    if found.account is None and not found.own_account:
        if store.resource_group and store.resource_group.lower() != answers.workspace.resource_group.lower():
            fault(
                "no-such-account",
                f"There is no storage account {store.account!r} in the resource group {store.resource_group!r}.",
                "Name one that exists there, or leave storage.resource_group out and let the run make the account.",
            )
        else:
            try:
                reason = storage.check_name(session, store.account)
            except ServiceError as error:
                if passes(error.failure):
                    raise  # it says nothing about the name
                raise PlanError([error.failure]) from error
            if reason:
                fault("storage-name", reason, "Take another name: it is unique among all customers of Azure.")
    if not found.blob and store.upload is None and found.blob is not None:
        fault(
            "no-blob",
            f"There is no blob {store.blob!r} in the container {store.container!r}, and storage.upload names no file.",
            "Set storage.upload to a local file, or storage.blob to a blob that is there.",
        )
    front = found.endpoint
    wanted = answers.identity.kind
    if front is not None and front.broken:
        for failure in _broken(answers, found):
            faults.append(failure)
    elif front is not None and _kind(front) is not wanted:
        fault(
            "identity-kind",
            f"The endpoint {front.name!r} exists with a {_kind(front).words} identity, the answers ask for a "
            f"{wanted.words} one. Azure does not let an endpoint's identity be changed.",
            "Take another endpoint name, set identity.kind to what the endpoint has, or delete the endpoint first.",
        )
    elif front is not None and not _carries(front, found.identity):
        fault(
            "identity-other",
            f"The endpoint {front.name!r} exists with another user-assigned identity.",
            "Take another endpoint name, or name the identity that the endpoint has.",
        )
    if found.deployment is not None:
        fault(
            "deployment-exists",
            f"The endpoint {answers.endpoint.name!r} already has a deployment {answers.deployment.name!r} (state {found.deployment.state}).",
            "Take another deployment name; mi-tui never replaces a deployment that this run did not make.",
        )
    if wanted is IdentityKind.UAI and found.place.registry_id is None:
        fault(
            "no-registry",
            f"The workspace {answers.workspace.name!r} has no container registry yet, so the user-assigned identity cannot be granted AcrPull on it.",
            "Attach a registry to the workspace first, take a workspace that has one, or use a system-assigned identity (identity.kind: sai).",
        )
    return faults


def _broken(answers: Answers, found: Found) -> list[Failure]:
    """What is in the way of making a broken leftover of an endpoint again; nothing once the person has said so."""
    front = found.endpoint
    assert front is not None
    said = f"The endpoint {front.name!r} exists but was never made completely (state {front.state})"
    if found.tenants:
        return [
            Failure(
                "mi-tui/broken-endpoint-in-use",
                f"{said}, and it has deployments: {', '.join(found.tenants[:3])}.",
                advice="They are not this run's to delete. Take another endpoint name, or have who made them delete it.",
            )
        ]
    if answers.endpoint.replace_broken:
        return []
    return [
        Failure(
            BROKEN_ENDPOINT,
            f"{said}. Azure cannot repair it.",
            advice="Set endpoint.replace_broken to true, and the run deletes it and makes it again; or take another endpoint name.",
        )
    ]


def _kind(endpoint: EndpointInfo) -> IdentityKind:
    return IdentityKind.UAI if endpoint.identity_kind.lower() == "userassigned" else IdentityKind.SAI


def _carries(endpoint: EndpointInfo, identity: IdentityInfo | None) -> bool:
    """Whether the endpoint has this user-assigned identity; True for a system-assigned one."""
    if _kind(endpoint) is IdentityKind.SAI:
        return True
    return identity is not None and any(names.same_id(identity.id, attached) for attached in endpoint.identity_ids)


def _resources(answers: Answers, found: Found, run: str) -> list[PlannedResource]:
    place, store = found.place, answers.storage
    group = place.resource_group
    account = found.account.id if found.account else names.storage_account_id(place.subscription, group, store.account)
    container = names.container_id(account, store.container)
    front = names.endpoint_id(place.workspace_id, answers.endpoint.name)
    made = Action.CREATE

    def seen(exists: object) -> Action:
        return Action.USE if exists else made

    resources = [
        PlannedResource(
            "workspace",
            ResourceKind.WORKSPACE,
            answers.workspace.name,
            Action.USE,
            place.workspace_id,
            place.location,
            "where the endpoint lives",
        )
    ]
    if answers.identity.kind is IdentityKind.UAI and answers.identity.name:
        identity = (
            found.identity.id
            if found.identity
            else names.identity_id(place.subscription, answers.identity.resource_group or group, answers.identity.name)
        )
        resources.append(
            PlannedResource(
                "identity", ResourceKind.IDENTITY, answers.identity.name, seen(found.identity), identity, place.location,
                "who the endpoint is when it reads storage",
            )
        )  # fmt: skip
    file = f"from {store.upload}" if store.upload and not found.blob else ""
    asset = f"{answers.endpoint.name}-{run}"
    code = code_name(run)
    instance, fit = f"{answers.deployment.instance_type} x {answers.deployment.instance_count}", _fit(answers, found)
    quota = f", quota: {fit.words}" if fit else ""
    resources += [
        PlannedResource(
            "storage-account", ResourceKind.STORAGE_ACCOUNT, store.account, seen(found.account), account,
            found.account.kind if found.account else f"{place.location}, StorageV2, Standard_LRS, TLS 1.2, no public blobs",
            "holds the file your script reads",
        ),
        PlannedResource("container", ResourceKind.CONTAINER, store.container, seen(found.container), container, "private", "what the grant covers"),
        PlannedResource(
            "blob", ResourceKind.BLOB, store.blob, seen(found.blob), blob_id(container, store.blob), file, "what init() reads"
        ),
        PlannedResource(
            "model", ResourceKind.MODEL, f"{asset}-model", made, names.asset_id(place.workspace_id, "models", f"{asset}-model", "1"),
            f"from {answers.deployment.model}", "what predicts",
        ),
        PlannedResource(
            "environment", ResourceKind.ENVIRONMENT, f"{asset}-env", made, names.asset_id(place.workspace_id, "environments", f"{asset}-env", "1"),
            f"from {answers.deployment.conda}", "what the script runs in",
        ),
        PlannedResource(
            "code", ResourceKind.CODE, code, made, names.asset_id(place.workspace_id, "codes", code, "1"),
            f"from {answers.deployment.code}", "the scoring script",
        ),
        PlannedResource(
            "endpoint", ResourceKind.ENDPOINT, answers.endpoint.name, *_front(answers, found, front),
            "what you call",
        ),
        PlannedResource(
            "deployment", ResourceKind.DEPLOYMENT, answers.deployment.name, made, names.deployment_id(front, answers.deployment.name),
            instance + quota, "what answers; it bills while it exists",
        ),
    ]  # fmt: skip
    return resources


def _front(answers: Answers, found: Found, front: str) -> tuple[Action, str, str]:
    """What happens to the endpoint: action, id and detail."""
    fresh = f"key authentication, {answers.identity.kind.words} identity"
    if found.endpoint is None:
        return Action.CREATE, front, fresh
    if found.endpoint.broken:
        return Action.REPLACE, front, f"the broken one of this name is deleted first; {fresh}"
    return Action.CHANGE, front, "all traffic goes to the new deployment"


def blob_id(container: str, blob: str) -> str:
    """The ledger's id of a blob: Azure Resource Manager has none, so the container's id and the name."""
    return f"{container}/blobs/{blob}"


def _grants(session: Session, answers: Answers, found: Found) -> list[Grant]:
    place, store = found.place, answers.storage
    account = (
        found.account.id
        if found.account
        else names.storage_account_id(place.subscription, place.resource_group, store.account)
    )
    whole = store.scope is GrantScope.ACCOUNT
    scope = account if whole else names.container_id(account, store.container)
    words = f"account {store.account}" if whole else f"container {store.container} of {store.account}"
    uai = answers.identity.kind is IdentityKind.UAI
    principal = answers.identity.name if uai and answers.identity.name else answers.endpoint.name
    principal_id = ""
    if uai and found.identity:
        principal_id = found.identity.principal_id
    elif not uai and found.endpoint and not found.endpoint.broken and found.endpoint.principal_id:
        principal_id = found.endpoint.principal_id
    skipped = answers.grants is GrantPolicy.SKIP

    def grant(key: str, role: roles.Role, at: str, at_words: str, why: str, *, automatic: bool = False) -> Grant:
        held = bool(principal_id) and any(g.role_guid == role.guid for g in grants.list_for(session, at, principal_id))
        return Grant(
            key,
            principal,
            principal_id,
            role.name,
            role.guid,
            at,
            at_words,
            why,
            held,
            automatic,
            skipped and not automatic,
        )

    planned = [grant("grant-storage", roles.BLOB_READER, scope, words, f"so that init() may read {store.blob}")]
    registry, own = place.registry_id, place.workspace_storage_id
    by_azure = "; made by Azure itself for a system-assigned identity"
    if registry:
        planned.append(
            grant(
                "grant-registry", roles.ACR_PULL, registry, f"registry {registry.rsplit('/', 1)[-1]}",
                "so that the container image may be pulled" + ("" if uai else by_azure), automatic=not uai,
            )
        )  # fmt: skip
    planned.append(
        grant(
            "grant-workspace", roles.BLOB_READER, own, f"account {own.rsplit('/', 1)[-1]}",
            "so that the model and the code may be fetched" + ("" if uai else by_azure), automatic=not uai,
        )
    )  # fmt: skip
    return planned


def steps_of(answers: Answers, planned: Iterable[Grant]) -> list[PlannedStep]:
    """The graph. Typical times are medians of public field reports, in seconds."""
    uai = answers.identity.kind is IdentityKind.UAI
    principal = ("identity",) if uai else ("endpoint",)
    steps = (
        [PlannedStep("identity", "user-assigned identity", "the endpoint's identity comes first", (), 5)] if uai else []
    )
    steps += [
        PlannedStep("storage-account", "storage account", "holds the file your script reads", (), 22),
        PlannedStep("container", "container", "what the grant covers", ("storage-account",), 2),
        PlannedStep("blob", "blob", "what init() reads", ("container",), 2),
        PlannedStep("endpoint", "online endpoint", "its identity is born with it", principal if uai else (), 92),
        PlannedStep("model", "model", "uploaded and registered while the endpoint is made", (), 8),
        PlannedStep("environment", "environment", "registered while the endpoint is made", (), 2),
        PlannedStep("code", "code", "uploaded and registered while the endpoint is made", (), 5),
    ]
    made = [grant for grant in planned if not grant.automatic]
    for grant in made:
        after = ("container",) if grant.key == "grant-storage" and answers.storage.scope is GrantScope.CONTAINER else ()
        after = after or (("storage-account",) if grant.key == "grant-storage" else ())
        steps.append(
            PlannedStep(grant.key, f"grant {grant.role} on {grant.scope_words}", grant.why, (*principal, *after), 3)
        )
    steps += [
        PlannedStep("effective", "grants take effect", "Azure needs up to 10 minutes, usually less than 2", tuple(g.key for g in made), 30),
        PlannedStep(
            "deployment", f"deployment {answers.deployment.name}", "builds the image, starts the container, calls init()",
            ("endpoint", "effective", "blob", "model", "environment", "code"), 540,
        ),
        PlannedStep("traffic", "traffic 100 %", "requests reach a deployment only by traffic", ("deployment",), 15),
        PlannedStep("request", "first request", "proves that the endpoint answers", ("traffic",), 2),
    ]  # fmt: skip
    return steps


def _warnings(answers: Answers, found: Found) -> list[str]:
    warnings: list[str] = []
    if found.account is not None and not found.account.shared_keys and answers.storage.upload and not found.blob:
        warnings.append(
            f"Shared keys are off on {found.account.name}: the file is uploaded with your sign-in, which needs Storage Blob Data Contributor."
        )
    if found.account is not None and not found.account.public_network:
        warnings.append(
            f"{found.account.name} admits no public network access: the endpoint reaches it by a private endpoint only."
        )
    if found.blob and answers.storage.upload:
        warnings.append(
            f"The blob {answers.storage.blob!r} is already there; it is used as it is and {answers.storage.upload} is not uploaded."
        )
    if found.blob is None:
        warnings.append(f"Whether the blob {answers.storage.blob!r} exists cannot be seen with your rights.")
    if answers.storage.scope is GrantScope.ACCOUNT:
        warnings.append("The endpoint may read every container of the account; scope: container would do.")
    if answers.grants is GrantPolicy.SKIP:
        warnings.append("The grants are left to somebody else; the deployment fails unless they are there in time.")
    if found.endpoint is not None and found.endpoint.broken:
        warnings.append(
            f"The endpoint {found.endpoint.name!r} was never made completely. It is deleted and made again."
        )
    elif found.endpoint is not None:
        warnings.append(
            f"The endpoint {found.endpoint.name!r} exists; its traffic will go to {answers.deployment.name!r} alone."
        )
    return [*warnings, *_quota_warnings(answers, found)]


def _quota_warnings(answers: Answers, found: Found) -> list[str]:
    """A quota that is too small does not stop a plan: it may be raised before the run comes to it."""
    wanted, room, fit = answers.deployment, found.capacity, _fit(answers, found)
    if room is None:
        return [f"Whether the quota suffices could not be read: {found.no_capacity}"]
    if room.absent(wanted.instance_type):
        return [f"{wanted.instance_type} is not among the sizes that Azure ML lists in {room.location}."]
    if fit is not None and fit.fits is False:
        many = f"{wanted.instance_type} x {wanted.instance_count}"
        near = next((kind.name for kind in _cheapest() if _fits(room.fit(kind.name, wanted.instance_count))), "")
        also = f" {near} fits." if near else ""
        return [f"Quota: {many} {fit.words}. Azure will refuse the deployment: {QUOTA_HELP}.{also}"]
    return []


def _cheapest() -> list[instances.InstanceType]:
    return sorted(instances.all_types(), key=lambda kind: kind.usd_per_hour)


def _fits(fit: Fit | None) -> bool:
    return fit is not None and fit.fits is True
