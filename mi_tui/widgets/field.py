"""Field: one line to type in, with its label and, below it, the rule, what is wrong, or a name that would do."""

from __future__ import annotations

import re
import secrets
import time
import unicodedata
from collections.abc import Iterable
from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from mi_tui.model.names import NameRule
from mi_tui.model.text import visible

PAUSE_SECONDS = 0.5
"""How long after the last key a name is asked about elsewhere."""
BUSY_SECONDS = 1.0
"""How long the busy sign stays at least, so that it does not flicker."""

Remote = Literal["checking", "ok", "fault", "unknown"]

_MARKS: dict[Remote, tuple[str, str]] = {
    "checking": ("◐", "$foreground-muted"),
    "ok": ("✓", "$text-success"),
    "fault": ("✗", "$text-error"),
    "unknown": ("▲", "$text-warning"),
}


def suggestion(rule: NameRule, value: str, *, taken: bool = False) -> str:
    """A name near to `value` that the rule allows; with `taken` another one than `value`. Empty when there is none."""
    tail = secrets.token_hex(2)
    ends = ("", f"-{tail}", tail)[1 if taken else 0 :]
    folded = unicodedata.normalize("NFKD", value[:256]).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9]+", "-", folded).strip("-") or "mi-tui"
    initials = "".join(word[0] for word in rule.kind.replace("-", " ").split())
    shapes = (
        re.sub(r"[\x00-\x1f\x7f\\]+", "/", value[:256]).strip("/."),
        *(shape for near in (plain, f"{initials}-{plain}") for shape in (near, near.lower(), _bare(near))),
    )
    whole = [(shape, end) for end in ends for shape in shapes]
    cut = [(shape[:length].rstrip("-"), end) for end in ends for shape in shapes for length in range(len(shape), 0, -1)]
    for shape, end in (*whole, *cut):
        if rule.pattern.fullmatch(shape + end) and not (taken and shape + end == value):
            return shape + end
    return ""


def _bare(name: str) -> str:
    return name.replace("-", "").lower()


class Field(Widget):
    """A label, an Input and a line below. `rule` is checked as the person types; what is known elsewhere comes by `set_remote`."""

    DEFAULT_CSS = """
    Field { height: auto; width: 1fr; margin-bottom: 1; }
    Field .field--row { height: 1; }
    Field .field--label { width: 18; height: 1; color: $text-muted; }
    Field Input { width: 1fr; height: 1; padding: 0; border: none; border-left: outer $foreground 30%; background: $boost; }
    Field Input:focus { border: none; border-left: outer $accent; background: $accent 15%; }
    Field.-fault Input { border-left: outer $error; }
    Field .field--below { height: auto; padding-left: 18; }
    Field .field--note { width: 1fr; padding-left: 1; height: auto; color: $text-muted; }
    Field Button { height: 1; min-width: 8; width: auto; border: none; margin-left: 1; }
    Field .field--use { display: none; max-width: 40; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+g", "suggest", "suggest", show=False, tooltip="Take the suggested name.")
    ]

    class Changed(Message):
        """The text changed, or what is known of it."""

        def __init__(self, field: Field, value: str, valid: bool) -> None:
            super().__init__()
            self.field = field
            self.value = value
            self.valid = valid

        @property
        def control(self) -> Field:
            """The field."""
            return self.field

    class Paused(Message):
        """The person stopped typing at a value that the rule allows: time to ask elsewhere and to answer by `set_remote`."""

        def __init__(self, field: Field, value: str) -> None:
            super().__init__()
            self.field = field
            self.value = value

        @property
        def control(self) -> Field:
            """The field."""
            return self.field

    class Submitted(Message):
        """Enter was pressed on a value without fault."""

        def __init__(self, field: Field, value: str) -> None:
            super().__init__()
            self.field = field
            self.value = value

        @property
        def control(self) -> Field:
            """The field."""
            return self.field

    def __init__(
        self,
        label: str,
        *,
        rule: NameRule | None = None,
        value: str = "",
        hint: str = "",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.label = label
        self.rule = rule
        self.hint = hint
        self._value = value
        self._remote: tuple[Remote, str] | None = None
        self._shown_remote: tuple[Remote, str] | None = None
        self._busy_since = 0.0
        self._suggested = ""
        self._pause: Timer | None = None
        self._busy: Timer | None = None

    # ---- what it is

    @property
    def value(self) -> str:
        """What was typed."""
        return self.clean(self.query_one(Input).value if self.is_mounted else self._value)

    @value.setter
    def value(self, value: str) -> None:
        if self.is_mounted:
            typed = self.query_one(Input)
            typed.value = value
            typed.action_end()
        else:
            self._value = value

    def clean(self, text: str) -> str:
        """The value that a typed text stands for."""
        return text

    @property
    def fault(self) -> str:
        """Why the value cannot be taken, in words; empty when it can, as far as is known."""
        if words := self.judge(self.value):
            return words
        return self._remote[1] if self._remote and self._remote[0] == "fault" else ""

    def judge(self, value: str) -> str:
        """Why a value breaks the rule, in words; empty when it does not."""
        if self.rule is None or self.rule.pattern.fullmatch(value):
            return ""
        words = self.rule.words
        return f"{words[0].upper()}{words[1:]}."

    def set_remote(self, state: Remote, words: str, *, of: str | None = None) -> None:
        """Say what is known elsewhere. `of` is the value that was asked about: an answer about another one is ignored."""
        if of is not None and of != self.value:
            return
        self._remote = (state, words)
        if state == "checking":
            self._busy_since = time.monotonic()
            self._show_remote()
            return
        if not self.is_attached:
            return
        wait = self._busy_since + BUSY_SECONDS - time.monotonic()
        if wait > 0:
            self._drop_timers()
            self._busy = self.set_timer(wait, self._show_remote)
        else:
            self._show_remote()
        self.post_message(self.Changed(self, self.value, not self.fault))

    # ---- looks

    def compose(self) -> ComposeResult:
        with Horizontal(classes="field--row"):
            yield Static(self.label, classes="field--label", markup=False)
            yield self.make_input()
            yield from self.beside()
        with Horizontal(classes="field--below"):
            yield Static("", classes="field--note", markup=False)
            yield Button("use", classes="field--use", compact=True)

    def make_input(self) -> Input:
        """The Input."""
        return Input(self._value, select_on_focus=False)

    def beside(self) -> Iterable[Widget]:
        """Widgets right of the Input."""
        return ()

    def on_mount(self) -> None:
        self._draw()

    def focus(self, scroll_visible: bool = True) -> Field:
        """Focus the Input."""
        self.query_one(Input).focus(scroll_visible)
        return self

    def _show_remote(self) -> None:
        self._shown_remote = self._remote
        if self.is_attached:
            self._draw()

    def _draw(self) -> None:
        fault = self.judge(self.value)
        shown = self._shown_remote
        if fault:
            mark, style, words = "✗", "$text-error", fault
        elif shown is not None and shown[1]:
            (mark, style), words = _MARKS[shown[0]], shown[1]
        else:
            mark, style, words = "", "$foreground-muted", self.hint
        bad = bool(fault) or (shown is not None and shown[0] == "fault")
        self._suggested = suggestion(self.rule, self.value, taken=not fault) if bad and self.rule else ""
        self.set_class(bad, "-fault")
        note = self.query_one(".field--note", Static)
        note.update(Content.styled(f"{mark} {visible(words)}".strip(), style))
        self.query_one(".field--below").display = bool(words)
        use = self.query_one(".field--use", Button)
        use.display = bool(self._suggested)
        use.label = Content(f"use {visible(self._suggested)}")

    # ---- what happens

    def on_resize(self) -> None:
        """What is said below may have grown out of sight."""
        if self.has_focus_within:
            # When it is laid out whole: before that, there is no room yet to scroll into.
            self.call_after_refresh(self.scroll_visible, animate=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value == self._value:
            return
        self._value = event.value
        self._remote = self._shown_remote = None
        self._busy_since = 0.0
        self._draw()
        self._drop_timers()
        if not self.judge(self.value):
            self._pause = self.set_timer(PAUSE_SECONDS, self._paused)
        self.post_message(self.Changed(self, self.value, not self.fault))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if not self.fault:
            self.post_message(self.Submitted(self, self.value))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.has_class("field--use"):
            event.stop()
            self.action_suggest()

    def action_suggest(self) -> None:
        """Take the suggested name; with a name that is fine, another one like it."""
        name = self._suggested or (suggestion(self.rule, self.value, taken=True) if self.rule else "")
        if name:
            self.value = name
            self.focus()

    def _paused(self) -> None:
        self._pause = None
        self.post_message(self.Paused(self, self.value))

    def _drop_timers(self) -> None:
        for timer in (self._pause, self._busy):
            if timer is not None:
                timer.stop()
        self._pause = self._busy = None
