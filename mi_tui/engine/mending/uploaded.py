"""What a run has uploaded of the person's files, by their hashes: what is other now, and whether a new upload could help at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from mi_tui.engine.files import model_faults, script_faults
from mi_tui.engine.mending.case import refused
from mi_tui.engine.planner import PlanError
from mi_tui.model.answers import Deployment
from mi_tui.model.answers_rules import Fault
from mi_tui.model.failure import Failure
from mi_tui.services import uploads

MADE_FROM = {"code": "code_made_from", "model": "model_made_from"}
"""Key of a registered asset -> the fact that says of which files it was registered last."""

_NAMED = 5
"""How many files are named; of more their number is told."""
_KEPT = 1000
"""Of more files than this the journal keeps one hash of all, under an empty name."""

_WORDS = {"code": "The folder with the scoring script", "model": "The model"}


def content(path: Path) -> str:
    """The files that an upload takes, each with its hash, as a fact; empty where they cannot be told, or read, as the upload itself will say."""
    try:
        found = _files(path)
    except OSError:
        return ""
    return "" if found is None else msgspec.json.encode(found).decode()


def differences(key: str, deployment: Deployment, facts: Mapping[str, str]) -> list[str]:
    """What a new upload would bring, line by line. Raises PlanError where it would fail, or where nothing is other than it was."""
    path = Path(deployment.code if key == "code" else deployment.model)
    if faults := list(_faults(key, path, deployment)):
        raise PlanError(
            [Failure("mi-tui/upload", str(fault), advice="Mend it; then take the same fix again.") for fault in faults]
        )
    try:
        now = _files(path)
    except OSError as error:
        raise refused("upload", f"{path} cannot be read: {error.strerror or error}.") from error
    head = f"{_WORDS[key]} is uploaded again, as it is now: {path}"
    noted = facts.get(MADE_FROM[key], "")
    if now is None or not noted:
        return [head]
    before = msgspec.json.decode(noted, type=dict[str, str])
    if now == before:
        raise refused(
            "upload", f"{_WORDS[key]} is as it was when it was uploaded, so the same would come of it: {path}",
            "Mend it first; then the same fix uploads it again. To try once more with the same files, resume the run.",
        )  # fmt: skip
    return [head, *_told(before, now)]


def changed_since(path: Path, noted: str) -> bool:
    """Whether files are known to be other than what was noted of them; False where that cannot be told."""
    now = content(path)
    return bool(noted and now) and now != noted


def _faults(key: str, path: Path, deployment: Deployment) -> Iterator[Fault]:
    if key == "model":
        yield from model_faults(path)
    else:
        yield from script_faults(path / deployment.scoring_script)


def _files(path: Path) -> dict[str, str] | None:
    """Each file by its name in the upload, sorted, with its hash; None where that cannot be told. Raises OSError."""
    known = uploads.contents(path)
    found = None if known is None else dict(sorted(known.items()))
    if found is None or len(found) <= _KEPT:
        return found
    return {"": hashlib.sha256(msgspec.json.encode(found)).hexdigest()}


def _told(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    if "" in before or "" in now:
        return
    lines = [f"~ {name} is other than it was" for name in now if name in before and now[name] != before[name]]
    lines += [f"+ {name} is new" for name in now if name not in before]
    lines += [f"- {name} is gone" for name in before if name not in now]
    yield from lines[:_NAMED]
    if len(lines) > _NAMED:
        yield f"and {len(lines) - _NAMED} more files"
