"""The driver's own cursor, for what every change costs.

SQLAlchemy takes longer over such a statement than the database. The connections are its own all the same, and so are
the errors, which become ours as everywhere.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

Cursor = Any
"""A cursor of sqlite3 or psycopg2."""


@contextmanager
def reading_by_driver(engine: sa.Engine) -> Iterator[Cursor]:
    """A cursor for one statement that reads, without a transaction: on PostgreSQL that spares two round trips.

    Args:
        engine: The exposureDB.

    Raises:
        sqlalchemy.exc.DBAPIError: What the driver raised.
    """
    with (
        _connected(engine) as connection,
        _without_transaction(engine, connection.dbapi_connection),
        closing(connection.cursor()) as cursor,
    ):
        yield cursor


@contextmanager
def _without_transaction(engine: sa.Engine, connection: Any) -> Iterator[None]:
    if engine.dialect.name == "sqlite":  # its transactions begin where we say
        yield
        return
    connection.autocommit = True
    try:
        yield
    finally:
        if not connection.closed:
            connection.autocommit = False


@contextmanager
def writing_by_driver(engine: sa.Engine) -> Iterator[Cursor]:
    """A durable transaction: on SQLite it takes its turn at once, rather than fail half-way.

    Args:
        engine: The exposureDB.

    Raises:
        sqlalchemy.exc.DBAPIError: What the driver raised; nothing is written then.
    """
    with _connected(engine) as connection:
        cursor = connection.cursor()
        if engine.dialect.name == "sqlite":
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.execute("BEGIN IMMEDIATE")
        yield cursor
        connection.commit()


@contextmanager
def _connected(engine: sa.Engine) -> Iterator[Any]:
    driver = engine.dialect.loaded_dbapi
    connection = None
    try:
        connection = engine.raw_connection()
        yield connection
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
