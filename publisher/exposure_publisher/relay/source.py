"""The exposureDB as the relay holds it: leadership, ledger and wake-ups together, lost and found together."""

from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Self

from exposure_bus.database import CommitWatch, sqlite_path, watch_commits
from exposure_bus.errors import DatabaseUnreachable
from exposure_publisher.exposuredb.capture_postgresql import CHANNEL
from exposure_publisher.ledger import Ledger, open_ledger
from exposure_publisher.relay.leadership import stand


class Source:
    """An exposureDB that this process relays once it leads; until then it stands by.

    Args:
        url: The exposureDB.
        create: Whether to make what is not there.

    Raises:
        DatabaseUnreachable: It does not answer.
        DatabaseRefused: It says no.
    """

    watch: CommitWatch
    """Wakes after a commit; there once this process leads."""

    def __init__(self, url: str, *, create: bool = True) -> None:
        self._url = url
        with ExitStack() as opened:
            self.ledger: Ledger = opened.enter_context(closing(open_ledger(url, create=create)))
            """The ledger."""
            self._leadership = opened.enter_context(closing(stand(url)))
            self._opened = opened.pop_all()
        self._path = sqlite_path(url)
        self._file = _identity(self._path)

    def lead(self) -> bool:
        """Try to become the one that relays; whether this process is. Not to be asked again once it is.

        Raises:
            DatabaseUnreachable: The exposureDB is gone; to be closed.
        """
        if not self._leadership.acquire():
            return False
        self.check()
        self.watch = self._opened.enter_context(closing(watch_commits(self._url, CHANNEL)))
        return True

    def check(self) -> None:
        """See that this process still leads, for the exposureDB of its name; to be called at each heartbeat.

        Raises:
            DatabaseUnreachable: Another may lead by now, or the file was moved away or replaced: nothing that is
                written now would be seen here.
        """
        if _identity(self._path) != self._file:
            raise DatabaseUnreachable(f"the exposureDB {self._path} was moved away or replaced")
        self._leadership.renew()

    def close(self) -> None:
        """Let go of everything."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _identity(path: Path | None) -> tuple[int, int] | None:
    """Return which file it is; None for a server's database, or for a file that is not there."""
    if path is None or not path.exists():
        return None
    found = path.stat()
    return found.st_dev, found.st_ino
