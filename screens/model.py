"""Model: what runs behind the endpoint. The usual answers stand open, the others behind rows that say what they are now."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import ClassVar

from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Select, Static, TextArea

from mi_tui.model import instances, names
from mi_tui.model.draft import Stage
from mi_tui.model.failure import Failure
from mi_tui.model.instances import InstanceType
from mi_tui.model.text import visible
from mi_tui.widgets.field import Field
from mi_tui.widgets.paths import PathField
from mi_tui.widgets.picker import Picker, PickerItem
from mi_tui.widgets.section import Section
from screens.asking import AskingScreen
from screens.variables import as_lines, variables_in

MOST_SCRIPTS = 200
"""How many Python files of the code folder are offered."""

_SKIPPED = frozenset({"__pycache__", "node_modules", "venv", "site-packages"})


COUNT = names.NameRule("count", re.compile("[1-9]|[1-4][0-9]|50"), "1 to 50")
SIZE = names.NameRule("instance type", re.compile("[A-Za-z0-9_]{3,64}"), "3 to 64 letters, digits and underscores")

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

    CSS_PATH: ClassVar[list[str | PurePath]] = ["base.tcss", "model.tcss"]
    STAGE = Stage.MODEL
    QUESTION = "What shall the endpoint run?"
    HELP = "model"

    def __init__(self) -> None:
        super().__init__()
        self._scripts: list[str] = []
        self._listed = 0
        self._checked = 0
        self._file_faults: dict[str, str] = {}
        self._variables_fault = ""
        self._lines = ""

    def content(self) -> Iterable[Widget]:
        draft = self.wizard.draft
        yield Field(
            "Endpoint name", rule=names.ENDPOINT, value=draft.endpoint, hint="Part of its address: unique in the region.", id="endpoint"
        )  # fmt: skip
        yield PathField("Model", kind="any", value=draft.model, id="model")
        yield PathField("Code", kind="folder", value=draft.code, id="code")
        yield PathField("Conda file", kind="file", value=draft.conda, id="conda")
        with Section("Machine", id="instance-type"):
            yield Picker(
                f"Types, list prices {instances.PRICES_READ}",
                empty="No instance type is known.",
                create="Another one",
                id="instances",
            )
            yield Field(
                "Its name", rule=SIZE, value=draft.instance_type, hint="Its cores and price are not known here.", id="other-type"
            )  # fmt: skip
            yield Field("How many", rule=COUNT, value=str(draft.instance_count), id="instance-count")
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
            self._lines = as_lines(draft.environment_variables)
            yield TextArea(self._lines, compact=True, id="variable-lines")
            yield Static("", id="variable-fault", markup=False)

    def ready(self) -> None:
        self.query_one("#other-type", Field).display = instances.find(self.wizard.draft.instance_type) is None
        self._show_instances()
        self._show()
        self._list_scripts()
        self._check_files()
        self._check_name()
        super().ready()

    def refusal(self) -> str:
        faults = [super().refusal(), self._variables_fault, *self._file_faults.values()]
        endpoint, count = self.query_one("#endpoint", Field), self.query_one("#instance-count", Field)
        # What breaks a rule, and what is missing, is in the draft's own faults.
        wrong: list[Field] = [field for field in self.query(PathField) if field.value]
        wrong += [endpoint] if not endpoint.judge(endpoint.value) else []
        faults += [f"{field.label}: {field.fault}" for field in (*wrong, count) if field.fault]
        if any(faults):
            self._check_files()  # the file may have been mended meanwhile
        return "\n".join(dict.fromkeys(fault for fault in faults if fault))

    # ---- in the background

    def _check_name(self) -> None:
        wizard, target, field = self.wizard, self.wizard.target, self.query_one("#endpoint", Field)
        draft, name = wizard.draft, field.value
        if target is None or not draft.workspace or field.judge(name):
            return
        subscription, group, workspace = draft.subscription or None, draft.resource_group, draft.workspace
        field.set_remote("checking", "Asking the workspace whether the name is free …")

        def call() -> str | None:
            return wizard.workflow.catalog(target, subscription).endpoint_fault(group, workspace, name)

        def answered(result: str | Failure | None) -> None:
            if not self.is_attached:
                return
            if isinstance(result, Failure):
                field.set_remote(
                    "unknown", f"Whether it is free could not be asked: {self.hidden(result.message)}", of=name
                )
            elif result:
                field.set_remote("fault", self.hidden(result), of=name)
            else:
                field.set_remote("ok", "Free in this workspace.", of=name)

        wizard.background(call, answered)

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

    def _show_instances(self) -> None:
        draft = self.wizard.draft
        picker = self.query_one("#instances", Picker)
        known = sorted(instances.all_types(), key=lambda kind: (kind.usd_per_hour, kind.name))
        picker.set_items([PickerItem(kind.name, kind.name, self._facts(kind)) for kind in known])
        found = instances.find(draft.instance_type)
        picker.select(found.name if found else None)

    def _facts(self, kind: InstanceType) -> str:
        count = self.wizard.draft.instance_count
        price = f"{kind.usd_per_hour * count:.2f} USD/h"
        return f"{kind.cores} cores · {kind.memory_gib:g} GiB · {price} · quota {instances.quota_cores(kind, count)}"

    def _show(self) -> None:
        draft = self.wizard.draft
        self._show_machine()
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
        variables = draft.environment_variables
        words = ", ".join(variables) if variables else "none of your own"
        self.query_one("#variables", Section).say(
            words if variables else "", self._variables_fault or ("" if variables else words), "fault" if self._variables_fault else "plain"
        )  # fmt: skip

    def _show_machine(self) -> None:
        draft = self.wizard.draft
        section = self.query_one("#instance-type", Section)
        kind, many = instances.find(draft.instance_type), f"{draft.instance_type} × {draft.instance_count}"
        for name in ("#other-type", "#instance-count"):
            field = self.query_one(name, Field)
            if field.fault and (name == "#instance-count" or kind is None):
                section.say(many, f"{field.label}: {field.fault}", "fault")
                return
        if kind is None:
            section.say(many, "price not known here")
        else:
            price, cores = kind.usd_per_hour * draft.instance_count, instances.quota_cores(kind, draft.instance_count)
            section.say(many, f"≈ {price:.2f} USD/h · quota: {cores} cores")

    # ---- what is chosen

    def on_field_changed(self, event: Field.Changed) -> None:
        event.stop()
        draft, value, name = self.wizard.draft, event.value, event.field.id or ""
        before = draft.instance_type, draft.instance_count
        answer = _ANSWERS.get(name)
        if answer is not None and getattr(draft, answer) != value:
            setattr(draft, answer, value)
            self.saved()
        elif name == "other-type" and event.field.display:
            draft.instance_type = value
        elif name == "instance-count" and event.valid:
            draft.instance_count = int(value)
        if before != (draft.instance_type, draft.instance_count):
            self._show_instances()
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

    def on_picker_chosen(self, event: Picker.Chosen) -> None:
        event.stop()
        self.wizard.draft.instance_type = event.key
        self.query_one("#other-type", Field).display = False
        self._show()
        self.saved()
        self.query_one("#instance-count", Field).focus()

    def on_picker_create_new(self, event: Picker.CreateNew) -> None:
        event.stop()
        field = self.query_one("#other-type", Field)
        field.display = True
        field.value = event.text or self.wizard.draft.instance_type
        field.focus()

    def on_picker_refresh(self, event: Picker.Refresh) -> None:
        event.stop()
        self._show_instances()

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
        found, fault = variables_in(self._lines)
        self.wizard.draft.environment_variables, self._variables_fault = found, fault
        words = self.query_one("#variable-fault", Static)
        words.update(Content(f"✗ {visible(fault)}" if fault else ""))
        words.display = bool(fault)
        self._show()
        self.saved()

    def opened(self, section: Section) -> None:
        for widget in section.query("Picker, Field, Select, TextArea"):
            if widget.display:
                widget.focus()
                return


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"
