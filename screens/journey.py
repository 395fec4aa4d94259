"""The main job in the sandbox on one screen: the steps as they run, the container log, and the scored answer."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Log, Static

from mi_tui.model import events
from mi_tui.model.answers import IdentityKind
from mi_tui.model.events import Event, Outcome
from mi_tui.model.text import clock, visible
from mi_tui.workflow import AnswersError, JournalError, PlanError, RunRecord, SandboxError, Stop, Workflow, as_failure

_MARKS = {
    "waiting": ("○", "$text-muted"),
    "running": ("◐", "$text-accent"),
    "done": ("✓", "$text-success"),
    "skipped": ("–", "$text-muted"),
    "failed": ("✗", "$text-error"),
}


@dataclass
class _Row:
    """One step on the timeline."""

    title: str
    state: str = "waiting"
    began: float = 0.0
    seconds: float = 0.0
    status: str = ""


@dataclass(frozen=True)
class _Broke:
    """The run could not begin: a sentence for the person."""

    words: str


class JourneyScreen(Screen[None]):
    """Starts the main job in the sandbox and shows its events. Work runs on a daemon thread; a timer brings its events here."""

    CSS_PATH = "journey.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "begin", "deploy in the sandbox"),
        Binding("i", "identity", "SAI / UAI"),
        Binding("c", "clean", "clean up"),
    ]

    def __init__(self, workflow: Workflow) -> None:
        super().__init__()
        self._workflow = workflow
        self._kind = IdentityKind.SAI
        self._inbox: deque[Event | _Broke] = deque()
        self._rows: dict[str, _Row] = {}
        self._thread: threading.Thread | None = None
        self._stop = Stop()
        self._run = ""
        self._outcome: Outcome | None = None
        self._began = 0.0
        self._ended = 0.0
        self._cleaning = False

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        with Horizontal(id="body"):
            with VerticalScroll(id="timeline"):
                yield Static(id="steps")
            yield Log(id="log", max_lines=5_000, highlight=False)
        yield Static(id="result")
        yield Footer()

    def on_mount(self) -> None:
        self._show_welcome()
        # 20 Hz drains what the worker said; see it as one flush per frame, however many lines came.
        self.set_interval(1 / 20, self._drain)
        self.query_one("#log", Log).can_focus = True

    # ---- what the person does

    def action_identity(self) -> None:
        """Choose between a system- and a user-assigned identity, while nothing runs."""
        if self._busy():
            return
        self._kind = IdentityKind.UAI if self._kind is IdentityKind.SAI else IdentityKind.SAI
        self._show_welcome()

    def action_begin(self) -> None:
        """Begin the main job."""
        if not self._busy():
            self._launch(self._up, cleaning=False)

    def action_clean(self) -> None:
        """Remove what the last run made."""
        if not self._busy() and self._run:
            self._launch(self._down, cleaning=True)

    def leave(self) -> int:
        """Say how the app ends: a run under way is left, to be resumed. Returns the exit code."""
        if self._busy():
            self._stop.set()
            if self._thread is not None:
                # Long enough for the journal to note how the run was left, short enough not to be felt.
                self._thread.join(0.4)
            return 3
        return 1 if self._outcome is Outcome.FAILED else 0

    def _busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    # ---- the worker's side

    def _launch(self, work: object, *, cleaning: bool) -> None:
        self._rows, self._stop, self._outcome, self._cleaning = {}, Stop(), None, cleaning
        self._began, self._ended = time.monotonic(), 0.0
        self.query_one("#log", Log).clear()
        words = "Cleaning up ..." if cleaning else "Starting the sandbox and looking at its world ..."
        self.query_one("#result", Static).update(words)
        self._thread = threading.Thread(target=self._guarded, args=(work,), name="journey", daemon=True)
        self._thread.start()

    def _guarded(self, work: object) -> None:
        """Run on the worker thread; whatever goes wrong becomes a sentence in the inbox, and no widget is touched."""
        try:
            assert callable(work)
            work()
        except AnswersError as error:
            self._inbox.append(_Broke("\n".join(str(fault) for fault in error.faults)))
        except PlanError as error:
            self._inbox.append(_Broke("\n".join(f"{f.sentence()} {f.advice}" for f in error.failures)))
        except (JournalError, SandboxError) as error:
            self._inbox.append(_Broke(str(error)))
        except Exception as error:  # noqa: BLE001 - the screen shows it; a dead worker would show nothing
            failure = as_failure(error)
            self._inbox.append(_Broke(f"{failure.sentence()} {failure.advice}"))

    def _up(self) -> None:
        with self._workflow.sandbox() as target:
            answers = self._workflow.check_files(self._workflow.example_answers(self._kind, target.connection))
            run, plan = self._workflow.plan(target, answers)
            self._workflow.up(target, run, plan, self._inbox.append, self._stop)

    def _down(self) -> None:
        record: RunRecord = self._workflow.journal.run(self._run)
        with self._workflow.target_of(record) as target:
            self._workflow.down(target, record, self._inbox.append, self._stop)

    # ---- the screen's side

    def _drain(self) -> None:
        lines: list[str] = []
        while self._inbox:
            event = self._inbox.popleft()
            if isinstance(event, events.LogLine):
                lines.append(f"{event.container}: {visible(event.text)}")
            elif isinstance(event, events.Notice):
                lines.append(f"▲ {visible(event.text)}")
            else:
                self._take(event)
        if lines:
            self.query_one("#log", Log).write_lines(lines)
        if self._rows:
            self.query_one("#steps", Static).update(self._timeline())
        self.query_one("#title", Static).update(self._title())

    def _take(self, event: Event | _Broke) -> None:
        match event:
            case _Broke():
                self._ended = time.monotonic()
                self._outcome = Outcome.FAILED
                self.query_one("#result", Static).update(
                    Content.styled(f"✗ {visible(event.words, lines=True)}", "$text-error")
                )
            case events.Planned():
                self._run = event.run
                self._rows = {step.id: _Row(step.title) for step in event.steps}
                self.query_one("#result", Static).update(
                    f"Run {event.run}: {len(event.resources)} resources, {len(event.grants)} grants, {len(event.steps)} steps."
                )
            case events.StepStarted():
                row = self._rows.setdefault(event.step, _Row(event.title))
                row.state, row.began, row.status = "running", time.monotonic(), ""
            case events.StepProgress():
                row = self._rows.setdefault(event.step, _Row(event.step))
                row.status = " - ".join(part for part in (event.status, event.detail) if part)
            case events.StepFinished():
                row = self._rows.setdefault(event.step, _Row(event.title))
                row.state = "skipped" if event.result in {"skipped", "left"} else "done"
                row.seconds, row.status = event.seconds, event.result
            case events.StepFailed():
                row = self._rows.setdefault(event.step, _Row(event.title))
                row.state, row.seconds, row.status = "failed", event.seconds, event.failure.code
            case events.RunFinished():
                self._ended, self._outcome = time.monotonic(), event.outcome
                self.query_one("#result", Static).update(self._result(event))
            case _:
                return

    def _result(self, event: events.RunFinished) -> Content:
        parts: list[Content] = []
        if event.outcome is Outcome.SUCCEEDED and self._cleaning:
            parts.append(
                Content.styled(f"✓ Removed {len(event.removed)} resources, each seen to be gone.", "$text-success")
            )
        elif event.outcome is Outcome.SUCCEEDED:
            parts.append(
                Content.styled(f"✓ The endpoint answers: {visible(str(event.response))}", "$text-success bold")
            )
            parts.append(Content(visible(event.proof)))
        elif event.failure is not None:
            parts.append(Content.styled(f"✗ {visible(event.failure.sentence())}", "$text-error"))
            parts += [Content(f"Missing: {g.role} for {g.principal} on {g.scope}") for g in event.missing_grants]
        parts.append(Content.styled(event.next, "$text-muted"))
        return Content("\n").join(part for part in parts if part.plain)

    def _timeline(self) -> Content:
        lines = []
        for row in self._rows.values():
            mark, style = _MARKS[row.state]
            seconds = time.monotonic() - row.began if row.state == "running" else row.seconds
            timing = clock(seconds) if row.state != "waiting" else ""
            head = Content.styled(f"{mark} ", style).append(Content(visible(row.title)))
            lines.append(head.append(Content.styled(f"  {timing} {visible(row.status)}", "$text-muted")))
        return Content("\n").join(lines)

    def _title(self) -> Content:
        left = Content.styled(" mi-tui ", "bold").append(
            Content(f" Deploy an endpoint with a {self._kind.words} identity")
        )
        if self._began:
            elapsed = (self._ended or time.monotonic()) - self._began
            done = sum(row.state in {"done", "skipped"} for row in self._rows.values())
            left = left.append(
                Content.styled(f"   sandbox · {clock(elapsed)} · {done} of {len(self._rows)} steps", "$text-muted")
            )
        return left

    def _show_welcome(self) -> None:
        grants = 1 if self._kind is IdentityKind.SAI else 3
        words = (
            f"A local Azure deploys the example model behind an endpoint with a {self._kind.words} identity ({grants} grant"
            f"{'s' if grants > 1 else ''} to make). The endpoint then reads hello.txt from blob storage with that identity, with no secret in its code.\n\n"
            "Enter begins. i changes the identity. Nothing is made in Azure."
        )
        self.query_one("#steps", Static).update(words)
        self.query_one("#result", Static).update("")
