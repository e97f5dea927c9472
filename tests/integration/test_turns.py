"""Whose turn it is to be fetched: in the order of writing, from the newest night on, failures again later."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.caching import NIGHT, Cached, at
from tests.raw_sql import execute

from exposure_bus.errors import DatabaseUnreachable
from exposure_subscriber.cache import open_cache
from exposure_subscriber.mirror import Turns


@pytest.fixture
def cached(cache_url: str) -> Iterator[Cached]:
    with Cached(cache_url) as cache:
        yield cache


def turns(cached: Cached, folder: str = "/scratch") -> Turns:
    return Turns(open_cache(cached.url), Path(folder))


def expids(turns: Turns) -> list[int]:
    return [expid for expid, _ in turns.next()]


def test_they_begin_with_the_newest_night_once_the_cache_is_complete(cached: Cached) -> None:
    cached.expose(1, data_written=True, night=NIGHT - 1)
    cached.expose(2, data_written=True)
    cached.beat(newest=4)
    mine = turns(cached)
    assert not mine.begin()
    cached.expose(3, data_written=False)
    cached.expose(4, data_written=True)
    assert mine.begin()
    assert (mine.due(), expids(mine)) == ([2, 4], [])


def test_they_do_not_begin_while_the_publisher_has_more_to_number(cached: Cached) -> None:
    mine = turns(cached)
    cached.beat(newest=0, behind=True)
    assert not mine.begin()


def test_history_that_is_healed_behind_the_first_live_exposures_is_not_taken_for_new(cached: Cached) -> None:
    mine = turns(cached)
    cached.expose(10, sequence=10, data_written=True)
    for expid in range(1, 10):
        cached.expose(expid, sequence=expid, data_written=True, night=NIGHT - 1)
    cached.beat(newest=10)
    assert mine.begin()
    assert (mine.due(), expids(mine)) == ([10], [])


def test_a_cache_that_was_thrown_away_is_begun_anew(cached: Cached) -> None:
    mine = turns(cached)
    cached.beat()
    assert mine.begin()
    execute(cached.url, "DELETE FROM position")
    for lost in (mine.next, lambda: mine.done(1, 30), lambda: mine.failed(1, 30, "why")):
        with pytest.raises(DatabaseUnreachable, match="thrown away"):
            lost()
    assert mine.begin()


def test_nothing_new_stands_before_a_position_whatever_was_deleted_since(cached: Cached) -> None:
    mine = turns(cached)
    cached.beat()
    assert mine.begin()
    for expid in (1, 2, 3):
        cached.expose(expid, data_written=True)
    for expid, turn in mine.next():
        mine.done(expid, turn)
    execute(cached.url, "DELETE FROM exposure")
    cached.expose(4, data_written=True)
    assert expids(mine) == [4]


def test_a_clock_that_was_set_back_puts_no_try_off_for_long(cached: Cached) -> None:
    cached.expose(1, data_written=True)
    mine = turns(cached)
    cached.beat()
    assert mine.begin()
    mine.failed(1, None, "the disk is full")
    execute(cached.url, "UPDATE fetch_failure SET next_try_at = next_try_at + 31536000000000")
    assert mine.due() == [1]
    assert (mine.pause() or 0) <= 600


def test_an_empty_cache_that_nobody_has_filled_does_not_tell_where_to_begin(cached: Cached) -> None:
    assert not turns(cached).begin()
    cached.beat()
    assert turns(cached).begin()
    cached.expose(1, data_written=True)
    assert expids(turns(cached)) == [1]


def test_what_is_done_has_had_its_turn_for_this_folder_only(cached: Cached) -> None:
    mine, other = turns(cached), turns(cached, "/elsewhere")
    cached.beat()
    assert mine.begin()
    assert other.begin()
    cached.expose(1, data_written=True)
    cached.expose(2, data_written=True)
    mine.done(*mine.next()[0])
    assert (expids(mine), expids(turns(cached)), expids(other)) == ([2], [2], [1, 2])


def test_what_is_written_again_has_another_turn_and_what_merely_changes_has_none(cached: Cached) -> None:
    mine = turns(cached)
    cached.beat()
    assert mine.begin()
    cached.expose(1, data_written=True)
    cached.expose(2, data_written=True)
    for expid, turn in mine.next():
        mine.done(expid, turn)
    cached.expose(1, data_written=True, seeing=1.1)
    assert expids(mine) == []
    cached.expose(1, data_written=True, data_written_at=at(30))
    assert expids(mine) == [1]
    cached.expose(2, data_written=False, data_written_at=at(31))
    assert expids(mine) == [1]
    cached.expose(2, data_written=True, data_written_at=at(32))
    assert expids(mine) == [1, 2]
    mine.done(*mine.next()[-1])
    assert expids(mine) == []


def test_what_failed_is_due_again_ever_later_until_it_is_done(cached: Cached) -> None:
    mine = turns(cached)
    cached.beat()
    assert mine.begin()
    cached.expose(1, data_written=True)
    pauses = [mine.failed(1, mine.next()[0][1], "the disk is full")]
    assert expids(mine) == []
    pauses += [mine.failed(1, None, "it still is") for _ in range(70)]
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-1] == 600
    assert mine.due() == []
    assert 500 < (mine.pause() or 0) <= 600
    mine.done(1, None)
    assert mine.pause() is None
