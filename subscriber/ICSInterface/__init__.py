"""QLF's window on the ICS: exposure summaries, files, new exposures, alarms.

    import ICSInterface

    ICSInterface.get_exposure_summary(expid_range="last")
    ICSInterface.get_exposure_files(195972, dest="/scratch")

The functions answer by the settings (environment, settings file); ``ICSInterface.ICSInterface(cache_url=…)`` is an
object of one's own with the same methods. Everything raised on purpose is an `ICSError`, drawn as a tree in
`exposure_subscriber.errors`.
"""

import os
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from exposure_subscriber.errors import (
    CacheUnavailable,
    FetchError,
    FileClassMissing,
    FileDiffers,
    ICSError,
    InvalidAlarm,
    InvalidArgument,
    LocationRefused,
    Mismatch,
    NameInUse,
    NoSpace,
    NoSuchExposure,
    NotWritten,
    RangeError,
    SourceUnreachable,
    StaleCacheWarning,
    UnknownFileClass,
)
from exposure_subscriber.fetch.file_path import FilePath
from exposure_subscriber.interface import ICSInterface
from exposure_subscriber.interface.ranges import DateRange, ExpidRange

__all__ = [
    "CacheUnavailable",
    "FetchError",
    "FileClassMissing",
    "FileDiffers",
    "FilePath",
    "ICSError",
    "ICSInterface",
    "InvalidAlarm",
    "InvalidArgument",
    "LocationRefused",
    "Mismatch",
    "NameInUse",
    "NoSpace",
    "NoSuchExposure",
    "NotWritten",
    "RangeError",
    "SourceUnreachable",
    "StaleCacheWarning",
    "UnknownFileClass",
    "alarm",
    "get_exposure_files",
    "get_exposure_summary",
    "new_exposures",
    "status",
]


@cache
def _default() -> ICSInterface:
    """The interface that the functions below share; made at the first call, by the settings of then."""
    return ICSInterface()


def get_exposure_summary(
    date_range: DateRange | None = None,
    expid_range: ExpidRange | None = None,
    require_data_written: bool = True,
    *,
    data_range: DateRange | None = None,
) -> list[dict[str, Any]]:
    """Return exposure summaries; see `ICSInterface.get_exposure_summary`."""
    return _default().get_exposure_summary(date_range, expid_range, require_data_written, data_range=data_range)


def get_exposure_files(
    expid: int,
    dest: str | os.PathLike[str] | None = None,
    file_class: str | Iterable[str] = ("spectro", "fibermap"),
    overwrite: bool = True,
) -> FilePath:
    """Return where an exposure's files are; see `ICSInterface.get_exposure_files`."""
    return _default().get_exposure_files(expid, dest, file_class, overwrite)


def new_exposures(name: str = "default", timeout: float | None = None) -> Iterator[dict[str, Any]]:
    """Iterate over exposures as their data is written; see `ICSInterface.new_exposures`."""
    return _default().new_exposures(name, timeout)


def alarm(message: str, level: str = "EVENT") -> bool:
    """Tell ICS that something is wrong; see `ICSInterface.alarm`."""
    return _default().alarm(message, level)


def status() -> dict[str, Any]:
    """Return how fresh and how complete the cache is; see `ICSInterface.status`."""
    return _default().status()
