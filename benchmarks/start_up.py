"""The command as a whole process, beside a Python that does nothing."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.measure import Result, by_turns, seconds
from benchmarks.servers import Servers
from benchmarks.trees import NIGHT
from exposure_schemas import Exposure, ExposureSummary, Heartbeat
from exposure_subscriber.cache import open_cache
from exposure_subscriber.cache.writing import Batch, CacheWriter

COMMAND: Final = str(Path(sys.executable).with_name("exposure-bus"))
COUNT: Final = 500
"""Exposures in the cache, as many as one message holds; the newest is found as quickly among more."""


def run(work: Path, _servers: Servers, *, quick: bool) -> Iterator[Result]:
    """Measure; ``quick`` takes fewer repeats."""
    cache_url = f"sqlite:///{work}/cache.sqlite"
    _fill(cache_url)
    settings = os.environ | {"EXPOSURE_BUS_CACHE_URL": cache_url, "EXPOSURE_BUS_CONFIG": os.devnull}
    nothing, told, last = by_turns(
        lambda: _milliseconds(settings, sys.executable, "-c", "pass"),
        lambda: _milliseconds(settings, COMMAND, "--help"),
        lambda: _milliseconds(settings, COMMAND, "summary", "--last"),
        repeats=11 if quick else 25,
    )
    for operation, ours, target in (("--help", told, 5), ("summary --last", last, 25)):
        yield Result(
            operation=f"exposure-bus {operation}",
            unit="ms",
            ours=ours,
            floor=nothing,
            floor_is="python -c pass",
            target=target,
        )


def _milliseconds(settings: Mapping[str, str], *command: str) -> float:
    return 1000 * seconds(lambda: subprocess.run(command, env=settings, check=True, stdout=subprocess.DEVNULL))


def _fill(cache_url: str) -> None:
    now = datetime.now(UTC)
    exposures = tuple(
        Exposure(expid=number, night=NIGHT, data_written=True, data_written_at=now, sequence=number)
        for number in range(1, COUNT + 1)
    )
    summary = ExposureSummary(epoch="bench", covers=(1, COUNT), replayed=False, published_at=now, exposures=exposures)
    beat = Heartbeat(epoch="bench", newest=COUNT, published_at=now, interval=600)
    CacheWriter(open_cache(cache_url)).write(Batch(messages=[summary, beat]))
