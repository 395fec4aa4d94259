"""A log in memory: a bounded ring of lines, and the rows that a view of it has under a filter and a width. Knows no widget."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from msgspec import Struct

from mi_tui.model.text import cut, visible

LIMIT = 20_000
"""How many lines are kept; older ones make room."""

WIDEST = 2_000
"""How many characters of a line are kept to be shown."""


class Line(Struct, frozen=True, gc=False):
    """One line: its text, safe to show, and when it came (`HH:MM:SS`, or empty). Thousands of them are no matter for the collector."""

    text: str
    at: str


def displayable(text: str) -> str:
    """`text` with control characters shown, and cut when it is longer than a screen can use; the cut says how much is missing."""
    return visible(cut(text, WIDEST))


class LogBuffer:
    """The last lines of a log. Lines are numbered from 0 on as they come; a number stays the same while others are dropped."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._lines: deque[Line] = deque(maxlen=limit)
        self.end = 0
        """The number of the line that comes next; so also how many came in all."""

    @property
    def first(self) -> int:
        """The number of the oldest line that is kept."""
        return self.end - len(self._lines)

    def append(self, text: str, at: str = "") -> None:
        """Take one line in."""
        self._lines.append(Line(displayable(text), at))
        self.end += 1

    def extend(self, texts: Iterable[str], at: str = "") -> None:
        """Take lines in."""
        for text in texts:
            self.append(text, at)

    def line(self, number: int) -> Line | None:
        """The line with this number; None when it was dropped or has not come."""
        return self._lines[number - self.first] if self.first <= number < self.end else None

    def lines(self, start: int = 0) -> Iterator[Line]:
        """The lines from a number on."""
        return islice(self._lines, max(0, start - self.first), None)

    def snapshot(self) -> LogBuffer:
        """The lines as they are now, which no later one changes."""
        copy = LogBuffer(self._lines.maxlen or LIMIT)
        copy._lines.extend(self._lines)
        copy.end = self.end
        return copy

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[str]:
        return (line.text for line in self._lines)


def holds(text: str, needle: str) -> bool:
    """Whether a line holds what is looked for. Case matters only when the needle has capitals."""
    return needle in (text if needle != needle.lower() else text.lower())


def spans(text: str, needle: str) -> list[tuple[int, int]]:
    """Where in a line the needle stands, from left to right, not overlapping."""
    if not needle:
        return []
    within = text if needle != needle.lower() else text.lower()
    if len(within) != len(text):
        return []  # a letter whose small form is longer: the places would be off
    found: list[tuple[int, int]] = []
    at = within.find(needle)
    while at >= 0:
        found.append((at, at + len(needle)))
        at = within.find(needle, at + len(needle))
    return found


def cells(character: str) -> int:
    """How many cells of the terminal a character takes."""
    if unicodedata.combining(character) or unicodedata.category(character) == "Cf":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


Measure = Callable[[str], int]
"""The cells that one character takes."""


def pieces(text: str, width: int, measure: Measure = cells) -> list[str]:
    """A line cut into rows of at most `width` cells, at spaces where there are any; at least one. A row's last space may hang over."""
    if width <= 0 or not text:
        return [text]
    rows: list[str] = []
    plain, begin = text.isascii(), 0
    while begin < len(text):
        end = begin + width if plain else _fitting(text, begin, width, measure)
        if end < len(text):
            space = text.rfind(" ", begin + (end - begin) // 2, end + 1)
            end = space + 1 if space >= 0 else end
        rows.append(text[begin:end])
        begin = end
    return rows


def _fitting(text: str, begin: int, width: int, measure: Measure) -> int:
    """Where the characters that fit into `width` cells end; after one at least."""
    used = 0
    for place in range(begin, len(text)):
        used += measure(text[place])
        if used > width:
            return max(place, begin + 1)
    return len(text)


class LogIndex:
    """The rows of a view of a buffer: the lines that pass the filter, each in as many rows as the width asks for (0: one)."""

    def __init__(self, buffer: LogBuffer, measure: Measure = cells) -> None:
        self.buffer = buffer
        self.filter = ""
        self.hide: Callable[[str], str] | None = None
        """What makes a text fit to be shown to a room."""
        self.width = 0
        self.widest = 0
        """Cells of the widest line seen since the last `reset`."""
        self._measure = measure
        self._numbers: list[int] = []
        self._ends: list[int] = []
        self._base = 0
        self._seen = buffer.first

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self._ends[-1] - self._base if self._ends else 0

    @property
    def lines(self) -> int:
        """How many lines pass the filter."""
        return len(self._numbers)

    def reset(self, buffer: LogBuffer | None = None, *, filter: str | None = None, width: int | None = None) -> None:
        """Begin anew, with what is given changed."""
        self.buffer = self.buffer if buffer is None else buffer
        self.filter = self.filter if filter is None else filter
        self.width = self.width if width is None else width
        self._numbers, self._ends, self._base, self._seen, self.widest = [], [], 0, self.buffer.first, 0
        self.update()

    def update(self) -> int:
        """Take in what came and forget what was dropped; how many rows went away at the top."""
        first = self.buffer.first
        gone = 0
        count = bisect_left(self._numbers, first)
        if count:
            base = self._ends[count - 1]
            gone, self._base = base - self._base, base
            del self._numbers[:count], self._ends[:count]
        number = max(self._seen, first)
        end = self._ends[-1] if self._ends else self._base
        for line in self.buffer.lines(number):
            if not self.filter or holds(line.text, self.filter):
                end += self._height(self.shown(line))
                self._numbers.append(number)
                self._ends.append(end)
            number += 1
        self._seen = number
        return gone

    def shown(self, line: Line) -> str:
        """The text of a line as it is shown."""
        return line.text if self.hide is None else self.hide(line.text)

    def _height(self, text: str) -> int:
        size = len(text) if text.isascii() else sum(map(self._measure, text))
        self.widest = max(self.widest, size)
        return 1 if not self.width or size <= self.width else len(pieces(text, self.width, self._measure))

    def at(self, row: int) -> tuple[int, int]:
        """The line's number, and which of its rows stands at `row`. IndexError when there is none."""
        if not 0 <= row < self.rows:
            raise IndexError(row)
        place = bisect_right(self._ends, self._base + row)
        return self._numbers[place], self._base + row - (self._ends[place - 1] if place else self._base)

    def row_of(self, number: int) -> int:
        """The first row of a line, or of the next one that is shown."""
        place = bisect_left(self._numbers, number)
        return (self._ends[place - 1] if place else self._base) - self._base

    def texts(self, last: int | None = None) -> list[str]:
        """The texts of the lines that pass the filter; of the last ones only, when a number is given."""
        numbers = self._numbers if last is None else self._numbers[-last:]
        return [line.text for number in numbers if (line := self.buffer.line(number)) is not None]

    def matches(self, needle: str) -> list[int]:
        """The numbers of the lines shown that hold the needle."""
        if not needle:
            return []
        found, shown = [], set(self._numbers) if self.filter else None
        for number, line in enumerate(self.buffer.lines(), self.buffer.first):
            if (shown is None or number in shown) and holds(line.text, needle):
                found.append(number)
        return found


def step(matches: list[int], current: int | None, *, back: bool = False) -> int | None:
    """The match after (before) the current one, round the end; None when there is none."""
    if not matches:
        return None
    if current is None:
        return matches[-1] if back else matches[0]
    place = bisect_left(matches, current) - 1 if back else bisect_right(matches, current)
    return matches[place % len(matches)]
