"""What tests of the cache's writer share: messages, and looks into the cache."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.raw_sql import execute

from exposure_schemas import Exposure, ExposureSummary, Heartbeat, Retraction, Span
from exposure_subscriber.cache import CacheDatabase
from exposure_subscriber.cache.reading import exposures as read_exposures
from exposure_subscriber.cache.writing import Batch, CacheWriter, Rejected

NIGHT = 20230913
NOW = datetime(2023, 9, 14, 3, tzinfo=UTC)

Message = ExposureSummary | Heartbeat


def exposure(expid: int, sequence: int, **values: Any) -> Exposure:
    return Exposure(expid=expid, sequence=sequence, night=NIGHT, data_written_at=NOW, **values)


def summary(
    *carried: Exposure | Retraction, covers: Span | None = None, epoch: str = "ours", replayed: bool = False
) -> ExposureSummary:
    return ExposureSummary(
        epoch=epoch,
        covers=covers,
        replayed=replayed,
        published_at=NOW,
        exposures=tuple(each for each in carried if isinstance(each, Exposure)),
        retracted=tuple(each for each in carried if isinstance(each, Retraction)),
    )


def gone(expid: int, sequence: int, epoch: str = "ours") -> ExposureSummary:
    return summary(Retraction(expid=expid, sequence=sequence), covers=(sequence, sequence), epoch=epoch)


def live(expid: int, sequence: int, epoch: str = "ours", **values: Any) -> ExposureSummary:
    return summary(exposure(expid, sequence, **values), covers=(sequence, sequence), epoch=epoch)


def beat(newest: int, epoch: str = "ours", after: float = 0) -> Heartbeat:
    return Heartbeat(epoch=epoch, newest=newest, published_at=NOW + timedelta(seconds=after), interval=5)


def write(writer: CacheWriter, *messages: Message, rejected: Sequence[Rejected] = ()) -> None:
    writer.write(Batch(messages=list(messages), rejected=list(rejected)))


def cached(cache: CacheDatabase) -> list[Exposure]:
    return read_exposures(cache, "ORDER BY expid", ())


def sequences(cache: CacheDatabase) -> dict[int, int]:
    return dict(execute(cache.url, "SELECT expid, sequence FROM exposure"))


def tombstones(cache: CacheDatabase) -> dict[int, int]:
    return dict(execute(cache.url, "SELECT expid, sequence FROM retracted"))


def new_ones(cache: CacheDatabase) -> list[int]:
    """The expids of what is written, in the order of its arrival."""
    rows = execute(cache.url, "SELECT expid FROM exposure WHERE arrival IS NOT NULL ORDER BY arrival")
    return [expid for (expid,) in rows]
