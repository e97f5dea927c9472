"""The exposureDB as the relay holds it: leadership, ledger and wake-ups together, lost and found together."""

from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Self

from exposure_bus.database import CommitWatch, sqlite_path, watch_commits
from exposure_bus.errors import DatabaseUnreachable
from exposure_publisher.exposuredb.capture_postgresql import CHANNEL
from exposure_publisher.ledger import Ledger, open_ledger
from exposure_publisher.relay.leadership import lead


class Source:
    """An exposureDB that this process relays.

    Args:
        url: The exposureDB.
        create: Whether to make what is not there.

    Raises:
        AnotherRelay: Another process leads.
        DatabaseUnreachable: It does not answer.
        DatabaseRefused: It says no.
    """

    def __init__(self, url: str, *, create: bool = True) -> None:
        with ExitStack() as opened:
            self.ledger: Ledger = opened.enter_context(closing(open_ledger(url, create=create)))
            """The ledger."""
            opened.enter_context(closing(lead(url)))
            self.watch: CommitWatch = opened.enter_context(closing(watch_commits(url, CHANNEL)))
            """Wakes after a commit."""
            self._opened = opened.pop_all()
        self._path = sqlite_path(url)
        self._file = _identity(self._path)

    def check(self) -> None:
        """See that this is still the exposureDB of its name.

        Raises:
            DatabaseUnreachable: Its file was moved away or replaced: nothing that is written now would be seen here.
        """
        if _identity(self._path) != self._file:
            raise DatabaseUnreachable(f"the exposureDB {self._path} was moved away or replaced")

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
