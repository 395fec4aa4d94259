"""What can be looked at without any answers: the sign-in, the clock, the subscriptions that are seen, the tools of this machine."""

from __future__ import annotations

import shutil

from mi_tui.guide.preflight import signing
from mi_tui.guide.preflight.finding import Finding, Spec, az, failed, listed, ok, skipped
from mi_tui.guide.preflight.once import Once
from mi_tui.services import clock, subscriptions
from mi_tui.services.session import Session
from mi_tui.services.subscriptions import SubscriptionInfo


class Basics:
    """The reads that need no answers."""

    def __init__(self, session: Session) -> None:
        self.clock = Once("clock", clock.skew)
        self.caller = Once("sign-in", session.caller)
        self.subscriptions = Once("subscriptions", lambda: self._subscriptions(session), after=(self.caller,))

    def begin(self) -> None:
        """Begin all of them."""
        for one in (self.clock, self.caller, self.subscriptions):
            one.start()

    def _subscriptions(self, session: Session) -> list[SubscriptionInfo]:
        self.caller.result()
        return subscriptions.list_all(session)


def seen(reads: Basics) -> Finding:
    """Which subscriptions the sign-in sees, and which of them can be worked in."""
    found = reads.subscriptions.result()
    enabled = [f"{one.name} ({one.id})" for one in found if one.state == "Enabled"]
    if enabled:
        rest = len(found) - len(enabled)
        return ok(f"{listed(enabled)}{f'; {rest} not Enabled' if rest else ''}")
    tenant = reads.caller.result().tenant
    return failed(
        f"{len(found)} subscriptions are seen, none of them Enabled."
        if found
        else f"No subscription is seen in tenant {tenant}.",
        "Have a role granted to you in one; a guest has to name the tenant (--tenant).",
        az("login", "--tenant", "TENANT"),
    )


def tools(_: Basics) -> Finding:
    """The Azure CLI signs in and runs the commands that are advised; mi-tui itself does without."""
    found = shutil.which("az")
    if found:
        return ok(f"the Azure CLI is {found}")
    return skipped("because there is no Azure CLI here: sign in by --sign-in environment, browser or device-code")


BASICS: tuple[Spec[Basics], ...] = (
    Spec("sign-in", "Signed in", "Sign-in", signing.sign_in, "Nothing in Azure can be read or made without a token."),
    Spec(
        "clock", "This machine's clock", "Sign-in", signing.clock, "Entra refuses tokens whose times are minutes off."
    ),
    Spec("subscriptions", "Subscriptions", "Sign-in", seen, "An endpoint lives in a subscription.", ("sign-in",)),
    Spec("tools", "Tools", "Sign-in", tools, "The advised commands are its."),
)
