"""The timeline of a run: each step with mark, word and times, and a bracket round the steps that run side by side."""

from __future__ import annotations

from collections.abc import Iterator

from textual.content import Content
from textual.widgets import Static

from mi_tui.model.marks import marks
from mi_tui.model.progress import Row, RunProgress
from mi_tui.model.text import clock, visible

_STYLE = {
    "done": "$text-success",
    "running": "$text-accent bold",
    "waiting": "$text-muted",
    "failed": "$text-error bold",
    "skipped": "$text-muted",
    "left": "$text-warning",
}
_WORD = 8
_TIME = 7
_MUTED = "$text-muted"


class Timeline(Static):
    """Shows a run's steps. `usual` says what the last column holds: how long a step usually takes, or takes in Azure."""

    DEFAULT_CSS = """
    Timeline { height: auto; text-wrap: nowrap; text-overflow: clip; }
    """

    _drawn = 0
    _shown: tuple[RunProgress, str, int] | None = None

    def show(self, progress: RunProgress, *, usual: str = "usual", height: int = 0) -> None:
        """Draw the run in as many lines as there are (0), or in about `height` by folding what is done and what waits."""
        self._shown = (progress, usual, height)
        width = self.size.width or 60
        drawn = lines(progress, width, height, usual)
        # Laying the whole screen out again is what costs; most often only a time has changed.
        self.update(Content("\n").join(drawn), layout=len(drawn) != self._drawn)
        self._drawn = len(drawn)

    def on_resize(self) -> None:
        """A scrollbar beside it takes a column."""
        if self._shown is not None:
            progress, usual, height = self._shown
            self.show(progress, usual=usual, height=height)


def lines(
    progress: RunProgress, width: int, height: int = 0, usual: str = "usual", *, unicode: bool | None = None
) -> list[Content]:
    """The timeline's lines, none wider than `width`."""
    signs = marks(unicode=unicode)
    rows = list(progress.rows.values())
    if not rows:
        return []
    groups = progress.side_by_side()
    head = _head(width, usual, signs, bool(groups))
    full = [line for place, row in enumerate(rows) for line in _row(rows, place, row, groups, width, signs)]
    if not height or len(full) + 1 <= height:
        return [head, *full]
    return [_head(width, usual, signs, bracket=False), *_folded(rows, groups, width, signs)]


def _head(width: int, usual: str, signs: dict[str, str], bracket: bool) -> Content:
    left = f"{signs['open']} side by side" if bracket else ""
    right = f"{'took':>{_TIME}}{usual:>{max(_TIME, len(usual) + 1)}}"
    return Content.styled(f"{left:<{max(0, width - len(right))}}{right}"[:width], _MUTED)


def _row(
    rows: list[Row],
    place: int,
    row: Row,
    groups: dict[str, int],
    width: int,
    signs: dict[str, str],
) -> Iterator[Content]:
    """One step: its line or lines, and under it what Azure says of it while it runs or when it failed."""
    own = groups.get(row.id)
    before = place > 0 and own is not None and groups.get(rows[place - 1].id) == own
    after = place + 1 < len(rows) and own is not None and groups.get(rows[place + 1].id) == own
    bracket = {(False, True): "open", (True, True): "bar", (True, False): "close"}.get((before, after), "")
    chained = before and rows[place - 1].id in row.needs
    title = f"{signs['under']} {row.title}" if chained else row.title
    yield from _lines(row, title, signs[bracket] if bracket else " ", signs["bar"] if after else " ", width, signs)


def _lines(row: Row, title: str, first: str, later: str, width: int, signs: dict[str, str]) -> Iterator[Content]:
    style = _STYLE.get(row.state, "")
    times = _times(row)
    room = max(8, width - 4 - _WORD - len(times) - 1)
    wrapped = Content(visible(title)).wrap(room)
    for number, part in enumerate(wrapped):
        if number == 0:
            lead = Content.assemble((f"{first} ", _MUTED), (f"{signs[row.state]} {row.state:<{_WORD}}", style))
            text = part.stylize("bold") if row.state in {"running", "failed"} else part
            yield Content.assemble(lead, text.pad_right(max(0, room - part.cell_length)), (f" {times}", _MUTED))
        else:
            yield Content.assemble((f"{later} ", _MUTED), " " * (_WORD + 2), part)
    # Of a failure the code is enough: the card has the rest.
    said = f" {signs['point']} ".join(filter(None, (row.status, row.detail if row.state != "failed" else "")))
    if said and row.state in {"running", "failed", "left"}:
        indent = _WORD + 4
        shown = Content.styled(visible(said), style if row.state == "failed" else _MUTED)
        for part in shown.wrap(max(8, width - indent))[:2]:
            yield Content.assemble((f"{later} ", _MUTED), " " * (indent - 2), part)


def _times(row: Row) -> str:
    took = clock(row.elapsed()) if row.state != "waiting" else ""
    usual = clock(row.typical) if row.typical else ""
    return f"{took:>{_TIME - 1}}{usual:>{_TIME}}"


def _folded(rows: list[Row], groups: dict[str, int], width: int, signs: dict[str, str]) -> Iterator[Content]:
    """What is done in one line and what waits in one; a line for each step that runs or failed."""
    past = [row for row in rows if row.state in {"done", "skipped"}]
    now = [row for row in rows if row.state in {"running", "failed", "left"}]
    ahead = [row for row in rows if row.state == "waiting"]
    if past:
        yield from _summary("done", past, width, signs)
    together = [row for row in now if row.id in groups] if len(now) > 1 else []
    for row in now:
        place = together.index(row) if row in together else -1
        names = {0: "open", len(together) - 1: "close"}
        bracket = "" if place < 0 or len(together) < 2 else names.get(place, "bar")
        later = signs["bar"] if bracket in {"open", "bar"} else " "
        yield from _lines(row, row.title, signs[bracket] if bracket else " ", later, width, signs)
    if ahead:
        yield from _summary("waiting", ahead, width, signs)


def _summary(state: str, rows: list[Row], width: int, signs: dict[str, str]) -> Iterator[Content]:
    """Steps of one state in two lines at most: how many, and their short names as far as there is room."""
    count = f"{len(rows)} steps: " if len(rows) > 1 else ""
    text = count + ", ".join(visible(row.title).split(" on ")[0] for row in rows)
    room = max(8, width - _WORD - 4)
    parts = Content.styled(text, _MUTED).wrap(room)
    if len(parts) > 2:
        parts = [parts[0], (parts[1] + f" {signs['dots']}").truncate(room, ellipsis=True)]
    for number, part in enumerate(parts):
        lead = f"  {signs[state]} {state:<{_WORD}}" if number == 0 else " " * (_WORD + 4)
        yield Content.styled(lead, _STYLE[state]) + part
