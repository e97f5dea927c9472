"""Where nights come from: a table, DESI's own package, or the dice."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from exposure_emulator.errors import NoSuchNight
from exposure_emulator.exposure import TakenExposure
from exposure_emulator.synthetic import synthetic_night
from exposure_publisher.tables import BadRows, ExposureTable, check, good_rows

SYNTHETIC: Final = "synthetic"
"""Asks for a made-up night."""

_INSTALL: Final = "pip install --no-deps desispec==0.70.0"
_TABLE: Final = re.compile(r"exposure_table_(\d{8})\.csv")


def read_night(source: str, *, night: int | None = None, seed: int = 0) -> list[TakenExposure]:
    """Return the exposures of a night, ascending by number.

    Args:
        source: A table's path; or a night (YYYYMMDD) of DESI's installed package; or ``synthetic``.
        night: Only this night of a table; the night to make up.
        seed: The same seed makes up the same night.

    Raises:
        NoSuchNight: There is no such table or night.
        UnreadableTable: The file is no table of exposures.
        BadRows: Some of its rows cannot be used.
    """
    if source == SYNTHETIC:
        return synthetic_night(night, seed=seed)
    exposures = read_table(_find(source))
    chosen = [exposure for exposure in exposures if night in (None, exposure.night)]
    if not chosen:
        raise NoSuchNight(f"{source} has no exposure" + (f" of night {night}" if night else ""))
    return chosen


def read_table(path: Path) -> list[TakenExposure]:
    """Return the exposures of a table, ascending by number.

    Raises:
        UnreadableTable: The file is no table of exposures.
        BadRows: Some of its rows cannot be used.
    """
    table = ExposureTable(path)
    found = check(table)
    if found.bad:
        first = found.bad[0]
        more = f" (and {found.bad_rows - 1} more)" if found.bad_rows > 1 else ""
        raise BadRows(
            f"{path}, line {first.line}: {first.reason}{more}; 'exposure-bus load --dry-run {path}' lists them all"
        )
    return sorted(map(TakenExposure.of_row, good_rows(table)), key=lambda exposure: exposure.expid)


def installed_nights() -> dict[int, Path]:
    """Return the nights whose exposure tables come with DESI's package ``desispec``, and where these are.

    Nothing of the package is imported: it needs a good deal that is not needed here.
    """
    return {int(match[1]): path for path in _csv_files() if (match := _TABLE.fullmatch(path.name))}


def _csv_files() -> Iterator[Path]:
    package = find_spec("desispec")
    for folder in package.submodule_search_locations or [] if package else []:
        yield from sorted(Path(folder).rglob("exposure_tables/*/*.csv"))


def _find(source: str) -> Path:
    path = Path(source)
    if path.exists() or not re.fullmatch(r"\d{8}", source):
        if not path.exists():
            raise NoSuchNight(f"there is no table {source}: give a CSV or ECSV file, a night YYYYMMDD, or {SYNTHETIC}")
        return path
    nights = installed_nights()
    if not nights:
        raise NoSuchNight(f"there is no table {source}; real nights come with DESI's package: {_INSTALL}")
    if int(source) not in nights:
        known = ", ".join(map(str, sorted(nights)))
        raise NoSuchNight(f"DESI's package has no night {source}; it has {known}")
    return nights[int(source)]
