"""The list of differences that have a reason (`explained.yaml`), and which of them it explains."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from tests.conformance.differences import Difference

LIST = Path(__file__).with_name("explained.yaml")


@dataclass(frozen=True)
class Entry:
    """One explanation. Each pattern is a shell pattern in which `[` stands for itself; what is left out matches anything."""

    against: str
    of: str
    at: str
    kind: str
    reason: str

    def matches(self, difference: Difference) -> bool:
        """Whether this is a reason for a difference."""
        return self.against in {"*", difference.against} and all(
            fnmatchcase(text, pattern.replace("[", "[[]"))
            for pattern, text in ((self.of, difference.of), (self.at, difference.at), (self.kind, difference.kind))
        )

    def __str__(self) -> str:
        return f"{self.against}: {self.of}: {self.at}: {self.kind}"


def entries(file: Path = LIST) -> list[Entry]:
    """The list's entries. ValueError for one without a reason or with a member that is none."""
    found = []
    for number, raw in enumerate(yaml.safe_load(file.read_text("utf-8")) or [], 1):
        unknown = set(raw) - {"against", "of", "at", "kind", "reason"}
        if unknown or not str(raw.get("reason") or "").strip():
            raise ValueError(f"entry {number} of {file.name} has {', '.join(sorted(unknown)) or 'no reason'}")
        against, of, at, kind = (str(raw.get(name, "*")) for name in ("against", "of", "at", "kind"))
        found.append(Entry(against, of, at, kind, " ".join(str(raw["reason"]).split())))
    return found


def explain(
    differences: Iterable[Difference], known: list[Entry]
) -> tuple[dict[Difference, Entry], list[Difference], list[Entry]]:
    """The explained differences each with its entry, the others, and the entries that explain nothing any more."""
    explained: dict[Difference, Entry] = {}
    others = []
    used: set[Entry] = set()
    for difference in differences:
        matching = [entry for entry in known if entry.matches(difference)]
        used.update(matching)
        if matching:
            explained[difference] = matching[0]
        else:
            others.append(difference)
    return explained, others, [entry for entry in known if entry not in used]
