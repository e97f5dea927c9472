"""A cache as the follower writes it, for tests of what reads it."""

import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.raw_sql import execute

from exposure_bus.database import sqlite_path
from exposure_schemas import Exposure, ExposureSummary, Heartbeat, Retraction, Span
from exposure_subscriber.cache import open_cache
from exposure_subscriber.cache.moments import to_micros
from exposure_subscriber.cache.writing import Batch, CacheWriter

NIGHT = 20230913
START = datetime(2023, 9, 14, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """Return a moment of the night."""
    return START + timedelta(minutes=minutes)


class Cached:
    """A cache that a test fills.

    Args:
        url: The cache; made if it is not there.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._database = open_cache(url)
        self._writer = CacheWriter(self._database)
        self.count = 0

    def expose(self, expid: int, *, sequence: int | None = None, **values: Any) -> None:
        """Write the state of an exposure."""
        self.count += 1
        number = sequence or self.count
        self._write(_exposure(expid, number, values), covers=(number, number))

    def expose_many(self, expids: Sequence[int], **values: Any) -> None:
        """Write the states of many exposures at once."""
        first = self.count + 1
        self.count += len(expids)
        exposures = [_exposure(expid, number, values) for number, expid in enumerate(expids, first)]
        self._write(*exposures, covers=(first, self.count))

    def retract(self, expid: int) -> None:
        """Write that an exposure is gone."""
        self.count += 1
        self._write(retracted=(Retraction(expid=expid, sequence=self.count),), covers=(self.count, self.count))

    def beat(self, newest: int | None = None, *, behind: bool = False) -> None:
        """Write that the publisher was heard just now; with a long interval, so that it lasts for the test."""
        told = self.count if newest is None else newest
        beat = Heartbeat(epoch="ours", newest=told, published_at=datetime.now(UTC), interval=600, behind=behind)
        self._writer.write(Batch(messages=[beat]))

    def hear_last(self, moment: datetime) -> None:
        """Write that the publisher was heard last at a moment."""
        self.beat()
        execute(self.url, f"UPDATE follower SET heard_at = {to_micros(moment)}")

    def expids(self) -> list[int]:
        """Return which exposures are there."""
        return [expid for (expid,) in execute(self.url, "SELECT expid FROM exposure ORDER BY expid")]

    def go_away(self) -> None:
        """Take the cache from those who read it."""
        path = sqlite_path(self.url)
        if path is not None:
            self._database.close()
            for file in _files(path):
                file.rename(file.with_name("away-" + file.name))
            return
        execute(_maintenance(self.url), f"ALTER DATABASE {_name(self.url)} ALLOW_CONNECTIONS false")
        execute(_maintenance(self.url), f"SELECT pg_terminate_backend(pid) {_SESSIONS} = '{_name(self.url)}'")

    def come_back(self) -> None:
        """Give it back."""
        path = sqlite_path(self.url)
        if path is not None:
            for file in _files(path.with_name("away-" + path.name)):
                file.rename(file.with_name(file.name.removeprefix("away-")))
            return
        execute(_maintenance(self.url), f"ALTER DATABASE {_name(self.url)} ALLOW_CONNECTIONS true")

    def _write(self, *exposures: Exposure, retracted: tuple[Retraction, ...] = (), covers: Span) -> None:
        message = ExposureSummary(
            epoch="ours",
            covers=covers,
            replayed=False,
            published_at=START,
            exposures=exposures,
            retracted=retracted,
        )
        self._writer.write(Batch(messages=[message]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with contextlib.suppress(Exception):
            self._database.close()


def _exposure(expid: int, sequence: int, values: dict[str, Any]) -> Exposure:
    known: dict[str, Any] = {"night": NIGHT, "data_written_at": START} | values
    return Exposure(expid=expid, sequence=sequence, **known)


_SESSIONS = "FROM pg_stat_activity WHERE datname"


def _files(path: Path) -> list[Path]:
    return [each for each in path.parent.iterdir() if each.name in {path.name, path.name + "-wal", path.name + "-shm"}]


def _maintenance(url: str) -> str:
    return url.rpartition("/")[0] + "/postgres"


def _name(url: str) -> str:
    return url.rpartition("/")[2]
