"""Workspace: the subscription and the workspace that the endpoint will live in, each picked from what the sign-in sees."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual.containers import Container
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from mi_tui.model.draft import Stage
from mi_tui.model.failure import Failure
from mi_tui.model.text import masked, visible
from mi_tui.widgets.picker import Picker, PickerItem
from screens.base import WizardScreen

if TYPE_CHECKING:
    from mi_tui.workflow import SubscriptionInfo, Target, WorkspaceInfo

SIDE_BY_SIDE = 116
"""Columns from which the two lists stand side by side."""

_USABLE = {"enabled", "warned", "pastdue", ""}
"""States of a subscription in which resources can be made. Subscription states, Microsoft Learn."""


class WorkspaceScreen(WizardScreen):
    """Two pickers. The second one shows the workspaces of the subscription that the first one says."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["workspace.tcss"]
    STAGE = Stage.WORKSPACE
    QUESTION = "Where shall the endpoint live?"
    HELP = "workspace"

    def __init__(self) -> None:
        super().__init__()
        self._subscriptions: dict[str, SubscriptionInfo] = {}
        self._workspaces: dict[str, WorkspaceInfo] = {}
        self._asked = 0

    def content(self) -> Iterable[Widget]:
        yield Static("", id="signed-in", markup=False)
        with Container(id="pickers"):
            yield Picker("Subscription", empty=_NO_SUBSCRIPTION, id="subscription")
            yield Picker("Workspace", empty=_NO_WORKSPACE, id="workspace")
        yield Static("", id="about", markup=False)

    def ready(self) -> None:
        draft = self.wizard.draft
        self._draw()
        self._load_subscriptions()
        self._load_workspaces()
        if draft.complete(Stage.WORKSPACE):
            self.query_one("#primary", Button).focus()
        else:
            self.query_one("#subscription" if not draft.subscription else "#workspace", Picker).focus()

    def on_resize(self) -> None:
        self.set_class(self.size.width >= SIDE_BY_SIDE, "-beside")

    # ---- loading

    def _target(self, picker: Picker) -> Target | None:
        target = self.wizard.target
        if target is None or target.gone:
            advice = "Go back and press Start: it opens the target again. What you chose stays."
            picker.set_failure(Failure("mi-tui/closed", "Nothing is open to look into.", advice))
            return None
        return target

    def _load_subscriptions(self) -> None:
        picker = self.query_one("#subscription", Picker)
        target = self._target(picker)
        if target is not None:
            picker.set_loading()
            self.wizard.background(
                lambda: self.wizard.workflow.catalog(target).subscriptions(), self._subscriptions_came
            )

    def _subscriptions_came(self, result: list[SubscriptionInfo] | Failure) -> None:
        if not self.is_attached:
            return
        picker = self.query_one("#subscription", Picker)
        if isinstance(result, Failure):
            picker.set_failure(self._hidden(result))
            return
        self._subscriptions = {found.id.lower(): found for found in result}
        self._show_subscriptions()
        usable = [found for found in result if found.state.lower() in _USABLE]
        if not self.wizard.draft.subscription and len(usable) == 1:
            self._take_subscription(usable[0].id)
        elif known := self._subscriptions.get(self.wizard.draft.subscription.lower()):
            self.wizard.say_who(known.name)
            self.refresh_head()
        self._draw()

    def _show_subscriptions(self) -> None:
        picker = self.query_one("#subscription", Picker)
        picker.set_items([self._subscription_item(found) for found in self._subscriptions.values()])
        picker.select(self.wizard.draft.subscription.lower() or None)

    def _subscription_item(self, found: SubscriptionInfo) -> PickerItem:
        usable = found.state.lower() in _USABLE
        return PickerItem(
            found.id.lower(),
            found.name,
            self._mask(found.id) if self.wizard.masked else f"{found.id[:8]}…{found.id[-4:]}",
            disabled=not usable,
            why="" if usable else f"{found.state}: nothing can be made in it",
        )

    def _load_workspaces(self) -> None:
        picker = self.query_one("#workspace", Picker)
        target, subscription = self._target(picker), self.wizard.draft.subscription
        if target is None:
            return
        if not subscription:
            picker.set_empty("Choose a subscription first: its workspaces stand here then.")
            picker.set_items([])
            return
        picker.set_empty(_NO_WORKSPACE)
        self._asked += 1
        asked = self._asked
        picker.set_loading()
        self.wizard.background(
            lambda: self.wizard.workflow.catalog(target, subscription).workspaces(),
            lambda result: self._workspaces_came(result, asked),
        )

    def _workspaces_came(self, result: list[WorkspaceInfo] | Failure, asked: int) -> None:
        if not self.is_attached or asked != self._asked:
            return
        picker = self.query_one("#workspace", Picker)
        if isinstance(result, Failure):
            picker.set_failure(self._hidden(result))
            return
        self._workspaces = {found.id.lower(): found for found in result}
        picker.set_items([_workspace_item(found) for found in result])
        picker.select(self._chosen_id())
        if not self.wizard.draft.workspace and len(result) == 1:
            self._take_workspace(result[0])
            picker.select(result[0].id.lower())
        elif (found := self._found()) is not None:
            self._take_workspace(found)
        self._draw()

    # ---- choosing

    def _found(self) -> WorkspaceInfo | None:
        """The draft's workspace in the list; None when it is not there, or the list is not."""
        draft = self.wizard.draft
        wanted = (draft.workspace.lower(), draft.resource_group.lower())
        return next((w for w in self._workspaces.values() if (w.name.lower(), w.group.lower()) == wanted), None)

    def _chosen_id(self) -> str | None:
        found = self._found()
        return found.id.lower() if found else None

    def on_picker_chosen(self, event: Picker.Chosen) -> None:
        event.stop()
        if event.picker.id == "subscription":
            self._take_subscription(self._subscriptions[event.key].id)
            self.query_one("#workspace", Picker).focus()
        else:
            self._take_workspace(self._workspaces[event.key])
            self.query_one("#primary", Button).focus()
        self._draw()

    def on_picker_refresh(self, event: Picker.Refresh) -> None:
        event.stop()
        if event.picker.id == "subscription":
            self._load_subscriptions()
        else:
            self._load_workspaces()

    def _take_subscription(self, subscription: str) -> None:
        wizard, draft = self.wizard, self.wizard.draft
        known = self._subscriptions.get(subscription.lower())
        if known is not None:
            wizard.say_who(known.name)
            self.refresh_head()
        self.query_one("#subscription", Picker).select(subscription.lower())
        if draft.subscription.lower() == subscription.lower():
            return
        draft.subscription = subscription
        draft.workspace = draft.resource_group = draft.location = ""
        if wizard.target is not None:
            wizard.target = wizard.target.in_subscription(subscription)
        self._workspaces = {}
        self.query_one("#workspace", Picker).clear()
        self._load_workspaces()

    def _take_workspace(self, found: WorkspaceInfo) -> None:
        draft = self.wizard.draft
        draft.workspace, draft.resource_group, draft.location = found.name, found.group, found.location

    def refusal(self) -> str:
        draft = self.wizard.draft
        if not draft.subscription:
            return "Choose a subscription first."
        if not draft.workspace:
            return "Choose a workspace first."
        return super().refusal()

    def primary(self) -> None:
        target = self.wizard.target
        if target is not None:
            self.wizard.target = target.in_subscription(self.wizard.draft.subscription)
        super().primary()

    # ---- drawing

    def _draw(self) -> None:
        wizard = self.wizard
        tenant = f", tenant {self._mask(wizard.tenant)}" if wizard.tenant else ""
        who = f"Signed in as {visible(self._mask(wizard.signed_in))}{tenant}." if wizard.signed_in else ""
        self.query_one("#signed-in", Static).update(who)
        self.query_one("#about", Static).update(self._about())
        self.complain("")
        self.refresh_rail()

    def _about(self) -> Content:
        """What follows from the choice, in words."""
        draft, found = self.wizard.draft, self._found()
        if not draft.workspace:
            return Content("")
        if found is None:
            if not self._workspaces:
                return Content("")
            words = f"{draft.workspace} ({draft.resource_group}) is not in this subscription, or you do not see it."
            return Content.styled(f"▲ {visible(words)}", "$text-warning")
        known = self._subscriptions.get(draft.subscription.lower())
        words = f"The endpoint will live in {found.name} ({found.location}), subscription {known.name if known else ''}"
        rows = [Content(visible(f"{words} {self._mask(draft.subscription)}."))]
        if found.registry_id is None:
            rows.append(Content.styled(f"▲ {_NO_REGISTRY}", "$text-warning"))
        if not found.public_network_access:
            rows.append(Content.styled(f"▲ {_PRIVATE}", "$text-warning"))
        return Content("\n").join(rows)

    def _mask(self, text: str) -> str:
        return masked(text) if self.wizard.masked else text

    def _hidden(self, failure: Failure) -> Failure:
        """A failure as it may be shown to the room."""
        return msgspec.structs.replace(failure, message=self._mask(failure.message), advice=self._mask(failure.advice))

    def masking_changed(self) -> None:
        super().masking_changed()
        if self._subscriptions:
            self._show_subscriptions()
        self._draw()


_NO_SUBSCRIPTION = (
    "This sign-in sees no subscription. Ask for a role on one (Reader is enough to see it), then press Ctrl+R."
)
_NO_WORKSPACE = (
    "There is no workspace here. Make one: portal.azure.com, Azure Machine Learning, Create; or 'az ml workspace create'. "
    "Then press Ctrl+R."
)
_NO_REGISTRY = (
    "It has no container registry yet: take a system-assigned identity, or attach a registry. A user-assigned one must be "
    "allowed to pull from the registry before the first deployment."
)
_PRIVATE = "It is closed to the public network: from outside its network the endpoint cannot be made or asked."


def _workspace_item(found: WorkspaceInfo) -> PickerItem:
    notes = ["no registry"] if found.registry_id is None else []
    if not found.public_network_access:
        notes.append("private network")
    return PickerItem(found.id.lower(), found.name, " · ".join((*notes, found.location, found.group)))
