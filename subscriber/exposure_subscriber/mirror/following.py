"""A follower beside the mirror, so that a host needs one command: it keeps the cache, or stands by for who does."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from exposure_bus.errors import BusError
from exposure_subscriber.cache import open_cache
from exposure_subscriber.follower import Follower

log = logging.getLogger(__name__)

END: Final = 2.0
"""Seconds that the follower has to hang up; what it has not acked comes again."""


@contextmanager
def following(broker_url: str, subscriber: str, cache_url: str) -> Iterator[None]:
    """Keep the cache for the length of a block.

    A broker that refuses is said in the log and is no end: another host may keep this cache.

    Args:
        broker_url: RabbitMQ.
        subscriber: The follower's name.
        cache_url: The cache; made if it is not there.

    Raises:
        DatabaseUnreachable: The cache does not answer.
        DatabaseRefused: It says no.
    """
    follower = Follower(broker_url, subscriber, open_cache(cache_url))
    thread = threading.Thread(target=_run, args=(follower,), name="follower", daemon=True)
    thread.start()
    try:
        yield
    finally:
        with suppress(SystemExit):  # it is connecting, and would not hear: it ends with the process
            follower.stop()
        thread.join(END)


def _run(follower: Follower) -> None:
    try:
        follower.run()
    except BusError as error:
        log.warning("not following: %s; fetching what comes to the cache from elsewhere", error)
