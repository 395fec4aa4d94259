"""The picker: filter, keys, states, hostile text, and that 5,000 items do not make it slow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from mi_tui.model.failure import Failure
from mi_tui.widgets.fuzzy import match, match_all
from mi_tui.widgets.picker import Picker, PickerItem
from mi_tui.widgets.picklist import PickList

NAMES = ("sales-prod", "prod-sales", "ml-dev", "mailer-dev")
ITEMS = [PickerItem(f"/id/{name}", name, f"westeurope · rg-{name}") for name in NAMES]


class Shelf(App[None]):
    """An App with one picker that writes down what it says."""

    BINDINGS = [Binding("q", "quit", "quit"), Binding("escape", "away", "back")]  # noqa: RUF012 - as Textual wants it

    def __init__(self, create: str | None = None) -> None:
        super().__init__()
        self.create = create
        self.heard: list[Message] = []
        self.went = 0

    def compose(self) -> ComposeResult:
        yield Picker("Workspace", empty="There is none yet. Make one in the portal.", create=self.create, id="pick")
        yield Button("after", id="after")

    def action_away(self) -> None:
        self.went += 1

    def on_picker_chosen(self, event: Picker.Chosen) -> None:
        self.heard.append(event)

    def on_picker_create_new(self, event: Picker.CreateNew) -> None:
        self.heard.append(event)

    def on_picker_refresh(self, event: Picker.Refresh) -> None:
        self.heard.append(event)

    @property
    def picker(self) -> Picker:
        return self.query_one(Picker)

    @property
    def titles(self) -> list[str]:
        return [row.title for row in self.query_one(PickList).rows]

    def text(self, classes: str) -> str:
        return str(self.query(f".{classes}").first(Static).render())


def play(script: Callable[[Shelf, Pilot[None]], Awaitable[None]], create: str | None = None) -> None:
    async def run() -> None:
        app = Shelf(create)
        async with app.run_test(size=(80, 24)) as pilot:
            await script(app, pilot)

    asyncio.run(run())


def test_match_prefers_whole_then_start_then_part_then_scattered() -> None:
    scores = [match("prod", text) for text in ("prod", "prod-sales", "sales-prod", "xprodx", "p-r-o-d")]
    assert all(score is not None for score in scores)
    numbers = [score[0] for score in scores if score]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == len(numbers)
    assert match("prod", "dorp") is None


def test_match_takes_the_start_of_a_part_before_an_earlier_middle() -> None:
    found = match("dev", "xdevx-dev")
    assert found is not None
    assert found[1] == (6, 7, 8)


def test_every_word_must_be_found_somewhere() -> None:
    assert match_all(["ml", "europe"], "ml-dev", ("westeurope",)) is not None
    assert match_all(["ml", "asia"], "ml-dev", ("westeurope",)) is None


def test_a_hostile_query_costs_nothing() -> None:
    began = time.process_time()
    match("a" * 60 + "b", "a" * 20_000)
    assert time.process_time() - began < 0.5, "a matcher that tries every combination would take for ever"


def test_filter_down_enter_chooses_and_clears_the_filter() -> None:
    async def script(app: Shelf, pilot: Pilot[None]) -> None:
        app.picker.set_items(ITEMS)
        app.picker.focus()
        await pilot.press(*"prod")
        assert app.titles == ["prod-sales", "sales-prod"], "best first"
        await pilot.press("down", "down", "enter")
        await pilot.pause()
        (said,) = app.heard
        assert isinstance(said, Picker.Chosen)
        assert (said.key, said.control, app.picker.value) == ("/id/sales-prod", app.picker, "/id/sales-prod")
        assert app.titles == list(NAMES), "the filter is done with; the given order is back"
        assert app.text("picker--value") == "sales-prod"

    play(script)


def test_enter_in_the_filter_takes_the_best_match_not_the_row_above_it() -> None:
    async def script(app: Shelf, pilot: Pilot[None]) -> None:
        app.picker.set_items(ITEMS)
        app.picker.focus()
        await pilot.press(*"mldev", "enter")
        await pilot.pause()
        assert app.picker.value == "/id/ml-dev"

    play(script, create="create a new workspace")


def test_create_new_is_the_first_row_and_carries_what_was_typed() -> None:
    async def script(app: Shelf, pilot: Pilot[None]) -> None:
        app.picker.set_items(ITEMS)
        assert app.titles[0] == "+ create a new workspace"
        app.picker.focus()
        await pilot.press(*"zebra", "enter")
        await pilot.pause()
        (said,) = app.heard
        assert isinstance(said, Picker.CreateNew)
        assert said.text == "zebra"
        assert app.picker.value is None

    play(script, create="create a new workspace")


def test_typing_in_the_list_filters_and_fires_no_letter_key() -> None:
    async def script(app: Shelf, pilot: Pilot[None]) -> None:
        app.picker.set_items([*ITEMS, PickerItem("q", "quiet-qa")])
        app.query_one(PickList).focus()
        await pilot.press("q", "a")
        assert app.is_running, "q did not quit"
        assert app.query_one(Input).value == "qa"
        assert app.query_one(Input).has_focus
        assert app.titles == ["quiet-qa"]
        await pilot.press("down", "backspace")
        assert app.query_one(Input).value == "q"

    play(script)


def test_escape_clears_the_filter_first_and_goes_back_second() -> None:
    async def script(app: Shelf, pilot: Pilot[None]) -> None:
        app.picker.set_items(ITEMS)
        app.picker.focus()
        await pilot.press(*"xyz")
        assert "Nothing matches" in app.text("picker--note")
        await pilot.press("escape")
        assert (app.query_one(Input).value, app.went) == ("", 0)
        await pilot.press("escape")
        assert app.went == 1

    play(script)


def test_up_on_the_first_row_goes_back_to_the_filter_and_tab_leaves() -> None:
    async def script(app: Shelf, pilot: Pilot[None]) -> None:
        app.picker.set_items(ITEMS)
        app.picker.focus()
        await pilot.press("down", "up")
        assert app.query_one(Input).has_focus
        await pilot.press("tab", "tab")
        assert app.query_one("#after").has_focus

    play(script)


def test_a_disabled_row_says_why_and_is_not_taken() -> None:
    async def script(app: Shelf, pilot: Pilot[None]) -> None:
        app.picker.set_items([PickerItem("a", "closed", "westeurope", disabled=True, why="you have no role on it")])
        app.picker.focus()
        await pilot.press("down", "enter")
        await pilot.pause()
        assert "no role on it" in app.text("picker--note")
        assert app.heard == []
        assert app.picker.value is None

    play(script)


def test_the_mouse_chooses() -> None:
    async def script(app: Shelf, pilot: Pilot[None]) -> None:
        app.picker.set_items(ITEMS)
        await pilot.pause()
        await pilot.click(PickList, offset=(5, 2))
        await pilot.pause()
        assert app.picker.value == "/id/ml-dev"

    play(script)


def test_selected_before_the_list_comes_and_gone_when_the_list_has_it_not() -> None:
    async def script(app: Shelf, pilot: Pilot[None]) -> None:
        app.picker.select("/id/ml-dev")
        assert app.picker.value == "/id/ml-dev"
        app.picker.set_items(ITEMS)
        await pilot.pause()
        current = app.query_one(PickList).current
        assert current is not None
        assert current.title == "ml-dev", "the cursor stands on what is chosen"
        app.picker.set_items(ITEMS[:1])
        assert app.picker.value is None
        assert app.heard == [], "select is no choice of the person"

    play(script)


def test_loading_keeps_what_is_there_and_stays_a_second() -> None:
    async def script(app: Shelf, pilot: Pilot[None]) -> None:
        app.picker.set_loading()
        assert "loading" in app.text("picker--busy")
        assert "Loading" in app.text("picker--note")
        app.picker.set_items(ITEMS)
        assert "loading" in app.text("picker--busy"), "no flicker"
        await pilot.pause(1.3)
        assert app.text("picker--busy") == "4"
        app.picker.set_loading()
        assert app.titles == list(NAMES)

    play(script)


def test_empty_says_how_to_get_the_first_item() -> None:
    async def script(app: Shelf, pilot: Pilot[None]) -> None:
        app.picker.set_items([])
        assert app.text("picker--note") == "There is none yet. Make one in the portal."
        assert not app.query_one(PickList).display

    play(script)


def test_a_failure_stands_in_place_with_retry_and_the_list_below_it() -> None:
    async def script(app: Shelf, pilot: Pilot[None]) -> None:
        app.picker.set_items(ITEMS)
        app.picker.set_failure(Failure("AuthorizationFailed", "You may not.", "Ask for Reader."))
        await pilot.pause()
        words = " ".join(str(part.render()) for part in app.query(".picker--words").results(Static))
        assert "AuthorizationFailed: You may not." in words
        assert "Ask for Reader." in words
        assert app.titles == list(NAMES)
        await pilot.click("Picker Button")
        app.picker.focus()
        await pilot.press("ctrl+r")
        await pilot.pause()
        assert [type(said) for said in app.heard] == [Picker.Refresh, Picker.Refresh]
        app.picker.set_items(ITEMS)
        assert not app.query_one(".picker--failure").display

    play(script)


def test_hostile_text_is_shown_and_does_nothing() -> None:
    hostile = "[bold red]x[/] \x1b]52;c;aGk=\x07 \x1b[2J \u202egnp.exe\nsecond"

    async def script(app: Shelf, pilot: Pilot[None]) -> None:
        app.picker.set_items([PickerItem("k", hostile, hostile, mark="[b]"), PickerItem("l", "a" * 1_000_000)])
        app.picker.set_failure(Failure("C", hostile, hostile))
        await pilot.pause()
        shown = app.titles[0]
        assert "[bold red]x[/]" in shown
        assert not set("\x1b\x07\u202e\n") & set(shown)
        assert len(app.titles[1]) < 1_000
        line = app.query_one(PickList).render_line(0).text
        assert "[bold red]x[/]" in line
        await pilot.press("tab", "down", "enter")

    play(script)


def test_five_thousand_items_are_filtered_within_a_blink() -> None:
    items = [
        PickerItem(f"/subscriptions/{n:036d}", f"stcontoso-sales-{n * 7919 % 5000}", "westeurope") for n in range(5000)
    ]

    async def script(app: Shelf, pilot: Pilot[None]) -> None:
        began = time.process_time()
        app.picker.set_items(items)
        app.query_one(Input).value = "sales-49"
        app.picker._draw()
        assert time.process_time() - began < 1.0
        await pilot.pause()
        assert app.titles[0] == "stcontoso-sales-49"
        assert app.query_one(PickList).size.height <= 7

    play(script)
