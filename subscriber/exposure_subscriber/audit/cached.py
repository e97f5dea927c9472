"""The follower's side of an audit, read page by page so that memory stays flat."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from exposure_schemas import Exposure, digest_of, sum_of
from exposure_subscriber.cache import CacheDatabase
from exposure_subscriber.cache.reading import exposures
from exposure_subscriber.cache.spans import Spans

PAGE: Final = 1000
"""Exposures that are read at once."""

_BEFORE_ALL: Final = -1


@dataclass(slots=True)
class CachedNight:
    """What the cache holds of a night."""

    exposures: int = 0
    """How many."""
    digest: int = 0
    """Sum of their digests."""


def cached_nights(database: CacheDatabase) -> dict[int, CachedNight]:
    """Return a digest of each night that the cache has."""
    nights: dict[int, CachedNight] = {}
    for exposure in _all(database):
        night = nights.setdefault(exposure.night, CachedNight())
        night.exposures += 1
        night.digest = sum_of((night.digest, digest_of(exposure)))
    return nights


def cached_exposures(database: CacheDatabase, night: int, expids: Sequence[int]) -> dict[int, Exposure]:
    """Return the exposures that the cache has of a night, and these wherever they are."""
    found = exposures(database, "WHERE night = ?", (night,))
    there = {exposure.expid for exposure in found}
    return {each.expid: each for each in (*found, *cached_of(database, [e for e in expids if e not in there]))}


def cached_of(database: CacheDatabase, expids: Sequence[int]) -> Iterator[Exposure]:
    """Yield those of some exposures that the cache has."""
    for first in range(0, len(expids), PAGE):
        page = expids[first : first + PAGE]
        yield from exposures(database, f"WHERE expid IN ({', '.join('?' * len(page))})", tuple(page))


def covered(database: CacheDatabase) -> Spans:
    """Return which numbers are accounted for."""
    return Spans(json.loads(database.query("SELECT covered FROM follower WHERE id = 1")[0][0]))


def _all(database: CacheDatabase) -> Iterator[Exposure]:
    after = _BEFORE_ALL
    while page := exposures(database, "WHERE expid > ? ORDER BY expid LIMIT ?", (after, PAGE)):
        yield from page
        after = page[-1].expid
