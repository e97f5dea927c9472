"""Whole tables into the exposureDB: all of them, or nothing."""

from collections.abc import Iterator, Sequence
from typing import Any

from exposure_publisher.exposuredb import ExposureDB
from exposure_publisher.tables.check import Check, check, good_rows
from exposure_publisher.tables.location import located
from exposure_publisher.tables.progress import reading_bar
from exposure_publisher.tables.reader import ExposureTable


def check_tables(tables: Sequence[ExposureTable]) -> list[Check]:
    """Read every row of every table, with a bar on a terminal, and return what was found in each."""
    found = []
    for table in tables:
        with reading_bar(f"checking {table.path.name}", table.size) as watch:
            found.append(check(table, watch))
    return found


def load_tables(tables: Sequence[ExposureTable], db: ExposureDB, *, data_root: str | None = None) -> int:
    """Write all rows of tables that were found good in one transaction.

    Args:
        tables: The tables; where two have the same exposure, the later one has the last word.
        db: Where to.
        data_root: The files of the exposures are under it, in NIGHT/EXPID: mark them as written.

    Returns:
        How many rows were written.

    Raises:
        BadRows: A file has changed since it was checked; nothing was written.
        DatabaseError: The exposureDB cannot be written; nothing was.
    """
    return db.record_many(located(_rows(tables), data_root))


def _rows(tables: Sequence[ExposureTable]) -> Iterator[dict[str, Any]]:
    for table in tables:
        with reading_bar(f"loading {table.path.name}", table.size) as watch:
            yield from good_rows(table, watch)
