"""A cache that hears more than one ledger: it follows one, and changes only when that has fallen silent."""

import pytest
from tests.integration.cache_writing import beat, cached, exposure, gone, live, sequences, summary, tombstones, write
from tests.raw_sql import execute

from exposure_subscriber.cache import CacheDatabase
from exposure_subscriber.cache.freshness import read_freshness
from exposure_subscriber.cache.writing import CacheWriter


def test_another_ledger_is_passed_over_while_ours_is_heard(
    writer: CacheWriter, cache: CacheDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    write(writer, beat(1), live(1, 1))
    for _ in range(2):
        write(writer, beat(7, epoch="theirs"), live(2, 7, epoch="theirs"), live(3, 2))
    assert (writer.epoch, writer.newest) == ("ours", 2)
    assert sequences(cache) == {1: 1, 3: 2}
    assert caplog.text.count("another ledger (theirs) is published too") == 1


def fall_silent(cache: CacheDatabase) -> CacheWriter:
    """A writer whose publisher was heard last long ago, and that has listened in vain since."""
    execute(cache.url, "UPDATE follower SET heard_at = 1000000")
    writer = CacheWriter(cache)
    writer._listening_since = 0
    return writer


def test_a_new_ledger_is_followed_once_ours_is_silent_and_the_cache_stays_readable_while_it_heals(
    writer: CacheWriter, cache: CacheDatabase
) -> None:
    write(writer, beat(3), *(live(expid, expid, data_written=True, seeing=1.0) for expid in (1, 2, 3)))
    writer = fall_silent(cache)
    write(writer, live(1, 1, epoch="new"))
    assert writer.epoch == "ours", "a summary alone does not change it: its publisher must be heard"
    write(writer, beat(2, epoch="new"))
    assert (writer.epoch, writer.missing()) == ("new", [(1, 2)])
    assert [each.expid for each in cached(cache)] == [1, 2, 3]
    write(writer, live(2, 1, epoch="new", seeing=2.0))
    assert {each.expid: each.seeing for each in cached(cache)} == {1: 1.0, 2: 2.0, 3: 1.0}
    write(writer, live(9, 2, epoch="new"), beat(2, epoch="new", after=5), beat(2, epoch="new", after=10))
    assert [each.expid for each in cached(cache)] == [2, 9], "what the new ledger does not have is gone"
    write(writer, live(1, 99), beat(99))
    assert [each.expid for each in cached(cache)] == [2, 9], "of the ledger before nothing counts any more"


def test_a_new_ledger_forgets_the_retractions_of_the_one_before(writer: CacheWriter, cache: CacheDatabase) -> None:
    write(writer, beat(9), live(1, 8), gone(1, 9))
    writer = fall_silent(cache)
    write(writer, beat(1, epoch="new"), live(1, 1, epoch="new"))
    assert (sequences(cache), tombstones(cache)) == ({1: 1}, {})
    write(writer, gone(1, 2, epoch="new"))
    assert (sequences(cache), tombstones(cache)) == ({}, {1: 2})


def test_nothing_is_dropped_while_a_new_ledger_is_still_being_published(
    writer: CacheWriter, cache: CacheDatabase
) -> None:
    """It tells of no more than it has sent: who has all of that does not have all that is to come."""
    write(writer, beat(50), *(live(expid, expid) for expid in range(1, 51)))
    writer = fall_silent(cache)
    write(writer, beat(0, epoch="new"))
    for number in range(1, 51):
        write(writer, live(number, number, epoch="new"))
        if number % 10 == 0:
            write(writer, beat(number, epoch="new", after=number))
        assert len(cached(cache)) == 50
    write(writer, beat(50, epoch="new", after=60))
    assert len(cached(cache)) == 50
    write(writer, beat(50, epoch="new", after=60))
    assert read_freshness(cache).complete


def test_a_new_ledger_that_has_less_drops_the_rest_when_it_has_settled(
    writer: CacheWriter, cache: CacheDatabase
) -> None:
    write(writer, beat(3), *(live(expid, expid) for expid in (1, 2, 3)))
    writer = fall_silent(cache)
    write(writer, beat(0, epoch="new"), live(2, 1, epoch="new"), beat(1, epoch="new", after=5))
    assert [each.expid for each in cached(cache)] == [1, 2, 3]
    write(writer, beat(1, epoch="new", after=5))
    assert [each.expid for each in cached(cache)] == [1, 2, 3], "the same heartbeat again is no later one"
    write(writer, beat(1, epoch="new", after=10))
    assert [each.expid for each in cached(cache)] == [2]


def test_one_batch_may_end_one_ledger_and_begin_another_with_many_exposures_of_each(
    writer: CacheWriter, cache: CacheDatabase
) -> None:
    write(writer, beat(1), live(1, 1))
    writer = fall_silent(cache)
    old = summary(*(exposure(expid, expid) for expid in range(1, 701)), covers=(1, 700))
    new = summary(*(exposure(expid, expid) for expid in range(1, 601)), covers=(1, 600), epoch="new")
    write(writer, old, beat(600, epoch="new"), new)
    assert writer.epoch == "new"
    assert set(sequences(cache).values()) == {0, *range(1, 601)}


def test_a_follower_that_was_away_hears_its_own_publisher_out_before_it_follows_another(
    writer: CacheWriter, cache: CacheDatabase
) -> None:
    write(writer, beat(1), live(1, 1))
    execute(cache.url, "UPDATE follower SET heard_at = 1000000")
    again = CacheWriter(cache)
    write(again, beat(7, epoch="theirs"))
    write(again, beat(2))
    assert (again.epoch, again.newest) == ("ours", 2)
