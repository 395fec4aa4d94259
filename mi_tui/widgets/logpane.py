"""The log pane: tabs for the containers, the honest sentence while there is no log, the log view, one line to type in, and its keys."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input, Static, Tab, Tabs

from mi_tui.model import actions
from mi_tui.model.logbuffer import LogBuffer
from mi_tui.model.marks import marks
from mi_tui.model.text import visible
from mi_tui.widgets.logview import LogView

CONTAINERS = ("inference-server", "storage-initializer")
_COPIED = 1_000
"""How many lines are copied at most: terminals drop a clipboard text that is too long."""


class Ask(Input):
    """The one line to type in; esc closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "close", show=False)]

    class Closed(Message):
        """Esc was pressed."""

    def action_close(self) -> None:
        """Close without doing anything."""
        self.post_message(self.Closed())


class LogPane(Vertical):
    """Shows the logs of a deployment's containers. Its keys are the actions `log_...` of the table of actions."""

    DEFAULT_CSS = """
    LogPane { height: 1fr; }
    LogPane Tabs { height: 1; width: 40; }
    LogPane Tabs Underline { display: none; }
    LogPane Tabs #tabs-scroll { height: 1; }
    LogPane Tab.-active { text-style: bold underline; }
    LogPane #log-head { height: 1; }
    LogPane #log-state { width: 1fr; text-align: right; color: $text-muted; }
    LogPane #log-count { height: 1; color: $text-muted; display: none; }
    LogPane.-slim #log-count { display: block; }
    LogPane.-slim #log-state { display: none; }
    LogPane #log-say { height: 1fr; padding: 1 1; color: $text-muted; }
    LogPane #log-view { height: 1fr; min-height: 2; }
    LogPane #log-ask { display: none; height: 1; }
    LogPane.-asking #log-ask { display: block; }
    LogPane #log-prompt { width: auto; color: $text-accent; }
    LogPane Ask { width: 1fr; height: 1; border: none; padding: 0 1; }
    LogPane #log-hints {
        height: auto; min-height: 1; color: $text-muted; link-color: $text-muted; link-style: none; link-background: $surface 0%;
    }
    LogPane.-short #log-say { padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(action.keys, action.name, action.label, show=False, tooltip=action.help)
        for action in actions.log_keys()
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._logs: Mapping[str, LogBuffer] = {}
        self._files: Mapping[str, Path] = {}
        self._asking = ""
        self._found = ""
        self.container = CONTAINERS[0]
        """Whose log is shown."""

    def compose(self) -> ComposeResult:
        with Horizontal(id="log-head"):
            yield Tabs(*(Tab(name, id=name) for name in CONTAINERS), id="log-tabs")
            yield Static("", id="log-state", markup=False)
        yield Static("", id="log-say", markup=False)
        yield LogView(id="log-view")
        with Horizontal(id="log-ask"):
            yield Static("", id="log-prompt", markup=False)
            yield Ask(id="log-input", compact=True, select_on_focus=False)
        yield Static("", id="log-count", markup=False)
        yield Hints()

    @property
    def view(self) -> LogView:
        """The log view."""
        return self.query_one(LogView)

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.height < 12, "-short")
        self.set_class(event.size.width < 66, "-slim")

    # ---- what is shown

    def show(self, logs: Mapping[str, LogBuffer], say: str, files: Mapping[str, Path] | None = None) -> None:
        """Show these logs; `say` is the honest sentence for when the chosen container has none. `files` have all of each log."""
        self._logs, self._files = logs, files or {}
        buffer = logs.get(self.container)
        empty = buffer is None or not len(buffer)
        sentence = self.query_one("#log-say", Static)
        sentence.display = bool(say) and empty
        if empty:
            sentence.update(Content(visible(say, lines=True)), layout=False)
        if self.view.display and empty and self.view.has_focus:
            self.focus_head()
        self.view.display = not empty
        if buffer is not None:
            self.view.show(buffer)
        self._say_state()

    def focus_head(self) -> None:
        """Focus the tabs, which are there also while there is no log."""
        self.query_one(Tabs).focus()

    def on_tabs_tab_activated(self, event: Tabs.TabActivated) -> None:
        event.stop()
        if event.tab is None or event.tab.id is None:
            return
        self.container, self._found = event.tab.id, ""
        if (buffer := self._logs.get(self.container)) is not None:
            self.view.show(buffer)
        empty = buffer is None or not len(buffer)
        self.view.display = not empty
        sentence = self.query_one("#log-say", Static)
        sentence.display = empty and bool(str(sentence.content))
        self._say_state()

    def on_log_view_changed(self, event: LogView.Changed) -> None:
        event.stop()
        self._say_state()

    def _say_state(self) -> None:
        view = self.view
        point = f" {marks()['point']} "
        count = view.index.lines
        words = [f"{count:,} line{'s' * (count != 1)}"] if self._logs.get(self.container) else []
        if view.index.filter:
            words.append(f"with {view.index.filter!r}")
        if view.search:
            words.append(self._found or "not found")
        if view.paused:
            words.append(f"paused, {view.held:,} new" if view.held else "paused")
        elif view.follow and words:
            words.append("following")
        for place in ("#log-state", "#log-count"):
            self.query_one(place, Static).update(Content(visible(point.join(words))), layout=False)

    # ---- keys

    def action_log_follow(self) -> None:
        """Follow, or stay."""
        self.view.set_follow(not self.view.follow)

    def action_log_pause(self) -> None:
        """Pause, or go on."""
        self.view.set_paused(not self.view.paused)

    def action_log_wrap(self) -> None:
        """Fold long lines, or not."""
        self.view.set_wrap(not self.view.wrap)

    def action_log_stamps(self) -> None:
        """Show the times, or not."""
        self.view.set_stamps(not self.view.stamps)

    def action_log_next(self) -> None:
        """The next match."""
        self._find(back=False)

    def action_log_previous(self) -> None:
        """The match before."""
        self._find(back=True)

    def _find(self, *, back: bool) -> None:
        if not self.view.search:
            self.action_log_search()
            return
        self.view.find(back=back)
        self._say_found()

    def _say_found(self) -> None:
        here, count = self.view.position()
        self._found = f"{here} of {count}" if count else "not found"
        self._say_state()

    def action_log_search(self) -> None:
        """Ask what to look for."""
        self._ask("search", "find:", self.view.search)

    def action_log_filter(self) -> None:
        """Ask what to show only."""
        self._ask("filter", "only lines with:", self.view.index.filter)

    def action_log_save(self) -> None:
        """Ask where to save the log."""
        self._ask("save", "save to:", str(Path.home() / f"{self.container}.log"))

    def action_log_copy(self) -> None:
        """Copy what is selected with the mouse, or else what is shown."""
        chosen = self.screen.get_selected_text()
        lines = chosen.splitlines() if chosen else self.view.index.texts(_COPIED)
        if not lines:
            self.app.notify("There is nothing to copy yet.", markup=False)
            return
        self.app.copy_to_clipboard("\n".join(lines))
        shown = "the selection" if chosen else f"the last {len(lines):,} lines" if len(lines) > 1 else "1 line"
        self.app.notify(
            f"Sent {shown} to the terminal's clipboard (OSC 52). If your terminal does not allow that, s saves a file.",
            markup=False,
        )

    # ---- the line to type in

    def _ask(self, what: str, prompt: str, value: str) -> None:
        self._asking = what
        self.add_class("-asking")
        self.query_one("#log-prompt", Static).update(Content(prompt))
        line = self.query_one(Ask)
        line.value = value
        line.cursor_position = len(value)
        line.focus()

    def _answered(self) -> None:
        self._asking = ""
        self.remove_class("-asking")
        self.view.focus()

    def on_ask_closed(self, event: Ask.Closed) -> None:
        event.stop()
        self._answered()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.view.hold()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        value, what = event.value, self._asking
        self._answered()
        if what == "search":
            self.view.set_search(value)
            self._found = ""
            if value:
                self._say_found()
        elif what == "filter":
            self.view.set_filter(value)
            if self.view.search:
                self._say_found()
        elif what == "save" and value.strip():
            self._save(Path(value.strip()).expanduser())
        self._say_state()

    def _save(self, path: Path) -> None:
        """Write the container's log: what is kept, or all of it where older lines are in a file. Never over a file that is there."""
        buffer = self._logs.get(self.container)
        if buffer is None or not len(buffer):
            self.app.notify("There is nothing to save yet.", markup=False)
            return
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            whole = self._files.get(self.container)
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
                if buffer.first and whole is not None and whole.exists():
                    with whole.open(encoding="utf-8") as source:
                        shutil.copyfileobj(source, file)
                else:
                    file.writelines(
                        f"{line.at} {line.text}\n" if line.at else f"{line.text}\n" for line in buffer.lines()
                    )
        except OSError as error:
            why = "there is a file already" if isinstance(error, FileExistsError) else error.strerror or str(error)
            self.app.notify(f"Not saved to {path}: {why}.", severity="warning", markup=False)
            self._ask("save", "save to:", str(path))
            return
        self.app.notify(f"Saved the log to {path}.", markup=False)


_HINTS = 76
"""Columns that the keys need in one line."""


class Hints(Static):
    """The keys of the log, each to be clicked too."""

    def __init__(self) -> None:
        self._words = [
            f"[@click=hint('{action.name}')]{_KEYS.get(action.keys, action.keys)} {action.label}[/]"
            for action in actions.log_keys()
            if action.name not in {"log_next", "log_previous"}
        ]
        super().__init__("", id="log-hints")

    def on_resize(self, event: Resize) -> None:
        half = len(self._words) // 2
        lines = [self._words] if event.size.width >= _HINTS else [self._words[:half], self._words[half:]]
        self.update("\n".join("  ".join(line) for line in lines))

    async def action_hint(self, name: str) -> None:
        """Do what the key would do."""
        assert self.parent is not None
        await self.app.run_action(name, default_namespace=self.parent)


_KEYS = {"slash": "/", "ampersand": "&"}


class LogKeys:
    """For a screen with one LogPane: the log's keys work wherever the focus is."""

    def _pane(self) -> LogPane:
        assert isinstance(self, Screen)
        return self.query_one(LogPane)

    def action_log_search(self) -> None:
        """Ask what to look for."""
        self._pane().action_log_search()

    def action_log_next(self) -> None:
        """The next match."""
        self._pane().action_log_next()

    def action_log_previous(self) -> None:
        """The match before."""
        self._pane().action_log_previous()

    def action_log_filter(self) -> None:
        """Ask what to show only."""
        self._pane().action_log_filter()

    def action_log_follow(self) -> None:
        """Follow, or stay."""
        self._pane().action_log_follow()

    def action_log_pause(self) -> None:
        """Pause, or go on."""
        self._pane().action_log_pause()

    def action_log_wrap(self) -> None:
        """Fold long lines, or not."""
        self._pane().action_log_wrap()

    def action_log_stamps(self) -> None:
        """Show the times, or not."""
        self._pane().action_log_stamps()

    def action_log_copy(self) -> None:
        """Copy what is selected or shown."""
        self._pane().action_log_copy()

    def action_log_save(self) -> None:
        """Ask where to save."""
        self._pane().action_log_save()
