"""A text from outside, for diagnosis: read from a file or standard input in bounded size, and what is found in it as text for people."""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Iterator
from typing import IO

from mi_tui.cli.telling import diagnosis_lines
from mi_tui.model.diagnosis import Diagnosis
from mi_tui.model.text import decoded, visible

_HEAD = 500_000
_TAIL = 3_000_000
_CHUNK = 100_000
"""Bytes: of a longer text its beginning and its end are kept, since an error stands at either."""


def read(stream: IO[bytes]) -> str:
    """The text of a stream; of one that is very long, its beginning and its end. OSError when it cannot be read."""
    head = stream.read(_HEAD)
    tail: deque[bytes] = deque(maxlen=_TAIL // _CHUNK)
    left = False
    while chunk := stream.read(_CHUNK):
        left = left or len(tail) == tail.maxlen
        tail.append(chunk)
    if not left:
        return decoded(head + b"".join(tail))
    # Each part for itself: the end has no mark that says how it is written.
    mark = head[:2] if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else b""
    return f"{decoded(head)}\n{decoded(mark + b''.join(tail))}"


def lines(found: tuple[Diagnosis, ...], mark: str) -> Iterator[str]:
    """The first diagnosis in full, and each further one in a line."""
    yield from diagnosis_lines(found[0], mark)
    if any(_to_fill_in(fix.command) for fix in found[0].fixes):
        yield "  Words in capitals stand for what the text does not tell."
    if len(found) > 1:
        yield "It also speaks of:"
    for one in found[1:]:
        yield f"  - {visible(one.cause)} ({one.confidence.words}; {one.rule})"


def _to_fill_in(command: str) -> bool:
    # Of NAME=VALUE the value is what is to be filled in.
    return any(len(word) > 3 and word.isupper() for word in (part.rpartition("=")[2] for part in command.split()))
