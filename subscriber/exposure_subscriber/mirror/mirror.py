"""The mirror itself: waits for the next exposure, fetches its files, and tries again what failed."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from exposure_bus.database import CommitWatch, watching
from exposure_bus.errors import BusError, DatabaseError
from exposure_schemas import Exposure
from exposure_subscriber.cache import CacheDatabase
from exposure_subscriber.cache.reading import exposure
from exposure_subscriber.cache.waiting import CHANNEL, wait_for
from exposure_subscriber.errors import FetchError, NameInUse
from exposure_subscriber.fetch import FilePath
from exposure_subscriber.mirror.turns import Turns

log = logging.getLogger(__name__)

RETRY: Final = 1.0
"""Seconds after which a cache that is away, or not made yet, is looked for again."""


class Mirror:
    """Fetches the files of each exposure as it is written, until the process ends.

    Args:
        database: The cache.
        folder: The destination, absolute.
        fetch: Brings an exposure's files there; raises `FetchError` if it cannot.
    """

    def __init__(self, database: CacheDatabase, folder: Path, fetch: Callable[[Exposure], FilePath]) -> None:
        self._database = database
        self._folder = folder
        self._turns = Turns(database, folder)
        self._fetch = fetch
        self._last_said = ""

    def run(self) -> None:
        """Fetch until the process is told to end.

        Raises:
            NameInUse: Another process fetches to the same folder from the same cache.
        """
        while True:
            try:
                self._run()
            except DatabaseError as error:
                self._say_once(f"{error}; trying again until it does")
                time.sleep(RETRY)

    def _run(self) -> None:
        with self._database.hold_name(self._turns.name) as held, watching(self._database.url, CHANNEL) as watch:
            if not held:
                raise NameInUse(f"another process fetches new exposures to {self._folder}: choose another destination")
            if not self._turns.begin():
                self._say_once("waiting until the cache is complete, to know the newest night")
                wait_for(self._turns.begin, watch, None)
            self._say_once(f"fetching new exposures to {self._folder}")
            while True:
                self._take_turns(watch)

    def _take_turns(self, watch: CommitWatch) -> None:
        """Fetch what is next and what is due again; wait where there is neither."""
        waiting = wait_for(self._turns.next, watch, self._turns.pause())
        for expid, turn in waiting:
            self._take(expid, turn)
        for expid in self._turns.due():
            self._take(expid, None)

    def _take(self, expid: int, turn: int | None) -> None:
        known = exposure(self._database, expid)
        if known is None or not known.data_written:  # gone, or taken back, since: nothing to fetch
            self._turns.done(expid, turn)
            return
        try:
            found = self._fetch(known)
        except FetchError as error:
            self._fail(expid, turn, str(error))
        except BusError:
            raise
        except Exception as error:  # an exposure that trips us must not keep all others from being fetched
            log.exception("exposure %d: this should not happen, please report it", expid)
            self._fail(expid, turn, f"{type(error).__name__}: {error}")
        else:
            self._turns.done(expid, turn, (known, found))

    def _fail(self, expid: int, turn: int | None, why: str) -> None:
        pause = self._turns.failed(expid, turn, why)
        log.error("exposure %d: %s; trying again in %g s", expid, why, pause)

    def _say_once(self, text: str) -> None:
        if text != self._last_said:
            self._last_said = text
            log.info("%s", text)
