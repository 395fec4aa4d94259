"""The step rail: where we are, what is done, what is invalid. A column on a wide screen, one line on a narrow one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from mi_tui.model.stage import ASKED, Stage

if TYPE_CHECKING:
    from mi_tui.model.draft import Draft


class Rail(Static):
    """Shows the stages with a mark and a word each."""

    def show(self, draft: Callable[[], Draft], current: Stage, *, reached: Stage) -> None:
        """Draw the rail for the current stage; `reached` is the furthest one that was open.

        `draft` is called only where a stage may be incomplete: before the first paint none is.
        """
        stages = list(Stage)
        now, far = stages.index(current), stages.index(reached)
        rows: list[Content] = []
        for number, stage in enumerate(stages):
            if stage is Stage.WELCOME:
                continue
            if stage is current:
                mark, style = "●", "$accent bold"
            elif stage in ASKED and number <= far and not draft().complete(stage):
                mark, style = "▲", "$warning"
            elif number < now or number < far:
                mark, style = "✓", "$success"
            else:
                mark, style = "○", "$foreground-muted"
            rows.append(Content.styled(f"{mark} {stage.label}", style))
        narrow = self.screen.has_class("-narrow")
        self.update(Content(" ").join(self._folded(rows, now)) if narrow else Content("\n").join(rows))

    def _folded(self, rows: list[Content], now: int) -> list[Content]:
        """In one line: marks and names of all where they fit, else the marks alone and the name of the current one."""
        whole = [row[:1] + row[2:] for row in rows]
        if sum(row.cell_length + 1 for row in whole) <= self.screen.size.width - 1:
            return whole
        return [row if number == max(now, 1) else row[:1] for number, row in enumerate(rows, start=1)]
