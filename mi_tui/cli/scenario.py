"""The option --scenario, which several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def option(words: str) -> Callable[[Any], Any]:
    """`--scenario`, given once or several times; the command gets the names parted by commas, or None."""
    return click.option(
        "--scenario",
        metavar="NAME",
        multiple=True,
        callback=lambda _context, _parameter, given: ",".join(given) or None,
        help=f"{words} A name of 'mi-tui sandbox scenarios' or a YAML file; several, parted by commas or repeated.",
    )
