"""A cache of another version is rebuilt by healing, and nobody's place in it is lost."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.caching import Cached, at
from tests.other_versions import VERSIONS, newer
from tests.processes import Processes
from tests.raw_sql import execute

import ICSInterface
from exposure_bus.errors import DatabaseUnreachable
from exposure_schemas import Exposure, ExposureSummary, Heartbeat, Retraction
from exposure_subscriber.alarms import AlarmOutbox, make_alarm
from exposure_subscriber.cache import CacheDatabase
from exposure_subscriber.cache.schema import VERSION
from exposure_subscriber.cache.version import OtherVersion
from exposure_subscriber.cache.writing import Batch, CacheWriter
from exposure_subscriber.mirror.turns import Turns

Break = Callable[[str], None]
NIGHT = 20230913

# A cache that is being rebuilt may well be behind, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::exposure_subscriber.errors.StaleCacheWarning")


@pytest.fixture
def cached(cache_url: str) -> Iterator[Cached]:
    with Cached(cache_url) as cache:
        yield cache


@pytest.fixture
def ics(cache_url: str) -> ICSInterface.ICSInterface:
    return ICSInterface.ICSInterface(cache_url)


@pytest.fixture(params=sorted(VERSIONS))
def break_version(request: pytest.FixtureRequest) -> Break:
    """Makes a cache one of another version."""
    return VERSIONS[request.param]


def state(expid: int, sequence: int, *, written_at: float = 0, epoch: str = "ours") -> ExposureSummary:
    """A message of a replay, with the state of one written exposure."""
    exposure = Exposure(
        expid=expid, night=NIGHT, sequence=sequence, data_written=True, data_written_at=at(written_at), program="dark"
    )
    return message(sequence, epoch, exposures=(exposure,))


def message(sequence: int, epoch: str = "ours", **carried: Any) -> ExposureSummary:
    return ExposureSummary(
        epoch=epoch,
        covers=(sequence, sequence),
        replayed=True,
        published_at=at(0),
        exposures=carried.get("exposures", ()),
        retracted=carried.get("retracted", ()),
    )


def beat(newest: int, epoch: str = "ours") -> Heartbeat:
    return Heartbeat(epoch=epoch, newest=newest, published_at=datetime.now(UTC), interval=600)


def new(ics: ICSInterface.ICSInterface, name: str = "default") -> list[int]:
    return [exposure["expid"] for exposure in ics.new_exposures(name, timeout=0)]


def fill(cached: Cached, count: int) -> None:
    """Write exposures of the numbers 1, 2, …, as the states of `state`."""
    for expid in range(1, count + 1):
        cached.expose(expid, data_written=True, program="dark")


# Rebuilding.


def test_a_cache_of_another_version_is_emptied_of_copies_and_healed(
    cached: Cached, cache: CacheDatabase, ics: ICSInterface.ICSInterface, break_version: Break
) -> None:
    fill(cached, 3)
    cached.retract(2)
    before = ics.get_exposure_summary(expid_range=(0, 99))
    break_version(cached.url)
    forget_heartbeat(cached.url)
    writer = CacheWriter(cache)
    assert (writer.epoch, writer.newest) == ("ours", 0)
    assert ics.get_exposure_summary(expid_range=(0, 99)) == []
    writer.write(Batch(messages=[beat(4)]))
    assert writer.missing() == [(1, 4)]
    gone = message(4, retracted=(Retraction(expid=2, sequence=4),))
    writer.write(Batch(messages=[state(3, 3), message(2), gone, state(1, 1)]))
    assert writer.missing() == []
    assert ics.get_exposure_summary(expid_range=(0, 99)) == before
    for _ in range(2):  # the first may have been on its way before the cache was rebuilt
        writer.write(Batch(messages=[beat(4)]))
    assert ics.status()["complete"], ics.status()


def forget_heartbeat(url: str) -> None:
    """Leave a cache as one whose follower ended a while ago."""
    execute(url, "UPDATE follower SET heard_at = NULL")


def test_what_is_no_copy_is_carried_over(cached: Cached, cache: CacheDatabase, break_version: Break) -> None:
    outbox = AlarmOutbox(cache)
    for text in ("one", "two"):
        outbox.keep(make_alarm(text, "EVENT", "qlf"))
    execute(
        cached.url,
        "INSERT INTO rejected (received_at, reason, detail, routing_key, properties, body) "
        "VALUES (1, 'invalid', 'odd', 'key', '{}', 'xyz')",
        "INSERT INTO position (name, arrival) VALUES ('qlf', 7)",
        "INSERT INTO fetched VALUES ('/a', 1, 2, 3, 4, 5)",
        "INSERT INTO fetch_failure (folder, expid, tries, next_try_at, why) VALUES ('/a', 2, 1, 9, 'away')",
    )
    queries = (
        "SELECT body FROM alarm ORDER BY id",
        "SELECT received_at, reason, detail, routing_key, properties, body FROM rejected",
        "SELECT name, arrival FROM position WHERE name <> ''",
        "SELECT * FROM fetched",
        "SELECT * FROM fetch_failure",
    )
    before = [execute(cached.url, query) for query in queries]
    break_version(cached.url)
    forget_heartbeat(cached.url)
    CacheWriter(cache)
    assert [execute(cached.url, query) for query in queries] == before
    outbox.keep(make_alarm("three", "EVENT", "qlf"))
    assert outbox.waiting() == 3


@pytest.mark.parametrize("seed", range(3))
def test_each_name_gets_each_exposure_once_whatever_order_it_heals_in(
    seed: int, cached: Cached, cache: CacheDatabase, ics: ICSInterface.ICSInterface, break_version: Break
) -> None:
    fill(cached, 12)
    came = {name: taken(ics, name, count) for name, count in (("far", 9), ("near", 4), ("never", 0))}
    break_version(cached.url)
    forget_heartbeat(cached.url)
    writer = CacheWriter(cache)
    writer.write(Batch(messages=[beat(14)]))
    order = [state(expid, expid) for expid in range(1, 13)] + [state(20, 13), state(21, 14)]
    random.Random(seed).shuffle(order)
    for each in order:
        writer.write(Batch(messages=[each]))
        for name, expids in came.items():
            expids.extend(new(ics, name))
    for expids in came.values():
        assert sorted(expids) == [*range(1, 13), 20, 21]
        assert expids[:12] == [*range(1, 13)], "in the order in which they had arrived, and what is new behind them"
    assert execute(cached.url, "SELECT * FROM carried") == []


def taken(ics: ICSInterface.ICSInterface, name: str, count: int) -> list[int]:
    """Have some exposures done under a name, by asking for the one behind them."""
    came: list[int] = []
    for exposure in ics.new_exposures(name, timeout=0):
        if len(came) == count:
            break
        came.append(exposure["expid"])
    return came


def test_a_cache_that_is_rebuilt_twice_before_it_has_healed_keeps_all_turns(
    cached: Cached, cache: CacheDatabase, ics: ICSInterface.ICSInterface
) -> None:
    fill(cached, 4)
    came = taken(ics, "default", 2)
    for expid in (3, 4):
        newer(cached.url)
        forget_heartbeat(cached.url)
        writer = CacheWriter(cache)
        writer.write(Batch(messages=[beat(4), state(expid, expid)]))
        came += new(ics)
    for expid in (1, 2, 3):
        writer.write(Batch(messages=[state(expid, expid)]))
    assert came + new(ics) == [1, 2, 3, 4]


def test_files_are_brought_again_only_if_they_were_written_again(
    cached: Cached, cache: CacheDatabase, break_version: Break
) -> None:
    fill(cached, 3)
    cached.beat()
    turns = Turns(cache, Path("/destination"))
    assert turns.begin()
    break_version(cached.url)
    forget_heartbeat(cached.url)
    writer = CacheWriter(cache)
    writer.write(Batch(messages=[beat(4), state(3, 3), state(2, 4, written_at=5)]))
    assert [expid for expid, _ in turns.next()] == [2]
    writer.write(Batch(messages=[state(1, 1), message(2)]))
    assert [expid for expid, _ in turns.next()] == [2]


def test_no_older_state_takes_a_carried_turn_and_no_older_retraction_drops_it(
    cached: Cached, cache: CacheDatabase, ics: ICSInterface.ICSInterface
) -> None:
    cached.expose(1, sequence=8, data_written=True)
    assert new(ics) == [1]
    newer(cached.url)
    forget_heartbeat(cached.url)
    writer = CacheWriter(cache)
    late = message(3, retracted=(Retraction(expid=1, sequence=3),))
    writer.write(Batch(messages=[beat(8), late, state(1, 5)]))
    assert cached.expids() == []
    writer.write(Batch(messages=[state(1, 8)]))
    assert cached.expids() == [1]
    assert new(ics) == []


def test_an_exposure_that_was_retracted_meanwhile_is_new_when_it_comes_back(
    cached: Cached, cache: CacheDatabase, ics: ICSInterface.ICSInterface
) -> None:
    fill(cached, 1)
    assert new(ics) == [1]
    newer(cached.url)
    forget_heartbeat(cached.url)
    writer = CacheWriter(cache)
    writer.write(Batch(messages=[message(2, retracted=(Retraction(expid=1, sequence=2),))]))
    writer.write(Batch(messages=[state(1, 3)]))
    assert new(ics) == [1]


def test_a_new_ledger_heals_into_a_rebuilt_cache(
    cached: Cached, cache: CacheDatabase, ics: ICSInterface.ICSInterface
) -> None:
    fill(cached, 9)
    came = taken(ics, "default", 2)
    newer(cached.url)
    execute(cached.url, "UPDATE follower SET heard_at = 1")
    writer = CacheWriter(cache)
    writer._listening_since = 1
    writer.write(Batch(messages=[beat(2, "another")]))
    writer.write(Batch(messages=[state(3, 1, epoch="another"), state(1, 2, epoch="another")]))
    writer.write(Batch(messages=[beat(2, "another")]))
    writer.write(Batch(messages=[beat(2, "another")]))
    assert came + new(ics) == [1, 2, 3]
    assert execute(cached.url, "SELECT * FROM carried") == []


# Who meets a cache of another version.


def test_a_reader_is_told_what_to_do(cached: Cached, ics: ICSInterface.ICSInterface, break_version: Break) -> None:
    fill(cached, 1)
    assert ics.get_exposure_summary(expid_range=(0, 99))
    break_version(cached.url)
    advice = (
        f"knows {VERSION}: (start `exposure-bus follow` of this software, which rebuilds it|upgrade this software)$"
    )
    for use in (
        lambda: ics.get_exposure_summary(expid_range=(0, 99)),
        lambda: ics.get_night_summary(NIGHT),
        ics.status,
        lambda: new(ics),
        lambda: ics.get_exposure_files(1),
    ):
        with pytest.raises(ICSInterface.CacheUnavailable, match=advice):
            use()


def test_a_reader_who_waits_is_told_when_the_cache_is_rebuilt(cached: Cached, ics: ICSInterface.ICSInterface) -> None:
    fill(cached, 2)
    arriving = ics.new_exposures(timeout=0)
    assert next(arriving)["expid"] == 1
    newer(cached.url)
    with pytest.raises(ICSInterface.CacheUnavailable, match="upgrade this software"):
        next(arriving)
    assert execute(cached.url, "SELECT count(*) FROM position") == [(0,)]


@pytest.mark.parametrize("verb", [("summary", "--last"), ("status",), ("files", "1")])
def test_a_command_says_it_in_one_line(verb: tuple[str, ...], tmp_path: Path, processes: Processes) -> None:
    url = f"sqlite:///{tmp_path}/cache.sqlite"
    with Cached(url) as cached:
        fill(cached, 1)
    newer(url)
    done = processes.run(*verb, cache_url=url)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "upgrade this software" in done.stderr


def test_an_alarm_is_kept_in_a_cache_of_any_version(cached: Cached, cache: CacheDatabase, break_version: Break) -> None:
    break_version(cached.url)
    AlarmOutbox(cache).keep(make_alarm("no light", "ALARM", "qlf"))
    assert execute(cached.url, "SELECT count(*) FROM alarm") == [(1,)]


def test_a_follower_that_runs_writes_nothing_into_a_cache_that_a_newer_one_rebuilt(
    cached: Cached, cache: CacheDatabase
) -> None:
    writer = CacheWriter(cache)
    newer(cached.url)
    before = execute(cached.url, "SELECT * FROM follower")
    with pytest.raises(OtherVersion, match=f"is of version {VERSION + 1}, and this software knows {VERSION}"):
        writer.write(Batch(messages=[beat(1), state(1, 1)]))
    assert cached.expids() == []
    assert execute(cached.url, "SELECT * FROM follower") == before


def test_a_cache_that_a_newer_follower_keeps_is_left_alone_until_that_ends(
    cached: Cached, cache: CacheDatabase
) -> None:
    fill(cached, 1)
    cached.beat()
    newer(cached.url)
    with pytest.raises(DatabaseUnreachable, match="a follower of that version is at work"):
        CacheWriter(cache)
    assert cached.expids() == [1]
    forget_heartbeat(cached.url)
    CacheWriter(cache)
    assert cached.expids() == []
