"""`ICSInterface`, QLF's window on the ICS."""

import logging
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from exposure_bus.errors import BusError
from exposure_bus.settings import Settings, load_settings
from exposure_subscriber.cache import CacheDatabase, open_cache
from exposure_subscriber.cache.freshness import is_silent, read_freshness
from exposure_subscriber.cache.reading import summaries
from exposure_subscriber.errors import RangeError, StaleCacheWarning
from exposure_subscriber.fetch.file_path import FilePath
from exposure_subscriber.interface.arrivals import arrivals
from exposure_subscriber.interface.ranges import DateRange, ExpidRange, select
from exposure_subscriber.interface.reading import reading

log = logging.getLogger(__name__)


class ICSInterface:
    """QLF's window on the ICS: exposure summaries out of the cache, files from where they lie, alarms back.

    It may be built in a parent process and used in its forked children. Nothing is opened before the first call.

    Args:
        cache_url: The follower's cache; default: the setting ``cache_url``.
        broker_url: RabbitMQ, for alarms; default: the setting ``broker_url``.
        subscriber: Whose QLF this is, for alarms; default: the setting ``subscriber``.
        location_map: Prefix to prefix, what ICS calls a folder and what it is here; default: the setting.

    Raises:
        SettingsError: A setting is wrong; names it and its source.
    """

    def __init__(
        self,
        cache_url: str | None = None,
        broker_url: str | None = None,
        subscriber: str | None = None,
        location_map: Mapping[str, str] | None = None,
    ) -> None:
        given = {
            "cache_url": cache_url,
            "broker_url": broker_url,
            "subscriber": subscriber,
            "location_map": location_map,
        }
        self._settings: Settings = load_settings(given)
        self._cache: CacheDatabase = open_cache(self._settings.cache_url)
        self._heard: tuple[int | None, float | None] = None, None

    def get_exposure_summary(
        self,
        date_range: DateRange | None = None,
        expid_range: ExpidRange | None = None,
        require_data_written: bool = True,
        *,
        data_range: DateRange | None = None,
    ) -> list[dict[str, Any]]:
        """Return exposure summaries from the cache.

        Args:
            date_range: ``(low, high)`` datetimes, both included, compared with the time at which data_written was
                updated (for exposures not yet written: of the row's last change). ``None`` at one end leaves it open;
                a naive datetime is UTC. ``"last"``: the newest by that time.
            expid_range: ``(low, high)``, both included; with one end ``None``, the other is the one exposure asked
                for. ``"last"``: the highest expid.
            require_data_written: Only exposures whose data is all on disk.
            data_range: Another spelling of date_range.

        Returns:
            Plain dicts of the sixteen keys (see `exposure_schemas.Exposure` for types and units), ascending by
            expid; empty if there are none.

        Raises:
            RangeError: No range, two ranges, a reversed range or a wrong type.
            CacheUnavailable: The cache cannot be read.

        Warns:
            StaleCacheWarning: The publisher is silent, so that the answer may lack what happened since.
        """
        if date_range is not None and data_range is not None:
            raise RangeError(f"date_range={date_range!r} and data_range={data_range!r}: they are one, give it once")
        asked = date_range if data_range is None else data_range
        selection = select(asked, expid_range, require_data_written=require_data_written)
        with reading():
            self._warn_if_stale()
            return summaries(self._cache, selection.where, selection.values)

    def get_night_summary(self, night: int, require_data_written: bool = True) -> list[dict[str, Any]]:
        """Return the summaries of a night; otherwise as `get_exposure_summary`.

        Args:
            night: YYYYMMDD of the evening.
            require_data_written: Only exposures whose data is all on disk.
        """
        written = "AND data_written = 1 " if require_data_written else ""
        with reading():
            self._warn_if_stale()
            return summaries(self._cache, f"WHERE night = ? {written}ORDER BY expid", (night,))

    def get_exposure_files(
        self,
        expid: int,
        dest: str | os.PathLike[str] | None = None,
        file_class: str | Iterable[str] = ("spectro", "fibermap"),
        overwrite: bool = True,
    ) -> FilePath:
        """Return where an exposure's files are, after checking or copying them.

        Args:
            expid: Exposure number.
            dest: Folder to copy to, made if it is not there; None: no copy, the location as this host sees it.
            file_class: One class, several, or ``"all"``.
            overwrite: Replace a file that is at the destination and differs from the manifest.

        Returns:
            A `FilePath`: the folder, as an `os.PathLike`, with ``.files``. Each copied file has been verified.

        Raises:
            NoSuchExposure: The cache has no such exposure.
            NotWritten: Its data is not all on disk yet.
            UnknownFileClass: There is no such class.
            InvalidArgument: The destination is no path.
            FetchError: The files could not be brought; its children say why.
            CacheUnavailable: The cache cannot be read.
        """
        from exposure_subscriber.cache.fetched import note_fetched  # noqa: PLC0415 (summaries do without)
        from exposure_subscriber.fetch import Fetching  # noqa: PLC0415 (likewise)
        from exposure_subscriber.interface.files import folder, written_exposure  # noqa: PLC0415 (likewise)

        with reading():
            exposure = written_exposure(self._cache, expid)
        fetching = Fetching.of(file_class, overwrite=overwrite, location_map=self._settings.location_map)
        found = fetching.fetch(exposure, folder(dest))
        if dest is not None:
            note_fetched(self._cache, exposure, found)
        return found

    def new_exposures(self, name: str = "default", timeout: float | None = None) -> Iterator[dict[str, Any]]:
        """Iterate over exposures as their data is written, each once for a name, across restarts.

        A name that is new begins with the oldest exposure in the cache. An exposure counts as done when the next one
        is asked for: a process that dies while working on one gets it again.

        Args:
            name: Whose position is kept in the cache.
            timeout: Seconds without a new exposure after which the iteration ends; None waits for ever.

        Yields:
            Summaries as of `get_exposure_summary`, in the order in which they became written here.

        Raises:
            NameInUse: Another process iterates under this name.
            CacheUnavailable: The cache cannot be read.
        """
        with reading():
            yield from arrivals(self._cache, name, timeout)

    def alarm(self, message: str, level: str = "EVENT") -> bool:
        """Tell ICS that something is wrong.

        A broker that is away is no error: the alarm is kept in the cache, and the follower sends it later.

        Args:
            message: What is wrong, for a person at the telescope.
            level: EVENT, WARN, ALARM or CRITICAL.

        Returns:
            True if ICS has it, False if it is kept for later.

        Raises:
            InvalidAlarm: No message, or a level that ICS does not know.
        """
        from exposure_subscriber.alarms import AlarmOutbox, make_alarm, send_now  # noqa: PLC0415 (pika is slow to import)

        alarm = make_alarm(message, level, self._settings.subscriber)
        try:
            send_now(self._settings.broker_url, alarm)
        except BusError as error:
            log.warning("the alarm is kept for later: %s", error)
            with reading():
                AlarmOutbox(self._cache).keep(alarm)
            return False
        return True

    def status(self) -> dict[str, Any]:
        """Return how fresh and how complete the cache is.

        Returns:
            ``complete`` (bool), ``complete_up_to``, ``newest`` (sequence numbers), ``missing`` (list of first and
            last), ``missing_since``, ``heard_at`` (datetimes or None), ``silent`` (bool: heartbeats are overdue),
            ``behind`` (bool: the publisher has more to number than it has told of), ``exposures``, ``written``,
            ``rejected``, ``alarms_waiting`` (counts), ``epoch``, and ``text``, all in one line.

        Raises:
            CacheUnavailable: The cache cannot be read.
        """
        with reading():
            freshness = read_freshness(self._cache)
            counts = self._cache.query(_COUNTS)[0]
        return {
            "complete": freshness.complete,
            "complete_up_to": freshness.complete_up_to,
            "newest": freshness.newest,
            "missing": list(freshness.missing),
            "missing_since": freshness.missing_since,
            "heard_at": freshness.heard_at,
            "silent": freshness.silent,
            "behind": freshness.behind,
            "exposures": counts[0],
            "written": counts[1] or 0,
            "rejected": counts[2],
            "alarms_waiting": counts[3],
            "epoch": freshness.epoch,
            "text": freshness.text,
        }

    def _warn_if_stale(self) -> None:
        if not is_silent(*self._heard):
            return  # a heartbeat that was read earlier and is not overdue yet says as much as a later one
        self._heard = self._cache.query("SELECT heard_at, beat_interval FROM follower WHERE id = 1")[0]
        if is_silent(*self._heard):
            warnings.warn(read_freshness(self._cache).text, StaleCacheWarning, stacklevel=_level_of_caller())


_COUNTS = (
    "SELECT (SELECT count(*) FROM exposure), (SELECT count(*) FROM exposure WHERE arrival IS NOT NULL), "
    "(SELECT count(*) FROM rejected), (SELECT count(*) FROM alarm)"
)

_OURS = ("exposure_subscriber", "ICSInterface")


def _level_of_caller() -> int:
    """Return the stack level, for who calls this, of the first line that is not ours: a warning is to name that one."""
    level, frame = 1, sys._getframe(1)  # noqa: SLF001 (what `inspect.currentframe` is, without importing it)
    while frame.f_back is not None and frame.f_globals["__name__"].partition(".")[0] in _OURS:
        level, frame = level + 1, frame.f_back
    return level
