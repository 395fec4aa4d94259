"""Model: what runs behind the endpoint. The usual answers stand open, the others behind rows that say what they are now."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import ClassVar

from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Select, Static, TextArea

from mi_tui.model import names
from mi_tui.model.capacity import Capacity
from mi_tui.model.draft import Stage
from mi_tui.model.failure import Failure
from mi_tui.model.text import visible
from mi_tui.widgets.field import Field
from mi_tui.widgets.paths import PathField
from mi_tui.widgets.picker import Picker
from mi_tui.widgets.section import Section
from screens.asking import AskingScreen
from screens.machine import MachineSection
from screens.variables import as_lines, variables_in

MOST_SCRIPTS = 200
"""How many Python files of the code folder are offered."""

_SKIPPED = frozenset({"__pycache__", "node_modules", "venv", "site-packages"})


_VARIABLES = "deployment.environment_variables"

_ANSWERS = {
    "endpoint": "endpoint",
    "model": "model",
    "code": "code",
    "conda": "conda",
    "request": "request",
    "deployment-name": "deployment",
    "image": "image",
}
"""Field -> the draft's answer that it holds as it is typed."""


def scripts_in(folder: str) -> list[str]:
    """The Python files in a folder and below, shortest paths first; hidden folders are left out. Blocks on the disk."""
    found: list[str] = []
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        base = Path(here).relative_to(folder)
        found += [(base / name).as_posix() for name in sorted(files) if name.endswith(".py")]
        if len(found) >= MOST_SCRIPTS:
            break
    return sorted(found, key=lambda path: (path.count("/"), path))[:MOST_SCRIPTS]


class ModelScreen(AskingScreen):
    """Asks for the endpoint's name, the files, and the machine."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["model.tcss"]
    STAGE = Stage.MODEL
    QUESTION = "What shall the endpoint run?"
    HELP = "model"

    def __init__(self) -> None:
        super().__init__()
        self._scripts: list[str] = []
        self._listed = 0
        self._checked = 0
        self._file_faults: dict[str, str] = {}
        self._lines = ""

    def content(self) -> Iterable[Widget]:
        draft = self.wizard.draft
        yield Field(
            "Endpoint name", rule=names.ENDPOINT, value=draft.endpoint, hint="Part of its address: unique in the region.", id="endpoint"
        )  # fmt: skip
        yield PathField("Model", kind="any", value=draft.model, id="model")
        yield PathField("Code", kind="folder", value=draft.code, id="code")
        yield PathField("Conda file", kind="file", value=draft.conda, id="conda")
        yield MachineSection(draft, id="instance-type")
        with Section("Script, request", id="script"):
            with Horizontal(id="scripts"):
                yield Static("Scoring script", classes="field--label", markup=False)
                yield Select(
                    self._options(), value=draft.scoring_script, allow_blank=False, compact=True, id="scoring-script"
                )
            yield Static("", id="script-fault", markup=False)
            yield PathField(
                "Sample request",
                kind="file",
                value=draft.request,
                optional=True,
                hint="JSON, sent as the first request. May be empty.",
                id="request",
            )
        with Section("Name, image", id="deployment"):
            yield Field(
                "Deployment name", rule=names.DEPLOYMENT, value=draft.deployment, hint="Gets all traffic.", id="deployment-name"
            )  # fmt: skip
            yield Field("Base image", value=draft.image, hint="The conda environment is built on it.", id="image")
        with Section("Variables", id="variables"):
            words = "One NAME=value a line, for your script. No secrets: Azure shows them."
            yield Static(words, id="variable-words", markup=False)
            self._lines = draft.kept(_VARIABLES, as_lines(draft.environment_variables))
            yield TextArea(self._lines, compact=True, id="variable-lines")
            yield Static("", id="variable-fault", markup=False)

    def ready(self) -> None:
        self._show()
        self._load_capacity()
        self._list_scripts()
        self._check_files()
        self._check_name()
        super().ready()

    def refusal(self) -> str:
        faults = [super().refusal(), *self._file_faults.values()]
        endpoint = self.query_one("#endpoint", Field)
        # What breaks a rule, and what is missing, is in the draft's own faults.
        wrong: list[Field] = [field for field in self.query(PathField) if field.value]
        wrong += [endpoint] if not endpoint.judge(endpoint.value) else []
        faults += [f"{field.label}: {field.fault}" for field in wrong if field.fault]
        if any(faults):
            self._check_files()  # the file may have been mended meanwhile
        return "\n".join(dict.fromkeys(fault for fault in faults if fault))

    # ---- in the background

    def _load_capacity(self) -> None:
        wizard, target, machine = self.wizard, self.wizard.target, self.query_one(MachineSection)
        draft = wizard.draft
        if target is None or not draft.workspace:
            return
        subscription, group, workspace = draft.subscription or None, draft.resource_group, draft.workspace
        location = draft.location

        def call() -> Capacity:
            return wizard.workflow.catalog(target, subscription).capacity(group, workspace, location)

        self.fill(machine.picker, call, machine.take, machine.show)

    def _check_name(self) -> None:
        wizard, target, field = self.wizard, self.wizard.target, self.query_one("#endpoint", Field)
        draft, name = wizard.draft, field.value
        if target is None or not draft.workspace or field.judge(name):
            return
        subscription, group, workspace = draft.subscription or None, draft.resource_group, draft.workspace
        location = draft.location
        self.check_name(
            field,
            lambda: wizard.workflow.catalog(target, subscription).endpoint_fault(group, workspace, name, location),
            "Asking whether the name is free …",
            f"Free in this workspace{f' and, it seems, in {location}' if location else ''}.",
        )

    def _list_scripts(self) -> None:
        folder = self.wizard.draft.code
        self._listed += 1
        turn = self._listed

        def listed(result: list[str] | Failure) -> None:
            if self.is_attached and turn == self._listed and not isinstance(result, Failure):
                self._scripts = result
                if self.wizard.draft.scoring_script not in result and len(result) == 1:
                    self.wizard.draft.scoring_script = result[0]
                self._fill_scripts()
                self._show()

        self.wizard.background(lambda: scripts_in(folder) if folder else [], listed)

    def _fill_scripts(self) -> None:
        select = self.query_one("#scoring-script", Select)
        with self.prevent(Select.Changed):
            select.set_options(self._options())
            select.value = self.wizard.draft.scoring_script

    def _options(self) -> list[tuple[Content, str]]:
        script = self.wizard.draft.scoring_script
        known = [(Content(visible(name)), name) for name in self._scripts]
        return known if script in self._scripts else [(Content(visible(script)), script), *known]

    def _check_files(self) -> None:
        """Read the files as the plan will: a script without run() is better known now than on Review."""
        wizard = self.wizard
        self._checked += 1
        turn = self._checked
        if any(wizard.draft.faults()):
            self._take_faults({})
            return
        answers = wizard.draft.answers()

        def call() -> dict[str, str]:
            from mi_tui.workflow import AnswersError

            try:
                wizard.workflow.check_files(answers)
            except AnswersError as error:
                return {fault.place: fault.words for fault in error.faults}
            return {}

        def checked(result: dict[str, str] | Failure) -> None:
            if self.is_attached and turn == self._checked and not isinstance(result, Failure):
                self._take_faults(result)

        wizard.background(call, checked)

    def _take_faults(self, faults: dict[str, str]) -> None:
        self._file_faults = {}
        for place, name in (("deployment.conda", "#conda"), ("request", "#request"), ("deployment.model", "#model")):
            field = self.query_one(name, PathField)
            if place in faults:
                field.set_remote("fault", _sentence(faults[place]))
            elif field.fault and not field.judge(field.value):
                field.set_remote("ok", "")
        if words := faults.get("deployment.scoring_script"):
            self._file_faults["script"] = f"Scoring script: {words}"
        self.query_one("#script-fault", Static).update(Content(f"✗ {visible(words)}" if words else ""))
        self.query_one("#script-fault").display = bool(words)
        self._show()

    def masking_changed(self) -> None:
        super().masking_changed()
        self._check_name()

    # ---- what is shown

    def _show(self) -> None:
        draft = self.wizard.draft
        script, request = self.query_one("#script", Section), self.query_one("#request", PathField)
        sent = f"first request: {os.path.basename(draft.request)}" if draft.request else "no first request"
        if self._file_faults:
            script.say(draft.scoring_script, "cannot be used: open to see why", "fault")
        elif request.fault:
            script.say(draft.scoring_script, f"{sent}: {request.fault}", "fault")
        else:
            script.say(draft.scoring_script, f"· {sent}")
        name = self.query_one("#deployment-name", Field)
        image = draft.image.rsplit("/", 1)[-1]
        self.query_one("#deployment", Section).say(
            draft.deployment, name.fault or f"· {image}", "fault" if name.fault else "plain"
        )
        self._show_variables()

    def _show_variables(self) -> None:
        draft, section = self.wizard.draft, self.query_one("#variables", Section)
        fault = draft.unfinished[_VARIABLES][1] if _VARIABLES in draft.unfinished else ""
        words = self.query_one("#variable-fault", Static)
        words.update(Content(f"✗ {visible(fault)}" if fault else ""))
        words.display = bool(fault)
        names = ", ".join(draft.environment_variables)
        section.say(names, fault or ("" if names else "none of your own"), "fault" if fault else "plain")

    # ---- what is chosen

    def on_field_changed(self, event: Field.Changed) -> None:
        event.stop()
        draft, value, name = self.wizard.draft, event.value, event.field.id or ""
        answer = _ANSWERS.get(name)
        if answer is not None and getattr(draft, answer) != value:
            setattr(draft, answer, value)
            self.saved()
        self._show()

    def on_field_paused(self, event: Field.Paused) -> None:
        event.stop()
        if event.field.id == "endpoint":
            self._check_name()
        elif event.field.id == "code":
            self._list_scripts()
        if isinstance(event.field, PathField):
            self._check_files()

    def on_machine_section_changed(self, event: MachineSection.Changed) -> None:
        event.stop()
        self.saved()

    def on_picker_refresh(self, event: Picker.Refresh) -> None:
        event.stop()
        self._load_capacity()

    def on_select_changed(self, event: Select.Changed) -> None:
        event.stop()
        if isinstance(event.value, str) and event.value != self.wizard.draft.scoring_script:
            self.wizard.draft.scoring_script = event.value
            self._check_files()
            self._show()
            self.saved()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        if event.text_area.text == self._lines:
            return
        self._lines = event.text_area.text
        draft = self.wizard.draft
        draft.environment_variables, fault = variables_in(self._lines)
        draft.keep(_VARIABLES, self._lines, fault)
        self._show_variables()
        self._show()
        self.saved()


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"
