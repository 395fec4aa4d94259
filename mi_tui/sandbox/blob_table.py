"""The rows of blobs and of uncommitted blocks, and the files that go with them: the part of the store that the blob service fills."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from mi_tui.sandbox.records import Blob


class BlobTable:
    """What `Store` knows of blobs; it gives the database and the folder of contents."""

    _db: sqlite3.Connection
    blob_folder: Path

    def blob(self, account: str, container: str, name: str) -> Blob | None:
        """One committed blob."""
        row = self._db.execute(
            "SELECT * FROM blobs WHERE account=? AND container=? AND name=?", (account, container, name)
        ).fetchone()
        return None if row is None else self._blob(row)

    def blobs(self) -> list[Blob]:
        """Every committed blob, by account, container and name."""
        return [self._blob(row) for row in self._db.execute("SELECT * FROM blobs ORDER BY account, container, name")]

    def blobs_in(self, account: str, container: str, prefix: str = "", start: str = "") -> Iterator[Blob]:
        """A container's committed blobs in the order of their names, from the name `start` on, read as they are asked for."""
        rows = self._db.execute(
            "SELECT * FROM blobs WHERE account=? AND container=? AND name >= ? ORDER BY name",
            (account, container, max(prefix, start)),
        )
        for row in rows:
            if not row["name"].startswith(prefix):
                return
            yield self._blob(row)

    def blob_files(self) -> set[str]:
        """The names of the files that committed blobs and uncommitted blocks have."""
        return {row["file"] for row in self._db.execute("SELECT file FROM blobs UNION SELECT file FROM blocks")}

    def put_blob(self, blob: Blob) -> None:
        """Create or replace a blob's row."""
        self._db.execute(
            "INSERT OR REPLACE INTO blobs VALUES (?, ?, ?, ?, ?, ?)",
            (blob.account, blob.container, blob.name, blob.size, blob.file, json.dumps(blob.properties)),
        )

    def remove_blobs(self, account: str, container: str | None = None, name: str | None = None) -> None:
        """Delete the rows and the files of one blob, of a container, or of an account, with their uncommitted blocks."""
        where, values = ["account=?"], [account]
        for column, value in (("container", container), ("name", name)):
            if value is not None:
                where.append(f"{column}=?")
                values.append(value)
        condition = " AND ".join(where)
        for table in ("blobs", "blocks"):
            gone = self._db.execute(f"DELETE FROM {table} WHERE {condition} RETURNING file", values).fetchall()
            # After the rows: a file without a row is swept at the next start, a row without a file is a broken blob.
            for row in gone:
                (self.blob_folder / row["file"]).unlink(missing_ok=True)

    def blocks(self, account: str, container: str, name: str) -> dict[str, tuple[int, str]]:
        """Uncommitted blocks of a blob: block id -> (size in bytes, file)."""
        rows = self._db.execute(
            "SELECT * FROM blocks WHERE account=? AND container=? AND name=?", (account, container, name)
        )
        return {row["block"]: (row["size"], row["file"]) for row in rows}

    def begun_blobs(self, account: str, container: str) -> list[str]:
        """The names of a container's blobs that have uncommitted blocks."""
        rows = self._db.execute(
            "SELECT DISTINCT name FROM blocks WHERE account=? AND container=? ORDER BY name", (account, container)
        )
        return [str(row["name"]) for row in rows]

    def put_block(self, account: str, container: str, name: str, block: str, size: int, file: str) -> None:
        """Remember an uncommitted block."""
        self._db.execute(
            "INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?, ?, ?)", (account, container, name, block, size, file)
        )

    def remove_blocks(self, account: str, container: str, name: str) -> None:
        """Forget a blob's uncommitted blocks and delete their files."""
        files = self.blocks(account, container, name).values()
        self._db.execute("DELETE FROM blocks WHERE account=? AND container=? AND name=?", (account, container, name))
        for _, file in files:
            (self.blob_folder / file).unlink(missing_ok=True)

    @staticmethod
    def _blob(row: sqlite3.Row) -> Blob:
        return Blob(
            row["account"], row["container"], row["name"], row["size"], row["file"], json.loads(row["properties"])
        )
