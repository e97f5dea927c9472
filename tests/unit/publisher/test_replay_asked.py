"""From what a person asked for to a selection of exposures."""

from datetime import UTC, datetime
from typing import Any

import pytest

from exposure_bus.errors import UsageError
from exposure_publisher.ledger import Selection
from exposure_publisher.replay import described, selection_of


@pytest.mark.parametrize(
    ("asked", "selection", "words"),
    [
        ({"expid": 5}, Selection(expids=(5, 5)), "with expid 5"),
        ({"expids": (5, 9)}, Selection(expids=(5, 9)), "with expids 5 to 9"),
        ({"expids": (0, 0)}, Selection(expids=(0, 0)), "with expid 0"),
        ({"night": 20230913}, Selection(night=20230913), "of night 20230913"),
        ({"everything": True}, Selection(), ""),
    ],
)
def test_each_way_of_asking_is_a_selection_and_has_words(asked: Any, selection: Selection, words: str) -> None:
    assert selection_of(**asked) == selection
    assert described(selection) == words


def test_only_a_selection_without_any_limit_is_everything() -> None:
    assert selection_of(everything=True).everything
    assert not selection_of(expid=0).everything
    assert not selection_of(night=20230913).everything


def test_a_date_without_a_time_zone_is_utc_and_another_time_zone_becomes_utc() -> None:
    selection = selection_of(dates=("2023-09-14T03:00", "2023-09-13T21:00:00.5-07:00"))
    low, high = datetime(2023, 9, 14, 3, tzinfo=UTC), datetime(2023, 9, 14, 4, 0, 0, 500_000, tzinfo=UTC)
    assert selection == Selection(dates=(low, high))
    assert described(selection) == "whose data was written from 2023-09-14T03:00:00Z to 2023-09-14T04:00:00.500000Z"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, "exactly one of them"),
        ({"expid": 5, "everything": True}, "exactly one of them"),
        ({"night": 20230913, "dates": ("2023-09-14", "2023-09-15")}, "exactly one of them"),
        ({"expids": (9, 5)}, "--expid 9 5 is reversed"),
        ({"dates": ("2023-09-15", "2023-09-14")}, "--date 2023-09-15 2023-09-14 is reversed"),
        ({"dates": ("yesterday", "2023-09-14")}, "--date 'yesterday' is no ISO 8601 date"),
        ({"dates": ("0001-01-01T00:00+14:00", "2023-09-14")}, "is no ISO 8601 date"),
        ({"night": 20230231}, "--night 20230231 is no date YYYYMMDD"),
    ],
)
def test_what_says_nothing_or_two_things_is_a_usage_error_that_names_it(asked: Any, found: str) -> None:
    with pytest.raises(UsageError, match=found):
        selection_of(**asked)
