"""The ledger on SQLite, where a writing transaction has the file to itself."""

from collections.abc import Sequence

import sqlalchemy as sa

from exposure_publisher.exposuredb.table import as_text
from exposure_publisher.ledger.ledger import Ledger, now
from exposure_publisher.ledger.rows import files_text
from exposure_publisher.ledger.unnumbered import Unnumbered
from exposure_schemas import Manifest


class SqliteLedger(Ledger):
    """The ledger on SQLite."""

    def _lock_newest(self, connection: sa.Connection) -> int:
        return int(connection.exec_driver_sql("SELECT newest FROM exposure_ledger_state").scalar_one())

    def _take(self, connection: sa.Connection, changes: Sequence[Unnumbered]) -> set[int]:
        mine = set()
        for change in changes:
            done = connection.exec_driver_sql(
                "DELETE FROM exposure_change WHERE expid = ? AND id <= ?", (change.expid, change.last_change)
            )
            if done.rowcount:
                mine.add(change.expid)
        return mine

    def _write(self, connection: sa.Connection, numbered: Sequence[tuple[Unnumbered, Manifest | None, int]]) -> None:
        moment = as_text(now())
        rows = [
            (change.expid, sequence, moment, files_text(files), change.row and change.row["data_written_at"])
            for change, files, sequence in numbered
        ]
        if rows:
            connection.exec_driver_sql(
                """INSERT INTO exposure_ledger (expid, sequence, numbered_at, files, files_of) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (expid) DO UPDATE SET sequence = excluded.sequence, numbered_at = excluded.numbered_at,
                    files = excluded.files, files_of = excluded.files_of""",
                rows,
            )
