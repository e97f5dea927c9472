"""Moments in the cache: exact to the microsecond."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from exposure_subscriber.cache.moments import now_micros, to_micros, to_moment

offsets = st.timedeltas(timedelta(hours=-23, minutes=-59), timedelta(hours=23, minutes=59))
zones = st.builds(timezone, offsets)


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_moment_comes_back_exactly(moment: datetime) -> None:
    assert to_moment(to_micros(moment)) == moment
    assert to_moment(to_micros(moment)).tzinfo is UTC


@given(st.datetimes(timezones=zones))
def test_a_moment_is_the_same_in_whatever_time_zone(moment: datetime) -> None:
    micros = to_micros(moment)
    assert micros == to_micros(moment.replace(tzinfo=UTC)) - to_micros(
        datetime(1970, 1, 1, tzinfo=UTC) + _offset(moment)
    )


def _offset(moment: datetime) -> timedelta:
    offset = moment.utcoffset()
    assert offset is not None
    return offset


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=zones))
def test_microseconds_are_ordered_as_moments_are(one: datetime, other: datetime) -> None:
    assert (to_micros(one) < to_micros(other)) == (one < other)


def test_a_microsecond_is_one() -> None:
    moment = datetime(2023, 9, 14, 3, 14, 15, 926535, tzinfo=UTC)
    assert to_micros(moment + timedelta(microseconds=1)) == to_micros(moment) + 1
    assert to_micros(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert to_micros(datetime.max.replace(tzinfo=UTC)) == 253402300799999999
    assert to_micros(datetime.min.replace(tzinfo=UTC)) == -62135596800000000


def test_now_is_now() -> None:
    before = datetime.now(UTC)
    assert before <= to_moment(now_micros()) <= datetime.now(UTC)
