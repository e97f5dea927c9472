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
    """Run statements on one connection, each its own transaction unless one says BEGIN; return the last one's rows."""
    with connected(url) as connection, contextlib.closing(connection.cursor()) as cursor:
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


def changes(url: str) -> list[int]:
    """Return the expids of all changes of an exposureDB that nobody has numbered yet, the oldest first."""
    return [expid for (expid,) in execute(url, "SELECT expid FROM exposure_change ORDER BY id")]


def forget_changes(url: str) -> None:
    """Leave an exposureDB as if all its changes had been numbered."""
    execute(url, "DELETE FROM exposure_change")
