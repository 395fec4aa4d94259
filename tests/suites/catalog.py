"""The suites as `suites.yaml` tells them, and what of each is excluded on purpose."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

import msgspec
import yaml

HERE = Path(__file__).parent
CONSTRAINTS = HERE.parents[1] / "constraints.txt"


class Suite(msgspec.Struct, forbid_unknown_fields=True):
    """One suite; see the head of `suites.yaml`."""

    package: str
    version: str = ""
    needs: list[str] = []
    paths: list[str] = []
    accounts: dict[str, str] = {}
    folder: str = "tests"
    arguments: list[str] = []
    longest_sleep: float | None = None
    marks: list[str] = []
    identities: list[str] = []
    name: str = ""


class Exclusion(msgspec.Struct, forbid_unknown_fields=True):
    """Tests that cannot pass, and why in one line. A test is `file.py::Class::name[parameters]`, with wildcards."""

    reason: str
    tests: list[str]


def suites() -> dict[str, Suite]:
    """All suites by name, each with its version."""
    found = msgspec.convert(yaml.safe_load((HERE / "suites.yaml").read_text("utf-8")), dict[str, Suite])
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", CONSTRAINTS.read_text("utf-8"), re.MULTILINE))
    for name, suite in found.items():
        suite.name = name
        suite.version = suite.version or pinned[suite.package]
    return found


def exclusions(name: str) -> list[Exclusion]:
    """What is excluded of a suite; nothing where it has no file."""
    file = HERE / "exclusions" / f"{name}.yaml"
    return msgspec.convert(yaml.safe_load(file.read_text("utf-8")) or [], list[Exclusion]) if file.is_file() else []


def lay_files(name: str, tests: Path) -> None:
    """Write the files that a suite's tests read and that its source distribution leaves out; nothing where it has no such list."""
    listed = HERE / "files" / f"{name}.yaml"
    for place, content in (yaml.safe_load(listed.read_text("utf-8")) if listed.is_file() else {}).items():
        where = tests / place
        where.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
        copied = HERE.parents[1] / text.removeprefix("= ").strip()
        where.write_bytes(copied.read_bytes() if text.startswith("= ") else text.encode())


def reason(node: str, excluded: list[Exclusion]) -> str | None:
    """Why a test is excluded; None when it is not."""
    plain = node.replace("[", "<").replace("]", ">")  # a bracket means itself, not a set of letters
    for exclusion in excluded:
        for pattern in exclusion.tests:
            if fnmatch.fnmatchcase(plain, pattern.replace("[", "<").replace("]", ">")):
                return exclusion.reason
    return None
