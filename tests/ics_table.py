"""The ICS's own table as DESI has it, who writes it without knowing of us, and what of it QLF should see."""

import io
import math
import random
import subprocess
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.raw_sql import connected, execute

TABLE: Final = "exposure.exposure"
NIGHT: Final = 20230913

_COLUMNS: Final = """id bigint PRIMARY KEY, night integer NOT NULL, skyra double precision, skydec double precision,
    exptime double precision, program text, tileid integer, flavor text, obstype text, date_obs timestamptz,
    mjd_obs double precision, seeing double precision, airmass double precision, transpar double precision,
    skylevel double precision, s2n double precision, data_location text, saved boolean, saved_updated timestamptz,
    manifest jsonb, distributed boolean, done boolean, aborted boolean, discard boolean, st double precision,
    lead text, sequence text, object text, amplifiers integer[]"""

_READ: Final = """id, skyra, skydec, exptime, program, tileid, flavor, date_obs, night, seeing, airmass, transpar,
    skylevel, s2n, saved, data_location"""

KEYS: Final = (
    *("expid", "skyra", "skydec", "exptime", "program", "tile_id", "exptype", "date", "night", "seeing"),
    *("airmass", "transparency", "skylevel", "s2n", "data_written", "data_location"),
)
NEVER_ZERO: Final = {"seeing", "airmass", "transparency", "skylevel"}


def make(url: str) -> str:
    """Make the table; return its name."""
    if url.startswith("sqlite"):
        execute(url, f"CREATE TABLE exposures ({_COLUMNS})")
        return "exposures"
    execute(url, "CREATE SCHEMA exposure", f"CREATE TABLE {TABLE} ({_COLUMNS})")
    return TABLE


def fill(url: str, table: str, count: int, first: int = 1) -> None:
    """Insert rows as they have come over the years, every other of them written."""
    execute(
        url,
        f"""WITH RECURSIVE n (id) AS (SELECT {first} UNION ALL SELECT id + 1 FROM n WHERE id < {first + count - 1})
        INSERT INTO {table} (id, night, flavor, seeing, airmass, saved, saved_updated, discard)
        SELECT id, {NIGHT}, 'science', -99, 1.1, id % 2 = 0, '2023-09-14 03:04:05+00:00', false FROM n""",
    )


def seen_by_qlf(url: str, table: str) -> list[dict[str, Any]]:
    """Return the summaries that the table stands for, by what DESI means with its values, ascending by expid."""
    rows = execute(url, f"SELECT {_READ} FROM {table} WHERE NOT coalesce(discard, false) ORDER BY id")
    return [{key: _value(key, value) for key, value in zip(KEYS, row, strict=True)} for row in rows]


def _value(key: str, value: Any) -> Any:
    if key == "data_written":
        return bool(value)
    if key == "date" and value is not None:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(UTC)
    if value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    number = isinstance(value, int | float) and key not in {"expid", "night"}
    return None if number and (value == -99 or (value == 0 and key in NEVER_ZERO)) else value


class Writer:
    """Code of the ICS, which knows nothing of us; ids of its own, so that several may write at once.

    Args:
        url: The database.
        table: The table.
        first: The lowest of a hundred ids that it uses.
        seed: Of what it does.
    """

    def __init__(self, url: str, table: str, first: int, seed: int) -> None:
        self._url = url
        self._table = table
        self._ids = range(first, first + 100)
        self._random = random.Random(seed)
        self._postgresql = not url.startswith("sqlite")

    def write(self, count: int) -> None:
        """Do so many things, each a transaction or part of a long one."""
        with connected(self._url) as connection, closing(connection.cursor()) as cursor:
            for _ in range(count):
                getattr(self, self._random.choice(self._deeds()))(cursor)

    def _deeds(self) -> tuple[str, ...]:
        both = ("_insert", "_insert", "_update", "_update", "_write_data", "_update_many", "_delete", "_discard")
        more = ("_other_column", "_renumber", "_roll_back", "_long_transaction")
        return both + more + (("_copy", "_copy") if self._postgresql else ())

    def _run(self, cursor: Any, sql: str, *values: Any) -> None:
        cursor.execute(sql.format(t=self._table).replace("?", "%s" if self._postgresql else "?"), values)

    def _id(self) -> int:
        return self._random.choice(self._ids)

    def _number(self) -> float | None:
        some = [None, -99.0, 0.0, round(self._random.uniform(0.5, 3), 3)]
        return self._random.choice([*some, math.nan] if self._postgresql else some)

    def _text(self) -> str | None:
        return self._random.choice([None, "", "dark", "Dark", "bright", "ELG 'δ' 50 %", "tab\there"])

    def _date(self) -> Any:
        moment = datetime(2023, 9, 14, tzinfo=UTC) + timedelta(microseconds=self._random.randrange(10**10))
        return self._random.choice([None, moment if self._postgresql else moment.isoformat(" ")])

    def _insert(self, cursor: Any) -> None:
        values = (self._id(), NIGHT, self._number(), self._number(), self._text(), self._text(), self._date())
        self._run(
            cursor,
            "INSERT INTO {t} (id, night, skyra, seeing, program, flavor, date_obs) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET seeing = excluded.seeing, program = excluded.program",
            *values,
        )

    def _update(self, cursor: Any) -> None:
        name = self._random.choice(["skydec", "exptime", "airmass", "transpar", "skylevel", "s2n"])
        self._run(cursor, f"UPDATE {{t}} SET {name} = ? WHERE id = ?", self._number(), self._id())

    def _write_data(self, cursor: Any) -> None:
        set_ = "saved = true, saved_updated = ?, data_location = ?"
        now = datetime.now(UTC)
        moment = now if self._postgresql else now.isoformat(" ")
        self._run(cursor, f"UPDATE {{t}} SET {set_} WHERE id = ?", moment, f"/nowhere/{self._id()}", self._id())

    def _update_many(self, cursor: Any) -> None:
        first = self._id()
        last = min(first + 20, self._ids[-1])  # two who lock each other's rows would deadlock without us too
        self._run(cursor, "UPDATE {t} SET tileid = ? WHERE id BETWEEN ? AND ?", self._id(), first, last)

    def _delete(self, cursor: Any) -> None:
        first = self._id()
        last = min(first + self._random.choice([0, 0, 5]), self._ids[-1])
        self._run(cursor, "DELETE FROM {t} WHERE id BETWEEN ? AND ?", first, last)

    def _discard(self, cursor: Any) -> None:
        self._run(cursor, "UPDATE {t} SET discard = NOT coalesce(discard, false) WHERE id = ?", self._id())

    def _other_column(self, cursor: Any) -> None:
        self._run(cursor, "UPDATE {t} SET object = ?, st = ? WHERE id = ?", self._text(), self._number(), self._id())

    def _renumber(self, cursor: Any) -> None:
        other = "(SELECT count(*) FROM {t} WHERE id = ?) = 0"
        self._run(
            cursor, f"UPDATE {{t}} SET id = ? WHERE id = ? AND {other}", *(one := (self._id(), self._id())), one[0]
        )

    def _roll_back(self, cursor: Any) -> None:
        cursor.execute("BEGIN")
        self._update(cursor)
        cursor.execute("SAVEPOINT half")
        self._insert(cursor)
        self._delete(cursor)
        cursor.execute("ROLLBACK TO SAVEPOINT half")
        self._insert(cursor)
        cursor.execute(self._random.choice(["COMMIT", "ROLLBACK"]))

    def _long_transaction(self, cursor: Any) -> None:
        """Commit late: others commit meanwhile what was begun after it."""
        cursor.execute("BEGIN")
        for _ in range(self._random.randint(2, 12)):
            self._update(cursor)
            self._insert(cursor)
        cursor.execute("COMMIT")

    def _copy(self, cursor: Any) -> None:
        ids = self._random.sample(self._ids, 10)
        cursor.execute("BEGIN")
        self._run(cursor, "DELETE FROM {t} WHERE id = ANY (?)", ids)
        text = io.StringIO("".join(f"{each}\t{NIGHT}\t{self._random.random()}\n" for each in ids))
        cursor.copy_expert(f"COPY {self._table} (id, night, airmass) FROM STDIN", text)
        cursor.execute("COMMIT")


def dump(url: str) -> str:
    """Return their schema as ``pg_dump`` writes it, rows too."""
    done = subprocess.run(
        ["pg_dump", "--dbname", url, "--schema", "exposure"], capture_output=True, text=True, check=True
    )
    return "".join(line for line in done.stdout.splitlines(keepends=True) if not line.startswith(("--", "\\")))
