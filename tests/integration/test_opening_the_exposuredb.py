"""Making an exposureDB, opening it again, and what is said when that cannot be."""

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
from tests.raw_sql import changes, connected, execute

from exposure_bus.errors import BusError, DatabaseRefused, DatabaseUnreachable
from exposure_publisher import ExposureDB

NIGHT = 20230913


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
    with pytest.raises(DatabaseRefused, match=r"cannot open sqlite:///.*(File exists|Not a directory)"):
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
