"""The log view in its pane: follow, pause, search, filter, wrap, times, copy, save; volume; and hostile lines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Tabs

from mi_tui.model.logbuffer import LogBuffer
from mi_tui.widgets.logpane import Ask, LogPane
from mi_tui.widgets.logview import LogView

SERVER, STARTER = "inference-server", "storage-initializer"


class Pane(App[None]):
    """A log pane alone."""

    def __init__(self, files: dict[str, Path] | None = None) -> None:
        super().__init__()
        self.logs = {SERVER: LogBuffer()}
        self.files = files
        self.copied: list[str] = []
        self.pressed: list[str] = []
        self.told: list[str] = []

    def compose(self) -> ComposeResult:
        yield LogPane()

    def on_mount(self) -> None:
        self.show()
        self.query_one(LogView).focus()

    def show(self, say: str = "") -> None:
        self.query_one(LogPane).show(self.logs, say, self.files)

    def copy_to_clipboard(self, text: str) -> None:
        self.copied.append(text)

    def notify(self, message: str, **_: object) -> None:  # type: ignore[override]
        self.told.append(message)

    def key_q(self) -> None:
        self.pressed.append("q")

    @property
    def view(self) -> LogView:
        return self.query_one(LogView)

    def text(self) -> str:
        return "\n".join(strip.text for strip in self.screen._compositor.render_strips())


Look = Callable[[Pane, Pilot[None]], Awaitable[None]]


def drive(look: Look, *lines: str, size: tuple[int, int] = (80, 20), files: dict[str, Path] | None = None) -> None:
    async def go() -> None:
        app = Pane(files)
        async with app.run_test(size=size) as pilot:
            app.logs[SERVER].extend(lines, "12:34:56")
            app.show()
            await pilot.pause(0.15)
            app.view.focus()
            await look(app, pilot)

    asyncio.run(go())


def numbered(count: int) -> list[str]:
    return [f"line {number:05d}" for number in range(count)]


async def type_in(pilot: Pilot[None], words: str) -> None:
    await pilot.press(*(letter if letter != " " else "space" for letter in words), "enter")
    await pilot.pause(0.15)


def test_it_follows_until_the_reader_scrolls_up_and_again_when_asked() -> None:
    async def look(app: Pane, pilot: Pilot[None]) -> None:
        assert "line 00099" in app.text()
        await pilot.press("up")
        await pilot.pause(0.5)
        assert not app.view.follow
        top = app.view.scroll_offset.y
        app.logs[SERVER].extend(numbered(50))
        await pilot.pause(0.2)
        assert app.view.scroll_offset.y == top, "what is read stays in its place"
        await pilot.press("f")
        await pilot.pause(0.2)
        assert app.view.follow
        assert "line 00049" in app.text()
        assert "following" in app.text()

    drive(look, *numbered(100))


def test_what_is_read_stays_in_its_place_while_the_ring_drops_lines() -> None:
    async def look(app: Pane, pilot: Pilot[None]) -> None:
        app.logs[SERVER] = LogBuffer(200)
        app.logs[SERVER].extend(numbered(200))
        app.show()
        await pilot.pause(0.2)
        app.view.scroll_to(y=100, animate=False)
        await pilot.pause(0.2)
        assert not app.view.follow
        assert "line 00100" in app.text().splitlines()[1]
        app.logs[SERVER].extend(f"new {n}" for n in range(60))
        await pilot.pause(0.2)
        assert "line 00100" in app.text().splitlines()[1]
        assert app.view.index.lines == 200

    drive(look, "x")


def test_pause_holds_the_picture_and_counts_what_comes() -> None:
    async def look(app: Pane, pilot: Pilot[None]) -> None:
        await pilot.press("space")
        app.logs[SERVER].extend(["later"] * 30_000)
        app.show()
        await pilot.pause(0.2)
        assert "line 00099" in app.text()
        assert "later" not in app.text()
        assert "paused, 30,000 new" in app.text()
        await pilot.press("space")
        await pilot.pause(0.2)
        assert "later" in app.text()

    drive(look, *numbered(100))


def test_search_marks_and_goes_round() -> None:
    async def look(app: Pane, pilot: Pilot[None]) -> None:
        await pilot.press("slash")
        await type_in(pilot, "needle q")
        assert app.pressed == [], "a letter that is typed is no command"
        assert "3 of 3" in app.text()
        assert app.view.current == 90
        await pilot.press("n")
        await pilot.pause(0.1)
        assert app.view.current == 10
        assert "1 of 3" in app.text()
        assert "a needle q in 10" in app.text()
        await pilot.press("N")
        await pilot.pause(0.1)
        assert app.view.current == 90
        await pilot.press("slash", "ctrl+u")
        await type_in(pilot, "nowhere")
        assert "not found" in app.text()

    lines = numbered(100)
    for place in (10, 50, 90):
        lines[place] = f"a needle q in {place}"
    drive(look, *lines)


def test_filter_shows_only_what_holds_the_words_and_esc_closes_the_line() -> None:
    async def look(app: Pane, pilot: Pilot[None]) -> None:
        await pilot.press("ampersand")
        await type_in(pilot, "00042")
        assert "line 00042" in app.text()
        assert "line 00041" not in app.text()
        assert "1 line" in app.text()
        await pilot.press("slash", "escape")
        await pilot.pause(0.1)
        assert not app.query_one(LogPane).has_class("-asking")
        assert app.focused is app.view
        await pilot.press("ampersand", "ctrl+u", "enter")
        await pilot.pause(0.2)
        assert app.view.index.lines == 100

    drive(look, *numbered(100))


def test_wrap_and_times() -> None:
    async def look(app: Pane, pilot: Pilot[None]) -> None:
        assert "the end" in app.text()
        assert "12:34:56" not in app.text()
        await pilot.press("t")
        await pilot.pause(0.1)
        assert app.text().count("12:34:56") == 1, "the time stands at the line's first row only"
        await pilot.press("w")
        await pilot.pause(0.1)
        assert "the end" not in app.text()
        assert app.view.virtual_size.width > 80

    drive(look, "word " * 40 + "the end")


def test_copy_says_how_and_copies_what_is_shown() -> None:
    async def look(app: Pane, pilot: Pilot[None]) -> None:
        await pilot.press("y")
        assert app.copied == ["one\ntwo"]
        assert "OSC 52" in app.told[0]

    drive(look, "one", "two")


def test_save_asks_where_writes_for_the_owner_only_and_never_over_a_file(tmp_path: Path) -> None:
    path = tmp_path / "out.log"

    async def look(app: Pane, pilot: Pilot[None]) -> None:
        for _ in range(2):
            await pilot.press("s")
            line = app.query_one(Ask)
            assert line.value.endswith(f"{SERVER}.log")
            line.value = str(path)
            await pilot.press("enter")
            await pilot.pause(0.1)
        assert path.read_text() == "12:34:56 one\n12:34:56 two\n"
        assert path.stat().st_mode & 0o077 == 0
        assert "there is a file already" in app.told[1]
        assert app.query_one(LogPane).has_class("-asking"), "it asks again"

    drive(look, "one", "two")


def test_save_takes_the_whole_log_where_older_lines_are_in_a_file(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.log", tmp_path / "out.log"
    whole.write_text("\n".join(numbered(30)) + "\n")

    async def look(app: Pane, pilot: Pilot[None]) -> None:
        app.logs[SERVER] = LogBuffer(10)
        app.logs[SERVER].extend(numbered(30))
        app.show()
        await pilot.press("s")
        app.query_one(Ask).value = str(path)
        await pilot.press("enter")
        await pilot.pause(0.1)
        assert path.read_text() == whole.read_text()

    drive(look, "x", files={SERVER: whole})


def test_tabs_change_the_container_and_the_honest_sentence_stands_for_an_empty_one() -> None:
    async def look(app: Pane, pilot: Pilot[None]) -> None:
        app.show("Azure gives no logs [b]yet[/].")
        assert "Azure gives no logs" not in app.text()
        app.query_one(Tabs).active = STARTER
        await pilot.pause(0.2)
        app.show("Azure gives no logs [b]yet[/].")
        await pilot.pause(0.2)
        assert "Azure gives no logs [b]yet[/]." in app.text()
        assert "hello" not in app.text()

    drive(look, "hello")


@pytest.mark.parametrize("wrap", [True, False])
def test_hostile_lines_are_shown_harmlessly(wrap: bool) -> None:
    async def look(app: Pane, pilot: Pilot[None]) -> None:
        app.view.set_wrap(wrap)
        app.view.set_search("e")
        await pilot.pause(0.2)
        text = app.text()
        for shown in ("[bold]markup[/] [/nothing]", "red", "a\\x202eb", "bad \\xdcff byte", "日本語", "stolen"):
            assert shown in text
        assert "\x1b" not in text
        assert "\x07" not in text
        assert all(len(line) <= 200 for line in text.splitlines())

    drive(
        look, "[bold]markup[/] [/nothing]", "\x1b[31mred", "a\u202eb", "bad \udcff byte", "日本語", "\x1b]52;c;eA==\x07stolen",
        size=(120, 30),
    )  # fmt: skip


def test_a_line_of_a_megabyte_does_not_hold_the_screen_up() -> None:
    async def look(app: Pane, pilot: Pilot[None]) -> None:
        assert "998,000 more characters" in app.text().replace("\n", " ")
        assert app.view.index.rows < 40

    drive(look, "x" * 1_000_000, size=(80, 40))


def test_selected_text_is_what_is_copied() -> None:
    async def look(app: Pane, pilot: Pilot[None]) -> None:
        await pilot.mouse_down(LogView, offset=(0, 0))
        await pilot.hover(LogView, offset=(5, 0))
        await pilot.mouse_up(LogView, offset=(5, 0))
        await pilot.pause(0.1)
        await pilot.press("y")
        assert app.copied
        assert "first line".startswith(app.copied[0])
        assert "the selection" in app.told[0]

    drive(look, "first line", "second line")


def test_the_keys_can_be_clicked() -> None:
    async def look(app: Pane, pilot: Pilot[None]) -> None:
        row = next(y for y, line in enumerate(app.text().splitlines()) if "w wrap" in line)
        assert app.view.wrap
        await pilot.click(offset=(app.text().splitlines()[row].index("w wrap") + 1, row))
        await pilot.pause(0.1)
        assert not app.view.wrap

    drive(look, "one")
