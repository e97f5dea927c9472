"""A transaction on the driver's own cursor: all or nothing, and what goes wrong is said as everywhere."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
import sqlalchemy as sa
from tests.raw_sql import execute

from exposure_bus.errors import DatabaseRefused, DatabaseUnreachable
from exposure_publisher.exposuredb.by_driver import Cursor, reading_by_driver, writing_by_driver
from exposure_publisher.exposuredb.engine import open_engine, translated


@pytest.fixture
def engine(exposure_db_url: str) -> Iterator[sa.Engine]:
    opened = open_engine(exposure_db_url, ping=False)
    with writing_by_driver(opened) as cursor:
        cursor.execute("CREATE TABLE t (number INTEGER PRIMARY KEY)")
    yield opened
    opened.dispose()


def numbers(url: str) -> list[int]:
    return [number for (number,) in execute(url, "SELECT number FROM t ORDER BY number")]


def test_what_is_written_is_committed_at_the_end(engine: sa.Engine, exposure_db_url: str) -> None:
    with writing_by_driver(engine) as cursor:
        cursor.execute("INSERT INTO t VALUES (1)")
        assert numbers(exposure_db_url) == []
    assert numbers(exposure_db_url) == [1]


def test_nothing_is_left_of_what_was_interrupted(engine: sa.Engine, exposure_db_url: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(engine, 1)
    with writing_by_driver(engine) as cursor:
        cursor.execute("INSERT INTO t VALUES (2)")
    assert numbers(exposure_db_url) == [2]


def interrupted(engine: sa.Engine, number: int) -> None:
    with writing_by_driver(engine) as cursor:
        cursor.execute(f"INSERT INTO t VALUES ({number})")
        raise KeyboardInterrupt


def test_who_reads_holds_nothing_and_leaves_no_way_of_its_own_behind(engine: sa.Engine, exposure_db_url: str) -> None:
    with reading_by_driver(engine) as cursor:
        cursor.execute("SELECT count(*) FROM t")
        execute(exposure_db_url, "INSERT INTO t VALUES (1)")
    with pytest.raises(KeyboardInterrupt):
        interrupted(engine, 2)
    assert numbers(exposure_db_url) == [1]


def test_what_the_database_refuses_is_a_refusal_and_the_next_is_not(engine: sa.Engine, exposure_db_url: str) -> None:
    for _ in range(2):
        with pytest.raises(DatabaseRefused, match="absent"), translated(exposure_db_url):
            refused(engine)
    assert numbers(exposure_db_url) == []


def refused(engine: sa.Engine) -> None:
    with writing_by_driver(engine) as cursor:
        cursor.execute("INSERT INTO t VALUES (1)")
        cursor.execute("SELECT 1 FROM absent")


@pytest.mark.parametrize("way", [reading_by_driver, writing_by_driver])
def test_a_connection_that_was_ended_is_worth_another_try_and_the_next_is_a_new_one(
    way: Callable[[sa.Engine], AbstractContextManager[Cursor]], postgresql_url: str
) -> None:
    engine = open_engine(postgresql_url, ping=False)

    def ended_within() -> None:
        with way(engine) as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            execute(postgresql_url, f"SELECT pg_terminate_backend({cursor.fetchone()[0]}, 10000)")
            cursor.execute("SELECT 1")

    with pytest.raises(DatabaseUnreachable), translated(postgresql_url):
        ended_within()
    with way(engine) as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    engine.dispose()


def test_a_server_that_is_not_there_is_worth_another_try() -> None:
    url = "postgresql://ics:secret@127.0.0.1:1/desi"
    with (
        pytest.raises(DatabaseUnreachable, match="Connection refused"),
        translated(url),
        reading_by_driver(open_engine(url, ping=False)),
    ):
        raise AssertionError("there is none")


def test_who_has_read_does_not_mind_that_the_server_goes(postgresql_url: str, caplog: pytest.LogCaptureFixture) -> None:
    engine = open_engine(postgresql_url, ping=False)
    with reading_by_driver(engine) as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        execute(postgresql_url, f"SELECT pg_terminate_backend({cursor.fetchone()[0]}, 10000)")
    engine.dispose()
    assert caplog.text == ""
