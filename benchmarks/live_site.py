"""What goes from one end to the other, and how long it is under way: through all of ours, and through pika alone."""

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final, Self

from benchmarks import bare_pika
from benchmarks.daemons import Daemon, Host, wait
from benchmarks.history import write_history
from benchmarks.measure import Measured
from benchmarks.raw import connect
from exposure_publisher import ExposureDB

EVERY: Final = 0.05
"""Seconds between two changes."""

NIGHT: Final = 20230913

_SEEN_ALL: Final = "INSERT INTO position (name, arrival) SELECT 'default', max(arrival) FROM exposure"


def percentile(measured: Measured, part: float) -> float:
    """Return the figure below which a part (percent) of all lies."""
    ordered = sorted(measured)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part / 100))]


def distribution(measured: list[Measured]) -> list[tuple[float, Measured]]:
    """Return for each whole percent the figure below which it lies."""
    together = [each for repeat in measured for each in repeat]
    return [(percentile(together, part), [part / 100]) for part in range(100)]


class Bare:
    """pika to pika."""

    def __init__(self, folder: Path, broker_url: str) -> None:
        self._host = Host(folder, broker_url)
        self._queue = "bare"
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._channel = bare_pika.declare(self._host.broker_url, self._queue)
        receive = (sys.executable, "-m", "benchmarks.bare_pika", "receive", self._host.broker_url, self._queue)
        self._receiver = self._stack.enter_context(self._host.process(*receive))
        self._receiver.wait_for("connected to the broker")
        self._count = 0
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def go_through(self, count: int) -> Measured:
        """Send messages, and return how long each was under way, in milliseconds."""
        self._channel.connection.process_data_events()  # heartbeats, between two turns
        numbers = range(self._count, self._count + count)
        self._count += count
        sent = steadily(numbers, lambda number: bare_pika.send(self._channel, self._queue, number))
        return under_way(sent, self._receiver)


class Site:
    """An exposureDB, a relay, a follower, and somebody who waits for new exposures."""

    def __init__(self, folder: Path, broker_url: str, exposure_db_url: str, *, history: int = 0) -> None:
        self._stack = ExitStack()
        self.host = Host(folder, broker_url, exposure_db_url=exposure_db_url, subscriber=folder.name)
        self._next = history + 1

    def __enter__(self) -> Self:
        if self._next > 1:
            write_history(self.host.exposure_db_url, self._next - 1)
        self.database = self._stack.enter_context(ExposureDB(self.host.exposure_db_url))
        self.relay = self._stack.enter_context(self.host.relay())
        self.follower = self._stack.enter_context(self.host.follower())
        self.host.wait_until_complete(self._next - 1)
        if self._next > 1:
            with closing(connect(self.host.cache_url)) as cache:
                cache.cursor().execute(_SEEN_ALL)  # what is old is not new to anybody
        self._reader = self._stack.enter_context(self.host.process(sys.executable, "-m", "benchmarks.arriving"))
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def record(self, count: int) -> range:
        """Record so many exposures, not written yet, and return which."""
        expids = range(self._next, self._next + count)
        self._next += count
        self.database.record_many(
            {"expid": expid, "night": NIGHT, "exptype": "science", "program": "dark", "skyra": 23.4, "seeing": 1.1}
            for expid in expids
        )
        return expids

    def write(self, expid: int) -> int:
        """Say that the data of an exposure is written, and return the moment in which that was committed."""
        self.database.data_written(expid)
        return time.monotonic_ns()

    def go_through(self, count: int) -> Measured:
        """Write exposures, and return how long after its commit each was yielded, in milliseconds."""
        expids = self.record(count)
        self.host.wait_for_exposure(expids[-1])
        return under_way(steadily(expids, self.write), self._reader)


def steadily(numbers: range, send: Callable[[int], int]) -> dict[int, int]:
    """Send each number in its time, and return when each left."""
    began, sent = time.monotonic(), {}
    for place, number in enumerate(numbers):
        time.sleep(max(0.0, began + place * EVERY - time.monotonic()))
        sent[number] = send(number)
    return sent


def under_way(sent: dict[int, int], receiver: Daemon) -> Measured:
    """Wait until all that was sent has come, and return how long each took, in milliseconds."""
    last = max(sent)
    wait(lambda: f"\n{last} " in receiver.said, receiver.log)
    lines = (line.split() for line in receiver.said.splitlines() if line[:1].isdigit())
    came = {int(number): int(moment) for number, moment in lines}
    return [(came[number] - moment) / 1e6 for number, moment in sent.items()]
