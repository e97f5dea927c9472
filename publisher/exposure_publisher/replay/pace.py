"""How fast a replay goes: a bucket that fills with the rate, and from which each message takes its exposures."""

from collections.abc import Callable
from time import monotonic
from typing import Final

from exposure_schemas import MOST_EXPOSURES

MESSAGES_A_SECOND: Final = 10
"""With a rate, messages are made so small that there are about as many: ten small steps load less than one large."""


class Pace:
    """Says when the next message may go.

    The bucket holds one message's exposures, so that a late step is made up for: no span of time sees more than the
    rate and two messages.

    Args:
        rate: The most exposures a second; None for no limit.
        clock: Seconds that never go back.
    """

    def __init__(self, rate: float | None, clock: Callable[[], float] = monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._next = clock()

    @property
    def page(self) -> int:
        """The most exposures of one message."""
        if self._rate is None:
            return MOST_EXPOSURES
        return min(MOST_EXPOSURES, max(1, int(self._rate / MESSAGES_A_SECOND)))

    def wait(self) -> float:
        """Return the seconds until the next message may go; 0 if it may go now."""
        return max(0.0, self._next - self._clock())

    def spend(self, exposures: int) -> None:
        """Note that a message of so many exposures goes now."""
        if self._rate is not None:
            saved_up = self.page / self._rate
            self._next = max(self._next, self._clock() - saved_up) + exposures / self._rate

    def hold(self, seconds: float) -> None:
        """Let nothing go for some seconds."""
        self._next = max(self._next, self._clock() + seconds)
