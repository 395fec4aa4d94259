"""`python -m tests.bench.first_paint [ROUNDS]`: first paint of the wizard beside that of a bare Textual app, in a real terminal.

The bare app has a Header, a Static and a Footer. The two are started in turn, so that a slow minute hits both. Both run from
compiled files, as an installed package does. First paint is the question on the screen; the cards, the options and the buttons
follow, and have a row of their own.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import pexpect
import pyte

BARE = """
from textual.app import App
from textual.widgets import Footer, Header, Static
class Bare(App):
    BINDINGS = [("q", "quit", "quit")]
    def compose(self):
        yield Header()
        yield Static("first paint")
        yield Footer()
Bare().run()
"""


FIRST, WHOLE = "Where do you want to deploy?", "Troubleshoot"


def paint(command: list[str], *texts: str) -> list[float]:
    """Seconds from the start of a process until each of `texts`, in their order, stands on its screen."""
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    process = pexpect.spawn(sys.executable, command, env=environment, dimensions=(40, 120), timeout=20)
    screen = pyte.Screen(120, 40)
    stream = pyte.ByteStream(screen)
    seen = []
    try:
        for text in texts:
            while not any(text in line for line in screen.display):
                stream.feed(process.read_nonblocking(65536, timeout=20))
            seen.append(time.perf_counter() - began)
        return seen
    finally:
        process.close(force=True)


def main(rounds: int) -> None:
    """Run the pairs and print the figures."""
    os.environ["MI_TUI_HOME"] = tempfile.mkdtemp(prefix="mi-tui-bench-")
    script = Path(os.environ["MI_TUI_HOME"]) / "bare.py"
    script.write_text(BARE)
    pairs: list[tuple[float, float, float]] = []
    for round_ in range(rounds + 1):
        (bare,), (ours, whole) = paint([str(script)], "first paint"), paint(["-m", "mi_tui"], FIRST, WHOLE)
        if round_:  # the first one warms the caches
            pairs.append((bare, ours, whole))
    for name, index in (("bare Textual app", 0), ("mi-tui", 1), ("mi-tui, all of it", 2)):
        figures = [pair[index] for pair in pairs]
        print(
            f"{name:20} min {min(figures):.3f}  median {statistics.median(figures):.3f}  max {max(figures):.3f} s  n={len(figures)}"
        )
    ratios = [ours / bare for bare, ours, _ in pairs]
    print(
        f"{'ratio, pair by pair':20} min {min(ratios):.2f}  median {statistics.median(ratios):.2f}  max {max(ratios):.2f}"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
