"""The workspace: whether it is there, in which state, on which network, and what belongs to it."""

from __future__ import annotations

from mi_tui.guide.preflight import facts
from mi_tui.guide.preflight.finding import Finding, az, failed, give_role, ok, sentence, skipped, warning
from mi_tui.guide.preflight.reads import Reads
from mi_tui.model.roles import BLOB_CONTRIBUTOR
from mi_tui.services import rights
from mi_tui.services.errors import ServiceError


def _named(reads: Reads) -> tuple[str, ...]:
    where = reads.answers.workspace
    return ("--name", where.name, "--resource-group", where.resource_group, "--subscription", where.subscription)


def workspace(reads: Reads) -> Finding:
    """Whether it exists for the caller, and is whole."""
    try:
        found = reads.workspace.result()
    except ServiceError as error:
        if error.status not in {403, 404}:
            raise
        where = reads.answers.workspace
        return failed(
            sentence(error.failure),
            "Take a workspace that the list shows, or have Reader granted on this one.",
            az("ml", "workspace", "list", "--subscription", where.subscription, "--output", "table"),
        )
    said = f"{found.name} in {found.location} is {found.state or 'there'}"
    if found.state in {"Succeeded", ""}:
        return ok(said)
    return failed(
        f"{said}.",
        "Wait until it is Succeeded, or have it repaired.",
        az("ml", "workspace", "diagnose", *_named(reads)),
    )


def legacy(reads: Reads) -> Finding:
    """`v1_legacy_mode` keeps all of Azure ML's second API, endpoints among it, out of the workspace."""
    if not reads.workspace.result().v1_legacy:
        return ok("v1_legacy_mode is off")
    return failed(
        "v1LegacyMode is true.",
        "Turn it off; ask who runs the network first, it was turned on to keep traffic private.",
        # 'az ml workspace update' of the second extension does not know the property ("Network isolation with v2").
        az(
            "resource",
            "update",
            *_named(reads),
            "--resource-type",
            "Microsoft.MachineLearningServices/workspaces",
            "--set",
            "properties.v1LegacyMode=false",
        ),
    )


def network(reads: Reads) -> Finding:
    """Whether endpoints can be made in, and asked from, where we are."""
    found = reads.workspace.result()
    managed = found.isolation.lower() != "disabled"
    if managed and found.network_status.lower() != "active":
        return failed(
            f"The managed network ({found.isolation}) is {found.network_status or 'not provisioned'}.",
            "Provision it; that takes some minutes.",
            az("ml", "workspace", "provision-network", *_named(reads)),
        )
    if not found.public_network_access:
        inside = (
            f"its managed network ({found.isolation}) is {found.network_status}"
            if managed
            else "it has no managed network"
        )
        return warning(
            f"publicNetworkAccess is Disabled; {inside}.",
            "Run mi-tui where the workspace's private endpoint is reached; elsewhere have public access enabled.",
            az("ml", "workspace", "update", *_named(reads), "--public-network-access", "Enabled"),
        )
    return ok(f"public network access; managed network: {found.isolation} {found.network_status}".rstrip())


def registry(reads: Reads) -> Finding:
    """A user-assigned identity must be granted AcrPull on the registry, which Azure makes late."""
    found = reads.workspace.result()
    if found.registry_id:
        return ok(found.registry_id.rsplit("/", 1)[-1])
    if not reads.uai:
        return ok("none yet: Azure makes it with the first image, and grants the endpoint's own identity AcrPull")
    where = reads.answers.workspace
    return failed(
        f"The workspace {where.name!r} has no container registry yet, so the identity cannot be granted AcrPull on it.",
        "Attach a registry, take a workspace that has one, or a system-assigned identity (identity.kind: sai).",
        az(
            "ml",
            "workspace",
            "update",
            *_named(reads),
            "--container-registry",
            "REGISTRY-ID",
            "--update-dependent-resources",
        ),
    )


def own_storage(reads: Reads) -> Finding:
    """Model and code are uploaded to the workspace's own account: by its key, or by Entra ID where the datastores say so."""
    account, identifier = reads.own_storage.result(), reads.own_storage_id()
    if account is None:
        return failed(
            f"The workspace's storage account {identifier} is not there.", "Take another workspace: this one is broken."
        )
    if not account.public_network or account.firewall:
        closed = "publicNetworkAccess is Disabled" if not account.public_network else "the default action is Deny"
        return warning(
            f"{account.name}: {closed}. Model and code are uploaded there from this machine.",
            "Run mi-tui where the account is reached (its private endpoint, or an address that its rules let in).",
        )
    mode = reads.workspace.result().datastores_auth
    if mode.lower() == "identity":
        entries = reads.on_own_storage.result() or ()
        if rights.permitted(entries, facts.WRITE_BLOB.action):
            return ok(f"{account.name}: uploads sign in with Entra ID, and you may write blobs there")
        return failed(
            f"{account.name}: the workspace's datastores sign in with Entra ID, and you may not write blobs there.",
            f"Have {BLOB_CONTRIBUTOR.name} granted to you on it.",
            give_role(reads, BLOB_CONTRIBUTOR.name, account.id),
        )
    if not account.shared_keys and mode.lower() not in {"", "accesskey"}:
        return skipped(f"because how uploads sign in where systemDatastoresAuthMode is {mode} is not known here")
    if not account.shared_keys:
        return failed(
            f"{account.name}: allowSharedKeyAccess is false, and the workspace's datastores use the account's key.",
            "Have keys allowed on that account again, or the workspace's datastores changed to identity-based access "
            "(systemDatastoresAuthMode: identity).",
            az("storage", "account", "update", "--ids", account.id, "--allow-shared-key-access", "true"),
        )
    return ok(f"{account.name}: keys are allowed, the network is open")
