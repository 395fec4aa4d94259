"""Where the terminal's own cursor stands: at what has the focus, so that screen readers, magnifiers and input methods find it."""

from __future__ import annotations

from textual.geometry import Offset
from textual.widget import Widget


def standing(focused: Widget | None) -> Offset:
    """The place of the focused widget on the screen: of its text cursor, of its row under the cursor, or of its words."""
    if focused is None:
        return Offset(0, 0)
    own = getattr(focused, "cursor_screen_offset", None)
    if isinstance(own, Offset):
        return own
    region = focused.content_region
    for name in ("cursor_line", "cursor", "highlighted"):
        row = getattr(focused, name, None)
        if isinstance(row, int):
            down = min(max(row - focused.scroll_offset.y, 0), max(region.height - 1, 0))
            return region.offset + Offset(0, down)
    label = getattr(focused, "label", None)
    if label is not None:
        # A button's words stand in its middle.
        lead = (region.width - len(str(label))) // 2
        return region.offset + Offset(max(lead, 0), region.height // 2)
    return region.offset
