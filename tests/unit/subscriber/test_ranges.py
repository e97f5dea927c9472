"""What a caller may ask for, and what is refused: by what the selection picks from a cache's rows."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure_bus.errors import BusError
from exposure_subscriber.cache.moments import to_micros
from exposure_subscriber.errors import ICSError, RangeError
from exposure_subscriber.interface.ranges import select

START = datetime(2023, 9, 14, tzinfo=UTC)
COUNT = 6
LARGEST = 2**63 - 1


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


class Picks:
    """Picks expids out of rows: each is written a minute after the one before, every third is not written yet."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.execute("CREATE TABLE exposure (expid INTEGER, data_written INTEGER, data_written_at INTEGER)")
        rows = [(expid, int(expid % 3 > 0), to_micros(at(expid))) for expid in range(COUNT)]
        rows.append((LARGEST, 1, to_micros(at(-1))))
        connection.executemany("INSERT INTO exposure VALUES (?, ?, ?)", rows)

    def __call__(self, date_range: Any = None, expid_range: Any = None, *, written: bool = False) -> list[int]:
        selection = select(date_range, expid_range, require_data_written=written)
        rows = self._connection.execute(f"SELECT expid FROM exposure {selection.where}", selection.values)
        return [expid for (expid,) in rows]


@pytest.fixture(scope="module")
def picks() -> Iterator[Picks]:
    with closing(sqlite3.connect(":memory:")) as connection:
        yield Picks(connection)


@pytest.mark.parametrize(
    ("expid_range", "expids"),
    [
        ((2, 4), [2, 3, 4]),
        ([2, 4], [2, 3, 4]),
        ((2, 2), [2]),
        ((2, None), [2]),
        ((None, 2), [2]),
        ((7, 9), []),
        ((-5, 1), [0, 1]),
        ((-5, -3), []),
        ((None, -3), []),
        ((None, 10**30), []),
        ((-(10**30), 0), [0]),
        ((5, 10**30), [5, LARGEST]),
        ((10**30, 10**31), []),
        ((2**63, None), []),
        ((None, LARGEST), [LARGEST]),
        ("last", [LARGEST]),
    ],
)
def test_a_range_of_expids_picks_both_ends_and_one_end_picks_one(
    picks: Picks, expid_range: Any, expids: list[int]
) -> None:
    assert picks(expid_range=expid_range) == expids


@pytest.mark.parametrize(
    ("date_range", "expids"),
    [
        ((at(2), at(4)), [2, 3, 4]),
        ([at(2), at(4)], [2, 3, 4]),
        ((at(2), at(2)), [2]),
        ((at(2) + timedelta(microseconds=1), at(4) - timedelta(microseconds=1)), [3]),
        ((at(4), None), [4, 5]),
        ((None, at(0)), [0, LARGEST]),
        ((at(9), None), []),
        ((datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)), [0, 1, 2, 3, 4, 5, LARGEST]),
        ((at(3).replace(tzinfo=None), at(4)), [3, 4]),
        ("last", [5]),
    ],
)
def test_a_range_of_dates_includes_its_ends_and_an_open_one_leaves_it_open(
    picks: Picks, date_range: Any, expids: list[int]
) -> None:
    assert picks(date_range) == expids


def test_only_what_is_written_is_picked_if_it_is_required(picks: Picks) -> None:
    assert picks(expid_range=(0, COUNT), written=True) == [1, 2, 4, 5]
    assert picks(expid_range=(3, None), written=True) == []
    assert picks((at(3), None), written=True) == [4, 5]
    assert picks("last", written=True) == [5]
    assert picks(expid_range="last", written=True) == [LARGEST]


def test_the_last_is_the_newest_of_those_that_are_written() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        picks = Picks(connection)
        connection.execute("UPDATE exposure SET data_written = 0 WHERE expid > 2")
        assert picks("last", written=True) == [2]
        assert picks(expid_range="last", written=True) == [2]
        assert picks("last") == [5]


class NoOffset(tzinfo):
    """A time zone that does not know its offset: Python counts such a datetime as naive."""

    def utcoffset(self, _moment: datetime | None) -> None:
        return None

    dst = tzname = utcoffset


@given(
    st.floats(0, COUNT),
    st.floats(0, COUNT),
    st.builds(timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23))),
)
def test_a_naive_datetime_is_utc_and_any_other_is_the_moment_it_is(low: float, high: float, zone: timezone) -> None:
    low, high = sorted((low, high))
    expected = select((at(low), at(high)), None, require_data_written=True)
    aware = (at(low).astimezone(zone), at(high).astimezone(zone))
    naive = (at(low).replace(tzinfo=None), at(high).replace(tzinfo=NoOffset()))
    assert select(aware, None, require_data_written=True) == expected
    assert select(naive, None, require_data_written=True) == expected


@given(st.integers(), st.integers())
def test_no_number_is_too_large_to_ask_for(one: int, other: int) -> None:
    low, high = sorted((one, other))
    selection = select(None, (low, high), require_data_written=False)
    assert all(-(2**63) <= value < 2**63 for value in selection.values)
    first, last = selection.values
    for expid in (0, 1, LARGEST):
        assert (first <= expid <= last) == (low <= expid <= high)


BOTH = (1, 2)

REFUSED: list[tuple[Any, Any, str]] = [
    (None, None, "given: neither"),
    ((at(0), at(1)), BOTH, "date_range=.* and expid_range="),
    ("last", "last", "date_range='last' and expid_range='last'"),
    (None, (4, 2), r"expid_range=\(4, 2\) is reversed"),
    ((at(4), at(2)), None, "is reversed: the early end comes first"),
    ((at(4), at(2).replace(tzinfo=None)), None, "is reversed"),
    (None, (None, None), "both ends are open"),
    ((None, None), None, "both ends are open"),
    (None, (1, 2, 3), "two integers of which one may be None"),
    (None, (1,), "two integers"),
    (None, (), "two integers"),
    (None, 7, "expid_range=7: give "),
    (None, True, "expid_range=True: give "),
    (None, "first", "expid_range='first': give .* or \"last\""),
    (None, "LAST", "expid_range='LAST': give "),
    (None, b"last", "expid_range=b'last'"),
    (None, {1, 2}, "expid_range={1, 2}: give "),
    (None, {1: 2, 3: 4}, "expid_range={1: 2, 3: 4}: give "),
    (None, iter(BOTH), "two integers"),
    (None, "12", "expid_range='12': give "),
    (None, (1.0, 2), "expids are integers, 1.0 is float"),
    (None, (1, float("nan")), "expids are integers, nan is float"),
    (None, ("1", "2"), "expids are integers, '1' is str"),
    (None, (True, 2), "expids are integers, True is bool"),
    (None, (1, False), "expids are integers, False is bool"),
    (None, ("last", None), "expids are integers, 'last' is str"),
    (None, (at(0), at(1)), "expids are integers, .* is datetime"),
    (at(0), None, "two datetimes of which one may be None"),
    ("2023-09-14", None, "two datetimes"),
    (("2023-09-14", "2023-09-15"), None, "its ends are datetimes, '2023-09-14' is str"),
    ((date(2023, 9, 14), None), None, "its ends are datetimes, .* is date"),
    ((20230914, 20230915), None, "its ends are datetimes, 20230914 is int"),
    ((at(0), 1.5), None, "its ends are datetimes, 1.5 is float"),
    ((at(0), True), None, "its ends are datetimes, True is bool"),
]


@pytest.mark.parametrize(("date_range", "expid_range", "said"), REFUSED)
@pytest.mark.parametrize("written", [True, False])
def test_anything_else_is_refused_and_the_text_says_what_was_given(
    date_range: Any, expid_range: Any, said: str, *, written: bool
) -> None:
    with pytest.raises(RangeError, match=said):
        select(date_range, expid_range, require_data_written=written)


def test_a_refused_range_is_a_value_error_and_one_of_ours() -> None:
    for kind in (ValueError, ICSError, BusError):
        with pytest.raises(kind):
            select(None, None, require_data_written=True)
