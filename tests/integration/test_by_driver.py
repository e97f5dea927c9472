"""A transaction on the driver's own cursor: all or nothing, and what goes wrong is said as everywhere."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from tests.raw_sql import execute

from exposure_bus.errors import DatabaseRefused, DatabaseUnreachable
from exposure_publisher.exposuredb.by_driver import by_driver
from exposure_publisher.exposuredb.engine import open_engine, translated


@pytest.fixture
def engine(exposure_db_url: str) -> Iterator[sa.Engine]:
    opened = open_engine(exposure_db_url, ping=False)
    with by_driver(opened, writes=True) as cursor:
        cursor.execute("CREATE TABLE t (number INTEGER PRIMARY KEY)")
    yield opened
    opened.dispose()


def numbers(url: str) -> list[int]:
    return [number for (number,) in execute(url, "SELECT number FROM t ORDER BY number")]


def test_what_is_written_is_committed_at_the_end(engine: sa.Engine, exposure_db_url: str) -> None:
    with by_driver(engine, writes=True) as cursor:
        cursor.execute("INSERT INTO t VALUES (1)")
        assert numbers(exposure_db_url) == []
    assert numbers(exposure_db_url) == [1]


def test_nothing_is_left_of_what_was_interrupted(engine: sa.Engine, exposure_db_url: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(engine)
    with by_driver(engine, writes=True) as cursor:
        cursor.execute("INSERT INTO t VALUES (2)")
    assert numbers(exposure_db_url) == [2]


def interrupted(engine: sa.Engine) -> None:
    with by_driver(engine, writes=True) as cursor:
        cursor.execute("INSERT INTO t VALUES (1)")
        raise KeyboardInterrupt


def test_who_only_reads_leaves_nothing_and_holds_nothing(engine: sa.Engine, exposure_db_url: str) -> None:
    with by_driver(engine, writes=False) as cursor:
        cursor.execute("INSERT INTO t VALUES (1)")
    execute(exposure_db_url, "INSERT INTO t VALUES (2)")
    assert numbers(exposure_db_url) == [2]


def test_what_the_database_refuses_is_a_refusal_and_the_next_is_not(engine: sa.Engine, exposure_db_url: str) -> None:
    for _ in range(2):
        with pytest.raises(DatabaseRefused, match="absent"), translated(exposure_db_url):
            refused(engine)
    assert numbers(exposure_db_url) == []


def refused(engine: sa.Engine) -> None:
    with by_driver(engine, writes=True) as cursor:
        cursor.execute("INSERT INTO t VALUES (1)")
        cursor.execute("SELECT 1 FROM absent")


def test_a_connection_that_was_ended_is_worth_another_try_and_the_next_is_a_new_one(postgresql_url: str) -> None:
    engine = open_engine(postgresql_url, ping=False)
    with pytest.raises(DatabaseUnreachable), translated(postgresql_url):
        ended_within(engine, postgresql_url)
    with by_driver(engine, writes=False) as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    engine.dispose()


def ended_within(engine: sa.Engine, url: str) -> None:
    with by_driver(engine, writes=True) as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        execute(url, f"SELECT pg_terminate_backend({cursor.fetchone()[0]}, 10000)")
        cursor.execute("SELECT 1")


def test_a_server_that_is_not_there_is_worth_another_try() -> None:
    url = "postgresql://ics:secret@127.0.0.1:1/desi"
    with (
        pytest.raises(DatabaseUnreachable, match="Connection refused"),
        translated(url),
        by_driver(open_engine(url, ping=False), writes=False),
    ):
        raise AssertionError("there is none")
