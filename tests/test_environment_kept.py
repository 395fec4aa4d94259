"""The suite's own promises: what one module did to the environment, the next does not see; no thread fails another's test."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

LEAVES = """
import os, pytest

@pytest.fixture(scope="module")
def world():
    os.environ["HTTPS_PROXY"] = "http://127.0.0.1:1"
    yield

def test_it_is_set_for_the_whole_module(world):
    assert os.environ["HTTPS_PROXY"] == "http://127.0.0.1:1"
    os.environ["MI_TUI_LEFT"] = "by a test"

def test_a_test_s_own_change_is_gone():
    assert os.environ["HTTPS_PROXY"] == "http://127.0.0.1:1"
    assert "MI_TUI_LEFT" not in os.environ
"""
FINDS = """
import os

def test_nothing_was_left():
    assert "HTTPS_PROXY" not in os.environ
"""


def test_a_logger_that_is_made_meanwhile_is_in_nobody_s_way() -> None:
    """pytest goes through all loggers at each phase of a test; an import in another thread may make some."""
    for number, _ in enumerate(logging.root.manager.loggerDict.values()):
        logging.getLogger(f"mi_tui.made.meanwhile.{number}")


def test_what_a_module_s_fixture_sets_ends_with_it(tmp_path: Path) -> None:
    shared = Path(__file__).with_name("conftest.py")
    (tmp_path / "conftest.py").write_text(shared.read_text("utf-8"), "utf-8")
    (tmp_path / "test_a.py").write_text(LEAVES, "utf-8")
    (tmp_path / "test_b.py").write_text(FINDS, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
