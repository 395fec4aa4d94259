"""Importing the services costs nothing: no module of the SDK comes along."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import importlib, pkgutil, sys
import mi_tui.services
names = [m.name for m in pkgutil.iter_modules(mi_tui.services.__path__)]
for name in names:
    importlib.import_module(f"mi_tui.services.{name}")
heavy = ("azure", "msal", "requests", "mi_tui.sandbox", "textual")
found = [name for name in sys.modules if name.split(".")[0] in heavy or name.startswith("mi_tui.sandbox")]
print(len(names), found)
"""


def test_importing_every_service_imports_no_sdk() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60, check=True)
    count, _, found = done.stdout.strip().partition(" ")
    assert int(count) >= 15
    assert found == "[]"
    assert done.stderr == ""
