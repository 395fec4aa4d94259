"""The Identity step, over a catalog without a network: the lists' states are what is looked at, not Azure."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Button, Static

from mi_tui.app import MiTui
from mi_tui.model.answers import IdentityKind
from mi_tui.model.draft import Stage
from mi_tui.widgets.choice import Choice
from mi_tui.widgets.field import Field
from mi_tui.widgets.picker import Picker
from mi_tui.widgets.section import Section
from tests.screens.asking import FakeCatalog, app_at, identity, settle, show, workspace
from tests.screens.places import until

Script = Callable[[Any, Any], Awaitable[None]]


def play(app: MiTui, script: Script, size: tuple[int, int] = (80, 24)) -> None:
    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await script(pilot, await show(pilot, Stage.IDENTITY))

    asyncio.run(run())


def said(screen: Any, section: str) -> str:
    return str(screen.query_one(section, Section).query_one(".section--value", Static).render())


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_enter_goes_on_with_the_default(tmp_path: Path, size: tuple[int, int]) -> None:
    app = app_at(Stage.IDENTITY, tmp_path)

    async def script(pilot: Any, screen: Any) -> None:
        assert isinstance(app.focused, Button)
        words = " ".join(str(card.render()) for card in screen.query("CardView"))
        assert "1 grant to make" in words
        assert "3 grants to make" in words
        assert "cannot be changed once the endpoint exists" in str(screen.query_one("#forever", Static).render())
        assert not screen.query_one("#identity", Section).display
        await pilot.press("enter")
        await pilot.pause()
        assert app.wizard.stage is Stage.STORAGE
        assert app.wizard.draft.kind is IdentityKind.SAI

    play(app, script, size)


def test_a_user_assigned_identity_is_picked_from_another_group(tmp_path: Path) -> None:
    app = app_at(Stage.IDENTITY, tmp_path, FakeCatalog(uais=[identity("id-far", "rg-other"), identity("id-own")]))

    async def script(pilot: Any, screen: Any) -> None:
        draft = app.wizard.draft
        screen.query_one(Choice).focus()
        await pilot.press("right")
        await pilot.pause()
        assert draft.kind is IdentityKind.UAI
        assert said(screen, "#identity").startswith(f"+ {draft.identity} new, in rg-ml-dev")
        assert [item.title for item in screen.query_one(Picker).items] == ["id-own", "id-far"]
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert app.focused is not None
        await pilot.press(*"far", "enter")
        await pilot.pause()
        assert (draft.identity, draft.identity_group) == ("id-far", "rg-other")
        assert said(screen, "#identity").startswith("= id-far is there")
        assert app.focused is screen.query_one("#primary", Button)
        await pilot.press("enter")
        await pilot.pause()
        app.go_back()
        await settle(pilot)
        assert said(app.screen, "#identity").startswith("= id-far is there")
        assert app.screen.query_one(Picker).value == identity("id-far", "rg-other").id

    play(app, script)


def test_a_new_name_is_checked_and_one_that_is_there_is_used(tmp_path: Path) -> None:
    app = app_at(Stage.IDENTITY, tmp_path, FakeCatalog(uais=[identity("id-own")]))
    app.wizard.draft.kind = IdentityKind.UAI

    async def script(pilot: Any, screen: Any) -> None:
        draft, field = app.wizard.draft, screen.query_one("#new-identity", Field)
        screen.query_one("#identity", Section).open()
        await pilot.pause()
        field.value = "a b"
        await pilot.pause()
        assert draft.identity == "a b"
        assert said(screen, "#identity").startswith("✗ a b")
        await pilot.press("ctrl+n")
        assert app.wizard.stage is Stage.IDENTITY
        assert screen.query_one("#complaint").display
        await pilot.pause()
        assert field.has_focus_within
        await pilot.press("ctrl+g")
        await pilot.pause()
        assert draft.identity == "a-b"
        assert not screen.query_one("#complaint").display
        field.value = "ID-own"
        await pilot.pause()
        assert said(screen, "#identity").startswith("= id-own is there")
        await pilot.press("q")
        await pilot.pause()
        assert draft.identity == "ID-ownq", "a letter key never fires while somebody types"

    play(app, script)


def test_the_whole_rule_is_seen_where_there_is_little_room(tmp_path: Path) -> None:
    app = app_at(Stage.IDENTITY, tmp_path, FakeCatalog(uais=[identity(f"id-{number}") for number in range(9)]))
    app.wizard.draft.kind = IdentityKind.UAI

    async def script(pilot: Any, screen: Any) -> None:
        screen.query_one("#identity", Section).open()
        await settle(pilot)
        field = screen.query_one("#new-identity", Field)
        field.focus()
        await settle(pilot)
        await pilot.press("slash")
        main, below = screen.query_one("#main"), field.query_one(".field--below")
        # At 80 columns the rule takes more than a line beside the suggestion.
        await until(pilot, lambda: below.region.height > 1 and main.region.contains_region(below.region))

    play(app, script)


def test_create_new_after_one_was_picked(tmp_path: Path) -> None:
    app = app_at(Stage.IDENTITY, tmp_path, FakeCatalog(uais=[identity("id-far", "rg-other")]))
    draft = app.wizard.draft
    draft.kind, draft.identity, draft.identity_group = IdentityKind.UAI, "id-far", "rg-other"

    async def script(pilot: Any, screen: Any) -> None:
        assert not screen.query_one("#new-identity", Field).display
        screen.query_one("#identity", Section).open()
        await settle(pilot)
        await pilot.press("home", *"id-brand-new", "enter")
        await pilot.pause()
        assert (draft.identity, draft.identity_group) == ("id-brand-new", "")
        assert screen.query_one("#new-identity", Field).has_focus_within
        assert said(screen, "#identity").startswith("+ id-brand-new new")

    play(app, script)


def test_no_registry_is_a_warning_in_words(tmp_path: Path) -> None:
    app = app_at(Stage.IDENTITY, tmp_path, FakeCatalog(spaces=[workspace(registry=False)]))

    async def script(pilot: Any, screen: Any) -> None:
        assert "▲ The workspace ml-dev has no container registry" in str(screen.query_one("#uai").render())

    play(app, script)


def test_empty_failing_and_hostile_lists(tmp_path: Path) -> None:
    catalog = FakeCatalog(uais=RuntimeError("the list [/] burns"))
    app = app_at(Stage.IDENTITY, tmp_path, catalog)
    app.wizard.draft.kind = IdentityKind.UAI

    async def script(pilot: Any, screen: Any) -> None:
        picker = screen.query_one(Picker)
        screen.query_one("#identity", Section).open()
        await settle(pilot)
        assert "the list [/] burns" in str(screen.query_one(".picker--words", Static).render())
        catalog.uais = []
        await pilot.press("ctrl+r")
        await settle(pilot)
        assert "Make the first one" in str(screen.query_one(".picker--note", Static).render())
        catalog.uais = [identity("[bold]x\x1b]52;c;YQ==\x07[b]")]
        await pilot.press("ctrl+r")
        await settle(pilot)
        assert len(picker.items) == 1
        await pilot.press("down", "down", "enter")
        await settle(pilot)
        assert "\x1b" not in said(screen, "#identity")
        await pilot.press("enter")
        await pilot.pause()
        assert app.wizard.stage is Stage.IDENTITY, "such a name is no name of Azure's"

    play(app, script)


def test_ids_in_a_failure_are_masked(tmp_path: Path) -> None:
    guid = "11111111-2222-3333-4444-555555555555"
    app = app_at(Stage.IDENTITY, tmp_path, FakeCatalog(uais=RuntimeError(f"no rights in {guid}")))

    async def script(pilot: Any, screen: Any) -> None:
        words = screen.query_one(".picker--words", Static)
        assert guid in str(words.render())
        await pilot.press("f2")
        await pilot.pause()
        assert guid not in str(words.render())
        assert "no rights in" in str(words.render())

    play(app, script)
