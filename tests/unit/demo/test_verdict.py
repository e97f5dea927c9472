"""The demo's verdict: agreement is found only where there is some, and what does not agree is named."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.demo.stations import COMMIT, PENDING, ROWS, SCIENCE, SUMS, ZERO, evidence, summary, tapped

from exposure_schemas import SUMMARY_KEYS
from latency import Latency
from verdict import Check, judge

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.datetimes(timezones=st.timezones()),
    st.datetimes(),
)


def disagreements(**changes: Any) -> dict[str, tuple[str, ...]]:
    return {check.name: check.disagreements for check in judge(evidence(**changes)) if check.disagreements}


def check(name: str, **changes: Any) -> Check:
    return next(check for check in judge(evidence(**changes)) if check.name == name)


def test_where_all_stations_agree_nothing_is_named() -> None:
    assert disagreements() == {}
    assert {check.name: check.count for check in judge(evidence())} == {
        "played": 3,
        "announced": 3,
        "cached": 3,
        "yielded": 2,
        "fetched": 2,
        "verified": 2,
        "leftovers": 0,
    }


def test_an_exposure_that_the_emulator_left_out_is_named() -> None:
    assert disagreements(night=(ZERO, SCIENCE, PENDING, 196030)) == {
        "played": ("exposure 196030 is in the night's table, but not in the exposureDB",)
    }


def test_an_exposure_that_the_night_does_not_have_is_named() -> None:
    assert disagreements(night=(ZERO, SCIENCE)) == {
        "played": ("exposure 196029 is in the exposureDB, but not in the night's table",)
    }


def test_an_exposure_that_was_never_on_the_bus_is_named() -> None:
    announced = [tapped(ZERO, 2), tapped(PENDING, 4)]
    assert disagreements(announced=announced) == {"announced": ("exposure 196028 is not on the bus",)}
    assert check("announced", announced=announced).count == 2


def test_of_several_announcements_the_newest_number_counts_whatever_the_order() -> None:
    late = [tapped(ZERO, 2), tapped(ZERO, 1, exptime=5.0), tapped(SCIENCE, 3), tapped(PENDING, 4)]
    assert disagreements(announced=late) == {}
    stale = [tapped(ZERO, 1), tapped(ZERO, 2, exptime=5.0), tapped(SCIENCE, 3), tapped(PENDING, 4)]
    assert disagreements(announced=stale) == {
        "announced": ("exposure 195972: exptime is 5.0 on the bus, 0.0 in the exposureDB",)
    }


def test_an_exposure_that_the_cache_lacks_or_has_too_many_is_named() -> None:
    cached = {ZERO: summary(ZERO), SCIENCE: summary(SCIENCE), 7: summary(ZERO) | {"expid": 7}}
    assert disagreements(cached=cached) == {
        "cached": (
            "exposure 7 is in the cache, but not in the exposureDB",
            "exposure 196029 is not in the cache",
        )
    }


@given(expid=st.sampled_from([ZERO, SCIENCE, PENDING]), key=st.sampled_from(SUMMARY_KEYS), value=VALUES)
def test_a_cached_value_of_another_value_type_or_time_zone_is_named(expid: int, key: str, value: Any) -> None:
    truth = ROWS[expid][key]
    equal = type(value) is type(truth) and value == truth
    found = disagreements(cached={number: summary(number) for number in ROWS} | {expid: summary(expid) | {key: value}})
    if not equal:
        assert found == {"cached": (f"exposure {expid}: {key} is {value!r} in the cache, {truth!r} in the exposureDB",)}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("exptime", 900),
        ("data_written", 1),
        ("expid", float(SCIENCE)),
        ("date", ROWS[SCIENCE]["date"].replace(tzinfo=None)),
        ("date", ROWS[SCIENCE]["date"].astimezone(timezone(timedelta(hours=-7)))),
    ],
)
def test_what_is_equal_to_python_alone_does_not_count_as_equal(key: str, value: Any) -> None:
    cached = {expid: summary(expid) for expid in ROWS} | {SCIENCE: summary(SCIENCE) | {key: value}}
    (named,) = disagreements(cached=cached)["cached"]
    assert named.startswith(f"exposure {SCIENCE}: {key} is ")


def test_a_summary_that_lacks_a_key_is_named() -> None:
    short = summary(ZERO)
    del short["seeing"]
    cached = {expid: summary(expid) for expid in ROWS} | {ZERO: short}
    assert check("cached", cached=cached).count == 2


def test_an_exposure_that_was_yielded_twice_or_not_at_all_or_too_soon_is_named() -> None:
    called = [(ZERO, COMMIT), (ZERO, COMMIT), (PENDING, COMMIT)]
    assert disagreements(called=called) == {
        "yielded": (
            "exposure 196028 is written, but was not yielded",
            "exposure 196029 was yielded, but is not written",
            "exposure 195972 was yielded 2 times",
        )
    }
    assert check("yielded", called=called).count == 0


def test_a_fetch_that_failed_is_named_with_its_reason() -> None:
    failed = {SCIENCE: "NoSpace: the disk is full"}
    assert disagreements(failed=failed) == {"fetched": ("exposure 196028: NoSpace: the disk is full",)}


def test_a_file_that_was_not_fetched_is_named_once() -> None:
    found = SUMS | {ZERO: {"checksum-00195972.sha256sum": "bb"}}
    assert disagreements(found=found) == {"fetched": ("exposure 195972: desi-00195972.fits.fz was not fetched",)}
    assert check("fetched", found=found).count == 1
    assert check("verified", found=found).count == 1


def test_a_file_with_other_bytes_is_named() -> None:
    found = SUMS | {ZERO: SUMS[ZERO] | {"desi-00195972.fits.fz": "ee"}}
    assert disagreements(found=found) == {
        "verified": ("exposure 195972: desi-00195972.fits.fz is there with another SHA-256 than the instrument's",)
    }


def test_whatever_lies_about_is_named() -> None:
    left = disagreements(
        found=SUMS | {ZERO: SUMS[ZERO] | {".desi-00195972.fits.fz.part": "ff"}},
        strays=["qlf/files/00000007"],
        status={"missing": [(3, 4)], "rejected": 2, "text": "3-4 are missing"},
        exit_codes={"follow": -9, "publish": 0, "tap": 143},
    )
    assert left == {
        "leftovers": (
            "exposure 195972: .desi-00195972.fits.fz.part lies with its files, and the instrument has none",
            "qlf/files/00000007 was left lying",
            "the cache has holes: 3-4 are missing",
            "the follower set aside 2 messages that it could not read",
            "follow, asked to end, did so with exit code -9",
        )
    }


def test_the_latency_is_that_from_the_commit_to_the_call() -> None:
    assert str(Latency.of_calls(ROWS, evidence().called)) == "p50 5.0 ms, p99 15.0 ms"
    assert Latency.of_calls(ROWS, []) is None


def test_a_call_for_an_exposure_that_is_in_no_row_is_named_and_has_no_latency() -> None:
    calls: list[tuple[int, datetime]] = [*evidence().called, (7, COMMIT)]
    assert disagreements(called=calls) == {"yielded": ("exposure 7 was yielded, but is not written",)}
    assert Latency.of_calls(ROWS, calls) == Latency.of_calls(ROWS, calls[:-1])
