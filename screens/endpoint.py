"""Endpoint: ask it, see what it answers, and the proof that the blob was read with the identity that was granted access."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content, Span
from textual.widget import Widget
from textual.widgets import Button, Static, TextArea

from mi_tui.model.draft import Stage
from mi_tui.model.exchange import Exchange, Sent, fault_place, json_fault, laid_out
from mi_tui.model.failure import Failure
from mi_tui.model.marks import marks
from mi_tui.model.secret import Secret
from mi_tui.model.text import cut, masked, visible
from screens.base import WizardScreen

if TYPE_CHECKING:
    from mi_tui.workflow import RunRecord, ScoreAnswer, Target

_SHOWN = 20_000
"""How many characters of an answer are shown; a megabyte in one line would hold the screen up."""

_JSON = re.compile(
    r'(?P<name>"(?:[^"\\\n]|\\.)*")(?=\s*:)|(?P<text>"(?:[^"\\\n]|\\.)*")|(?P<number>-?\d[\d.eE+-]*)|(?P<word>true|false|null)'
)
_STYLES = {"name": "$text-accent", "text": "$text-success", "number": "$text-warning", "word": "$text-warning"}


@dataclass(frozen=True)
class _Facts:
    """What is known of the run without asking Azure."""

    endpoint: str
    sample: str
    facts: dict[str, str]
    identity: str


class RequestEditor(TextArea):
    """The request. The screen's keys work in it too, where the editor of Textual has some of its own."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f6", "screen.show_logs", show=False),
        Binding("f7", "screen.raw", show=False),
    ]


class EndpointScreen(WizardScreen):
    """The endpoint of the current run, or of an earlier one."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["endpoint.tcss"]
    STAGE = Stage.ENDPOINT
    QUESTION = "Your endpoint"
    PRIMARY = "Clean up"
    HELP = "endpoint"

    def __init__(self) -> None:
        super().__init__()
        self._uri = ""
        self._pretty = True
        self._sending = False
        self._looking = False
        self._mark = marks()
        self._proof = ("", "")
        self._states: dict[str, str] | Failure | None = None

    # ---- what stands here

    def content(self) -> Iterable[Widget]:
        yield Static("", id="state", markup=False)
        yield Static("", id="proof", markup=False)
        yield Static("", id="uri", markup=False)
        with Horizontal(id="tools"):
            yield Button("Refresh", id="refresh", compact=True)
            yield Button("Copy address", id="copy-uri", compact=True)
            yield Button("Copy key", id="copy-key", compact=True)
            yield Button("As it came", id="raw", compact=True)
        yield Static("", id="trouble", markup=False)
        with Horizontal(id="exchange"):
            with Vertical(id="asking"):
                yield Static("Request (F5 sends)", classes="caption", markup=False)
                yield RequestEditor("", id="request", tab_behavior="focus", highlight_cursor_line=False)
            with Vertical(id="answering"):
                yield Static("Answer", id="headline-answer", classes="caption", markup=False)
                yield VerticalScroll(Static("", id="answer", markup=False), id="answer-box", can_focus=True)
        yield VerticalScroll(Static("", id="history", markup=False), id="history-box", can_focus=False)

    def extra_buttons(self) -> Iterable[Widget]:
        yield Button("Send", id="send")
        yield Button("Logs", id="logs")

    @property
    def exchange(self) -> Exchange:
        """What was asked and answered, kept while screens come and go."""
        return self.wizard.exchanges.setdefault(self.wizard.run, Exchange())

    def refusal(self) -> str:
        return ""

    def ready(self) -> None:
        if not self.wizard.run:
            self._nothing("There is no endpoint yet.", "Deploy one first: the Review step shows what will be made.")
            return
        self.query_one("#question", Static).update("Your endpoint")
        self._say_state("running", "Reading what is known …")
        self.query_one("#send", Button).focus()
        self.wizard.background(self._read, self._known)

    def _read(self) -> _Facts:
        """Off the UI thread: the journal and the sample request."""
        record = self.wizard.workflow.journal.run(self.wizard.run)
        answers = record.plan.answers
        sample = ""
        if answers.request:
            try:
                sample = Path(answers.request).read_text("utf-8", errors="replace")
            except OSError:
                sample = ""  # moved away since; the editor then begins with an empty object
        return _Facts(
            answers.endpoint.name,
            visible(cut(sample, _SHOWN), lines=True) or "{}",
            self.wizard.workflow.journal.facts(record.id),
            answers.identity.kind.words,
        )

    def _known(self, result: _Facts | Failure) -> None:
        if not self.is_mounted:
            return
        if isinstance(result, Failure):
            self._nothing("This run cannot be read.", visible(result.message))
            return
        self.query_one("#question", Static).update(visible(result.endpoint))
        self._uri = result.facts.get("scoring_uri", "")
        self._proof = (result.facts.get("proof", ""), self._reader(result))
        exchange = self.exchange
        if exchange.request is None:
            exchange.request = result.sample
        if not exchange.answer and result.facts.get("response"):
            exchange.answer, exchange.headline = result.facts["response"], "first request, during the run"
        with self.prevent(TextArea.Changed):
            self.query_one("#request", TextArea).load_text(exchange.request)
        self._show_proof()
        self._show_answer()
        self.action_refresh()

    @staticmethod
    def _reader(known: _Facts) -> str:
        principal = known.facts.get("principal_id", "")
        said = not principal or principal in known.facts.get("proof", "")
        return f"its {known.identity} identity" + ("" if said else f", principal {principal}")

    def _nothing(self, what: str, then: str) -> None:
        self.add_class("-empty")
        self.query_one("#question", Static).update("No endpoint")
        self.query_one("#state", Static).update(f"{what}\n{then}")
        primary = self.query_one("#primary", Button)
        primary.label = "Review"
        primary.focus()

    def primary(self) -> None:
        """Clean up; where there is nothing, look at the plan that makes it."""
        if self.has_class("-empty"):
            self.mi.go(Stage.REVIEW)
        else:
            super().primary()

    # ---- its state

    def action_refresh(self) -> None:
        """Ask for the states anew."""
        if self._looking or self.has_class("-empty"):
            return
        self._looking = True
        self._say_state("running", "Asking for its state …")

        def call(target: Target, record: RunRecord) -> dict[str, str]:
            return self.wizard.workflow.endpoint_state(target, record)

        self.wizard.ask_run(call, self._looked)

    def _looked(self, result: dict[str, str] | Failure) -> None:
        self._looking = False
        if not self.is_mounted:
            return
        self._states = result
        self._show_state()

    def _show_state(self) -> None:
        match self._states:
            case Failure() as failure:
                self._say_state("failed", f"Its state cannot be had: {visible(cut(failure.message, 400))}")
            case {"endpoint": "absent"}:
                self._say_state("warning", "This endpoint is not there: it was removed, or the run never made it.")
            case dict() as states:
                self._uri = states.get("scoring_uri") or self._uri
                fine = states.get("endpoint") == states.get("deployment") == "Succeeded"
                words = ", ".join(f"{name} {states.get(name, '?')}" for name in ("endpoint", "deployment", "traffic"))
                self._say_state("done" if fine else "warning", visible(words))
            case _:
                pass
        self.query_one("#uri", Static).update(self._veiled(visible(self._uri)))

    def _say_state(self, mark: str, words: str) -> None:
        style = {"done": "$text-success", "failed": "$text-error", "warning": "$text-warning"}.get(mark, "$text-muted")
        self.query_one("#state", Static).update(Content.assemble((self._mark[mark], style), f" {words}"))

    def _show_proof(self) -> None:
        proof, reader = self._proof
        line = self.query_one("#proof", Static)
        line.display = bool(proof)
        if proof:
            text = self._veiled(f"The blob was read with {visible(reader)}: {_said(visible(cut(proof, 400)))}")
            line.update(Content.assemble((self._mark["done"], "$text-success"), f" {text}"))

    def _veiled(self, text: str) -> str:
        return masked(text) if self.wizard.masked else text

    def masking_changed(self) -> None:
        super().masking_changed()
        if not self.has_class("-empty"):
            self._show_proof()
            self._show_state()

    # ---- ask and answer

    @on(TextArea.Changed, "#request")
    def _typed(self) -> None:
        self.exchange.request = self.query_one("#request", TextArea).text
        if self.query_one("#trouble").display:
            self._trouble(json_fault(self.exchange.request))

    def _trouble(self, words: str) -> None:
        line = self.query_one("#trouble", Static)
        line.update(f"{self._mark['failed']} {words}" if words else "")
        line.display = bool(words)

    def action_send(self) -> None:
        """Check the request and send it."""
        if self._sending or self.has_class("-empty"):
            return
        text = self.query_one("#request", TextArea).text
        fault = json_fault(text)
        self._trouble(f"Not sent. {fault}" if fault else "")
        if fault:
            self._go_to(*fault_place(text))
            return
        self._sending = True
        self.query_one("#send", Button).label = "Sending"
        body = text.encode()

        def call(target: Target, record: RunRecord) -> ScoreAnswer:
            return self.wizard.workflow.invoke(target, record, body)

        exchange = self.exchange
        self.wizard.ask_run(call, lambda result: self._answered(exchange, result))

    def _go_to(self, line: int, column: int) -> None:
        """Put the cursor where the request has to be mended."""
        editor = self.query_one("#request", TextArea)
        if line:
            editor.cursor_location = (line - 1, column - 1)
        editor.focus()

    def _answered(self, exchange: Exchange, result: ScoreAnswer | Failure) -> None:
        self._sending = False
        if isinstance(result, Failure):
            exchange.ok, exchange.headline = False, "no answer"
            exchange.answer = f"{result.sentence()}\n{result.advice}".strip()
            exchange.sent.append(Sent.now(0, 0))
        else:
            inner = f", from the script {result.model_status}" if result.model_status else ""
            exchange.ok = result.ok
            exchange.headline = f"{result.status}{inner} in {result.seconds * 1000:.0f} ms"
            exchange.answer = result.text
            exchange.sent.append(Sent.now(result.status, result.seconds))
        if not self.is_mounted:
            return
        self.query_one("#send", Button).label = "Send"
        self._show_answer()
        if not exchange.ok:
            self.action_refresh()

    def _show_answer(self) -> None:
        exchange = self.exchange
        mark, style = ("done", "$text-success") if exchange.ok else ("failed", "$text-error")
        headline = self.query_one("#headline-answer", Static)
        if not exchange.headline:
            headline.update("Answer")
            self.query_one("#answer", Static).update("Nothing was asked yet: press Send.")
        else:
            headline.update(Content.assemble((self._mark[mark], style), f" {visible(exchange.headline)}"))
            self.query_one("#answer", Static).update(self._answer_text(exchange.answer))
        self._show_history(exchange)

    def _answer_text(self, text: str) -> Content:
        if not text:
            return Content("(an empty answer)")
        shown = visible(cut(laid_out(text) if self._pretty else text, _SHOWN), lines=True)
        if not self._pretty:
            return Content(shown)
        spans = [Span(hit.start(), hit.end(), _STYLES[hit.lastgroup or "word"]) for hit in _JSON.finditer(shown)]
        return Content(shown, spans) if shown.lstrip()[:1] in tuple('[{"-0123456789tfn') else Content(shown)

    def _show_history(self, exchange: Exchange) -> None:
        line = self.query_one("#history", Static)
        self.query_one("#history-box").display = bool(exchange.sent)
        answered = sum(bool(sent.status) for sent in exchange.sent)
        words = f"{answered} of {len(exchange.sent)} answered"
        if answered:
            words += f"; p50 {exchange.percentile(0.5):.0f} ms, p95 {exchange.percentile(0.95):.0f} ms"
        recent = [f"{s.at} {s.status or 'none'} {s.ms:.0f} ms" for s in reversed(exchange.sent)]
        line.update("\n".join((words, "  ".join(recent))))

    def action_raw(self) -> None:
        """The answer as it came, or laid out."""
        self._pretty = not self._pretty
        self.query_one("#raw", Button).label = "As it came" if self._pretty else "Laid out"
        self._show_answer()

    # ---- copies and logs

    def action_copy_uri(self) -> None:
        """Put the scoring address on the clipboard."""
        if self._uri:
            self.app.copy_to_clipboard(self._uri)
            self.notify("The address was sent to the terminal's clipboard (OSC 52).", markup=False)

    def action_copy_key(self) -> None:
        """Put the key on the clipboard, never on the screen."""
        if self.has_class("-empty"):
            return

        def call(target: Target, record: RunRecord) -> Secret:
            return self.wizard.workflow.endpoint_key(target, record)

        self.wizard.ask_run(call, self._copy_key)

    def _copy_key(self, result: Secret | Failure) -> None:
        if not self.is_mounted:
            return
        if isinstance(result, Failure):
            self.notify(f"The key cannot be had: {visible(cut(result.message, 300))}", severity="error", markup=False)
            return
        self.app.copy_to_clipboard(result.reveal())
        # Textual keeps a copy that ctrl+v would type into a field, where it can be read.
        self.app._clipboard = ""
        self.notify("The key was sent to the terminal's clipboard (OSC 52). It was never shown.", markup=False)

    def action_show_logs(self) -> None:
        """The logs of both containers, followed."""
        from screens.logtail import LogTail

        if not self.has_class("-empty"):
            self.app.push_screen(LogTail(self.wizard))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        actions = {
            "send": self.action_send,
            "logs": self.action_show_logs,
            "refresh": self.action_refresh,
            "copy-uri": self.action_copy_uri,
            "copy-key": self.action_copy_key,
            "raw": self.action_raw,
        }
        if action := actions.get(event.button.id or ""):
            event.stop()
            action()


def _said(proof: str) -> str:
    """The part of a log line that speaks of the blob."""
    at = proof.find("Blob contains")
    return proof[at:] if at > 0 else proof
