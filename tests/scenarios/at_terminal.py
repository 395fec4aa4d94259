"""A person at the wizard: keys in a real terminal, and what they see there, kept as text where that is asked for."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pexpect

from tests.e2e.conftest import Shell
from tests.e2e.terminal import Terminal
from tests.scenarios import reading

ENTER, ESC, TAB, DOWN, PAGE_DOWN, HOME, NEXT = "\r", "\x1b", "\t", "\x1b[B", "\x1b[6~", "\x1b[H", "\x0e"
F4, F5, CLEAR, OPEN, SAVE = "\x1bOS", "\x1b[15~", "\x05\x15", "\x0f", "\x13"
_GLANCE = 0.1
_TABS = 30
_PAGES = 12


class Stuck(AssertionError):
    """What a person would wait for or look for in vain; its text says what, with the screen."""


class Person:
    """Drives one mi-tui by keys alone. Where the focus is, the terminal's cursor tells."""

    def __init__(self, shell: Shell, columns: int, rows: int, keep: Path | None = None) -> None:
        self._terminal = Terminal(shell, columns, rows)
        self._keep = keep
        self._kept = 0
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)

    # ---- seeing

    @property
    def display(self) -> Sequence[str]:
        """The screen's lines, as they were last looked at."""
        return self._terminal.screen.display

    @property
    def text(self) -> str:
        """The screen, as it was last looked at."""
        return "\n".join(self.display)

    @property
    def pointed(self) -> str:
        """The text of the line that has the focus, from there on."""
        cursor = self._terminal.screen.cursor
        return self.display[cursor.y][cursor.x :].rstrip()

    @property
    def line(self) -> str:
        """The whole line that has the focus."""
        return self.display[self._terminal.screen.cursor.y]

    def glance(self, seconds: float = _GLANCE) -> str:
        """Take in what is written within a moment."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                self._terminal.feed(self._terminal.process.read_nonblocking(65536, timeout=left))
            except pexpect.TIMEOUT:
                break
            except pexpect.EOF:
                break
        return self.text

    def settle(self, seconds: float = 3.0) -> str:
        """Wait until nothing changes on the screen any more, but for clocks and busy signs."""
        until, before = time.monotonic() + seconds, ""
        while (now := re.sub(r"[◐◓◑◒]|\d+", "", self.glance(0.3))) != before and time.monotonic() < until:
            before = now
        return self.text

    def wait(self, *wanted: str | Callable[[], bool], seconds: float = 120) -> int:
        """Until one of these is on the screen; its number. Stuck when none comes."""
        until = time.monotonic() + seconds
        while True:
            self.glance()
            for number, one in enumerate(wanted):
                if one in self.text if isinstance(one, str) else one():
                    return number
            if time.monotonic() > until or not self._terminal.process.isalive():
                words = " | ".join(one if isinstance(one, str) else one.__name__ for one in wanted)
                raise Stuck(f"never saw {words}:\n{self.text}")

    def keep(self, name: str) -> None:
        """Keep the screen as text, in the order of the walk."""
        if self._keep is not None:
            self._kept += 1
            lines = "\n".join(line.rstrip() for line in self.display)
            (self._keep / f"{self._kept:02} {name}.txt").write_text(f"{lines}\n", encoding="utf-8")

    # ---- doing

    def press(self, *keys: str) -> str:
        """Press keys, one after the other; the screen after them."""
        for key in keys:
            self._terminal.process.send(key)
            self.settle(1.0)
        return self.text

    def type(self, text: str) -> str:
        """Type into the field that has the focus."""
        self._terminal.process.send(text)
        return self.settle(1.5)

    def go_to(self, what: str, there: Callable[[], bool], key: str = TAB) -> None:
        """Move the focus by a key until it is there. Stuck where it never comes there."""
        seen: list[str] = []
        for _ in range(_TABS):
            # Once more: what is still being made may take the focus.
            if there() and (self.settle(1.0), there())[1]:
                return
            seen.append(self.pointed[:40])
            self.press(key)
        raise Stuck(f"the focus never comes to {what}; it went over {seen}:\n{self.text}")

    def pages(self, read: Callable[[], list[str]]) -> list[str]:
        """What `read` sees while the person pages down to the end; back to the beginning afterwards."""
        found = [read()]
        for _ in range(_PAGES):
            self.press(PAGE_DOWN)
            page = read()
            if page == found[-1]:
                break
            found.append(page)
        if len(found) > 1:
            self.press(HOME)
            with contextlib.suppress(Stuck):
                self.wait(lambda: read() == found[0], seconds=10)
        return reading.joined(found)

    def leave(self) -> int:
        """Ctrl+C; how mi-tui ended."""
        self._terminal.process.sendcontrol("c")
        self._terminal.process.expect(pexpect.EOF, timeout=60)
        self._terminal.process.wait()
        return int(self._terminal.process.exitstatus or 0)

    def close(self) -> None:
        """End it, whatever it does."""
        with contextlib.suppress(pexpect.ExceptionPexpect):  # it waits for a tenth of a second only
            self._terminal.process.close(force=True)
