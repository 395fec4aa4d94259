"""PathField: a path to type, to paste or to pick from a tree; says what is wrong with it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Literal
from urllib.parse import unquote, urlsplit

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Paste
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, DirectoryTree, Input, Static
from textual.widgets.directory_tree import DirEntry
from textual.widgets.tree import TreeNode

from mi_tui.model.text import visible
from mi_tui.widgets.field import Field

Kind = Literal["file", "folder", "any"]

_WANTED: dict[Kind, str] = {"file": "file", "folder": "folder", "any": "folder or file"}


def clean_path(text: str) -> str:
    """The path that a typed, pasted or dropped text names: without quotes, `~` and `file://` resolved. Empty stays empty."""
    path = text.strip()
    if len(path) > 1 and path[0] == path[-1] and path[0] in "'\"":
        path = path[1:-1]
    if path.lower().startswith("file://"):
        path = unquote(urlsplit(path).path)
    elif "\\" in path and not os.path.lexists(path):
        path = re.sub(r"\\(.)", r"\1", path)  # as terminals quote what is dropped on them
    return os.path.expanduser(path) if path.startswith("~") else path


def path_fault(path: str, kind: Kind) -> str:
    """What is wrong with a path, in words; empty when it can be used. Looks at the disk."""
    if not path:
        return f"Choose a {_WANTED[kind]}."
    if "\0" in path:
        return "A path has no control characters."
    try:
        if not os.path.lexists(path):
            return _missing(Path(path))
        if kind == "file" and os.path.isdir(path):
            return "This is a folder; a file is wanted."
        if kind == "folder" and not os.path.isdir(path):
            return "This is a file; a folder is wanted."
        if not os.access(path, os.R_OK):
            return "You have no right to read it."
        if os.path.isdir(path) and next(os.scandir(path), None) is None:
            return "This folder is empty."
    except OSError as error:
        return f"It cannot be read: {error.strerror or error}."
    return ""


def _missing(path: Path) -> str:
    """Names the first part of the path that is not there."""
    there = path
    while not there.exists() and there != there.parent:
        missing, there = there.name, there.parent
    place = f"in {there}" if str(there) != "." else f"in {Path.cwd()}"
    if there.is_file():
        return f"{there} is a file, no folder."
    return f"There is no {missing!r} {place}."


class _PathInput(Input):
    """An Input in which a pasted whole path replaces what was there."""

    def _on_paste(self, event: Paste) -> None:
        line = (event.text.strip().splitlines() or [""])[0]
        path = clean_path(line)
        if os.path.isabs(path):
            event.prevent_default()
            event.stop()
            self.value = path
            self.action_end()


class PathField(Field):
    """A Field for a path, with a button to browse. `value` is the path as `clean_path` reads it; relative ones stay so."""

    DEFAULT_CSS = """
    PathField .path--browse { color: $text-accent; background: $panel; }
    """

    def __init__(
        self,
        label: str,
        *,
        kind: Kind,
        value: str = "",
        hint: str = "",
        optional: bool = False,
        id: str | None = None,
    ) -> None:
        super().__init__(label, value=value, hint=hint, id=id)
        self.kind = kind
        self.optional = optional

    def make_input(self) -> Input:
        return _PathInput(self._value, select_on_focus=False)

    def beside(self) -> Iterable[Widget]:
        yield Button("browse", classes="path--browse", compact=True)

    def clean(self, text: str) -> str:
        return clean_path(text)

    def judge(self, value: str) -> str:
        return "" if self.optional and not value else path_fault(value, self.kind)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.has_class("path--browse"):
            event.stop()
            self.app.push_screen(PathBrowser(self.label, self.kind, self.value), self._picked)

    def _picked(self, path: str | None) -> None:
        if path is not None and self.is_attached:
            self.value = path
            self.focus()


class _Tree(DirectoryTree):
    """A tree in which names are data, and hidden files are left out."""

    ICON_NODE = "▸ "
    ICON_NODE_EXPANDED = "▾ "
    ICON_FILE = "  "

    def process_label(self, label: str | Text) -> Text:
        return Text(visible(str(label)), no_wrap=True, overflow="ellipsis")

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        return [path for path in paths if not path.name.startswith(".") and path.name != "__pycache__"]


class PathBrowser(ModalScreen[str | None]):
    """A tree of folders and files to choose one from. Its result is the path, or None."""

    DEFAULT_CSS = """
    PathBrowser { align: center middle; background: $background 60%; }
    PathBrowser > Vertical { width: 90%; max-width: 100; height: 90%; max-height: 34; padding: 0 1; background: $surface; border: round $accent; }
    PathBrowser .browser--place { height: auto; color: $text-muted; }
    PathBrowser DirectoryTree { height: 1fr; background: $surface; margin-top: 1; scrollbar-size-vertical: 1; }
    PathBrowser .browser--fault { height: auto; min-height: 1; color: $text-warning; }
    PathBrowser .browser--buttons { height: 1; align-horizontal: right; }
    PathBrowser .browser--buttons Button { margin-left: 2; min-width: 10; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "cancel"),
        Binding("backspace", "up", "the folder above"),
        Binding("ctrl+n", "choose", "choose"),
    ]

    def __init__(self, label: str, kind: Kind, value: str) -> None:
        super().__init__()
        self._kind = kind
        self._label = label
        start = Path(value).absolute() if value else Path.cwd()
        self._wanted = start if value and start.exists() else None
        folder = start.parent if value else start
        while not folder.is_dir() and folder != folder.parent:
            folder = folder.parent
        self._root = folder

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = visible(f"{self._label}: choose a {_WANTED[self._kind]}").replace("[", r"\[")
            yield Static("", classes="browser--place", markup=False)
            yield _Tree(self._root)
            yield Static("", classes="browser--fault", markup=False)
            with Horizontal(classes="browser--buttons"):
                yield Button("Folder above", id="above", compact=True)
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Choose", id="choose", variant="primary", compact=True)

    async def on_mount(self) -> None:
        tree = self.query_one(_Tree)
        tree.focus()
        await self._show(self._root)

    async def _show(self, folder: Path) -> None:
        tree = self.query_one(_Tree)
        if Path(tree.path) != folder:
            tree.path = folder
        await tree.reload()
        if self._wanted is not None:
            for node in tree.root.children:
                if node.data is not None and node.data.path == self._wanted:
                    self.call_after_refresh(tree.move_cursor, node)

    @property
    def _cursor(self) -> Path:
        node: TreeNode[DirEntry] | None = self.query_one(_Tree).cursor_node
        return node.data.path if node is not None and node.data is not None else self._root

    def on_tree_node_highlighted(self) -> None:
        self.query_one(".browser--place", Static).update(visible(str(self._cursor)))
        self.query_one(".browser--fault", Static).update("")

    def on_directory_tree_file_selected(self, event: DirectoryTree.FileSelected) -> None:
        event.stop()
        if self._kind != "folder":
            self.action_choose()

    def action_choose(self) -> None:
        """Choose what the cursor is on; in a tree of folders, a file stands for its folder."""
        path = self._cursor
        if self._kind == "folder" and path.is_file():
            path = path.parent
        fault = path_fault(str(path), self._kind)
        self.query_one(".browser--fault", Static).update(f"▲ {visible(fault)}" if fault else "")
        if not fault:
            self.dismiss(str(path))

    async def action_up(self) -> None:
        """Show the folder above."""
        self._wanted, self._root = self._root, self._root.parent
        await self._show(self._root)

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "choose":
            self.action_choose()
        elif event.button.id == "above":
            await self.action_up()
        else:
            self.dismiss(None)
