"""What is watched all the time: that no exposure goes back, and how long a fault is felt."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.torture.events import Events
from tests.torture.writer import NIGHT

from exposure_bus.errors import DatabaseError
from exposure_publisher import ExposureDB
from exposure_subscriber.cache import CacheDatabase, Spans

FIRST_PROBE: Final = 10**9
"""Expid of the first probe; far from the exposures."""

LOOK: Final = 0.2
"""Seconds between two looks."""


_PROBES: Final = "SELECT expid, sequence FROM exposure WHERE expid >= ?"


class Watch(threading.Thread):
    """Watches one cache: no exposure's sequence may ever be less than it was, unless the cache was thrown away.

    An exposure that is gone may come back, but only under a higher one.

    Args:
        name: Whose cache.
        cache: The cache.
        events: Where it is written down.
    """

    def __init__(self, name: str, cache: CacheDatabase, events: Events) -> None:
        super().__init__(name=f"watch {name}", daemon=True)
        self.found: list[str] = []
        """What was older over newer."""
        self._cache = cache
        self._events = events
        self._whose = name
        self._newest: dict[int, int] = {}
        self._gone: set[int] = set()
        self._identity: object = None
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(LOOK):
            self.look()
        self._cache.close()

    def end(self) -> None:
        """Stop."""
        self._ended.set()
        self.join()

    def look(self) -> None:
        """Look once; a cache that is away is looked at later."""
        before = self._cache.identity()
        try:
            rows = self._cache.query("SELECT expid, sequence FROM exposure")
        except DatabaseError:
            return
        if self._cache.identity() != before:
            return
        if before != self._identity:
            self._identity, self._newest, self._gone = before, {}, set()
        for expid, sequence in rows:
            if sequence < self._newest.get(expid, 0) + (expid in self._gone):
                back = ", though it was gone" if expid in self._gone else ""
                what = f"{self._whose}: exposure {expid} from {self._newest[expid]} to {sequence}{back}"
                self.found.append(what)
                self._events.record("older over newer", what=what)
            self._newest[expid] = sequence
        self._gone = self._newest.keys() - {expid for expid, _ in rows}


@dataclass(slots=True)
class Probe:
    """A row that is written when a fault has ended, to see when everything has come through."""

    number: int
    kind: str
    ended: float
    written: bool = False
    waiting_for: set[str] = field(default_factory=set)


class Probes(threading.Thread):
    """Measures how long a fault is felt: from its end until every cache has a row written then, and no hole before it.

    Args:
        exposure_db_url: Where probes are written.
        open_caches: Opens each follower's cache.
        events: Where it is written down.
    """

    def __init__(
        self, exposure_db_url: str, open_caches: Callable[[], Mapping[str, CacheDatabase]], events: Events
    ) -> None:
        super().__init__(name="probes", daemon=True)
        self.healed: dict[str, list[float]] = {}
        """Seconds, by kind of fault."""
        self._url = exposure_db_url
        self._open_caches = open_caches
        self._events = events
        self._waiting: list[Probe] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()

    @property
    def pending(self) -> int:
        """How many have not come through."""
        with self._lock:
            return len(self._waiting)

    def add(self, number: int, kind: str) -> None:
        """Send one on its way."""
        with self._lock:
            self._waiting.append(Probe(number, kind, time.monotonic()))

    def end(self) -> None:
        """Stop."""
        self._ended.set()
        self.join()

    def run(self) -> None:
        caches = self._open_caches()
        while not self._ended.wait(0.05):
            with self._lock:
                waiting = list(self._waiting)
            self._write([probe for probe in waiting if not probe.written], set(caches))
            for name, cache in caches.items():
                self._look(name, cache, [probe for probe in waiting if probe.written])
            self._count([probe for probe in waiting if probe.written and not probe.waiting_for])
        for cache in caches.values():
            cache.close()

    def _write(self, probes: list[Probe], names: set[str]) -> None:
        if not probes:
            return
        try:
            with ExposureDB(self._url) as database:
                database.record_many({"expid": FIRST_PROBE + each.number, "night": NIGHT} for each in probes)
        except DatabaseError:
            return  # it is one of those that are tortured
        for each in probes:
            each.written, each.waiting_for = True, set(names)

    def _look(self, name: str, cache: CacheDatabase, probes: list[Probe]) -> None:
        if not probes:
            return
        try:
            ((covered,),) = cache.query("SELECT covered FROM follower")
            here: dict[int, int] = dict(
                cache.query("SELECT expid, sequence FROM exposure WHERE expid >= ?", (FIRST_PROBE,))
            )
        except (DatabaseError, ValueError):
            return
        complete = Spans(json.loads(covered)).complete_up_to
        for each in probes:
            if 0 < here.get(FIRST_PROBE + each.number, 0) <= complete:
                each.waiting_for.discard(name)

    def _count(self, probes: list[Probe]) -> None:
        for each in probes:
            took = time.monotonic() - each.ended
            self.healed.setdefault(each.kind, []).append(took)
            self._events.record("healed", fault=each.number, kind=each.kind, after=round(took, 3))
            with self._lock:
                self._waiting.remove(each)
