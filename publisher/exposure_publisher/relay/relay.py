"""The relay itself: one loop in which the broker, the exposureDB and the clock take turns.

It is idle until something wakes it: a commit in the exposureDB, a confirm or a request from the broker, a timer, or a
thread beside the loop that has listed the files of an exposure.
Wherever it is killed, what the broker has not confirmed is in the ledger, and goes out again at the next start.
"""

import logging
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import pika
from pika.channel import Channel

from exposure_bus.broker import BrokerLink, ConfirmedPublisher, Consumer, envelope_of, properties_for
from exposure_bus.errors import DatabaseError, Incomplete
from exposure_publisher.manifest import Job, Lister, Listing
from exposure_publisher.relay.answers import AnswerPart, Answers
from exposure_publisher.relay.keeper import SourceKeeper
from exposure_publisher.relay.listings import Listings
from exposure_publisher.relay.live import LiveFlow
from exposure_publisher.relay.messages import MessageMaker
from exposure_publisher.relay.stall import Remedy, Stall
from exposure_schemas import MSGPACK, AuditRequest, DecodeError, Heartbeat, ReplayRequest, decode, encode
from exposure_schemas.routing import EXCHANGE, HEARTBEAT_KEY, REQUEST_QUEUE

log = logging.getLogger(__name__)

HEARTBEAT_INTERVAL: Final = 5.0
"""Seconds between heartbeats."""

RETRY: Final = 1.0
"""Seconds after which a refused message is tried again."""

NO_REQUESTS: Final = 60.0
"""Seconds without a request after which the relay asks whether the broker still has its consumer."""

REFILL_PAGE: Final = 500
"""Exposures that are numbered at once in a refill: some ten milliseconds."""

KEEP_CONFIRMED: Final = 0.2
"""Seconds that confirms are gathered before they are written down."""


class Relay:
    """Relays one exposureDB to one broker.

    Args:
        broker_url: RabbitMQ.
        exposure_db_url: The exposureDB.
        content_type: How bodies are written: msgpack, or JSON for foreign tools.
        once: End when everything that is there has been confirmed.
        checksums: Compute the checksums that no checksum file has.
        check_headers: Say in the log where FITS headers are at odds with the exposureDB; needs astropy.
    """

    def __init__(
        self,
        broker_url: str,
        exposure_db_url: str,
        *,
        content_type: str = MSGPACK,
        once: bool = False,
        checksums: bool = True,
        check_headers: bool = False,
    ) -> None:
        self._content_type = content_type
        self._once = once
        self._stall = Stall()
        self._link = BrokerLink(
            broker_url,
            "exposure-bus publish",
            topology=self._stall.declare,
            opened=self._on_opened,
            lost=self._on_lost,
        )
        self._later = self._link.loop.call_later
        self._lister = Lister(self._on_listed)
        self._listings = Listings(
            self._lister, later=self._later, wake=self._pump_soon, checksums=checksums, headers=check_headers
        )
        self._keeper = SourceKeeper(
            exposure_db_url,
            self._link.loop,
            once=once,
            leading=self._begin,
            lost=self._on_source_lost,
            committed=self._pump_soon,
        )
        self._channel: Channel | None = None
        self._publisher: ConfirmedPublisher[object] | None = None
        self._live: LiveFlow | None = None
        self._answers: Answers | None = None
        self._consumer: Consumer | None = None
        self._epoch = ""
        self._refilling = False
        self._pumping = self._stirred = self._starved = self._keeping = self._resending = self._greeted = False
        self._last_reason = self._left_behind = ""

    def run(self) -> None:
        """Relay until `stop`.

        Raises:
            BrokerRefused: The broker refuses at the start.
            DatabaseRefused: The exposureDB refuses at the start.
            AnotherRelay: With `once`: another relay leads.
            Incomplete: With `once`: exposures wait for files that are missing or changing.
        """
        self._later(0, self._keeper.open)
        self._later(HEARTBEAT_INTERVAL, self._beat)
        try:
            self._link.run()
        finally:
            self._keeper.close()
            self._lister.close()
            self._link.close()
        if self._left_behind:
            raise Incomplete(self._left_behind)

    def stop(self) -> None:
        """End `run` soon; safe in a signal handler."""
        self._link.stop()

    # The exposureDB comes and goes.

    def _on_source_lost(self) -> None:
        self._stop_answering()
        self._live = self._answers = None
        self._listings.forget()

    def _stop_answering(self) -> None:
        """Give requests back: they wait in their queue until the exposureDB is there again."""
        if self._channel is not None and self._consumer is not None:
            self._consumer.cancel()
            self._channel.basic_nack(0, multiple=True)
        self._consumer = None

    # The broker comes and goes.

    def _on_opened(self, channel: Channel) -> None:
        self._channel = channel
        self._stall.wait_anew()
        self._publisher = ConfirmedPublisher(channel, confirmed=self._on_confirmed, refused=self._on_refused)
        self._begin()

    def _on_lost(self) -> None:
        self._keep_confirmed()
        self._channel = self._publisher = self._live = self._answers = self._consumer = None

    def _begin(self) -> None:
        """Start relaying where the last confirm was kept, once both ends are there."""
        if self._keeper.source is None or self._publisher is None or self._channel is None:
            return
        try:
            state = self._keeper.source.ledger.state()
        except DatabaseError as error:
            self._keeper.failed(error)
            return
        maker = MessageMaker(state.epoch, self._content_type)
        self._epoch = state.epoch
        self._refilling = state.refilling
        self._live = LiveFlow(self._keeper.source.ledger, state, self._publisher, maker, self._listings)
        self._answers = Answers(
            self._keeper.source.ledger,
            self._publisher,
            maker,
            state.epoch,
            later=self._later,
            wake=self._turn_soon,
        )
        if not self._once:
            self._channel.basic_qos(prefetch_count=1)  # what else is asked waits in the queue, where it can be seen
            self._consumer = self._link.consume(REQUEST_QUEUE, self._on_request)
        self._greeted = False
        self._pump_soon()

    # What happens in the loop.

    def _pump_soon(self) -> None:
        """Look soon for what is live: something may have changed."""
        self._stirred = True
        self._turn_soon()

    def _turn_soon(self) -> None:
        if not self._pumping:
            self._pumping = True
            self._link.loop.add_callback(self._pump)

    def _pump(self) -> None:
        """Publish one page of what is live, else one of what is asked for; then let the loop turn."""
        self._pumping = False
        if self._live is None or self._answers is None or self._channel is None or self._link.blocked:
            return
        try:
            more = self._pump_live(self._live)
            if not more:
                more, answered = self._answers.pump(self._live.newest, beside_live=self._live.flows)
                if answered is not None:
                    self._channel.basic_ack(answered)
            more = more or self._refill()
        except DatabaseError as error:
            self._keeper.failed(error)
            return
        if more:
            self._turn_soon()
        elif self._once and self._live.all_confirmed:
            self._finish()

    def _pump_live(self, live: LiveFlow) -> bool:
        """Publish one page of what is live, if something may have changed: looking costs an eighth of an answer."""
        if self._stirred:
            self._starved = live.starved
            self._stirred = live.pump()
            self._greet()
        return self._stirred

    def _refill(self) -> bool:
        """Number a page of what no change tells of, while nothing else is to be done; True if there may be more."""
        if self._refilling and self._keeper.source is not None and self._live is not None and not self._live.starved:
            before, state = self._keeper.source.ledger.refill(REFILL_PAGE)
            self._live.pass_over(before, state.newest)
            self._refilling = state.refilling
            return True
        return False

    def _greet(self) -> None:
        """Send the first heartbeat behind the first page: before it, nobody knows whether more has changed."""
        if not self._greeted:
            self._greeted = True
            self._send_heartbeat()

    def _finish(self) -> None:
        self._keep_confirmed()
        if held := self._listings.held:
            expids = ", ".join(map(str, held[:10])) + (", …" if len(held) > 10 else "")  # noqa: PLR2004 (a line's worth)
            self._left_behind = (
                f"not announced, since files of theirs are missing or changing: {expids}; they wait for the next run"
            )
        self._link.stop()

    def _on_listed(self, job: Job, listing: Listing) -> None:
        """Bring a result from the thread that has it to the loop."""
        self._link.loop.add_callback_threadsafe(partial(self._listings.done, job, listing))

    def _on_confirmed(self, keys: list[object]) -> None:
        self._last_reason = ""
        for key in keys:
            self._settle(key, confirmed=True)
        if not self._keeping:
            self._keeping = True
            self._later(KEEP_CONFIRMED, self._keep_confirmed)
        if self._once or self._starved:
            self._pump_soon()
        elif self._answers is not None and self._answers.waiting:
            self._turn_soon()

    def _on_refused(self, keys: list[object], reason: str) -> None:
        if reason != self._last_reason:  # one line an outage, not one a try
            self._last_reason = reason
            log.warning("%d messages did not arrive (%s): sending them again", len(keys), reason)
        for key in keys:
            self._settle(key, confirmed=False)
        self._send_again_later()
        if self._starved:
            self._pump_soon()

    def _settle(self, key: Any, *, confirmed: bool) -> None:
        if isinstance(key, AnswerPart):
            if self._answers is not None:
                self._answers.settled()
        elif self._live is not None:
            (self._live.confirmed if confirmed else self._live.refused)(key)
            if confirmed:
                self._stall.progressed()

    def _keep_confirmed(self) -> None:
        self._keeping = False
        if self._live is None:
            return
        try:
            self._live.keep_confirmed()
        except DatabaseError as error:
            self._keeper.failed(error)

    def _send_again_later(self) -> None:
        if not self._resending:
            self._resending = True
            self._later(RETRY, self._send_again)

    def _send_again(self) -> None:
        """Send again what there is room for, and what is left then later."""
        self._resending = False
        if self._live is None:
            return
        try:
            if self._link.blocked or self._live.send_again():
                self._send_again_later()
        except DatabaseError as error:
            self._keeper.failed(error)

    def _on_request(self, channel: Any, method: Any, properties: pika.BasicProperties, body: bytes) -> None:
        if self._channel is None or channel is not self._channel:
            return  # of a connection that was dropped: it comes again
        try:
            request = decode(body, envelope_of(properties))
        except DecodeError as error:
            log.warning("a request cannot be read: %s", error)
            request = None
        if isinstance(request, ReplayRequest | AuditRequest) and self._answers is not None:
            self._answers.add(request, method.delivery_tag)
            self._pump_soon()
        else:
            channel.basic_reject(method.delivery_tag, requeue=False)

    # The clock.

    def _beat(self) -> None:
        self._later(HEARTBEAT_INTERVAL, self._beat)
        self._lister.relieve()
        try:
            if self._keeper.source is not None:
                self._keeper.source.check()
                self._refilling = self._keeper.source.ledger.state().refilling
        except DatabaseError as error:
            self._keeper.failed(error)
            return
        if self._publisher is not None and not self._link.blocked:
            self._publisher.give_up_late()
            self._send_heartbeat()
            self._check_requests()
        self._mind_confirms()
        self._pump_soon()  # a missed wake-up costs a heartbeat's time, and no exposure

    def _mind_confirms(self) -> None:
        """See that what is sent live is confirmed; what is in its way is left out of it."""
        if self._stall.tries_log_again():
            self._link.declare()
        if self._live is None or self._link.blocked or not self._live.awaits_confirms:
            self._stall.wait_anew()
            return
        remedy = self._stall.remedy()
        if remedy is Remedy.LEAVE_OUT_LOG:
            log.warning("going on without the log stream, which may be what confirms nothing: taps lack what comes now")
        if remedy is not Remedy.NONE:
            self._link.drop("it confirms nothing")

    def _check_requests(self) -> None:
        """See that requests come, unless one is being answered, behind which others wait in order."""
        answering = self._answers is not None and self._answers.waiting
        if self._consumer is not None and self._consumer.silence > NO_REQUESTS and not answering:
            self._consumer.check(expected=False)

    def _send_heartbeat(self) -> None:
        """Say how far the ledger is; silent without the exposureDB, since then nobody knows."""
        if self._live is None or self._publisher is None or self._once:
            return
        beat = Heartbeat(
            epoch=self._epoch,
            newest=self._live.sent,
            behind=self._live.behind or self._refilling,
            published_at=datetime.now(UTC),
            interval=HEARTBEAT_INTERVAL,
        )
        properties = properties_for(
            beat, f"{self._epoch}-heartbeat-{beat.published_at.timestamp()}", self._content_type
        )
        self._publisher.publish(None, EXCHANGE, HEARTBEAT_KEY, encode(beat, self._content_type), properties)
