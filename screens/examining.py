"""What Troubleshoot can be given to look at: a text from outside, or an endpoint of any workspace that the sign-in sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Button, Input, Static, TextArea

from mi_tui.model.answers import Workspace
from mi_tui.model.failure import Failure
from mi_tui.model.marks import marks
from mi_tui.model.text import decoded, masked, visible
from mi_tui.widgets.paths import clean_path
from mi_tui.widgets.picker import Picker, PickerItem
from screens.dialogs import Dialog

if TYPE_CHECKING:
    from mi_tui.model.diagnosis import Diagnosis
    from mi_tui.services.endpoints import EndpointInfo
    from mi_tui.workflow import SubscriptionInfo, Target, WorkspaceInfo
    from screens.wizard import Wizard

_MOST = 4_000_000
"""Characters of a file that are read."""
_SOMEWHERE = "00000000-0000-0000-0000-000000000000"
"""Stands for the subscription until one is picked: a session needs one."""

_LOW = 30

Told = tuple[str, "tuple[Diagnosis, ...]"]
"""A text, and what it was found to say."""


class TextDialog(Dialog):
    """Takes an error's text, what `az` printed, a traceback or a log: pasted, or as a file. Nobody is asked for it."""

    HELP = "troubleshoot"
    TITLE_TEXT = "What does this say?"
    CSS_PATH: ClassVar[list[str | PurePath]] = ["dialogs.tcss", "examining.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+n", "go", "diagnose")]

    def __init__(self, wizard: Wizard, done: Callable[[Told], None]) -> None:
        super().__init__()
        self.wizard, self._done = wizard, done
        self._busy = False

    def content(self) -> Iterable[Widget]:
        yield Static("Paste an error, a traceback or a log. It is sent nowhere.", id="lead", markup=False)
        yield TextArea("", id="pasted", soft_wrap=True, tab_behavior="focus", show_line_numbers=False)
        yield Input(placeholder="or the path of a file", id="path")
        yield VerticalScroll(Static("", id="faults", markup=False), id="trouble", can_focus=False)

    def choices(self) -> Iterable[Widget]:
        yield Button("Close", id="close")
        yield Button("Diagnose", id="go", variant="primary")

    def ready(self) -> None:
        self.query_one("#pasted", TextArea).focus()
        self.on_resize()

    def on_resize(self) -> None:
        """On a low screen the field is low too, so that the buttons are seen."""
        self.set_class(self.size.height < _LOW, "-low")

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """What is pasted may hold control characters; shown as they are they would act."""
        event.stop()
        text = event.text_area.text
        if (harmless := visible(text, lines=True)) != text:
            event.text_area.load_text(harmless)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if (harmless := visible(event.value)) != event.value:
            event.input.value = harmless

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_go()

    def chosen(self, button: str) -> None:
        self.action_go()

    def action_go(self) -> None:
        """Read it, in the background."""
        text, path = self.query_one("#pasted", TextArea).text, clean_path(self.query_one("#path", Input).value)
        if self._busy:
            return
        if not text.strip() and not path:
            self._complain("Paste a text, or give the path of a file.")
            return
        self._busy = True
        self._complain("")

        def call() -> Told:
            found = text if text.strip() else _read(Path(path))
            return found, self.wizard.workflow.advice.diagnose_text(found)

        self.wizard.background(call, self._read)

    def _read(self, result: Told | Failure) -> None:
        self._busy = False
        if not self.is_attached:
            return
        if isinstance(result, Failure):
            self._complain(f"{result.message} {result.advice}".strip())
            return
        self.dismiss(None)
        self._done(result)

    def _complain(self, words: str) -> None:
        said = masked(visible(words)) if self.wizard.masked else visible(words)
        self.query_one("#faults", Static).update(f"{marks()['failed']} {said}" if words else "")
        self.query_one("#trouble").display = bool(words)


def _read(path: Path) -> str:
    """The text of a file. OSError when it cannot be read."""
    with path.open("rb") as file:
        return decoded(file.read(_MOST))


class EndpointDialog(Dialog):
    """Leads to an endpoint by three lists, of which those are skipped that have one answer. Esc goes a list back."""

    HELP = "troubleshoot"
    TITLE_TEXT = "Which endpoint is to be looked at?"
    CSS_PATH: ClassVar[list[str | PurePath]] = ["dialogs.tcss", "examining.tcss"]

    def __init__(self, wizard: Wizard, done: Callable[[Target, Workspace, str], None]) -> None:
        super().__init__()
        self.wizard, self._done = wizard, done
        self._subscriptions: dict[str, SubscriptionInfo] = {}
        self._workspaces: dict[str, WorkspaceInfo] = {}
        self._subscription = wizard.draft.subscription
        draft = wizard.draft
        self._where = Workspace(draft.subscription, draft.resource_group, draft.workspace) if draft.workspace else None
        self._turn = 0

    def content(self) -> Iterable[Widget]:
        yield Static("It is only read, and not asked for an answer.", id="lead", markup=False)
        yield Static("", id="path", markup=False)
        yield Picker("Subscription", empty=_NO_SUBSCRIPTION, id="subscription")
        yield Picker("Workspace", empty=_NO_WORKSPACE, id="workspace")
        yield Picker("Endpoint", empty=_NO_ENDPOINT, id="endpoint")

    def choices(self) -> Iterable[Widget]:
        yield Button("Back", id="back")
        yield Button("Close", id="close")

    def ready(self) -> None:
        target = self.wizard.target
        if target is not None and not target.gone:
            self._begin()
            return
        # Nothing is open yet: what is chosen on the first screen is.
        picker = self._show("endpoint")
        picker.set_loading()
        self.query_one("#path", Static).update(
            "Opening the sandbox …" if self.wizard.wanted == "sandbox" else "Opening Azure …"
        )
        if self.wizard.wanted == "sandbox":
            self.wizard.open_sandbox(None, None, self._opened)
        else:
            account = next(iter(self.wizard.accounts.values()), None)
            self.wizard.open_azure(self._subscription or _SOMEWHERE, self._opened, account)

    def _opened(self, result: Target | Failure) -> None:
        if not self.is_attached:
            return
        if isinstance(result, Failure):
            self._show("endpoint").set_failure(self._hidden(result))
            return
        draft = self.wizard.draft
        if draft.workspace:
            self._subscription = draft.subscription
            self._where = Workspace(draft.subscription, draft.resource_group, draft.workspace)
        self._begin()

    def _begin(self) -> None:
        if self._where is not None:
            self._load_endpoints()
        elif self._subscription:
            self._load_workspaces()
        else:
            self._load_subscriptions()

    # ---- the three lists

    def _show(self, name: str) -> Picker:
        """Show one list; which way led to it stands above."""
        for picker in self.query(Picker):
            picker.display = picker.id == name
        known = self._subscriptions.get(self._subscription.lower())
        way = [known.name if known else ""] if name != "subscription" else []
        if name == "endpoint" and self._where is not None:
            way.append(f"workspace {self._where.name}")
        self.query_one("#path", Static).update(visible(" › ".join(filter(None, way))))
        self.query_one("#back").display = name != "subscription"
        return self.query_one(f"#{name}", Picker)

    def _ask(self, picker: Picker, call: Callable[[Target], object], take: Callable[[object], None]) -> None:
        """Load a list in the background; what comes after another was asked for is dropped."""
        target = self.wizard.target
        if target is None:
            picker.set_failure(
                Failure("mi-tui/closed", "Nothing is open to look into.", advice="Close this and try again.")
            )
            return
        self._turn += 1
        turn = self._turn
        picker.set_loading()
        picker.focus()

        def came(result: object) -> None:
            if not self.is_attached or turn != self._turn:
                return
            if isinstance(result, Failure):
                picker.set_failure(self._hidden(result))
            else:
                take(result)

        self.wizard.background(lambda: call(target), came)

    def _load_subscriptions(self) -> None:
        self._ask(
            self._show("subscription"),
            lambda target: self.wizard.workflow.catalog(target).subscriptions(),
            self._subscriptions_came,
        )

    def _subscriptions_came(self, result: object) -> None:
        found: list[SubscriptionInfo] = result  # type: ignore[assignment]
        self._subscriptions = {one.id.lower(): one for one in found}
        if len(found) == 1:
            self._subscription = found[0].id
            self._load_workspaces()
            return
        items = [PickerItem(one.id.lower(), one.name, self._mask(f"{one.id[:8]}…{one.id[-4:]}")) for one in found]
        self.query_one("#subscription", Picker).set_items(items)

    def _load_workspaces(self) -> None:
        subscription = self._subscription
        self._ask(
            self._show("workspace"),
            lambda target: self.wizard.workflow.catalog(target, subscription).workspaces(),
            self._workspaces_came,
        )

    def _workspaces_came(self, result: object) -> None:
        found: list[WorkspaceInfo] = result  # type: ignore[assignment]
        self._workspaces = {one.id.lower(): one for one in found}
        items = [PickerItem(one.id.lower(), one.name, f"{one.location} · {one.group}") for one in found]
        self.query_one("#workspace", Picker).set_items(items)

    def _load_endpoints(self) -> None:
        where = self._where
        assert where is not None
        self._ask(
            self._show("endpoint"),
            lambda target: self.wizard.workflow.advice.endpoints(target, where),
            self._endpoints_came,
        )

    def _endpoints_came(self, result: object) -> None:
        found: list[EndpointInfo] = result  # type: ignore[assignment]
        self.query_one("#endpoint", Picker).set_items([_item(one) for one in found])

    # ---- choosing

    def on_picker_chosen(self, event: Picker.Chosen) -> None:
        event.stop()
        match event.picker.id:
            case "subscription":
                self._subscription = self._subscriptions[event.key].id
                self._load_workspaces()
            case "workspace":
                chosen = self._workspaces[event.key]
                self._where = Workspace(self._subscription, chosen.group, chosen.name)
                self._load_endpoints()
            case _:
                target, where = self.wizard.target, self._where
                if target is not None and where is not None:
                    self.dismiss(None)
                    self._done(target, where, event.key)

    def on_picker_refresh(self, event: Picker.Refresh) -> None:
        event.stop()
        loads = {"subscription": self._load_subscriptions, "workspace": self._load_workspaces}
        if event.picker.id == "endpoint" and (self._where is None or self.wizard.target is None):
            self.ready()
        else:
            loads.get(event.picker.id or "", self._load_endpoints)()

    def chosen(self, button: str) -> None:
        """Back: the list before."""
        if self.query_one("#endpoint").display and self._subscription:
            self._load_workspaces()
        else:
            self._load_subscriptions()

    def _mask(self, text: str) -> str:
        return masked(text) if self.wizard.masked else text

    def _hidden(self, failure: Failure) -> Failure:
        return msgspec.structs.replace(failure, message=self._mask(failure.message), advice=self._mask(failure.advice))


def _item(found: EndpointInfo) -> PickerItem:
    signs = marks()
    mark = {"succeeded": signs["done"], "failed": signs["failed"]}.get(found.state.lower(), signs["running"])
    shares = ", ".join(f"{name} {share} %" for name, share in found.traffic.items() if share) or "no traffic"
    return PickerItem(found.name, found.name, f"{found.state} · {shares}", mark)


_NO_SUBSCRIPTION = (
    "This sign-in sees no subscription. Ask for a role on one (Reader is enough to see it), then press Ctrl+R."
)
_NO_WORKSPACE = "There is no workspace here that you see. Take another subscription, or press Ctrl+R."
_NO_ENDPOINT = (
    "This workspace has no online endpoint that you see. 'Back' shows the other workspaces; Ctrl+R looks again."
)
