"""Text from outside on the steps that ask: names of tenants, people, subscriptions, workspaces, accounts, blobs, files and runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual.widgets import Input

from mi_tui.app import MiTui
from mi_tui.engine.journal import RunState
from mi_tui.model.draft import Draft
from mi_tui.model.stage import Stage
from mi_tui.widgets.section import Section
from screens.base import WizardScreen
from tests.screens.asking import account, identity
from tests.screens.ended import plan
from tests.screens.everywhere import visit
from tests.screens.places import subscription, workspace
from tests.screens.snapshots.camera import Camera
from tests.screens.snapshots.world import DEV, Things
from tests.screens.test_hostile import FORBIDDEN, HOSTILE, MEGABYTE, TOGETHER, drawn

EVIL = TOGETHER["markup"] + TOGETHER["sequences"]
ASKED = (Stage.WORKSPACE, Stage.IDENTITY, Stage.STORAGE, Stage.MODEL)


def test_names_in_azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    things = Things(
        subscriptions=[subscription(EVIL, DEV), subscription(MEGABYTE, "c7d9e1f4-2b60-4e8d-a3f7-915b08d26ce3")],
        workspaces=[workspace(EVIL, EVIL), workspace(MEGABYTE)],
        identities=[identity(EVIL), identity(MEGABYTE)],
        accounts=[account(EVIL), account(MEGABYTE), account("stmitui7f3c21")],
        inside={"stmitui7f3c21": {"inputs": [EVIL, MEGABYTE], EVIL: []}, EVIL: {}},
    )

    async def look(camera: Camera, app: MiTui, screen: WizardScreen) -> None:
        app.wizard.signed_in = app.wizard.tenant = EVIL
        app.wizard.say_who(EVIL)
        screen.refresh_head()
        for section in screen.query(Section):
            if section.display:
                section.open()
                await camera.still()
                drawn(app)
        assert "loud" in drawn(app)

    visit(tmp_path, monkeypatch, look, stages=ASKED, things=things)


def test_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(camera: Camera, app: MiTui, screen: WizardScreen) -> None:
        draft = Draft()
        for name in draft.__struct_fields__:
            if isinstance(getattr(draft, name), str) and name not in {"kind", "scope", "grants"}:
                setattr(draft, name, EVIL)
        draft.tags = draft.environment_variables = {EVIL: EVIL}
        app.wizard.draft = draft
        await camera.go(screen.STAGE)
        await camera.pilot.press("ctrl+n")
        await camera.still()
        drawn(app)

    visit(tmp_path, monkeypatch, look, stages=(*ASKED, Stage.REVIEW))


def test_earlier_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(camera: Camera, app: MiTui, screen: WizardScreen) -> None:
        journal = app.wizard.workflow.journal
        journal.add_run("evil12", EVIL.replace("\udc80", ""), plan(tmp_path, EVIL.replace("\udc80", "")))
        journal.end_run("evil12", RunState.FAILED)
        await camera.go(Stage.WELCOME)
        await camera.until(lambda: "loud" in drawn(app))

    visit(tmp_path, monkeypatch, look, stages=(Stage.WELCOME,), size=(80, 60))


def test_an_answers_file_and_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(camera: Camera, app: MiTui, screen: WizardScreen) -> None:
        path = tmp_path / HOSTILE["clipboard"].replace("/", "")
        path.write_text('workspace: {"\\e]52;c;ZXZpbA==\\x07evil\\u202e": 1}\nstorage: "\\e[2J[bold red]loud"\n')
        for name in (str(path), f"{path}{EVIL}".replace("\x00", "")):
            app.open_answers()
            await camera.pilot.pause()
            app.screen.query_one("#path", Input).value = name
            await camera.pilot.press("enter")
            await camera.until(lambda: bool(app.screen.query_one("#trouble").display))
            drawn(app)
            await camera.pilot.press("escape")
        app.notify(EVIL, markup=False)
        await camera.pilot.pause(0.1)
        drawn(app)

    visit(tmp_path, monkeypatch, look, stages=(Stage.IDENTITY,))


def test_names_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(camera: Camera, app: MiTui, screen: WizardScreen) -> None:
        folder = os.fsencode(tmp_path / "code")
        for text in HOSTILE.values():
            name = os.fsencode(text.replace("/", "").replace("\x00", ""))
            with open(os.path.join(folder, name + b".py"), "w") as file:
                file.write("")
        app.wizard.draft.conda = str(tmp_path / "code" / "score.py")
        screen = await camera.go(Stage.MODEL)
        await camera.still()
        screen.query_one("#conda Button").focus()
        await camera.pilot.press("enter")
        await camera.until(lambda: len(app.screen_stack) > 2)
        await camera.still()
        for _ in range(len(HOSTILE) + 1):
            await camera.pilot.press("down")
            await camera.pilot.pause()
            shown = camera.words()
            assert not (FORBIDDEN - {"\n"}) & set(shown), sorted(map(repr, FORBIDDEN & set(shown)))
        assert ".py" in camera.words()
        await camera.pilot.press("escape")

    visit(tmp_path, monkeypatch, look, stages=(Stage.MODEL,))
