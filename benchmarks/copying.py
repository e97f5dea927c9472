"""The floor of healing: an exposureDB's rows copied into a cache by the drivers alone, as quickly as that goes."""

import io
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Final

from benchmarks.raw import connect
from exposure_publisher.exposuredb.table import COLUMNS as GIVEN
from exposure_subscriber.cache.moments import to_micros
from exposure_subscriber.cache.schema import COLUMNS, UPSERT_TAIL

TOGETHER: Final = 5000
"""Rows a transaction."""

Row = tuple[Any, ...]

_READ: Final = f"""SELECT {", ".join(f"e.{column}" for column in GIVEN)}, l.sequence, l.files
    FROM exposure_ledger AS l JOIN exposure AS e ON e.expid = l.expid ORDER BY l.sequence"""
_DATE: Final = GIVEN.index("date")
_WRITTEN_AT: Final = GIVEN.index("data_written_at")
_LIST: Final = ", ".join(COLUMNS)


def copy_sqlite(exposure_db_url: str, cache_url: str) -> None:
    """Read, and upsert by executemany."""
    statement = f"INSERT INTO exposure ({_LIST}) VALUES ({', '.join('?' * len(COLUMNS))}) {UPSERT_TAIL}"
    with closing(connect(cache_url)) as connection:
        connection.execute("PRAGMA synchronous = NORMAL")
        for rows in _pages(exposure_db_url, _micros_of_text):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(statement, rows)
            connection.execute("COMMIT")


def copy_postgresql(exposure_db_url: str, cache_url: str) -> None:
    """Read, COPY into a staging table, and upsert from there."""
    with closing(connect(cache_url)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE staged (LIKE exposure)")
        for rows in _pages(exposure_db_url, to_micros):
            cursor.execute("BEGIN")
            lines = ("\t".join("\\N" if value is None else str(value) for value in row) + "\n" for row in rows)
            cursor.copy_expert(f"COPY staged ({_LIST}) FROM STDIN", io.StringIO("".join(lines)))
            cursor.execute(f"INSERT INTO exposure ({_LIST}) SELECT {_LIST} FROM staged {UPSERT_TAIL}")
            cursor.execute("TRUNCATE staged")
            cursor.execute("COMMIT")


COPIES: Final = {"SQLite": copy_sqlite, "PostgreSQL": copy_postgresql}


def _pages(url: str, micros: Callable[[Any], int]) -> Iterator[list[Row]]:
    """Read a page at a time, with moments as the cache keeps them, and an arrival behind."""
    arrival = 0
    with closing(connect(url)) as connection:
        cursor = connection.cursor() if url.startswith("sqlite") else _server_side(connection)
        cursor.execute(_READ)
        while page := cursor.fetchmany(TOGETHER):
            rows = [_row(row, micros, arrival + place) for place, row in enumerate(page, 1)]
            arrival += len(page)
            yield rows


def _row(row: Row, micros: Callable[[Any], int], arrival: int) -> Row:
    date = None if row[_DATE] is None else micros(row[_DATE])
    return (*row[:_DATE], date, *row[_DATE + 1 : _WRITTEN_AT - 2], int(row[_WRITTEN_AT - 2]), row[_WRITTEN_AT - 1],
            micros(row[_WRITTEN_AT]), *row[_WRITTEN_AT + 1 :], arrival)  # fmt: skip


def _server_side(connection: Any) -> Any:
    connection.autocommit = False
    cursor = connection.cursor("floor")
    cursor.itersize = TOGETHER
    return cursor


def _micros_of_text(text: str) -> int:
    return to_micros(datetime.fromisoformat(text).replace(tzinfo=UTC))
