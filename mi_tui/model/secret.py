"""Secrets by type: a value that shows itself to nobody, and the memory of those values, so that text is cleaned of exactly them.

Patterns (`mi_tui.model.redact`) only guess what a secret looks like; what came out of Azure as a key or a token is known, and stays
known here for as long as the process lives.
"""

from __future__ import annotations

import base64
import re
import threading
from typing import NoReturn
from urllib.parse import quote

HIDDEN = "***"

SHORTEST = 8
"""Characters below which a value is not looked for in texts: it would be found in every second word."""

MOST = 400
"""How many values are remembered, the latest; a run that signs in anew each hour gets one each time."""


class Secret:
    """A key, token, signature or password. Its text is had by `reveal` alone: what prints, logs or encodes it gets `***` or an error.

    Making one also makes it known to `mi_tui.model.redact.redact`.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        remember(value)

    def reveal(self) -> str:
        """The secret itself: for the call that needs it, never for a text that a person or a file gets."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return self._value == other._value if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere")


class _Known:
    """The values that are known to be secrets, with the other spellings in which a text may hold them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, tuple[str, ...]] = {}
        self._pattern: re.Pattern[str] | None = None
        self._old = False
        """Whether a value has come since the pattern was made."""

    def add(self, value: str) -> None:
        with self._lock:
            known = self._values.pop(value) if value in self._values else tuple(_spellings(value))
            self._values[value] = known
            while len(self._values) > MOST:
                del self._values[next(iter(self._values))]
            self._old = True

    def hide(self, text: str) -> str:
        pattern = self._made() if self._old else self._pattern
        return pattern.sub(HIDDEN, text) if pattern is not None else text

    def _made(self) -> re.Pattern[str]:
        """The pattern of all values. Made when a text is first cleaned: with many values it takes milliseconds."""
        with self._lock:
            # The longest first: where one value holds another, both go.
            every = sorted({spelling for found in self._values.values() for spelling in found}, key=len, reverse=True)
            self._pattern = re.compile("|".join(re.escape(spelling) for spelling in every))
            self._old = False
            return self._pattern


def _spellings(value: str) -> list[str]:
    encoded = base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()
    return list({value, quote(value, safe=""), quote(value), encoded})


_known = _Known()


def remember(value: str) -> None:
    """Have `value` taken out of every text from now on: for secrets that the SDKs want as plain text."""
    if len(value.strip()) >= SHORTEST:
        _known.add(value)


def hide(text: str) -> str:
    """The text without any value that is known to be a secret."""
    return _known.hide(text)
