"""Moments and nights as astronomers write them: ISO 8601, Modified Julian Date, and the night a moment belongs to."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

MJD_ZERO: Final = datetime(1858, 11, 17, tzinfo=UTC)
"""MJD 0.0, midnight."""

_MJD_RANGE: Final = (Decimal(15020), Decimal(124593))
"""From 1900 until 2200: a Julian Date (above 2,400,000) or seconds since 1970 are not taken for one."""

_MICROSECONDS_A_DAY: Final = 86_400_000_000

_LOCAL_NOON: Final = timedelta(hours=19)
"""12:00 at Kitt Peak in UTC (it keeps UTC-7 all year): a night rolls over then, in all of DESI's tables too."""

_ISO: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d+))?\s*(Z|[+-]\d\d:?\d\d)?", re.ASCII | re.IGNORECASE
)


def moment_of_iso(text: str) -> datetime:
    """Return the moment that ISO 8601 text names, in UTC.

    Args:
        text: Date and time; without an offset it is UTC. Digits beyond the microsecond are cut off.

    Raises:
        ValueError: It is no date with a time.
    """
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(text)
    day, time, fraction, offset = match.groups()
    moment = datetime.fromisoformat(f"{day}T{time}{(offset or 'Z').upper()}")
    return moment.astimezone(UTC) + timedelta(microseconds=int((fraction or "0")[:6].ljust(6, "0")))


def moment_of_mjd(mjd: Decimal) -> datetime:
    """Return the moment of a Modified Julian Date (UTC), to the nearest microsecond and without a float in between.

    Args:
        mjd: Days since 1858-11-17.

    Raises:
        ValueError: It is not between 1900 and 2200.
    """
    if not (mjd.is_finite() and _MJD_RANGE[0] <= mjd < _MJD_RANGE[1]):
        raise ValueError(mjd)
    days, parts = mjd.as_integer_ratio()
    microseconds = (2 * days * _MICROSECONDS_A_DAY + parts) // (2 * parts)
    return MJD_ZERO + timedelta(microseconds=microseconds)


def night_of(moment: datetime) -> int:
    """Return the night (YYYYMMDD) that a moment belongs to: the date of the local noon before it.

    Args:
        moment: An aware datetime.
    """
    evening = moment.astimezone(UTC) - _LOCAL_NOON
    return evening.year * 10000 + evening.month * 100 + evening.day
