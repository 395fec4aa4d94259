"""What a person reads off the wizard's screen: boxes, the failure card, the checks. Texts are compared without blanks, since lines are wrapped."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mi_tui.guide import rules
from mi_tui.guide.preflight.table import TABLE

_PLACE = re.compile(r"\{[a-z_]+\}")
_SCROLLBAR = "▁▂▃▄▅▆▇█▔"
_HEADINGS = {
    "Why we think so": "why",
    "What to do": "fixes",
    "r shows the raw error": "more",
    "The next useful question": "more",
    "Read more": "more",
    "For Azure's support": "more",
}
_SOURCE = re.compile(
    r"(?:failure|log(?: [\w.-]+)?|role assignments on [^:]+|resource provider [\w.]+|environment variables|the identity|conda file|quota for [^:]+"
    r"|metric \w+|(?:endpoint|deployment|account|container|blob|storage account|workspace|subscription|your roles?|identity)\b[^:]*): \S"
)
"""How a line of evidence begins: with where it stands."""
_FIX = re.compile(r"\d+\. ")
_COUNTED = re.compile(r"(\d+) checks: [^.(]*")


@dataclass(frozen=True)
class Card:
    """A failure card, or what Troubleshoot says in its place: lines as they stand on the screen, wrapped."""

    happened: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """The rule whose cause it says, first or among what speaks for it."""
        places = (self.happened, *(self.why[number:] for number in range(len(self.why))))
        return next(filter(None, map(rule_told, places)), "")

    @property
    def evidence(self) -> tuple[str, ...]:
        """The first line of each thing that speaks for the cause."""
        return tuple(line for line in self.why[1:] if _SOURCE.match(line))

    @property
    def offers(self) -> tuple[str, ...]:
        """Each thing to do, in one line."""
        found: list[str] = []
        for line in self.fixes:
            if _FIX.match(line):
                found.append(line)
            elif found:
                found[-1] += f" {line}"
        return tuple(found)


def squeezed(text: str) -> str:
    """The text without blanks: where a line was broken does not matter."""
    return re.sub(r"\s+", "", text)


def main_part(display: Sequence[str]) -> list[str]:
    """The lines without the rail at the left, where there is one."""
    return [line.rpartition("▕")[2].rstrip() for line in display]


def above_buttons(display: Sequence[str]) -> list[str]:
    """The lines above the row of buttons."""
    end = next((number for number, line in enumerate(display) if "▔▔▔▔" in line), len(display))
    return [line.rstrip().rstrip(_SCROLLBAR).strip(" █") for line in display[:end]]


def box(display: Sequence[str], title: str) -> list[str]:
    """The lines inside the box whose upper edge says `title`; empty when there is none."""
    for top, line in enumerate(display):
        at = line.find(f" {title}")
        left = line.rfind("╭", 0, at) if at > 0 else -1
        right = line.find("╮", at)
        if left < 0 or right < 0:
            continue
        inside = []
        for row in display[top + 1 :]:
            if row[left : left + 1] != "│":
                break
            inside.append(row[left + 1 : right].rstrip().rstrip(_SCROLLBAR).strip(" █▌┃"))
        return inside
    return []


def noticed(display: Sequence[str]) -> str:
    """The rule whose cause is told beside or below the timeline while the run still goes; empty where none is."""
    mark = "▲ It has failed: "
    for top, line in enumerate(display):
        if (left := line.find(mark)) >= 0:
            return rule_told([line[left + len(mark) :], *(row[left:] for row in display[top + 1 : top + 12])])
    return ""


def joined(pages: Iterable[Sequence[str]]) -> list[str]:
    """One text out of pages of it, each scrolled on from the one before: what stands on both is taken once."""
    whole: list[str] = []
    for page in pages:
        lines = list(page)
        most = min(len(whole), len(lines))
        same = next((size for size in range(most, 0, -1) if whole[-size:] == lines[:size]), 0)
        whole += lines[same:]
    return whole


def card(lines: Iterable[str]) -> Card:
    """The parts of a failure card."""
    parts: dict[str, list[str]] = {"happened": [], "why": [], "fixes": [], "more": []}
    part = "happened"
    for line in lines:
        heading = next((name for words, name in _HEADINGS.items() if line.startswith(words)), "")
        if heading:
            part = heading
        elif line:
            parts[part].append(line)
    return Card(tuple(parts["happened"]), tuple(parts["why"]), tuple(parts["fixes"]))


def rule_told(lines: Iterable[str]) -> str:
    """The rule whose cause the lines say, as `rules.yaml` has it; empty where they say none. What stands for its places may be anything."""
    said = squeezed(" ".join(lines))
    return next((rule for rule, pattern in _causes() if pattern.match(said)), "")


@functools.cache
def _causes() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Each rule with its cause as a pattern; those of which most is fixed come first."""
    known = sorted(rules.load().rules, key=lambda rule: -len(_PLACE.sub("", rule.cause)))
    return tuple(
        (rule.id, re.compile("✗?" + ".*?".join(re.escape(squeezed(part)) for part in _PLACE.split(rule.cause))))
        for rule in known
    )


def counted(display: Sequence[str]) -> str:
    """How the checks stand, once all are made, such as `34 checks: 33 ok, 1 failed`; empty before."""
    found = _COUNTED.search(" ".join(line.strip() for line in main_part(display)))
    return found.group().strip() if found else ""


def failed_checks(lines: Iterable[str]) -> tuple[str, ...]:
    """The ids of the checks that the table of checks shows as failed."""
    failed = [f"{found.group(1)}  " for line in lines if (found := re.match(r"\s*✗ failed +(\S.*)", line))]
    return tuple(spec.id for spec in TABLE if any(row.startswith(f"{spec.title}  ") for row in failed))
