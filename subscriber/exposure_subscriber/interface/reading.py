"""Where the cache's errors become what ICSInterface raises."""

from collections.abc import Iterator
from contextlib import contextmanager

from exposure_bus.errors import DatabaseError
from exposure_subscriber.cache.version import OtherVersion
from exposure_subscriber.errors import CacheUnavailable


@contextmanager
def reading() -> Iterator[None]:
    """Turn what the cache's database raises into `CacheUnavailable`."""
    try:
        yield
    except OtherVersion as error:
        raise CacheUnavailable(str(error)) from error
    except DatabaseError as error:
        raise CacheUnavailable(f"{error}; is `exposure-bus follow` running here?") from error
