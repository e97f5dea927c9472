"""The ledger on PostgreSQL: each step one statement, however many exposures it is for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from exposure_publisher.exposuredb.by_driver import Cursor
from exposure_publisher.ledger.ledger import Ledger
from exposure_publisher.ledger.rows import listed_texts
from exposure_publisher.ledger.unnumbered import Unnumbered
from exposure_publisher.manifest.listed import Listed

FROZEN: Final = 10.0
"""Seconds after which the server ends a transaction in which nothing happens: a relay that is frozen in one must not
hold up the one that takes over. None of ours waits for anything but the database."""

_TAKE: Final = """WITH state AS MATERIALIZED (SELECT newest FROM exposure_ledger_state FOR UPDATE),
    taken AS (DELETE FROM exposure_change AS c
        USING unnest(CAST(%(expids)s AS bigint[]), CAST(%(changes)s AS bigint[])) AS t (expid, last_change)
        WHERE (SELECT newest FROM state) IS NOT NULL
            AND c.expid = t.expid AND c.id <= t.last_change AND c.id <= %(highest)s RETURNING c.expid)
    SELECT newest, ARRAY(SELECT expid FROM taken) FROM state"""
"""The highest of them says to the planner that the rows stand at the beginning, however many wait behind. Asking for
the state there has it locked before any change is, as everywhere: two relays that took them in another order would wait
for each other."""

_WRITE: Final = """INSERT INTO exposure_ledger (expid, sequence, numbered_at, files_of, files, file_stamps)
    SELECT t.expid, t.sequence, %(moment)s, t.files_of, t.files, t.file_stamps
    FROM unnest(CAST(%(expids)s AS bigint[]), CAST(%(sequences)s AS bigint[]), CAST(%(files_of)s AS timestamptz[]),
                CAST(%(files)s AS text[]), CAST(%(stamps)s AS text[]))
        AS t (expid, sequence, files_of, files, file_stamps)
    ON CONFLICT (expid) DO UPDATE SET sequence = excluded.sequence, numbered_at = excluded.numbered_at,
        files_of = excluded.files_of, files = excluded.files, file_stamps = excluded.file_stamps,
        confirmed_at = NULL"""

_CONFIRMED: Final = sa.text(
    """UPDATE exposure_ledger AS l SET confirmed_at = t.moment
    FROM unnest(CAST(:sequences AS bigint[]), CAST(:moments AS timestamptz[])) AS t (sequence, moment)
    WHERE l.sequence = t.sequence AND l.confirmed_at IS NULL"""
)


class PostgresqlLedger(Ledger):
    """The ledger on PostgreSQL."""

    _PLACE = "%({})s"

    # A look-up for each change keeps the index's order; a join would sort all that wait.
    _SEEN = """SELECT c.id, c.expid FROM exposure_change AS c
        WHERE c.expid IS NOT NULL
            AND c.id > coalesce(CAST(CAST(%(left_out)s AS jsonb) ->> CAST(c.expid AS text) AS bigint), 0)"""

    def _open(self, url: str) -> sa.Engine:
        engine = super()._open(url)
        sa.event.listen(engine, "connect", _end_when_frozen)
        return engine

    def _lock_newest(self, cursor: Cursor) -> int:
        cursor.execute("SELECT newest FROM exposure_ledger_state FOR UPDATE")
        return int(cursor.fetchone()[0])

    def _take(self, cursor: Cursor, changes: Sequence[Unnumbered]) -> tuple[int, set[int]]:
        values = {
            "expids": [change.expid for change in changes],
            "changes": [change.last_change for change in changes],
            "highest": max((change.last_change for change in changes), default=0),
        }
        cursor.execute(_TAKE, values)
        newest, taken = cursor.fetchone()
        return newest, set(taken)

    def _write(
        self, cursor: Cursor, numbered: Sequence[tuple[Unnumbered, Listed | None, int]], moment: datetime
    ) -> None:
        if not numbered:
            return
        texts = [listed_texts(listed) for _, listed, _ in numbered]
        values = {
            "moment": moment,
            "expids": [change.expid for change, _, _ in numbered],
            "sequences": [sequence for _, _, sequence in numbered],
            "files_of": [change.row and change.row["data_written_at"] for change, _, _ in numbered],
            "files": [files for files, _ in texts],
            "stamps": [stamps for _, stamps in texts],
        }
        cursor.execute(_WRITE, values)

    def _write_confirmed(self, connection: sa.Connection, moments: Mapping[int, datetime]) -> None:
        connection.execute(_CONFIRMED, {"sequences": list(moments), "moments": list(moments.values())})


def _end_when_frozen(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('idle_in_transaction_session_timeout', %s, false)", (f"{FROZEN:g}s",))
    connection.commit()
