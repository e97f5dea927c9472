"""When what happens: the starts and ends of a night's exposures, on a clock that may run faster than ours."""

import math
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple

from exposure_emulator.exposure import TakenExposure

READOUT: Final = 60.0
"""Seconds between the end of an exposure and its data, for the readout of DESI's CCDs."""

_SOME_NOON: Final = datetime(2000, 1, 1, 19, tzinfo=UTC)
"""When a night begins that says nothing of its times."""


class Event(NamedTuple):
    """Something that happens to an exposure."""

    moment: datetime
    """When, on the night's own clock."""
    what: Literal["start", "end"]
    """``start``: the shutter opens; ``end``: it has closed and the CCDs are read out."""
    exposure: TakenExposure
    """Which exposure."""


def timetable(exposures: Iterable[TakenExposure]) -> list[Event]:
    """Return all that happens, in order; exposures overlap where they did on the real night.

    Args:
        exposures: In any order. One without a date begins when the one before it, by number, is read out.
    """
    ordered = sorted(exposures, key=lambda exposure: exposure.expid)
    free = next((exposure.date for exposure in ordered if exposure.date), _SOME_NOON)
    events: list[Event] = []
    for exposure in ordered:
        begin = exposure.date or free
        free = begin + timedelta(seconds=(exposure.exptime or 0.0) + READOUT)
        events += [Event(begin, "start", exposure), Event(free, "end", exposure)]
    return sorted(events, key=lambda event: event.moment)


class Clock:
    """The night's clock.

    Args:
        begin: What it shows now; None if every moment has come.
        speed: How much faster than ours it runs; ``math.inf`` waits for nothing.
    """

    def __init__(self, begin: datetime | None, speed: float) -> None:
        self._begin = begin
        self._speed = speed
        self._started = time.monotonic()

    def seconds_until(self, moment: datetime) -> float:
        """Return how long to wait for a moment; 0 if it has come."""
        if self._begin is None or math.isinf(self._speed):
            return 0.0
        due = self._started + (moment - self._begin).total_seconds() / self._speed
        return max(0.0, due - time.monotonic())
