"""A follower beside the mirror, so that a host needs one command: it keeps the cache, or stands by for who does."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from exposure_bus.errors import BusError
from exposure_subscriber.cache import open_cache
from exposure_subscriber.follower import Follower

log = logging.getLogger(__name__)

RETRY: Final = 10.0
"""Seconds after which a broker that refused is asked again."""

END: Final = 2.0
"""Seconds that the follower has to hang up; what it has not acked comes again."""


@contextmanager
def following(broker_url: str, subscriber: str, cache_url: str) -> Iterator[None]:
    """Keep the cache for the length of a block.

    A broker that refuses is said in the log, tried again, and is no end: another host may keep this cache.

    Args:
        broker_url: RabbitMQ.
        subscriber: The follower's name.
        cache_url: The cache; made if it is not there.

    Raises:
        DatabaseRefused: The cache says no.
    """
    beside = _Beside(lambda: Follower(broker_url, subscriber, open_cache(cache_url)))
    beside.start()
    try:
        yield
    finally:
        beside.end()


class _Beside(threading.Thread):
    """A thread that follows; it ends with the process, if it does not before.

    Args:
        make: Makes a follower; the first one here, so that a cache that cannot be made is found out at once.
    """

    def __init__(self, make: Callable[[], Follower]) -> None:
        super().__init__(name="follower", daemon=True)
        self._make = make
        self._follower = make()
        self._ended = threading.Event()
        self._last_said = ""

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                self._follower.run()
            except BusError as error:
                self._say_once(error)
                self._ended.wait(RETRY)
                self._make_another()

    def end(self) -> None:
        """Have it hang up."""
        self._ended.set()
        with suppress(SystemExit):  # it is connecting, and would not hear: it ends with the process
            self._follower.stop()
        self.join(END)

    def _make_another(self) -> None:
        with suppress(BusError):  # a cache that is away is said by who reads it
            self._follower = self._make()

    def _say_once(self, error: BusError) -> None:
        if str(error) != self._last_said:
            self._last_said = str(error)
            log.warning("not following: %s; fetching what comes to the cache from elsewhere, and trying again", error)
