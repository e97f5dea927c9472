"""Whose turn it is to be fetched: in the order of writing, from the newest night on, failures again later."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.caching import NIGHT, Cached, at

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
    assert expids(mine) == [2, 4]


def test_an_empty_cache_that_nobody_has_filled_does_not_tell_where_to_begin(cached: Cached) -> None:
    assert not turns(cached).begin()
    cached.beat()
    assert turns(cached).begin()
    cached.expose(1, data_written=True)
    assert expids(turns(cached)) == [1]


def test_what_is_done_has_had_its_turn_for_this_folder_only(cached: Cached) -> None:
    cached.expose(1, data_written=True)
    cached.expose(2, data_written=True)
    mine, other = turns(cached), turns(cached, "/elsewhere")
    assert mine.begin()
    assert other.begin()
    mine.done(*mine.next()[0])
    assert (expids(mine), expids(turns(cached)), expids(other)) == ([2], [2], [1, 2])


def test_what_is_written_again_has_another_turn_and_what_merely_changes_has_none(cached: Cached) -> None:
    mine = turns(cached)
    cached.expose(1, data_written=True)
    cached.expose(2, data_written=True)
    assert mine.begin()
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
    cached.expose(1, data_written=True)
    mine = turns(cached)
    assert mine.begin()
    pauses = [mine.failed(1, mine.next()[0][1], "the disk is full")]
    assert expids(mine) == []
    pauses += [mine.failed(1, None, "it still is") for _ in range(70)]
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-1] == 600
    assert mine.due() == []
    assert 500 < (mine.pause() or 0) <= 600
    mine.done(1, None)
    assert mine.pause() is None
