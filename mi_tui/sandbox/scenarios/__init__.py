"""Scenarios: worlds with something set up to go wrong as it does in Azure. A name of the library, several parted by commas, or a
YAML file of one's own. Light to import, because the client reads the names too; what is in them is read when it is asked for.
"""

from __future__ import annotations

import functools
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from mi_tui.sandbox.profiles import PROFILES

if TYPE_CHECKING:
    from mi_tui.sandbox.scenarios.description import Scenario

NONE = "none"
ALIASES = {"slow-grants": "slow-propagation"}
"""Names of before, and what they are called now."""


@functools.cache
def library() -> dict[str, Scenario]:
    """The scenarios that ship with the sandbox, by name; from `library.yaml`."""
    from mi_tui.sandbox.scenarios.reading import read_library

    return read_library(resources.files(__package__).joinpath("library.yaml").read_text("utf-8"), "library.yaml")


def summaries() -> dict[str, str]:
    """Name -> what goes wrong, in one line; `none` first."""
    return {NONE: "nothing goes wrong", **{name: scenario.about for name, scenario in library().items()}}


def canonical(text: str | None, folder: Path | None = None) -> str | None:
    """Scenarios as the server and the client know them: today's names, each once, files with their whole path.

    `folder` is where a relative path begins (default: the current one). None stays None: "as it is".
    """
    if text is None:
        return None
    parts: list[str] = []
    for part in (entry.strip() for entry in text.split(",")):
        name = (
            str((folder or Path.cwd()).joinpath(Path(part).expanduser()).resolve())
            if is_file(part)
            else ALIASES.get(part, part)
        )
        if name and name != NONE and name not in parts:
            parts.append(name)
    return ",".join(parts) or NONE


def is_file(part: str) -> bool:
    """Whether a part names a file and not a scenario of the library."""
    return "/" in part or part.endswith((".yaml", ".yml"))


def load(text: str) -> dict[str, Scenario]:
    """The scenarios that a text names, in its order; none of them for `none`. ScenarioError with every fault."""
    from mi_tui.sandbox.scenarios.reading import ScenarioError, read_one

    found: dict[str, Scenario] = {}
    faults: list[str] = []
    for part in (canonical(text) or NONE).split(","):
        if part == NONE:
            continue
        if not is_file(part):
            known = library().get(part)
            if known is None:
                faults.append(f"There is no scenario '{part}'. Choose one of: {', '.join(summaries())}.")
            else:
                found[part] = known
            continue
        try:
            found[part] = read_one(Path(part).read_text("utf-8"), part)
        except UnicodeDecodeError:
            faults.append(f"{part}: the file is no UTF-8 text.")
        except OSError as error:
            faults.append(f"{part}: it cannot be read: {error.strerror or error}.")
        except ScenarioError as error:
            faults.append(str(error))
    if faults:
        raise ScenarioError("\n".join(faults))
    return found


def fault(profile: str | None, scenario: str | None) -> str | None:
    """What is wrong with a profile or with scenarios, a fault a line, or None. None as a name means "as it is"."""
    if profile is not None and profile not in PROFILES:
        return f"There is no profile '{profile}'. Choose one of: {', '.join(PROFILES)}."
    if scenario in (None, NONE):
        return None
    from mi_tui.sandbox.scenarios.reading import ScenarioError

    try:
        load(str(scenario))
    except ScenarioError as error:
        return str(error)
    return None
