"""``PYTHONPATH=demo python -m benchmarks.trigger_parts``: what each part of an attached table's trigger costs.

By turns, each of a row of tables is written whose trigger does one thing more than that of the one before. What counts
is the processor time of the server's process that writes, which the disk does not blur, and of all rounds the least,
since what else the machine does only adds to it.
"""

import itertools
import random
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg2

from benchmarks.attach import COLUMNS, INSERT, UPDATE, UPDATE_ALL
from exposure_bus.settings import TableSettings
from exposure_publisher.attach import attach, mapping_of
from private_servers import PostgreSQL

ROUNDS: Final = 60
AT_ONCE: Final = 100
"""Rows inserted and updated, a commit each, in a round."""
ROUNDS_OF_MANY: Final = 15

_TRIGGERS: Final = """DROP TRIGGER exposure_bus_inserted ON exposures; DROP TRIGGER exposure_bus_updated ON exposures;
    CREATE TRIGGER inserted AFTER INSERT OR UPDATE ON exposures
    FOR EACH STATEMENT EXECUTE FUNCTION exposure_bus.capture()"""
_NOTHING: Final = "BEGIN RETURN NULL; END"
_CATCH: Final = re.compile(r"^EXCEPTION WHEN.*(?=^END)", re.DOTALL | re.MULTILINE)
_NOTIFY: Final = re.compile(r"IF FOUND THEN.*?END IF;", re.DOTALL)
_COMPARE: Final = re.compile(r"(?<='UPDATE' THEN).*?(?=ELSIF)", re.DOTALL)
_ALL_CHANGED: Final = " INSERT INTO exposure_bus.exposure_change (expid) SELECT n.id FROM new_rows AS n; "

Change = Callable[[Any], None]
"""Takes parts away from what `attach` has made."""


def _leave_out(*parts: re.Pattern[str], rows: bool = True, text: str | None = None, rights: str = "") -> Change:
    def change(cursor: Any) -> None:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE oid = 'exposure_bus.capture'::regproc")
        (source,) = cursor.fetchone()
        for part in parts:
            source = part.sub(_ALL_CHANGED if part is _COMPARE else "", source)
        cursor.execute(
            "CREATE OR REPLACE FUNCTION exposure_bus.capture() RETURNS trigger LANGUAGE plpgsql"
            f" {rights} AS $capture${text or source}$capture$"
        )
        if not rows:
            cursor.execute(_TRIGGERS)

    return change


STEPS: Final[dict[str, Change | None]] = {
    "a trigger that does nothing": _leave_out(text=_NOTHING, rows=False),
    "sees the rows": _leave_out(text=_NOTHING),
    "writes their expids down": _leave_out(_CATCH, _NOTIFY, _COMPARE),
    "compares rows": _leave_out(_CATCH, _NOTIFY),
    "notifies": _leave_out(_CATCH),
    "has its owner's rights": _leave_out(_CATCH, rights="SECURITY DEFINER"),
    "has a fixed search path": _leave_out(_CATCH, rights="SECURITY DEFINER SET search_path = pg_catalog, pg_temp"),
    "catches errors: as it is": None,
}
"""What a trigger does more than the one before."""


class _Writer:
    """Code of the ICS that writes one of the tables."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg2.connect(url)
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.cursor.execute("SET synchronous_commit = off")
        self._time = Path(f"/proc/{self.connection.info.backend_pid}/schedstat")
        self.inserted: list[float] = []
        self.updated: list[float] = []
        self.many: list[float] = []

    def write(self, numbers: Iterator[int]) -> None:
        expids = list(itertools.islice(numbers, AT_ONCE))
        for statement, figures in ((INSERT, self.inserted), (UPDATE, self.updated)):
            began = self._microseconds()
            for expid in expids:
                self.cursor.execute(statement, (expid,))
            figures.append((self._microseconds() - began) / AT_ONCE)

    def write_many(self) -> None:
        self.cursor.execute("TRUNCATE exposures")
        self.cursor.execute("INSERT INTO exposures (id, night) SELECT n, 20230913 FROM generate_series(1, 20000) AS n")
        began = self._microseconds()
        self.cursor.execute(UPDATE_ALL)
        self.many.append((self._microseconds() - began) / 1000)

    def _microseconds(self) -> float:
        return int(self._time.read_text().split()[0]) / 1000


def main() -> None:
    """Measure, and print a table."""
    with tempfile.TemporaryDirectory() as folder, PostgreSQL(Path(folder) / "postgresql") as server:
        writers = {"without us": _Writer(_made(server, "bare"))}
        for number, (name, change) in enumerate(STEPS.items()):
            writers[name] = _Writer(_attached(server, f"attached_{number}", change))
        _measure(list(writers.values()))
        print("| | insert, µs | update, µs | update of 20,000 rows, ms |\n| --- | --- | --- | --- |")
        for name, writer in writers.items():
            print(f"| {name} | {min(writer.inserted[1:]):.1f} | {min(writer.updated[1:]):.1f}", end="")
            print(f" | {min(writer.many[1:]):.0f} |")
            writer.connection.close()


def _measure(writers: list[_Writer]) -> None:
    numbers = itertools.count(1)
    for _ in range(ROUNDS + 1):
        for writer in random.sample(writers, len(writers)):
            writer.write(numbers)
    for _ in range(ROUNDS_OF_MANY + 1):
        for writer in random.sample(writers, len(writers)):
            writer.write_many()


def _made(server: PostgreSQL, name: str) -> str:
    url = server.create_database(name)
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE exposures ({COLUMNS})")
    return url


def _attached(server: PostgreSQL, name: str, change: Change | None) -> str:
    url = _made(server, name)
    attach(url, "exposures", mapping_of(TableSettings(), "desi"))
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        if change is not None:
            change(cursor)
    return url


if __name__ == "__main__":
    main()
