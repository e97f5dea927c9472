"""The cache on PostgreSQL, for hosts that share one."""

import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import psycopg2
from psycopg2.extras import execute_values

from exposure_bus.database.watch import KEEPALIVES
from exposure_bus.errors import DatabaseError, DatabaseRefused, DatabaseUnreachable
from exposure_bus.settings import redacted
from exposure_subscriber.cache.database import CacheDatabase, Row, percent_placeholders
from exposure_subscriber.cache.schema import COLUMNS, POSTGRESQL_WORDS, UPSERT_TAIL, VERSION
from exposure_subscriber.cache.waiting import CHANNEL

LOCK_TIMEOUT: Final = 5.0
"""Seconds to wait for a lock that somebody else holds; short of what the broker waits for a heartbeat."""

COPY_FROM: Final = 500
"""Rows from which COPY into a staging table beats an INSERT of many values."""

_NAMES: Final = 0x45585043
_CREATION: Final = 0x45585044
"""Advisory locks: the space of names held, and the making of the tables."""

_OURS_ALONE: Final = f"SELECT 1 / count(*) FROM follower WHERE id = 1 AND version = {VERSION}; "
"""Divides by zero where the cache is of another version. It travels with the statement behind it, and holds off a
rebuild until that is done."""

_COLUMNS: Final = """SELECT attname, attnotnull AND NOT atthasdef AND attidentity = '' FROM pg_attribute
    WHERE attrelid = to_regclass(?) AND attnum > 0 AND NOT attisdropped"""

_COLUMN_LIST: Final = ", ".join(COLUMNS)
_INSERT: Final = f"INSERT INTO exposure ({_COLUMN_LIST}) VALUES %s {UPSERT_TAIL}"
_STAGE: Final = "CREATE TEMPORARY TABLE staged (LIKE exposure)"
_MERGE: Final = f"INSERT INTO exposure ({_COLUMN_LIST}) SELECT {_COLUMN_LIST} FROM staged {UPSERT_TAIL}"


class PostgresqlCache(CacheDatabase):
    """The cache in a PostgreSQL database."""

    for_update = " FOR UPDATE"

    _words = POSTGRESQL_WORDS
    _foreign = psycopg2.Error

    def upsert(self, writer: Any, rows: Sequence[Row]) -> None:
        """Insert a few rows as values, many by COPY and one merge."""
        if len(rows) < COPY_FROM:
            execute_values(writer.cursor, _INSERT, rows, page_size=COPY_FROM)
            return
        writer.cursor.execute(_STAGE)
        text = io.StringIO("".join(map(_copy_line, rows)))
        writer.cursor.copy_expert(f"COPY staged ({_COLUMN_LIST}) FROM STDIN", text)
        writer.cursor.execute(_MERGE)
        writer.cursor.execute("DROP TABLE staged")  # one transaction may bring many twice

    def notify(self, writer: Any) -> None:
        """Notify; it leaves with the commit."""
        writer.cursor.execute(f"NOTIFY {CHANNEL}")

    def columns(self, writer: Any, table: str) -> dict[str, bool]:
        """Ask PostgreSQL's catalogue for the table that a statement would find."""
        found = writer.execute(_COLUMNS, (table,))
        return {name: bool(needed) for name, needed in found.fetchall()}

    def serialise_creation(self, writer: Any) -> None:
        """Wait for an advisory lock, which the transaction holds to its end."""
        writer.execute("SELECT pg_advisory_xact_lock(?)", (_CREATION,))

    @contextmanager
    def hold_name(self, name: str) -> Iterator[bool]:
        """Hold a name by an advisory lock, on a connection of its own."""
        with self._translated():
            connection = self._connect()
        try:
            with self._translated(), connection.cursor() as cursor:
                key = zlib.crc32(name.encode()) - 2**31
                cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", (_NAMES, key))
                held = bool(cursor.fetchone()[0])
            yield held
        finally:
            _let_go(connection)

    def _connect(self) -> Any:
        connection = psycopg2.connect(self.url, **KEEPALIVES)
        connection.autocommit = True
        connection.cursor().execute("SELECT set_config('lock_timeout', %s, false)", (f"{LOCK_TIMEOUT:g}s",))
        return connection

    def _select(self, sql: str, values: Sequence[Any]) -> list[Row]:
        cursor = self.connection.cursor()
        cursor.execute(_OURS_ALONE + sql, values)
        rows: list[Row] = cursor.fetchall()
        return rows

    def _begin(self, cursor: Any) -> None:
        cursor.execute("BEGIN")

    def _roll_back(self, cursor: Any) -> None:
        try:
            cursor.execute("ROLLBACK")
        except psycopg2.Error:
            self._forget()  # the server undoes what a lost connection left

    def _ours(self, error: psycopg2.Error) -> DatabaseError:
        text = f"the cache {redacted(self.url)}: {_first_line(error)}"
        if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
            self._forget()
            return DatabaseUnreachable(text)
        return DatabaseRefused(text)

    def _forget(self) -> None:
        """Open another connection at the next use."""
        self._local.pid = None

    def _placed(self, sql: str) -> str:
        return percent_placeholders(sql)


def _first_line(error: psycopg2.Error) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _let_go(connection: Any) -> None:
    """Give up all locks before closing: the server notices the end of a session only a moment later."""
    with suppress(psycopg2.Error), connection.cursor() as cursor:  # a session that is broken holds none for long
        cursor.execute("SELECT pg_advisory_unlock_all()")
    connection.close()


def _copy_line(row: Row) -> str:
    # Nearly all values are numbers, in which nothing is to be escaped.
    values = [
        "\\N" if value is None else value.translate(_ESCAPES) if isinstance(value, str) else str(value) for value in row
    ]
    return "\t".join(values) + "\n"
