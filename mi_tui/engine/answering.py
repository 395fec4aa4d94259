"""Answers and files: the example that works, a file read with all that is wrong with it, and a file written for its owner."""

from __future__ import annotations

import secrets
from pathlib import Path

from mi_tui.engine import files
from mi_tui.model.answers import Answers, Deployment, Endpoint, Identity, IdentityKind, Storage, Workspace
from mi_tui.model.answers_file import read as read_text
from mi_tui.model.answers_rules import AnswersError, Fault

NOWHERE = Workspace("11111111-2222-3333-4444-555555555555", "rg-ml-dev", "ml-dev")
"""Stands for the workspace that the person will fill in."""


def example(kind: IdentityKind, place: Workspace, folder: Path) -> Answers:
    """Answers that deploy the example in `folder`, under new names."""
    suffix = secrets.token_hex(3)
    return Answers(
        workspace=place,
        identity=Identity(kind, f"id-mi-tui-{suffix}" if kind is IdentityKind.UAI else None),
        storage=Storage(f"stmitui{suffix}", upload=str(folder / "hello.txt")),
        endpoint=Endpoint(f"ep-mi-tui-{suffix}"),
        deployment=Deployment(str(folder / "model"), str(folder / "code"), str(folder / "environment" / "conda.yaml")),
        request=str(folder / "sample-request.json"),
    )


def read(path: Path) -> Answers:
    """The answers in a file, with absolute paths. AnswersError lists all that is wrong with them, and with the files they name."""
    found = read_text(_text(path), str(path))
    faults = list(found.faults)
    try:
        answers = files.resolve(found.answers, path.resolve().parent)
    except AnswersError as error:
        known = {fault.place for fault in faults}
        faults += [fault for fault in error.faults if found.stands(fault) and fault.place not in known]
    if faults:
        raise AnswersError(faults, str(path))
    return answers


def read_to_check(path: Path) -> Answers:
    """The answers in a file, with absolute paths, whatever is wrong with the files that they name: the checks say that.

    AnswersError lists what is wrong with the answers themselves.
    """
    found = read_text(_text(path), str(path))
    if found.faults:
        raise AnswersError(list(found.faults), str(path))
    return files.absolute(found.answers, path.resolve().parent)[0]


def write(path: Path, text: str, *, replace: bool) -> Path:
    """Write a file; where it lies. FileExistsError for one that may not be replaced, AnswersError when it cannot be written."""
    path = path.expanduser()
    if files.here() is None and not path.is_absolute():
        raise AnswersError(_one_fault(f"it cannot be written: {files.FOLDER_GONE}"), str(path))
    path = path.absolute()
    try:
        with path.open("w" if replace else "x", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
    except FileExistsError:
        raise
    except OSError as error:
        raise AnswersError(_one_fault(f"it cannot be written: {error.strerror or error}."), str(path)) from error
    return path


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise AnswersError(_one_fault("the file is no UTF-8 text."), str(path)) from error
    except OSError as error:
        why = f"{error.strerror or error}." if files.here() or path.is_absolute() else files.FOLDER_GONE
        raise AnswersError(_one_fault(f"it cannot be read: {why}"), str(path)) from error


def _one_fault(words: str) -> list[Fault]:
    return [Fault("the file", 0, words)]
