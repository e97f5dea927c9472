"""What goes from one end to the other, and how long it is under way: through all of ours, and through pika alone."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import Final, Protocol, Self

from benchmarks import bare_pika
from benchmarks.attach import COLUMNS, INSERT
from benchmarks.caches import write_cache
from benchmarks.daemons import Daemon, Host, wait
from benchmarks.history import write_history
from benchmarks.measure import Measured, Result
from benchmarks.raw import connect
from benchmarks.stages import stages
from exposure_bus.settings import TableSettings
from exposure_publisher import ExposureDB
from exposure_publisher.attach import attach, mapping_of

EVERY: Final = 0.05
"""Seconds between two changes."""

NIGHT: Final = 20230913

_WRITTEN: Final = "UPDATE exposures SET saved = true, saved_updated = now() WHERE id = %s"
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


class Table(Protocol):
    """Where exposures are recorded."""

    def insert(self, expids: Iterable[int]) -> object:
        """Record exposures, not written yet."""

    def data_written(self, expid: int) -> object:
        """Say that the data of an exposure is written."""


class OurTable(ExposureDB):
    """The exposureDB, by its own interface."""

    def insert(self, expids: Iterable[int]) -> None:
        """Record exposures, not written yet."""
        self.record_many(
            {"expid": expid, "night": NIGHT, "exptype": "science", "program": "dark", "skyra": 23.4, "seeing": 1.1}
            for expid in expids
        )


class TheirTable:
    """A table of the ICS's that the bus is attached to, written by the driver alone."""

    def __init__(self, url: str) -> None:
        self._connection = connect(url)
        self._cursor = self._connection.cursor()
        self._cursor.execute(f"CREATE TABLE exposures ({COLUMNS})")
        attach(url, "exposures", mapping_of(TableSettings(), "desi"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()

    def insert(self, expids: Iterable[int]) -> None:
        """Record exposures, not written yet."""
        self._cursor.executemany(INSERT, [(expid,) for expid in expids])

    def data_written(self, expid: int) -> None:
        """Say that the data of an exposure is written."""
        self._cursor.execute(_WRITTEN, (expid,))


class Site:
    """An exposureDB, a relay, a follower, and somebody who waits for new exposures."""

    def __init__(
        self,
        folder: Path,
        broker_url: str,
        exposure_db_url: str,
        *,
        history: int = 0,
        table: Callable[[str], AbstractContextManager[Table]] = OurTable,
    ) -> None:
        self._stack = ExitStack()
        self.host = Host(folder, broker_url, exposure_db_url=exposure_db_url, subscriber=folder.name)
        self._next = history + 1
        self._table = table
        self.sent: dict[int, int] = {}
        """When each exposure was committed that went through, nanoseconds of the monotonic clock."""

    def __enter__(self) -> Self:
        if self._next > 1:
            self._look_back_on(self._next - 1)
        self.database = self._stack.enter_context(self._table(self.host.exposure_db_url))
        self._stack.enter_context(self.host.both())
        self.host.wait_until_complete(self._next - 1)
        self._reader = self._stack.enter_context(self.host.process(sys.executable, "-m", "benchmarks.arriving"))
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def _look_back_on(self, count: int) -> None:
        write_cache(self.host.cache_url, count, write_history(self.host.exposure_db_url, count))
        with closing(connect(self.host.cache_url)) as cache:
            cache.cursor().execute(_SEEN_ALL)  # what is old is not new to anybody

    def record(self, count: int) -> range:
        """Record so many exposures, not written yet, and return which."""
        expids = range(self._next, self._next + count)
        self._next += count
        self.database.insert(expids)
        return expids

    def write(self, expid: int) -> int:
        """Say that the data of an exposure is written, and return the moment in which that was committed."""
        self.database.data_written(expid)
        return time.monotonic_ns()

    def go_through(self, count: int) -> Measured:
        """Write exposures, and return how long after its commit each was yielded, in milliseconds."""
        expids = self.record(count)
        self.host.wait_for_exposure(expids[-1])
        sent = steadily(expids, self.write)
        self.sent |= sent
        return under_way(sent, self._reader)

    def stages(self, kind: str) -> Iterator[Result]:
        """Return where the time went of everything that went through."""
        return stages(kind, self.host.cache_url, self.sent, moments(self._reader))


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
    came = moments(receiver)
    return [(came[number] - moment) / 1e6 for number, moment in sent.items()]


def moments(receiver: Daemon) -> dict[int, int]:
    """Return when each number came, nanoseconds of the monotonic clock."""
    lines = (line.split() for line in receiver.said.splitlines() if line[:1].isdigit())
    return {int(number): int(moment) for number, moment in lines}
