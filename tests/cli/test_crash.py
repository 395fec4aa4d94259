"""A crash: the terminal is given back as it was, one sentence names the report, and no secret stands in either."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pexpect
import pytest

from mi_tui.crash import crash_report, say_crash

KEY = "AccountKey=" + "c2VjcmV0" * 11 + "=="

BREAKS = f"""
from mi_tui import app
def broken(self):
    held = {KEY!r}
    raise RuntimeError(held)
app.MiTui.action_keys = broken
raise SystemExit(app.run_app())
"""


def test_the_wizard_that_breaks_gives_the_terminal_back_and_names_its_report(tmp_path: Path) -> None:
    environment = {**os.environ, "MI_TUI_HOME": str(tmp_path), "TERM": "xterm-256color"}
    wizard = pexpect.spawn(sys.executable, ["-c", BREAKS], env=environment, dimensions=(24, 80), timeout=60)
    try:
        wizard.expect_exact("Troubleshoot")
        wizard.send("?")
        wizard.expect(pexpect.EOF)
    finally:
        wizard.close()
    said = wizard.before.decode()
    assert wizard.exitstatus == 1
    assert "\x1b[?1049l" in said
    assert "\x1b[?25h" in said
    last = said.rpartition("\x1b")[2]
    assert "mi-tui broke (RuntimeError)." in last
    assert "Traceback" not in said
    (report,) = tmp_path.glob("crash-*.txt")
    assert str(report) in last.replace("\r\n", "")
    assert "in broken" in report.read_text("utf-8")
    assert KEY.removeprefix("AccountKey=") not in said + report.read_text("utf-8")
    assert stat.S_IMODE(report.stat().st_mode) == 0o600


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    in_the_way = tmp_path / "home"
    in_the_way.write_text("a file where the folder would be")
    assert crash_report(in_the_way, RuntimeError("x")) is None
    say_crash(in_the_way, RuntimeError("x"))
    assert f"{in_the_way} cannot be written, so there is no report." in capsys.readouterr().err
