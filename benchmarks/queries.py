"""`get_exposure_summary` out of a cache, beside the driver alone making the same dicts."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from benchmarks.caches import START, night_of, write_cache
from benchmarks.measure import Curve, Measured, Result, by_turns, seconds
from benchmarks.raw import connect
from benchmarks.servers import Servers
from exposure_schemas import SUMMARY_KEYS
from exposure_subscriber.interface import ICSInterface

Summaries = list[dict[str, Any]]

FLOOR: Final = "the driver, prepared, rows to the same dicts"
_SELECT: Final = f"SELECT {', '.join(SUMMARY_KEYS)} FROM exposure "
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def run(work: Path, servers: Servers, *, quick: bool) -> Iterator[Result | Curve]:
    """Measure; ``quick`` makes everything smaller."""
    sizes = (3_000, 30_000) if quick else (3_000, 300_000, 3_000_000)
    lines: dict[str, list[tuple[float, Measured]]] = {}
    for size in sizes:
        url = f"sqlite:///{work}/cache-{size}.sqlite"
        write_cache(url, size)
        for result in _measured(url, size):
            lines.setdefault(result.operation.partition(", of a cache")[0], []).append((size, result.ours))
            if size > sizes[0]:
                yield result
    yield Curve(
        name="queries", title="Summaries out of a SQLite cache", x="exposures in the cache", y="ms", lines=lines
    )
    url = servers.database()
    write_cache(url, sizes[1])
    yield from _measured(url, sizes[1], " on PostgreSQL")


def _measured(url: str, size: int, where: str = "") -> Iterator[Result]:
    ics = ICSInterface(cache_url=url)
    with closing(connect(url)) as connection:
        for query in _queries(ics, size):
            ask, clause, values, times, target = query[1:]
            by_hand = _by_hand(connection, clause, values)
            if ask() != by_hand():
                raise AssertionError(f"not the same summaries: {query[0]}")
            ours, floor = by_turns(_repeated(ask, times), _repeated(by_hand, times))
            operation = f"get_exposure_summary{where}: {query[0]}, of a cache of {size:,}"
            yield Result(operation=operation, unit="ms", ours=ours, floor=floor, floor_is=FLOOR, target=target)


Query = tuple[str, Callable[[], Summaries], str, tuple[Any, ...], int, float]
"""Its name, how we are asked for it, its SQL and the values in that, how often it is repeated, and the target."""


def _queries(ics: ICSInterface, size: int) -> Iterator[Query]:
    middle = size // 2
    yield (
        "the last",
        lambda: ics.get_exposure_summary(expid_range="last"),
        "WHERE data_written = 1 ORDER BY expid DESC LIMIT 1",
        (),
        500,
        3,
    )
    yield (
        "one",
        lambda: ics.get_exposure_summary(expid_range=(middle, None)),
        "WHERE expid BETWEEN ? AND ? AND data_written = 1 ORDER BY expid",
        (middle, middle),
        500,
        3,
    )
    yield (
        "a range of 1,000",
        lambda: ics.get_exposure_summary(expid_range=(middle, middle + 999)),
        "WHERE expid BETWEEN ? AND ? AND data_written = 1 ORDER BY expid",
        (middle, middle + 999),
        20,
        1.5,
    )
    night = night_of(middle)
    yield (
        "a night of 100",
        lambda: ics.get_night_summary(night),
        "WHERE night = ? AND data_written = 1 ORDER BY expid",
        (night,),
        20,
        1.5,
    )
    low, high = START + timedelta(minutes=4 * middle), START + timedelta(minutes=4 * (middle + 1_000))
    yield (
        "a date range of 1,000",
        lambda: ics.get_exposure_summary(date_range=(low, high)),
        "WHERE data_written_at >= ? AND data_written_at <= ? AND data_written = 1 ORDER BY expid",
        ((low - _EPOCH) // timedelta(microseconds=1), (high - _EPOCH) // timedelta(microseconds=1)),
        20,
        1.5,
    )


def _by_hand(connection: Any, clause: str, values: tuple[Any, ...]) -> Callable[[], Summaries]:
    """Return the quickest that a person would write for one query on an open connection."""
    cursor = connection.cursor()
    sql = _SELECT + clause
    if not isinstance(connection, sqlite3.Connection):
        cursor.execute("DEALLOCATE ALL")
        cursor.execute(f"PREPARE asked AS {_numbered(sql)}")
        marks = ", ".join(["%s"] * len(values))
        sql = f"EXECUTE asked ({marks})" if values else "EXECUTE asked"

    def ask() -> Summaries:
        cursor.execute(sql, values)
        return [_summary(row) for row in cursor.fetchall()]

    return ask


def _summary(row: tuple[Any, ...]) -> dict[str, Any]:
    summary = dict(zip(SUMMARY_KEYS, row))  # noqa: B905 (it would cost a tenth)
    if summary["date"] is not None:
        summary["date"] = _EPOCH + timedelta(microseconds=summary["date"])
    summary["data_written"] = summary["data_written"] == 1
    return summary


def _repeated(ask: Callable[[], Summaries], times: int) -> Callable[[], float]:
    def repeated() -> float:
        return 1000 * seconds(lambda: [ask() for _ in range(times)]) / times

    return repeated


def _numbered(sql: str) -> str:
    parts = sql.split("?")
    return "".join(f"{part}${place}" for place, part in enumerate(parts[:-1], 1)) + parts[-1]
