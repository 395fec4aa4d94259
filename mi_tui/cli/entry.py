"""The console script. Without a command it goes straight to the wizard, whose first paint waits for no command's imports."""

from __future__ import annotations

import sys

from mi_tui.cli.start import end, wizard


def main() -> None:
    """Run the wizard or a command; the process ends with its exit code."""
    if len(sys.argv) == 1:
        end(wizard())
    from mi_tui.cli.main import main as command

    command()
