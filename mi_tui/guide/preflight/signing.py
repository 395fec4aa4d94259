"""Who is signed in, where, and by which clock; and the providers of the subscription."""

from __future__ import annotations

from typing import Protocol

from mi_tui.guide.preflight import facts
from mi_tui.guide.preflight.finding import Finding, az, failed, listed, ok, sentence, skipped, warning
from mi_tui.guide.preflight.once import Once
from mi_tui.guide.preflight.reads import Reads
from mi_tui.model.answers import IdentityKind
from mi_tui.model.diagnosis import Change, ChangeKind
from mi_tui.services import rights
from mi_tui.services.errors import ServiceError
from mi_tui.services.session import Caller


class Signing(Protocol):
    """What is read to say who is signed in."""

    caller: Once[Caller]
    clock: Once[float | None]


def sign_in(reads: Signing) -> Finding:
    """Whether there is a token, whose, and in which tenant."""
    try:
        caller = reads.caller.result()
    except ServiceError as error:
        advice = error.failure.advice or "Sign in, then try again."
        return failed(sentence(error.failure), advice, az("login"))
    return ok(f"{caller.name} (object id {caller.object_id or 'not told'}), tenant {caller.tenant or 'not told'}")


def clock(reads: Signing) -> Finding:
    """Whether the machine's clock agrees with Azure's."""
    ahead = reads.clock.result()
    if ahead is None:
        return skipped("Azure's answer did not tell the time.")
    away = abs(ahead)
    words = f"{away:.0f} s {'ahead of' if ahead > 0 else 'behind'} Azure's clock"
    advice = "Set the clock by the network (timedatectl set-ntp true; on macOS: sudo sntp -sS time.apple.com)."
    if away >= facts.CLOCK_BAD:
        return failed(f"This machine is {words}.", advice)
    if away >= facts.CLOCK_ODD:
        return warning(f"This machine is {words}.", advice)
    return ok("within a few seconds of Azure's" if away < 5 else words)


def subscription(reads: Reads) -> Finding:
    """Whether the subscription is there for the caller, enabled, and of the tenant signed in to."""
    wanted = reads.answers.workspace.subscription
    try:
        found = reads.subscription.result()
    except ServiceError as error:
        if error.status not in {401, 403, 404}:
            raise
        return failed(
            sentence(error.failure),
            "Take a subscription that 'az account list' shows; a guest has to name the tenant (--tenant).",
            az("account", "list", "--output", "table"),
        )
    tenant = reads.caller.result().tenant
    if found.tenant and tenant and found.tenant.lower() != tenant.lower():
        return failed(
            f"{found.name} ({wanted}) belongs to tenant {found.tenant}, and you are signed in to {tenant}.",
            "Sign in to the subscription's tenant.",
            az("login", "--tenant", found.tenant),
        )
    if found.state == "Enabled":
        return ok(f"{found.name} ({wanted}) is Enabled")
    said = f"{found.name} ({wanted}) is {found.state or 'in an unknown state'}."
    advice = "Have its owner look at its billing in the Azure portal; nothing can be made in it until it is Enabled."
    if found.state in {"Warned", "PastDue"}:
        return warning(said, advice)
    return failed(said, advice)


def providers(reads: Reads) -> Finding:
    """Whether the resource providers are registered that this plan and a first endpoint need."""
    states = {name: one.result() for name, one in reads.providers.items()}
    missing = [name for name, state in states.items() if state not in {"Registered", ""}]
    if not missing:
        unknown = [name for name, state in states.items() if not state]
        if unknown:
            return warning(
                f"Azure does not tell whether these are registered: {listed(unknown)}.", "Look at them in the portal."
            )
        return ok(f"{len(states)} of {len(states)} are Registered")
    said = ", ".join(f"{name} is {states[name]}" for name in missing)
    waiting = [name for name in missing if states[name] == "Registering"]
    subscription_id = reads.answers.workspace.subscription
    command = "\n".join(
        az("provider", "register", "--namespace", name, "--subscription", subscription_id) for name in missing
    )
    needed = [name for name in missing if name in _needed(reads)]
    may = _may_register(reads, missing)
    change = Change(ChangeKind.REGISTER, tuple(name for name in missing if name not in waiting)) if may else None
    if len(waiting) == len(missing):
        advice, change = "Wait a minute or two until they are Registered.", None
    elif may:
        advice = "Register them (you may), and wait until they are Registered."
    else:
        advice = "Have somebody with Contributor on the subscription register them: it takes a right on the subscription itself."
    return failed(f"{said}.", advice, command, change) if needed else warning(f"{said}.", advice, command, change)


def _may_register(reads: Reads, names: list[str]) -> bool:
    """Whether the caller may register them, which takes a right on the subscription itself. Who may not even ask there, may not."""
    try:
        entries = reads.on_subscription.result() or ()
    except ServiceError:
        return False
    return all(rights.permitted(entries, f"{name}/register/action") for name in names)


def _needed(reads: Reads) -> frozenset[str]:
    """The providers without which this plan fails."""
    needed = set(facts.FIRST_ENDPOINT)
    if reads.account.result() is None:
        needed.add("Microsoft.Storage")
    if reads.answers.identity.kind is IdentityKind.UAI and reads.identity.result() is None:
        needed.add("Microsoft.ManagedIdentity")
    if reads.registry_id() is None:
        needed.add("Microsoft.ContainerRegistry")
    return frozenset(needed)
