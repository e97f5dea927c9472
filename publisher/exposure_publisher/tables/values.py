"""Text of a table's cell to a value; None where the text stands for none, ValueError that says what would do."""

import math
import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final, TypeVar

from exposure_publisher.tables.times import moment_of_iso, moment_of_mjd

NONE_WORDS: Final = frozenset({"", "-", "--", "nan", "null", "none", "n/a", "unknown"})
"""What DESI's tables, pandas, astropy and databases write where there is nothing; in any case."""

NONE_NUMBERS: Final = frozenset({-99.0, -999.0, -9999.0})
"""What stands for none among numbers: none of ours can be so."""

_INTEGER: Final = re.compile(r"[+-]?\d+", re.ASCII)
_DECIMAL: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,4})?", re.ASCII | re.IGNORECASE)
_NO_NUMBER: Final = re.compile(r"-99(\.0*)?|-9{3,4}(\.0*)?")
_DASHED_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LARGEST: Final = 2**63 - 1
_FIRST_YEAR: Final = 1900

_Value = TypeVar("_Value")


def number(text: str) -> float | None:
    """Return a finite number; what is infinite or not a number is none, as everywhere on the bus."""
    try:
        value = float(text)
    except ValueError:
        if is_none(text):
            return None
        raise ValueError("write a number") from None
    if "_" in text:  # Python takes 1_000 for a number, nobody else does
        raise ValueError("write a number")
    return None if value in NONE_NUMBERS or not math.isfinite(value) else value


def number_not_zero(text: str) -> float | None:
    """Return a number of a quantity that is never zero (seeing, airmass, …): 0 was written for none."""
    return number(text) or None


def whole_number(text: str) -> int | None:
    """Return a whole number of at most 64 bits; ``22287.0``, as pandas writes it, is one."""
    value = _whole(text)
    return None if value is None or value in NONE_NUMBERS else value


def expid(text: str) -> int:
    """Return an exposure number."""
    value = _whole(text)
    if value is None or value < 0:
        raise ValueError("write the exposure's number, 0 or more")
    return value


def text(text: str) -> str | None:
    """Return text as it is."""
    if "\0" in text:
        raise ValueError("leave out the NUL character")
    return None if is_none(text) else text


@lru_cache(maxsize=1024)  # thousands of rows have the same few nights
def night(text: str) -> int | None:
    """Return a night, YYYYMMDD; ``2023-09-13`` is read too."""
    try:
        value = _whole(text.replace("-", "") if _DASHED_DAY.fullmatch(text) else text)
        if not value or value in NONE_NUMBERS:
            return None
        day = date(value // 10000, value // 100 % 100, value % 100)
    except ValueError as error:
        raise ValueError("write the night's date as YYYYMMDD") from error
    return _since_1900(value, day.year)


def iso_moment(text: str) -> datetime | None:
    """Return the moment that ISO 8601 text names; without an offset it is UTC."""
    if is_none(text) or _NO_NUMBER.fullmatch(text):
        return None
    try:
        moment = moment_of_iso(text)
    except (ValueError, OverflowError) as error:
        raise ValueError("write ISO 8601 with a time, such as 2023-09-14T03:14:15.926") from error
    return _since_1900(moment, moment.year)


def mjd_moment(text: str) -> datetime | None:
    """Return the moment of a Modified Julian Date, exact to the microsecond."""
    if is_none(text):
        return None
    days = _decimal(text)
    if days is None:
        raise ValueError("write a Modified Julian Date, such as 60201.134911203")
    if float(days) in NONE_NUMBERS or days == 0:
        return None
    try:
        return moment_of_mjd(days)
    except ValueError as error:
        raise ValueError("write a Modified Julian Date between 15020 (1900) and 124593 (2200)") from error


_FLAGS: Final = {
    **dict.fromkeys(("true", "t", "yes", "y", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0"), False),
}


def flag(text: str) -> bool | None:
    """Return true or false."""
    if is_none(text):
        return None
    try:
        return _FLAGS[text.lower()]
    except KeyError:
        raise ValueError("write true or false") from None


def is_none(text: str) -> bool:
    """Say whether text stands for none."""
    return text.lower() in NONE_WORDS


def _whole(text: str) -> int | None:
    if is_none(text):
        return None
    value = int(text) if _INTEGER.fullmatch(text) and len(text) < len(str(_LARGEST)) else _long_whole(text)
    if not -_LARGEST - 1 <= value <= _LARGEST:
        raise ValueError("write a number of at most 64 bits")
    return value


def _long_whole(text: str) -> int:
    exact = _decimal(text)
    if exact is None or abs(exact) > 2 * _LARGEST or exact != exact.to_integral_value():
        raise ValueError("write a whole number of at most 64 bits")
    return int(exact)


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text) if _DECIMAL.fullmatch(text) else None
    except InvalidOperation:
        return None


def _since_1900(value: _Value, year: int) -> _Value:
    if year < _FIRST_YEAR:
        raise ValueError("write a year from 1900 on")
    return value
