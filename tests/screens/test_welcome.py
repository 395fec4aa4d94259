"""Welcome: choosing and opening the target, the sign-in in words, earlier runs, and what is loaded before the first paint."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Button, Select

from mi_tui.app import MiTui
from mi_tui.model.answers import IdentityKind
from mi_tui.model.draft import Stage
from mi_tui.model.failure import Failure
from mi_tui.model.plan import Place, Plan
from mi_tui.widgets.choice import Choice
from mi_tui.widgets.picker import Picker
from mi_tui.workflow import RunState, SandboxError, ServiceError
from screens.runs import ago
from tests.screens.places import DEV, TENANT, World, app_in, at, said, until

SIGNED_OUT = Failure("AADSTS50173", "The sign-in has ended.", advice="Sign in again.")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's proxy but the test's; and a busy sign need not last here."""
    monkeypatch.setattr("screens.welcome.BUSY_SECONDS", 0.2)
    monkeypatch.delenv("HTTPS_PROXY", raising=False)


Script = Callable[[MiTui, Pilot[int]], Awaitable[None]]


def play(home: Path, world: World, script: Script, size: tuple[int, int] = (80, 24)) -> None:
    async def run() -> None:
        app = app_in(home, world)
        async with app.run_test(size=size) as pilot:
            await at(pilot, Stage.WELCOME)
            await script(app, pilot)
            app.wizard.close()

    asyncio.run(run())


def add_run(home: Path, state: RunState, name: str = "run111") -> None:
    workflow = app_in(home, World()).wizard.workflow
    answers = workflow.example_answers(IdentityKind.SAI)
    place = Place(DEV, "Contoso Dev", "rg-ml", "/w", "westeurope", "/s", None)
    workflow.journal.add_run(name, "sandbox", Plan(answers, place, (), (), ()))
    workflow.journal.end_run(name, state)
    workflow.journal.close()


def test_enter_opens_the_sandbox_and_goes_on(tmp_path: Path) -> None:
    world = World(slow=1.0)

    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        assert app.screen.query_one("#primary", Button).has_focus
        await pilot.press("enter")
        await until(pilot, lambda: "Opening the sandbox" in said(app.screen))
        await pilot.press("enter", "enter")
        await at(pilot, Stage.WORKSPACE)
        assert world.opened == [("sandbox", "demo", "none")], "pressing Enter again opens it once"
        assert app.wizard.who.startswith("sandbox · demo · you@contoso.example")
        assert app.wizard.draft.complete(Stage.WORKSPACE)

    play(tmp_path, world, script)


def test_profile_and_scenario_are_taken_and_remembered(tmp_path: Path) -> None:
    world = World()

    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        scenario = app.screen.query_one("#scenario", Select)
        await until(pilot, lambda: "slow-propagation" in [value for _, value in scenario._options])
        app.screen.query_one("#speed", Select).value = "instant"
        scenario.value = "slow-propagation"
        await pilot.pause()
        assert "half a minute" in said(app.screen)
        await pilot.press("ctrl+n")
        await at(pilot, Stage.WORKSPACE)
        assert world.opened == [("sandbox", "instant", "slow-propagation")]
        await pilot.press("escape")
        screen = await at(pilot, Stage.WELCOME)
        assert screen.query_one("#speed", Select).value == "instant"
        assert "The sandbox is open" in said(screen)
        await pilot.press("enter")
        await at(pilot, Stage.WORKSPACE)
        assert len(world.opened) == 1, "it goes on with the one that is open"
        await pilot.press("escape")
        screen = await at(pilot, Stage.WELCOME)
        screen.query_one("#speed", Select).value = "demo"
        await pilot.press("ctrl+n")
        await at(pilot, Stage.WORKSPACE)
        assert world.opened[-1][1] == "demo"
        await until(pilot, lambda: world.closed == 1)

    play(tmp_path, world, script)


def test_a_sandbox_that_does_not_start_says_why_and_retry_starts_it(tmp_path: Path) -> None:
    world = World(refuses=SandboxError("The sandbox's folder cannot be written."))

    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        await pilot.press("enter")
        await until(pilot, lambda: "cannot be written" in said(app.screen))
        assert app.wizard.stage is Stage.WELCOME
        assert app.screen.query_one("#retry").display
        world.refuses = None
        await pilot.click("#retry")
        await at(pilot, Stage.WORKSPACE)

    play(tmp_path, world, script)


def test_azure_tries_the_sign_ins_at_once_and_enter_goes_on_with_the_cli(tmp_path: Path) -> None:
    world = World()

    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        app.screen.query_one("#target", Choice).focus()
        await pilot.press("right")
        await until(pilot, lambda: "Azure CLI    ✓ signed in" in said(app.screen))
        assert f"you@contoso.example, tenant {TENANT}" in said(app.screen)
        await pilot.press("f2")
        assert TENANT not in said(app.screen)
        assert "you@contoso" not in said(app.screen)
        await pilot.press("f2", "enter", "enter")
        await at(pilot, Stage.WORKSPACE)
        assert world.opened == [("azure", "00000000-0000-0000-0000-000000000000", "", "azure-cli")]
        assert app.wizard.who.startswith("azure · you@contoso.example · Contoso")
        await pilot.press("escape")
        screen = await at(pilot, Stage.WELCOME)
        await until(
            pilot, lambda: f"Signed in to Azure as you@contoso.example, tenant Contoso ({TENANT})" in said(screen)
        )
        await pilot.press("ctrl+n")
        await at(pilot, Stage.WORKSPACE)
        assert len(world.opened) == 1, "it goes on with the one that is open"

    play(tmp_path, world, script)


def test_start_while_they_are_being_tried_waits_for_the_best(tmp_path: Path) -> None:
    world = World(slow=0.5)

    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        app.screen.query_one("#target", Choice).take("azure")
        await until(pilot, lambda: "trying" in said(app.screen))
        await pilot.press("ctrl+n")
        await at(pilot, Stage.WORKSPACE)
        assert world.opened[0][3] == "azure-cli"

    play(tmp_path, world, script)


def test_azure_that_does_not_open_says_why_and_retry_tries_again(tmp_path: Path) -> None:
    world = World(refuses=ServiceError(SIGNED_OUT))

    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        app.screen.query_one("#target", Choice).take("azure")
        await until(pilot, lambda: "✓ signed in" in said(app.screen))
        await pilot.press("ctrl+n")
        await until(pilot, lambda: "The sign-in has ended." in said(app.screen))
        assert app.wizard.last_failure == SIGNED_OUT
        world.refuses = None
        await pilot.click("#retry")
        await at(pilot, Stage.WORKSPACE)

    play(tmp_path, world, script)


def test_from_the_sandbox_to_azure_takes_the_proxy_away_and_forgets_its_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.contoso.example:8080")

    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        await pilot.press("enter")
        await at(pilot, Stage.WORKSPACE)
        app.wizard.draft.endpoint = "ep-mine"
        await pilot.press("escape")
        screen = await at(pilot, Stage.WELCOME)
        screen.query_one("#target", Choice).take("azure")
        await pilot.pause()
        assert len(world.opened) == 1, "looking at the card does not close the sandbox"
        assert world.tried == [], "nor does anything of Azure go through its network"
        await until(pilot, lambda: "the sandbox is open" in said(screen))
        await pilot.press("ctrl+n")
        await at(pilot, Stage.WORKSPACE)
        assert world.opened[-1][2] == "http://proxy.contoso.example:8080"
        assert {proxy for _, _, proxy in world.tried} == {"http://proxy.contoso.example:8080"}
        draft = app.wizard.draft
        assert draft.endpoint == "ep-mine", "what is not bound to the place stays"
        await until(pilot, lambda: world.closed == 1)

    world.subscriptions = []
    play(tmp_path, world, script)


def test_no_runs_says_so_and_names_the_answers_key(tmp_path: Path) -> None:
    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "No earlier runs yet" in said(app.screen))
        assert "Ctrl+O" in said(app.screen)
        assert not app.screen.query_one(Picker).display

    play(tmp_path, World(), script)


@pytest.mark.parametrize(
    ("state", "button", "stage"),
    [(RunState.SUCCEEDED, "open", Stage.ENDPOINT), (RunState.FAILED, "clean", Stage.CLEANUP)],
)
def test_an_earlier_run_is_opened_in_its_target(tmp_path: Path, state: RunState, button: str, stage: Stage) -> None:
    add_run(tmp_path, state)
    world = World()

    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: bool(app.screen.query(Picker)) and len(app.screen.query_one(Picker).items) == 1)
        picker = app.screen.query_one(Picker)
        assert state.value in picker.items[0].detail
        assert "just now" in picker.items[0].detail
        picker.focus()
        await pilot.press("enter")
        await until(pilot, lambda: app.focused is not None and app.focused.id in {"open", "resume"})
        app.screen.query_one(f"#{button}", Button).press()
        await at(pilot, stage)
        assert world.opened[0] == ("sandbox", "None", "None"), "as it is, whatever the cards say"
        assert app.wizard.run == "run111"
        assert app.wizard.draft.endpoint == picker.items[0].title
        assert app.wizard.draft.location == "westeurope"

    play(tmp_path, world, script)


def test_a_removed_run_offers_nothing(tmp_path: Path) -> None:
    add_run(tmp_path, RunState.REMOVED)

    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: bool(app.screen.query(Picker)) and len(app.screen.query_one(Picker).items) == 1)
        app.screen.query_one(Picker).focus()
        await pilot.press("enter")
        await pilot.pause()
        assert "nothing is left of it" in said(app.screen)
        assert not any(app.screen.query_one(f"#{what}").display for what in ("open", "resume", "clean"))

    play(tmp_path, World(), script)


def test_a_journal_that_cannot_be_read_is_said_in_place(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"this is no database" * 100)

    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "cannot be read" in said(app.screen))
        await pilot.press("enter")
        await at(pilot, Stage.WORKSPACE)

    play(tmp_path, World(), script)


@pytest.mark.parametrize("mounted", [False, True])
def test_leaving_while_the_rest_is_mounted_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounted: bool
) -> None:
    """Ctrl+C at once, on a slow machine: the parts go one by one while the screen is still being built."""
    plain = Widget.mount_all
    left: list[bool] = []

    async def mount(self: Widget, widgets: Iterable[Widget]) -> None:
        if self.id != "buttons" or mounted:
            await plain(self, widgets)
        if self.id == "buttons":
            left.append(True)
            self.app.exit()
            await asyncio.sleep(0.5)

    async def run() -> None:
        app = app_in(tmp_path, World())
        async with app.run_test() as pilot:
            await until(pilot, lambda: bool(left))
            await pilot.pause(0.1)
            app.wizard.close()
        assert app.broke is None

    monkeypatch.setattr(Widget, "mount_all", mount)
    asyncio.run(run())
    assert left == [True]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_everything_fits_in_the_width(tmp_path: Path, size: tuple[int, int]) -> None:
    add_run(tmp_path, RunState.SUCCEEDED)

    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: bool(app.screen.query(Picker)) and app.screen.query_one(Picker).display)
        main = app.screen.query_one("#main")
        assert main.max_scroll_x == 0
        assert all(widget.region.right <= size[0] for widget in app.screen.query("*") if widget.display)
        assert app.screen.query_one("#primary").region.bottom < size[1]

    play(tmp_path, World(), script, size)


def test_ago() -> None:
    assert [ago(seconds) for seconds in (5, 130, 7_300, 200_000)] == ["just now", "2 min ago", "2 h ago", "2 d ago"]


def test_nothing_of_azure_and_no_workflow_is_imported_for_the_first_screen() -> None:
    code = (
        "import sys, screens.welcome, mi_tui.app\n"
        "bad = [n for n in sys.modules if n.split('.')[0] in {'azure', 'requests', 'msal'} or n == 'mi_tui.workflow']\n"
        "sys.exit(str(bad[:5]) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
