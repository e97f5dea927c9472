"""How a commit of another process wakes this one, without polling.

PostgreSQL notifies after the commit. SQLite has no such thing, but every commit in WAL mode writes to the file's
``-wal``, which the kernel reports. It reports the writing, and the commit becomes visible a moment later (after an
fsync, if the writer asks for one): so who is woken and finds nothing looks again, a few times, ever later.
"""

import os
import select
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Final, Protocol

from exposure_bus.database.url import sqlite_path
from exposure_bus.errors import DatabaseUnreachable

LOOK_AGAIN: Final = (0.0002, 0.0005, 0.0005, 0.001, 0.001, 0.001, 0.002, 0.004, 0.016, 0.064, 0.25)
"""Seconds between looks after a wake-up, if nothing new was found: close together for as long as an fsync takes."""


class CommitWatch(Protocol):
    """Something that becomes readable when another process may have committed."""

    look_again: tuple[float, ...]
    """Seconds after a wake-up at which to look again, since the commit may become visible only then."""

    def fileno(self) -> int:
        """Return the descriptor to wait on."""

    def drain(self) -> bool:
        """Take what has come, so that the descriptor waits again; False if it was nothing of this database.

        Raises:
            DatabaseUnreachable: The database is gone; watch anew.
        """

    def close(self) -> None:
        """Stop watching."""


def watch_commits(url: str, channel: str) -> CommitWatch:
    """Watch a database for commits of others.

    Args:
        url: ``sqlite:///path`` or ``postgresql://…``.
        channel: The PostgreSQL channel that is notified.

    Raises:
        DatabaseUnreachable: There is no such file's folder, or the server does not answer.
    """
    path = sqlite_path(url)
    return _FileWatch(path) if path else _NotifyWatch(url, channel)


@contextmanager
def watching(url: str, channel: str) -> Iterator[CommitWatch]:
    """Watch for the length of a block; raises as `watch_commits`."""
    watch = watch_commits(url, channel)
    try:
        yield watch
    finally:
        watch.close()


def wait_for_commit(watch: CommitWatch, timeout: float | None) -> bool:
    """Wait until another process may have committed; False if the time (seconds) ran out."""
    deadline = None if timeout is None else monotonic() + timeout
    while True:
        left = None if deadline is None else max(0.0, deadline - monotonic())
        ready, _, _ = select.select([watch], [], [], left)
        if not ready:
            return False
        if watch.drain():
            return True


class _FileWatch:
    """Watches the folder of a SQLite file, since its ``-wal`` comes and goes."""

    look_again: tuple[float, ...] = LOOK_AGAIN

    def __init__(self, path: Path) -> None:
        from inotify_simple import INotify, flags  # noqa: PLC0415 (readers that never wait do without it)

        self._names = {path.name, path.name + "-wal"}  # the folder may hold busy files of others
        with ExitStack() as undone:
            try:
                self._inotify: Any = undone.enter_context(INotify(nonblocking=True))
                self._inotify.add_watch(path.parent, flags.MODIFY | flags.CREATE | flags.MOVED_TO)
            except OSError as error:
                raise DatabaseUnreachable(f"cannot watch {path.parent}: {error.strerror}") from error
            undone.pop_all()

    def fileno(self) -> int:
        return int(self._inotify.fileno())

    def drain(self) -> bool:
        return any(event.name in self._names for event in self._inotify.read(timeout=0))

    def close(self) -> None:
        self._inotify.close()


class _NotifyWatch:
    """Listens on a PostgreSQL channel."""

    look_again: tuple[float, ...] = ()

    def __init__(self, url: str, channel: str) -> None:
        import psycopg2  # noqa: PLC0415 (SQLite needs none)

        self._error: type[Exception] = psycopg2.Error
        try:
            self._connection: Any = psycopg2.connect(url, **KEEPALIVES)
            self._connection.autocommit = True
            self._connection.cursor().execute(f'LISTEN "{channel}"')
        except psycopg2.Error as error:
            raise DatabaseUnreachable(f"cannot listen to the database: {_first_line(error)}") from error
        # libpq closes its own descriptor as soon as the server is gone, under the feet of who waits on it.
        self._descriptor = os.dup(self._connection.fileno())

    def fileno(self) -> int:
        return self._descriptor

    def drain(self) -> bool:
        try:
            self._connection.poll()
            heard = bool(self._connection.notifies)
            self._connection.notifies.clear()
        except self._error as error:
            raise DatabaseUnreachable(f"the database is gone: {_first_line(error)}") from error
        if self._connection.closed:
            raise DatabaseUnreachable("the database has closed the connection")
        return heard

    def close(self) -> None:
        self._connection.close()
        os.close(self._descriptor)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


KEEPALIVES: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 8000,
}
"""libpq's parameters that find out a vanished server within about ten seconds."""
