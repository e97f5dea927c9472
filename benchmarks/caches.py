"""A cache with years of exposures in it, as a follower writes it, and a publisher that was heard just now."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Final

from exposure_schemas import Exposure, ExposureSummary, Heartbeat
from exposure_subscriber.cache import open_cache
from exposure_subscriber.cache.moments import now_micros
from exposure_subscriber.cache.writing import Batch, CacheWriter

START: Final = datetime(2020, 1, 1, tzinfo=UTC)
"""Exposure N follows N times four minutes later; a hundred are a night."""

A_DAY: Final = 24 * 3600.0
_TOGETHER: Final = 5000
_EPOCH: Final = "benchmark"


def write_cache(cache_url: str, count: int) -> None:
    """Fill a cache with exposures 1 to ``count``, all written."""
    with closing(open_cache(cache_url)) as cache:
        writer = CacheWriter(cache)
        for batch in _batches(count):
            writer.write(batch)


def night_of(number: int) -> int:
    """Return the night of an exposure."""
    return int((START + timedelta(days=number // 100)).strftime("%Y%m%d"))


def _batches(count: int) -> Iterator[Batch]:
    for first in range(1, count + 1, _TOGETHER):
        last = min(count, first + _TOGETHER - 1)
        batch = batch_of(first, last)
        if last == count:  # a long interval, so that nobody is late while it is measured
            beat = Heartbeat(epoch=_EPOCH, newest=count, published_at=datetime.now(UTC), interval=A_DAY)
            batch.add(beat, now_micros())
        yield batch


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
