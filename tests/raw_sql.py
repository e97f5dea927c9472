"""SQL through the bare driver, as somebody else's program writes it."""

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Any

import psycopg2

from exposure_bus.database import sqlite_path


@contextlib.contextmanager
def connected(url: str) -> Iterator[Any]:
    """A driver's connection, in autocommit."""
    path = sqlite_path(url)
    connection: Any
    if path is None:
        connection = psycopg2.connect(url)
        connection.autocommit = True
    else:
        connection = sqlite3.connect(path, isolation_level=None)
    with contextlib.closing(connection):
        yield connection


def execute(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements on one connection, each a transaction unless one of them says BEGIN; return the last one's rows."""
    with connected(url) as connection, contextlib.closing(connection.cursor()) as cursor:
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []
