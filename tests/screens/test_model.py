"""The Model step, over a catalog without a network; the files are real."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Button, Select, Static, TextArea

from mi_tui.app import MiTui
from mi_tui.model import instances
from mi_tui.model.draft import Stage
from mi_tui.widgets import field as field_module
from mi_tui.widgets.field import Field
from mi_tui.widgets.picker import Picker
from mi_tui.widgets.section import Section
from mi_tui.workflow import scoring_folder
from screens.model import scripts_in
from tests.screens.asking import FakeCatalog, app_at, settle, show

Script = Callable[[Any, Any], Awaitable[None]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(field_module, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(field_module, "BUSY_SECONDS", 0.0)


def play(app: MiTui, script: Script, size: tuple[int, int] = (80, 24)) -> None:
    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            screen = await show(pilot, Stage.MODEL)
            await settle(pilot)
            await script(pilot, screen)

    asyncio.run(run())


def said(screen: Any, section: str) -> str:
    return str(screen.query_one(section, Section).query_one(".section--value", Static).render())


def note(screen: Any, field: str) -> str:
    return str(screen.query_one(field).query_one(".field--note", Static).render())


def test_what_is_typed_while_the_step_opens_lands_in_no_field(tmp_path: Path) -> None:
    app = app_at(Stage.MODEL, tmp_path)
    focused: list[str] = []

    async def run() -> None:
        async with app.run_test() as pilot:
            app.go(Stage.MODEL)
            for _ in range(2000):
                await asyncio.sleep(0)
                if app.focused is not None and app.wizard.stage is app.screen.STAGE:
                    focused.append(str(app.focused.id))
            await pilot.pause()
            assert app.focused is app.screen.query_one("#primary")

    asyncio.run(run())
    assert set(focused) == {"primary"}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_enter_goes_on_with_the_example_and_all_fits(tmp_path: Path, size: tuple[int, int]) -> None:
    app = app_at(Stage.MODEL, tmp_path)

    async def script(pilot: Any, screen: Any) -> None:
        assert isinstance(app.focused, Button)
        assert not screen.query_one("#main").show_vertical_scrollbar
        assert "Free in this workspace" in note(screen, "#endpoint")
        assert said(screen, "#instance-type") == "Standard_DS3_v2 × 1 ≈ 0.29 USD/h · 8 of 24 free cores ✓"
        assert said(screen, "#script") == "score.py · first request: sample-request.json"
        await pilot.press("enter")
        await pilot.pause()
        assert app.wizard.stage is Stage.REVIEW

    play(app, script, size)


def test_a_taken_endpoint_name_blocks_and_another_is_suggested(tmp_path: Path) -> None:
    app = app_at(Stage.MODEL, tmp_path, FakeCatalog(taken={"ep-taken"}))

    async def script(pilot: Any, screen: Any) -> None:
        field = screen.query_one("#endpoint", Field)
        field.value = "ep-taken"
        await settle(pilot, 0.5)
        assert "in this workspace already" in note(screen, "#endpoint")
        await pilot.press("enter")
        await settle(pilot)
        assert app.wizard.stage is Stage.MODEL
        assert field.has_focus_within
        await pilot.press("ctrl+g")
        await settle(pilot, 0.5)
        assert app.wizard.draft.endpoint.startswith("ep-taken-")
        assert "Free" in note(screen, "#endpoint")
        await pilot.press("enter")
        await pilot.press("enter")
        await pilot.pause()
        assert app.wizard.stage is Stage.REVIEW

    play(app, script)


def test_files_are_read_before_review(tmp_path: Path) -> None:
    code = tmp_path / "code"
    shutil.copytree(scoring_folder() / "code", code)
    (code / "other.py").write_text("def init(): ...\n")
    conda = tmp_path / "conda.yaml"
    conda.write_text("dependencies: [python]\n")
    app = app_at(Stage.MODEL, tmp_path)
    app.wizard.draft.code, app.wizard.draft.conda = str(code), str(conda)

    async def script(pilot: Any, screen: Any) -> None:
        assert "azureml-inference-server-http" in note(screen, "#conda")
        select = screen.query_one("#scoring-script", Select)
        assert select.value == "score.py"
        select.value = "other.py"
        await settle(pilot)
        assert app.wizard.draft.scoring_script == "other.py"
        assert said(screen, "#script").startswith("✗ other.py cannot be used")
        assert "has no run()" in str(screen.query_one("#script-fault", Static).render())
        await pilot.press("ctrl+n")
        assert app.wizard.stage is Stage.MODEL
        words = str(screen.query_one("#complaint", Static).render())
        assert "has no run()" in words
        assert "Conda file:" in words
        (code / "other.py").write_text("def init(): ...\ndef run(data): ...\n")
        conda.write_text("dependencies: [python, pip: [azureml-inference-server-http]]\n")
        await pilot.press("ctrl+n")
        await settle(pilot)
        await pilot.press("ctrl+n")
        await pilot.pause()
        assert app.wizard.stage is Stage.REVIEW, "what was mended on the disk is read again"

    play(app, script)


def test_paths_that_are_missing_are_said_and_block(tmp_path: Path) -> None:
    app = app_at(Stage.MODEL, tmp_path)

    async def script(pilot: Any, screen: Any) -> None:
        draft = app.wizard.draft
        screen.query_one("#model", Field).value = "/nowhere/[b]model"
        screen.query_one("#conda", Field).value = ""
        await settle(pilot)
        assert draft.model == "/nowhere/[b]model"
        assert "There is no 'nowhere' in /" in note(screen, "#model")
        words = screen.refusal()
        assert "Model: There is no 'nowhere'" in words
        assert "choose the conda file" in words
        assert "may not be empty" not in words, "each answer is complained of once"
        screen.query_one("#model", Field).value = str(scoring_folder() / "model")
        screen.query_one("#conda", Field).value = str(scoring_folder() / "environment" / "conda.yaml")
        await settle(pilot)
        assert not screen.refusal()

    play(app, script)


def test_the_machine(tmp_path: Path) -> None:
    app = app_at(Stage.MODEL, tmp_path)

    async def script(pilot: Any, screen: Any) -> None:
        draft = app.wizard.draft
        screen.query_one("#instance-type", Section).focus()
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press(*"f4s", "enter")
        await pilot.pause()
        assert draft.instance_type == "Standard_F4s_v2"
        assert said(screen, "#instance-type").startswith(
            "▲ Standard_F4s_v2 × 1 ≈ 0.17 USD/h · needs 8 cores, 4 free: ask for more"
        )
        assert not screen.refusal(), "a quota may be raised meanwhile"
        count = screen.query_one("#instance-count", Field)
        assert count.has_focus_within
        count.value = "3"
        await pilot.pause()
        assert draft.instance_count == 3
        assert "≈ 0.51 USD/h · needs 16 cores, 4 free" in said(screen, "#instance-type")
        for wrong in ("0", "51", "x", ""):
            count.value = wrong
            await pilot.pause()
            assert draft.instance_count == 3
            assert "How many: 1 to 50." in screen.refusal()
            assert not draft.complete(Stage.MODEL)
        again = await show(pilot, Stage.MODEL)
        count = again.query_one("#instance-count", Field)
        assert count.value == "", "what was typed is there when one comes back"
        count.value = "50"
        picker = again.query_one("#instances", Picker)
        picker.post_message(Picker.CreateNew(picker, "Standard_Other"))
        await settle(pilot)
        assert draft.instance_type == "Standard_Other"
        assert said(again, "#instance-type") == "▲ Standard_Other × 50 is not in westeurope's list: take another type"
        assert not again.refusal()
        again.query_one("#other-type", Field).value = "a size?"
        await pilot.pause()
        assert "is no valid instance type" in again.refusal()

    play(app, script)
    assert {kind.name for kind in instances.all_types()} >= {"Standard_DS3_v2", "Standard_E2s_v3"}


def test_types_that_fit_come_first_and_say_so(tmp_path: Path) -> None:
    app = app_at(Stage.MODEL, tmp_path)

    async def script(pilot: Any, screen: Any) -> None:
        items = screen.query_one("#instances", Picker).items
        assert [item.title for item in items[:4]] == [
            "Standard_DS3_v2",
            "Standard_NC4as_T4_v3",
            "Standard_D4as_v4",
            "Standard_F4s_v2",
        ], "fits, not told, too little"
        assert items[0].detail == "fits: needs 8, 24 free · 0.29 USD/h · 4 cores, 14 GiB"
        assert items[1].detail.endswith("price not known · 4 cores, 28 GiB, 1 GPU")
        assert "quota not told" in items[2].detail
        assert items[3].detail.startswith("too little: needs 8, 4 free")
        assert {item.mark for item in items} == {"✓", "?", "▲", "✗"}
        assert all(item.detail.startswith("not in westeurope") for item in items[4:])

    play(app, script)


def test_a_quota_that_cannot_be_read_is_said_in_place_and_asked_again(tmp_path: Path) -> None:
    world = FakeCatalog(room=RuntimeError("no [/] usages"))
    app = app_at(Stage.MODEL, tmp_path, world)

    async def script(pilot: Any, screen: Any) -> None:
        assert said(screen, "#instance-type") == "Standard_DS3_v2 × 1 ≈ 0.29 USD/h · quota: 8 cores"
        section = screen.query_one("#instance-type", Section)
        section.open()
        await settle(pilot)
        assert "no [/] usages" in str(screen.query_one("#instances .picker--words", Static).render())
        screen.query_one("#instance-count", Field).value = "2"
        await pilot.pause()
        assert "no [/] usages" in str(screen.query_one("#instances .picker--words", Static).render())
        assert len(screen.query_one("#instances", Picker).items) >= 8, "the types that are known stay to be picked"
        world.room = FakeCatalog().room
        await pilot.press("ctrl+r")
        await settle(pilot)
        assert said(screen, "#instance-type").endswith("12 of 24 free cores ✓")
        assert not screen.query_one("#instances .picker--failure").display

    play(app, script)


def test_variables_deployment_and_request(tmp_path: Path) -> None:
    app = app_at(Stage.MODEL, tmp_path)
    app.wizard.draft.environment_variables = {"OLD": "1\n2"}

    async def script(pilot: Any, screen: Any) -> None:
        draft = app.wizard.draft
        assert said(screen, "#variables") == "OLD"
        screen.query_one("#variables", Section).open()
        await settle(pilot)
        area = screen.query_one(TextArea)
        assert app.focused is area
        assert draft.environment_variables == {"OLD": "1\n2"}, "showing them changes nothing"
        area.text = "A=q\nFILE_NAME=x"
        await pilot.pause()
        assert draft.environment_variables == {"A": "q"}
        assert "mi-tui sets FILE_NAME itself" in said(screen, "#variables")
        assert "FILE_NAME" in screen.refusal()
        area.text = "A=q"
        await pilot.pause()
        assert not screen.refusal()
        screen.query_one("#deployment-name", Field).value = "green-"
        await pilot.pause()
        assert said(screen, "#deployment").startswith("✗ green-")
        assert screen.refusal()
        screen.query_one("#deployment-name", Field).value = "green"
        screen.query_one("#request", Field).value = ""
        await settle(pilot)
        assert (draft.deployment, draft.request) == ("green", "")
        assert said(screen, "#script") == "score.py · no first request"
        assert not screen.refusal()
        app.go_back()
        await settle(pilot)
        again = await show(pilot, Stage.MODEL)
        assert again.query_one(TextArea).text == "A=q"
        assert said(again, "#deployment").startswith("green")

    play(app, script)


def test_scripts_in_a_folder(tmp_path: Path) -> None:
    for name in ("score.py", "sub/a.py", ".venv/lib/x.py", "__pycache__/y.py", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert scripts_in(str(tmp_path)) == ["score.py", "sub/a.py"]
    assert scripts_in(str(tmp_path / "gone")) == []
