"""The ledger on PostgreSQL: each step one statement, however many exposures it is for."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from exposure_publisher.ledger.ledger import Ledger, now
from exposure_publisher.ledger.rows import files_text
from exposure_publisher.ledger.unnumbered import Unnumbered
from exposure_schemas import Manifest

_TAKE: Final = sa.text(
    """DELETE FROM exposure_change AS c
    USING unnest(CAST(:expids AS bigint[]), CAST(:changes AS bigint[])) AS t (expid, last_change)
    WHERE c.expid = t.expid AND c.id <= t.last_change AND c.id <= :highest RETURNING c.expid"""
)
"""The highest of them says to the planner that the rows stand at the beginning, however many wait behind."""

_WRITE: Final = sa.text(
    """INSERT INTO exposure_ledger (expid, sequence, numbered_at, files, files_of)
    SELECT t.expid, t.sequence, :moment, t.files, t.files_of
    FROM unnest(CAST(:expids AS bigint[]), CAST(:sequences AS bigint[]), CAST(:files AS text[]),
                CAST(:files_of AS timestamptz[])) AS t (expid, sequence, files, files_of)
    ON CONFLICT (expid) DO UPDATE SET sequence = excluded.sequence, numbered_at = excluded.numbered_at,
        files = excluded.files, files_of = excluded.files_of"""
)


class PostgresqlLedger(Ledger):
    """The ledger on PostgreSQL."""

    def _lock_newest(self, connection: sa.Connection) -> int:
        return int(connection.exec_driver_sql("SELECT newest FROM exposure_ledger_state FOR UPDATE").scalar_one())

    def _take(self, connection: sa.Connection, changes: Sequence[Unnumbered]) -> set[int]:
        values = {
            "expids": [change.expid for change in changes],
            "changes": [change.last_change for change in changes],
            "highest": max((change.last_change for change in changes), default=0),
        }
        return set(connection.execute(_TAKE, values).scalars())

    def _write(self, connection: sa.Connection, numbered: Sequence[tuple[Unnumbered, Manifest | None, int]]) -> None:
        if not numbered:
            return
        values = {
            "moment": now(),
            "expids": [change.expid for change, _, _ in numbered],
            "sequences": [sequence for _, _, sequence in numbered],
            "files": [files_text(files) for _, files, _ in numbered],
            "files_of": [change.row and change.row["data_written_at"] for change, _, _ in numbered],
        }
        connection.execute(_WRITE, values)
