"""Workspace: the two lists, what is remembered, what is forgotten, and who is said to be signed in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from mi_tui.app import MiTui
from mi_tui.model.draft import Stage
from mi_tui.model.failure import Failure
from mi_tui.widgets.picker import Picker
from mi_tui.widgets.picklist import PickList
from mi_tui.workflow import ServiceError
from tests.screens.places import DEV, PROD, TENANT, FakeTarget, World, app_in, at, said, subscription, until, workspace

Script = Callable[[MiTui, Pilot[int]], Awaitable[None]]


def play(home: Path, world: World, script: Script, size: tuple[int, int] = (80, 24), chosen: str = "") -> None:
    """At the Workspace step, in Azure; `chosen` is the subscription that the draft has already."""

    async def run() -> None:
        app = app_in(home, world)
        async with app.run_test(size=size) as pilot:
            wizard = app.wizard
            target = FakeTarget("azure", "00000000-0000-0000-0000-000000000000")
            wizard._opened(target, "you@contoso.example", TENANT)  # type: ignore[arg-type]
            wizard.draft.subscription = chosen
            app.go(Stage.WORKSPACE)
            await at(pilot, Stage.WORKSPACE)
            await script(app, pilot)

    asyncio.run(run())


def pickers(app: MiTui) -> tuple[Picker, Picker]:
    return app.screen.query_one("#subscription", Picker), app.screen.query_one("#workspace", Picker)


def two() -> World:
    return World(
        subscriptions=[subscription("Contoso Dev"), subscription("Contoso Prod", PROD)],
        workspaces={
            DEV: [workspace("ml-dev"), workspace("ml-new", registry=False)],
            PROD: [workspace("ml-prod", "rg-prod", id=PROD)],
        },
    )


def test_the_only_subscription_and_the_only_workspace_are_taken(tmp_path: Path) -> None:
    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: app.wizard.draft.workspace == "ml-dev")
        draft = app.wizard.draft
        assert (draft.subscription, draft.resource_group, draft.location) == (DEV, "rg-ml", "westeurope")
        assert app.wizard.who == "azure · you@contoso.example · tenant 5a9d7c1e… · Contoso Dev"
        assert TENANT in said(app.screen)
        await pilot.press("ctrl+n")
        await at(pilot, Stage.IDENTITY)
        assert app.wizard.target is not None
        assert app.wizard.target.subscription == DEV, "the target plays in the chosen subscription"  # type: ignore[attr-defined]

    play(tmp_path, World(), script)


def test_keys_only_from_filter_to_next(tmp_path: Path) -> None:
    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        first, second = pickers(app)
        await until(pilot, lambda: len(first.items) == 2)
        assert app.screen.query_one("#subscription Input", Input).has_focus
        await pilot.press(*"prod", "enter")
        await until(pilot, lambda: len(second.items) == 1)
        assert app.wizard.draft.workspace == "ml-prod", "the only one"
        assert app.screen.query_one("#workspace Input", Input).has_focus
        await pilot.press("down", "enter")
        await pilot.pause()
        assert app.screen.query_one("#primary", Button).has_focus
        await pilot.press("enter")
        await at(pilot, Stage.IDENTITY)

    play(tmp_path, two(), script)


def test_another_subscription_forgets_the_workspace_and_nothing_else(tmp_path: Path) -> None:
    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        first, second = pickers(app)
        await until(pilot, lambda: len(first.items) == 2 and len(second.items) == 2)
        draft = app.wizard.draft
        draft.endpoint = "ep-mine"
        second.focus()
        await pilot.press(*"dev", "enter")
        await pilot.pause()
        assert draft.workspace == "ml-dev"
        first.focus()
        await pilot.press(*"prod", "enter")
        await until(pilot, lambda: draft.workspace == "ml-prod")
        assert (draft.subscription, draft.resource_group, draft.endpoint) == (PROD, "rg-prod", "ep-mine")
        assert "Contoso Prod" in app.wizard.who

    play(tmp_path, two(), script, chosen=DEV)


def test_an_answer_for_the_subscription_before_comes_too_late(tmp_path: Path) -> None:
    world = two()

    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        first, second = pickers(app)
        await until(pilot, lambda: len(first.items) == 2)
        world.slow = 0.5
        app.screen.on_picker_refresh(Picker.Refresh(second))  # type: ignore[attr-defined]
        await pilot.pause(0.1)
        world.slow = 0.0
        app.screen._take_subscription(PROD)  # type: ignore[attr-defined]
        await until(pilot, lambda: [item.title for item in second.items] == ["ml-prod"])
        await pilot.pause(0.8)
        assert [item.title for item in second.items] == ["ml-prod"]

    play(tmp_path, world, script, chosen=DEV)


def test_nothing_chosen_says_what_is_missing(tmp_path: Path) -> None:
    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: len(pickers(app)[0].items) == 2)
        await pilot.press("ctrl+n")
        await pilot.pause()
        assert "Choose a subscription first." in said(app.screen)
        assert app.wizard.stage is Stage.WORKSPACE

    play(tmp_path, two(), script)


def test_no_registry_is_said_with_what_follows(tmp_path: Path) -> None:
    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        _, second = pickers(app)
        await until(pilot, lambda: len(second.items) == 2)
        assert "no registry" in second.items[1].detail
        second.focus()
        await pilot.press(*"new", "enter")
        await pilot.pause()
        assert "system-assigned" in said(app.screen)

    play(tmp_path, two(), script, chosen=DEV)


def test_a_disabled_subscription_cannot_be_taken(tmp_path: Path) -> None:
    world = World(subscriptions=[subscription("Old", PROD, "Disabled"), subscription("New")])

    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        first, _ = pickers(app)
        await until(pilot, lambda: len(first.items) == 2)
        assert app.wizard.draft.subscription == DEV, "the only one in which something can be made"
        assert first.items[0].disabled
        assert "nothing can be made" in first.items[0].why

    play(tmp_path, world, script)


def test_a_refusal_stands_in_place_and_retry_asks_again(tmp_path: Path) -> None:
    refused = Failure("AuthorizationFailed", f"The client with object id '{TENANT}' may not read.", "Ask for Reader.")
    world = World(workspaces={DEV: ServiceError(refused)})

    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "AuthorizationFailed" in said(app.screen))
        assert "Ask for Reader." in said(app.screen)
        world.workspaces = {DEV: [workspace("ml-dev")]}
        await pilot.click("#workspace Button")
        await until(pilot, lambda: app.wizard.draft.workspace == "ml-dev")
        assert "AuthorizationFailed" not in said(app.screen.query_one("#workspace .picker--head"))

    play(tmp_path, world, script, chosen=DEV)


def test_none_at_all_says_how_to_get_one(tmp_path: Path) -> None:
    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "There is no workspace here" in said(app.screen))
        await pilot.press("ctrl+n")
        await pilot.pause()
        assert "Choose a workspace first." in said(app.screen)

    play(tmp_path, World(workspaces={}), script, chosen=DEV)


def test_the_mask_hides_ids_and_names_everywhere(tmp_path: Path) -> None:
    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: app.wizard.draft.workspace == "ml-dev")
        await pilot.press("f2")
        await pilot.pause()
        lines = [app.screen.query(PickList).first().render_line(y).text for y in range(2)]
        everything = said(app.screen) + "\n".join(lines)
        assert not any(secret in everything for secret in (DEV, DEV[:8], TENANT, "you@contoso"))

    play(tmp_path, World(), script)


def test_a_target_that_died_leads_back_to_welcome(tmp_path: Path) -> None:
    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        assert app.wizard.target is not None
        app.wizard.target.gone = True  # type: ignore[misc]
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "press Start" in said(app.screen))

    play(tmp_path, two(), script)


@pytest.mark.parametrize(("size", "beside"), [((80, 24), False), ((120, 40), True)])
def test_one_below_the_other_or_side_by_side(tmp_path: Path, size: tuple[int, int], beside: bool) -> None:
    async def script(app: MiTui, pilot: Pilot[int]) -> None:
        first, second = pickers(app)
        await until(pilot, lambda: len(second.items) == 2)
        assert (first.region.y == second.region.y) is beside
        assert app.screen.query_one("#main").max_scroll_x == 0

    play(tmp_path, two(), script, size, chosen=DEV)
