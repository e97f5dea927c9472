"""A transaction on the driver's own cursor, for what every change costs.

SQLAlchemy takes longer over such a statement than the database. The connection is one of its own all the same, and so
are the errors, which become ours as everywhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

Cursor = Any
"""A cursor of sqlite3 or psycopg2."""


@contextmanager
def by_driver(engine: sa.Engine, *, writes: bool) -> Iterator[Cursor]:
    """A transaction: rolled back if it only reads, or if something is raised within.

    Args:
        engine: The exposureDB.
        writes: Whether it writes, durably; on SQLite it takes its turn at once, rather than fail half-way.

    Raises:
        sqlalchemy.exc.DBAPIError: What the driver raised.
    """
    driver = engine.dialect.loaded_dbapi
    connection = None
    try:
        connection = engine.raw_connection()
        cursor = connection.cursor()
        if engine.dialect.name == "sqlite":
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        yield cursor
        if writes:
            connection.commit()
    except driver.Error as error:
        gone = engine.dialect.is_disconnect(error, connection, None)
        if gone and connection is not None:
            connection.invalidate(error)
        raise exc.DBAPIError.instance(
            None, None, error, driver.Error, connection_invalidated=gone, dialect=engine.dialect
        ) from error
    finally:
        if connection is not None:
            connection.close()  # back to the others, which rolls back what was not committed
