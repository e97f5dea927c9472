"""The ledger on SQLite, where a writing transaction has the file to itself."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from exposure_bus.errors import DatabaseUnreachable
from exposure_publisher.exposuredb.by_driver import Cursor
from exposure_publisher.exposuredb.table import as_text
from exposure_publisher.ledger.ledger import Ledger
from exposure_publisher.ledger.rows import listed_texts
from exposure_publisher.ledger.unnumbered import Unnumbered
from exposure_publisher.manifest.listed import Listed

# The highest of them keeps the scan short, however many changes wait behind. Each change is looked up in an index that
# SQLite makes of the list: CROSS JOIN keeps it from going through the whole list for each instead.
_TAKE: Final = """WITH t (expid, last_change) AS MATERIALIZED (SELECT CAST(key AS INTEGER), value FROM json_each(?))
    DELETE FROM exposure_change WHERE id IN (
        SELECT c.id FROM exposure_change AS c CROSS JOIN t ON t.expid = c.expid AND c.id <= t.last_change
        WHERE c.id <= ?
    ) RETURNING expid"""


_WRITE: Final = """INSERT INTO exposure_ledger (expid, sequence, numbered_at, files_of, files, file_stamps)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (expid) DO UPDATE SET sequence = excluded.sequence, numbered_at = excluded.numbered_at,
        files_of = excluded.files_of, files = excluded.files, file_stamps = excluded.file_stamps,
        confirmed_at = NULL"""


class SqliteLedger(Ledger):
    """The ledger on SQLite."""

    _PLACE = ":{}"

    _SEEN = """SELECT c.id, c.expid FROM exposure_change AS c LEFT JOIN (
            SELECT CAST(key AS INTEGER) AS expid, value AS last_change FROM json_each(:left_out)
        ) AS o ON o.expid = c.expid
        WHERE c.expid IS NOT NULL AND (o.expid IS NULL OR c.id > o.last_change)"""

    _version: int | None = None

    def others_wrote(self) -> bool:
        """Ask SQLite, which counts the commits of other connections: a tenth of what looking for them costs."""
        before = self._version
        try:
            with closing(self._engine.raw_connection()) as connection:
                [self._version] = connection.cursor().execute("PRAGMA data_version").fetchone()
        except (sqlite3.Error, SQLAlchemyError) as error:
            raise DatabaseUnreachable(f"the exposureDB {self._url}: {error}") from error
        return before != self._version

    def _lock_newest(self, cursor: Cursor) -> int:
        return int(cursor.execute("SELECT newest FROM exposure_ledger_state").fetchone()[0])

    def _take(self, cursor: Cursor, changes: Sequence[Unnumbered]) -> tuple[int, set[int]]:
        taken = json.dumps({change.expid: change.last_change for change in changes})
        highest = max((change.last_change for change in changes), default=0)
        newest = self._lock_newest(cursor)
        return newest, {expid for (expid,) in cursor.execute(_TAKE, (taken, highest)).fetchall()}

    def _write(
        self, cursor: Cursor, numbered: Sequence[tuple[Unnumbered, Listed | None, int]], moment: datetime
    ) -> None:
        text = as_text(moment)
        rows = [
            (change.expid, sequence, text, change.row and change.row["data_written_at"], *listed_texts(listed))
            for change, listed, sequence in numbered
        ]
        cursor.executemany(_WRITE, rows)

    def _write_confirmed(self, connection: sa.Connection, moments: Mapping[int, datetime]) -> None:
        connection.exec_driver_sql(
            "UPDATE exposure_ledger SET confirmed_at = ? WHERE sequence = ? AND confirmed_at IS NULL",
            [(as_text(moment), sequence) for sequence, moment in moments.items()],
        )
