"""mi-tui in a process that kills itself (SIGKILL) at a chosen point: `python -m tests.campaign.victim KIND COUNT -- up ...`.

The points are counted where they happen and not in mi-tui: statements that change the journal's file, and requests that change
something in Azure. Nothing in the product knows of it.

    before N    before the Nth change of the journal
    after N     right after it: on disk when it was a transaction of its own, else in the middle of one
    later N     some moments after it, whatever is being done then
    sent N      when the Nth changing request was sent, before its answer is read: it may take effect or not
    effect N    when its answer has come and nobody has seen it: the effect is there, nothing knows
    count       no kill; what was counted is written to the file CAMPAIGN_COUNTS
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import sqlite3
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KINDS = ("before", "after", "later", "sent", "effect")
LATER_SECONDS = 0.15
_ASKING = ("/getLogs", "/listKeys", "/score", "/checkNameAvailability")
_WORD = re.compile(r"[a-z]{2,}(?:[ _-][a-z]+)*")
_CHANGES = ("INSERT", "UPDATE", "DELETE", "REPLACE", "COMMIT")


@dataclass(frozen=True)
class Kill:
    """Where to die: at the point number `at`, or at the `at`th that is called `point`; 0 is nowhere."""

    kind: str = "count"
    at: int = 0
    point: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.point + ' ' if self.point else ''}{self.at}"


class _Counter:
    """Counts what happens, over all threads; what is called the same also by itself."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._lock = threading.Lock()

    def hits(self, kill: Kill, name: str) -> bool:
        """Whether what happens now is the point."""
        with self._lock:
            self.names.append(name)
            number = self.names.count(name) if kill.point else len(self.names)
            return kill.at == number and kill.point in {"", name}


_writes = _Counter()
_requests = _Counter()


def die() -> None:
    """End at once, as the kernel ends a process that is out of memory."""
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()  # the signal may need a moment; nothing of ours may happen in it


def install(kill: Kill) -> None:
    """Have this process die at the point."""
    _watch_journal(kill)
    _watch_requests(kill)


def _watch_journal(kill: Kill) -> None:
    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if not sql.lstrip().upper().startswith(_CHANGES):
                return super().execute(sql, *values)
            hit = _writes.hits(kill, _called(sql, values))
            if hit and kill.kind == "before":
                die()
            done = super().execute(sql, *values)
            if hit and kill.kind == "after":
                die()
            if hit and kill.kind == "later":
                timer = threading.Timer(LATER_SECONDS, die)
                timer.daemon = True
                timer.start()
            return done

    plain = sqlite3.connect

    def connect(database: Any, *more: Any, **options: Any) -> Any:
        if Path(str(database)).name == "journal.db" and "factory" not in options:
            options["factory"] = Connection
        return plain(database, *more, **options)

    sqlite3.connect = connect


def _called(sql: str, values: tuple[Any, ...]) -> str:
    """A change of the journal by name: verb, table, and the words among its values, such as a step and its state, and the kinds in ids."""
    given = values[0] if values and isinstance(values[0], tuple | list) else ()
    found = re.match(r"\s*(\w+)(?:\s+OR\s+\w+)?(?:\s+(?:INTO|FROM))?\s*(\w*)", sql, re.IGNORECASE)
    texts = [text for text in given if isinstance(text, str)]
    words = [text for text in texts if len(text) < 30 and _WORD.fullmatch(text)]
    kinds = [
        part
        for text in texts
        if "://" in text or "/subscriptions/" in text
        for part in text.split("/")[-6:]
        if part.isalpha()
    ]
    return " ".join([*(found.groups() if found else ()), *words, *kinds])


def _watch_requests(kill: Kill) -> None:
    plain_send, plain_read = http.client.HTTPConnection.putrequest, http.client.HTTPConnection.getresponse

    def putrequest(self: Any, method: str, url: str, *more: Any, **options: Any) -> Any:
        # Only what goes to Azure, through the proxy; a sign-in changes nothing.
        host = str(getattr(self, "_tunnel_host", None) or "")
        self.campaign_hit = False
        asks = method in {"GET", "HEAD", "CONNECT"} or url.partition("?")[0].endswith(_ASKING)
        if host and not asks and not host.startswith("login."):
            path = url.partition("?")[0].rstrip("/").split("/")
            self.campaign_hit = _requests.hits(kill, f"{method} {path[-2] if len(path) > 1 else ''}")
        return plain_send(self, method, url, *more, **options)

    def getresponse(self: Any, *more: Any, **options: Any) -> Any:
        hit = getattr(self, "campaign_hit", False)
        if hit and kill.kind == "sent":
            die()
        answer = plain_read(self, *more, **options)
        if hit and kill.kind == "effect":
            die()
        return answer

    http.client.HTTPConnection.putrequest = putrequest  # type: ignore[method-assign]
    http.client.HTTPConnection.getresponse = getresponse  # type: ignore[method-assign]


def tell_counts() -> None:
    """Write down what was counted, where somebody wants to know."""
    wanted = os.environ.get("CAMPAIGN_COUNTS")
    if wanted:
        Path(wanted).write_text(json.dumps({"writes": _writes.names, "requests": _requests.names}))


def run(arguments: list[str]) -> None:
    """mi-tui with these arguments, to the end of the process (SystemExit)."""
    sys.argv = ["mi-tui", *arguments]
    from mi_tui.cli.entry import main

    try:
        main()
    finally:
        tell_counts()


if __name__ == "__main__":
    install(Kill(sys.argv[1], int(sys.argv[2]), os.environ.get("CAMPAIGN_POINT", "")))
    run(sys.argv[sys.argv.index("--") + 1 :])
