"""The sign-ins of Azure on the first screen: each tried in the background, told by mark, word and sentence, and one of them chosen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Blur, Click
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from mi_tui.model.failure import Failure
from mi_tui.model.sign_in import LABELS, MARKS, Finding, SignIn, Standing, best, tenant_fault
from mi_tui.model.text import masked, visible

if TYPE_CHECKING:
    from mi_tui.workflow import Account, Probed
    from screens.base import WizardScreen
    from screens.wizard import Wizard

_FRAMES = "◐◓◑◒"
_STYLES = {
    Standing.READY: "$text-success",
    Standing.OFFERED: "$text-accent",
    Standing.ABSENT: "$text-muted",
    Standing.REFUSED: "$text-error",
}


class SignInRows(Static, can_focus=True):
    """Four rows, one of them chosen: arrows or a click choose, Enter goes on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,left", "move(-1)", "the sign-in before", show=False),
        Binding("down,right", "move(1)", "the next sign-in", show=False),
        Binding("enter", "accept", "go on with it", show=False),
    ]

    @property
    def owner(self) -> SignIns:
        """The list that these rows draw."""
        assert isinstance(self.parent, SignIns)
        return self.parent

    def action_move(self, by: int) -> None:
        kinds = list(LABELS)
        at = kinds.index(self.owner.chosen)
        self.owner.choose(kinds[max(0, min(len(kinds) - 1, at + by))])

    def action_accept(self) -> None:
        self.owner.post_message(SignIns.Accepted())

    def on_click(self, event: Click) -> None:
        event.stop()
        kinds = list(LABELS)
        row = event.get_content_offset(self)
        if row is not None and row.y < len(kinds):
            self.owner.choose(kinds[row.y])


class SignIns(Widget):
    """The list, the sentence of the chosen one, and the tenant for guests. Says `Changed`, `Settled`, `Again` and `Accepted`."""

    DEFAULT_CSS = """
    SignIns { height: auto; }
    SignIns SignInRows { height: 4; padding: 0 1; }
    SignIns SignInRows:focus { background: $accent 10%; }
    SignIns #sign-in-words { height: auto; padding: 0 1; }
    SignIns #tenant-line { height: 1; }
    SignIns #tenant-label { width: auto; padding: 0 1; color: $text-muted; }
    SignIns Input { width: 1fr; max-width: 48; }
    SignIns #try-again { margin-left: 2; min-width: 13; }
    SignIns #tenant-trouble { height: auto; padding: 0 1; color: $text-warning; display: none; }
    """
    explain = "sign_in"

    class Changed(Message):
        """Another sign-in was chosen, or more is known of one."""

    class Settled(Message):
        """All of them have been tried."""

    class Again(Message):
        """They are to be tried again."""

    class Accepted(Message):
        """Enter: go on with the chosen one."""

    def __init__(self, busy_seconds: float) -> None:
        super().__init__(id="sign-ins")
        self.chosen = SignIn.AZURE_CLI
        self._busy_seconds = busy_seconds
        self.by_hand = False
        """Whether a person chose; else the best one is."""
        self._began: float = 0.0
        self._round = 0
        self._found: dict[SignIn, Probed] = {}
        self._trying: set[SignIn] = set()

    def compose(self) -> ComposeResult:
        yield SignInRows("", id="sign-in-rows", markup=False)
        yield Static("", id="sign-in-words", markup=False)
        with Horizontal(id="tenant-line"):
            yield Static("Tenant", id="tenant-label", markup=False)
            yield Input(placeholder="your own; a guest names it", compact=True, id="tenant")
            yield Button("Try again", compact=True, id="try-again")
        yield Static("", id="tenant-trouble", markup=False)

    def on_mount(self) -> None:
        self.query_one(Input).value = self.wizard.asked_tenant
        self._ticker = self.set_interval(1 / 8, self._tick, pause=True)
        if self.wizard.account is not None:
            self.chosen, self.by_hand = self.wizard.account.kind, True
        self.draw()

    def on_resize(self) -> None:
        self.draw()

    @property
    def wizard(self) -> Wizard:
        """The state of the sitting."""
        return cast("WizardScreen", self.screen).wizard

    # ---- trying them

    @property
    def trying(self) -> bool:
        """Whether some are still being tried."""
        return bool(self._trying)

    @property
    def tried(self) -> bool:
        """Whether they were tried, or are being tried."""
        return self._round > 0

    def start(self) -> None:
        """Try all of them, side by side; what was found before is forgotten."""
        self._round += 1
        self._began = time.monotonic()
        self._found.clear()
        self._trying = set(LABELS)
        tenant, asked = self.wizard.asked_tenant, self._round
        for kind in LABELS:
            self._try(kind, tenant, asked)
        self._ticker.resume()
        self.draw()

    def _try(self, kind: SignIn, tenant: str, asked: int) -> None:
        wizard = self.wizard

        def came(result: Probed | Failure) -> None:
            rest = self._began + self._busy_seconds - time.monotonic()
            if rest > 0:
                self.set_timer(rest, lambda: self._came(kind, result, asked))
            else:
                self._came(kind, result, asked)

        wizard.background(lambda: wizard.workflow.try_sign_in(kind, tenant), came)

    def _came(self, kind: SignIn, result: Probed | Failure, asked: int) -> None:
        if asked != self._round or not self.is_attached:
            return
        self._trying.discard(kind)
        if isinstance(result, Failure):
            from mi_tui.workflow import Probed

            result = Probed(Finding(kind, Standing.REFUSED, result.message, result.advice))
        self._found[kind] = result
        if not self.by_hand:
            self.chosen = self._best()
        if not self._trying:
            self._ticker.pause()
            self.post_message(self.Settled())
        self.draw()
        self.post_message(self.Changed())

    def _best(self) -> SignIn:
        """The one to begin with, as far as it is known. While the CLI is being tried, it is it: it goes first where it works."""
        if SignIn.AZURE_CLI in self._trying:
            return SignIn.AZURE_CLI
        return best(self.finding(kind) for kind in self._found) or SignIn.AZURE_CLI

    def finding(self, kind: SignIn) -> Finding:
        """What is known of a sign-in that was tried."""
        account = self.wizard.accounts.get(kind)
        if account is not None and not kind.silent:
            caller = account.caller
            return Finding(
                kind, Standing.READY, f"{caller.name}, tenant {caller.tenant}", "", caller.name, caller.tenant
            )
        return self._found[kind].finding

    def known(self, kind: SignIn) -> bool:
        """Whether a sign-in has been tried."""
        return kind in self._found

    def account(self, kind: SignIn) -> Account | None:
        """Who is signed in that way; None when nobody is yet."""
        probed = self._found.get(kind)
        return self.wizard.accounts.get(kind) if not kind.silent else probed.account if probed else None

    # ---- choosing

    def choose(self, kind: SignIn) -> None:
        """Take a sign-in."""
        self.by_hand = True
        self.chosen = kind
        self.draw()
        self.post_message(self.Changed())

    def focus(self, scroll_visible: bool = True) -> SignIns:
        """Focus the rows."""
        self.query_one(SignInRows).focus(scroll_visible)
        return self

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._take_tenant() is None:
            self.query_one(SignInRows).focus()

    def on_descendant_blur(self, event: Blur) -> None:
        self._take_tenant()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if self._take_tenant() is None:
            self.post_message(self.Again())

    def _take_tenant(self) -> str | None:
        """Take the tenant as it stands in the field and try again in it; what is wrong with it, None when nothing is."""
        text = self.query_one(Input).value.strip()
        fault = tenant_fault(text)
        trouble = self.query_one("#tenant-trouble", Static)
        trouble.update(f"▲ {fault}" if fault else "")
        trouble.display = bool(fault)
        if fault:
            return fault
        if text != self.wizard.asked_tenant:
            self.wizard.asked_tenant = text
            # Who signed in to another tenant is not signed in to this one.
            self.wizard.accounts.clear()
            if self.tried:
                self.start()
        return None

    def fault(self) -> str:
        """Why the chosen sign-in cannot be used, in words; empty when it can, or is still being tried."""
        if trouble := self._take_tenant():
            return trouble
        if not self.known(self.chosen):
            return ""
        found = self.finding(self.chosen)
        return "" if found.usable else f"{LABELS[self.chosen]}: {found.words} {found.advice}".strip()

    # ---- looks

    def _tick(self) -> None:
        if self._trying:
            self._draw_rows()

    def draw(self) -> None:
        """Draw what is known."""
        if not self.is_mounted:
            return
        self._draw_rows()
        self.query_one("#try-again").disabled = not self.tried or self.trying
        words = self.query_one("#sign-in-words", Static)
        if not self.known(self.chosen):
            told = (
                "" if self.tried else "Not tried yet: the sandbox is open. Start leaves it and looks for your sign-in."
            )
            words.update(Content.styled(told, "$text-muted"))
            words.display = bool(told)
            return
        found = self.finding(self.chosen)
        lines = [Content.styled(self._shown(found.words), _STYLES[found.standing])]
        if found.advice:
            lines.append(Content(self._shown(found.advice)))
        words.update(Content("\n").join(lines))
        words.display = True

    def _draw_rows(self) -> None:
        width = max(20, self.size.width - 2)
        rows = [self._row(kind).truncate(width, ellipsis=True) for kind in LABELS]
        self.query_one(SignInRows).update(Content("\n").join(rows))

    def _row(self, kind: SignIn) -> Content:
        chosen = kind is self.chosen
        head = Content.styled(
            f"{'◉' if chosen else '○'} {LABELS[kind]:<12} ", "$text-accent bold" if chosen else "bold"
        )
        if kind in self._trying:
            turn = int(time.monotonic() * 8) % 4 if self.app.animation_level != "none" else 0
            return head + Content.styled(f"{_FRAMES[turn]} trying …", "$text-accent")
        if not self.known(kind):
            return head + Content.styled("– not tried yet", "$text-muted")
        found = self.finding(kind)
        mark, word = MARKS[found.standing]
        return (
            head
            + Content.styled(f"{mark} {word:<11} ", _STYLES[found.standing])
            + Content(self._shown(found.name or found.words))
        )

    def _shown(self, words: str) -> str:
        return visible(masked(words) if self.wizard.masked else words)
