"""A real terminal with mi-tui in it: keys go in, and what a person sees there comes out."""

from __future__ import annotations

import time

import pexpect
import pyte

from tests.e2e.conftest import REPOSITORY, Shell


class Terminal:
    """mi-tui in a terminal of its own, and what a person sees there."""

    def __init__(
        self,
        shell: Shell,
        columns: int,
        rows: int,
        command: list[str] | None = None,
        more: dict[str, str] | None = None,
        *,
        ignore_sighup: bool = False,
    ) -> None:
        environment = {**shell.environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        environment.pop("NO_COLOR")
        environment |= more or {}
        program, *words = command or shell.command()
        self.process = pexpect.spawn(
            program,
            words,
            env=environment,
            dimensions=(rows, columns),
            cwd=str(REPOSITORY),
            timeout=5,
            ignore_sighup=ignore_sighup,
        )
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)

    def feed(self, written: bytes) -> None:
        """Take in what the program wrote."""
        self._stream.feed(written)

    def read(self) -> str:
        """Take in what the program wrote; the text on the screen."""
        until = time.monotonic() + 1
        try:
            # Bounded: while a job runs, the program never stops writing.
            while time.monotonic() < until:
                self._stream.feed(self.process.read_nonblocking(65536, timeout=0.2))
        except (pexpect.TIMEOUT, pexpect.EOF):
            pass
        return "\n".join(self.screen.display)

    def wait_for(self, text: str, seconds: float = 90) -> str:
        """The screen, as soon as it shows `text`; the test fails when it does not."""
        deadline = time.monotonic() + seconds
        while text not in (shown := self.read()):
            assert time.monotonic() < deadline, f"never saw {text!r}:\n{shown}"
        return shown
