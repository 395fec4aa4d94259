"""Storage: the account's name and network, and the blob that the script reads."""

from __future__ import annotations

import secrets
from pathlib import Path

from mi_tui.guide.preflight import policy
from mi_tui.guide.preflight.finding import Finding, az, failed, ok, skipped, warning
from mi_tui.guide.preflight.reads import Reads
from mi_tui.model import names
from mi_tui.model.diagnosis import Change, ChangeKind
from mi_tui.services.errors import ServiceError


def account(reads: Reads) -> Finding:
    """The account is there, or can be made under this name."""
    store, found = reads.answers.storage, reads.account.result()
    if found is not None:
        if not found.ready:
            return warning(f"{found.name} is still being created.", "The run waits for it.")
        if found.location.lower() != reads.location().lower():
            return ok(f"{found.name} is used; it is in {found.location}, the endpoint will be in {reads.location()}")
        return ok(f"{found.name} is used ({found.kind}, {found.location})")
    if reads.store_group.lower() != reads.answers.workspace.resource_group.lower():
        return failed(
            f"There is no storage account {store.account!r} in the resource group {reads.store_group!r}.",
            "Name one that exists there, or leave storage.resource_group out and let the run make the account.",
            az("storage", "account", "list", "--resource-group", reads.store_group, "--output", "table"),
        )
    if fault := names.STORAGE_ACCOUNT.fault(store.account):
        return failed(fault, "Take a name that keeps the rule.")
    if reason := reads.name_taken.result():
        free = f"{store.account[:18]}{secrets.token_hex(3)}"
        return failed(
            reason,
            f"Take another name, such as {free}: names are unique among all customers of Azure.",
            change=Change(ChangeKind.STORAGE_ACCOUNT, (free,)),
        )
    return ok(f"the name {store.account} is free")


def network(reads: Reads) -> Finding:
    """Whether the endpoint, and this machine where it uploads, reach the account."""
    found = reads.account.result()
    if found is None:
        return _new_network(reads)
    closed = "publicNetworkAccess is Disabled" if not found.public_network else ""
    if found.public_network and found.firewall:
        closed = "its network rules let in named addresses and services only (default action Deny)"
    if not closed:
        return ok(f"{found.name} is open to public networks; roles decide")
    space = reads.workspace.result()
    command = az(
        "storage",
        "account",
        "update",
        "--ids",
        found.id,
        "--public-network-access",
        "Enabled",
        "--default-action",
        "Allow",
    )
    said = f"{found.name}: {closed}."
    if space.isolation.lower() != "disabled":
        return warning(
            said,
            "The endpoint reaches it only by a private endpoint in the workspace's managed network; see that there is one.",
            command,
        )
    # Without a managed network the endpoint comes from a public address that no rule can name.
    return failed(
        said,
        "The endpoint would be refused (403 AuthorizationFailure), whatever roles it has. Open the account's network, or take another account; "
        "with a managed network in the workspace, a private endpoint does.",
        command,
    )


def _new_network(reads: Reads) -> Finding:
    """A policy may close what is made open, and answers that all went well."""
    try:
        one = policy.closing(reads.policies.result())
    except ServiceError:
        one = None  # the check of policies says why they cannot be read
    if one is None:
        return ok("a new account is open to public networks, unless a policy closes it that is not seen here")
    said = f"The policy {one.name} closes the public network of every new storage account."
    if reads.workspace.result().isolation.lower() != "disabled":
        return warning(said, "The endpoint reaches it only by a private endpoint in the workspace's managed network.")
    return failed(
        said,
        "The endpoint would be refused (403 AuthorizationFailure). Take an account that is open, or ask for an exemption.",
    )


def blob(reads: Reads) -> Finding:
    """The blob that is only used must be there; one that is uploaded is made."""
    store = reads.answers.storage
    if store.upload:
        if not Path(store.upload).is_file():
            return failed(f"There is no file {store.upload}.", "Name the file that is meant (storage.upload).")
        return ok(f"{store.blob} is uploaded from {store.upload}, unless it is there already")
    there = reads.blob.result()
    if there is None:
        return skipped("because you may not look into the container; the endpoint's identity may be able to")
    if there:
        return ok(f"{store.blob} is in {store.container}")
    return failed(
        f"There is no blob {store.blob!r} in the container {store.container!r}, and storage.upload names no file.",
        "Set storage.upload to a local file, or storage.blob to a blob that is there.",
        az(
            "storage", "blob", "list", "--account-name", store.account, "--container-name", store.container, "--auth-mode", "login",
            "--output", "table",
        ),
    )  # fmt: skip
