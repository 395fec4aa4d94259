"""Environment variables as lines of text: `NAME=value`."""

from __future__ import annotations

import json

from mi_tui.model import names
from mi_tui.model.answers import RESERVED_VARIABLES


def as_lines(variables: dict[str, str]) -> str:
    """One line for each variable; a value that would not survive as it is, such as one with a line end, stands in JSON's quotes."""
    return "\n".join(f"{name}={_quoted(value)}" for name, value in variables.items())


def _quoted(value: str) -> str:
    return value if value.isprintable() and not value.startswith('"') else json.dumps(value, ensure_ascii=False)


def variables_in(text: str) -> tuple[dict[str, str], str]:
    """The variables that the lines say, and what is wrong with the first line that is wrong; empty when none is.

    Empty lines are passed over; of a faulty line nothing is taken. A value keeps its blanks: Azure does too.
    """
    found: dict[str, str] = {}
    faults: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, sign, value = line.partition("=")
        name = name.strip()
        if not sign:
            faults.append(f"Line {number}: expected NAME=value.")
        elif not names.ENVIRONMENT_VARIABLE.pattern.fullmatch(name):
            faults.append(f"Line {number}: a name has {names.ENVIRONMENT_VARIABLE.words}.")
        elif name in RESERVED_VARIABLES:
            faults.append(f"Line {number}: mi-tui sets {name} itself, from storage and identity.")
        elif name in found:
            faults.append(f"Line {number}: {name} stands here twice.")
        elif value.startswith('"'):
            try:
                found[name] = str(json.loads(value))
            except ValueError:
                faults.append(f"Line {number}: what begins with a quote is read as JSON text, and this is none.")
        else:
            found[name] = value
    return found, faults[0] if faults else ""
