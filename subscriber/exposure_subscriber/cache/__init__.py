"""The cache: a copy of the exposureDB that can be thrown away and rebuilt at any time.

The follower alone writes exposures into it; any number of processes read. SQLite or PostgreSQL; both hold the same
tables (see `exposure_subscriber.cache.schema`), moments as whole microseconds since 1970 UTC, which both keep exactly.
"""

from exposure_subscriber.cache.database import CacheDatabase
from exposure_subscriber.cache.freshness import Freshness
from exposure_subscriber.cache.opening import open_cache
from exposure_subscriber.cache.spans import Spans

__all__ = ["CacheDatabase", "Freshness", "Spans", "open_cache"]
