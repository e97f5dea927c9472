"""How far a tap has read the log, so that it goes on after a lost connection without a gap or a second copy.

The log is a stream: every message has an offset, and reading takes nothing out. After a reconnect the last message is
asked for once more. If it comes again, the log is the one from before, and reading goes on behind it. If another comes
under its offset, or none (a broker is silent about offsets that it does not have yet), then the log was made anew, or
has lost its end, and reading goes on by the clock instead.
"""

import logging
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from exposure_monitor.tapped import Tapped

log = logging.getLogger(__name__)

MARGIN: Final = timedelta(minutes=1)
"""How much earlier than asked the broker is told to begin: it finds moments by its own clock, by whole chunks."""

_EARLIEST: Final = datetime.fromtimestamp(0, UTC)
"""AMQP's timestamps begin here."""

_NEXT: Final = timedelta(microseconds=1)


class History:
    """A place in the log.

    Args:
        start: ``first``, or an aware moment: what was published before it is passed over.
    """

    def __init__(self, start: Literal["first"] | datetime) -> None:
        self._start = start
        self._last: tuple[int, bytes] | None = None
        self._latest: datetime | None = None
        self.reminded = True
        """Whether the last message has come once more since `resume`; True if there was none."""

    @property
    def place(self) -> str:
        """Where it is, for a person."""
        if self._last is not None:
            return f"offset {self._last[0]} of the log"
        return "the first that is kept" if isinstance(self._start, str) else f"{self._start:%Y-%m-%dT%H:%M:%SZ}"

    @property
    def offset(self) -> str | int | datetime:
        """What to ask the broker for (``x-stream-offset``)."""
        if self._last is not None:
            return self._last[0]
        return self._start if isinstance(self._start, str) else max(_EARLIEST, self._start - MARGIN)

    def resume(self) -> None:
        """Expect the last message once more."""
        self.reminded = self._last is None

    def is_another_log(self, tapped: Tapped) -> bool:
        """Tell whether there is another message now where the last one was."""
        return not self.reminded and self._last is not None and self._is_at_last(tapped) and not self._is_last(tapped)

    def restart(self) -> None:
        """Go on by the clock: offsets are of no use, since the log is another one than before."""
        self._last, self.reminded = None, True
        self._start = self._latest + _NEXT if self._latest else self._start

    def take(self, tapped: Tapped) -> bool:
        """Note a message of the log; True if it is to be shown."""
        reminder, self.reminded = not self.reminded, True
        if reminder and self._last is not None:
            if self._is_last(tapped):
                return False
            log.warning("the log goes on at offset %s after %d: what was between is gone", tapped.offset, self._last[0])
        self._last = (tapped.offset or 0, tapped.body)
        self._latest = max(filter(None, (self._latest, tapped.published_at)), default=None)
        return self._is_recent(tapped)

    def note_beginning(self, tapped: Tapped) -> None:
        """Say so if the first message that is kept is later than what was asked for."""
        published = tapped.published_at
        when = f"{published:%Y-%m-%dT%H:%M:%SZ}" if published else "an unknown time"
        if isinstance(self._start, datetime) and published and published > self._start:
            log.warning("the log begins at %s, later than asked: what was before is not in it", when)
        elif self._start == "first" and tapped.offset:
            log.warning("the log begins at %s: the %d messages before are no longer kept", when, tapped.offset)

    def _is_at_last(self, tapped: Tapped) -> bool:
        return self._last is not None and self._last[0] == tapped.offset

    def _is_last(self, tapped: Tapped) -> bool:
        return self._last == (tapped.offset, tapped.body)

    def _is_recent(self, tapped: Tapped) -> bool:
        if isinstance(self._start, str) or tapped.published_at is None:
            return True
        # The timestamp among the properties knows no fractions.
        start = self._start if tapped.message else self._start.replace(microsecond=0)
        return tapped.published_at >= start
