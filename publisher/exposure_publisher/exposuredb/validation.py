"""What may be written into the exposureDB: each value is held against the exposure's type before it gets there."""

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec

from exposure_publisher.errors import InvalidExposure
from exposure_publisher.exposuredb.table import COLUMNS
from exposure_schemas import Exposure

_TYPES: Final = {field.name: field.type for field in msgspec.structs.fields(Exposure) if field.name in COLUMNS}


def checked(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row fit for the exposureDB.

    Args:
        row: Column names and values; ``expid`` must be among them.

    Raises:
        InvalidExposure: A column is unknown or a value is not what the column holds; the text names them.
    """
    if row.get("expid") is None:
        raise InvalidExposure(f"an exposure needs its expid; given were {dict(row)!r}")
    return {name: _checked_value(row["expid"], name, value) for name, value in row.items()}


def _checked_value(expid: Any, name: str, value: Any) -> Any:
    if name not in _TYPES:
        raise InvalidExposure(f"exposure {expid!r} has no column {name!r}; columns are {', '.join(COLUMNS)}")
    if isinstance(value, float) and not math.isfinite(value):
        return None  # as everywhere on the bus: what is not a number is none
    try:
        converted = _storable(msgspec.convert(value, _TYPES[name]))
    except ValueError as error:  # msgspec's ValidationError is one, and so is text that is no Unicode
        hint = "; give it a time zone" if isinstance(value, datetime) and value.tzinfo is None else ""
        raise InvalidExposure(f"exposure {expid!r}: {name} cannot be {value!r}: {error}{hint}") from error
    if name == "night":
        _check_night(expid, converted)
    return converted


def _storable(value: Any) -> Any:
    """Return a value as both databases hold it, and as every message carries it: moments in UTC, text without NUL."""
    if isinstance(value, datetime):
        try:
            return value.astimezone(UTC)
        except OverflowError as error:
            raise ValueError("it has no year from 1 to 9999 in UTC") from error
    if isinstance(value, str):
        value.encode()
        return value.replace("\0", "")
    return value


def _check_night(expid: Any, night: int) -> None:
    try:
        date(night // 10000, night // 100 % 100, night % 100)
    except ValueError as error:
        raise InvalidExposure(f"exposure {expid!r}: night {night} is no date YYYYMMDD: {error}") from error
