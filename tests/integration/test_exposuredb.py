"""The exposureDB on both databases: what is written is what is read, and every change leaves its mark."""

import io
import math
import multiprocessing
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exposure_bus.errors import BusError, DatabaseRefused, DatabaseUnreachable, NotThere
from exposure_publisher import ExposureDB
from exposure_publisher.errors import InvalidExposure
from exposure_publisher.ledger import open_ledger
from exposure_schemas import SUMMARY_KEYS
from tests.raw_sql import connected, execute

NIGHT = 20230913
WHOLE = st.integers(-(2**63), 2**63 - 1)
ZONES = st.builds(timezone, st.timedeltas(timedelta(hours=-23, minutes=-59), timedelta(hours=23, minutes=59)))
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=ZONES)  # noqa: DTZ001 (the strategy adds it)
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("skyra", "skydec", "exptime", "seeing", "airmass", "transparency", "skylevel"), st.floats()),
    "s2n": st.floats() | st.integers(-(2**53), 2**53),
    **dict.fromkeys(("program", "exptype", "data_location"), st.text()),
    "tile_id": WHOLE,
    "date": MOMENTS,
}
ROWS = st.fixed_dictionaries(
    {
        "expid": st.integers(0, 9) | st.integers(0, 2**63 - 1),
        "night": st.dates(datetime(1900, 1, 1).date()).map(lambda day: int(day.strftime("%Y%m%d").zfill(8))),  # noqa: DTZ001
    },
    optional={name: st.none() | values for name, values in COLUMNS.items()} | {"data_written": st.booleans()},
)

EMPTY = dict.fromkeys(SUMMARY_KEYS) | {"data_written": False}


@pytest.fixture
def db(exposure_db_url: str) -> Iterator[ExposureDB]:
    with ExposureDB(exposure_db_url) as database:
        yield database


def kept(value: Any) -> Any:
    """What the exposureDB keeps of a value."""
    if isinstance(value, str):
        return value.replace("\0", "")
    return None if isinstance(value, float) and not math.isfinite(value) else value


def changes(url: str) -> list[int]:
    """The expids of all changes that nobody has numbered yet, the oldest first."""
    return [expid for (expid,) in execute(url, "SELECT expid FROM exposure_change ORDER BY id")]


def forget_changes(url: str) -> None:
    execute(url, "DELETE FROM exposure_change")


def written_at(url: str, expid: int) -> Any:
    ((moment,),) = execute(url, f"SELECT data_written_at FROM exposure WHERE expid = {expid}")
    return moment


# What is written is what is read.


def test_every_value_of_every_column_comes_back_and_an_update_touches_only_the_columns_given(db: ExposureDB) -> None:
    expected: dict[int, dict[str, Any]] = {}

    @settings(max_examples=60, deadline=None)
    @given(st.lists(ROWS, max_size=6))
    def check(rows: list[dict[str, Any]]) -> None:
        assert db.record_many(rows) == len(rows)
        for row in rows:
            before = expected.get(row["expid"], EMPTY)
            expected[row["expid"]] = before | {name: kept(value) for name, value in row.items()}
        assert list(db.exposures()) == [expected[expid] for expid in sorted(expected)]

    check()


def test_an_exposure_is_read_with_python_types_and_its_keys_in_order(db: ExposureDB) -> None:
    moment = datetime(2023, 9, 13, 20, 14, 15, 926535, tzinfo=timezone(timedelta(hours=-7)))
    db.record(expid=7024040300451, night=NIGHT, exptime=900, date=moment, tile_id=-99)
    (row,) = db.exposures()
    assert tuple(row) == SUMMARY_KEYS
    assert row["expid"] == 7024040300451
    assert row["date"] == moment
    assert row["date"].utcoffset() == timedelta(0)
    assert (row["exptime"], type(row["exptime"])) == (900.0, float)
    assert row["data_written"] is False


def test_a_row_that_is_there_needs_no_night(db: ExposureDB) -> None:
    db.record(expid=1, night=NIGHT, program="dark")
    db.record(expid=1, seeing=1.1)
    db.record(expid=1)
    (row,) = db.exposures()
    assert row == EMPTY | {"expid": 1, "night": NIGHT, "program": "dark", "seeing": 1.1}


def test_a_value_may_be_taken_back(db: ExposureDB) -> None:
    db.record(expid=1, night=NIGHT, seeing=1.1, program="dark")
    db.record(expid=1, seeing=None, program=None)
    assert list(db.exposures()) == [EMPTY | {"expid": 1, "night": NIGHT}]


def test_thousands_of_rows_are_written_in_one_transaction(db: ExposureDB, exposure_db_url: str) -> None:
    rows = [{"expid": expid, "night": NIGHT, "seeing": expid / 10} for expid in range(2500)]
    assert db.record_many(iter(rows)) == 2500
    assert [row["expid"] for row in db.exposures()] == list(range(2500))
    assert changes(exposure_db_url) != []


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"expid": 3, "night": NIGHT, "seeing": "good"}, "exposure 3: seeing cannot be 'good'"),
        ({"expid": 3}, "exposure 3 is new: it needs its night"),
        ({"night": NIGHT}, "an exposure needs its expid"),
        ({"expid": None, "night": NIGHT}, "an exposure needs its expid"),
        ({"expid": -1, "night": NIGHT}, "exposure -1: expid cannot be -1"),
        ({"expid": 2**63, "night": NIGHT}, "expid cannot be 9223372036854775808"),
        ({"expid": 3, "night": 20230230}, "exposure 3: night 20230230 is no date YYYYMMDD"),
        ({"expid": 3, "night": "20230913"}, "night cannot be '20230913'"),
        ({"expid": 3, "night": None}, "night cannot be None"),
        ({"expid": 3, "night": NIGHT, "data_written": 1}, "data_written cannot be 1"),
        ({"expid": 3, "night": NIGHT, "tileid": 1}, "no column 'tileid'; columns are expid, skyra, "),
        ({"expid": 3, "night": NIGHT, "tile_id": 2**63}, "tile_id cannot be 9223372036854775808"),
        ({"expid": 3, "night": NIGHT, "skyra": 10**400}, "skyra cannot be 1000"),
        ({"expid": 3, "night": NIGHT, "program": "\ud800"}, "program cannot be '\\\\ud800'"),
        ({"expid": 3, "night": NIGHT, "date": "2023-09-14"}, "date cannot be '2023-09-14'"),
        ({"expid": 3, "night": NIGHT, "date": datetime(2023, 9, 14)}, "give it a time zone"),  # noqa: DTZ001
        (
            {"expid": 3, "night": NIGHT, "date": datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))},
            "date cannot be datetime.*no year from 1 to 9999 in UTC",
        ),
    ],
)
def test_of_many_rows_all_are_written_or_none_and_the_bad_one_is_named(
    bad: dict[str, Any], said: str, db: ExposureDB, exposure_db_url: str
) -> None:
    db.record(expid=1, night=NIGHT, program="before")
    forget_changes(exposure_db_url)
    good = [{"expid": expid, "night": NIGHT, "program": "after"} for expid in (1, 2)]
    with pytest.raises(InvalidExposure, match=said):
        db.record_many([*good, bad])
    assert list(db.exposures()) == [EMPTY | {"expid": 1, "night": NIGHT, "program": "before"}]
    assert changes(exposure_db_url) == []


def test_a_failing_source_of_rows_leaves_nothing(db: ExposureDB, exposure_db_url: str) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        yield from ({"expid": expid, "night": NIGHT} for expid in range(1500))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        db.record_many(rows())
    assert list(db.exposures()) == []
    assert changes(exposure_db_url) == []


# When data_written was updated.


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
    assert list(db.exposures())[0]["data_written"] is True


def test_a_time_that_a_writer_brings_is_kept(db: ExposureDB, exposure_db_url: str) -> None:
    moment = datetime(2020, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    db.record(expid=1, night=NIGHT, data_written=True, data_written_at=moment)
    with open_ledger_of(exposure_db_url) as ledger:
        (change,) = ledger.unnumbered(10)
    assert change.row is not None
    assert str(change.row["data_written_at"])[:26] == "2020-01-02 03:04:05.678901"


def test_data_cannot_be_written_of_an_exposure_that_is_not_there(db: ExposureDB) -> None:
    with pytest.raises(NotThere, match="no exposure 7; record it first"):
        db.data_written(7, data_location="/data/7")
    with pytest.raises(InvalidExposure, match="data_location cannot be 7"):
        db.data_written(7, data_location=7)  # type: ignore[arg-type]


def open_ledger_of(url: str) -> Any:
    from contextlib import closing  # noqa: PLC0415 (used here alone)

    return closing(open_ledger(url))


def _tick(url: str, since: Any) -> None:
    """Wait until the database's clock, which has milliseconds on SQLite, has moved on."""
    now = "SELECT strftime('%Y-%m-%d %H:%M:%f000', 'now')" if url.startswith("sqlite") else "SELECT clock_timestamp()"
    while execute(url, now)[0][0] <= since:
        pass


# Every change leaves its mark, whoever makes it.


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
    assert set(changes(exposure_db_url)) == {1, 2, 3}
    for statement, captured in (
        ("UPDATE exposure SET seeing = expid WHERE expid > 1", {2, 3}),
        ("UPDATE exposure SET seeing = expid", {1}),
        ("UPDATE exposure SET seeing = expid", set()),
        ("UPDATE exposure SET data_written_at = data_written_at", set()),
        (
            f"INSERT INTO exposure (expid, night) VALUES (1, {NIGHT}), (4, {NIGHT}) "
            "ON CONFLICT (expid) DO UPDATE SET airmass = 1",
            {1, 4},
        ),
        (f"INSERT INTO exposure (expid, night) VALUES (4, {NIGHT}) ON CONFLICT DO NOTHING", set()),
        ("UPDATE exposure SET expid = 40 WHERE expid = 4", {40}),
        ("UPDATE exposure SET data_written = true WHERE expid = 2", {2}),
        ("DELETE FROM exposure WHERE expid = 3", set()),
        ("UPDATE exposure SET seeing = 9 WHERE expid = 99", set()),
    ):
        forget_changes(exposure_db_url)
        execute(exposure_db_url, statement)
        assert set(changes(exposure_db_url)) == captured, statement
    assert [row["expid"] for row in db.exposures()] == [1, 2, 40]


def test_a_rollback_leaves_no_mark(db: ExposureDB, exposure_db_url: str) -> None:
    insert = f"INSERT INTO exposure (expid, night) VALUES (1, {NIGHT})"
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


def test_replace_is_captured_on_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/db.sqlite"
    ExposureDB(url).close()
    for _ in range(2):
        forget_changes(url)
        execute(url, f"INSERT OR REPLACE INTO exposure (expid, night) VALUES (1, {NIGHT})")
        assert set(changes(url)) == {1}


# Making and opening it.


def _create(url: str, expid: int, barrier: Any) -> None:
    barrier.wait()
    with ExposureDB(url) as database:
        database.record(expid=expid, night=NIGHT)


def test_processes_that_come_first_at_the_same_moment_make_one_database(exposure_db_url: str) -> None:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(6)
    makers = [context.Process(target=_create, args=(exposure_db_url, expid, barrier)) for expid in range(6)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join(60)
    assert [maker.exitcode for maker in makers] == [0] * 6
    with ExposureDB(exposure_db_url) as database:
        assert [row["expid"] for row in database.exposures()] == list(range(6))
    assert set(changes(exposure_db_url)) == set(range(6))
    assert execute(exposure_db_url, "SELECT count(*) FROM exposure_ledger_state") == [(1,)]


def test_opening_it_again_changes_nothing(exposure_db_url: str) -> None:
    epochs = set()
    for _ in range(2):
        with ExposureDB(exposure_db_url) as database:
            database.record(expid=1, night=NIGHT)
        epochs |= set(execute(exposure_db_url, "SELECT epoch FROM exposure_ledger_state"))
    assert len(epochs) == 1
    assert set(changes(exposure_db_url)) == {1}


def test_a_database_that_is_not_there_is_said_in_one_line_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://ics:SECRET@127.0.0.1:1/desi"
    with pytest.raises(
        DatabaseUnreachable, match=r"the exposureDB postgresql://ics:\*\*\*@127.0.0.1:1/desi: "
    ) as raised:
        ExposureDB(url)
    assert "\n" not in str(raised.value)
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseRefused, match="cannot open sqlite:///.*Not a directory"):
        ExposureDB(f"sqlite:///{tmp_path}/file/db.sqlite")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "db.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(DatabaseRefused, match="file is not a database"):
        ExposureDB(f"sqlite:///{tmp_path}/db.sqlite")


def test_a_database_that_does_not_exist_on_the_server_is_refused(postgresql_url: str) -> None:
    with pytest.raises(BusError, match='database "absent" does not exist'):
        ExposureDB(postgresql_url.rpartition("/")[0] + "/absent")


def test_a_connection_that_was_cut_is_opened_again(postgresql_url: str) -> None:
    with ExposureDB(postgresql_url) as database:
        database.record(expid=1, night=NIGHT)
        with connected(postgresql_url) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            assert cursor.rowcount >= 1
        database.record(expid=2, night=NIGHT)
        assert [row["expid"] for row in database.exposures()] == [1, 2]


def test_a_writer_without_rights_is_refused(postgresql_url: str) -> None:
    ExposureDB(postgresql_url).close()
    execute(
        postgresql_url,
        "DROP ROLE IF EXISTS reader",
        "CREATE ROLE reader LOGIN",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
    )
    with ExposureDB(postgresql_url.replace("postgres@", "reader@")) as database:
        assert list(database.exposures()) == []
        with pytest.raises(DatabaseRefused, match="permission denied for table exposure"):
            database.record(expid=1, night=NIGHT)
    execute(postgresql_url, "DROP OWNED BY reader", "DROP ROLE reader")


def test_postgresql_refuses_what_we_do_too() -> None:
    """The driver's own rule, which ours goes before: a text with NUL in it."""
    with pytest.raises(ValueError, match="NUL"):
        psycopg2.extensions.QuotedString("a\0b").getquoted()
