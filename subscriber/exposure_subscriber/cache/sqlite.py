"""The cache on SQLite: one file, one writer, any number of readers beside it (WAL)."""

import fcntl
import os
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from exposure_bus.database.wal import enter_wal
from exposure_bus.errors import DatabaseError, DatabaseRefused, DatabaseUnreachable
from exposure_subscriber.cache.database import CacheDatabase, Row
from exposure_subscriber.cache.schema import COLUMNS, SQLITE_WORDS, UPSERT_TAIL
from exposure_subscriber.cache.version import BEFORE_VERSIONS, QUERY, require_ours

BUSY_TIMEOUT: Final = 5.0
"""Seconds to wait for another writer; short of what the broker waits for a heartbeat."""

_UPSERT: Final = f"INSERT INTO exposure ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) {UPSERT_TAIL}"


class SqliteCache(CacheDatabase):
    """The cache in a SQLite file."""

    _words = SQLITE_WORDS
    _foreign = sqlite3.DatabaseError

    def __init__(self, url: str, path: Path) -> None:
        super().__init__(url)
        self._path = path
        self.name = str(path)

    def identity(self) -> object:
        """Return which file it is: one that was moved away is not this cache any more."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 (in each query; pathlib's way takes half as long again)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def create(self) -> None:
        """Make the file, its folder and its tables where they are missing."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch()
        except OSError as error:
            raise DatabaseRefused(f"cannot make the cache {self._path}: {error.strerror}") from error
        with self._translated():
            enter_wal(self.connection, BUSY_TIMEOUT)
        super().create()

    def upsert(self, writer: Any, rows: Sequence[Row]) -> None:
        """Insert by the driver's executemany, which is the quickest there is."""
        writer.cursor.executemany(_UPSERT, rows)

    def notify(self, writer: Any) -> None:
        """Do nothing: the commit writes to the file, and that wakes."""

    def columns(self, writer: Any, table: str) -> dict[str, bool]:
        """Ask SQLite's own list."""
        found = writer.execute('SELECT name, "notnull" AND dflt_value IS NULL FROM pragma_table_info(?)', (table,))
        return {name: bool(needed) for name, needed in found.fetchall()}

    def serialise_creation(self, writer: Any) -> None:
        """Do nothing: a writing transaction has the file to itself."""

    @contextmanager
    def hold_name(self, name: str) -> Iterator[bool]:
        """Hold a name by a lock on a file beside the cache."""
        path = self._path.with_name(f"{self._path.name}.{zlib.crc32(name.encode()):08x}.position")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise DatabaseRefused(f"cannot hold the name {name!r} by {path}: {error.strerror}") from error
        try:
            yield _lock(descriptor)
        finally:
            os.close(descriptor)

    def _connect(self) -> sqlite3.Connection:
        uri = f"{self._path.as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last commits: healing brings them
        return connection

    def _select(self, sql: str, values: Sequence[Any]) -> list[Row]:
        cursor = self.connection.cursor()
        rows: list[Row] = cursor.execute(sql, values).fetchall()
        # Afterwards: what was read was of this version, if the cache still is.
        version = cursor.execute(QUERY).fetchone()
        require_ours(self.name, version[0] if version else BEFORE_VERSIONS)
        return rows

    def _begin(self, cursor: sqlite3.Cursor) -> None:
        cursor.execute("BEGIN IMMEDIATE")

    def _roll_back(self, cursor: sqlite3.Cursor) -> None:
        if cursor.connection.in_transaction:
            cursor.execute("ROLLBACK")

    def _ours(self, error: sqlite3.DatabaseError) -> DatabaseError:
        if not isinstance(error, sqlite3.OperationalError):
            return DatabaseRefused(f"the cache {self._path}: {error}; it is a copy: move it away, it is rebuilt")
        text = str(error)
        kind = DatabaseUnreachable if "locked" in text or "full" in text or "disk I/O" in text else DatabaseRefused
        return kind(f"the cache {self._path}: {text}")

    def _placed(self, sql: str) -> str:
        return sql


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
