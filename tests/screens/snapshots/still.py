"""A world that stands still: a clock that moves only when told, names that are not random, marks and words as in a UTF-8 terminal."""

from __future__ import annotations

import importlib
import pkgutil
import secrets
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from textual.message_pump import MessagePump
from textual.timer import Timer

import mi_tui.model
import mi_tui.widgets
import screens
from mi_tui.model.answers import Deployment
from mi_tui.model.draft import Draft

_DAY = time.mktime((2026, 10, 1, 9, 30, 0, 0, 0, 0))
_ROOMS = ("mi_tui.model", "mi_tui.widgets", "screens", "mi_tui.engine.journal", "mi_tui.workflow", "mi_tui.app")


class Clock:
    """Stands in for the module `time`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return _DAY + self.now

    def strftime(self, form: str, *_: object) -> str:
        return time.strftime(form, time.localtime(self.time()))

    def move(self, seconds: float) -> None:
        """Time goes on."""
        self.now += seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


class _Names:
    """Stands in for the module `secrets`."""

    def token_hex(self, size: int) -> str:
        return "7f3c21d09b"[: 2 * size]

    def __getattr__(self, name: str) -> Any:
        return getattr(secrets, name)


def stand_still(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Clock:
    """Make everything that is shown the same on every machine, and work in `folder`; the clock, to move it."""
    clock, names = Clock(), _Names()
    for package in (mi_tui.model, mi_tui.widgets, screens):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(found.name)
    importlib.import_module("mi_tui.workflow")
    importlib.import_module("mi_tui.app")
    for name, module in list(sys.modules.items()):
        if not name.startswith(_ROOMS):
            continue
        for attribute, stand_in in (("time", clock), ("secrets", names), ("unicode_works", lambda: True)):
            if hasattr(module, attribute) and not isinstance(getattr(module, attribute), float | int):
                monkeypatch.setattr(module, attribute, stand_in)
        for attribute in ("BUSY_SECONDS", "_SHOWN_FOR", "_SHOWN_AFTER"):
            if hasattr(module, attribute):
                monkeypatch.setattr(module, attribute, 0.0)
        if hasattr(module, "PAUSE_SECONDS"):
            monkeypatch.setattr(module, "PAUSE_SECONDS", 0.01)
    _tick_often(monkeypatch)
    monkeypatch.setattr("mi_tui.widgets.picker._FRAMES", "◐◓◑◒")
    monkeypatch.setattr("mi_tui.widgets.picklist._CHOSEN", "●")
    for name in ("COLORTERM", "NO_COLOR", "WT_SESSION", "AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("HOME", str(folder))
    files(folder)
    monkeypatch.chdir(folder)
    return clock


def _tick_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn once a second is drawn before the picture is taken."""
    set_interval, set_timer = MessagePump.set_interval, MessagePump.set_timer

    def sooner(self: MessagePump, interval: float, *args: Any, **options: Any) -> Timer:
        return set_interval(self, min(interval, 0.1) if interval > 0.1 else interval, *args, **options)

    def later(self: MessagePump, delay: float, *args: Any, **options: Any) -> Timer:
        return set_timer(self, max(delay, 0.001), *args, **options)

    monkeypatch.setattr(MessagePump, "set_interval", sooner)
    monkeypatch.setattr(MessagePump, "set_timer", later)


def files(folder: Path) -> None:
    """A scoring script, a model and what belongs to them."""
    for name, text in {
        "model/model.json": '{"weights": [1, 2]}\n',
        "code/score.py": "def init(): ...\ndef run(data): ...\n",
        "conda.yaml": "dependencies: [python=3.11, {pip: [azureml-inference-server-http]}]\n",
        "hello.txt": "Hello from the blob\n",
        "request.json": '{"data": [[1, 2, 3, 4]]}\n',
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def a_draft() -> Draft:
    """Complete answers that lead to the files of `files`."""
    return Draft(
        subscription="3f0c6a52-8d1e-4b7a-9c35-62e1d0a4b871",
        resource_group="rg-ml-dev",
        workspace="ml-dev",
        location="westeurope",
        account="stmitui7f3c21",
        upload="hello.txt",
        endpoint="ep-mi-tui-7f3c21",
        model="model",
        code="code",
        conda="conda.yaml",
        request="request.json",
        image=Deployment("", "", "").image,
    )
