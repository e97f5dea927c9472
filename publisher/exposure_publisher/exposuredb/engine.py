"""How the exposureDB is opened, and how its driver's errors become ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import exc

from exposure_bus.database import sqlite_path
from exposure_bus.database.wal import enter_wal
from exposure_bus.database.watch import KEEPALIVES
from exposure_bus.errors import DatabaseError, DatabaseRefused, DatabaseUnreachable
from exposure_bus.settings import redacted
from exposure_publisher.exposuredb.odd_values import read_odd_values

BUSY_TIMEOUT: Final = 10.0
"""Seconds that a SQLite writer waits for another one."""

SCHEMA: Final = "exposure_bus"
"""Where everything of ours is in a PostgreSQL database whose exposures are in somebody else's table."""

_NO_CONNECTION: Final = "08"
_PASSING_CLASSES: Final = ("08", "53", "57")
"""PostgreSQL's error classes that pass: no connection, no resources, an operator restarts it."""


def open_engine(url: str, *, ping: bool = True) -> sa.Engine:
    """Return an engine for the exposureDB; no connection is made yet, but a SQLite file's folder is.

    Args:
        url: The exposureDB.
        ping: Whether to see, before each use, that a server's connection still lives, and to make another if not.
    """
    path = sqlite_path(url)
    if path is None:
        driver_url = sa.make_url(url).set(drivername="postgresql+psycopg2")
        # Many upserts travel together: one by one they would run at a third of the speed.
        mode = "values_plus_batch"
        engine = sa.create_engine(driver_url, connect_args=KEEPALIVES, pool_pre_ping=ping, executemany_mode=mode)
        sa.event.listen(engine, "connect", _prepare_postgresql)
        return engine
    with translated(url):
        path.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_TIMEOUT})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "checkout", _show_what_is_attached_now)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def writing(engine: sa.Engine, *, durable: bool = True) -> Iterator[sa.Connection]:
    """A transaction that writes: on SQLite it takes its turn at once, rather than fail half-way.

    Args:
        engine: The exposureDB.
        durable: Whether the commit waits for the disk; a power cut may cost one that does not.
    """
    options = {"begin": "BEGIN IMMEDIATE", "synchronous": "FULL" if durable else "NORMAL"}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        if not durable and engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        yield connection


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Turn the driver's and the operating system's errors into ours.

    Raises:
        DatabaseUnreachable: It does not answer, is busy or was restarted; worth another try.
        DatabaseRefused: It says no: rights, no such table, not a database, a full disk.
    """
    try:
        yield
    except exc.DBAPIError as error:
        raise _ours(error, url) from error
    except OSError as error:
        raise DatabaseRefused(f"cannot open {redacted(url)}: {error.strerror or error}") from error


def _ours(error: exc.DBAPIError, url: str) -> DatabaseError:
    text = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
    passing = error.connection_invalidated or "locked" in text or "busy" in text
    if isinstance(error, exc.OperationalError) and not url.startswith("sqlite"):
        code = getattr(error.orig, "pgcode", None) or _NO_CONNECTION
        passing = passing or code.startswith(_PASSING_CLASSES)
    kind = DatabaseUnreachable if passing else DatabaseRefused
    return kind(f"the exposureDB {redacted(url)}: {text}")


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    read_odd_values(connection)
    with connection.cursor() as cursor:
        # Where we are attached to somebody else's table, all that is ours is in this schema; elsewhere it is not there.
        cursor.execute(_OUR_SCHEMA_FIRST, (SCHEMA,))
    connection.commit()


_OUR_SCHEMA_FIRST: Final = "SELECT set_config('search_path', %s || ', ' || current_setting('search_path'), false)"


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say, see _begin_sqlite
    enter_wal(connection, BUSY_TIMEOUT)


def _show_what_is_attached_now(connection: Any, record: Any, _proxy: Any) -> None:
    """Show the exposures by the mapping of now: `attach` makes its triggers anew when that changes."""
    (version,) = connection.execute("PRAGMA schema_version").fetchone()
    if record.info.get("schema_version") != version:
        show_attached(connection)
        record.info["schema_version"] = version


def show_attached(connection: Any) -> None:
    """Show a connection of SQLite's driver the exposures of the table that we are attached to, if we are.

    A temporary view is this connection's alone, and goes before a table of its name: in the file is nothing of it.
    """
    connection.execute("DROP VIEW IF EXISTS temp.exposure")
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'exposure_attachment'").fetchone():
        for (selection,) in connection.execute("SELECT selection FROM exposure_attachment").fetchall():
            connection.execute(f"CREATE TEMP VIEW exposure AS {selection}")


def _begin_sqlite(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    # The exposureDB is the truth: a commit survives a power cut, unless its writer says that it need not.
    connection.exec_driver_sql(f"PRAGMA synchronous = {options.get('synchronous', 'FULL')}")
    connection.exec_driver_sql(options.get("begin", "BEGIN"))
