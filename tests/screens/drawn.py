"""When what a test looks at is what a person would see: nothing waits to be laid out or drawn any more."""

from __future__ import annotations

import time
from typing import Any

from textual.pilot import Pilot
from textual.widget import Widget

_SECONDS = 2
"""A busy sign draws on; then what is on the screen now has to do."""


async def drawn(pilot: Pilot[Any]) -> None:
    """Wait until the topmost screen is drawn as its widgets are. A pause alone waits for a processor that has nothing to do, which on a
    machine with other work is no sign of that."""
    end = time.monotonic() + _SECONDS
    await pilot.pause()
    while _waiting(pilot) and time.monotonic() < end:
        await pilot.pause(0.01)


def _waiting(pilot: Pilot[Any]) -> bool:
    screen = pilot.app.screen
    return bool(screen._dirty_widgets) or any(
        node.message_queue_size or node._layout_required or node._repaint_required or node._recompose_required
        for node in screen.walk_children(Widget, with_self=True)
    )
