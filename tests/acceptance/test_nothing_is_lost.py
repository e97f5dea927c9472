"""kill -9 of each part in the middle of a night: nothing missing, nothing twice, nothing older over newer."""

import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.night import NIGHT, Night, files_in
from tests.processes import Processes
from tests.waiting import wait_until
from tests.writing import Writer, wait_for_arrivals, wait_for_changes, written_once

from exposure_publisher import ExposureDB
from private_servers import PostgreSQL, RabbitMQ

KILLS = 20
BROKER_KILLS = 5
"""A node takes seconds to start; tests/torture kills it many times more."""

# While a part is dead the cache may well be behind, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::exposure_subscriber.errors.StaleCacheWarning")


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[RabbitMQ]:
    """A broker that a test may kill."""
    with RabbitMQ(tmp_path / "node") as node:
        yield node


@pytest.fixture
def night(processes: Processes, broker_url: str, subscriber: str, tmp_path: Path) -> Night:
    return Night(processes, broker_url, subscriber, *files_in(tmp_path))


def _never_older(cache: Path, stop: threading.Event, found: list[str]) -> None:
    """Watch the cache: no exposure's sequence may ever go back."""
    newest: dict[int, int] = {}
    while not stop.is_set():
        try:
            with closing(sqlite3.connect(f"file:{cache}?mode=ro", uri=True)) as connection:
                for expid, sequence in connection.execute("SELECT expid, sequence FROM exposure"):
                    if sequence < newest.get(expid, 0):
                        found.append(f"exposure {expid} went back from {newest[expid]} to {sequence}")
                    newest[expid] = sequence
        except sqlite3.OperationalError:
            pass  # the follower has not made it yet
        stop.wait(0.05)


@pytest.fixture
def older_over_newer(tmp_path: Path) -> Iterator[list[str]]:
    found: list[str] = []
    stop = threading.Event()
    watcher = threading.Thread(target=_never_older, args=(tmp_path / "cache.sqlite", stop, found))
    watcher.start()
    yield found
    stop.set()
    watcher.join()


@pytest.mark.parametrize("verb", ["publish", "follow"])
def test_nothing_is_lost_when_a_daemon_is_killed_at_20_random_moments(
    verb: str, night: Night, older_over_newer: list[str]
) -> None:
    daemon = night.publisher if verb == "publish" else night.follower
    with Writer(night) as writer:
        for _ in range(KILLS):
            wait_for_changes(writer, night.random.randrange(5, 60))
            daemon.kill()
            daemon = night.start(verb)
    wait_until(night.everything_agrees, "cache and exposureDB agreeing", seconds=60)
    wait_until(lambda: night.ics.status()["complete"], "the cache knowing that it is complete")
    written_once(night)
    assert older_over_newer == []


def test_nothing_is_lost_when_the_broker_is_killed_at_random_moments(
    own_broker: RabbitMQ, processes: Processes, tmp_path: Path, older_over_newer: list[str]
) -> None:
    night = Night(processes, own_broker.url, "qlf", *files_in(tmp_path))
    with Writer(night) as writer:
        for _ in range(BROKER_KILLS):
            wait_for_arrivals(night)
            wait_for_changes(writer, night.random.randrange(1, 30))
            own_broker.kill()
            own_broker.start()
    wait_until(night.everything_agrees, "cache and exposureDB agreeing", seconds=60)
    wait_until(lambda: night.ics.status()["complete"], "the cache knowing that it is complete")
    written_once(night)
    assert older_over_newer == []


def test_nothing_is_lost_when_postgresql_is_killed(
    processes: Processes, broker_url: str, subscriber: str, tmp_path: Path
) -> None:
    with PostgreSQL(tmp_path / "postgresql") as server:
        server.create_database("exposuredb")
        server.create_database("cache")
        night = Night(processes, broker_url, subscriber, server.url("exposuredb"), server.url("cache"))
        for first in (1, 101, 201):
            night.database.record_many({"expid": first + place, "night": NIGHT} for place in range(100))
            wait_until(night.everything_agrees, "cache and exposureDB agreeing")
            server.kill()
            night.publisher.wait_for_log("trying again")
            server.start()
        night.database.data_written(1, data_location="/data/20230913/00000001")
        wait_until(night.everything_agrees, "cache and exposureDB agreeing")
        wait_until(lambda: night.ics.status()["complete"], "the cache knowing that it is complete")
        assert "Traceback" not in night.publisher.log + night.follower.log


def test_a_second_follower_stands_by_and_takes_over(night: Night) -> None:
    night.follower.wait_for_log("connected")
    second = night.start("follow")
    second.wait_for_log("connected")
    night.database.record(expid=1, night=NIGHT)
    wait_until(night.everything_agrees, "the first follower caching")
    night.follower.kill()
    night.database.record(expid=2, night=NIGHT)
    wait_until(night.everything_agrees, "the second follower caching")


def test_a_cache_thrown_away_is_rebuilt_by_itself(night: Night, tmp_path: Path) -> None:
    night.database.record_many({"expid": expid, "night": NIGHT} for expid in range(1000))
    wait_until(night.everything_agrees, "the first cache")
    night.follower.end()
    for file in tmp_path.glob("cache.sqlite*"):
        file.unlink()
    night.start("follow")
    wait_until(night.everything_agrees, "the second cache")
    wait_until(lambda: night.ics.status()["complete"], "the cache knowing that it is complete")


def test_a_cache_deleted_under_the_follower_is_rebuilt_by_itself(night: Night, tmp_path: Path) -> None:
    night.database.record_many({"expid": expid, "night": NIGHT} for expid in range(1000))
    wait_until(night.everything_agrees, "the first cache")
    for file in tmp_path.glob("cache.sqlite*"):
        file.unlink()
    wait_until(night.everything_agrees, "the second cache")
    wait_until(lambda: night.ics.status()["complete"], "the cache knowing that it is complete")


def test_an_exposure_database_rebuilt_under_the_publisher_is_followed(night: Night, tmp_path: Path) -> None:
    night.database.record_many({"expid": expid, "night": NIGHT} for expid in range(1000))
    wait_until(night.everything_agrees, "the first exposureDB")
    night.database.close()
    for file in tmp_path.glob("exposuredb.sqlite*"):
        file.unlink()
    night.database = ExposureDB(night.exposure_db_url)
    night.database.record_many({"expid": expid, "night": NIGHT, "seeing": 1.5} for expid in range(500, 700))
    wait_until(night.everything_agrees, "the second exposureDB, and nothing left of the first", seconds=60)
    wait_until(lambda: night.ics.status()["complete"], "the cache knowing that it is complete")


def test_the_daemons_end_cleanly_when_asked(night: Night) -> None:
    night.publisher.wait_for_log("connected")
    night.follower.wait_for_log("connected")
    assert night.publisher.end(signal.SIGTERM) == 0
    assert night.follower.end(signal.SIGINT) == 0
    assert "Traceback" not in night.publisher.log + night.follower.log
