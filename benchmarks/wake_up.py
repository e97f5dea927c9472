"""From a commit in the cache to `new_exposures` in another process, beside a process that waits by the driver alone."""

import itertools
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.bare_wake import CHANNEL
from benchmarks.caches import batch_of, write_cache
from benchmarks.daemons import Host
from benchmarks.live_site import steadily, under_way
from benchmarks.measure import Result, by_turns
from benchmarks.raw import connect
from benchmarks.servers import Servers
from exposure_subscriber.cache import open_cache
from exposure_subscriber.cache.writing import CacheWriter

TARGET: Final = 3.0
Write = Callable[[int], int]
"""Commits a row of a number, and returns the moment."""


def run(work: Path, servers: Servers, *, quick: bool) -> Iterator[Result]:
    """Measure; ``quick`` makes everything smaller."""
    for kind in ("SQLite", "PostgreSQL"):
        url, bare = (_database(work / kind / name, kind, servers) for name in ("cache", "bare"))
        ours, floor = _by_turns(work / kind, url, bare, 10 if quick else 20)
        yield Result(
            operation=f"commit in a cache on {kind} to new_exposures: p50",
            unit="ms",
            ours=ours,
            floor=floor,
            floor_is="one row written, waited for and read by the driver",
            target=TARGET,
        )


def _database(folder: Path, kind: str, servers: Servers) -> str:
    """Return the URL of a new database; a file has a folder of its own, since the floor is woken by all in one."""
    folder.mkdir(parents=True)
    return f"sqlite:///{folder}/{folder.name}.sqlite" if kind == "SQLite" else servers.database()


def _by_turns(folder: Path, url: str, bare: str, count: int) -> list[list[float]]:
    write_cache(url, 1)
    ours_host, bare_host = Host(folder / "logs", "", cache_url=url), Host(folder / "logs", "", cache_url=url)
    with ExitStack() as stack:
        cache = stack.enter_context(closing(open_cache(url)))
        connection = stack.enter_context(closing(connect(bare)))
        write = {"ours": _ours(CacheWriter(cache)), "bare": _bare(connection.cursor(), bare)}
        reader = stack.enter_context(ours_host.process(sys.executable, "-m", "benchmarks.arriving"))
        waiter = stack.enter_context(bare_host.process(sys.executable, "-m", "benchmarks.bare_wake", bare))
        waiter.wait_for("waiting")
        reader.wait_for("\n1 ")
        numbers = {"ours": itertools.count(2), "bare": itertools.count(1)}

        def turn(name: str, process: Any) -> Callable[[], float]:
            def once() -> float:
                first = next(numbers[name])
                numbers[name] = itertools.count(first + count)
                return median(under_way(steadily(range(first, first + count), write[name]), process))

            return once

        return by_turns(turn("ours", reader), turn("bare", waiter))


def _ours(writer: CacheWriter) -> Write:
    def write(number: int) -> int:
        writer.write(batch_of(number, number))
        return time.monotonic_ns()

    return write


def _bare(cursor: Any, url: str) -> Write:
    if url.startswith("sqlite"):
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("CREATE TABLE bare (number BIGINT PRIMARY KEY)")

    def write(number: int) -> int:
        cursor.execute("BEGIN")
        cursor.execute(f"INSERT INTO bare VALUES ({number})")
        if not url.startswith("sqlite"):
            cursor.execute(f"NOTIFY {CHANNEL}")
        cursor.execute("COMMIT")
        return time.monotonic_ns()

    return write
