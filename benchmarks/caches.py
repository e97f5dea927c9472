"""A cache with years of exposures in it, as a follower writes it, and a publisher that was heard just now."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Final

from benchmarks.history import ROW, rows
from benchmarks.raw import connect
from exposure_schemas import Exposure, ExposureSummary, Heartbeat
from exposure_subscriber.cache import open_cache
from exposure_subscriber.cache.moments import now_micros
from exposure_subscriber.cache.schema import COLUMNS
from exposure_subscriber.cache.writing import Batch, CacheWriter

START: Final = datetime(2020, 1, 1, tzinfo=UTC)
"""Exposure N follows N times four minutes later; a hundred are a night."""

A_DAY: Final = 24 * 3600.0
_EPOCH: Final = "benchmark"
_MICROS: Final = f"{int(START.timestamp()) * 10**6 + 123} + CAST(n AS BIGINT) * 240000000"


def write_cache(cache_url: str, count: int, epoch: str = _EPOCH) -> None:
    """Fill an empty cache as a follower of a whole history would, with what `write_history` writes, by the database.

    Args:
        cache_url: The cache.
        count: Its exposures are 1 to ``count``, all written.
        epoch: The ledger of which it is a copy.
    """
    with closing(open_cache(cache_url)) as cache:
        CacheWriter(cache).write(_all_accounted_for(count, epoch))
    with closing(connect(cache_url)) as connection:
        cursor = connection.cursor()
        select = rows(cache_url, count, f"{ROW}, {{n}}, NULL, {{n}}", moment=_MICROS, true="1")
        cursor.execute(f"INSERT INTO exposure ({', '.join(COLUMNS)}) {select}")
        if not cache_url.startswith("sqlite"):
            cursor.execute("VACUUM ANALYZE exposure")  # else the server does, while something is measured


def night_of(number: int) -> int:
    """Return the night of an exposure."""
    return int((START + timedelta(days=number // 100)).strftime("%Y%m%d"))


def _all_accounted_for(count: int, epoch: str) -> Batch:
    """Return what tells a cache that it has everything, without the rows."""
    message = ExposureSummary(epoch=epoch, covers=(1, count), replayed=True, published_at=START, exposures=())
    # a long interval, so that nobody is late while it is measured
    beat = Heartbeat(epoch=epoch, newest=count, published_at=datetime.now(UTC), interval=A_DAY)
    return Batch(messages=[message, beat])


def batch_of(first: int, last: int) -> Batch:
    """Return some exposures as they are written into a cache together."""
    message = ExposureSummary(
        epoch=_EPOCH,
        covers=(first, last),
        replayed=True,
        published_at=START,
        exposures=tuple(map(_exposure, range(first, last + 1))),
    )
    batch = Batch()
    batch.add(message, now_micros())
    return batch


def _exposure(number: int) -> Exposure:
    moment = START + timedelta(minutes=4 * number)
    return Exposure(
        expid=number,
        skyra=number % 360,
        skydec=number % 90,
        exptime=900.0,
        program="dark",
        tile_id=number % 20_000,
        exptype="science",
        date=moment,
        night=night_of(number),
        seeing=1.04,
        airmass=1.23,
        transparency=0.97,
        skylevel=21.1,
        s2n=183.5,
        data_written=True,
        data_location=f"/exposures/desi/{night_of(number)}/{number:08d}",
        data_written_at=moment,
        sequence=number,
    )
