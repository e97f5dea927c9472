"""How many changes a second go from the exposureDB into a cache, one message each, beside pika to pika alone."""

import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

from benchmarks import bare_pika
from benchmarks.daemons import Host, wait
from benchmarks.measure import Curve, Measured, Result, by_turns
from benchmarks.servers import Servers
from exposure_publisher import ExposureDB

TARGET: Final = 0.35
BURST: Final = 10_000


def run(work: Path, servers: Servers, *, quick: bool) -> Iterator[Result | Curve]:
    """Measure; ``quick`` makes everything smaller."""
    burst = BURST // 10 if quick else BURST
    floor = Bare(work / "bare", servers.virtual_host())
    for kind, url in {"SQLite": "", "PostgreSQL": servers.database()}.items():
        host = Host(work / kind.lower(), servers.virtual_host(), exposure_db_url=url, subscriber=kind)
        with Changes(host) as changes, host.both():
            host.wait_until_complete()
            ours, received = by_turns(lambda: changes.go_through(burst), lambda: floor.go_through(burst))
            yield Result(
                operation=f"{burst:,} changes on {kind}, a message each, committed to all cached",
                unit="messages/s",
                ours=ours,
                floor=received,
                floor_is="pika to pika, 1,000 in flight, the same kind of queue",
                target=TARGET,
                rate=True,
            )
            if kind == "SQLite":
                yield _by_batch(changes, floor, (burst, ours), (burst, received))


def _by_batch(
    changes: "Changes", floor: "Bare", ours: tuple[float, Measured], received: tuple[float, Measured]
) -> Curve:
    """Measure smaller transactions once each; the largest is measured already."""
    sizes = [size for size in (1, 10, 100, 1_000) if size < ours[0]]
    return Curve(
        name="throughput",
        title="Changes committed together, and messages cached a second",
        x="changes in a transaction",
        y="messages/s",
        lines={
            "exposure-bus": [*((size, [changes.go_through(size)]) for size in sizes), ours],
            "pika to pika": [*((size, [floor.go_through(size)]) for size in sizes), received],
        },
    )


class Changes:
    """Exposures that all change in one transaction."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._expids = itertools.count(1)

    def __enter__(self) -> Self:
        self._database = ExposureDB(self._host.exposure_db_url)
        return self

    def __exit__(self, *_error: object) -> None:
        self._database.close()

    def go_through(self, count: int) -> float:
        """Commit new exposures, and return how many a second were cached from then on."""
        rows = [_row(expid) for expid in itertools.islice(self._expids, count)]
        self._database.record_many(rows)
        began = time.monotonic()
        newest = rows[-1]["expid"]  # each is new, so it gets the number that it has itself
        wait(lambda: self._host.has(newest), self._host.folder)
        return count / (time.monotonic() - began)


def _row(expid: int) -> dict[str, Any]:
    return {
        "expid": expid,
        "night": 20230913,
        "exptype": "science",
        "program": "dark",
        "tile_id": expid,
        "skyra": 23.4,
        "skydec": -2.6,
        "exptime": 900.0,
        "seeing": 1.04,
        "airmass": 1.23,
        "transparency": 0.97,
        "skylevel": 21.1,
        "s2n": 183.5,
        "data_written": True,
        "data_location": f"s3://exposures/desi/20230913/{expid:08d}",  # there is nothing to list
    }


class Bare:
    """pika to pika."""

    def __init__(self, folder: Path, broker_url: str) -> None:
        self._host = Host(folder, broker_url)

    def go_through(self, count: int) -> float:
        """Publish messages, and return how many a second were received."""
        url, queue = self._host.broker_url, f"bare-{time.monotonic_ns()}"
        bare_pika.declare(url, queue).connection.close()
        receive = (sys.executable, "-m", "benchmarks.bare_pika", "count", url, queue, str(count))
        with self._host.process(*receive) as receiver:
            receiver.wait_for("connected to the broker")
            began = time.monotonic()
            bare_pika.publish(url, queue, count)
            ended = receiver.wait_for("all came")
        return count / (ended - began)
