"""Where the wizard works and who is signed in there: the part of its memory that is about the open target, accounts and tenants."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mi_tui.model.sign_in import Prompt, SignIn
    from mi_tui.workflow import Account, Attempt, Target, Workflow


class Accounts:
    """Signing in to Azure, and the words at the top that say who did."""

    def __init__(self, workflow: Workflow | None) -> None:
        self._workflow = workflow
        self.target: Target | None = None
        self.profile = "demo"
        self.who = ""
        self.signed_in = ""
        """Who is signed in to the open target, as the token says."""
        self.tenant = ""
        self.tenant_name = ""
        self.account: Account | None = None
        """Who is signed in to the open Azure, when that was chosen on the first screen."""
        self.accounts: dict[SignIn, Account] = {}
        """Who signed in by hand in this sitting, to be gone on with without doing it again."""
        self.asked_tenant = ""
        """The tenant that a guest named; empty is one's own."""
        self._attempt: Attempt | None = None

    @property
    def workflow(self) -> Workflow:
        """The door to everything else; imported at first use, which is after the first paint and off the UI thread."""
        if self._workflow is None:
            from mi_tui.workflow import Workflow

            self._workflow = Workflow()
            self._workflow.command = "the wizard"
        return self._workflow

    def sign_in(self, kind: SignIn, prompt: Callable[[Prompt], None]) -> Account | None:
        """Sign in by hand; blocks, for `background`. None when it was given up. ServiceError when it was refused."""
        from mi_tui.workflow import SignInCancelled

        attempt = self.workflow.sign_in(kind, self.asked_tenant, prompt)
        self._attempt = attempt
        try:
            account = attempt.run()
        except SignInCancelled:
            return None
        self.accounts[kind] = account
        return account

    def cancel_sign_in(self) -> None:
        """Give up the sign-in that waits for somebody, if one does."""
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.cancel()

    def signed_in_again(self, target: Target, account: Account) -> None:
        """Somebody signed in by hand in the middle of a run."""
        if target is self.target:
            self.account, self.signed_in = account, account.caller.name
            self.say_who()

    def _name_of(self, target: Target, tenant: str) -> str:
        """The tenant's name; empty where Azure tells none, which keeps nobody from going on."""
        from mi_tui.workflow import ServiceError

        try:
            return self.workflow.tenant_name(target, tenant)
        except ServiceError:
            return ""

    def say_who(self, subscription: str = "") -> None:
        """Say at the top who is signed in, to which tenant, and where; `subscription` is a name."""
        target = self.target
        place = () if target is None else ("sandbox", self.profile) if target.connection else ("azure",)
        tenant = "" if target is None or target.connection else self.tenant_name or f"tenant {self.tenant[:8]}…"
        self.who = " · ".join(part for part in (*place, self.signed_in, tenant, subscription) if part)
