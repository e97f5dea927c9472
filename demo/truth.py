"""The exposureDB, read straight by the database's own driver: the truth against which both ends are held."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import psycopg2

from exposure_schemas import SUMMARY_KEYS

_SQLITE: Final = "sqlite:///"
_COLUMNS: Final = (*SUMMARY_KEYS, "data_written_at")

Row = dict[str, Any]
"""One exposure: the sixteen keys and ``data_written_at``."""


class ExposureDatabase:
    """Reads the exposureDB; by SQL alone, so that nothing of what it checks takes part.

    Args:
        url: ``sqlite:///path`` or ``postgresql://…``.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def rows(self) -> dict[int, Row]:
        """Return every exposure by its number, as Python values; times aware and in UTC."""
        found = self._ask(f"SELECT {', '.join(_COLUMNS)} FROM exposure ORDER BY expid")
        return {values[0]: _row(values) for values in found}

    def epoch(self) -> str:
        """Return the identity of its ledger, by which this run's messages are known."""
        return str(self._ask("SELECT epoch FROM exposure_ledger_state")[0][0])

    def _ask(self, query: str) -> list[tuple[Any, ...]]:
        with self._connection() as connection, closing(connection.cursor()) as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        if self._url.startswith(_SQLITE):
            opened: Any = sqlite3.connect(f"file:{self._url.removeprefix(_SQLITE)}?mode=ro", uri=True)
        else:
            opened = psycopg2.connect(self._url, options="-c timezone=UTC")
        with closing(opened) as connection:
            yield connection


def _row(values: tuple[Any, ...]) -> Row:
    row = dict(zip(_COLUMNS, values, strict=True))
    moments = {key: _moment(row[key]) for key in ("date", "data_written_at")}
    return row | moments | {"data_written": bool(row["data_written"])}


def _moment(value: Any) -> datetime | None:
    """SQLite keeps moments as text in UTC, PostgreSQL's driver gives them with their time zone."""
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value
