"""Cells of a table: text to value, to None, or to a reason that says what would do."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure_publisher.tables import values
from exposure_publisher.tables.times import MJD_ZERO, moment_of_iso, moment_of_mjd, night_of

MOMENTS = st.datetimes(datetime(1900, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 (hypothesis adds the zone)
MOMENTS_OF_MJD = st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 (likewise)
MICROSECOND = timedelta(microseconds=1)


def mjd_text(moment: datetime) -> str:
    """Write a Modified Julian Date with 17 decimals, in whole numbers alone."""
    scaled = (moment - MJD_ZERO) // MICROSECOND * 10**17 // 86_400_000_000
    return f"{scaled // 10**17}.{scaled % 10**17:017d}"


@given(MOMENTS_OF_MJD)
def test_a_moment_comes_back_from_its_modified_julian_date_to_the_microsecond(moment: datetime) -> None:
    assert moment_of_mjd(Decimal(mjd_text(moment))) == moment
    assert values.mjd_moment(mjd_text(moment)) == moment


@given(st.integers(15020 * 10**9, 124592 * 10**9))
def test_a_modified_julian_date_with_nine_decimals_is_rounded_to_the_nearest_microsecond(billionths: int) -> None:
    text = f"{billionths // 10**9}.{billionths % 10**9:09d}"
    exact = Fraction(billionths * 86400 * 10**6, 10**9)
    found = values.mjd_moment(text)
    assert found is not None
    assert abs(Fraction((found - MJD_ZERO) // MICROSECOND) - exact) <= Fraction(1, 2)


def test_a_date_of_a_real_night_is_exact_where_a_float_is_not() -> None:
    assert values.mjd_moment("60200.808129882") == datetime(2023, 9, 13, 19, 23, 42, 421805, tzinfo=UTC)
    assert values.mjd_moment("6.0200808129882e4") == datetime(2023, 9, 13, 19, 23, 42, 421805, tzinfo=UTC)
    assert values.mjd_moment("60200.80812988200000000000000000000000") == values.mjd_moment("60200.808129882")


@given(MOMENTS, st.sampled_from(["T", " "]), st.sampled_from(["", "Z", "z"]))
def test_a_moment_comes_back_from_iso_text_and_a_naive_one_is_utc(moment: datetime, between: str, zone: str) -> None:
    text = moment.replace(tzinfo=None).isoformat(between) + zone
    assert values.iso_moment(text) == moment


@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_an_offset_in_iso_text_is_taken_off(moment: datetime, minutes: int) -> None:
    local = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert values.iso_moment(local.isoformat()) == moment


@given(MOMENTS, st.integers(0, 999))
def test_digits_beyond_the_microsecond_are_cut_off(moment: datetime, nanoseconds: int) -> None:
    text = f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}{nanoseconds:03d}"
    assert moment_of_iso(text) == moment


@given(MOMENTS)
def test_a_night_begins_at_local_noon_and_lasts_a_day(moment: datetime) -> None:
    night = night_of(moment)
    noon = datetime(night // 10000, night // 100 % 100, night % 100, 19, tzinfo=UTC)
    assert noon <= moment < noon + timedelta(days=1)


def test_a_night_rolls_over_at_noon_of_kitt_peak() -> None:
    assert night_of(datetime(2023, 9, 14, 18, 59, 59, 999999, tzinfo=UTC)) == 20230913
    assert night_of(datetime(2023, 9, 14, 19, tzinfo=UTC)) == 20230914
    assert night_of(datetime(2024, 1, 1, 3, tzinfo=timezone(timedelta(hours=-7)))) == 20231231


@given(st.integers(-(2**63), 2**63 - 1).filter(lambda number: number not in (-99, -999, -9999)))
def test_a_whole_number_of_64_bits_comes_back_whether_or_not_pandas_wrote_it(number: int) -> None:
    assert values.whole_number(str(number)) == number
    assert values.whole_number(f"{number}.0") == number


@given(st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: number not in (-99, -999, -9999)))
def test_a_number_comes_back_to_the_last_bit(number: float) -> None:
    assert values.number(repr(number)) == number


NONE_TEXTS = ["", "-", "--", "nan", "NaN", "NULL", "None", "n/a", "unknown", "UNKNOWN"]


@pytest.mark.parametrize(
    "read",
    [
        values.number,
        values.number_not_zero,
        values.whole_number,
        values.text,
        values.night,
        values.iso_moment,
        values.mjd_moment,
        values.flag,
    ],
)
@pytest.mark.parametrize("text", NONE_TEXTS)
def test_what_others_write_for_none_is_none(read: Callable[[str], Any], text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    "read",
    [values.number, values.number_not_zero, values.whole_number, values.night, values.iso_moment, values.mjd_moment],
)
@pytest.mark.parametrize("text", ["-99", "-99.0", "-99.", "-999", "-9999", "-9999.0"])
def test_desis_numbers_for_none_are_none(read: Callable[[str], Any], text: str) -> None:
    assert read(text) is None


def test_zero_is_none_only_where_nothing_can_be_zero() -> None:
    assert values.number("0.0") == 0.0
    assert values.number_not_zero("0.0") is None
    assert values.whole_number("0") == 0
    assert values.expid("0") == 0
    assert values.mjd_moment("0.0") is None
    assert values.night("0") is None


def test_what_is_infinite_is_none_as_everywhere_on_the_bus() -> None:
    assert values.number("inf") is None
    assert values.number("-Infinity") is None


def test_a_night_is_read_with_and_without_dashes() -> None:
    assert values.night("20230913") == values.night("2023-09-13") == values.night("20230913.0") == 20230913


@pytest.mark.parametrize(("text", "expected"), [("True", True), ("t", True), ("1", True), ("no", False), ("0", False)])
def test_a_flag_is_read_in_the_ways_that_databases_write_it(text: str, *, expected: bool) -> None:
    assert values.flag(text) is expected


WRONG = [
    (values.number, "bright", "write a number"),
    (values.number, "1_000", "write a number"),
    (values.number, "12:34:56", "write a number"),
    (values.whole_number, "22287.5", "whole number"),
    (values.whole_number, "9223372036854775808", "64 bits"),
    (values.whole_number, "1e9999", "64 bits"),
    (values.whole_number, "٣", "whole number"),
    (values.expid, "-99", "exposure's number"),
    (values.expid, "", "exposure's number"),
    (values.expid, "-1", "exposure's number"),
    (values.text, "a\0b", "NUL"),
    (values.night, "20230931", "YYYYMMDD"),
    (values.night, "2023", "YYYYMMDD"),
    (values.night, "18991231", "1900"),
    (values.iso_moment, "2023-09-13", "with a time"),
    (values.iso_moment, "20230913T192342", "with a time"),
    (values.iso_moment, "2023-09-13T25:00:00", "with a time"),
    (values.iso_moment, "9999-12-31T23:59:59-05:00", "with a time"),
    (values.iso_moment, "1899-12-31T23:59:59", "1900"),
    (values.mjd_moment, "2460200.808", "between 15020"),
    (values.mjd_moment, "1694632000", "between 15020"),
    (values.mjd_moment, "1e999999999", "Modified Julian Date"),
    (values.mjd_moment, "2023-09-13T19:23:42", "Modified Julian Date"),
    (values.mjd_moment, "124593", "between 15020"),
    (values.flag, "maybe", "true or false"),
]


@pytest.mark.parametrize(("read", "text", "hint"), WRONG)
def test_a_wrong_cell_is_refused_with_what_would_do(read: Callable[[str], Any], text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(hint)):
        read(text)
