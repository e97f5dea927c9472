"""The exposureDB as the relay holds it: leadership, ledger and wake-ups together, lost and found together."""

from contextlib import ExitStack, closing
from types import TracebackType
from typing import Self

from exposure_bus.database import CommitWatch, watch_commits
from exposure_publisher.exposuredb.capture_postgresql import CHANNEL
from exposure_publisher.ledger import Ledger, open_ledger
from exposure_publisher.relay.leadership import lead


class Source:
    """An exposureDB that this process relays.

    Args:
        url: The exposureDB.

    Raises:
        AnotherRelay: Another process leads.
        DatabaseUnreachable: It does not answer.
        DatabaseRefused: It says no.
    """

    def __init__(self, url: str) -> None:
        with ExitStack() as opened:
            self.ledger: Ledger = opened.enter_context(closing(open_ledger(url)))
            """The ledger."""
            opened.enter_context(closing(lead(url)))
            self.watch: CommitWatch = opened.enter_context(closing(watch_commits(url, CHANNEL)))
            """Wakes after a commit."""
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Let go of everything."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
