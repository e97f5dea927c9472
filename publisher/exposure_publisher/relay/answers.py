"""Answers to followers: the present state of what missing numbers stood for, or digests for an audit.

They go out packed, page by page, and only a few at a time, so that live messages keep their latency. While any are on
their way, answers rest between two pages: history can wait, and what is live shares processor and disk with it.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any, Final

from exposure_bus.broker import ConfirmedPublisher
from exposure_publisher.ledger import Ledger
from exposure_publisher.relay.audits import audit_pages
from exposure_publisher.relay.messages import MessageMaker, Outgoing, Packed
from exposure_schemas import AuditRequest, ReplayRequest, Span
from exposure_schemas.routing import REPLAY_EXCHANGE

log = logging.getLogger(__name__)

IN_FLIGHT: Final = 20
"""Packed messages without a confirm; more would stand in front of live ones in the broker."""

PAGE: Final = 250
"""Exposures of one packed message: a live one waits for the making of one at the most, some milliseconds."""

A_WHILE: Final = 0.002
"""Seconds of work on answers after which there is a rest, while live messages are sent: half a page, or a dozen
messages of one exposure each."""

RESTS: Final = 5
"""How many times as long as that work a rest is: answers get a sixth of the relay's time."""

LONGEST_REST: Final = 0.5
"""Seconds; a page may have taken long because the database did, or since this process was frozen."""


class AnswerPart:
    """Key of one packed message in flight; nobody needs to know which."""


class Answers:
    """Requests that wait for their answer, and the one that is being answered.

    Args:
        ledger: The ledger.
        publisher: Takes the messages.
        maker: Makes them.
        epoch: The ledger's identity; a request for another is passed over.
        later: Calls something after some seconds.
        wake: Called when a rest is over, for `pump` to be called.
    """

    def __init__(
        self,
        ledger: Ledger,
        publisher: ConfirmedPublisher[object],
        maker: MessageMaker,
        epoch: str,
        *,
        later: Callable[[float, Callable[[], None]], Any],
        wake: Callable[[], None],
    ) -> None:
        self._ledger = ledger
        self._publisher = publisher
        self._maker = maker
        self._epoch = epoch
        self._later = later
        self._wake = wake
        self._resting = False
        self._worked = 0.0
        self._line: deque[tuple[ReplayRequest | AuditRequest, int]] = deque()
        self._pages: Iterator[Packed | None] | None = None
        self._in_flight = 0

    @property
    def waiting(self) -> bool:
        """Whether a request waits for its answer, or for more of it."""
        return bool(self._line)

    def add(self, request: ReplayRequest | AuditRequest, delivery_tag: int) -> None:
        """Put a request in the line; `pump` says when its delivery may be acked."""
        if isinstance(request, ReplayRequest) and request.epoch != self._epoch:
            log.info("%s asks for another ledger's numbers: it will learn ours by heartbeat", request.subscriber)
            request = _nothing_of(request)
        self._line.append((request, delivery_tag))

    def pump(self, newest: int, *, beside_live: bool) -> tuple[bool, int | None]:
        """Publish one page.

        Args:
            newest: The newest number; what is asked beyond it is not there yet.
            beside_live: Whether live messages are sent meanwhile.

        Returns:
            Whether there may be more at once, and the delivery tag of a request that is answered now.
        """
        if not self._line or self._resting or self._in_flight >= IN_FLIGHT or self._publisher.room <= 0:
            return False, None
        request, tag = self._line[0]
        if self._pages is None:
            self._pages = self._answer(request, newest)
        began = monotonic()
        try:
            packed = next(self._pages)
        except StopIteration:
            self._pages = None
            self._line.popleft()
            return bool(self._line), tag
        if packed is not None:
            self._in_flight += 1
            key = request.subscriber if isinstance(request, ReplayRequest) else request.reply_to
            self._publisher.publish(AnswerPart(), REPLAY_EXCHANGE, key, packed.body, packed.properties)
            if beside_live:  # an audit reads much and sends little: it rests hardly ever
                self._rest_after(monotonic() - began)
        return not self._resting, None

    def _rest_after(self, worked: float) -> None:
        """Rest, once enough has been done since the last rest."""
        self._worked += worked
        if self._worked >= A_WHILE:
            self._resting = True
            self._later(min(LONGEST_REST, RESTS * self._worked), self._go_on)
            self._worked = 0.0

    def _go_on(self) -> None:
        self._resting = False
        self._wake()

    def settled(self) -> None:
        """Note that one packed message was confirmed, or refused: then the follower asks again."""
        self._in_flight -= 1

    def _answer(self, request: ReplayRequest | AuditRequest, newest: int) -> Iterator[Packed | None]:
        if isinstance(request, AuditRequest):
            return audit_pages(self._ledger, self._maker, request, newest)
        return self._replay(request, newest)

    def _replay(self, request: ReplayRequest, newest: int) -> Iterator[Outgoing]:
        count = sum(last - first + 1 for first, last in request.missing)
        if count:
            log.debug("replaying %d missing numbers to %s", count, request.subscriber)
        for first, last in request.missing:
            yield from self._replay_span((first, min(last, newest)))

    def _replay_span(self, span: Span) -> Iterator[Outgoing]:
        first, last = span
        while first <= last:
            rows = self._ledger.read(first, last, PAGE)
            end = rows[-1][0] if len(rows) == PAGE else last
            yield from self._maker.packed(rows, (first, end), replayed=True)
            first = end + 1


def _nothing_of(request: ReplayRequest) -> ReplayRequest:
    return ReplayRequest(
        subscriber=request.subscriber, epoch=request.epoch, missing=(), requested_at=request.requested_at
    )
