"""Times: always aware, and in UTC in every message, whoever made it."""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from exposure_schemas.errors import InvalidValue

Moment = Annotated[datetime, Meta(tz=True)]
"""A datetime that knows its time zone; UTC on the wire."""


def put_in_utc(message: Struct, *fields: str) -> None:
    """Turn the times of a message that is being made to UTC.

    Args:
        message: The message; frozen for everybody else.
        fields: Names of the fields that hold a datetime or None.

    Raises:
        InvalidValue: A time has no time zone, or falls out of the years 1 to 9999 in UTC.
    """
    for field in fields:
        moment = getattr(message, field)
        if moment is not None and moment.tzinfo is not UTC:
            force_setattr(message, field, _in_utc(field, moment))


def _in_utc(field: str, moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise InvalidValue(f"{field} {moment.isoformat()} has no time zone: give it one, UTC at best")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise InvalidValue(f"{field} {moment.isoformat()} has no year from 1 to 9999 in UTC") from error
