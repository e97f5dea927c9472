"""What to do when the broker confirms nothing that is sent live, though it is there.

One destination that never confirms holds all of them up: the broker confirms a message when each queue has it, and
slows down who has too much unconfirmed at a stream. The log stream is the one that nobody needs for being complete. A
cluster whose node is killed may lose track of its leader, and then it takes messages and confirms none, for ever (seen
with RabbitMQ 3.10.8).
"""

from enum import Enum
from time import monotonic
from typing import Final

from exposure_bus.broker.topology import (
    Declarer,
    declare_log,
    declare_publisher,
    declare_publisher_without_log,
    leave_out_log,
)

UNCONFIRMED: Final = 30.0
"""Seconds without a confirm after which something is done about it."""

MOVE_HELPS: Final = 300.0
"""Seconds for which a move has to help. A stream that has lost its leader takes some of what comes with each new
connection before it stalls again."""

WITHOUT_LOG: Final = 600.0
"""Seconds after which the log stream is tried again."""


class Remedy(Enum):
    """What is to be done now."""

    NONE = "nothing"
    MOVE = "take another connection"
    LEAVE_OUT_LOG = "take another connection, and leave the log stream out"


class Stall:
    """Notices that nothing is confirmed, and knows what has been tried."""

    def __init__(self) -> None:
        self._progressed = monotonic()
        self._moved_at: float | None = None
        self._without_log_since: float | None = None
        self._tries_log = False

    def progressed(self) -> None:
        """Note that a live message was confirmed."""
        self._progressed = monotonic()
        if self._without_log_since is not None:
            self._moved_at = None  # what stalls next is something else, and a move may help

    def wait_anew(self) -> None:
        """Note that no confirm could be expected before now."""
        self._progressed = monotonic()

    def remedy(self) -> Remedy:
        """Say what to do now, while confirms are awaited."""
        if monotonic() - self._progressed <= UNCONFIRMED:
            return Remedy.NONE
        self._progressed = monotonic()
        if self._moved_at is None or monotonic() - self._moved_at > MOVE_HELPS:
            self._moved_at = monotonic()
            return Remedy.MOVE
        if self._without_log_since is not None:
            return Remedy.NONE
        self._without_log_since = monotonic()
        return Remedy.LEAVE_OUT_LOG

    def tries_log_again(self) -> bool:
        """Whether the log stream has been left out for long enough for `declare` to try it; once each such while."""
        since = self._without_log_since
        if since is None or monotonic() - since <= WITHOUT_LOG:
            return False
        self._without_log_since = monotonic()
        self._tries_log = True
        return True

    def declare(self, declarer: Declarer) -> None:
        """Declare what the relay needs, with the log stream or without.

        Raises:
            AMQPError: The log stream was tried again, and is not up: it stays left out.
        """
        if self._without_log_since is None:
            declare_publisher(declarer)
        elif self._tries_log:
            self._tries_log = False
            declare_publisher_without_log(declarer)
            declare_log(declarer)
            self._without_log_since = None
        else:
            leave_out_log(declarer)
