"""What came of a suite, file by file, and as a table."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path

COLUMNS = ("passed", "failed", "skipped", "excluded")


@dataclasses.dataclass
class Outcome:
    """How many tests of each file ended how; which failed; which reason excluded how many."""

    files: dict[str, Counter[str]]
    failed: list[str]
    reasons: Counter[str]
    skips: Counter[str]

    @property
    def whole(self) -> bool:
        """Whether something ran and nothing failed without a reason."""
        return not self.failed and any(counts["passed"] for counts in self.files.values())


def read(file: Path) -> Outcome:
    """The outcome that `suite_plugin` wrote: one JSON object a line."""
    outcome = Outcome({}, [], Counter(), Counter())
    for line in file.read_text("utf-8").splitlines() if file.is_file() else []:
        told = json.loads(line)
        counts = outcome.files.setdefault(told["test"].split("::")[0], Counter())
        counts[told["outcome"]] += 1
        if told["outcome"] == "failed":
            outcome.failed.append(told["test"])
        if told["outcome"] == "excluded":
            outcome.reasons[told["reason"]] += 1
        if told["outcome"] == "skipped":
            outcome.skips[told["reason"]] += 1
    return outcome


def table(outcome: Outcome) -> str:
    """The outcome for people: a row for each file, then why what was excluded or skipped, then what failed."""
    wide = max([len(name) for name in outcome.files] + [5])
    head = f"{'':{wide}} " + " ".join(f"{column:>9}" for column in COLUMNS)
    lines = [head]
    total: Counter[str] = Counter()
    for name, counts in sorted(outcome.files.items()):
        total += counts
        lines.append(f"{name:{wide}} " + " ".join(f"{counts[column]:9}" for column in COLUMNS))
    lines.append(f"{'total':{wide}} " + " ".join(f"{total[column]:9}" for column in COLUMNS))
    for title, reasons in (("excluded", outcome.reasons), ("skipped by the suite", outcome.skips)):
        lines += ["", f"{title}:"] if reasons else []
        lines += [f"{number:6}  {reason}" for reason, number in reasons.most_common()]
    lines += ["", "failed without a reason:"] if outcome.failed else []
    lines += [f"        {name}" for name in outcome.failed]
    return "\n".join(lines)
