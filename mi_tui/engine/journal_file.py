"""The journal's file: opened safely, brought to the present format, or read where it may not be written.

SQLite with `synchronous=FULL`: what a method has written survives a power loss. WAL on a file system of this machine; where the home is
shared over a network WAL cannot work (SQLite's "Write-Ahead Logging": all processes must be on the same host), and a rollback journal is
used.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import stat
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from mi_tui.engine.owner import begun
from mi_tui.engine.records import JournalError

SCHEMA_VERSION = 2
BUSY_SECONDS = 30
"""How long a write waits for another mi-tui's."""
_AGAIN = 0.02
"""Seconds until what SQLite refuses without a wait is asked again."""

SIDE_FILES = ("-wal", "-shm", "-journal")

_RUNS = """CREATE TABLE runs (
    id TEXT PRIMARY KEY, target TEXT NOT NULL, plan BLOB NOT NULL, started REAL NOT NULL, ended REAL, state TEXT NOT NULL,
    owner TEXT, beat REAL, adopted INTEGER NOT NULL DEFAULT 0);"""
_OPERATIONS = """CREATE TABLE operations (
    number INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, step TEXT NOT NULL, kind TEXT NOT NULL, resource TEXT NOT NULL,
    address TEXT NOT NULL, request_id TEXT NOT NULL, correlation_id TEXT NOT NULL, began REAL NOT NULL, ended REAL,
    outcome TEXT NOT NULL DEFAULT '');"""
_SCHEMA = f"""{_RUNS}
CREATE TABLE steps (
    run TEXT NOT NULL, step TEXT NOT NULL, state TEXT NOT NULL, began REAL NOT NULL, ended REAL, detail TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (run, step));
CREATE TABLE facts (run TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (run, name));
CREATE TABLE ledger (
    run TEXT NOT NULL, id TEXT NOT NULL COLLATE NOCASE, kind TEXT NOT NULL, name TEXT NOT NULL, verdict TEXT NOT NULL, evidence TEXT NOT NULL,
    noted REAL NOT NULL, place INTEGER NOT NULL, made TEXT NOT NULL DEFAULT '', stamp TEXT NOT NULL DEFAULT '',
    request_id TEXT NOT NULL DEFAULT '', PRIMARY KEY (run, id));
{_OPERATIONS}
"""
_TO_2 = f"""ALTER TABLE runs RENAME TO runs_of_format_1;
{_RUNS}
INSERT INTO runs SELECT id, target, plan, started, ended, state, NULL, NULL, 0 FROM runs_of_format_1;
DROP TABLE runs_of_format_1;
ALTER TABLE ledger ADD COLUMN made TEXT NOT NULL DEFAULT '';
ALTER TABLE ledger ADD COLUMN stamp TEXT NOT NULL DEFAULT '';
ALTER TABLE ledger ADD COLUMN request_id TEXT NOT NULL DEFAULT '';
{_OPERATIONS}
"""
_TABLES = {1: {"runs", "steps", "facts", "ledger"}, 2: {"runs", "steps", "facts", "ledger", "operations"}}

_HEADER = b"SQLite format 3\0"
"""How every database begins. SQLite itself takes a few bytes of anything for an empty database, and writes over them."""

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_DAMAGED = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
_NETWORK = (
    "nfs",
    "cifs",
    "smb",
    "9p",
    "fuse.sshfs",
    "lustre",
    "gpfs",
    "ceph",
    "afs",
    "glusterfs",
    "fuse.gluster",
    "beegfs",
)
"""Beginnings of the names of file systems that other machines may write to as well."""


@dataclass
class Opened:
    """An open journal. `why_not` says why it cannot be written; empty when it can. Then `db` is a copy in memory."""

    db: sqlite3.Connection
    why_not: str = ""
    notices: list[str] = field(default_factory=list)
    """What was put right on opening, in sentences."""


def open_file(path: Path) -> Opened:
    """Open the journal, making it where there is none. JournalError for one that must not be touched: damaged, newer, or not yours."""
    notices: list[str] = []
    try:
        _prepare(path, notices)
        db = _connect(path)
        try:
            _bring_up(db, path, notices)
        except BaseException:
            db.close()
            raise
    except sqlite3.Error as error:
        if _code(error) in _DAMAGED or not isinstance(error, sqlite3.OperationalError):
            raise JournalError(_damaged(path, str(error))) from error
        if _code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise JournalError(
                f"The journal {path} is in use by another mi-tui that does not let it go. Nothing was changed. Try again."
            ) from error
        return _for_reading(path, str(error), notices)
    except OSError as error:
        return _for_reading(path, error.strerror or str(error), notices)
    return Opened(db, "", notices)


def _prepare(path: Path, notices: list[str]) -> None:
    """The folder and the file are there, for their owner only, and no link leads elsewhere. OSError when they cannot be."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _own(os.stat(path.parent), path.parent)
    private_folder(path.parent, notices)
    for name in (path, *(path.with_name(path.name + end) for end in SIDE_FILES)):
        refuse_link(name, "journal")
    new = not path.exists()
    number = os.open(path, os.O_RDWR | os.O_CREAT | _NOFOLLOW, 0o600)
    try:
        found = os.fstat(number)
        if not stat.S_ISREG(found.st_mode):
            raise JournalError(
                f"{path} is no file. Nothing was changed. Move it away, or set MI_TUI_HOME to another folder."
            )
        _own(found, path)
        if found.st_size and os.read(number, len(_HEADER)) != _HEADER:
            raise JournalError(_damaged(path, "it is no database"))
        if os.name != "nt" and stat.S_IMODE(found.st_mode) & 0o077:
            os.fchmod(number, 0o600)
            notices.append(f"{path} could be read by other users of this machine; it is yours alone again (mode 0600).")
        if new:
            os.fsync(number)
            sync_folder(path.parent)
    finally:
        os.close(number)


def private_folder(folder: Path, notices: list[str]) -> None:
    """Take rights on the folder away from everybody but its owner, and say so. OSError when that cannot be done.

    A folder that was made for more than mi-tui (/tmp, a person's home) keeps its rights; what lies in it is closed by itself.
    """
    found = os.stat(folder)
    shared = found.st_mode & stat.S_ISVTX or folder.resolve() == Path.home() or found.st_uid != os.geteuid()
    if os.name != "nt" and stat.S_IMODE(found.st_mode) & 0o077 and not shared:
        os.chmod(folder, 0o700)
        notices.append(
            f"{folder} could be entered by other users of this machine; it is yours alone again (mode 0700)."
        )


def refuse_link(path: Path, what: str) -> None:
    """JournalError when something else than `path` itself would be written: it is a symbolic link."""
    if path.is_symlink():
        raise JournalError(
            f"{path} is a symbolic link. mi-tui follows none at the place of its {what}: whoever made it could have chosen another file. "
            "Nothing was changed. Remove the link, or set MI_TUI_HOME to the folder that is meant."
        )


def sync_folder(folder: Path) -> None:
    """A new name in the folder survives a power loss. Where folders cannot be synced (Windows), nothing happens."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _own(found: os.stat_result, path: Path) -> None:
    # Root may change everything anyway.
    if os.name == "nt" or os.geteuid() == 0 or found.st_uid in {0, os.geteuid()}:
        return
    raise JournalError(
        f"{path} belongs to another user (id {found.st_uid}), who could change what mi-tui believes. Nothing was changed. "
        f"Say 'sudo chown -R \"$(id -un)\" {path}' if it is yours, or set MI_TUI_HOME to a folder of your own."
    )


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)
    db.row_factory = sqlite3.Row
    return db


def _bring_up(db: sqlite3.Connection, path: Path, notices: list[str]) -> None:
    version = _checked_version(db, path)
    # Not before the version is known: WAL writes into the file.
    _set_mode(db, "TRUNCATE" if _on_network(path) else "WAL")
    db.execute("PRAGMA synchronous=FULL")
    if version == 0:
        _begin(db, path)
        if _version(db) == 0:  # another one may have made it meanwhile
            _script(db, _SCHEMA, SCHEMA_VERSION)
        db.execute("COMMIT")
    elif version < SCHEMA_VERSION:
        copy = _copy_beside(db, path, version)
        _begin(db, path)
        if _version(db) == version:
            migrate(db, version)
        db.execute("COMMIT")
        notices.append(f"The journal was brought to a newer format; as it was before, it lies in {copy}.")


def _set_mode(db: sqlite3.Connection, mode: str) -> None:
    """Set the journal mode. Of two that do so at once SQLite refuses one without any wait (it would be a deadlock): that one asks again."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute(f"PRAGMA journal_mode={mode}")
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(_AGAIN)
        else:
            return


def _begin(db: sqlite3.Connection, path: Path) -> None:
    db.execute("BEGIN IMMEDIATE")
    if (version := _version(db)) > SCHEMA_VERSION:
        db.execute("ROLLBACK")
        raise JournalError(_newer(path, version))


def migrate(db: sqlite3.Connection, version: int) -> None:
    """Bring an older format up, in the transaction that is open. JournalError while an older mi-tui drives a run in it."""
    if version == 1:
        for row in db.execute(
            "SELECT id, owner, owner_started FROM runs WHERE owner IS NOT NULL AND state = 'running'"
        ):
            now = begun(int(row["owner"]))
            if now and now in {row["owner_started"], -1.0}:
                raise JournalError(
                    f"An older mi-tui (process {row['owner']}) is driving run {row['id']} in this journal. Nothing was changed. "
                    "Wait for its end, or stop it; then this one brings the journal to its own format."
                )
        _script(db, _TO_2, 2)


def _script(db: sqlite3.Connection, text: str, version: int) -> None:
    """Each statement by itself: `executescript` would end the open transaction."""
    for statement in text.split(";\n"):
        if statement.strip():
            db.execute(statement.strip().rstrip(";"))
    db.execute(f"PRAGMA user_version={version}")


def _copy_beside(db: sqlite3.Connection, path: Path, version: int) -> Path:
    """The file as it is, whole and synced, under a name that says its format. OSError when there is no room for it."""
    copy = path.with_name(f"{path.name}.format-{version}")
    part = copy.with_name(f"{copy.name}.part")
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW, 0o600))
    target = sqlite3.connect(part)
    try:
        db.backup(target)
    finally:
        target.close()
    number = os.open(part, os.O_RDONLY | _NOFOLLOW)
    try:
        os.fsync(number)
    finally:
        os.close(number)
    part.replace(copy)
    sync_folder(path.parent)
    return copy


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _checked_version(db: sqlite3.Connection, path: Path) -> int:
    """The format of the file; JournalError when it is newer than what is known here, or damaged. Nothing is written."""
    version = _version(db)
    if version > SCHEMA_VERSION:
        raise JournalError(_newer(path, version))
    there = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if _version(db) != version:
        return _checked_version(db, path)  # another one has made it, or brought it up, between the two looks
    if version and not _TABLES[version] <= there:
        raise JournalError(_damaged(path, f"it lacks {', '.join(sorted(_TABLES[version] - there))}"))
    if not version and there:
        raise JournalError(_damaged(path, "it is a database of something else"))
    if version:
        said = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
        if said != "ok":
            raise JournalError(_damaged(path, said))
    return version


def _for_reading(path: Path, reason: str, notices: list[str]) -> Opened:
    """What the file says, in memory: the home cannot be written. JournalError when it cannot even be read."""
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    try:
        there = path.exists()
    except OSError:
        there = False
    try:
        if there:
            _read_into(db, path)
        version = _checked_version(db, path)
        if version == 0:
            _script(db, _SCHEMA, SCHEMA_VERSION)
        elif version < SCHEMA_VERSION:
            _script(db, _TO_2, 2)
    except (OSError, sqlite3.Error) as error:
        raise JournalError(_damaged(path, str(error))) from error
    why = (
        f"The journal {path} cannot be written ({reason}), and without it nothing is begun: what is made and not noted could not be "
        "removed again. Nothing was changed. Make the folder writable, free some space, or set MI_TUI_HOME to a folder that you may write to."
    )
    return Opened(db, why, notices)


def _read_into(memory: sqlite3.Connection, path: Path) -> None:
    """By way of a private copy: SQLite reads a file that a crash left behind only where it may write."""
    with tempfile.TemporaryDirectory(prefix="mi-tui-") as folder:
        copy = Path(folder) / "journal.db"
        for end in ("", "-wal", "-journal"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(path.with_name(path.name + end), copy.with_name(copy.name + end))
        source = sqlite3.connect(copy)
        try:
            source.backup(memory)
        finally:
            source.close()


def _on_network(path: Path) -> bool:
    """Whether the file lies on a file system that other machines may write to, by Linux's /proc/self/mountinfo."""
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return False
    where, best, kind = str(path.resolve()), "", ""
    for line in lines:
        before, _, after = line.partition(" - ")
        mount = before.split()[4].encode().decode("unicode_escape")
        if (where == mount or where.startswith(f"{mount.rstrip('/')}/")) and len(mount) >= len(best):
            best, kind = mount, after.split()[0]
    return kind.startswith(_NETWORK)


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _damaged(path: Path, what: str) -> str:
    return (
        f"The journal {path} cannot be read ({what}). It was left as it is, and nothing was changed. Move the file away to begin a new "
        "journal ('mi-tui down --adopt-by-tag RUN' removes what a run of the old one made), or restore it from a backup."
    )


def _newer(path: Path, version: int) -> str:
    return (
        f"The journal {path} was written by a newer mi-tui (format {version}; this one knows {SCHEMA_VERSION}). "
        "It was left as it is. Update mi-tui, or set MI_TUI_HOME to another folder."
    )
