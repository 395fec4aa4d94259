"""The Storage step, over a catalog without a network; and the three asking steps once against the real sandbox."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Button, Static

from mi_tui.app import MiTui
from mi_tui.model.answers import GrantScope
from mi_tui.model.draft import Stage
from mi_tui.model.failure import Failure
from mi_tui.services.errors import ServiceError
from mi_tui.widgets import field as field_module
from mi_tui.widgets.choice import Choice
from mi_tui.widgets.field import Field
from mi_tui.widgets.picker import Picker
from mi_tui.widgets.section import Section
from mi_tui.workflow import Workflow
from screens.stores import free_name
from tests.screens.asking import FakeCatalog, account, app_at, settle, show
from tests.screens.places import until

Script = Callable[[Any, Any], Awaitable[None]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(field_module, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(field_module, "BUSY_SECONDS", 0.0)


def play(app: MiTui, script: Script, size: tuple[int, int] = (80, 24)) -> None:
    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await script(pilot, await show(pilot, Stage.STORAGE))

    asyncio.run(run())


def said(screen: Any, section: str) -> str:
    return str(screen.query_one(section, Section).query_one(".section--value", Static).render())


def world() -> FakeCatalog:
    return FakeCatalog(
        stores=[account("stdata", "rg-data", shared_keys=False), account("stown")],
        inside={"stdata": {"inputs": ["a/b.csv", "hello.txt"], "other": []}, "stown": {}},
        taken={"sttaken"},
    )


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_enter_goes_on_with_what_will_be_made(tmp_path: Path, size: tuple[int, int]) -> None:
    app = app_at(Stage.STORAGE, tmp_path, world())

    async def script(pilot: Any, screen: Any) -> None:
        draft = app.wizard.draft
        assert isinstance(app.focused, Button)
        assert said(screen, "#account") == f"+ {draft.account} new, in rg-ml-dev, westeurope"
        assert said(screen, "#container") == "+ inputs new, private"
        assert said(screen, "#blob").startswith("+ hello.txt uploaded from ")
        assert draft.scope is GrantScope.CONTAINER
        assert not screen.query_one(Picker).region.height
        await pilot.press("enter")
        await pilot.pause()
        assert app.wizard.stage is Stage.MODEL

    play(app, script, size)


def test_an_expert_picks_account_container_and_blob(tmp_path: Path) -> None:
    app = app_at(Stage.STORAGE, tmp_path, world())

    async def script(pilot: Any, screen: Any) -> None:
        draft = app.wizard.draft
        screen.query_one("#account", Section).focus()
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press(*"data", "enter")
        await settle(pilot)
        assert (draft.account, draft.account_group) == ("stdata", "rg-data")
        assert "shared keys off" in said(screen, "#account")
        assert said(screen, "#container") == "= inputs is there"
        assert said(screen, "#blob").startswith("= hello.txt is there already, and is used as it is")
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert screen.query_one("#blob", Section).opened
        assert not screen.query_one("#account", Section).opened
        await pilot.press(*"a/b", "enter")
        await settle(pilot)
        assert (draft.blob, draft.upload) == ("a/b.csv", "")
        assert said(screen, "#blob") == "= a/b.csv is there"
        await pilot.press("enter")
        await pilot.pause()
        app.go_back()
        await settle(pilot, 0.5)
        assert said(app.screen, "#blob") == "= a/b.csv is there"
        assert (draft.account, draft.blob, draft.upload) == ("stdata", "a/b.csv", "")

    play(app, script)


def test_an_empty_container_needs_a_file_to_upload(tmp_path: Path) -> None:
    app = app_at(Stage.STORAGE, tmp_path, world())
    draft = app.wizard.draft
    upload = draft.upload
    draft.account, draft.account_group, draft.container, draft.upload = "stdata", "rg-data", "other", ""

    async def script(pilot: Any, screen: Any) -> None:
        await settle(pilot)
        assert said(screen, "#blob").startswith("✗ hello.txt is not there")
        await pilot.press("ctrl+n")
        assert app.wizard.stage is Stage.STORAGE
        assert "choose a file to upload" in str(screen.query_one("#complaint", Static).render())
        screen.query_one("#blob", Section).open()
        await pilot.pause()
        screen.query_one("#upload", Field).value = str(tmp_path)
        await pilot.pause()
        assert "a file is wanted" in said(screen, "#blob")
        screen.query_one("#upload", Field).value = f"'{upload}'"
        await pilot.pause()
        assert draft.upload == upload
        assert not screen.refusal()

    play(app, script)


def test_a_taken_name_is_said_and_blocks(tmp_path: Path) -> None:
    catalog = world()
    app = app_at(Stage.STORAGE, tmp_path, catalog)

    async def script(pilot: Any, screen: Any) -> None:
        draft, field = app.wizard.draft, screen.query_one("#new-account", Field)
        screen.query_one("#account", Section).open()
        await pilot.pause()
        field.value = "St-X"
        await pilot.pause()
        assert draft.account == "St-X"
        assert said(screen, "#account").startswith("✗ St-X 3 to 24")
        field.value = "sttaken"
        await settle(pilot, 0.5)
        assert "already taken" in said(screen, "#account")
        await pilot.press("ctrl+n")
        assert app.wizard.stage is Stage.STORAGE
        field.focus()
        await pilot.press("ctrl+g")
        await settle(pilot, 0.5)
        assert draft.account.startswith("sttaken")
        assert draft.account != "sttaken"
        assert said(screen, "#account").startswith("+ ")
        assert "St-X" not in catalog.asked, "what breaks the rule is not asked about"

    play(app, script)


def test_create_new_finds_free_names(tmp_path: Path) -> None:
    app = app_at(Stage.STORAGE, tmp_path, world())
    draft = app.wizard.draft
    draft.account, draft.account_group = "stdata", "rg-data"

    async def script(pilot: Any, screen: Any) -> None:
        await settle(pilot)
        screen.query_one("#blob", Section).open()
        await settle(pilot)
        screen.query_one("#blobs", Picker).post_message(Picker.CreateNew(screen.query_one("#blobs", Picker)))
        await settle(pilot)
        assert draft.blob == "hello-2.txt"
        assert said(screen, "#blob").startswith("+ hello-2.txt uploaded from")
        screen.query_one("#containers", Picker).post_message(Picker.CreateNew(screen.query_one("#containers", Picker)))
        await settle(pilot)
        assert draft.container == "inputs-2"
        assert said(screen, "#container") == "+ inputs-2 new, private"

    play(app, script)
    assert free_name("a.txt", ["a.txt", "a-2.txt"]) == "a-3.txt"


def test_a_file_gives_the_blob_its_name_until_it_has_one_of_its_own(tmp_path: Path) -> None:
    app = app_at(Stage.STORAGE, tmp_path, world())
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("x")

    async def script(pilot: Any, screen: Any) -> None:
        draft, upload = app.wizard.draft, screen.query_one("#upload", Field)
        upload.value = str(tmp_path / "one.csv")
        await pilot.pause()
        assert draft.blob == "one.csv"
        screen.query_one("#new-blob", Field).value = "in/mine.csv"
        await pilot.pause()
        upload.value = str(tmp_path / "two.csv")
        await pilot.pause()
        assert draft.blob == "in/mine.csv"
        screen.query_one(Choice).focus()
        await pilot.press("right")
        await pilot.pause()
        assert draft.scope is GrantScope.ACCOUNT

    play(app, script)


def test_lists_that_cannot_be_had(tmp_path: Path) -> None:
    app = app_at(Stage.STORAGE, tmp_path, FakeCatalog(stores=RuntimeError("no [/] list")))

    async def script(pilot: Any, screen: Any) -> None:
        assert said(screen, "#account").endswith("unless it is there: Azure did not tell")
        assert said(screen, "#container") == "+ inputs new, private, unless it is there"
        assert said(screen, "#blob").startswith("+ hello.txt uploaded")
        screen.query_one("#account", Section).open()
        await settle(pilot)
        assert "no [/] list" in str(screen.query_one("#accounts .picker--words", Static).render())
        assert not screen.refusal(), "what the list would say is said by the plan"

    play(app, script)


def test_nothing_is_called_new_before_azure_told(tmp_path: Path) -> None:
    gate = threading.Event()

    class Gated(FakeCatalog):
        def accounts(self) -> Any:
            gate.wait(20)
            return super().accounts()

    app = app_at(Stage.STORAGE, tmp_path, Gated(stores=[account("stown")], inside={"stown": {"inputs": ["hello.txt"]}}))
    app.wizard.draft.account, app.wizard.draft.upload = "stown", ""

    async def script(pilot: Any, screen: Any) -> None:
        rows = ("#account", "#container", "#blob")
        assert all("◐" in said(screen, row) and "looking" in said(screen, row) for row in rows)
        gate.set()
        await until(pilot, lambda: all(said(screen, row).startswith("= ") for row in rows))

    play(app, script)


def test_a_sandbox_that_stopped_is_said_and_not_the_network(tmp_path: Path) -> None:
    lost = ServiceError(Failure(code="mi-tui/network", message="The proxy refused the connection."))
    app = app_at(Stage.STORAGE, tmp_path, FakeCatalog(stores=lost))
    assert app.wizard.target is not None
    app.wizard.target.gone = True  # type: ignore[misc]

    async def script(pilot: Any, screen: Any) -> None:
        screen.query_one("#account", Section).open()
        await settle(pilot)
        words = str(screen.query_one("#accounts .picker--words", Static).render())
        assert words == "✗ The sandbox has stopped."
        assert "press Start" in str(screen.query_one("#accounts .picker--advice", Static).render())

    play(app, script)


def test_the_three_steps_against_the_sandbox(tmp_path: Path) -> None:
    app = MiTui(Workflow(tmp_path))
    opened: list[Any] = []

    async def run() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            app.wizard.open_sandbox("instant", None, opened.append)
            for _ in range(300):
                await pilot.pause(0.1)
                if opened:
                    break
            assert opened
            assert not isinstance(opened[0], Failure), opened[0]
            for stage in (Stage.IDENTITY, Stage.STORAGE, Stage.MODEL):
                screen = await show(pilot, stage)
                await settle(pilot, 1.0)
                for picker in screen.query(Picker):
                    assert picker._failure is None, picker._failure
                assert not screen.refusal()
            assert "✓ Free in this workspace and" in str(
                app.screen.query_one("#endpoint .field--note", Static).render()
            )
            machine = str(app.screen.query_one("#instance-type .section--value", Static).render())
            assert machine.endswith("8 of 24 free cores ✓"), "the sandbox's own quota"
            app.wizard.close()

    asyncio.run(run())
