"""The message in which QLF tells ICS that something is wrong."""

from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from exposure_schemas.moment import Moment, put_in_utc

AlarmLevel = Literal["EVENT", "WARN", "ALARM", "CRITICAL"]
"""How bad it is, in ICS's own words, ascending."""

ALARM_LEVELS: tuple[AlarmLevel, ...] = get_args(AlarmLevel)


class Alarm(Struct, frozen=True, kw_only=True):
    """Something that a person at the telescope should know."""

    message: Annotated[str, Meta(min_length=1, max_length=10_000)]
    """What is wrong, for a person."""
    level: AlarmLevel
    """How bad it is."""
    subscriber: str
    """Which follower's QLF raised it."""
    host: str
    """The host it was raised on."""
    raised_at: Moment
    """When it was raised, UTC."""

    def __post_init__(self) -> None:
        put_in_utc(self, "raised_at")
