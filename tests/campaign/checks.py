"""What must hold after a round, each as a function that returns its violations in words."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

from tests.campaign.nursery import Ended
from tests.campaign.world import Tree, added, differences

_TRACEBACK = re.compile(
    r"Traceback \(most recent call last\)|Exception in thread|Exception ignored|Fatal Python error|mi-tui/internal"
)
_PATTERNS = (
    ("a token", re.compile(rb"\beyJ[\w-]{16,}\.[\w-]{16,}")),
    ("a signature", re.compile(rb"[?&]sig=(?!\*\*\*)[\w%+/]{20,}")),
    ("an account key", re.compile(rb"(?<![\w+/=])[A-Za-z0-9+/]{86}==")),
)
_ONCE = (
    "Microsoft.ManagedIdentity/userAssignedIdentities", "Microsoft.Storage/storageAccounts",
    "Microsoft.MachineLearningServices/workspaces/onlineEndpoints", "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments",
    "Microsoft.MachineLearningServices/workspaces/codes", "Microsoft.MachineLearningServices/workspaces/codes/versions",
    "Microsoft.MachineLearningServices/workspaces/models", "Microsoft.MachineLearningServices/workspaces/models/versions",
    "Microsoft.MachineLearningServices/workspaces/environments", "Microsoft.MachineLearningServices/workspaces/environments/versions",
)  # fmt: skip


def spoken(ended: Ended) -> list[str]:
    """A command says what happened: no traceback, no hang, no fault of ours, and a sentence where it failed."""
    what = " ".join(ended.arguments[:1])
    found = []
    if ended.hung:
        found.append(f"{what} hung for {ended.seconds:.0f} s")
    said = "\n".join(line for line in ended.said.splitlines() if not line.startswith('{"event":"log"'))
    if match := _TRACEBACK.search(said):
        found.append(f"{what} showed {match.group(0)!r}: {said[match.start() : match.start() + 300]!r}")
    if ended.leftovers:
        found.append(f"{what} left a process: {ended.leftovers[0][:100]!r}")
    if ended.killed or ended.hung:
        return found
    if ended.code not in {0, 1, 2, 3}:
        found.append(f"{what} ended with {ended.code}")
    elif ended.code in {1, 2} and not sentence(ended):
        found.append(f"{what} failed with {ended.code} and no sentence")
    return found


def sentence(ended: Ended) -> str:
    """What a command that failed said of it: the last event's failure, or the last lines of standard error."""
    last = event(ended)
    if last.get("failure"):
        failure = last["failure"]
        return f"({failure['code']}) {failure['message']}"
    lines = [line.strip() for line in ended.err.splitlines() if line.strip()]
    return " | ".join(lines[-3:])


def event(ended: Ended) -> dict[str, Any]:
    """The last event of a command that told JSON; empty for one that did not."""
    for line in reversed(ended.out.splitlines()):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict) and value.get("event") == "run_finished":
            return value
    return {}


def nothing_twice(before: Tree, after: Tree, uploads: str) -> list[str]:
    """Of a run that succeeded: what is there more than once. `uploads` is the id of the workspace's storage account."""
    new = added(before, after)
    types = Counter(str(item.get("type", "")) for item in new)
    found = [f"{count} of {kind.rsplit('/', 1)[-1]}" for kind, count in types.items() if kind in _ONCE and count > 1]
    code = [
        item["id"]
        for item in new
        if item.get("type", "").endswith("/containers") and item["id"].lower().startswith(uploads.lower())
    ]
    if len(code) > 1:
        found.append(f"{len(code)} containers of uploaded code: {', '.join(name.rsplit('/', 1)[-1] for name in code)}")
    grants = Counter((g["scope"].lower(), g["principal"], g["role"]) for g in after["role_assignments"])
    found += [f"{count} times {role} on {scope[-60:]}" for (scope, _, role), count in grants.items() if count > 1]
    folders = {b["name"].split("/")[1] for b in after["blobs"] if b["name"].startswith("LocalUpload/")}
    folders -= {b["name"].split("/")[1] for b in before["blobs"] if b["name"].startswith("LocalUpload/")}
    if len(folders) > 1:
        found.append(f"{len(folders)} folders of uploaded models")
    return [f"made twice: {words}" for words in found]


def untouched(before: Tree, during: Tree) -> list[str]:
    """Of a run that goes: what was there before and is not as it was."""
    return [f"during the run {line}" for line in differences(before, during) if not line.startswith("left: ")]


def same(before: Tree, after: Tree) -> list[str]:
    """Of a run that was cleaned up: how the world differs from the one before it."""
    return [f"after clean-up {line}" for line in differences(before, after)]


def whole(journal: Path) -> list[str]:
    """Whether the journal's file is whole."""
    database = sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=10)
    try:
        said = [row[0] for row in database.execute("PRAGMA integrity_check")]
    except sqlite3.Error as error:
        said = [str(error)]
    finally:
        database.close()
    return [] if said == ["ok"] else [f"the journal is damaged: {said[:3]}"]


def settled(status: dict[str, Any], before: Tree, *, scored: bool) -> list[str]:
    """Of a run that was cleaned up: its steps and its ledger agree with what happened."""
    found = []
    if status["state"] != "removed":
        found.append(f"the run's state is {status['state']} after its clean-up")
    for step, told in status["steps"].items():
        removal = step.startswith("remove ")
        if told["state"] == "begun" or (removal and told["state"] != "removed"):
            found.append(f"step {step} is {told['state']} although the run was cleaned up")
        elif scored and not removal and told["state"] != "done":
            found.append(f"step {step} is {told['state']} although the run succeeded")
    there = {str(item["id"]).lower() for part in ("resources", "role_assignments") for item in before[part]}
    for entry in status["resources"]:
        known = entry["id"].lower() in there
        if entry["verdict"] not in {"removed", "existed"}:
            found.append(f"the ledger says {entry['verdict']} of {entry['name']} after the clean-up")
        elif entry["verdict"] == "removed" and known:
            found.append(f"the ledger says that {entry['name']}, which was here before, was made and removed")
        elif entry["verdict"] == "existed" and not known and entry["kind"] not in {"blob", "uploaded files"}:
            found.append(f"the ledger says that {entry['name']} existed, which was not here before")
    return found


def kept_secret(texts: dict[str, bytes], secrets: set[str]) -> list[str]:
    """Where a secret stands: one that is known, or what looks like one. Names the place, never the secret."""
    found = []
    known = [(text[:3], text.encode()) for text in sorted(secrets)]
    for place, text in texts.items():
        for begin, secret in known:
            if secret in text:
                found.append(f"a secret ({begin}...) stands in {place}")
        for what, pattern in _PATTERNS:
            if match := pattern.search(text):
                found.append(f"{what} ({match.group(0)[:8].decode()}...) stands in {place}")
    return found


def files_of(home: Path) -> dict[str, bytes]:
    """Every file of mi-tui's home but what is the sandbox's own; the sandbox's logs are nobody's secret, so they count."""
    found = {}
    for path in home.rglob("*"):
        inside = path.relative_to(home).parts
        if path.is_file() and (inside[0] != "sandbox" or path.suffix == ".log"):
            try:
                found[str(path.relative_to(home))] = path.read_bytes()
            except OSError:
                continue
    return found


def modes(home: Path) -> list[str]:
    """Files and folders of mi-tui's home that others may read."""
    return [
        f"{path.relative_to(home)} has mode {path.stat().st_mode & 0o777:o}"
        for path in [home, *home.iterdir()]
        if path.exists() and path.stat().st_mode & 0o077
    ]
