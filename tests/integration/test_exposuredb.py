"""The exposureDB on both databases: what is written is what is read."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.raw_sql import changes, forget_changes

from exposure_publisher import ExposureDB
from exposure_publisher.errors import InvalidExposure
from exposure_schemas import SUMMARY_KEYS

NIGHT = 20230913
WHOLE = st.integers(-(2**63), 2**63 - 1)
ZONES = st.builds(timezone, st.timedeltas(timedelta(hours=-23, minutes=-59), timedelta(hours=23, minutes=59)))
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=ZONES)  # noqa: DTZ001 (the strategy adds it)
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("skyra", "skydec", "exptime", "seeing", "airmass", "transparency", "skylevel"), st.floats()),
    "s2n": st.floats() | st.integers(-(2**53), 2**53),
    **dict.fromkeys(("program", "exptype", "data_location"), st.text()),
    "tile_id": WHOLE,
    "date": MOMENTS,
}
ROWS = st.fixed_dictionaries(
    {
        "expid": st.integers(0, 9) | st.integers(0, 2**63 - 1),
        "night": st.dates(datetime(1900, 1, 1).date()).map(lambda day: int(day.strftime("%Y%m%d").zfill(8))),  # noqa: DTZ001
    },
    optional={name: st.none() | values for name, values in COLUMNS.items()} | {"data_written": st.booleans()},
)

EMPTY = dict.fromkeys(SUMMARY_KEYS) | {"data_written": False}


def kept(value: Any) -> Any:
    """What the exposureDB keeps of a value."""
    if isinstance(value, str):
        return value.replace("\0", "")
    return None if isinstance(value, float) and not math.isfinite(value) else value


def test_every_value_of_every_column_comes_back_and_an_update_touches_only_the_columns_given(db: ExposureDB) -> None:
    expected: dict[int, dict[str, Any]] = {}

    @settings(max_examples=60, deadline=None)
    @given(st.lists(ROWS, max_size=6))
    def check(rows: list[dict[str, Any]]) -> None:
        assert db.record_many(rows) == len(rows)
        for row in rows:
            before = expected.get(row["expid"], EMPTY)
            expected[row["expid"]] = before | {name: kept(value) for name, value in row.items()}
        assert list(db.exposures()) == [expected[expid] for expid in sorted(expected)]

    check()


def test_an_exposure_is_read_with_python_types_and_its_keys_in_order(db: ExposureDB) -> None:
    moment = datetime(2023, 9, 13, 20, 14, 15, 926535, tzinfo=timezone(timedelta(hours=-7)))
    db.record(expid=7024040300451, night=NIGHT, exptime=900, date=moment, tile_id=-99)
    (row,) = db.exposures()
    assert tuple(row) == SUMMARY_KEYS
    assert row["expid"] == 7024040300451
    assert row["date"] == moment
    assert row["date"].utcoffset() == timedelta(0)
    assert (row["exptime"], type(row["exptime"])) == (900.0, float)
    assert row["data_written"] is False


def test_a_row_that_is_there_needs_no_night(db: ExposureDB) -> None:
    db.record(expid=1, night=NIGHT, program="dark")
    db.record(expid=1, seeing=1.1)
    db.record(expid=1)
    (row,) = db.exposures()
    assert row == EMPTY | {"expid": 1, "night": NIGHT, "program": "dark", "seeing": 1.1}


def test_a_value_may_be_taken_back(db: ExposureDB) -> None:
    db.record(expid=1, night=NIGHT, seeing=1.1, program="dark")
    db.record(expid=1, seeing=None, program=None)
    assert list(db.exposures()) == [EMPTY | {"expid": 1, "night": NIGHT}]


def test_thousands_of_rows_are_written_in_one_transaction(db: ExposureDB, exposure_db_url: str) -> None:
    rows = [{"expid": expid, "night": NIGHT, "seeing": expid / 10} for expid in range(2500)]
    assert db.record_many(iter(rows)) == 2500
    assert [row["expid"] for row in db.exposures()] == list(range(2500))
    assert changes(exposure_db_url) != []


BAD: list[tuple[dict[str, Any], str]] = [
    ({"expid": 3, "night": NIGHT, "seeing": "good"}, "exposure 3: seeing cannot be 'good'"),
    ({"expid": 3}, "exposure 3 is new: it needs its night"),
    ({"night": NIGHT}, "an exposure needs its expid"),
    ({"expid": None, "night": NIGHT}, "an exposure needs its expid"),
    ({"expid": -1, "night": NIGHT}, "exposure -1: expid cannot be -1"),
    ({"expid": 2**63, "night": NIGHT}, "expid cannot be 9223372036854775808"),
    ({"expid": 3, "night": 20230230}, "exposure 3: night 20230230 is no date YYYYMMDD"),
    ({"expid": 3, "night": "20230913"}, "night cannot be '20230913'"),
    ({"expid": 3, "night": None}, "night cannot be None"),
    ({"expid": 3, "night": NIGHT, "data_written": 1}, "data_written cannot be 1"),
    ({"expid": 3, "night": NIGHT, "tileid": 1}, "no column 'tileid'; columns are expid, skyra, "),
    ({"expid": 3, "night": NIGHT, "tile_id": 2**63}, "tile_id cannot be 9223372036854775808"),
    ({"expid": 3, "night": NIGHT, "skyra": 10**400}, "skyra cannot be 1000"),
    ({"expid": 3, "night": NIGHT, "program": "\ud800"}, "program cannot be '\\\\ud800'"),
    ({"expid": 3, "night": NIGHT, "date": "2023-09-14"}, "date cannot be '2023-09-14'"),
    ({"expid": 3, "night": NIGHT, "date": datetime(2023, 9, 14)}, "give it a time zone"),  # noqa: DTZ001
    (
        {"expid": 3, "night": NIGHT, "date": datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))},
        "date cannot be datetime.*no year from 1 to 9999 in UTC",
    ),
]


def test_of_many_rows_all_are_written_or_none_and_the_bad_one_is_named(db: ExposureDB, exposure_db_url: str) -> None:
    db.record(expid=1, night=NIGHT, program="before")
    forget_changes(exposure_db_url)
    good = [{"expid": expid, "night": NIGHT, "program": "after"} for expid in (1, 2)]
    for bad, said in BAD:
        with pytest.raises(InvalidExposure, match=said):
            db.record_many([*good, bad])
    assert list(db.exposures()) == [EMPTY | {"expid": 1, "night": NIGHT, "program": "before"}]
    assert changes(exposure_db_url) == []


def test_a_failing_source_of_rows_leaves_nothing(db: ExposureDB, exposure_db_url: str) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        yield from ({"expid": expid, "night": NIGHT} for expid in range(1500))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        db.record_many(rows())
    assert list(db.exposures()) == []
    assert changes(exposure_db_url) == []
