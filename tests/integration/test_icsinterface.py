"""`ICSInterface` over a cache on either database: what it returns, and what it says of its freshness."""

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.caching import NIGHT, START, Cached, at

import ICSInterface
from exposure_schemas import SUMMARY_KEYS
from exposure_subscriber.cache.moments import now_micros

COUNT = 40
NOBODY = "amqp://127.0.0.1:1"


@pytest.fixture
def cached(cache_url: str) -> Iterator[Cached]:
    with Cached(cache_url) as made:
        yield made


@pytest.fixture
def ics(cache_url: str) -> ICSInterface.ICSInterface:
    return ICSInterface.ICSInterface(cache_url=cache_url, broker_url=NOBODY)


def expids(rows: list[dict[str, Any]]) -> list[int]:
    return [row["expid"] for row in rows]


@pytest.fixture
def filled(cached: Cached) -> Cached:
    """Exposures a minute apart; those whose number three divides are not written yet."""
    for expid in range(1, COUNT):
        cached.expose(expid, data_written=expid % 3 > 0, data_written_at=at(expid), seeing=expid / 10)
    cached.beat()
    return cached


# Summaries.


def test_a_summary_is_a_plain_dict_of_the_sixteen_keys(cached: Cached, ics: ICSInterface.ICSInterface) -> None:
    known: dict[str, Any] = {
        "expid": 7024040300451,
        "skyra": 23.5,
        "program": "Ünïcödé",
        "tile_id": -99,
        "date": START + timedelta(microseconds=1),
        "data_written": True,
        "data_location": "/data/1",
    }
    cached.expose(**known)
    cached.beat()
    (row,) = ics.get_exposure_summary(expid_range="last")
    assert type(row) is dict
    assert tuple(row) == SUMMARY_KEYS
    assert row == dict.fromkeys(SUMMARY_KEYS) | known | {"night": NIGHT}
    assert (row["date"].utcoffset(), type(row["data_written"])) == (timedelta(0), bool)


@pytest.mark.usefixtures("filled")
def test_any_range_picks_what_lies_in_it_ascending(ics: ICSInterface.ICSInterface) -> None:
    ends = st.none() | st.integers(-3, COUNT + 3)

    @settings(max_examples=60, deadline=None)
    @given(ends, ends, st.booleans())
    def check(one: int | None, other: int | None, written: bool) -> None:
        if one is None and other is None:
            return
        low, high = (one, other) if one is None or other is None else sorted((one, other))
        there = [expid for expid in range(1, COUNT) if expid % 3 > 0 or not written]
        between = [each for each in there if (low is None or each >= low) and (high is None or each <= high)]
        moments: Any = tuple(None if end is None else at(end) for end in (low, high))
        assert expids(ics.get_exposure_summary(moments, require_data_written=written)) == between
        assert ics.get_exposure_summary(data_range=moments) == ics.get_exposure_summary(moments)
        named = [each for each in there if each in {low, high}] if low is None or high is None else between
        assert expids(ics.get_exposure_summary(expid_range=(low, high), require_data_written=written)) == named

    check()


def test_the_last_is_the_highest_expid_or_the_newest_by_date(cached: Cached, ics: ICSInterface.ICSInterface) -> None:
    for expid, minute, written in ((1, 5, True), (2, 9, True), (3, 9, True), (4, 2, True), (5, 20, False)):
        cached.expose(expid, data_written=written, data_written_at=at(minute))
    cached.beat()
    assert expids(ics.get_exposure_summary("last")) == [3], "of two at one moment, the higher expid"
    assert expids(ics.get_exposure_summary(expid_range="last")) == [4]
    assert expids(ics.get_exposure_summary("last", require_data_written=False)) == [5]
    assert expids(ics.get_exposure_summary(expid_range="last", require_data_written=False)) == [5]


def test_an_empty_cache_answers_with_nothing(cached: Cached, ics: ICSInterface.ICSInterface) -> None:
    cached.beat(newest=0)
    wholes: list[dict[str, Any]] = [{"expid_range": "last"}, {"date_range": "last"}, {"expid_range": (0, 10**9)}]
    for asked in wholes:
        assert ics.get_exposure_summary(**asked) == []


def test_a_night_is_picked_whole(filled: Cached, ics: ICSInterface.ICSInterface) -> None:
    filled.expose(100, night=20230914, data_written=True)
    assert expids(ics.get_night_summary(NIGHT)) == [expid for expid in range(1, COUNT) if expid % 3]
    assert expids(ics.get_night_summary(NIGHT, require_data_written=False)) == list(range(1, COUNT))
    assert expids(ics.get_night_summary(20230914)) == [100]
    assert ics.get_night_summary(20230915) == []


def test_a_wrong_range_is_refused_before_the_cache_is_asked(tmp_path: Path) -> None:
    ics = ICSInterface.ICSInterface(cache_url=f"sqlite:///{tmp_path}/absent.sqlite")
    with pytest.raises(ICSInterface.RangeError, match="given: neither"):
        ics.get_exposure_summary()
    with pytest.raises(ICSInterface.RangeError, match="they are one, give it once"):
        ics.get_exposure_summary((START, None), data_range=(START, None))


def test_the_functions_answer_by_the_settings(filled: Cached, cache_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPOSURE_BUS_CACHE_URL", cache_url)
    ICSInterface._default.cache_clear()
    try:
        assert expids(ICSInterface.get_exposure_summary(expid_range=(1, 2))) == [1, 2]
        assert ICSInterface.status()["exposures"] == COUNT - 1
        assert expids(list(ICSInterface.new_exposures(timeout=0)))[:2] == [1, 2]
    finally:
        ICSInterface._default.cache_clear()
    assert filled.count == COUNT - 1


# Freshness.


def test_an_answer_without_any_heartbeat_warns(cached: Cached, ics: ICSInterface.ICSInterface) -> None:
    cached.expose(1, data_written=True)
    with pytest.warns(ICSInterface.StaleCacheWarning, match="no heartbeat yet: is `exposure-bus publish` running"):
        assert expids(ics.get_exposure_summary(expid_range="last")) == [1]


def test_an_answer_warns_while_the_publisher_is_silent(filled: Cached, ics: ICSInterface.ICSInterface) -> None:
    filled.hear_last(datetime(2023, 9, 14, 3, 2, 1, tzinfo=UTC))
    with pytest.warns(ICSInterface.StaleCacheWarning, match="no heartbeat since 2023-09-14T03:02:01Z"):
        ics.get_exposure_summary(expid_range="last")
    with pytest.warns(ICSInterface.StaleCacheWarning, match="no heartbeat since 2023-09-14T03:02:01Z"):
        ics.get_night_summary(NIGHT)
    filled.beat()
    ics.get_exposure_summary(expid_range="last")  # a warning would fail the test


@pytest.mark.usefixtures("filled")
def test_an_answer_warns_once_a_heartbeat_that_was_read_earlier_is_overdue(
    ics: ICSInterface.ICSInterface, monkeypatch: pytest.MonkeyPatch
) -> None:
    ics.get_exposure_summary(expid_range="last")
    in_an_hour = now_micros() + 3_600_000_000
    monkeypatch.setattr("exposure_subscriber.cache.freshness.now_micros", lambda: in_an_hour)
    with pytest.warns(ICSInterface.StaleCacheWarning, match="no heartbeat since"):
        ics.get_exposure_summary(expid_range="last")


def test_a_warning_names_the_line_of_the_caller(
    filled: Cached, cache_url: str, ics: ICSInterface.ICSInterface, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.hear_last(START)
    monkeypatch.setenv("EXPOSURE_BUS_CACHE_URL", cache_url)
    ICSInterface._default.cache_clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ics.get_exposure_summary(expid_range="last")
        ICSInterface.get_exposure_summary(expid_range="last")
        ics.get_night_summary(NIGHT)
    ICSInterface._default.cache_clear()
    assert [warning.filename for warning in caught] == [__file__] * 3


def test_the_status_tells_how_far_and_how_fresh_the_cache_is(filled: Cached, ics: ICSInterface.ICSInterface) -> None:
    status = ics.status()
    moment = status["heard_at"].strftime("%Y-%m-%dT%H:%M:%SZ")
    assert status == {
        "complete": True,
        "complete_up_to": COUNT - 1,
        "newest": COUNT - 1,
        "missing": [],
        "missing_since": None,
        "heard_at": status["heard_at"],
        "silent": False,
        "behind": False,
        "exposures": COUNT - 1,
        "written": len([expid for expid in range(1, COUNT) if expid % 3]),
        "rejected": 0,
        "alarms_waiting": 0,
        "epoch": "ours",
        "text": f"complete up to {COUNT - 1}, at {moment}",
    }
    assert datetime.now(UTC) - status["heard_at"] < timedelta(minutes=5)
    assert filled.count == COUNT - 1


def test_the_status_names_what_is_missing_and_since_when(cached: Cached, ics: ICSInterface.ICSInterface) -> None:
    for sequence in (1, 2, 5):
        cached.expose(sequence, sequence=sequence)
    cached.beat(newest=9)
    status = ics.status()
    since = status["missing_since"].strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (status["complete"], status["complete_up_to"], status["newest"]) == (False, 2, 9)
    assert status["missing"] == [(3, 4), (6, 9)]
    assert status["text"].startswith(f"missing 6 of 9 (3-4, 6-9) since {since}, at 2")


def test_the_status_of_many_holes_names_the_first(cached: Cached, ics: ICSInterface.ICSInterface) -> None:
    for sequence in range(2, 15, 2):
        cached.expose(sequence, sequence=sequence)
    cached.beat(newest=14)
    assert "missing 7 of 14 (1, 3, 5, 7, 9, …) since 2" in ics.status()["text"]


def test_nothing_is_complete_while_the_publisher_has_more_to_number(
    cached: Cached, ics: ICSInterface.ICSInterface
) -> None:
    cached.beat(newest=0, behind=True)
    status = ics.status()
    assert (status["complete"], status["behind"], status["missing"]) == (False, True, [])
    assert status["text"].startswith("complete up to 0, and the publisher has more to number, at 2")


def test_the_status_of_a_silent_publisher_says_since_when(filled: Cached, ics: ICSInterface.ICSInterface) -> None:
    filled.hear_last(START)
    status = ics.status()
    assert (status["complete"], status["silent"]) == (False, True)
    assert status["text"] == f"complete up to {COUNT - 1}, no heartbeat since 2023-09-14T00:00:00Z"


def test_the_status_of_a_new_cache(cached: Cached, ics: ICSInterface.ICSInterface) -> None:
    status = ics.status()
    assert (status["complete"], status["epoch"], status["exposures"], status["written"]) == (False, "", 0, 0)
    assert status["text"] == "complete up to 0, no heartbeat yet: is `exposure-bus publish` running?"
    assert cached.count == 0


# Without a cache.


def ask_for_status(ics: ICSInterface.ICSInterface) -> None:
    ics.status()


def ask_for_the_last(ics: ICSInterface.ICSInterface) -> None:
    ics.get_exposure_summary(expid_range="last")


def ask_for_new_ones(ics: ICSInterface.ICSInterface) -> None:
    next(ics.new_exposures())


@pytest.mark.parametrize("ask", [ask_for_status, ask_for_the_last, ask_for_new_ones])
@pytest.mark.parametrize("name", ["absent.sqlite", "absent/cache.sqlite"])
def test_without_a_cache_it_says_what_to_start(name: str, ask: Any, tmp_path: Path) -> None:
    ics = ICSInterface.ICSInterface(cache_url=f"sqlite:///{tmp_path}/{name}")
    with pytest.raises(ICSInterface.CacheUnavailable, match="is `exposure-bus follow` running here"):
        ask(ics)
    assert not (tmp_path / "absent.sqlite").exists()


def test_a_server_that_does_not_answer_is_said_in_one_line_without_its_password() -> None:
    ics = ICSInterface.ICSInterface(cache_url="postgresql://qlf:SECRET@127.0.0.1:1/cache")
    with pytest.raises(ICSInterface.CacheUnavailable, match=r"postgresql://qlf:\*\*\*@127.0.0.1:1/cache") as raised:
        ics.status()
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_cache_is_said(tmp_path: Path) -> None:
    (tmp_path / "cache.sqlite").write_bytes(b"no database at all" * 100)
    ics = ICSInterface.ICSInterface(cache_url=f"sqlite:///{tmp_path}/cache.sqlite")
    with pytest.raises(ICSInterface.CacheUnavailable, match="not a database; it is a copy: move it away"):
        ics.status()


def test_a_cache_that_was_away_is_read_again(filled: Cached, ics: ICSInterface.ICSInterface) -> None:
    assert ics.status()["exposures"] == COUNT - 1
    filled.go_away()
    with pytest.raises(ICSInterface.CacheUnavailable):
        ics.status()
    filled.come_back()
    assert ics.status()["exposures"] == COUNT - 1
