"""``python -m benchmarks.bare_wake URL``: waits for a commit by the driver alone, and writes when each row was seen."""

import select
import sys
import time
from pathlib import Path
from typing import Any, Final

from inotify_simple import INotify, flags

from benchmarks.raw import connect
from exposure_bus.database import sqlite_path

CHANNEL: Final = "bare"
NEWEST: Final = "SELECT max(number) FROM bare"
LOOK: Final = 0.0002
"""Seconds between looks at SQLite, once the kernel has told that it is written to."""


def main() -> None:
    """Write ``number nanoseconds`` a line, by the clock that all processes of the machine share."""
    url = sys.argv[1]
    path = sqlite_path(url)
    connection = connect(url)
    wake = _by_kernel(path) if path else _by_notify(connection)
    cursor, seen = connection.cursor(), 0
    sys.stderr.write("waiting\n")
    sys.stderr.flush()
    while True:
        wake()
        newest = _look(cursor)
        while path and newest == seen:  # the kernel tells of the writing, a moment before the commit
            time.sleep(LOOK)
            newest = _look(cursor)
        moment = time.monotonic_ns()
        sys.stdout.write("".join(f"{number} {moment}\n" for number in range(seen + 1, newest + 1)))
        sys.stdout.flush()
        seen = newest


def _look(cursor: Any) -> int:
    cursor.execute(NEWEST)
    return int(cursor.fetchone()[0] or 0)


def _by_kernel(path: Path) -> Any:
    inotify = INotify()
    inotify.add_watch(path.parent, flags.MODIFY)
    return inotify.read


def _by_notify(connection: Any) -> Any:
    connection.cursor().execute(f"LISTEN {CHANNEL}")

    def wake() -> None:
        select.select([connection], [], [])
        connection.poll()
        connection.notifies.clear()

    return wake


if __name__ == "__main__":
    main()
