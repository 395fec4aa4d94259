"""Clean up: what the run made goes, what it only used stays; progress, and at the end the list read again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath
from typing import ClassVar

from textual import on
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, SelectionList, Static
from textual.widgets.selection_list import Selection

from mi_tui.model.draft import Stage
from mi_tui.model.events import Left, RunFinished
from mi_tui.model.failure import Failure
from mi_tui.model.marks import marks
from mi_tui.model.progress import Row
from mi_tui.model.text import clock, cut, visible
from screens.base import WizardScreen
from screens.doomed import NAME, Doomed, Thing, read, short
from screens.foreign import ForeignBlobs
from screens.ticks import Ticks


class CleanupScreen(WizardScreen):
    """Removes what a run made, the one at hand or an earlier one."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["cleanup.tcss"]
    STAGE = Stage.CLEANUP
    QUESTION = "What goes, and what stays?"
    PRIMARY = "Remove"
    HELP = "ledger"

    def __init__(self) -> None:
        super().__init__()
        self._mark = marks()
        self._ledger: Doomed | None = None
        self._state = "loading"
        self._keep: dict[str, str] = {}
        self._asked = 0
        self._going: tuple[Thing, ...] = ()
        """What was ticked when Remove was pressed."""

    def content(self) -> Iterable[Widget]:
        yield Static("", id="intro", markup=False)
        yield Ticks(id="goes")
        yield Static("", id="rows", markup=False)
        yield Static("", id="bills", markup=False)
        with Vertical(id="confirming"):
            yield Static("", id="confirm-words", markup=False)
            yield Input(id="confirm", compact=True)
        yield Static("", id="locked", classes="caption", markup=False)
        yield Static("", id="end", markup=False)

    def extra_buttons(self) -> Iterable[Widget]:
        yield Button("Try again", id="again")

    # ---- which state

    def ready(self) -> None:
        wizard = self.wizard
        if wizard.busy and wizard.cleaning:
            self._enter("removing")
        elif wizard.busy:
            self._enter("waiting")
        elif not wizard.run:
            self._enter("none")
        elif wizard.cleaning and wizard.progress.run == wizard.run and wizard.progress.outcome is not None:
            self._enter("ended")
        else:
            self._enter("loading")
        self.set_interval(0.5, self._tick)

    def _enter(self, state: str) -> None:
        self._state = state
        shown = {
            "loading": {"intro"},
            "listed": {"intro", "goes", "locked", "bills", "confirming"},
            "looking": {"intro"},
            "removing": {"intro", "rows"},
            "ended": {"intro", "rows", "end"},
        }.get(state, {"intro"})
        for name in ("intro", "goes", "rows", "locked", "bills", "confirming", "end"):
            self.query_one(f"#{name}").display = name in shown
        self.query_one("#again").display = False
        primary = self.query_one("#primary", Button)
        primary.display = state not in {"loading", "looking", "removing", "waiting"}
        primary.label = "Remove" if state == "listed" else "Done"
        match state:
            case "loading":
                self._intro("Reading what this run made …")
                self.wizard.background(lambda: read(self.wizard.workflow, self.wizard.run), self._listed)
            case "waiting":
                self._intro("The run is still under way. Wait for its end, or cancel it with Ctrl+C, then clean up.")
                self.query_one("#back", Button).focus()
            case "none":
                self._intro("There is no run to clean up: nothing was made. Earlier runs are listed on Welcome.")
                primary.focus()
            case "looking":
                self._intro("Looking whether others' blobs are in what would go …")
            case "removing":
                self._intro("Removing. Each thing is looked for afterwards, to see that it is gone.")
                # The button that was pressed is hidden; one Enter too many must not press the next one.
                self.set_focus(None)
                self._draw_rows()
            case "ended":
                self._draw_rows()
                self.wizard.background(lambda: read(self.wizard.workflow, self.wizard.run), self._verify)
            case _:
                pass

    def _intro(self, words: str) -> None:
        self.query_one("#intro", Static).update(words)

    # ---- the list

    def _listed(self, result: Doomed | Failure) -> None:
        if not self.is_mounted or self._state != "loading":
            return
        if isinstance(result, Failure):
            self._enter("broken")
            self._intro(
                f"{self._mark['failed']} What this run made cannot be read: {visible(cut(result.message, 500))}"
            )
            self.query_one("#again").display = True
            self.query_one("#again", Button).focus()
            return
        self._ledger = result
        if not result.goes:
            self._enter("empty")
            self._intro(self._nothing_left(result))
            self.query_one("#primary", Button).focus()
            return
        self._enter("listed")
        self._intro(_TICKED)
        self._draw_list(highlight=0)
        self.query_one("#locked", Static).update(self._locked(result))
        self.query_one("#locked").display = bool(result.used)
        self.query_one("#bills", Static).update(f"{self._mark['warning']} {visible(result.bills)}")
        self.query_one("#bills").display = bool(result.bills)
        self.query_one("#confirming").display = result.in_azure
        if result.in_azure:
            name = visible(result.endpoint)
            self.query_one("#confirm-words", Static).update(f"This cannot be undone. Type the endpoint's name, {name}:")
            # Focused once the list has its place, so that a long one does not push the field out of sight.
            self.call_after_refresh(self.query_one("#confirm", Input).focus)
        else:
            self.query_one("#primary", Button).focus()

    def _nothing_left(self, ledger: Doomed) -> str:
        if ledger.gone:
            return f"{self._mark['done']} Nothing of this run is left: {ledger.gone} things were removed, each seen to be gone."
        return f"{self._mark['done']} This run made nothing, so there is nothing to remove."

    def _locked(self, ledger: Doomed) -> str:
        rows = (f"= {thing.words}" for thing in ledger.used)
        return "\n".join(("Only used, and never touched:", *rows))

    def _draw_list(self, highlight: int) -> None:
        assert self._ledger is not None
        listing = self.query_one("#goes", SelectionList)
        with self.prevent(SelectionList.SelectedChanged, SelectionList.SelectionHighlighted):
            listing.clear_options()
            for thing in self._ledger.goes:
                why = self._keep.get(thing.id, "")
                bills = "  bills while it exists" if thing.kind == "deployment" and not why else ""
                words = Content(thing.words + (f"  stays: {why}" if why else bills))
                dependent = bool(why) and why != _WISH
                listing.add_option(Selection(words, thing.id, not why, disabled=dependent))
            listing.highlighted = highlight

    @on(SelectionList.SelectedChanged, "#goes")
    def _ticked(self) -> None:
        """A thing that is kept keeps what it needs: the engine says which."""
        wishes, highlight = self._wishes(), self.query_one("#goes", SelectionList).highlighted or 0
        self._asked += 1
        asked = self._asked

        def call() -> dict[str, str]:
            workflow = self.wizard.workflow
            return workflow.kept(workflow.journal.run(self.wizard.run), wishes)

        def told(result: dict[str, str] | Failure) -> None:
            if not self.is_mounted or self._state != "listed" or asked != self._asked:
                return
            if isinstance(result, Failure):
                self.complain(visible(cut(result.message, 300)))
            else:
                self._keep = result
                self._draw_list(highlight)

        self.wizard.background(call, told)

    def _wishes(self) -> frozenset[str]:
        """The ids that the person unticked, read off the list itself: what follows from them may not have been told yet."""
        ticked = set(self.query_one("#goes", SelectionList).selected)
        goes = self._ledger.goes if self._ledger else ()
        return frozenset(t.id for t in goes if t.id not in ticked and self._keep.get(t.id, _WISH) == _WISH)

    # ---- removing

    def refusal(self) -> str:
        if self._state != "listed" or self._ledger is None:
            return "" if self._state in {"ended", "empty", "none", "broken"} else "One moment."
        if not self.query_one("#goes", SelectionList).selected:
            return "Nothing is ticked, so there is nothing to remove. Tick what should go, or go back."
        if self._ledger.in_azure and self.query_one("#confirm", Input).value.strip() != self._ledger.endpoint:
            return f"Type the endpoint's name, {visible(self._ledger.endpoint)}, to say that it may go."
        return ""

    def primary(self) -> None:
        if self._state == "listed":
            self._enter_looking()
        else:
            self.mi.go(Stage.WELCOME)

    def _enter_looking(self) -> None:
        """Before anything goes: whether others' blobs are in a container that would."""
        wishes = self._wishes()
        self._going = tuple(t for t in self._ledger.goes if t.id not in self._keep) if self._ledger else ()
        self._enter("looking")

        def looked(result: dict[str, tuple[str, ...]] | Failure) -> None:
            if not self.is_mounted or self._state != "looking":
                return
            if isinstance(result, Failure) or not result:
                # What could not be looked at is left by the removal itself, which says why.
                self._remove(wishes, {})
                return
            self._enter("listed")
            self._intro(_TICKED)
            self.app.push_screen(ForeignBlobs(result, lambda consent: self._remove(wishes, consent)))

        self.wizard.ask_run(lambda target, record: self.wizard.workflow.foreign(target, record, wishes), looked)

    def _remove(self, wishes: frozenset[str], consent: dict[str, frozenset[str]]) -> None:
        self.wizard.clean(wishes, consent)
        self._enter("removing")

    @on(Input.Submitted, "#confirm")
    def _confirmed(self) -> None:
        self.action_forward()

    @on(Button.Pressed, "#again")
    def _again(self) -> None:
        self._keep = {}
        self._enter("loading")

    def events_arrived(self) -> None:
        if self._state == "removing":
            self._draw_rows()
            if self.wizard.progress.outcome is not None:
                self._enter("ended")

    def _tick(self) -> None:
        """The clock of what is being removed; and the end of a run that was waited for."""
        if self._state == "removing":
            self.events_arrived()
        elif self._state == "waiting" and not self.wizard.busy:
            self._enter("loading")

    def _draw_rows(self) -> None:
        progress = self.wizard.progress
        lines = [self._row(row) for row in progress.rows.values()]
        if self._state == "removing":
            coming = [thing for thing in self._going if f"remove {thing.id}" not in progress.rows]
            lines += [
                Content.styled(f"{self._mark['waiting']} {visible(cut(thing.words, NAME))}", "$text-muted")
                for thing in coming
            ]
            if self._going:
                self._intro(
                    f"Removing: {progress.done} of {len(self._going)}. Each is looked for afterwards, to see that it is gone."
                )
        self.query_one("#rows", Static).update(Content("\n").join(lines))

    def _row(self, row: Row) -> Content:
        style = {"done": "$text-success", "failed": "$text-error", "running": "$text-accent"}.get(
            row.state, "$text-muted"
        )
        said = row.detail or row.status
        title = visible(cut(short(row.title), NAME)).replace("uploaded files files of", "files of")
        words = f" {title}  {clock(row.elapsed())}  {visible(cut(said, 300))}"
        return Content.assemble((self._mark.get(row.state, "?"), style), words.rstrip())

    # ---- the end

    def _verify(self, result: Doomed | Failure) -> None:
        """The ledger read again: the list at the end is not what was meant but what is."""
        end = self.wizard.progress.finished
        if not self.is_mounted or self._state != "ended" or end is None:
            return
        primary, again = self.query_one("#primary", Button), self.query_one("#again", Button)
        left = self._left(end)
        kept = [thing for thing in left if thing.why == _WISH or thing.why.endswith("that you kept needs it")]
        if end.failure is not None:
            self._intro(f"{self._mark['failed']} Not everything could be removed. F4 shows why; it can be tried again.")
        elif isinstance(result, Failure):
            self._intro(
                f"{self._mark['warning']} Removed, but the journal cannot be read again: {visible(cut(result.message, 300))}"
            )
        elif not result.goes:
            self._intro(self._nothing_left(result))
        elif len(kept) == len(left):
            self._intro(f"{self._mark['done']} Removed, each seen to be gone, but for what you kept.")
        else:
            self._intro(f"{self._mark['warning']} Removed, but for what is listed below.")
        again.display = end.failure is not None or (not isinstance(result, Failure) and bool(result.goes))
        lines = [f"Removed: {len(end.removed)}. Left: {len(left) or 'nothing'}."]
        lines += [
            f"= {short(f'{thing.kind} {visible(cut(thing.name, NAME))}')}: {visible(cut(thing.why, 300))}"
            for thing in left
        ]
        if end.failure is not None:
            lines.append(f"{self._mark['failed']} {visible(cut(end.failure.sentence(), 600))}")
        if not isinstance(result, Failure) and result.used:
            lines += ["", self._locked(result)]
        self.query_one("#end", Static).update("\n".join(lines))
        primary.display = True
        primary.focus()

    def _left(self, end: RunFinished) -> list[Left]:
        """What the run made and clean-up left, without what the run only used."""
        return [thing for thing in end.left if thing.why != "this run did not make it"]


_WISH = "you kept it"
_TICKED = "Ticked things go; Space changes a tick. What stays keeps what it needs."
