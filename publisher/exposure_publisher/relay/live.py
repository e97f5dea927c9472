"""The live flow: numbers what has changed, publishes it in order, and keeps what is confirmed."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final

from exposure_bus.broker import ConfirmedPublisher
from exposure_publisher.ledger import Ledger, LedgerRow, LedgerState
from exposure_publisher.relay.listings import Listings, Ready
from exposure_publisher.relay.messages import MessageMaker, Outgoing
from exposure_publisher.relay.unconfirmed import Unconfirmed
from exposure_schemas import ExposureSummary, Span, routing_key
from exposure_schemas.routing import EXCHANGE, RETRACTED_KEY

log = logging.getLogger(__name__)

PAGE: Final = 500
"""Exposures that are numbered or read at once: enough to be quick, few enough for the loop to turn."""

LEAST_ROOM: Final = 200
"""Messages that may be sent before the next page is begun: a page costs the database as much for few as for many."""

MOST_UNCONFIRMED: Final = 5000
"""Spans without a confirm at which nothing new is sent: something is wrong with the broker."""

FLOWS: Final = 2.0
"""Seconds since the last message in which the next is expected."""


class LiveFlow:
    """Publishes what the ledger has beyond what the broker confirmed, and whatever changes.

    Args:
        ledger: The ledger.
        state: How far it is.
        publisher: Takes the messages, with the span each accounts for as its key.
        maker: Makes them.
        listings: Written exposures on their way.
    """

    def __init__(
        self,
        ledger: Ledger,
        state: LedgerState,
        publisher: ConfirmedPublisher[object],
        maker: MessageMaker,
        listings: Listings,
    ) -> None:
        self._ledger = ledger
        self._publisher = publisher
        self._maker = maker
        self._listings = listings
        self._cursor = state.confirmed
        self._kept = state.confirmed
        self._again: dict[Span, None] = {}
        self._unconfirmed = Unconfirmed(state.confirmed)
        self._confirmed_at: dict[int, datetime] = {}
        self._sent_at = 0.0
        self.newest = state.newest
        """The newest number given."""
        self.behind = True
        """Whether more has changed than was numbered; nobody knows before the first page."""

    @property
    def sent(self) -> int:
        """The newest number that has been sent: a heartbeat behind it may tell of it, and of no newer one."""
        return self._cursor

    @property
    def all_confirmed(self) -> bool:
        """Whether the broker has everything that was numbered, and no files are being listed."""
        return not self._unconfirmed and self._cursor == self.newest and self._listings.idle

    @property
    def awaits_confirms(self) -> bool:
        """Whether something was sent that the broker has not confirmed."""
        return bool(self._unconfirmed)

    @property
    def flows(self) -> bool:
        """Whether something was sent a moment ago."""
        return monotonic() - self._sent_at < FLOWS

    @property
    def starved(self) -> bool:
        """Whether the next page has to wait for confirms."""
        return self._publisher.room < LEAST_ROOM or len(self._unconfirmed) >= MOST_UNCONFIRMED

    def pump(self) -> bool:
        """Publish one page; True if there may be more at once."""
        if self.starved:
            return False
        most = min(PAGE, self._publisher.room)
        if self._cursor < self.newest:
            self._send_live(self._behind(most))
            return True
        page, more = self._page(most)
        self.behind = more or len(page) == most
        if page:
            self._send_live(self._numbered(page))
        return bool(page) or more

    def pass_over(self, before: int, newest: int) -> None:
        """Pass over the numbers of a refill, which nobody is sent: heartbeats tell of them, and followers heal.

        Args:
            before: The number before the first of them; if it is not the newest that is known here, another relay has
                numbered meanwhile, and all are sent.
            newest: The last of them.
        """
        if self._cursor == self.newest == before:
            self._cursor = newest
            self._unconfirmed.passed_over(newest)
        self.newest = newest

    def confirmed(self, span: Span) -> None:
        """Note that the broker has a span, and when it said so of the exposure at its end."""
        if span in self._unconfirmed:
            self._confirmed_at[span[1]] = datetime.now(UTC)
        self._unconfirmed.confirmed(span)
        self._again.pop(span, None)

    def refused(self, span: Span) -> None:
        """Note that a span has to be sent again."""
        self._again[span] = None

    def send_again(self) -> bool:
        """Send what was refused, in its present state, without holding up what is new; True if there is more."""
        for span in list(self._again)[: max(0, self._publisher.room)]:
            del self._again[span]
            self._send_packed(self._ledger.read(*span, most=1), span)
        return bool(self._again)

    def keep_confirmed(self) -> None:
        """Write down how far the broker has everything, so that a restart need not begin before it, and since when."""
        watermark = self._unconfirmed.watermark
        if watermark > self._kept or self._confirmed_at:
            self._ledger.confirm(watermark, self._confirmed_at)
            self._kept = max(self._kept, watermark)
            self._confirmed_at = {}

    def _behind(self, most: int) -> list[LedgerRow]:
        """Read what is numbered and not yet sent since the last start or connection."""
        span = (self._cursor + 1, self.newest)
        rows = self._ledger.read(*span, most)
        if not rows:  # somebody has taken them out of the ledger: that is said, so that nobody misses them
            self._send_packed((), span)
        return rows

    def _page(self, most: int) -> tuple[list[Ready], bool]:
        """Return what can be numbered, in the order it changed, and whether there may be more without waiting."""
        if self._listings.fresh:
            return self._listings.take_ready(most, self._ledger.present), True
        asked = (most + 1) // 2 if self._listings.any_ready else most  # what is ready is not crowded out
        changes = self._ledger.unnumbered(asked, self._listings.left_out, newest=self._listings.enough)
        page, begun = self._listings.sort(changes)
        page += self._listings.take_ready(most - len(page), self._ledger.present)
        return sorted(page, key=lambda each: each[0].last_change), begun and len(changes) == asked

    def _numbered(self, page: list[Ready]) -> list[LedgerRow]:
        """Number what has changed, and return it; what is gone before anybody has heard of it gets no number.

        Where another relay has given numbers meanwhile, nothing is returned: all of them are read from the ledger, in
        their order, since a message accounts for every number before its own.
        """
        watermark, moment = self._unconfirmed.watermark, datetime.now(UTC)
        changes, listed = zip(*page, strict=True)
        numbers = dict(self._ledger.number(changes, listed, watermark, moment))
        self._kept = watermark
        known, self.newest = self.newest, max(self.newest, *numbers.values(), 0)
        if numbers and min(numbers.values()) != known + 1:
            return []
        return [
            (numbers[change.expid], change.expid, _timed(change.row, moment), files.files if files else None)
            for change, files in page
            if change.expid in numbers
        ]

    def _send_live(self, rows: list[LedgerRow]) -> None:
        for outgoing in self._maker.live(rows, self._cursor):
            self._send(outgoing)

    def _send_packed(self, rows: Sequence[LedgerRow], span: Span) -> None:
        for outgoing in self._maker.packed(rows, span, replayed=False):
            self._send(outgoing)

    def _send(self, outgoing: Outgoing) -> None:
        message = outgoing.message
        span = message.covers or (0, 0)
        self._unconfirmed.sent(span)
        self._sent_at = monotonic()
        self._cursor = max(self._cursor, span[1])
        self._publisher.publish(span, EXCHANGE, _key(message), outgoing.body, outgoing.properties)


def _timed(row: dict[str, Any] | None, moment: datetime) -> dict[str, Any] | None:
    """Return a row with the time of its change; one of somebody else's may not know it."""
    return row if row is None or row["data_written_at"] is not None else row | {"data_written_at": moment}


def _key(message: ExposureSummary) -> str:
    """Return the routing key of a live message, which tells of one exposure, or of none."""
    if message.exposures:
        return routing_key(message.exposures[0])
    return RETRACTED_KEY if message.retracted else _EMPTY_KEY


_EMPTY_KEY: Final = "exposure.pending.none.none"
"""Under which a span is accounted for that has no exposure left to show."""
