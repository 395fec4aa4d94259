"""The small widgets of the asking screens: field, path, choice, section, and the lines of variables."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.events import Paste
from textual.widget import Widget
from textual.widgets import DirectoryTree, Input, Static

from mi_tui.model import names
from mi_tui.widgets import field as field_module
from mi_tui.widgets.choice import Card, Choice
from mi_tui.widgets.field import Field, suggestion
from mi_tui.widgets.paths import PathBrowser, PathField, clean_path, path_fault
from mi_tui.widgets.section import Section
from screens.variables import as_lines, variables_in


class Bench(App[None]):
    """Shows widgets and keeps what they say."""

    def __init__(self, *widgets: Widget) -> None:
        super().__init__()
        self._widgets = widgets
        self.heard: list[Any] = []

    def compose(self) -> ComposeResult:
        yield from self._widgets

    def on_field_changed(self, event: Field.Changed) -> None:
        self.heard.append((event.value, event.valid))

    def on_field_paused(self, event: Field.Paused) -> None:
        self.heard.append(("paused", event.value))

    def on_choice_changed(self, event: Choice.Changed) -> None:
        self.heard.append(event.key)


def play(app: App[None], script: Callable[[Any], Awaitable[None]], size: tuple[int, int] = (80, 24)) -> None:
    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await script(pilot)

    asyncio.run(run())


def note(app: App[None]) -> str:
    return str(app.query_one(".field--note", Static).render())


@pytest.mark.parametrize(
    "rule",
    [
        names.STORAGE_ACCOUNT,
        names.CONTAINER,
        names.IDENTITY,
        names.ENDPOINT,
        names.DEPLOYMENT,
        names.WORKSPACE,
        names.BLOB,
    ],
    ids=lambda rule: rule.kind,
)
@pytest.mark.parametrize(
    "typed", ["", "A", "My Data_2", "--x--", "9lives", "ü" * 50, "x" * 400, "\x1b[31m", "a\\b.txt", "日本"]
)
def test_a_suggestion_keeps_the_rule(rule: names.NameRule, typed: str) -> None:
    assert rule.pattern.fullmatch(suggestion(rule, typed))
    taken = suggestion(rule, "inputs1", taken=True)
    assert rule.pattern.fullmatch(taken)
    assert taken != "inputs1"
    assert taken.startswith("inputs1")


def test_a_suggestion_stays_near() -> None:
    assert suggestion(names.STORAGE_ACCOUNT, "My-Data") == "mydata"
    assert suggestion(names.ENDPOINT, "my endpoint!") == "my-endpoint"


def test_the_rule_is_said_while_typing_and_ctrl_g_mends() -> None:
    app = Bench(Field("Name", rule=names.STORAGE_ACCOUNT, hint="the hint"))

    async def script(pilot: Any) -> None:
        field = app.query_one(Field)
        assert "3 to 24 lower-case" in note(app)
        field.focus()
        await pilot.press(*"Abcd")
        assert field.fault
        assert app.heard[-1] == ("Abcd", False)
        assert field.has_class("-fault")
        await pilot.press("ctrl+g")
        await pilot.pause()
        assert field.value == "abcd"
        assert app.heard[-1] == ("abcd", True)
        assert note(app) == "the hint"

    play(app, script)


class Hours:
    """A clock for fields that goes on when the test says so: a busy machine between two keys changes nothing.

    The real one is left out because what is tested is which of two moments comes first, in either order.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self._due: list[tuple[float, Callable[[], None], SimpleNamespace]] = []
        monkeypatch.setattr(field_module, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(Field, "set_timer", self._set_timer)

    def _set_timer(self, delay: float, callback: Callable[[], None]) -> SimpleNamespace:
        timer = SimpleNamespace(stopped=False)
        timer.stop = lambda: setattr(timer, "stopped", True)
        self._due.append((self.now + delay, callback, timer))
        return timer

    async def pass_by(self, pilot: Any, seconds: float) -> None:
        """So many seconds pass; what falls due in them happens."""
        self.now += seconds
        due = [(callback, timer) for at, callback, timer in self._due if at <= self.now]
        self._due = [entry for entry in self._due if entry[0] > self.now]
        for callback, timer in due:
            if not timer.stopped:
                callback()
        await pilot.pause()


def test_availability_is_asked_after_a_pause_and_stale_answers_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    hours = Hours(monkeypatch)
    app = Bench(Field("Name", rule=names.ENDPOINT))

    def paused() -> list[Any]:
        return [said for said in app.heard if said[0] == "paused"]

    async def script(pilot: Any) -> None:
        field = app.query_one(Field)
        field.focus()
        for letter in "abc":
            await pilot.press(letter)
            await hours.pass_by(pilot, field_module.PAUSE_SECONDS * 0.9)
        assert paused() == []
        await hours.pass_by(pilot, field_module.PAUSE_SECONDS * 0.2)
        assert paused() == [("paused", "abc")]
        field.set_remote("checking", "asking")
        assert "asking" in note(app)
        await pilot.press("d")
        field.set_remote("fault", "taken", of="abc")
        assert not field.fault
        field.set_remote("checking", "asking again")
        field.set_remote("fault", "[b]taken[/b]", of="abcd")
        assert field.fault == "[b]taken[/b]"
        await hours.pass_by(pilot, field_module.BUSY_SECONDS * 0.9)
        assert "asking again" in note(app), "the busy sign stays for a while"
        await hours.pass_by(pilot, field_module.BUSY_SECONDS * 0.2)
        assert "✗ [b]taken[/b]" in note(app)
        assert app.heard[-1] == ("abcd", False)
        assert paused() == [("paused", "abc")], "what is answered is not asked about"
        await pilot.press("ctrl+g")
        await pilot.pause()
        assert field.value.startswith("abcd")
        assert field.value != "abcd"
        assert not field.fault

    play(app, script)


def test_a_bad_name_is_not_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    hours = Hours(monkeypatch)
    app = Bench(Field("Name", rule=names.ENDPOINT))

    async def script(pilot: Any) -> None:
        app.query_one(Field).focus()
        await pilot.press(*"a_")
        await hours.pass_by(pilot, 10)
        assert not [said for said in app.heard if said[0] == "paused"]

    play(app, script)


def test_pasted_paths(tmp_path: Path) -> None:
    plain = tmp_path / "a b.txt"
    plain.write_text("x")
    assert clean_path(f" '{plain}' ") == str(plain)
    assert clean_path(f'"{plain}"') == str(plain)
    assert clean_path(str(plain).replace(" ", "\\ ")) == str(plain)
    assert clean_path(plain.as_uri()) == str(plain)
    assert clean_path("~/x") == os.path.expanduser("~/x")
    assert clean_path("rel/x") == "rel/x"
    assert clean_path("") == ""


def test_what_is_wrong_with_a_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    assert path_fault(str(tmp_path / "file"), "file") == ""
    assert path_fault(str(tmp_path), "folder") == ""
    assert path_fault("", "file") == "Choose a file."
    assert "'gone'" in path_fault(str(tmp_path / "gone" / "deeper"), "file")
    assert "is a file" in path_fault(str(tmp_path / "file" / "x"), "file")
    assert "folder; a file" in path_fault(str(tmp_path), "file")
    assert "file; a folder" in path_fault(str(tmp_path / "file"), "folder")
    assert "empty" in path_fault(str(tmp_path / "empty"), "any")
    assert "control" in path_fault("a\0b", "any")
    assert path_fault("x" * 5000, "any")


def test_a_pasted_path_replaces_what_was_there(tmp_path: Path) -> None:
    app = Bench(PathField("Code", kind="folder", value="/somewhere/else"))

    async def script(pilot: Any) -> None:
        field = app.query_one(PathField)
        assert field.fault
        field.focus()
        field.query_one(Input).post_message(Paste(f"'{tmp_path.parent}'\n"))
        await pilot.pause()
        assert field.value == str(tmp_path.parent)
        assert not field.fault

    play(app, script)


def test_browse_starts_where_the_value_is_and_brings_back_the_choice(tmp_path: Path) -> None:
    hostile = tmp_path / "[bold]x[b]"
    for folder in (tmp_path / "model", tmp_path / "other", hostile):
        folder.mkdir()
        (folder / "f").write_text("x")
    app = Bench(PathField("Model", kind="folder", value=str(tmp_path / "model")))

    async def script(pilot: Any) -> None:
        await pilot.click(".path--browse")
        await pilot.pause(0.5)
        assert isinstance(app.screen, PathBrowser)
        tree = app.screen.query_one(DirectoryTree)
        assert Path(tree.path) == tmp_path
        assert tree.cursor_node is not None
        assert tree.cursor_node.data is not None
        assert tree.cursor_node.data.path == tmp_path / "model"
        assert "[bold]x[b]" in [str(node.label) for node in tree.root.children]
        await pilot.press("down")
        await pilot.click("#choose")
        await pilot.pause()
        assert app.query_one(PathField).value == str(tmp_path / "other")
        await pilot.click(".path--browse")
        await pilot.pause(0.3)
        await pilot.press("escape")
        assert app.query_one(PathField).value == str(tmp_path / "other")

    play(app, script)


def test_choice_by_keys_and_mouse_and_stacked_when_narrow() -> None:
    app = Bench(Choice([Card("a", "A", ("one",)), Card("b", "B[/]", ("x", "y"), "careful")], value="a"))

    async def script(pilot: Any) -> None:
        choice = app.query_one(Choice)
        first, second = choice.query("CardView")
        assert first.region.y == second.region.y
        assert first.region.height == second.region.height
        choice.focus()
        await pilot.press("right")
        assert choice.value == "b"
        assert app.focused is second
        await pilot.press("shift+tab", "space")
        assert choice.value == "a"
        await pilot.click(second)
        assert app.heard == ["b", "a", "b"]
        assert "▲ careful" in str(second.render())
        await pilot.resize_terminal(50, 24)
        await pilot.pause()
        assert second.region.y > first.region.y

    play(app, script)


def test_a_section_says_and_opens() -> None:
    inside = Field("Inside")
    section = Section("Storage account")
    section.compose_add_child(inside)
    app = Bench(section)

    async def script(pilot: Any) -> None:
        section.say("[x]\x1b[2J", "new", "create")
        await pilot.pause()
        assert str(section.query_one(".section--value", Static).render()) == "+ [x] new"
        assert not inside.region.height
        section.focus()
        await pilot.press("enter")
        await pilot.pause()
        assert inside.region.height
        await pilot.press("space")
        await pilot.pause()
        assert not inside.region.height

    play(app, script)


def test_lines_of_variables() -> None:
    values = {"A": "b=c", "LINES": "one\ntwo", "QUOTED": '"x"', "EMPTY": "", "SPACE": " x "}
    assert variables_in(as_lines(values)) == (values, "")
    assert variables_in("\n A =1\n") == ({"A": "1"}, "")
    assert variables_in("A") == ({}, "Line 1: expected NAME=value.")
    assert "Line 2" in variables_in("A=1\n9=x")[1]
    assert "twice" in variables_in("A=1\nA=2")[1]
    assert "FILE_NAME" in variables_in("FILE_NAME=x")[1]
    assert "JSON" in variables_in('A="x')[1]
