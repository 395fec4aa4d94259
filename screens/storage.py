"""Storage: the account, the container and the blob that the endpoint reads, made or picked; and how far it may read."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import PurePath
from typing import ClassVar

from textual.widget import Widget

from mi_tui.model import names
from mi_tui.model.answers import GrantScope
from mi_tui.model.draft import Stage
from mi_tui.widgets.choice import Card, Choice
from mi_tui.widgets.field import Field
from mi_tui.widgets.paths import PathField
from mi_tui.widgets.picker import Picker, PickerItem
from mi_tui.widgets.section import Section
from screens.asking import AskingScreen, same_name
from screens.stores import Account, Stores, accounts_in, free_name


class StorageScreen(AskingScreen):
    """Three rows that say what will be made or used; each opens to choose otherwise."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["storage.tcss"]
    STAGE = Stage.STORAGE
    QUESTION = "Which file shall the endpoint read?"
    HELP = "storage"

    def __init__(self) -> None:
        super().__init__()
        self._stores = Stores()
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

    def _load_accounts(self) -> None:
        wizard, target = self.wizard, self.wizard.target
        if target is None:
            return
        subscription, picker = wizard.draft.subscription or None, self.query_one("#accounts", Picker)

        def take(result: list[Account]) -> None:
            self._stores.accounts = {account.id: account for account in result}
            picker.set_items([PickerItem(a.id, a.name, a.where) for a in self._stores.nearest(wizard.draft)])
            self._account_changed()

        self.fill(picker, lambda: accounts_in(wizard.workflow, target, subscription), take, self._show)

    def _account_changed(self) -> None:
        """Look into the account when it is there; ask whether its name is free when it is not."""
        stores, picker = self._stores, self.query_one("#containers", Picker)
        stores.containers = stores.blobs = None
        self.empty(picker)
        self.empty(self.query_one("#blobs", Picker))
        account = stores.account(self.wizard.draft)
        if account is None:
            self._check_name()
            return

        def take(found: list[str]) -> None:
            stores.containers = found
            picker.set_items([PickerItem(name, name) for name in found])
            self._container_changed()

        self.fill(picker, account.containers, take, self._show)

    def _container_changed(self) -> None:
        draft, stores, picker = self.wizard.draft, self._stores, self.query_one("#blobs", Picker)
        account, container = stores.account(draft), draft.container
        stores.blobs = None
        self.empty(picker)
        if account is None or not stores.has_container(draft):
            return

        def take(found: list[str]) -> None:
            stores.blobs = found
            picker.set_items([PickerItem(name, name) for name in found])

        self.fill(picker, lambda: account.blobs(container), take, self._show)

    def _check_name(self) -> None:
        wizard, target, field = self.wizard, self.wizard.target, self.query_one("#new-account", Field)
        name, subscription = field.value, wizard.draft.subscription or None
        if target is None or field.judge(name) or name != wizard.draft.account:
            return
        self.check_name(
            field,
            lambda: wizard.workflow.catalog(target, subscription).storage_name_fault(name),
            "Asking Azure whether the name is free …",
            "The name is free.",
        )

    def masking_changed(self) -> None:
        super().masking_changed()
        self._check_name()

    # ---- what is shown

    def _show(self) -> None:
        draft, stores = self.wizard.draft, self._stores
        stores.told = not self._failed and self.wizard.target is not None
        account, there = stores.account(draft), stores.has_container(draft)
        field = self.query_one("#new-account", Field)
        field.display = account is None
        self.query_one("#accounts", Picker).select(account.id if account else None)
        self.query_one("#account", Section).say(*stores.say_account(draft, field.fault))

        field, picker = self.query_one("#new-container", Field), self.query_one("#containers", Picker)
        picker.display = account is not None
        picker.select(draft.container if there else None)
        field.display = not there
        self.query_one("#container", Section).say(*stores.say_container(draft, field.fault))

        upload, name = self.query_one("#upload", PathField), self.query_one("#new-blob", Field)
        picker = self.query_one("#blobs", Picker)
        picker.display = account is not None and there
        picker.select(draft.blob if stores.has_blob(draft) and not draft.upload else None)
        upload.display = name.display = bool(draft.upload) or not (stores.has_blob(draft) or stores.looking(draft))
        self.query_one("#blob", Section).say(*stores.say_blob(draft, self._blob_fault()))

    def _blob_fault(self) -> str:
        draft = self.wizard.draft
        if words := self.query_one("#new-blob", Field).judge(draft.blob):
            return words
        if draft.upload:
            return self.query_one("#upload", PathField).judge(draft.upload)
        if not self._stores.looking(draft) and not self._stores.has_blob(draft):
            return "is not there: choose a file to upload."
        return ""

    def refusal(self) -> str:
        faults = [super().refusal()]
        if self._stores.account(self.wizard.draft) is None:
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
            account = (self._stores.accounts or {})[event.key]
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
            if self._stores.account(self.wizard.draft) is not None or draft.account_group:
                draft.account, draft.account_group = f"stmitui{secrets.token_hex(3)}", ""
            self._fill("#new-account", event.text or draft.account)
        elif event.picker.id == "containers":
            if draft.container in (self._stores.containers or []):
                draft.container = free_name("inputs", self._stores.containers or [])
            self._fill("#new-container", event.text or draft.container)
        else:
            path = draft.upload = self._uploaded or self.wizard.draft.upload
            if draft.blob in (self._stores.blobs or []):
                draft.blob = free_name(os.path.basename(path) or "hello.txt", self._stores.blobs or [])
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
        if event.picker.id == "accounts" or self._stores.account(self.wizard.draft) is None:
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
                self._stores.containers = self._stores.blobs = None
            case "new-container" if event.value != draft.container:
                draft.container = event.value
                self._stores.blobs = None
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
