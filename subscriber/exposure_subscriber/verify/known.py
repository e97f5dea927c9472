"""What the cache knows of many exposures at once."""

from collections.abc import Collection
from typing import Final

from exposure_schemas import Exposure
from exposure_subscriber.cache import CacheDatabase
from exposure_subscriber.cache.reading import exposures
from exposure_subscriber.verify.plan import Night

_AT_ONCE: Final = 500
"""Exposures that are asked for in one query; SQLite takes a thousand values at least."""

_LARGEST: Final = 2**63 - 1
"""No database holds a larger number, but a file may be named for one."""


def known(database: CacheDatabase, expids: Collection[int]) -> dict[int, Exposure]:
    """Return what the cache knows of exposures, by expid; those it does not know are left out.

    Raises:
        DatabaseError: The cache cannot be read.
    """
    asked = sorted(expid for expid in expids if expid <= _LARGEST)
    found: dict[int, Exposure] = {}
    for first in range(0, len(asked), _AT_ONCE):
        some = tuple(asked[first : first + _AT_ONCE])
        clause = f"WHERE expid IN ({', '.join('?' * len(some))})"
        found |= {each.expid: each for each in exposures(database, clause, some)}
    return found


def written_of_night(database: CacheDatabase, night: int) -> Night:
    """Return the exposures of a night whose data is written; raises as `known`."""
    written = exposures(database, "WHERE night = ? AND data_written = 1 ORDER BY expid", (night,))
    return Night(night=night, written={each.expid: each for each in written})
