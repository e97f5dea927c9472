"""Where a tap begins."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from exposure_bus.errors import UsageError
from exposure_monitor.start import check_start, parse_start


@pytest.mark.parametrize("word", ["now", "first"])
def test_the_words_are_taken_as_they_are(word: str) -> None:
    assert parse_start(word) == word


@pytest.mark.parametrize(
    "text", ["2023-09-14T03:00:00", "2023-09-14T03:00:00Z", "2023-09-13T20:00:00-07:00", "2023-09-14 03:00"]
)
def test_a_moment_without_a_zone_is_utc(text: str) -> None:
    assert parse_start(text) == datetime(2023, 9, 14, 3, tzinfo=UTC)


def test_a_naive_moment_from_python_is_utc_too() -> None:
    assert check_start(datetime(2023, 9, 14)) == datetime(2023, 9, 14, tzinfo=UTC)  # noqa: DTZ001 (what is tested)


@pytest.mark.parametrize("text", ["", "yesterday", "2023-13-01", "20:00"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="such as 2023-09-14T03:00:00Z") as refused:
        parse_start(text)
    assert repr(text) in str(refused.value)


def test_a_moment_that_is_yet_to_come_is_refused() -> None:
    kitt_peak = timezone(timedelta(hours=-7))
    with pytest.raises(UsageError, match="yet to come"):
        check_start(datetime.now(kitt_peak) + timedelta(minutes=1))
