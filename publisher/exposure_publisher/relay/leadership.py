"""One relay at a time: who holds the lock of an exposureDB leads.

Two at once would lose nothing (docs/decisions/0017-a-lease-for-the-leader.md), but followers would get everything
twice.

Who stands by keeps its descriptor or its session, and tries again a few times a second: to wait in the lock itself
would hold a snapshot, for weeks, and keep PostgreSQL from cleaning up behind ICS.
"""

import fcntl
import os
from pathlib import Path
from typing import Final, Protocol

from exposure_bus.database import sqlite_path
from exposure_bus.database.watch import KEEPALIVES
from exposure_bus.errors import DatabaseRefused, DatabaseUnreachable
from exposure_publisher.errors import AnotherRelay

LEASE: Final = 12.0
"""Seconds without `Leadership.renew` after which PostgreSQL takes the lead from a leader that is frozen or cut off: two
heartbeats of the relay's, with which it renews."""

_LOCK: Final = 0x45585052
"""PostgreSQL's advisory lock for the relay of a database."""


class Leadership(Protocol):
    """The right to relay, or the wish for it: held until it is closed, lost, or the process ends."""

    def acquire(self) -> bool:
        """Try to get it, without waiting; whether it is held.

        Raises:
            DatabaseUnreachable: The database does not answer, or the lock was replaced; stand anew.
        """

    def renew(self) -> None:
        """See that it is still held, and hold it for another `LEASE`.

        Raises:
            DatabaseUnreachable: It is lost.
        """

    def close(self) -> None:
        """Give it up."""


def stand(url: str) -> Leadership:
    """Stand for the lead of an exposureDB; nothing is held yet.

    Raises:
        DatabaseUnreachable: The database does not answer.
        DatabaseRefused: No lock can be made beside a SQLite file.
    """
    path = sqlite_path(url)
    return _FileLock(path) if path else _AdvisoryLock(url)


def lead(url: str) -> Leadership:
    """Become the relay of an exposureDB.

    Raises:
        AnotherRelay: Another process is.
        DatabaseUnreachable: The database does not answer.
        DatabaseRefused: No lock can be made beside a SQLite file.
    """
    leadership = stand(url)
    held = False
    try:
        held = leadership.acquire()
    finally:
        if not held:
            leadership.close()
    if not held:
        raise AnotherRelay("another relay leads for this exposureDB (it holds the lock)")
    return leadership


class _FileLock:
    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".relay")
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise DatabaseRefused(f"cannot lock {database}: {error.strerror} ({self._path})") from error

    def acquire(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self.renew()
        return True

    def renew(self) -> None:
        """The kernel keeps it; but a lock on a file that nobody finds any more keeps nobody out."""
        held = os.fstat(self._descriptor)
        try:
            found = self._path.stat()
        except OSError:
            found = None
        if found is None or not os.path.samestat(held, found):
            raise DatabaseUnreachable(f"the relay's lock {self._path} was moved away or replaced")

    def close(self) -> None:
        os.close(self._descriptor)


class _AdvisoryLock:
    def __init__(self, url: str) -> None:
        import psycopg2  # noqa: PLC0415 (SQLite needs none)

        self._error: type[Exception] = psycopg2.Error
        try:
            self._connection = psycopg2.connect(url, **KEEPALIVES)
        except psycopg2.Error as error:
            raise DatabaseUnreachable(f"cannot lock the exposureDB: {str(error).strip()}") from error
        self._connection.autocommit = True

    def acquire(self) -> bool:
        if not self._run("SELECT pg_try_advisory_lock(%s)", (_LOCK,)):
            return False
        self._run(_END_WHEN_IDLE, (f"{LEASE:g}s",))
        return True

    def renew(self) -> None:
        self._run("SELECT true", ())

    def close(self) -> None:
        self._connection.close()

    def _run(self, sql: str, values: tuple[object, ...]) -> object:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, values)
                row = cursor.fetchone()
        except self._error as error:
            text = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise DatabaseUnreachable(f"cannot lock the exposureDB: {text}") from error
        return row and row[0]


_END_WHEN_IDLE: Final = """SELECT set_config(name, CASE name WHEN 'idle_session_timeout' THEN %s
    WHEN 'tcp_keepalives_idle' THEN '5' WHEN 'tcp_keepalives_interval' THEN '2' WHEN 'tcp_keepalives_count' THEN '3'
    END, false) FROM pg_settings
    WHERE name IN ('idle_session_timeout', 'tcp_keepalives_idle', 'tcp_keepalives_interval', 'tcp_keepalives_count')"""
"""The server itself ends the session of a leader that says nothing. PostgreSQL 13 and older know no such limit: there
only a host that is gone is found out, by keepalives of the server's."""
