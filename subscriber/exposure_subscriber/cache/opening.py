"""Which cache a URL asks for."""

from exposure_bus.database import sqlite_path
from exposure_subscriber.cache.database import CacheDatabase


def open_cache(url: str) -> CacheDatabase:
    """Return the cache of a URL, ``sqlite:///path`` or ``postgresql://…``; nothing is opened yet."""
    path = sqlite_path(url)
    if path is not None:
        from exposure_subscriber.cache.sqlite import SqliteCache  # noqa: PLC0415 (one of the two is used)

        return SqliteCache(url, path)
    from exposure_subscriber.cache.postgresql import PostgresqlCache  # noqa: PLC0415 (likewise)

    return PostgresqlCache(url)
