"""kill -9 of each part in the middle of a night: nothing missing, nothing twice, nothing older over newer."""

import random
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Self

import pytest
from tests.night import NIGHT, Night, files_in
from tests.processes import Processes
from tests.waiting import wait_until

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


class Writer(threading.Thread):
    """Keeps changing exposures, as the ICS does, for the length of a block."""

    def __init__(self, night: Night) -> None:
        super().__init__()
        self._url = night.exposure_db_url
        self._random = random.Random(night.seed)
        self._stop_asked = threading.Event()
        self.changes = 0

    def run(self) -> None:
        with ExposureDB(self._url) as database:
            while not self._stop_asked.wait(self._random.uniform(0, 0.02)):
                self._change(database, self._random.randrange(1, 400))
                self.changes += 1

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop_asked.set()
        self.join()

    def _change(self, database: ExposureDB, expid: int) -> None:
        seeing = self._random.uniform(0.5, 3.0)
        if self._random.random() < 0.3:
            database.record(expid=expid, night=NIGHT, seeing=seeing)
            database.data_written(expid, data_location=f"/data/{NIGHT}/{expid:08d}")
        else:
            database.record(expid=expid, night=NIGHT, exptype="science", seeing=seeing, airmass=seeing + 1)


@pytest.fixture
def night(processes: Processes, broker_url: str, subscriber: str, tmp_path: Path) -> Night:
    return Night(processes, broker_url, subscriber, *files_in(tmp_path))


def _written_once(night: Night) -> None:
    """Every written exposure comes out of new_exposures, and none comes twice."""
    came = [exposure["expid"] for exposure in night.ics.new_exposures("once", timeout=0.5)]
    written = [exposure["expid"] for exposure in night.database.exposures() if exposure["data_written"]]
    assert len(came) == len(set(came)), "an exposure came twice"
    assert sorted(came) == written


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


def _wait_for_changes(writer: Writer, count: int) -> None:
    target = writer.changes + count
    wait_until(lambda: writer.changes >= target, f"{count} more changes")


def _wait_for_arrivals(night: Night) -> None:
    """Wait until something has come through, so that the next blow meets everything at work."""
    before = night.newest()
    wait_until(lambda: night.newest() > before, "something coming through", seconds=90)


@pytest.mark.parametrize("verb", ["publish", "follow"])
def test_nothing_is_lost_when_a_daemon_is_killed_at_20_random_moments(
    verb: str, night: Night, older_over_newer: list[str]
) -> None:
    daemon = night.publisher if verb == "publish" else night.follower
    with Writer(night) as writer:
        for _ in range(KILLS):
            _wait_for_changes(writer, night.random.randrange(5, 60))
            daemon.kill()
            daemon = night.start(verb)
    wait_until(night.everything_agrees, "cache and exposureDB agreeing", seconds=60)
    wait_until(lambda: night.ics.status()["complete"], "the cache knowing that it is complete")
    _written_once(night)
    assert older_over_newer == []


def test_nothing_is_lost_when_the_broker_is_killed_at_random_moments(
    own_broker: RabbitMQ, processes: Processes, tmp_path: Path, older_over_newer: list[str]
) -> None:
    night = Night(processes, own_broker.url, "qlf", *files_in(tmp_path))
    with Writer(night) as writer:
        for _ in range(BROKER_KILLS):
            _wait_for_arrivals(night)
            _wait_for_changes(writer, night.random.randrange(1, 30))
            own_broker.kill()
            own_broker.start()
    wait_until(night.everything_agrees, "cache and exposureDB agreeing", seconds=60)
    wait_until(lambda: night.ics.status()["complete"], "the cache knowing that it is complete")
    _written_once(night)
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


def test_a_second_publisher_stands_by_and_takes_over(night: Night) -> None:
    night.publisher.wait_for_log("connected")
    second = night.start("publish")
    second.wait_for_log("standing by")
    night.publisher.kill()
    night.database.record(expid=1, night=NIGHT)
    wait_until(night.everything_agrees, "the second publisher relaying")


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
