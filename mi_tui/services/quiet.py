"""Keeps the SDKs off the terminal: azure-ai-ml prints dots, progress bars and log lines, and would spoil the screen."""

from __future__ import annotations

import gc
import importlib
import io
import logging
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType, TracebackType
from typing import TextIO

from mi_tui.model.redact import redact
from mi_tui.services.errors import plain
from mi_tui.services.first_use import one_at_a_time

SDK_LOG = "mi_tui.sdk"
"""The logger that gets what the SDKs print and log."""

_NOISY = ("azure", "msal", "msrest", "urllib3", "opentelemetry")
_LINE_LIMIT = 4_000

_load_lock = threading.Lock()


class _Forward(logging.Handler):
    """Passes a record on to our logger, without secrets. Being a handler, it also keeps logging's last resort off stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = redact(plain(record.getMessage()))
        except (TypeError, ValueError):
            # An SDK's format string that does not fit its arguments.
            text = redact(plain(str(record.msg)))
        logging.getLogger(SDK_LOG).debug("%s %s: %s", record.levelname, record.name, text)


_forward = _Forward()


def hush() -> None:
    """Send the log of the SDKs to ours instead of to the terminal. May be called again; it changes nothing then."""
    for name in _NOISY:
        logger = logging.getLogger(name)
        if _forward not in logger.handlers:
            logger.addHandler(_forward)
        logger.propagate = False
    # The SDKs' own experimental and deprecation notices; ours and those of the scoring code stay.
    warnings.filterwarnings("ignore", module=r"(azure|marshmallow|msrest|msal|pydash|opentelemetry)(\.|$)")


_CLIENTS = (
    "azure.core.pipeline.policies",
    "azure.core.rest",
    "azure.mgmt.core.policies",
    "azure.storage.blob",
    "azure.mgmt.storage",
    "azure.mgmt.msi",
    "azure.mgmt.authorization",
)


def load_clients() -> None:
    """Import what every client needs (about 0.4 s, once), in one thread.

    The packages import each other in circles: two threads that begin with different ones would see half a module.
    """
    with _load_lock:
        hush()
        for name in _CLIENTS:
            importlib.import_module(name)
        one_at_a_time()


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage collection while a large package is imported.

    Nearly all that azure.ai.ml makes stays to the end, and each collection looks through all of it: a third of the import's time. What is
    frozen afterwards is looked through by none, neither later ones (0.1 s each) nor those with which the interpreter ends (0.4 s).
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def load_identity() -> None:
    """Import azure.identity (about 0.3 s, once), in one thread and with its log off the terminal."""
    with _load_lock:
        hush()
        importlib.import_module("azure.identity")


def load_ml() -> ModuleType:
    """Import azure.ai.ml (1 to 7 seconds the first time, once for all threads) and take its handlers off the terminal.

    The package binds a StreamHandler to `sys.stderr` while it is imported, and more of its loggers may have one.
    """
    with _load_lock:
        first = "azure.ai.ml" not in sys.modules
        hush()
        with _uncollected():
            import azure.ai.ml
        if first:
            gc.freeze()
            hush()
            one_at_a_time()
        for name in list(logging.root.manager.loggerDict):
            if name == "azure.ai.ml" or name.startswith("azure.ai.ml."):
                logger = logging.getLogger(name)
                for handler in list(logger.handlers):
                    if isinstance(handler, logging.StreamHandler):
                        logger.removeHandler(handler)
                if not logger.propagate and _forward not in logger.handlers:
                    logger.addHandler(_forward)
        module: ModuleType = azure.ai.ml
        return module


class _Capture(io.TextIOBase):
    """A text stream that logs each line. Every thread has a line of its own, so that parallel operations do not mix."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self._label = label
        self._lock = threading.Lock()
        self._lines: dict[int, str] = {}

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        return "replace"

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def write(self, text: str) -> int:
        thread = threading.get_ident()
        with self._lock:
            *lines, rest = (self._lines.pop(thread, "") + text).split("\n")
            # A terminal would show what stands after the last carriage return; a line of dots without an end must not grow for ever.
            rest = rest.rpartition("\r")[2]
            if len(rest) > _LINE_LIMIT:
                lines.append(rest)
                rest = ""
            if rest:
                self._lines[thread] = rest
        for line in lines:
            self._log(line)
        return len(text)

    def flush(self) -> None:
        """Nothing: a line is logged when it is whole."""

    def drain(self) -> None:
        """Log the lines that nobody ended."""
        with self._lock:
            rest, self._lines = list(self._lines.values()), {}
        for line in rest:
            self._log(line)

    def _log(self, line: str) -> None:
        cleaned = redact(re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", plain(line.rstrip("\r").rpartition("\r")[2]))).strip()
        if cleaned:
            logging.getLogger(SDK_LOG).debug("%s: %s", self._label, cleaned)


class Prints:
    """While entered, what anybody prints goes to the log `mi_tui.sdk` at debug level, not to the terminal.

    May be entered again, and by several threads: the first replaces `sys.stdout` and `sys.stderr`, the last puts the original
    objects back. `stdout` and `stderr` are those originals, for who renders to the terminal meanwhile.
    """

    _lock = threading.RLock()
    _depth = 0
    _originals: tuple[TextIO, TextIO] | None = None
    _captures: tuple[_Capture, _Capture] | None = None

    @property
    def stdout(self) -> TextIO:
        """The standard output as it is outside."""
        with Prints._lock:
            return Prints._originals[0] if Prints._originals else sys.stdout

    @property
    def stderr(self) -> TextIO:
        """The standard error as it is outside."""
        with Prints._lock:
            return Prints._originals[1] if Prints._originals else sys.stderr

    def __enter__(self) -> Prints:
        with Prints._lock:
            if Prints._depth == 0:
                Prints._originals = (sys.stdout, sys.stderr)
                Prints._captures = (_Capture("stdout"), _Capture("stderr"))
                sys.stdout, sys.stderr = Prints._captures
            Prints._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with Prints._lock:
            Prints._depth -= 1
            if Prints._depth or Prints._originals is None or Prints._captures is None:
                return
            out, err = Prints._captures
            # Somebody else may have replaced a stream meanwhile (Textual does at its end): what is not ours stays.
            if _is(sys.stdout, out):
                sys.stdout = Prints._originals[0]
            if _is(sys.stderr, err):
                sys.stderr = Prints._originals[1]
            Prints._originals = Prints._captures = None
        out.drain()
        err.drain()


def _is(stream: object, capture: _Capture) -> bool:
    """Whether a stream is our capture, bare or in the wrapper that colorama (called by azure-ai-ml) puts around it."""
    return stream is capture or getattr(stream, "_StreamWrapper__wrapped", None) is capture
