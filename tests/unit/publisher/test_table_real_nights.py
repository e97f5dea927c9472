"""DESI's own tables, which come with its package ``desispec``, value by value against astropy's reader.

They are not part of this repository: ``pip install --no-deps desispec==0.70.0``.
"""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from astropy.table import Table

from exposure_publisher.tables import ExposureTable, check, good_rows


class Real(NamedTuple):
    rows: int
    nights: int
    columns: dict[str, str]
    """The column in which astropy finds each key."""


OF_A_NIGHT = {
    "expid": "EXPID",
    "skyra": "TARGTRA",
    "skydec": "TARGTDEC",
    "exptime": "EXPTIME",
    "program": "PROGRAM",
    "tile_id": "TILEID",
    "exptype": "OBSTYPE",
    "date": "MJD-OBS",
    "night": "NIGHT",
    "airmass": "AIRMASS",
}
OF_SURVEY_VALIDATION = {
    "expid": "EXPID",
    "skyra": "TILERA",
    "skydec": "TILEDEC",
    "exptime": "EXPTIME",
    "tile_id": "TILEID",
    "date": "MJDOBS",
    "night": "NIGHT",
    "seeing": "GFA_FWHM_ASEC",
    "airmass": "GFA_AIRMASS",
    "transparency": "GFA_TRANSPARENCY",
    "skylevel": "GFA_SKY_MAG_AB",
}
OF_THE_EXPOSURE_TIME_CALCULATOR = {
    "expid": "EXPID",
    "skyra": "TILERA",
    "skydec": "TILEDEC",
    "exptime": "EXPTIME",
    "program": "FAPRGRM",
    "tile_id": "TILEID",
    "date": "MJD",
    "night": "NIGHT",
    "seeing": "SEEING_ETC",
    "airmass": "AIRMASS",
    "transparency": "TRANSPARENCY_GFA",
    "skylevel": "SKY_MAG_AB_GFA",
}
NIGHTS = "test/data/exposure_tables"
TABLES = {
    f"{NIGHTS}/202309/exposure_table_20230913.csv": Real(94, 1, OF_A_NIGHT),
    f"{NIGHTS}/202309/exposure_table_20230914.csv": Real(95, 1, OF_A_NIGHT),
    f"{NIGHTS}/202111/exposure_table_20211129.csv": Real(85, 1, OF_A_NIGHT),
    "test/data/miniprod/exposure_tables/202105/exposure_table_20210511.csv": Real(63, 1, OF_A_NIGHT),
    "data/tsnr/sv1-exposures.csv": Real(1931, 76, OF_SURVEY_VALIDATION),
    "data/tsnr/tsnr_refset_etc.csv": Real(753, 43, OF_THE_EXPOSURE_TIME_CALCULATOR),
}
ZERO_IS_NONE = {"seeing", "airmass", "transparency", "skylevel"}


@pytest.fixture(scope="module")
def package() -> Path:
    spec = find_spec("desispec")
    if spec is None or not spec.submodule_search_locations:
        pytest.fail("DESI's package is not installed: pip install --no-deps desispec==0.70.0")
    return Path(spec.submodule_search_locations[0])


def read_by_astropy(path: Path, real: Real) -> list[dict[str, Any]]:
    date = real.columns["date"]
    table = Table.read(path, format="ascii.csv", converters={date: str}, fill_values=[("", "0")])
    return [{key: expected(key, row[column]) for key, column in real.columns.items()} for row in table]


def expected(key: str, value: Any) -> Any:
    if key == "date":
        return None if value == "-99.0" else moment(Fraction(str(value)))
    value = value.item() if hasattr(value, "item") else str(value)
    if value in (-99, "unknown") or value != value or (value == 0 and key in ZERO_IS_NONE):  # noqa: PLR0124 (nan)
        return None
    return value


def moment(days: Fraction) -> datetime:
    return datetime(1858, 11, 17, tzinfo=UTC) + timedelta(microseconds=round(days * 86400 * 10**6))


@pytest.mark.parametrize("name", TABLES)
def test_a_real_table_is_read_to_the_last_value(package: Path, name: str) -> None:
    real = TABLES[name]
    table = ExposureTable(package / name)
    found = check(table)
    assert (found.rows, found.bad, len(found.nights)) == (real.rows, (), real.nights)
    assert set(table.keys) == set(real.columns)
    rows = list(good_rows(table))
    fall_back(rows, package / name, real)
    assert rows == read_by_astropy(package / name, real)


def fall_back(rows: list[dict[str, Any]], path: Path, real: Real) -> None:
    """Where the exposure time calculator has no seeing, the guiders' stands for it; hold that apart."""
    if real.columns is not OF_THE_EXPOSURE_TIME_CALCULATOR:
        return
    table = Table.read(path, format="ascii.csv")
    gaps = [place for place, seeing in enumerate(table["SEEING_ETC"]) if seeing == 0]
    assert gaps
    for place in gaps:
        guiders = float(table["SEEING_GFA"][place])
        assert rows[place]["seeing"] == (guiders or None)
        rows[place]["seeing"] = None


def test_a_real_night_holds_what_a_person_reads_in_its_table(package: Path) -> None:
    rows = {row["expid"]: row for row in good_rows(ExposureTable(package / next(iter(TABLES))))}
    assert rows[195972] == {
        "expid": 195972,
        "skyra": 179.350056,
        "skydec": -17.0,
        "exptime": 0.0,
        "program": "calib zeros for nightly bias",
        "tile_id": None,
        "exptype": "zero",
        "date": datetime(2023, 9, 13, 19, 23, 42, 421805, tzinfo=UTC),
        "night": 20230913,
        "airmass": 1.0,
    }
    assert (rows[196045]["program"], rows[196045]["tile_id"], rows[196045]["exptime"]) == ("bright", 22287, 273.1084)


def test_exposures_of_a_real_table_without_a_date_keep_their_night(package: Path) -> None:
    rows = good_rows(ExposureTable(package / "data/tsnr/sv1-exposures.csv"))
    dateless = [(row["expid"], row["night"]) for row in rows if row["date"] is None]
    assert dateless == [(70766, 20210104), (70767, 20210104)]
