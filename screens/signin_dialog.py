"""Signing in to Azure by device code or in a browser: what to do, how long there is, and a way to give up at any moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from mi_tui.model.failure import Failure
from mi_tui.model.sign_in import Prompt, SignIn
from mi_tui.model.text import clock, cut, masked, visible
from screens.dialogs import Dialog

if TYPE_CHECKING:
    from mi_tui.workflow import Account
    from screens.wizard import Wizard

_FRAMES = "◐◓◑◒"
_LONGEST = 300
"""Characters of an address that are shown; all of it is copied."""


class SignInDialog(Dialog):
    """Runs one sign-in in the background. `done` gets the account; giving up tells nobody."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["dialogs.tcss", "signin_dialog.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "copy the code, or the address where there is none"),
        Binding("u", "copy_address", "copy the address"),
    ]
    HELP = "sign_in"

    def __init__(self, wizard: Wizard, kind: SignIn, done: Callable[[Account], None]) -> None:
        super().__init__()
        self.wizard = wizard
        self._kind = kind
        self._done = done
        self._prompt: Prompt | None = None
        self._failure: Failure | None = None
        self._began = 0.0
        self._round = 0

    def content(self) -> Iterable[Widget]:
        yield Static("", id="how", markup=False)
        yield Static("", id="address", markup=False)
        yield Static("", id="then", markup=False)
        yield Static("", id="code", markup=False)
        yield Static("", id="state", markup=False)

    def choices(self) -> Iterable[Widget]:
        yield Button("Try again", id="again", variant="primary")
        yield Button("Copy code (y)", id="copy", variant="primary")
        yield Button("Copy address (u)", id="copy-address")
        yield Button("Cancel", id="close")

    def ready(self) -> None:
        device = self._kind is SignIn.DEVICE_CODE
        self.retitle("Sign in with a device code" if device else "Sign in in your browser")
        self.set_interval(1 / 8, self._tick)
        self._begin()

    # ---- the attempt

    def _begin(self) -> None:
        wizard = self.wizard
        self._round += 1
        self._prompt, self._failure, self._began = None, None, time.monotonic()
        asked = self._round

        def prompt(what: Prompt) -> None:
            wizard.tell(lambda: self._prompted(what, asked))

        def call() -> Account | None:
            return wizard.sign_in(self._kind, prompt)

        wizard.background(call, lambda result: self._ended(result, asked))
        self._draw()
        self.query_one("#close", Button).focus()

    def _prompted(self, what: Prompt, asked: int) -> None:
        if asked != self._round or not self.is_attached:
            return
        self._prompt = what
        self._draw()
        self.query_one("#copy" if what.code else "#copy-address", Button).focus()

    def _ended(self, result: Account | Failure | None, asked: int) -> None:
        if asked != self._round or not self.is_attached or result is None:
            return
        if isinstance(result, Failure):
            self._failure = result
            self.wizard.last_failure = result
            self._draw()
            self.query_one("#again", Button).focus()
            return
        self._round += 1
        self.dismiss(None)
        self._done(result)

    def action_close(self) -> None:
        """Give up. Nothing is asked of Entra any more."""
        self._round += 1
        self.wizard.cancel_sign_in()
        super().action_close()

    # ---- looks

    def _draw(self) -> None:
        prompt, failure = self._prompt, self._failure
        device = self._kind is SignIn.DEVICE_CODE
        waiting = prompt is not None and failure is None
        self.query_one("#address", Static).update(self._shown(cut(prompt.url, _LONGEST)) if prompt else "")
        self.query_one("#code", Static).update(visible(" ".join(prompt.code)) if prompt else "")
        self.query_one("#how", Static).update(
            "1. Open this page in a browser, on this or any other device:"
            if device
            else "A page was opened in your browser: sign in there. If none came up, open this address on this machine:"
        )
        self.query_one("#then", Static).update("2. Enter this code there, and sign in:")
        for name, shown in (
            ("how", waiting), ("address", waiting), ("then", waiting and device), ("code", waiting and device),
            ("copy", waiting and device), ("copy-address", waiting), ("again", failure is not None),
        ):  # fmt: skip
            self.query_one(f"#{name}").display = shown
        self.query_one("#close", Button).label = "Close" if failure is not None else "Cancel"
        self._tick()

    def _tick(self) -> None:
        self.query_one("#state", Static).update(self._state())

    def _state(self) -> Content:
        if self._failure is not None:
            failure = self._failure
            lines = [failure.message, *failure.details[:2], failure.advice]
            code = f" ({failure.code})" if failure.code.startswith("AADSTS") else ""
            first, *others = [self._shown(cut(line, 400)) for line in lines if line]
            return Content("\n").join([Content.styled(f"✗ {first}{code}", "$text-error"), *map(Content, others)])
        turn = int(time.monotonic() * 8) % 4 if self.app.animation_level != "none" else 0
        if self._prompt is None:
            words = "Asking Entra for a code" if self._kind is SignIn.DEVICE_CODE else "Opening your browser"
            return Content.styled(f"{_FRAMES[turn]} {words} … {clock(time.monotonic() - self._began)}", "$text-accent")
        left = max(0.0, self._prompt.expires - time.time())
        return Content.styled(f"{_FRAMES[turn]} Waiting for you … {clock(left)} left", "$text-accent")

    def _shown(self, words: str) -> str:
        return visible(masked(words) if self.wizard.masked else words)

    # ---- keys and buttons

    def chosen(self, button: str) -> None:
        match button:
            case "again":
                self._begin()
            case "copy":
                self.action_copy()
            case "copy-address":
                self.action_copy_address()

    def action_copy(self) -> None:
        """Put the code on the clipboard."""
        if self._prompt is None or not self._prompt.code:
            self.action_copy_address()
            return
        self.app.copy_to_clipboard(self._prompt.code)
        self.notify("The code was sent to the terminal's clipboard (OSC 52).", markup=False)

    def action_copy_address(self) -> None:
        """Put the address on the clipboard."""
        if self._prompt is not None:
            self.app.copy_to_clipboard(self._prompt.url)
            self.notify("The address was sent to the terminal's clipboard (OSC 52).", markup=False)
