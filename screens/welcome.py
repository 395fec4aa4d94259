"""Welcome: where to deploy, the sign-in that is there, and what can be done with earlier runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, cast

from textual import on
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from mi_tui.model.stage import Stage
from mi_tui.model.text import clock
from screens import welcome_words
from screens.base import WizardScreen

if TYPE_CHECKING:
    from textual.timer import Timer
    from textual.widgets import Select

    from mi_tui.model.failure import Failure
    from mi_tui.widgets.choice import Choice
    from mi_tui.workflow import Account, RunRecord, Target
    from screens.runs import EarlierRuns
    from screens.signin import SignIns

ANY_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
"""Stands for the subscription until one is picked: the list of subscriptions needs a session, and a session a subscription."""

BUSY_SECONDS = 1.0
"""A busy sign stays at least this long, so that it does not flicker."""

_FRAMES = "◐◓◑◒"
_CARDS = {
    "sandbox": "A local Azure on this machine: no account, no cost. Your script really runs.",
    "azure": "Your subscription, with a sign-in that works here. Costs money until you clean up.",
}
_PROMISE = "A few questions, then a plan. Nothing is changed before you say Deploy."
_CALM = "none"


class WelcomeScreen(WizardScreen):
    """The first screen. Nothing heavy is imported or read before it is painted: runs and scenarios come after."""

    STAGE = Stage.WELCOME
    QUESTION = "Where do you want to deploy?"
    PRIMARY = "Start"
    HELP = "welcome"
    LATE_BUTTONS = True

    def __init__(self) -> None:
        super().__init__()
        self._scenarios: dict[str, str] = {_CALM: "nothing goes wrong"}
        self._built = False
        self._opening = 0.0
        self._waiting = False
        """Whether Start was pressed while the sign-ins are being tried."""
        self._then: Callable[[], None] | None = None
        self._subscription = ""
        """Where the earlier run that is taken up played."""
        self._failure: Failure | None = None
        self._ticker: Timer | None = None

    # ---- looks

    def content(self) -> Iterable[Widget]:
        yield Static(_PROMISE, id="promise", markup=False)

    def _rest(self) -> Iterable[Widget]:
        """What comes right after the first paint: each kind of widget costs time before it."""
        from mi_tui.widgets.choice import Card, Choice
        from screens.runs import EarlierRuns
        from screens.signin import SignIns

        wizard = self.wizard
        cards = [Card(name, name.capitalize(), (words,)) for name, words in _CARDS.items()]
        yield Choice(cards, value=wizard.wanted, id="target")
        yield Horizontal(
            Static("Speed", classes="option", markup=False),
            _select(welcome_words.SPEEDS, wizard.profile, "speed"),
            Static("Scenario", classes="option", markup=False),
            _select({**self._scenarios, wizard.scenario: ""}, wizard.scenario, "scenario"),
            id="sandbox",
        )
        yield SignIns(BUSY_SECONDS)
        yield Static("", id="status", markup=False)
        yield Button("Retry", id="retry", compact=True)
        yield Vertical(EarlierRuns(), id="earlier")

    def extra_buttons(self) -> Iterable[Widget]:
        yield Button("Troubleshoot", id="troubleshoot")

    def ready(self) -> None:
        self._ticker = self.set_interval(1 / 8, self._tick, pause=True)
        self.mi.after_paint(self._painted)

    async def _painted(self) -> None:
        """After the first paint: what takes mounting, reading and importing."""
        if not self._has("#main"):
            return  # left before it was painted
        await self.query_one("#buttons").mount_all(self.buttons())
        if not self._has("#primary", "#main"):
            return  # left while it was built, as below
        self.query_one("#primary", Button).focus()
        await self.query_one("#main").mount_all(self._rest())
        if not self._has("#earlier"):
            return
        self._built = True
        self.refresh_head()
        self._draw()
        self.wizard.background(lambda: self.wizard.workflow.scenarios(), self._scenarios_came)
        self._look()

    def _has(self, *parts: str) -> bool:
        """Whether these are there; while the App ends they go one by one."""
        return self.is_attached and all(self.query(part) for part in parts)

    def _scenarios_came(self, result: dict[str, str] | Failure) -> None:
        from textual.widgets import Select

        from mi_tui.model.failure import Failure

        if isinstance(result, Failure) or not self.is_attached:
            return
        # What the sandbox is in may be several scenarios, or a file.
        self._scenarios = {**result, self.wizard.scenario: result.get(self.wizard.scenario, "chosen by a command")}
        select = self.query_one("#scenario", Select)
        with self.prevent(Select.Changed):
            select.set_options([(name, name) for name in self._scenarios])
            select.value = self.wizard.scenario
        self._draw()

    def refresh_head(self) -> None:
        if self._built:
            super().refresh_head()

    def _draw(self) -> None:
        if not self._built:
            return
        sandbox = self.wizard.wanted == "sandbox"
        self.query_one("#sandbox").display = sandbox
        self._sign_ins().display = not sandbox
        self.query_one("#status", Static).update(self._words())
        self.query_one("#retry").display = self._failure is not None and not self._opening
        primary = self.query_one("#primary", Button)
        busy = "Opening …" if self._opening else "Trying …" if self._waiting else ""
        primary.label = busy or ("Go on" if self._is_open() else "Start")

    def _words(self) -> Content:
        """What is to be said of the target that is chosen."""
        wizard, sandbox = self.wizard, self.wizard.wanted == "sandbox"
        if self._opening:
            seconds = time.monotonic() - self._opening
            turn = int(seconds * 8) % 4 if self.app.animation_level != "none" else 0
            what = "Opening the sandbox" if sandbox else "Opening Azure"
            return Content.styled(f"{_FRAMES[turn]} {what} … {clock(seconds)}", "$text-accent")
        if self._failure is not None:
            return welcome_words.failed(self._failure, hidden=wizard.masked)
        if self._is_open():
            return Content.styled(f"✓ {welcome_words.opened(wizard)}", "$text-success")
        if sandbox:
            speed, scenario = wizard.profile, wizard.scenario
            return welcome_words.sandbox(speed, scenario, self._scenarios.get(scenario, ""))
        return Content("")

    def _tick(self) -> None:
        if self._opening and self._built:
            self.query_one("#status", Static).update(self._words())
        elif not self._opening and self._ticker is not None:
            self._ticker.pause()

    # ---- the target

    def _is_open(self) -> bool:
        """Whether the open target is the one that is chosen."""
        target, wizard = self.wizard.target, self.wizard
        if target is None or target.gone or target.name != wizard.wanted:
            return False
        connection = target.connection
        if connection is None:
            chosen = self._sign_ins().chosen if self._built else None
            return wizard.account is None or chosen in {None, wizard.account.kind}
        return (connection.profile, connection.scenario) == (wizard.profile, wizard.scenario)

    def refusal(self) -> str:
        if self.wizard.busy and not self._is_open():
            return "A run is under way in the target that is open. Go on with that one, or wait until it has ended."
        return ""

    def primary(self) -> None:
        if self._is_open():
            self._go_on()
        else:
            self.open_then(self._go_on)

    def _go_on(self) -> None:
        self.wizard.settle()
        self.mi.go_forward()

    def open_then(self, then: Callable[[], None], *, name: str | None = None, subscription: str = "") -> None:
        """Open the chosen target (or the one called `name`, as it is), and then go on with `then`."""
        if self._opening:
            return
        self._then = then
        if (name or self.wizard.wanted) == "sandbox":
            self._begin_busy()
            as_it_is = name is not None
            self.wizard.open_sandbox(
                None if as_it_is else self.wizard.profile, None if as_it_is else self.wizard.scenario, self._opened
            )
        else:
            self._subscription = subscription
            self._sign_in()

    def _look(self) -> None:
        """Try the sign-ins. Not while the sandbox is open: its network would answer, and leaving it is for Start."""
        wizard = self.wizard
        if wizard.wanted == "azure" and not (wizard.target is not None and wizard.target.name == "sandbox"):
            self._sign_ins().start()

    def _sign_in(self) -> None:
        """Go on with the chosen sign-in: at once where somebody is signed in, else by asking the person."""
        found = self._sign_ins()
        if not found.tried:
            self.wizard.leave_target()
            self.refresh_head()
            found.start()
        if found.trying and not (found.by_hand and found.known(found.chosen)):
            self._waiting = True
            self._draw()
            return
        self._waiting = False
        if words := found.fault():
            self._then = None
            self.complain(words)
            self._draw()
            return
        account = found.account(found.chosen)
        if account is not None:
            self._enter_azure(account)
        else:
            from screens.signin_dialog import SignInDialog

            self._draw()
            self.app.push_screen(SignInDialog(self.wizard, found.chosen, self._enter_azure))

    def _enter_azure(self, account: Account) -> None:
        self._begin_busy()
        subscription = self._subscription or self.wizard.draft.subscription or ANY_SUBSCRIPTION
        self.wizard.open_azure(subscription, self._opened, account)

    def on_sign_ins_changed(self) -> None:
        self.complain("")
        self._failure = None if not self._opening else self._failure
        self._draw()

    def on_sign_ins_settled(self) -> None:
        if self._waiting:
            self._sign_in()

    def on_sign_ins_again(self) -> None:
        self._failure = None
        self._look()
        self._draw()

    def on_sign_ins_accepted(self) -> None:
        self.action_forward()

    def _begin_busy(self) -> None:
        self._failure, self._opening = None, time.monotonic()
        self.complain("")
        if self._ticker is not None:
            self._ticker.resume()
        self._draw()

    def _opened(self, result: Target | Failure) -> None:
        from mi_tui.model.failure import Failure

        if not self.is_attached:
            return
        then = self._then
        rest = self._opening + BUSY_SECONDS - time.monotonic()
        if (then is None or isinstance(result, Failure)) and rest > 0:
            self.set_timer(rest, lambda: self._opened(result))
            return
        self._opening, self._then = 0.0, None
        self._failure = result if isinstance(result, Failure) else None
        self.wizard.last_failure = self._failure or self.wizard.last_failure
        self.refresh_head()
        self._draw()
        if self._failure is None and then is not None and self.is_current:
            then()

    # ---- what happens

    def on_choice_changed(self, event: Choice.Changed) -> None:
        if self._opening:
            event.choice.take(self.wizard.wanted, quietly=True)
            return
        self.wizard.wanted = event.key
        self._failure, self._waiting = None, False
        self.complain("")
        self._draw()
        if not self._sign_ins().tried:
            self._look()

    def on_choice_accepted(self, event: Choice.Accepted) -> None:
        self.query_one("#primary", Button).focus()

    def on_select_changed(self, event: Select.Changed) -> None:
        if not isinstance(event.value, str) or self._opening:
            return
        if event.select.id == "speed":
            self.wizard.profile = event.value
        elif event.select.id == "scenario":
            self.wizard.scenario = event.value
        self._draw()

    @on(Button.Pressed, "#troubleshoot")
    async def _troubleshoot(self, event: Button.Pressed) -> None:
        event.stop()
        await self.run_action("app.troubleshoot")

    @on(Button.Pressed, "#retry")
    def _retry(self, event: Button.Pressed) -> None:
        event.stop()
        self.query_one("#primary", Button).focus()
        self.open_then(self._go_on)

    def masking_changed(self) -> None:
        super().masking_changed()
        self._draw()
        if self._built:
            self._sign_ins().draw()

    def _sign_ins(self) -> SignIns:
        return cast("SignIns", self.query_one("#sign-ins"))

    def _cards(self) -> Choice:
        return cast("Choice", self.query_one("#target"))

    # ---- earlier runs

    def on_earlier_runs_wanted(self, event: EarlierRuns.Wanted) -> None:
        """Resume, clean up or open an earlier run: its target is opened first."""
        event.stop()
        record, wizard = event.record, self.wizard
        if wizard.busy:
            if record.id == wizard.run:
                self.mi.go(Stage.CLEANUP if wizard.cleaning else Stage.DEPLOY)
            else:
                self.complain(f"Run {wizard.run} is under way. Wait until it has ended, or leave it.")
            return

        def go() -> None:
            self._take_up(event.what, record)

        target = wizard.target
        if target is not None and target.name == record.target and not target.gone:
            go()
        else:
            wizard.wanted = record.target
            self._cards().take(record.target, quietly=True)
            self.open_then(go, name=record.target, subscription=record.plan.place.subscription)

    def _take_up(self, what: str, record: RunRecord) -> None:
        from mi_tui.model.draft import Draft

        wizard = self.wizard
        wizard.settle()
        wizard.run, wizard.plan = record.id, record.plan
        wizard.draft = Draft.of(record.plan.answers)
        wizard.draft.location = record.plan.place.location
        if what == "resume":
            wizard.resume(record)
        self.mi.go({"resume": Stage.DEPLOY, "clean": Stage.CLEANUP}.get(what, Stage.ENDPOINT))


def _select(options: dict[str, str], value: str, id: str) -> Select[str]:
    from textual.widgets import Select

    return Select(
        [(name, name) for name in options],
        allow_blank=False,
        value=value if value in options else next(iter(options)),
        compact=True,
        id=id,
    )
