"""What was sent to an endpoint and what came back: the check of a request, the short history, the answer laid out."""

from __future__ import annotations

import json
import math
import time
from collections import deque
from dataclasses import dataclass, field

KEPT = 20
"""How many answers the history holds."""


@dataclass(frozen=True)
class Sent:
    """One request: when (local time, h:mm:ss), the HTTP status (0: no answer came), and how long it took in milliseconds."""

    at: str
    status: int
    ms: float

    @classmethod
    def now(cls, status: int, seconds: float) -> Sent:
        """A request that was answered just now."""
        return cls(time.strftime("%H:%M:%S"), status, seconds * 1000)


@dataclass
class Exchange:
    """What the Endpoint screen keeps of one run while screens come and go. `request` is None until there is a text."""

    request: str | None = None
    answer: str = ""
    headline: str = ""
    ok: bool = True
    sent: deque[Sent] = field(default_factory=lambda: deque(maxlen=KEPT))

    def percentile(self, share: float) -> float:
        """The milliseconds within which `share` (0 to 1) of the answers in the history came; 0 without answers."""
        times = sorted(sent.ms for sent in self.sent if sent.status)
        return times[max(0, math.ceil(share * len(times)) - 1)] if times else 0.0


def json_fault(text: str) -> str:
    """Why a text is no JSON, with line and column, in words; empty when it is."""
    if not text.strip():
        return "The request is empty; JSON needs a value, such as {} or [1, 2]."
    try:
        json.loads(text, parse_constant=_no_constant)
        text.encode()
    except json.JSONDecodeError as error:
        return f"Line {error.lineno}, column {error.colno}: this is no JSON; {_reason(error.msg)}."
    except RecursionError:
        return "This JSON is nested too deeply."
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        column = error.start - text.rfind("\n", 0, error.start)
        return f"Line {line}, column {column}: half a character that cannot be sent."
    except ValueError as error:
        return f"This is no JSON: {error}."
    return ""


def fault_place(text: str) -> tuple[int, int]:
    """Line and column, from 1, where a text stops being JSON; (0, 0) where no place is known."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.lineno, error.colno
    except (RecursionError, ValueError):
        pass
    return 0, 0


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON value")


_REASONS = {
    "Expecting value": "a value is missing here",
    "Expecting ',' delimiter": "a comma is missing here",
    "Expecting ':' delimiter": "a colon is missing here",
    "Expecting property name enclosed in double quotes": 'a name in "double quotes" is missing here',
    "Extra data": "there is more after the end of the value",
    "Unterminated string starting at": "the text that begins here has no closing quote",
    "Illegal trailing comma before end of object": "a comma before the closing brace is one too many",
    "Illegal trailing comma before end of array": "a comma before the closing bracket is one too many",
    "Invalid control character at": "a line end or control character stands inside a text",
}


def _reason(message: str) -> str:
    known = _REASONS.get(message) or _REASONS.get(message.removesuffix(" at"))
    return known or message[:1].lower() + message[1:]


def laid_out(text: str) -> str:
    """JSON with one value a line; any other text as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
