"""The Clean up screen: ticks, what follows from them, the typed name in Azure, and the list read again at the end."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, SelectionList

from mi_tui.app import MiTui
from mi_tui.engine.journal import LedgerEntry, Verdict
from mi_tui.engine.keeping import kept
from mi_tui.model.draft import Stage
from mi_tui.model.plan import ResourceKind
from tests.screens.ended import MADE, RUN, Faked, drive, screen_text, until

ENTRIES = [LedgerEntry(name_id, kind, name, Verdict.CREATED, "") for kind, name_id, name in MADE]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_enter_removes_in_the_sandbox_and_the_end_is_verified(tmp_path: Path, size: tuple[int, int]) -> None:
    workflow = Faked(tmp_path)

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "online endpoint ep-demo" in screen_text(app))
        assert "0.29 USD" in screen_text(app)
        first = next(line for line in screen_text(app).splitlines() if "▐X▌" in line)
        assert "deployment blue  bills while it exists" in first, "in the order in which they go"
        assert "workspace ml-dev" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: "Nothing of this run is left: 7 things were removed" in screen_text(app))
        await until(pilot, lambda: "= workspace ml-dev" in screen_text(app))
        assert "role assignment" not in screen_text(app), "it was a grant in the list"
        assert workflow.kept_ids == frozenset()
        assert workflow.removable(workflow.journal.run(RUN)) == []
        await until(pilot, lambda: app.focused is not None and app.focused.id == "primary")
        # A button that was pressed just now takes no second press.
        await until(pilot, lambda: not app.screen.query_one("#primary").has_class("-active"))
        await pilot.press("enter")
        await until(pilot, lambda: app.wizard.stage is Stage.WELCOME)

    drive(workflow, Stage.CLEANUP, journey, size)


def test_in_azure_the_name_must_be_typed(tmp_path: Path) -> None:
    workflow = Faked(tmp_path, target="azure")

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "Type the endpoint's name, ep-demo" in screen_text(app))
        await until(pilot, lambda: app.focused is app.screen.query_one("#confirm"))
        assert app.screen.query_one("#main").region.contains_region(app.screen.query_one("#confirm").region)
        app.screen.query_one("#primary").focus()
        await pilot.press("enter")
        await pilot.pause()
        assert workflow.kept_ids is None, "nothing may go before the name was typed"
        app.screen.query_one("#confirm", Input).focus()
        await pilot.press(*"ep-dem", "enter")
        assert workflow.kept_ids is None
        await pilot.press("o", "enter")
        await until(pilot, lambda: "Nothing of this run is left" in screen_text(app))

    drive(workflow, Stage.CLEANUP, journey)


def test_what_is_unticked_stays_with_what_it_needs(tmp_path: Path) -> None:
    workflow = Faked(tmp_path)

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "blob hello.txt" in screen_text(app))
        listing = app.screen.query_one("#goes", SelectionList)
        listing.focus()
        listing.highlighted = [e.id for e in workflow.removable(workflow.journal.run(RUN))].index("/acc/c/b")
        assert "X▌ blob hello.txt" in screen_text(app)
        await pilot.press("space")
        await until(pilot, lambda: set(listing.selected) == {"/uai", "/acc/c/ra", "/ep", "/ep/blue"})
        assert " ▌ blob hello.txt  stays: you kept it" in screen_text(app)
        await pilot.press("space")
        await until(pilot, lambda: len(listing.selected) == 7)
        await pilot.press("space")
        app.screen.query_one("#primary").focus()
        await pilot.press("enter")  # at once: what follows from the tick has perhaps not been told yet
        await until(pilot, lambda: "but for what you kept" in screen_text(app))
        assert workflow.kept_ids == {"/acc/c/b"}
        assert {e.id for e in workflow.removable(workflow.journal.run(RUN))} == {"/acc", "/acc/c", "/acc/c/b"}
        assert "the blob that you kept needs it" in screen_text(app)

    drive(workflow, Stage.CLEANUP, journey)


def test_nothing_ticked_removes_nothing(tmp_path: Path) -> None:
    workflow = Faked(tmp_path)

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "blob hello.txt" in screen_text(app))
        app.screen.query_one("#goes", SelectionList).deselect_all()
        await pilot.press("ctrl+n")
        await until(pilot, lambda: "Nothing is ticked" in screen_text(app))
        assert workflow.kept_ids is None

    drive(workflow, Stage.CLEANUP, journey)


def test_what_could_not_be_removed_is_listed_and_can_be_tried_again(tmp_path: Path) -> None:
    workflow = Faked(tmp_path)
    workflow.unremovable = {"/acc": "it holds container(s) that this run did not make"}

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "blob hello.txt" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "it holds container(s)" in screen_text(app))
        assert "Nothing of this run is left" not in screen_text(app)
        workflow.unremovable = {}
        await pilot.click("#again")
        await until(pilot, lambda: "storage account stdemo" in screen_text(app) and "Remove" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "Nothing of this run is left" in screen_text(app))

    drive(workflow, Stage.CLEANUP, journey)


def test_without_a_run_there_is_nothing_to_remove(tmp_path: Path) -> None:
    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        assert "There is no run to clean up" in screen_text(app)

    async def unknown(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "cannot be read" in screen_text(app))

    drive(Faked(tmp_path), Stage.CLEANUP, journey, run="")
    drive(Faked(tmp_path / "2"), Stage.CLEANUP, unknown, run="zzz")


def test_keeping_the_deployment_keeps_everything() -> None:
    assert set(kept(ENTRIES, frozenset({"/ep/blue"}))) == {entry.id for entry in ENTRIES}


def test_keeping_a_container_keeps_its_account_only() -> None:
    assert kept(ENTRIES, frozenset({"/acc/c"})) == {
        "/acc/c": "you kept it",
        "/acc": "the container that you kept needs it",
    }


def test_keeping_nothing_keeps_nothing_and_unknown_ids_do_not_matter() -> None:
    assert kept(ENTRIES, frozenset({"/elsewhere"})) == {}


@pytest.mark.parametrize("kind", [ResourceKind.IDENTITY, ResourceKind.STORAGE_ACCOUNT])
def test_what_stands_alone_keeps_itself_only(kind: ResourceKind) -> None:
    mine = next(entry for entry in ENTRIES if entry.kind is kind)
    assert set(kept(ENTRIES, frozenset({mine.id}))) == {mine.id}


@pytest.mark.parametrize(
    ("keys", "consent"), [(("enter",), {}), (("right", "enter"), {"/acc/c": frozenset({"theirs.csv"})})]
)
def test_others_blobs_are_named_and_stay_unless_one_says_so(
    tmp_path: Path, keys: tuple[str, ...], consent: dict[str, frozenset[str]]
) -> None:
    workflow = Faked(tmp_path)
    workflow.others = {"/acc/c": ("theirs.csv",)}

    async def journey(app: MiTui, pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "online endpoint ep-demo" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "theirs.csv" in screen_text(app))
        assert workflow.consent is None, "nothing goes before it was answered"
        await until(pilot, lambda: "Ticked things go" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: "theirs.csv" not in screen_text(app))
        assert workflow.consent is None
        await until(pilot, lambda: app.focused is not None)
        app.screen.query_one("#primary").focus()
        await pilot.press("enter")
        await until(pilot, lambda: "theirs.csv" in screen_text(app))
        for key in keys:
            await pilot.press("tab" if key == "right" else key)
        await until(pilot, lambda: workflow.consent is not None)
        assert workflow.consent == consent

    drive(workflow, Stage.CLEANUP, journey)
