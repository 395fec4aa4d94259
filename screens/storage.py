"""Storage: the account, the container and the blob that the endpoint reads, made or picked; and how far it may read."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import ClassVar

from textual.widget import Widget

from mi_tui.model import names
from mi_tui.model.answers import GrantScope
from mi_tui.model.draft import Stage
from mi_tui.model.failure import Failure
from mi_tui.widgets.choice import Card, Choice
from mi_tui.widgets.field import Field
from mi_tui.widgets.paths import PathField
from mi_tui.widgets.picker import Picker, PickerItem
from mi_tui.widgets.section import Section
from screens.asking import AskingScreen, same_name
from screens.stores import Account, accounts_in, free_name, short_path


class StorageScreen(AskingScreen):
    """Three rows that say what will be made or used; each opens to choose otherwise."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["base.tcss", "storage.tcss"]
    STAGE = Stage.STORAGE
    QUESTION = "Which file shall the endpoint read?"
    HELP = "storage"

    def __init__(self) -> None:
        super().__init__()
        self._accounts: dict[str, Account] | None = None
        self._containers: list[str] | None = None
        self._blobs: list[str] | None = None
        self._turn = 0
        self._uploaded = ""
        """The last file to upload, kept while an existing blob is chosen."""

    def content(self) -> Iterable[Widget]:
        draft = self.wizard.draft
        self._uploaded = draft.upload
        with Section("Storage account", id="account"):
            yield Picker(
                "Storage accounts",
                empty="There is no storage account here yet. A new one will be made.",
                create="Make a new account",
                id="accounts",
            )
            yield Field(
                "Its name",
                rule=names.STORAGE_ACCOUNT,
                value=draft.account,
                hint="3 to 24 lower-case letters and digits, unique in all of Azure.",
                id="new-account",
            )
        with Section("Container", id="container"):
            yield Picker(
                "Containers",
                empty="The account has no container yet. A new one will be made.",
                create="Make a new container",
                id="containers",
            )
            yield Field(
                "Its name",
                rule=names.CONTAINER,
                value=draft.container,
                hint="3 to 63 lower-case letters, digits, single hyphens.",
                id="new-container",
            )
        with Section("Blob", id="blob"):
            yield Picker(
                "Blobs",
                empty="The container has no blob yet. Upload the first one.",
                create="Upload a file",
                id="blobs",
            )
            yield PathField(
                "File to upload",
                kind="file",
                value=draft.upload,
                optional=True,
                hint="A file on this machine.",
                id="upload",
            )
            yield Field(
                "Name of the blob", rule=names.BLOB, value=draft.blob, hint="What your script asks for.", id="new-blob"
            )
        yield Choice(
            [
                Card(
                    GrantScope.CONTAINER,
                    "May read this container",
                    ("The least that works.", "What is in other containers stays closed."),
                ),
                Card(
                    GrantScope.ACCOUNT,
                    "May read the whole account",
                    ("All its containers, later ones too.", "Take it when the script reads several."),
                ),
            ],
            value=draft.scope,
            id="scope",
        )

    def ready(self) -> None:
        self._show()
        self._load_accounts()
        super().ready()

    # ---- what is there

    def _ask(self, picker: str, call: Callable[[], list[str]], take: Callable[[list[str]], None]) -> None:
        """Fill a picker in the background. What comes after another account or container was chosen is dropped."""
        turn, widget = self._turn, self.query_one(picker, Picker)
        widget.set_loading()

        def came(result: list[str] | Failure) -> None:
            if not self.is_attached or turn != self._turn:
                return
            if isinstance(result, Failure):
                self.failed(widget, result)
            else:
                self.failed(widget, None)
                widget.set_items([PickerItem(name, name) for name in result])
                take(result)
            self._show()

        self.wizard.background(call, came)

    def _load_accounts(self) -> None:
        wizard, target = self.wizard, self.wizard.target
        if target is None:
            return
        subscription = wizard.draft.subscription or None
        picker = self.query_one("#accounts", Picker)
        picker.set_loading()
        self._turn += 1
        turn = self._turn

        def came(result: list[Account] | Failure) -> None:
            if not self.is_attached or turn != self._turn:
                return
            if isinstance(result, Failure):
                self.failed(picker, result)
            else:
                self.failed(picker, None)
                self._accounts = {account.id: account for account in result}
                near = sorted(result, key=self._distance)
                picker.set_items([PickerItem(a.id, a.name, a.where) for a in near])
                self._account_changed()
            self._show()

        wizard.background(lambda: accounts_in(wizard.workflow, target, subscription), came)

    def _distance(self, account: Account) -> tuple[bool, bool, str]:
        """Those of the workspace's group and region come first."""
        draft = self.wizard.draft
        return not same_name(account.group, draft.resource_group), account.location != draft.location, account.name

    def _chosen(self) -> Account | None:
        """The account of the draft among those that are there."""
        draft = self.wizard.draft
        group = draft.account_group or draft.resource_group
        for account in (self._accounts or {}).values():
            if account.name == draft.account and same_name(account.group, group):
                return account
        return None

    def _account_changed(self) -> None:
        """Look into the account when it is there; ask whether its name is free when it is not."""
        self._turn += 1
        self._containers = self._blobs = None
        for name in ("#containers", "#blobs"):
            self.query_one(name, Picker).clear()
        account = self._chosen()
        if account is None:
            self._check_name()
            return

        def came(found: list[str]) -> None:
            self._containers = found
            self._container_changed()

        self._ask("#containers", account.containers, came)

    def _container_changed(self) -> None:
        account, container = self._chosen(), self.wizard.draft.container
        self._blobs = None
        self.query_one("#blobs", Picker).clear()
        if account is None or container not in (self._containers or []):
            return

        def came(found: list[str]) -> None:
            if self.wizard.draft.container == container:
                self._blobs = found

        self._ask("#blobs", lambda: account.blobs(container), came)

    def _check_name(self) -> None:
        wizard, target, field = self.wizard, self.wizard.target, self.query_one("#new-account", Field)
        name, subscription = field.value, wizard.draft.subscription or None
        if target is None or field.judge(name) or name != wizard.draft.account:
            return
        field.set_remote("checking", "Asking Azure whether the name is free …")

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
                field.set_remote("ok", "The name is free.", of=name)

        wizard.background(lambda: wizard.workflow.catalog(target, subscription).storage_name_fault(name), answered)

    def masking_changed(self) -> None:
        super().masking_changed()
        self._check_name()

    # ---- what is shown

    def _show(self) -> None:
        self._show_account()
        self._show_container()
        self._show_blob()

    def _show_account(self) -> None:
        draft, account = self.wizard.draft, self._chosen()
        section, field = self.query_one("#account", Section), self.query_one("#new-account", Field)
        self.query_one("#accounts", Picker).select(account.id if account else None)
        field.display = account is None
        if account is not None:
            section.say(account.name, f"is there · {account.where}", "use")
        elif draft.account_group and self._accounts is None:
            section.say(draft.account, f"in {draft.account_group}", "use")
        elif draft.account_group:
            section.say(draft.account, f"is not in {draft.account_group}: choose another, or make one", "fault")
        elif field.fault:
            section.say(draft.account, field.fault, "fault")
        else:
            place = ", ".join(part for part in (draft.resource_group, draft.location) if part)
            section.say(draft.account, f"new, in {place}" if place else "new", "create")

    def _show_container(self) -> None:
        draft, account = self.wizard.draft, self._chosen()
        section, field = self.query_one("#container", Section), self.query_one("#new-container", Field)
        picker = self.query_one("#containers", Picker)
        there = draft.container in (self._containers or [])
        picker.display = account is not None
        picker.select(draft.container if there else None)
        field.display = not there
        if there:
            section.say(draft.container, "is there", "use")
        elif field.fault:
            section.say(draft.container, field.fault, "fault")
        elif account is not None and self._containers is None:
            section.say(draft.container)
        else:
            section.say(draft.container, "new, private", "create")

    def _show_blob(self) -> None:
        draft = self.wizard.draft
        section, upload = self.query_one("#blob", Section), self.query_one("#upload", PathField)
        picker, name = self.query_one("#blobs", Picker), self.query_one("#new-blob", Field)
        there = draft.blob in (self._blobs or [])
        picker.display = self._chosen() is not None and draft.container in (self._containers or [])
        picker.select(draft.blob if there and not draft.upload else None)
        upload.display = name.display = bool(draft.upload) or not (there or self._looking)
        if fault := self._blob_fault():
            section.say(draft.blob, fault, "fault")
        elif there and draft.upload:
            section.say(draft.blob, "is there already, and is used as it is; nothing is uploaded", "use")
        elif draft.upload:
            section.say(draft.blob, f"uploaded from {short_path(draft.upload)}", "create")
        elif there:
            section.say(draft.blob, "is there", "use")
        else:
            section.say(draft.blob)

    @property
    def _looking(self) -> bool:
        """Whether it is not known yet what the container holds."""
        if self._accounts is None:
            return True
        if self._chosen() is None:
            return False
        return self._containers is None or (self.wizard.draft.container in self._containers and self._blobs is None)

    def _blob_fault(self) -> str:
        draft = self.wizard.draft
        if words := self.query_one("#new-blob", Field).judge(draft.blob):
            return words
        if draft.upload:
            return self.query_one("#upload", PathField).judge(draft.upload)
        if not self._looking and draft.blob not in (self._blobs or []):
            return "is not there: choose a file to upload."
        return ""

    def refusal(self) -> str:
        faults = [super().refusal()]
        if self._chosen() is None:
            field = self.query_one("#new-account", Field)
            if not field.judge(field.value):
                faults.append(field.fault)
        if not faults[0] and (fault := self._blob_fault()):
            faults.append(f"Blob {self.wizard.draft.blob}: {fault}")
        return "\n".join(fault for fault in faults if fault)

    # ---- what is chosen

    def on_picker_chosen(self, event: Picker.Chosen) -> None:
        event.stop()
        draft = self.wizard.draft
        if event.picker.id == "accounts":
            account = (self._accounts or {})[event.key]
            draft.account = account.name
            draft.account_group = "" if same_name(account.group, draft.resource_group) else account.group
            self._account_changed()
            self._next("#account", "#container")
        elif event.picker.id == "containers":
            draft.container = event.key
            self._container_changed()
            self._next("#container", "#blob")
        else:
            draft.blob, draft.upload = event.key, ""
            self._next("#blob", "")
        self._show()
        self.saved()

    def on_picker_create_new(self, event: Picker.CreateNew) -> None:
        event.stop()
        draft = self.wizard.draft
        if event.picker.id == "accounts":
            if self._chosen() is not None or draft.account_group:
                draft.account, draft.account_group = f"stmitui{secrets.token_hex(3)}", ""
            self._fill("#new-account", event.text or draft.account)
        elif event.picker.id == "containers":
            if draft.container in (self._containers or []):
                draft.container = free_name("inputs", self._containers or [])
            self._fill("#new-container", event.text or draft.container)
        else:
            path = draft.upload = self._uploaded or self.wizard.draft.upload
            if draft.blob in (self._blobs or []):
                draft.blob = free_name(os.path.basename(path) or "hello.txt", self._blobs or [])
            self._fill("#new-blob", event.text or draft.blob)
            self._fill("#upload", path)
        self._show()
        self.saved()

    def _fill(self, selector: str, value: str) -> None:
        field = self.query_one(selector, Field)
        field.display = True
        field.value = value
        field.focus()

    def _next(self, closed: str, opened: str) -> None:
        """After a choice: on to the next row, so that an expert's hands stay on the keys."""
        self.query_one(closed, Section).open(False)
        if opened:
            self.query_one(opened, Section).focus()
        else:
            self.done_here()

    def on_picker_refresh(self, event: Picker.Refresh) -> None:
        event.stop()
        if event.picker.id == "accounts" or self._chosen() is None:
            self._load_accounts()
        elif event.picker.id == "containers":
            self._account_changed()
        else:
            self._container_changed()

    def on_field_changed(self, event: Field.Changed) -> None:
        event.stop()
        draft = self.wizard.draft
        match event.field.id:
            case "new-account" if event.value != draft.account:
                draft.account, draft.account_group = event.value, ""
                self._containers = self._blobs = None
            case "new-container" if event.value != draft.container:
                draft.container = event.value
                self._blobs = None
            case "new-blob" if event.value != draft.blob:
                draft.blob = event.value
            case "upload" if event.value != draft.upload:
                if draft.blob == os.path.basename(draft.upload) and (name := os.path.basename(event.value)):
                    draft.blob = name
                    self.query_one("#new-blob", Field).value = name
                draft.upload = self._uploaded = event.value
            case _:
                self._show()
                return
        self._show()
        self.saved()

    def on_field_paused(self, event: Field.Paused) -> None:
        event.stop()
        if event.field.id == "new-account":
            self._account_changed()
        elif event.field.id == "new-container":
            self._container_changed()
        self._show()

    def on_choice_changed(self, event: Choice.Changed) -> None:
        event.stop()
        self.wizard.draft.scope = GrantScope(event.key)
        self.saved()

    def opened(self, section: Section) -> None:
        for widget in section.query("Picker, Field"):
            if widget.display:
                widget.focus()
                return
