"""The person's conda file: read, changed as it was shown and confirmed, and the text before kept beside it under a name of its own."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mi_tui.engine.mending.conda import with_requirements
from mi_tui.model.failure import Failure
from mi_tui.services.errors import ServiceError


@dataclass(frozen=True)
class Edit:
    """A change of a conda file that was shown. The texts themselves are not kept: a file may hold an address with a password."""

    path: str
    requirements: tuple[str, ...]
    backup: str
    """The name of the file, beside it, that gets the text before."""
    before: str
    """The hash of the text before, and below of the one after."""
    after: str
    source: str = ""
    """The file whose changed text becomes a new one at `path`: the example that comes with mi-tui is never changed. Empty: `path` itself."""


@dataclass(frozen=True)
class Aside:
    """Files that are not the person's, and where a changed copy of one goes."""

    example: Path
    copies: Path

    def instead_of(self, path: str) -> str:
        """Where the changed text of a file of the example goes, a name that nothing has; empty for any other file."""
        if not Path(path).is_relative_to(self.example):
            return ""
        number = 1
        while (copy := self.copies / f"conda-{number}.yaml").exists():
            number += 1
        return str(copy)


MADE_FROM = "environment_made_from"
"""The fact that says of which text a run's environment was registered last: its hash."""


def text_of(path: str) -> str:
    """The file's text, its line ends as they are. Raises ServiceError."""
    try:
        return Path(path).read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise _trouble(path, "it is no UTF-8 text") from error
    except OSError as error:
        raise _trouble(path, f"it cannot be read: {error.strerror or error}") from error


def plan_edit(path: str, requirements: tuple[str, ...], aside: Aside | None = None) -> tuple[Edit, str, str]:
    """The change that puts the requirements into the file, with the text before and after it. Raises ServiceError."""
    before = text_of(path)
    after = with_requirements(before, requirements)
    if aside is not None and (copy := aside.instead_of(path)):
        return Edit(copy, requirements, "", hash_of(before), hash_of(after), path), before, after
    return Edit(path, requirements, _free_name(Path(path)), hash_of(before), hash_of(after)), before, after


def carry_out(edit: Edit) -> str:
    """Make the change, once; what was done, in words. One that somebody changed since it was shown stays as it is. Raises ServiceError."""
    if edit.source:
        return _copied(edit)
    path, now = Path(edit.path), text_of(edit.path)
    if hash_of(now) == edit.after:
        return "was changed already"
    if hash_of(now) != edit.before:
        return "somebody changed it meanwhile: it is taken as it is"
    changed = with_requirements(now, edit.requirements)
    try:
        kept = _keep(path, edit.backup, now)
        _replace(path, changed)
    except OSError as error:
        raise _trouble(edit.path, f"it cannot be written: {error.strerror or error}") from error
    return f"changed; as it was before, it is kept as {kept}"


def _copied(edit: Edit) -> str:
    """Write the changed text of a file that stays as it is."""
    path = Path(edit.path)
    try:
        if path.exists() and hash_of(text_of(edit.path)) == edit.after:
            return "was written already"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(with_requirements(text_of(edit.source), edit.requirements).encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _trouble(edit.path, f"it cannot be written: {error.strerror or error}") from error
    return f"written as {path}; the example stays as it is"


def _keep(path: Path, name: str, text: str) -> str:
    """Write the text before beside the file, under a name that nothing has; the one that was taken."""
    content = text.encode()
    kept = path.with_name(name)
    with contextlib.suppress(FileNotFoundError):
        if kept.read_bytes() == content:
            return kept.name  # an earlier try of this change wrote it
        kept = path.with_name(_free_name(path))
    with kept.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return kept.name


def _replace(path: Path, text: str) -> None:
    """Put another text in the file's place, whole or not at all, with its permissions."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, name)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _free_name(path: Path) -> str:
    """`conda.before-mi-tui.yaml`, or the first `conda.before-mi-tui-2.yaml` and so on that is free."""
    number = 1
    while True:
        extra = "" if number == 1 else f"-{number}"
        name = f"{path.stem}.before-mi-tui{extra}{path.suffix}"
        if not os.path.lexists(path.with_name(name)):
            return name
        number += 1


def hash_of(text: str) -> str:
    """What tells a text from another one."""
    return hashlib.sha256(text.encode()).hexdigest()


def _trouble(path: str, why: str) -> ServiceError:
    return ServiceError(
        Failure("mi-tui/conda-file", f"The conda file {path} cannot be changed: {why}.", advice="Mend it, then resume.")
    )
