"""Identity: system-assigned or user-assigned, side by side; for the latter, one that is there or a new one."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import ClassVar

from textual.widget import Widget
from textual.widgets import Static

from mi_tui.model import names
from mi_tui.model.answers import IdentityKind
from mi_tui.model.draft import Stage
from mi_tui.model.failure import Failure
from mi_tui.widgets.choice import Card, Choice
from mi_tui.widgets.field import Field
from mi_tui.widgets.picker import Picker, PickerItem
from mi_tui.widgets.section import Section
from screens.asking import AskingScreen, same_name

_SAI = Card(
    IdentityKind.SAI,
    "System-assigned",
    (
        "Born with the endpoint, and deleted with it.",
        "1 grant to make.",
        "Take it for one endpoint.",
    ),
    id="sai",
)
_UAI_LINES = (
    "Lives on its own; many endpoints can share it.",
    "3 grants to make.",
    "Take it when access must exist before the endpoint, or outlive it.",
)


@dataclass(frozen=True)
class _Identity:
    id: str
    name: str
    group: str
    location: str


class IdentityScreen(AskingScreen):
    """Chooses the kind of identity, and the user-assigned one."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["identity.tcss"]
    STAGE = Stage.IDENTITY
    QUESTION = "Which identity should the endpoint have?"
    HELP = "identity"

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[str, _Identity] | None = None

    def content(self) -> Iterable[Widget]:
        yield Choice([_SAI, self._uai()], value=self.wizard.draft.kind, id="kind")
        yield Static("▲ This cannot be changed once the endpoint exists.", id="forever", markup=False)
        with Section("Identity", id="identity"):
            yield Picker(
                "User-assigned identities",
                empty="There is no user-assigned identity here yet. Make the first one.",
                create="Make a new identity",
                id="identities",
            )
            yield Field(
                "Its name",
                rule=names.IDENTITY,
                value=self.wizard.draft.identity,
                hint="3 to 128 letters, digits, hyphens, underscores.",
                id="new-identity",
            )

    def ready(self) -> None:
        self._kind_changed()
        self._load()
        self._look_for_registry()
        super().ready()

    # ---- what is there

    def _load(self) -> None:
        wizard, target = self.wizard, self.wizard.target
        picker = self.query_one("#identities", Picker)
        if target is None:
            return
        subscription = wizard.draft.subscription or None

        def call() -> list[_Identity]:
            catalog = wizard.workflow.catalog(target, subscription)
            return [
                _Identity(info.id, info.name, names.parse_id(info.id).group, info.location)
                for info in catalog.identities()
            ]

        def take(result: list[_Identity]) -> None:
            self._found = {found.id: found for found in result}
            near = sorted(result, key=self._distance)
            picker.set_items([PickerItem(i.id, i.name, f"{i.group} · {i.location}") for i in near])

        self.fill(picker, call, take, self._show)

    def _distance(self, found: _Identity) -> tuple[bool, bool, str]:
        """Those of the workspace's group and region come first."""
        draft = self.wizard.draft
        return not same_name(found.group, draft.resource_group), found.location != draft.location, found.name.lower()

    def _look_for_registry(self) -> None:
        wizard, target, draft = self.wizard, self.wizard.target, self.wizard.draft
        if target is None or not draft.workspace:
            return
        subscription, group, name = draft.subscription, draft.resource_group, draft.workspace

        def call() -> bool:
            spaces = wizard.workflow.catalog(target, subscription or None).workspaces()
            return any(
                same_name(space.name, name) and same_name(space.group, group) and not space.registry_id
                for space in spaces
            )

        def looked(missing: bool | Failure) -> None:
            # Whoever cannot list workspaces learns it on Review: the plan looks again.
            if self.is_attached and missing is True:
                self.query_one(Choice).replace(self._uai(missing=name))

        wizard.background(call, looked)

    def _uai(self, missing: str = "") -> Card:
        warning = (
            f"The workspace {missing} has no container registry yet, so this identity cannot be allowed to pull images."
            if missing
            else ""
        )
        return Card(IdentityKind.UAI, "User-assigned", _UAI_LINES, warning, id="uai")

    # ---- what is chosen

    def on_choice_changed(self, event: Choice.Changed) -> None:
        event.stop()
        self.wizard.draft.kind = IdentityKind(event.key)
        self._kind_changed()
        self.saved()

    def _kind_changed(self) -> None:
        draft = self.wizard.draft
        uai = draft.kind is IdentityKind.UAI
        if uai and not draft.identity:
            draft.identity = f"id-mi-tui-{secrets.token_hex(3)}"
            self.query_one("#new-identity", Field).value = draft.identity
        self.query_one("#identity", Section).display = uai
        self._show()

    def _chosen(self) -> _Identity | None:
        """The identity of the draft among those that are there."""
        draft = self.wizard.draft
        group = draft.identity_group or draft.resource_group
        for found in (self._found or {}).values():
            if same_name(found.name, draft.identity) and same_name(found.group, group):
                return found
        return None

    def _show(self) -> None:
        draft, chosen = self.wizard.draft, self._chosen()
        section, field = self.query_one("#identity", Section), self.query_one("#new-identity", Field)
        self.query_one("#identities", Picker).select(chosen.id if chosen else None)
        field.display = chosen is None or field.has_focus_within
        if chosen is not None:
            section.say(chosen.name, f"is there, in {chosen.group}, {chosen.location}", "use")
            if field.value == chosen.name:
                field.set_remote("ok", "It is there already and will be used.", of=chosen.name)
        elif words := field.fault:
            section.say(draft.identity, words, "fault")
        elif draft.identity_group:
            section.say(draft.identity, f"in {draft.identity_group}", "create")
        elif self._found is None and not self._failed and self.wizard.target is not None:
            section.say(draft.identity, "looking …", "busy")
        else:
            words = f"new, in {draft.resource_group}" if draft.resource_group else "new"
            also = ", unless it is there: Azure did not tell" if self._found is None else ""
            section.say(draft.identity, words + also, "create")

    def on_picker_chosen(self, event: Picker.Chosen) -> None:
        event.stop()
        found = (self._found or {}).get(event.key)
        if found is None:
            return
        draft = self.wizard.draft
        draft.identity = found.name
        draft.identity_group = "" if same_name(found.group, draft.resource_group) else found.group
        self._show()
        self.saved()
        self.query_one("#identity", Section).open(False)
        self.done_here()

    def on_picker_create_new(self, event: Picker.CreateNew) -> None:
        event.stop()
        draft, field = self.wizard.draft, self.query_one("#new-identity", Field)
        if self._chosen() is not None:
            draft.identity, draft.identity_group = f"id-mi-tui-{secrets.token_hex(3)}", ""
        draft.identity = event.text or draft.identity
        field.value = draft.identity
        field.display = True
        field.focus()
        self._show()
        self.saved()

    def on_picker_refresh(self, event: Picker.Refresh) -> None:
        event.stop()
        self._load()

    def on_field_changed(self, event: Field.Changed) -> None:
        event.stop()
        draft = self.wizard.draft
        if event.value != draft.identity:
            draft.identity, draft.identity_group = event.value, ""
            self._show()
            self.saved()
