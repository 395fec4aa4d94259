"""The wizard in a real terminal for those who see it otherwise: the cursor at the focus, no colour where none is wanted, no dumb terminal."""

from __future__ import annotations

import re
import signal
import time

import pexpect
import pytest

from tests.e2e.conftest import Shell
from tests.e2e.terminal import Terminal

pytestmark = pytest.mark.e2e
_COLOUR = re.compile(rb"\x1b\[(?:\d+;)*(?:3[0-7]|4[0-7]|9[0-7]|10[0-7]|38|48)(?:;\d+)*m")


def quit_(terminal: Terminal) -> None:
    terminal.process.sendcontrol("c")
    terminal.process.expect(pexpect.EOF, timeout=20)
    terminal.process.close()


def test_the_cursor_stands_where_the_focus_is(shell: Shell) -> None:
    terminal = Terminal(shell, 80, 24)
    terminal.wait_for("No earlier runs yet")
    terminal.wait_for("Start")
    places = []
    for _ in range(4):
        time.sleep(0.3)
        terminal.read()
        places.append((terminal.screen.cursor.y, terminal.screen.cursor.x))
        terminal.process.send("\t")
    line, column = places[0]
    assert terminal.screen.display[line][column:].startswith("Start"), "the primary button has the focus at first"
    assert len(set(places)) == len(places), f"it moves with every Tab: {places}"
    quit_(terminal)


def test_no_colour_where_none_is_wanted(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    written = b""
    for name in ("", "NO_COLOR"):
        terminal = Terminal(shell, 80, 24, more={name: "1"} if name else {})
        terminal.process.expect("Start", timeout=90)
        time.sleep(0.5)
        written = terminal.process.before + terminal.process.after
        quit_(terminal)
        assert bool(_COLOUR.search(written)) is not bool(name)


def test_a_dumb_terminal_is_told_the_commands(shell: Shell) -> None:
    process = pexpect.spawn(
        shell.command()[0], shell.command()[1:], env={**shell.environment, "TERM": "dumb"}, timeout=20
    )
    process.expect(pexpect.EOF)
    process.close()
    assert process.exitstatus == 2
    assert b"mi-tui up --sandbox --yes" in process.before
    assert b"\x1b" not in process.before


def test_it_ends_with_its_terminal_even_where_nohup_began_it(shell: Shell) -> None:
    """Nobody sees it any more, and it would draw, and read the end of the terminal, without end: half a processor each."""
    terminal = Terminal(shell, 80, 24, ignore_sighup=True)
    terminal.wait_for("No earlier runs yet")
    terminal.process.ptyproc.fileobj.close()  # and not by its number, which may be another file's when pexpect closes it again
    until = time.monotonic() + 20
    while terminal.process.isalive():
        assert time.monotonic() < until, "it goes on without a terminal"
        time.sleep(0.1)
    assert terminal.process.signalstatus == signal.SIGHUP
