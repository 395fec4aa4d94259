"""A screen as an SVG that any browser shows: one line of the file for each row, so that a difference can be read in the file itself.

Textual's own export is some ten times as large, most of it fonts and the frame of a window."""

from __future__ import annotations

import re
from html import escape, unescape

from rich.cells import cell_len
from rich.color import Color
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import DIMMED_MONOKAI, TerminalTheme
from textual.app import App

CELL = (10, 20)
"""Width and height of a character in pixels."""

_ANSI: TerminalTheme = DIMMED_MONOKAI
"""What the sixteen colours look like in the pictures; in a terminal they are the person's own."""

_ROW = re.compile(r'^<g id="row(\d+)">(.*)</g>$', re.MULTILINE)
_TEXT = re.compile(r'<text x="(\d+)"[^>]*>([^<]*)</text>')


def rows_of(app: App[int]) -> list[list[Segment]]:
    """What is on the screen, with the step that shows through behind a dialog."""
    width, height = app.size
    console = Console(width=width, height=height, color_system="truecolor", legacy_windows=False)
    update = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    segments = Segment.filter_control(console.render(update))
    return [list(line) for line in Segment.split_and_crop_lines(segments, width, include_new_lines=False)][:height]


def picture(app: App[int]) -> str:
    """The screen as it is now."""
    width, height = app.size
    classes: dict[str, str] = {}
    body: list[str] = []
    for number, row in enumerate(rows_of(app)):
        body.append(f'<g id="row{number}">{_row(row, number, classes)}</g>')
    style = "".join(f".{name}{{{rule}}}" for name, rule in sorted(classes.items()))
    size = f"{width * CELL[0]} {height * CELL[1]}"
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" xml:space="preserve">',
            f"<style>text{{font:16.61px 'DejaVu Sans Mono',Menlo,Consolas,monospace;white-space:pre}}{style}</style>",
            *body,
            "</svg>",
            "",
        )
    )


def _row(row: list[Segment], number: int, classes: dict[str, str]) -> str:
    papers: list[tuple[int, int, str]] = []
    texts: list[tuple[int, str, str]] = []
    column = 0
    for text, style, _ in row:
        ink, paper, extra = look_of(style or Style.null())
        cells = cell_len(text)
        if papers and papers[-1][2] == paper:
            papers[-1] = (papers[-1][0], papers[-1][1] + cells, paper)
        else:
            papers.append((column, cells, paper))
        look = f"t{ink}{extra}"
        classes[look] = f"fill:#{ink}" + "".join(_EXTRAS[letter] for letter in extra)
        if texts and texts[-1][1] == look and texts[-1][0] + cell_len(texts[-1][2]) == column:
            texts[-1] = (texts[-1][0], look, texts[-1][2] + text)
        else:
            texts.append((column, look, text))
        column += cells
    top = number * CELL[1]
    parts = []
    for begin, cells, paper in papers:
        classes[f"p{paper}"] = f"fill:#{paper}"
        parts.append(
            f'<rect class="p{paper}" x="{begin * CELL[0]}" y="{top}" width="{cells * CELL[0]}" height="{CELL[1]}"/>'
        )
    for begin, look, text in texts:
        lead = len(text) - len(text.lstrip(" "))
        shown = text.strip(" ")
        if not shown and "u" not in look[7:]:
            continue
        begin, shown = (begin + lead, shown) if shown else (begin, text)
        length = cell_len(shown) * CELL[0]
        parts.append(
            f'<text x="{begin * CELL[0]}" y="{top + 15}" textLength="{length}" class="{look}">{escape(shown, quote=False)}</text>'
        )
    return "".join(parts)


_EXTRAS = {
    "b": ";font-weight:bold",
    "i": ";font-style:italic",
    "u": ";text-decoration:underline",
    "s": ";text-decoration:line-through",
}


def look_of(style: Style) -> tuple[str, str, str]:
    """Ink, paper (hex) and the letters of what else there is to a style."""
    ink, paper = _hex(style.color, foreground=True), _hex(style.bgcolor, foreground=False)
    if style.reverse:
        ink, paper = paper, ink
    if style.dim:
        ink = "".join(f"{(int(ink[n : n + 2], 16) + int(paper[n : n + 2], 16)) // 2:02x}" for n in (0, 2, 4))
    said = (("b", style.bold), ("i", style.italic), ("u", style.underline), ("s", style.strike))
    return ink, paper, "".join(letter for letter, so in said if so)


def _hex(color: Color | None, *, foreground: bool) -> str:
    default = _ANSI.foreground_color if foreground else _ANSI.background_color
    red, green, blue = default if color is None or color.is_default else color.get_truecolor(_ANSI, foreground)
    return f"{red:02x}{green:02x}{blue:02x}"


def text_of(svg: str) -> list[str]:
    """The words of a picture, row by row."""
    rows: list[str] = []
    for found in _ROW.finditer(svg):
        row = ""
        for begin, words in _TEXT.findall(found.group(2)):
            row += " " * (int(begin) // CELL[0] - cell_len(row)) + unescape(words)
        rows.append(row.rstrip())
    return rows


def differing(old: str, new: str) -> list[int]:
    """The numbers of the rows that look different, be it only in colour."""
    before, after = dict(_ROW.findall(old)), dict(_ROW.findall(new))
    return sorted(int(row) for row in before.keys() | after.keys() if before.get(row) != after.get(row))
