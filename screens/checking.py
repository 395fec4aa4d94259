"""The checks on Review: begun with the plan, shown as they come, never waited for; and what is asked before a run that a check warns of."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import ClassVar

from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Button, Static

from mi_tui.fixing import settled
from mi_tui.model.answers import Answers
from mi_tui.model.check import Check, CheckStatus, offer
from mi_tui.model.diagnosis import Change
from mi_tui.model.failure import Failure
from mi_tui.model.text import masked, visible
from screens.dialogs import Dialog
from screens.wizard import Wizard

_NAMED = 3
"""How many failed checks the question names."""


class Checking:
    """What is known of the checks of the draft. `changed` is called on the UI thread whenever there is more."""

    def __init__(self, wizard: Wizard, changed: Callable[[], None]) -> None:
        self._wizard, self._changed = wizard, changed
        self._asked = 0
        self.running = False
        self.checks: list[Check] = []
        """Those that are known; in the order of the table once all are."""
        self.trouble: Failure | None = None
        """Why there are none."""

    def begin(self, answers: Answers | None = None) -> None:
        """Begin anew, for `answers` or for those of the draft, which is complete. What an earlier beginning still says is ignored."""
        wizard, target = self._wizard, self._wizard.target
        assert target is not None
        given = answers or copy.deepcopy(wizard.draft).answers()
        self._asked += 1
        asked = self._asked
        self.running, self.checks, self.trouble = True, [], None

        def tell(check: Check) -> None:
            wizard.tell(lambda: self._take(asked, check))

        wizard.background(
            lambda: wizard.workflow.advice.preflight(target, given, tell), lambda found: self._end(asked, found)
        )
        self._changed()

    def forget(self) -> None:
        """There is nothing to check."""
        self._asked += 1
        self.running, self.checks, self.trouble = False, [], None

    @property
    def unreached(self) -> bool:
        """Whether something could not be looked at for what passes by itself."""
        return not self.running and self._wizard.workflow.advice.unreached(self.checks)

    @property
    def failed(self) -> list[Check]:
        """The checks that failed, as far as they are known."""
        return [check for check in self.checks if check.status is CheckStatus.FAILED]

    @property
    def repairs(self) -> list[tuple[str, Change]]:
        """What mi-tui can change against what the checks found, in words."""
        wrong = (CheckStatus.FAILED, CheckStatus.WARNING)
        return [
            (f"{check.title}: {offer(check.change)}", check.change)
            for status in wrong
            for check in self.checks
            if check.status is status and check.change is not None
        ]

    def _take(self, asked: int, check: Check) -> None:
        if asked == self._asked and self.running:
            self.checks.append(settled(check, self._wizard.plan))
            self._changed()

    def _end(self, asked: int, found: list[Check] | Failure) -> None:
        if asked != self._asked:
            return
        self.running = False
        if isinstance(found, Failure):
            self.trouble = found
        else:
            self.checks = [settled(check, self._wizard.plan) for check in found]
        self._changed()


class DeployAnyway(Dialog):
    """Says what a check found, and asks whether to deploy all the same; not to is the default."""

    HELP: ClassVar[str] = "review"
    TITLE_TEXT = "This would fail"

    def __init__(self, failed: list[Check], deploy: Callable[[], None], *, hidden: bool) -> None:
        super().__init__()
        self._failed, self._deploy, self._hidden = failed, deploy, hidden

    def content(self) -> Iterable[Widget]:
        yield VerticalScroll(
            *(Static(self._words(check), markup=False) for check in self._failed[:_NAMED]),
            Static(self._rest(), markup=False),
            id="text",
            can_focus=False,
        )

    def choices(self) -> Iterable[Widget]:
        yield Button("Back to the plan", id="close", variant="primary")
        yield Button("Deploy all the same", id="deploy")

    def ready(self) -> None:
        many = len(self._failed)
        self.retitle(f"{many} {'checks say' if many > 1 else 'check says'} that this run would fail")
        self.query_one("#close", Button).focus()

    def _words(self, check: Check) -> str:
        text = visible(f"{check.title}: {check.evidence} {check.advice}")
        return masked(text) if self._hidden else text

    def _rest(self) -> str:
        more = len(self._failed) - _NAMED
        also = f"And {more} more. " if more > 0 else ""
        return f"{also}Nothing was changed yet. On the review, d shows each check with what to do, and x what mi-tui can change."

    def chosen(self, button: str) -> None:
        if button == "deploy":
            self.dismiss(None)
            self._deploy()
