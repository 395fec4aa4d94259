"""The sign-ins on the first screen and the box for those that ask a person: keys, mouse, words, tenant, giving up, quitting."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from mi_tui.app import MiTui
from mi_tui.model.draft import Stage
from mi_tui.model.failure import Failure
from mi_tui.model.sign_in import Finding, Prompt, SignIn, Standing
from mi_tui.widgets.choice import Choice
from mi_tui.workflow import Account, ServiceError, SignInCancelled
from screens.signin import SignInRows, SignIns
from screens.signin_dialog import SignInDialog
from tests.screens.places import FakeWorkflow, World, at, fake_account, findings, said, until

SIGNED_OUT = Finding(SignIn.AZURE_CLI, Standing.ABSENT, "Azure CLI is there, but not signed in.", "Run 'az login'.")
HOSTILE = "[bold]x[/]\x1b]52;c;aGk=\x07\x1b[31m\u202e"


class FakeAttempt:
    """A sign-in that somebody has to make: the test lets it succeed or fail."""

    def __init__(self, kind: SignIn, tenant: str, prompt: Callable[[Prompt], None]) -> None:
        self.kind, self.tenant = kind, tenant
        self._prompt = prompt
        self._over = threading.Event()
        self.cancelled = False
        self.failure: Failure | None = None

    def run(self) -> Account:
        code = "FRWQDE7YL" if self.kind is SignIn.DEVICE_CODE else ""
        self._prompt(Prompt(self.kind, "https://login.microsoft.com/device", code, time.time() + 900))
        self._over.wait(30)
        if self.cancelled:
            raise SignInCancelled
        if self.failure is not None:
            raise ServiceError(self.failure)
        return fake_account(self.kind)

    def cancel(self) -> None:
        self.cancelled = True
        self._over.set()

    def finish(self, failure: Failure | None = None) -> None:
        self.failure = failure
        self._over.set()


class PeopleWorkflow(FakeWorkflow):
    """With sign-ins that the test makes."""

    def __init__(self, home: Path, world: World) -> None:
        super().__init__(home, world)
        self.attempts: list[FakeAttempt] = []

    def sign_in(self, kind: SignIn, tenant: str, prompt: Callable[[Prompt], None]) -> Any:
        self.attempts.append(FakeAttempt(kind, tenant, prompt))
        return self.attempts[-1]


Script = Callable[[MiTui, Pilot[int], PeopleWorkflow], Awaitable[None]]


@pytest.fixture(autouse=True)
def _busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("screens.welcome.BUSY_SECONDS", 0.2)


def play(home: Path, world: World, script: Script, size: tuple[int, int] = (80, 24)) -> None:
    async def run() -> None:
        workflow = PeopleWorkflow(home, world)
        app = MiTui(workflow)
        async with app.run_test(size=size) as pilot:
            await at(pilot, Stage.WELCOME)
            app.screen.query_one("#target", Choice).take("azure")
            await until(pilot, lambda: not rows(app).trying and rows(app).tried)
            await script(app, pilot, workflow)
            app.wizard.close()

    asyncio.run(run())


def rows(app: MiTui) -> SignIns:
    screen = next(screen for screen in app.screen_stack if screen.query(SignIns))
    return screen.query_one(SignIns)


def without_cli() -> World:
    return World(findings=findings(azure_cli=SIGNED_OUT))


def test_every_sign_in_is_told_by_mark_word_and_sentence(tmp_path: Path) -> None:
    async def script(app: MiTui, pilot: Pilot[int], _: PeopleWorkflow) -> None:
        shown = said(app.screen)
        for words in (
            "– not here    Azure CLI is there",
            "– not here    AZURE_TENANT_ID",
            "○ can be used Opens a page",
        ):
            assert words in shown
        assert rows(app).chosen is SignIn.BROWSER, "the best that can be used is chosen"
        app.screen.query_one(SignInRows).focus()
        await pilot.press("up", "up")
        assert rows(app).chosen is SignIn.AZURE_CLI
        assert "Run 'az login'." in said(app.screen)
        await pilot.press("enter")
        await pilot.pause()
        assert "▲ Azure CLI: Azure CLI is there, but not signed in." in said(app.screen)
        assert app.wizard.stage is Stage.WELCOME

    play(tmp_path, without_cli(), script)


def test_a_click_chooses(tmp_path: Path) -> None:
    async def script(app: MiTui, pilot: Pilot[int], _: PeopleWorkflow) -> None:
        await pilot.click(SignInRows, offset=(4, 3))
        assert rows(app).chosen is SignIn.DEVICE_CODE
        assert "◉ Device code" in said(app.screen)

    play(tmp_path, World(), script)


def test_what_was_chosen_by_hand_stays_when_they_are_tried_again(tmp_path: Path) -> None:
    world = without_cli()

    async def script(app: MiTui, pilot: Pilot[int], _: PeopleWorkflow) -> None:
        rows(app).choose(SignIn.DEVICE_CODE)
        world.findings = findings()
        await pilot.click("#try-again")
        await until(pilot, lambda: "✓ signed in" in said(app.screen))
        assert rows(app).chosen is SignIn.DEVICE_CODE

    play(tmp_path, world, script)


def test_trying_again_finds_an_az_login_that_was_made_meanwhile(tmp_path: Path) -> None:
    world = without_cli()

    async def script(app: MiTui, pilot: Pilot[int], _: PeopleWorkflow) -> None:
        world.findings = findings()
        await pilot.click("#try-again")
        await until(pilot, lambda: rows(app).chosen is SignIn.AZURE_CLI and not rows(app).trying)
        await pilot.press("ctrl+n")
        await at(pilot, Stage.WORKSPACE)

    play(tmp_path, world, script)


def test_a_device_code_is_shown_copied_and_goes_on_by_itself(tmp_path: Path) -> None:
    world = without_cli()

    async def script(app: MiTui, pilot: Pilot[int], workflow: PeopleWorkflow) -> None:
        rows(app).choose(SignIn.DEVICE_CODE)
        await pilot.press("ctrl+n")
        await until(pilot, lambda: "F R W Q D E 7 Y L" in said(app.screen))
        shown = said(app.screen)
        assert "https://login.microsoft.com/device" in shown
        assert "left" in shown
        await until(pilot, lambda: app.focused is not None and app.focused.id == "copy")
        await pilot.press("y")
        assert app.clipboard == "FRWQDE7YL"
        await pilot.press("u")
        assert app.clipboard == "https://login.microsoft.com/device"
        workflow.attempts[0].finish()
        await at(pilot, Stage.WORKSPACE)
        assert world.opened[-1][3] == "device-code"
        await pilot.press("escape")
        await at(pilot, Stage.WELCOME)
        await until(pilot, lambda: not rows(app).trying)
        assert rows(app).chosen is SignIn.DEVICE_CODE
        assert "Device code  ✓ signed in" in said(app.screen)
        assert len(workflow.attempts) == 1, "nobody is asked twice"

    play(tmp_path, world, script)


def test_esc_gives_up_at_once_and_another_can_be_taken(tmp_path: Path) -> None:
    async def script(app: MiTui, pilot: Pilot[int], workflow: PeopleWorkflow) -> None:
        await pilot.press("ctrl+n")
        await until(pilot, lambda: isinstance(app.screen, SignInDialog) and "Waiting for you" in said(app.screen))
        assert workflow.attempts[0].kind is SignIn.BROWSER
        await pilot.press("escape")
        await pilot.pause()
        assert not isinstance(app.screen, SignInDialog)
        assert workflow.attempts[0].cancelled
        rows(app).choose(SignIn.DEVICE_CODE)
        await pilot.press("ctrl+n")
        await until(pilot, lambda: len(workflow.attempts) == 2)
        workflow.attempts[1].finish()
        await at(pilot, Stage.WORKSPACE)

    play(tmp_path, without_cli(), script)


def test_a_refusal_is_explained_in_place_and_can_be_tried_again(tmp_path: Path) -> None:
    failure = Failure("AADSTS53003", f"Conditional Access blocks this. {HOSTILE}", advice="Ask your admin.")

    async def script(app: MiTui, pilot: Pilot[int], workflow: PeopleWorkflow) -> None:
        await pilot.press("ctrl+n")
        await until(pilot, lambda: len(workflow.attempts) == 1)
        workflow.attempts[0].finish(failure)
        await until(pilot, lambda: "AADSTS53003" in said(app.screen))
        shown = said(app.screen)
        assert "Ask your admin." in shown
        assert "[bold]x[/]" in shown
        assert "\x1b" not in shown
        await until(pilot, lambda: app.focused is not None and app.focused.id == "again")
        await pilot.press("enter")
        await until(pilot, lambda: len(workflow.attempts) == 2)
        workflow.attempts[1].finish()
        await at(pilot, Stage.WORKSPACE)

    play(tmp_path, without_cli(), script)


def test_a_guests_tenant_is_checked_and_everything_is_tried_in_it(tmp_path: Path) -> None:
    world = World()

    async def script(app: MiTui, pilot: Pilot[int], workflow: PeopleWorkflow) -> None:
        field = app.screen.query_one("#tenant", Input)
        field.focus()
        field.value = "not a tenant"
        await pilot.press("enter")
        assert "▲ A tenant is an id" in said(app.screen)
        await pilot.press("ctrl+n")
        assert app.wizard.stage is Stage.WELCOME
        world.tried.clear()
        field.value = "fabrikam.example"
        await pilot.press("enter")
        await until(pilot, lambda: len(world.tried) == 4 and not rows(app).trying)
        assert {tenant for _, tenant, _ in world.tried} == {"fabrikam.example"}
        rows(app).choose(SignIn.DEVICE_CODE)
        await pilot.press("ctrl+n")
        await until(pilot, lambda: len(workflow.attempts) == 1)
        assert workflow.attempts[0].tenant == "fabrikam.example"

    play(tmp_path, world, script)


def test_quitting_in_the_middle_gives_the_sign_in_up(tmp_path: Path) -> None:
    async def script(app: MiTui, pilot: Pilot[int], workflow: PeopleWorkflow) -> None:
        await pilot.press("ctrl+n")
        await until(pilot, lambda: len(workflow.attempts) == 1)
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert workflow.attempts[0].cancelled
        assert app.return_code == 0

    play(tmp_path, without_cli(), script)


def test_hostile_text_is_shown_harmlessly(tmp_path: Path) -> None:
    bad = Finding(SignIn.AZURE_CLI, Standing.REFUSED, HOSTILE, HOSTILE)

    async def script(app: MiTui, pilot: Pilot[int], _: PeopleWorkflow) -> None:
        rows(app).choose(SignIn.AZURE_CLI)
        await pilot.pause()
        shown = said(app.screen)
        assert "[bold]x[/]" in shown
        assert "\x1b" not in shown
        assert "\u202e" not in shown

    play(tmp_path, World(findings=findings(azure_cli=bad)), script)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_everything_fits_and_tab_reaches_it_in_order(tmp_path: Path, size: tuple[int, int]) -> None:
    async def script(app: MiTui, pilot: Pilot[int], workflow: PeopleWorkflow) -> None:
        screen = app.screen
        assert screen.query_one("#main").max_scroll_x == 0
        shown = [screen.query_one(name) for name in ("#sign-in-rows", "#sign-in-words", "#tenant-line", "#try-again")]
        assert all(widget.region.right <= size[0] for widget in shown)
        assert all(widget.region.bottom <= screen.query_one("#main").region.bottom for widget in shown)
        screen.query_one("#sign-in-rows").focus()
        await pilot.pause()
        order = []
        for _ in range(3):
            order.append(app.focused.id if app.focused else None)
            await pilot.press("tab")
        assert order == ["sign-in-rows", "tenant", "try-again"]
        rows(app).choose(SignIn.DEVICE_CODE)
        await pilot.press("ctrl+n")
        await until(pilot, lambda: "F R W Q D E 7 Y L" in said(app.screen))
        box = app.screen.query_one("#box").region
        assert box.right <= size[0]
        assert box.bottom <= size[1]
        assert all(button.region.bottom < box.bottom for button in app.screen.query(Button) if button.display)

    play(tmp_path, without_cli(), script, size)
