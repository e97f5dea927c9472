"""Every change of the exposureDB leaves its mark, whoever makes it, and a time where it is due."""

import io
import math
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.raw_sql import changes, connected, execute, forget_changes

from exposure_bus.errors import NotThere
from exposure_publisher import ExposureDB
from exposure_publisher.errors import InvalidExposure
from exposure_publisher.ledger import open_ledger

NIGHT = 20230913


def written_at(url: str, expid: int) -> Any:
    ((moment,),) = execute(url, f"SELECT data_written_at FROM exposure WHERE expid = {expid}")
    return moment


def test_a_pending_exposure_carries_the_time_of_its_last_change_and_a_written_one_that_of_its_writing(
    db: ExposureDB, exposure_db_url: str
) -> None:
    db.record(expid=1, night=NIGHT)
    moments = [written_at(exposure_db_url, 1)]
    for change in ({"seeing": 1.1}, {"data_written": True, "data_location": "/data/1"}, {"data_written": False}):
        _tick(exposure_db_url, moments[-1])
        db.record(expid=1, **change)
        moments.append(written_at(exposure_db_url, 1))
    assert moments == sorted(set(moments)), "each of these moves it"


def test_a_change_of_a_written_exposure_leaves_it_and_writing_again_moves_it(
    db: ExposureDB, exposure_db_url: str
) -> None:
    db.record(expid=1, night=NIGHT)
    db.data_written(1, data_location="/data/1")
    moment = written_at(exposure_db_url, 1)
    _tick(exposure_db_url, moment)
    db.record(expid=1, seeing=1.1)
    execute(exposure_db_url, "UPDATE exposure SET airmass = 1.2")
    assert written_at(exposure_db_url, 1) == moment
    db.data_written(1)
    assert written_at(exposure_db_url, 1) > moment
    (row,) = db.exposures()
    assert (row["data_written"], row["data_location"], row["seeing"], row["airmass"]) == (True, "/data/1", 1.1, 1.2)


def test_an_exposure_that_is_written_from_the_first_carries_the_time_of_its_insert(
    db: ExposureDB, exposure_db_url: str
) -> None:
    execute(exposure_db_url, f"INSERT INTO exposure (expid, night, data_written) VALUES (1, {NIGHT}, true)")
    assert written_at(exposure_db_url, 1) is not None
    assert next(db.exposures())["data_written"] is True


def test_a_time_that_a_writer_brings_is_kept(db: ExposureDB, exposure_db_url: str) -> None:
    moment = datetime(2020, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    db.record(expid=1, night=NIGHT, data_written=True, data_written_at=moment)
    with closing(open_ledger(exposure_db_url)) as ledger:
        (change,) = ledger.unnumbered(10)
    assert change.row is not None
    assert str(change.row["data_written_at"])[:26] == "2020-01-02 03:04:05.678901"


def test_data_cannot_be_written_of_an_exposure_that_is_not_there(db: ExposureDB) -> None:
    with pytest.raises(NotThere, match="no exposure 7; record it first"):
        db.data_written(7, data_location="/data/7")
    with pytest.raises(InvalidExposure, match="data_location cannot be 7"):
        db.data_written(7, data_location=7)  # type: ignore[arg-type]


def _tick(url: str, since: Any) -> None:
    """Wait until the database's clock, which has milliseconds on SQLite, has moved on."""
    now = "SELECT strftime('%Y-%m-%d %H:%M:%f000', 'now')" if url.startswith("sqlite") else "SELECT clock_timestamp()"
    while execute(url, now)[0][0] <= since:
        pass


def test_each_change_is_captured_once_or_more_and_a_change_of_nothing_never(
    db: ExposureDB, exposure_db_url: str
) -> None:
    for change, captured in (
        ({"night": NIGHT}, True),
        ({"night": NIGHT}, False),
        ({"seeing": 1.1}, True),
        ({"seeing": 1.1}, False),
        ({"seeing": None}, True),
        ({"seeing": math.nan}, False),
        ({"program": ""}, True),
        ({"program": None}, True),
    ):
        forget_changes(exposure_db_url)
        db.record(expid=1, **change)
        assert set(changes(exposure_db_url)) == ({1} if captured else set()), change
    forget_changes(exposure_db_url)
    db.data_written(1)
    assert set(changes(exposure_db_url)) == {1}


def test_whatever_sql_others_write_is_captured(db: ExposureDB, exposure_db_url: str) -> None:
    values = ", ".join(f"({expid}, {NIGHT})" for expid in range(1, 4))
    execute(exposure_db_url, f"INSERT INTO exposure (expid, night) VALUES {values}")
    insert = f"INSERT INTO exposure (expid, night) VALUES (1, {NIGHT}), (4, {NIGHT})"
    assert set(changes(exposure_db_url)) == {1, 2, 3}
    for statement, captured in (
        ("UPDATE exposure SET seeing = expid WHERE expid > 1", {2, 3}),
        ("UPDATE exposure SET seeing = expid", {1}),
        ("UPDATE exposure SET seeing = expid", set()),
        ("UPDATE exposure SET data_written_at = data_written_at", set()),
        (f"{insert} ON CONFLICT (expid) DO UPDATE SET airmass = 1", {1, 4}),
        (f"{insert} ON CONFLICT DO NOTHING", set()),
        ("UPDATE exposure SET expid = 40 WHERE expid = 4", {4, 40}),
        ("UPDATE exposure SET data_written = true WHERE expid = 2", {2}),
        ("DELETE FROM exposure WHERE expid = 3", {3}),
        ("DELETE FROM exposure WHERE expid = 3", set()),
        ("UPDATE exposure SET seeing = 9 WHERE expid = 99", set()),
    ):
        forget_changes(exposure_db_url)
        execute(exposure_db_url, statement)
        assert set(changes(exposure_db_url)) == captured, statement
    assert [row["expid"] for row in db.exposures()] == [1, 2, 40]
    forget_changes(exposure_db_url)
    execute(exposure_db_url, "DELETE FROM exposure")
    assert set(changes(exposure_db_url)) == {1, 2, 40}


def test_a_rollback_leaves_no_mark(db: ExposureDB, exposure_db_url: str) -> None:
    insert = f"INSERT INTO exposure (expid, night) VALUES (1, {NIGHT})"
    execute(exposure_db_url, insert)
    forget_changes(exposure_db_url)
    execute(exposure_db_url, "BEGIN", "DELETE FROM exposure", "ROLLBACK")
    assert changes(exposure_db_url) == []
    execute(exposure_db_url, "DELETE FROM exposure")
    forget_changes(exposure_db_url)
    execute(exposure_db_url, "BEGIN", insert, "UPDATE exposure SET seeing = 1", "ROLLBACK")
    assert changes(exposure_db_url) == []
    assert list(db.exposures()) == []


def test_nothing_is_seen_of_a_transaction_before_its_commit(db: ExposureDB, exposure_db_url: str) -> None:
    with connected(exposure_db_url) as connection:
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        cursor.execute(f"INSERT INTO exposure (expid, night) VALUES (1, {NIGHT})")
        assert changes(exposure_db_url) == []
        cursor.execute("COMMIT")
    assert set(changes(exposure_db_url)) == {1}
    assert [row["expid"] for row in db.exposures()] == [1]


def test_copy_and_a_session_in_replica_role_are_captured_on_postgresql(postgresql_url: str) -> None:
    ExposureDB(postgresql_url).close()
    with connected(postgresql_url) as connection, connection.cursor() as cursor:
        cursor.copy_expert("COPY exposure (expid, night) FROM STDIN", io.StringIO("1\t20230913\n2\t20230913\n"))
    assert changes(postgresql_url) == [1, 2]
    insert = f"INSERT INTO exposure (expid, night) VALUES (3, {NIGHT})"
    execute(postgresql_url, "SET session_replication_role = replica", insert, "UPDATE exposure SET seeing = 1")
    assert set(changes(postgresql_url)) == {1, 2, 3}
    assert written_at(postgresql_url, 3) is not None


def test_an_emptied_table_is_captured_on_postgresql_row_by_row(postgresql_url: str) -> None:
    with ExposureDB(postgresql_url) as db:
        db.record_many({"expid": expid, "night": NIGHT} for expid in (1, 2, 3))
    forget_changes(postgresql_url)
    execute(postgresql_url, "BEGIN", "TRUNCATE exposure", "ROLLBACK")
    assert changes(postgresql_url) == []
    execute(postgresql_url, "SET session_replication_role = replica", "DELETE FROM exposure WHERE expid = 1")
    execute(postgresql_url, "SET session_replication_role = replica", "TRUNCATE exposure")
    assert sorted(changes(postgresql_url)) == [1, 2, 3]


def test_replace_is_captured_on_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/db.sqlite"
    ExposureDB(url).close()
    for _ in range(2):
        forget_changes(url)
        execute(url, f"INSERT OR REPLACE INTO exposure (expid, night) VALUES (1, {NIGHT})")
        assert set(changes(url)) == {1}
