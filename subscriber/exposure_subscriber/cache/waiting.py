"""Waiting for rows that a commit of the follower brings."""

from collections.abc import Callable
from time import monotonic
from typing import Final, TypeVar

from exposure_bus.database import CommitWatch, wait_for_commit

CHANNEL: Final = "exposure_cache"
"""The channel on which PostgreSQL tells that the cache has changed."""

Found = TypeVar("Found")


def wait_for(look: Callable[[], Found], watch: CommitWatch, timeout: float | None) -> Found:
    """Return what is found, as soon as it is true; what was found last if the time runs out.

    Args:
        look: Reads the cache.
        watch: Wakes after a commit.
        timeout: Seconds to wait; None waits for ever.
    """
    deadline = None if timeout is None else monotonic() + timeout
    looks: tuple[float, ...] = ()
    while not (found := look()):
        left = None if deadline is None else deadline - monotonic()
        if left is not None and left <= 0:
            break
        pause = min((wait for wait in (left, *looks[:1]) if wait is not None), default=None)
        woken = wait_for_commit(watch, pause)
        looks = watch.look_again if woken else looks[1:]
    return found
