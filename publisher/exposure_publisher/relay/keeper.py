"""Who holds the exposureDB: opens it, stands by until it leads, listens for commits, opens it anew if it is lost."""

import logging
from collections.abc import Callable
from typing import Any, Final

from exposure_bus.errors import DatabaseError, DatabaseRefused
from exposure_publisher.errors import AnotherRelay
from exposure_publisher.relay.source import Source

log = logging.getLogger(__name__)

RETRY: Final = 1.0
"""Seconds after which a lost database is tried again."""

TRY_TO_LEAD: Final = 0.2
"""Seconds after which a relay that stands by tries to lead: 0.1 ms of work."""


class SourceKeeper:
    """Keeps the exposureDB for a relay; everything here happens in the relay's loop.

    Args:
        url: The exposureDB.
        loop: The relay's loop.
        once: Do not stand by.
        leading: Called when this process leads.
        lost: Called before the exposureDB is closed, since it failed.
        committed: Called whenever somebody has committed.
    """

    def __init__(
        self,
        url: str,
        loop: Any,
        *,
        once: bool,
        leading: Callable[[], None],
        lost: Callable[[], None],
        committed: Callable[[], None],
    ) -> None:
        self._url = url
        self._loop = loop
        self._once = once
        self._leading = leading
        self._lost = lost
        self._committed = committed
        self._candidate: Source | None = None  # whether it leads or stands by
        self.source: Source | None = None
        """The exposureDB, while this process leads."""
        self._watched = -1
        self._ever_opened = False
        self._next_look: Any = None
        self._last_said = ""

    def open(self) -> None:
        """Open the exposureDB, and lead or stand by.

        Raises:
            DatabaseRefused: It refuses at the start: to be mended by who started it; later it may mend itself.
            AnotherRelay: With `once`: another relay leads.
        """
        try:
            self._candidate = Source(self._url, create=not self._ever_opened)
        except DatabaseError as error:
            if isinstance(error, DatabaseRefused) and not self._ever_opened:
                raise
            self.failed(error)
            return
        self._try_to_lead()

    def failed(self, error: DatabaseError) -> None:
        """Let go of an exposureDB that has failed, and open it anew in a while."""
        self._say_once(f"{error}; trying again until it does")
        self._lost()
        self.close()
        self._loop.call_later(RETRY, self.open)

    def close(self) -> None:
        """Let go of the exposureDB."""
        if self.source is not None:
            self._loop.remove_handler(self._watched)
        if self._candidate is not None:
            self._candidate.close()
        self.source = self._candidate = None

    def _try_to_lead(self) -> None:
        """Lead, or stand by and try again."""
        candidate = self._candidate
        assert candidate is not None, "it is opened before, and closed with the relay"  # noqa: S101 (for the type checker)
        try:
            leads = candidate.lead()
        except DatabaseError as error:
            self.failed(error)
            return
        if leads:
            self._relay_from(candidate)
            return
        if self._once:
            raise AnotherRelay("another relay leads for this exposureDB (it holds the lock)")
        self._say_once("another relay leads for this exposureDB; standing by")
        self._loop.call_later(TRY_TO_LEAD, self._try_to_lead)

    def _relay_from(self, source: Source) -> None:
        if self._last_said:
            log.info("relaying the exposureDB")
        self._last_said = ""
        self._ever_opened = True
        self.source = source
        self._watched = source.watch.fileno()
        self._loop.add_handler(self._watched, self._on_commit, self._loop.READ)
        self._leading()

    def _on_commit(self, _descriptor: int, _events: int) -> None:
        assert self.source is not None, "the handler is removed with the source"  # noqa: S101 (for the type checker)
        try:
            if not self.source.watch.drain():
                return
        except DatabaseError as error:
            self.failed(error)
            return
        if self._next_look is not None:
            self._loop.remove_timeout(self._next_look)
        self._look(self.source.watch.look_again)

    def _look(self, delays: tuple[float, ...]) -> None:
        """Look now, and again after each delay, unless another wake-up comes before."""
        self._next_look = None
        if self.source is None:
            return
        try:
            found = self.source.ledger.others_wrote()
        except DatabaseError as error:
            self.failed(error)
            return
        if found:
            self._committed()
        if delays:
            self._next_look = self._loop.call_later(delays[0], lambda: self._look(delays[1:]))

    def _say_once(self, text: str) -> None:
        if text != self._last_said:
            self._last_said = text
            log.warning("%s", text)
