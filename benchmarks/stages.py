"""Where a live exposure spends its time between its commit and `new_exposures`."""

import time
from collections.abc import Iterator
from contextlib import closing
from statistics import median
from typing import Final

from benchmarks.measure import Measured, Result
from benchmarks.raw import connect

STAGES: Final = ("committed", "published", "received", "cached", "yielded")

_KEPT: Final = "SELECT expid, published_at, received_at, cached_at FROM stage"


def stages(kind: str, cache_url: str, sent: dict[int, int], came: dict[int, int]) -> Iterator[Result]:
    """Return the median of each stage, which has no target of its own.

    Args:
        kind: Which exposureDB.
        cache_url: The cache, which keeps the moments in between.
        sent: When each exposure was committed, nanoseconds of the monotonic clock.
        came: When it was yielded, likewise.
    """
    took = _took(cache_url, sent, came)
    for place, stage in enumerate(STAGES[1:], 1):
        yield Result(
            operation=f"of that, commit on {kind}, {STAGES[place - 1]} to {stage}: p50",
            unit="ms",
            ours=[median(each[place] - each[place - 1] for each in took) / 1000],
            floor=[],
            floor_is="",
            target=None,
        )


def _took(cache_url: str, sent: dict[int, int], came: dict[int, int]) -> list[Measured]:
    """Return the moments of each exposure's stages, microseconds."""
    epoch = time.time_ns() - time.monotonic_ns()
    with closing(connect(cache_url)) as cache:
        cursor = cache.cursor()
        cursor.execute(_KEPT)
        kept = {expid: between for expid, *between in cursor.fetchall()}
    return [[(moment + epoch) / 1000, *kept[expid], (came[expid] + epoch) / 1000] for expid, moment in sent.items()]
