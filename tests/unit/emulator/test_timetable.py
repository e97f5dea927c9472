"""When what happens."""

import math
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure_emulator.exposure import TakenExposure
from exposure_emulator.timetable import READOUT, Clock, timetable

EVENING = datetime(2023, 9, 13, 19, 30, tzinfo=UTC)


def taken(expid: int, minute: float | None = None, exptime: float | None = 60.0) -> TakenExposure:
    date = None if minute is None else EVENING + timedelta(minutes=minute)
    return TakenExposure(expid=expid, night=20230913, date=date, exptime=exptime)


def told(exposures: list[TakenExposure]) -> list[str]:
    return [f"{event.what} {event.exposure.expid}" for event in timetable(exposures)]


def test_an_exposure_ends_after_its_readout() -> None:
    start, end = timetable([taken(1, 0)])
    assert (start.moment, end.moment) == (EVENING, EVENING + timedelta(seconds=60 + READOUT))


def test_the_next_exposure_begins_while_the_one_before_is_read_out() -> None:
    assert told([taken(2, 1.5), taken(1, 0)]) == ["start 1", "start 2", "end 1", "end 2"]


def test_exposures_without_a_date_follow_the_one_before() -> None:
    undated = [taken(1, 0), taken(2), taken(3, exptime=None), taken(4, 60)]
    moments = {event.exposure.expid: event.moment for event in timetable(undated) if event.what == "start"}
    assert moments[2] == EVENING + timedelta(minutes=2)
    assert moments[3] == EVENING + timedelta(minutes=4)
    assert told([taken(1), taken(2)]) == ["start 1", "end 1", "start 2", "end 2"]


@given(st.lists(st.tuples(st.none() | st.floats(0, 600), st.none() | st.floats(0, 2000)), max_size=20))
def test_every_exposure_starts_once_and_ends_once_and_in_order(night: list[tuple[float | None, float | None]]) -> None:
    events = timetable(taken(expid, minute, exptime) for expid, (minute, exptime) in enumerate(night))
    assert [event.moment for event in events] == sorted(event.moment for event in events)
    for expid in range(len(night)):
        assert [event.what for event in events if event.exposure.expid == expid] == ["start", "end"]


def test_a_clock_runs_faster_by_its_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    clock = Clock(EVENING, 60.0)
    assert clock.seconds_until(EVENING + timedelta(minutes=10)) == 10.0
    now[0] += 4.0
    assert clock.seconds_until(EVENING + timedelta(minutes=10)) == 6.0
    now[0] += 60.0
    assert clock.seconds_until(EVENING + timedelta(minutes=10)) == 0.0


def test_a_clock_without_limit_or_without_beginning_waits_for_nothing() -> None:
    assert Clock(EVENING, math.inf).seconds_until(EVENING + timedelta(days=1)) == 0.0
    assert Clock(None, 1.0).seconds_until(EVENING + timedelta(days=1)) == 0.0
