"""An exposure's files by its number: looked up in the cache, then brought by the fetch room."""

import operator
import os
from pathlib import Path
from typing import Any

from exposure_schemas import Exposure
from exposure_subscriber.cache import CacheDatabase
from exposure_subscriber.cache.reading import exposure
from exposure_subscriber.errors import InvalidArgument, NoSuchExposure, NotWritten


def folder(dest: str | os.PathLike[str] | None) -> Path | None:
    """Return a destination as a path.

    Raises:
        InvalidArgument: It is none.
    """
    given: Any = dest
    if given is None or isinstance(given, str | os.PathLike):
        return None if given is None else Path(given)
    raise InvalidArgument(f"dest={dest!r}: give a folder, or None to copy nothing")


def written_exposure(database: CacheDatabase, expid: int) -> Exposure:
    """Return all that is cached of an exposure whose data is written.

    Raises:
        NoSuchExposure: The cache has no such exposure.
        NotWritten: Its data is not all on disk yet.
    """
    try:
        found = exposure(database, operator.index(expid))
    except (TypeError, OverflowError):
        found = None
    if found is None:
        raise NoSuchExposure(f"the cache has no exposure {expid!r}")
    if not found.data_written:
        raise NotWritten(f"the data of exposure {expid} is not all on disk yet")
    return found
