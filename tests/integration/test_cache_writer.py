"""What the follower writes, on both databases: never older over newer, never claimed and not there."""

import contextlib
import json
import logging
import multiprocessing
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.integration.cache_writing import (
    NIGHT,
    NOW,
    Message,
    beat,
    cached,
    exposure,
    gone,
    live,
    new_ones,
    sequences,
    summary,
    tombstones,
    write,
)
from tests.raw_sql import connected, execute
from tests.unit.schemas.any_message import exposures

from exposure_bus.errors import DatabaseUnreachable
from exposure_schemas import Exposure, ExposureSummary, Heartbeat, Retraction, Span
from exposure_subscriber.cache import CacheDatabase, open_cache
from exposure_subscriber.cache.freshness import read_freshness
from exposure_subscriber.cache.writing import Batch, CacheWriter, Rejected

# What was received is what is cached.


@pytest.mark.parametrize("many", [500, 1])
def test_every_exposure_comes_back_as_it_was_received(
    many: int, writer: CacheWriter, cache: CacheDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few and many take different ways into PostgreSQL: both keep every value."""
    monkeypatch.setattr("exposure_subscriber.cache.postgresql.COPY_FROM", many)
    expected: dict[int, Exposure] = {}

    @settings(max_examples=40, deadline=None)
    @given(st.lists(exposures(), max_size=5))
    def check(received: list[Exposure]) -> None:
        for each in received:
            known = expected.get(each.expid)
            if known is None or each.sequence >= known.sequence:
                expected[each.expid] = each
        write(writer, summary(*received))
        assert cached(cache) == [expected[expid] for expid in sorted(expected)]

    check()


def test_thousands_are_written_in_one_transaction(writer: CacheWriter, cache: CacheDatabase) -> None:
    odd = 'tab\tline\nreturn\rback\\slash "quote" \\N ☄'
    write(writer, summary(*(exposure(expid, expid + 1, program=odd) for expid in range(3000)), covers=(1, 3000)))
    assert [each.program for each in cached(cache)] == [odd] * 3000
    assert writer.missing() == []


# Order does not matter, nor how often something comes.

State = Exposure | Retraction
HISTORIES = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(["pending", "written", "gone"])), min_size=1, max_size=12
)


def history(changes: list[tuple[int, str]]) -> list[State]:
    """The states of a few exposures, in the order in which they were numbered."""
    return [
        Retraction(expid=expid, sequence=number)
        if state == "gone"
        else exposure(expid, number, data_written=state == "written", seeing=float(number))
        for number, (expid, state) in enumerate(changes, 1)
    ]


def replay(states: list[State], span: Span) -> ExposureSummary:
    """The answer to who misses a span: what its numbers stand for now."""
    newest = {each.expid: each for each in states}
    carried = [each for each in newest.values() if span[0] <= each.sequence <= span[1]]
    return summary(*sorted(carried, key=lambda each: each.sequence), covers=span, replayed=True)


def test_in_whatever_order_and_however_often_messages_come_the_newest_state_stands(cache_url: str) -> None:
    cache = open_cache(cache_url)

    @settings(max_examples=40, deadline=None)
    @given(HISTORIES, st.data())
    def check(changes: list[tuple[int, str]], data: st.DataObject) -> None:
        start_again(cache)
        writer = CacheWriter(cache)
        states = history(changes)
        messages: list[Message] = [
            summary(each, covers=(each.sequence, each.sequence)) for each in states if data.draw(st.booleans())
        ]
        for _ in range(data.draw(st.integers(0, 3))):
            first, last = sorted(data.draw(st.tuples(*[st.integers(1, len(states))] * 2)))
            messages.append(replay(states, (first, last)))
        messages += [beat(data.draw(st.integers(0, len(states)))) for _ in range(data.draw(st.integers(0, 2)))]
        messages += data.draw(st.lists(st.sampled_from(messages), max_size=5)) if messages else []
        deliver(cache, writer, data.draw(st.permutations(messages)), data)

    check()
    cache.close()


def deliver(cache: CacheDatabase, writer: CacheWriter, messages: list[Message], data: st.DataObject) -> None:
    """Write messages batch by batch, and hold the cache against a model after each."""
    newest: dict[int, State] = {}
    covered: set[int] = set()
    told = 0
    while messages:
        size = data.draw(st.integers(1, len(messages)))
        batch, messages = messages[:size], messages[size:]
        write(writer, *batch)
        for message in batch:
            if isinstance(message, Heartbeat):
                told = max(told, message.newest)
            elif message.covers:
                covered |= set(range(message.covers[0], message.covers[1] + 1))
                told = max(told, message.covers[1])
                states: list[State] = [*message.exposures, *message.retracted]
                for each in states:
                    newest[each.expid] = max(each, newest.get(each.expid, each), key=lambda state: state.sequence)
        assert cached(cache) == [each for _, each in sorted(newest.items()) if isinstance(each, Exposure)]
        assert tombstones(cache) == {
            each.expid: each.sequence for each in newest.values() if isinstance(each, Retraction)
        }
        missing = {number for first, last in writer.missing() for number in range(first, last + 1)}
        assert missing == set(range(1, told + 1)) - covered
        assert read_freshness(cache).newest == told


def start_again(cache: CacheDatabase) -> None:
    cache.create()
    execute(
        cache.url,
        "DELETE FROM exposure",
        "DELETE FROM retracted",
        "UPDATE follower SET epoch = '', covered = '[]', newest = 0, leftovers = 0, heard_at = NULL",
    )


def test_a_writer_that_starts_again_knows_what_is_there(writer: CacheWriter, cache: CacheDatabase) -> None:
    write(writer, live(1, 1), live(2, 2, data_written=True), beat(5))
    again = CacheWriter(cache)
    assert (again.epoch, again.newest, again.missing()) == ("ours", 5, [(3, 5)])
    write(again, live(3, 3, data_written=True), live(1, 1, seeing=9.9))
    assert again.missing() == [(4, 5)]
    assert new_ones(cache) == [2, 3], "arrivals ascend over restarts"


def test_a_message_that_carries_nothing_accounts_for_its_span_all_the_same(writer: CacheWriter) -> None:
    write(writer, beat(9), summary(covers=(1, 4)), summary(covers=(7, 9), replayed=True))
    assert writer.missing() == [(5, 6)]


def test_a_message_without_a_span_accounts_for_nothing(writer: CacheWriter, cache: CacheDatabase) -> None:
    write(writer, beat(2), summary(exposure(1, 1), replayed=True))
    assert sequences(cache) == {1: 1}
    assert writer.missing() == [(1, 2)]


# What is new.


def test_an_exposure_arrives_once_when_it_is_first_written(writer: CacheWriter, cache: CacheDatabase) -> None:
    write(writer, live(5, 1), live(4, 2, data_written=True))
    write(writer, live(5, 3, data_written=True), live(3, 4, data_written=True))
    write(writer, live(4, 5, data_written=True, seeing=1.1), live(5, 6))
    write(writer, live(5, 7, data_written=True))
    assert new_ones(cache) == [4, 5, 3]


def test_arrivals_within_a_batch_are_in_the_order_of_their_numbers(writer: CacheWriter, cache: CacheDatabase) -> None:
    states = [exposure(expid, 100 - expid, data_written=True) for expid in range(1, 50)]
    write(writer, summary(*states, covers=(51, 99)))
    assert new_ones(cache) == list(range(49, 0, -1))


# What is gone.


def test_a_retracted_exposure_leaves_and_nothing_older_brings_it_back(
    writer: CacheWriter, cache: CacheDatabase
) -> None:
    write(writer, live(1, 1), live(2, 2), beat(2))
    write(writer, gone(1, 3))
    assert (sequences(cache), tombstones(cache)) == ({2: 2}, {1: 3})
    assert writer.missing() == []
    write(writer, live(1, 1), live(1, 2))
    write(CacheWriter(cache), live(1, 1), live(1, 3), gone(2, 1))
    assert (sequences(cache), tombstones(cache)) == ({2: 2}, {1: 3})
    write(writer, live(1, 4))
    assert (sequences(cache), tombstones(cache)) == ({1: 4, 2: 2}, {})


def test_an_exposure_that_comes_back_is_new_again(writer: CacheWriter, cache: CacheDatabase) -> None:
    write(writer, live(1, 1, data_written=True), live(2, 2, data_written=True))
    write(writer, gone(1, 3), live(1, 4))
    assert new_ones(cache) == [2]
    write(writer, live(1, 5, data_written=True))
    assert new_ones(cache) == [2, 1]
    write(writer, gone(2, 6), live(2, 7, data_written=True))
    assert new_ones(cache) == [1, 2], "also in one transaction"


def test_no_place_in_the_order_of_arrivals_is_given_twice(writer: CacheWriter, cache: CacheDatabase) -> None:
    """Who has read the last arrival goes on behind it, though it is gone by then."""
    write(writer, live(1, 1, data_written=True), live(2, 2, data_written=True))
    ((last,),) = execute(cache.url, "SELECT max(arrival) FROM exposure")
    write(writer, gone(2, 3))
    write(CacheWriter(cache), live(3, 4, data_written=True))
    assert execute(cache.url, f"SELECT expid FROM exposure WHERE arrival > {last}") == [(3,)]


def test_thousands_of_retractions_are_written_in_one_transaction(writer: CacheWriter, cache: CacheDatabase) -> None:
    write(writer, summary(*(exposure(expid, expid) for expid in range(1, 2001)), covers=(1, 2000)))
    few = range(1, 501), range(501, 1001), range(1001, 1501)
    write(writer, *(summary(*(Retraction(expid=expid, sequence=2000 + expid) for expid in some)) for some in few))
    assert list(sequences(cache)) == list(range(1501, 2001))
    write(writer, summary(*(exposure(expid, expid + (expid % 2) * 4000) for expid in range(1, 1501))))
    assert sorted(sequences(cache)) == [*range(1, 1501, 2), *range(1501, 2001)]
    assert sorted(tombstones(cache)) == list(range(2, 1501, 2))


# All or nothing.


@contextlib.contextmanager
def hindered(url: str) -> Iterator[None]:
    """Keep a cache from being written: by a lock, or by cutting its connections."""
    if url.startswith("sqlite"):
        with connected(url) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
    else:
        execute(url, CUT_OTHERS)
        yield


CUT_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def test_a_batch_that_cannot_be_written_leaves_nothing_and_can_be_written_again(
    cache_url: str, cache: CacheDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exposure_subscriber.cache.sqlite.BUSY_TIMEOUT", 0.05)
    writer = CacheWriter(cache)
    write(writer, live(1, 1))
    with hindered(cache_url), pytest.raises(DatabaseUnreachable, match="the cache "):
        write(writer, live(2, 2), beat(3))
    assert sequences(cache) == {1: 1}
    write(writer, live(2, 2), beat(3))
    assert sequences(cache) == {1: 1, 2: 2}
    assert writer.missing() == [(3, 3)]
    assert read_freshness(cache).missing == ((3, 3),)


def _make(url: str, barrier: Any) -> None:
    barrier.wait()
    CacheWriter(open_cache(url)).write(Batch(messages=[beat(1)]))


def test_processes_that_come_first_at_the_same_moment_make_one_cache(cache_url: str) -> None:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(4)
    makers = [context.Process(target=_make, args=(cache_url, barrier)) for _ in range(4)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join(60)
    assert [maker.exitcode for maker in makers] == [0] * 4
    assert execute(cache_url, "SELECT count(*) FROM follower") == [(1,)]


# What is set aside.


def rejected(number: int, body: bytes = b"x", **values: Any) -> Rejected:
    given = {"reason": "unreadable", "detail": f"number {number}", "routing_key": "key", "properties": "{}"}
    return Rejected(**given | {"body": body} | values)


def test_what_was_set_aside_is_kept_with_its_reason_beside_what_was_written(
    writer: CacheWriter, cache: CacheDatabase
) -> None:
    write(writer, live(1, 1), rejected=[rejected(1, b"\x00\xff" * 50_000), rejected(2)])
    rows = execute(cache.url, "SELECT reason, detail, routing_key, properties, body FROM rejected ORDER BY id")
    assert [tuple(row[:4]) for row in rows] == [
        ("unreadable", "number 1", "key", "{}"),
        ("unreadable", "number 2", "key", "{}"),
    ]
    assert bytes(rows[0][4]) == (b"\x00\xff" * 50_000)[: 64 * 1024]
    assert sequences(cache) == {1: 1}


def test_only_the_newest_of_what_was_set_aside_is_kept(
    writer: CacheWriter, cache: CacheDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exposure_subscriber.cache.writing.MOST_REJECTED", 3)
    for first in (0, 4):
        write(writer, rejected=[rejected(number) for number in range(first, first + 4)])
    rows = execute(cache.url, "SELECT detail FROM rejected ORDER BY id")
    assert [detail for (detail,) in rows] == ["number 5", "number 6", "number 7"]


# How fresh it is.


def test_what_is_missing_is_known_with_the_time_since(writer: CacheWriter, cache: CacheDatabase) -> None:
    before = datetime.now(UTC)
    write(writer, beat(3), live(2, 2))
    first = read_freshness(cache)
    assert first.missing == ((1, 1), (3, 3))
    assert first.missing_since is not None
    assert before <= first.missing_since <= datetime.now(UTC)
    assert first.heard_at is not None
    assert before <= first.heard_at <= datetime.now(UTC)
    write(writer, live(1, 1), beat(5))
    assert read_freshness(cache).missing_since == first.missing_since, "since then, something has been missing"
    write(writer, summary(covers=(3, 5), replayed=True))
    assert (read_freshness(cache).missing, read_freshness(cache).missing_since) == ((), None)
    assert json.loads(execute(cache.url, "SELECT covered FROM follower")[0][0]) == [[1, 5]]


def test_files_are_kept_with_the_exposure(writer: CacheWriter, cache: CacheDatabase) -> None:
    files = [{"name": "desi-00000001.fits.fz", "file_class": "spectro", "size": 3, "sha256": "0" * 64}]
    written = msgspec.convert(
        {"expid": 1, "sequence": 1, "night": NIGHT, "data_written_at": NOW, "files": files}, Exposure
    )
    write(writer, summary(written, covers=(1, 1)))
    assert cached(cache) == [written]


def test_nothing_is_said_of_ordinary_work(writer: CacheWriter, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "exposure_subscriber")
    write(writer, beat(1), live(1, 1))
    assert caplog.text == ""
