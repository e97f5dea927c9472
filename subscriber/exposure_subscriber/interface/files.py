"""An exposure's files by its number: looked up in the cache, then brought by the fetch room."""

import operator
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from exposure_schemas import Exposure
from exposure_subscriber.cache import CacheDatabase
from exposure_subscriber.cache.reading import exposure
from exposure_subscriber.errors import InvalidArgument, NoSuchExposure, NotWritten
from exposure_subscriber.fetch import FilePath, fetch_files


def files_of(
    database: CacheDatabase,
    expid: int,
    *,
    dest: str | os.PathLike[str] | None,
    file_class: str | Iterable[str],
    overwrite: bool,
    location_map: Mapping[str, str],
    progress: Callable[[int], None] | None = None,
) -> FilePath:
    """Return an exposure's files; see `ICSInterface.get_exposure_files`.

    Args:
        database: The cache.
        expid: Exposure number.
        dest: Folder to copy to; None copies nothing.
        file_class: One class, several, or ``"all"``.
        overwrite: Replace what stands at the destination and differs.
        location_map: Prefix to prefix: what ICS calls a folder, and what it is here.
        progress: Called with increments of bytes done, from several threads.

    Raises:
        NoSuchExposure: The cache has no such exposure.
        NotWritten: Its data is not all on disk yet.
        UnknownFileClass: There is no such class.
        FetchError: The files could not be brought.
    """
    return fetch_files(
        written_exposure(database, expid),
        dest=_folder(dest),
        file_class=file_class,
        overwrite=overwrite,
        location_map=location_map,
        progress=progress,
    )


def _folder(dest: Any) -> Path | None:
    if dest is None or isinstance(dest, str | os.PathLike):
        return None if dest is None else Path(dest)
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
