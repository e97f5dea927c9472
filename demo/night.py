"""Which exposures a night has: the table that comes with DESI's own package, read here once more.

The emulator reads the same table its own way; that both find the same exposures is part of the verdict.
"""

import csv
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from errors import Misused, NotSetUp


@dataclass(frozen=True, kw_only=True)
class Night:
    """A night as DESI's exposure table has it."""

    number: int
    """YYYYMMDD of the evening."""
    expids: tuple[int, ...]
    """Its exposures, ascending."""

    def __str__(self) -> str:
        return f"{self.number:08d}"[:4] + f"-{self.number // 100 % 100:02d}-{self.number % 100:02d}"


def find_night(number: int, limit: int | None) -> Night:
    """Read a night's exposure numbers.

    Args:
        number: YYYYMMDD of the evening.
        limit: Only so many exposures, from the first on.

    Raises:
        NotSetUp: DESI's package is not installed.
        Misused: It has no such night.
    """
    package = find_spec("desispec")
    if package is None or not package.submodule_search_locations:
        raise NotSetUp("the real nights come with DESI's package desispec, which is not installed: run `make setup`")
    tables = {int(path.stem[-8:]): path for path in _tables(Path(package.submodule_search_locations[0]))}
    if number not in tables:
        known = ", ".join(map(str, sorted(tables)))
        raise Misused(f"--night is {number}: DESI's package has no such night; it has {known}")
    return Night(number=number, expids=_expids(tables[number])[:limit])


def _tables(package: Path) -> list[Path]:
    return sorted(package.rglob("exposure_tables/*/exposure_table_????????.csv"))


def _expids(table: Path) -> tuple[int, ...]:
    with table.open(encoding="utf-8", newline="") as file:
        return tuple(sorted(int(row["EXPID"]) for row in csv.DictReader(file)))
