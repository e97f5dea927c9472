"""One relay at a time: who holds the lock of an exposureDB leads.

Two at once would lose nothing (numbering is a transaction), but followers would get everything twice.
"""

import fcntl
import os
from pathlib import Path
from typing import Final, Protocol

from exposure_bus.database import sqlite_path
from exposure_bus.database.watch import KEEPALIVES
from exposure_bus.errors import DatabaseRefused, DatabaseUnreachable
from exposure_publisher.errors import AnotherRelay

_LOCK: Final = 0x45585052
"""PostgreSQL's advisory lock for the relay of a database."""


class Leadership(Protocol):
    """The right to relay, held until it is closed or the process ends."""

    def close(self) -> None:
        """Give it up."""


def lead(url: str) -> Leadership:
    """Become the relay of an exposureDB.

    Raises:
        AnotherRelay: Another process is.
        DatabaseUnreachable: The database does not answer.
        DatabaseRefused: No lock can be made beside a SQLite file.
    """
    path = sqlite_path(url)
    return _FileLock(path) if path else _AdvisoryLock(url)


class _FileLock:
    def __init__(self, database: Path) -> None:
        path = database.with_name(database.name + ".relay")
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise DatabaseRefused(f"cannot lock {database}: {error.strerror} ({path})") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise AnotherRelay(f"another relay leads for {database} (it holds {path})") from None

    def close(self) -> None:
        os.close(self._descriptor)


class _AdvisoryLock:
    def __init__(self, url: str) -> None:
        import psycopg2  # noqa: PLC0415 (SQLite needs none)

        try:
            self._connection = psycopg2.connect(url, **KEEPALIVES)
            self._connection.autocommit = True
            with self._connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,))
                row = cursor.fetchone()
        except psycopg2.Error as error:
            raise DatabaseUnreachable(f"cannot lock the exposureDB: {str(error).strip()}") from error
        if not row or not row[0]:
            self._connection.close()
            raise AnotherRelay("another relay leads for this exposureDB (it holds the advisory lock)")

    def close(self) -> None:
        self._connection.close()
