"""An exposure's files in a test: listed by the publisher's own threads, and kept from being read."""

import contextlib
import fcntl
import os
import queue
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exposure_publisher.manifest import Job, Listed, Lister, Listing, location_of


def listing_of(row: dict[str, Any], kept: Listed | None = None, **options: bool) -> Listing:
    """List an exposure's files, as the relay has them listed."""
    location = location_of(row)
    assert location is not None
    results: queue.SimpleQueue[Listing] = queue.SimpleQueue()
    with contextlib.closing(Lister(lambda _job, listing: results.put(listing))) as lister:
        lister.submit(Job(row, location, kept, **options))
        return results.get(timeout=30)


@contextlib.contextmanager
def hanging(*paths: Path) -> Iterator[list[int]]:
    """Have whoever opens one of these files hang, as a file server that is away does, for the length of a block.

    The kernel itself keeps them waiting (up to 45 s): these files are leased to us, and open to us alone, by the
    descriptors that are returned.
    """
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)  # by it the kernel asks for the lease back
    descriptors = [os.open(path, os.O_RDWR) for path in paths]
    try:
        for descriptor in descriptors:
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield descriptors
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
        signal.signal(signal.SIGIO, before)
