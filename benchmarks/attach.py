"""Attached to the ICS's own table: what its writers pay, and how long the history takes."""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg2
from psycopg2.extras import execute_values

from benchmarks.measure import Result, by_turns, seconds
from benchmarks.servers import Servers
from exposure_bus.settings import TableSettings
from exposure_publisher.attach import attach, detach, mapping_of
from exposure_publisher.ledger import open_ledger

COLUMNS: Final = """id bigint PRIMARY KEY, night integer NOT NULL, skyra double precision, skydec double precision,
    exptime double precision, program text, tileid integer, flavor text, obstype text, date_obs timestamptz,
    seeing double precision, airmass double precision, transpar double precision, skylevel double precision,
    s2n double precision, data_location text, saved boolean, saved_updated timestamptz, manifest jsonb,
    discard boolean"""

INSERT: Final = """INSERT INTO exposures (id, night, skyra, skydec, exptime, program, tileid, flavor, date_obs)
    VALUES (%s, 20230913, 270.5, 31.2, 900, 'dark', 22287, 'science', now())"""
UPDATE: Final = """UPDATE exposures SET seeing = 1.1, airmass = 1.2, saved = true, saved_updated = now(),
    data_location = '/data/20230913' WHERE id = %s"""
UPDATE_ALL: Final = "UPDATE exposures SET transpar = coalesce(transpar, 0) + 0.01 WHERE id <= 20000"

PAGE: Final = 2000


def run(_work: Path, servers: Servers, *, quick: bool) -> Iterator[Result]:
    """Measure; ``quick`` makes everything smaller."""
    bare, attached = servers.database(), servers.database()
    for url in (bare, attached):
        _run(url, f"CREATE TABLE exposures ({COLUMNS})")
    attach(attached, "exposures", mapping_of(TableSettings(), "desi"))
    yield _single(bare, attached, 200 if quick else 1000)
    yield _many(bare, attached)
    yield _history(servers.database(), 30_000 if quick else 300_000)


def _single(bare: str, attached: str, count: int) -> Result:
    numbers = itertools.count(1)
    ours, floor = by_turns(_writer(attached, numbers, count), _writer(bare, numbers, count))
    return Result(
        operation=f"{count} rows inserted and updated, a commit each, in a table that the bus is attached to",
        unit="s",
        ours=ours,
        floor=floor,
        floor_is="the same writes without us",
        target=1.25,
    )


def _many(bare: str, attached: str) -> Result:
    for url in (bare, attached):
        _run(url, "TRUNCATE exposures", f"INSERT INTO exposures (id, night) {_ROWS.format(20_000)}")
    works = (lambda: seconds(lambda: _run(attached, UPDATE_ALL)), lambda: seconds(lambda: _run(bare, UPDATE_ALL)))
    ours, floor = by_turns(*works)
    return Result(
        operation="20,000 rows updated by one statement, in a table that the bus is attached to",
        unit="s",
        ours=ours,
        floor=floor,
        floor_is="the same statement without us",
        target=1.25,
    )


def _history(url: str, count: int) -> Result:
    _run(url, f"CREATE TABLE exposures ({COLUMNS})", f"INSERT INTO exposures (id, night) {_ROWS.format(count)}")
    _run(url, "CREATE TABLE floor (expid bigint PRIMARY KEY, sequence bigint UNIQUE, numbered_at timestamptz)")
    ours, floor = by_turns(lambda: _attached(url), lambda: _by_driver(url), warm_up=False)
    return Result(
        operation=f"attach to a table of {count} rows, until each has its number",
        unit="s",
        ours=ours,
        floor=floor,
        floor_is=f"reading the ids and inserting as many numbers by execute_values, {PAGE} a transaction",
        target=1.5,
    )


_ROWS: Final = "SELECT number, 20230913 FROM generate_series(1, {}) AS number"


def _writer(url: str, numbers: Iterator[int], count: int) -> Callable[[], float]:
    def write() -> float:
        expids = list(itertools.islice(numbers, count))
        with closing(psycopg2.connect(url)) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            return seconds(lambda: _write(cursor, expids))

    return write


def _write(cursor: Any, expids: list[int]) -> None:
    for expid in expids:
        cursor.execute(INSERT, (expid,))
        cursor.execute(UPDATE, (expid,))


def _attached(url: str) -> float:
    detach(url)
    began = time.perf_counter()
    attach(url, "exposures", mapping_of(TableSettings(), "desi"))
    with closing(open_ledger(url)) as ledger:
        while ledger.state().refilling:
            ledger.refill(PAGE)
    return time.perf_counter() - began


def _by_driver(url: str) -> float:
    _run(url, "TRUNCATE floor")
    return seconds(lambda: _number_by_driver(url))


def _number_by_driver(url: str) -> None:
    insert = "INSERT INTO floor (expid, sequence, numbered_at) VALUES %s"
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        after = 0
        while True:
            cursor.execute("SELECT id FROM exposures WHERE id > %s ORDER BY id LIMIT %s", (after, PAGE))
            page = [(expid, expid, "now") for (expid,) in cursor.fetchall()]
            if not page:
                return
            execute_values(cursor, insert, page, page_size=PAGE)
            connection.commit()
            after = page[-1][0]


def _run(url: str, *statements: str) -> None:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
