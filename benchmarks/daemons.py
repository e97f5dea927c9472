"""The relay, followers and readers as processes, as they run on their hosts, with an exposureDB and a cache each."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from exposure_bus.broker.blocking import open_channel
from exposure_bus.errors import DatabaseError
from exposure_schemas import follower_queue
from exposure_subscriber.cache import Freshness, open_cache
from exposure_subscriber.cache.freshness import read_freshness
from exposure_subscriber.cache.reading import exposure

COMMAND: Final = str(Path(sys.executable).with_name("exposure-bus"))
DEADLINE: Final = 300.0
LOOK: Final = 0.005
"""Seconds between looks at what has no descriptor to wait for."""


class Daemon:
    """A process of ours while it runs.

    Args:
        process: The process.
        log: Where it writes.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self.log = log

    @property
    def cpu(self) -> float:
        """Seconds of processor that it has used, to the nanosecond."""
        threads = Path(f"/proc/{self._process.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    @property
    def memory(self) -> float:
        """The most memory that it has had, MB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1000

    def wait_for(self, text: str) -> float:
        """Wait until it has said something, and return the moment in which that was seen."""
        wait(lambda: text in self.said, self.log)
        return time.monotonic()

    @property
    def said(self) -> str:
        """What it has written so far, on a line of its own each."""
        return "\n" + self.log.read_text()


class Host:
    """Where daemons run: a folder, a broker, an exposureDB and a cache.

    Args:
        folder: Where logs lie; made.
        broker_url: RabbitMQ.
        exposure_db_url: The exposureDB; default: a SQLite file in the folder.
        cache_url: The cache; likewise.
        subscriber: The follower's name.
    """

    def __init__(
        self,
        folder: Path,
        broker_url: str,
        *,
        exposure_db_url: str = "",
        cache_url: str = "",
        subscriber: str = "qlf",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.broker_url = broker_url
        self.exposure_db_url = exposure_db_url or f"sqlite:///{folder}/exposuredb.sqlite"
        self.cache_url = cache_url or f"sqlite:///{folder}/cache-{subscriber}.sqlite"
        self.subscriber = subscriber
        self._cache = open_cache(self.cache_url)

    @contextmanager
    def relay(self) -> Iterator[Daemon]:
        """Run the relay, once it is at work."""
        with self.process(COMMAND, "publish") as daemon:
            daemon.wait_for("connected to the broker")
            yield daemon

    @contextmanager
    def follower(self) -> Iterator[Daemon]:
        """Run the follower, once it is at work."""
        with self.process(COMMAND, "follow") as daemon:
            daemon.wait_for("connected to the broker")
            yield daemon

    @contextmanager
    def both(self) -> Iterator[tuple[Daemon, Daemon]]:
        """Run relay and follower; the follower first, so that it hears the first heartbeat and waits for no other."""
        with self.follower() as follower, self.relay() as relay:
            yield relay, follower

    @contextmanager
    def process(self, *command: str) -> Iterator[Daemon]:
        """Run a program under this host's settings until the block ends."""
        log = self.folder / f"{time.monotonic_ns()}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(command, env=self._environment, stdout=output, stderr=output)
        try:
            yield Daemon(process, log)
        finally:
            process.terminate()
            process.wait()

    def wait_until_complete(self, newest: int = 0) -> None:
        """Wait until the cache has everything up to a number, and a heartbeat has said that this is all."""
        wait(lambda: self._complete(newest), self.folder)

    def has(self, newest: int) -> bool:
        """Whether the cache has every number up to one."""
        known = self.freshness()
        return known is not None and known.complete_up_to >= newest

    def forget(self) -> None:
        """Delete the follower's queue."""
        with open_channel(self.broker_url, "benchmark") as channel:
            channel.queue_delete(follower_queue(self.subscriber))

    def wait_for_exposure(self, expid: int) -> None:
        """Wait until the cache has an exposure."""
        wait(lambda: exposure(self._cache, expid) is not None, self.folder)

    def _complete(self, newest: int) -> bool:
        freshness = self.freshness()
        return freshness is not None and freshness.complete and freshness.newest >= newest

    def freshness(self) -> Freshness | None:
        """Return how fresh the cache is; None before it is made."""
        try:
            return read_freshness(self._cache)
        except DatabaseError:
            return None

    @property
    def _environment(self) -> dict[str, str]:
        return os.environ | {
            "EXPOSURE_BUS_BROKER_URL": self.broker_url,
            "EXPOSURE_BUS_EXPOSURE_DB_URL": self.exposure_db_url,
            "EXPOSURE_BUS_CACHE_URL": self.cache_url,
            "EXPOSURE_BUS_SUBSCRIBER": self.subscriber,
            "EXPOSURE_BUS_CONFIG": os.devnull,
            "PYTHONPATH": str(Path(__file__).parents[1]),
        }


def wait(condition: Callable[[], bool], where: Path) -> None:
    """Wait for a condition; where its logs lie is said if it does not come."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {DEADLINE:g} s; see {where}")
        time.sleep(LOOK)
