"""The follower itself: one loop in which the broker, the cache and the clock take turns.

It writes to the cache first and acks after the commit: killed anywhere, the broker delivers again, and twice is
harmless. What one turn of the loop brings is written together, so it writes single messages at once when there is
little, and thousands of exposures in a transaction when it is behind.
"""

import logging
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final

import pika
from pika.channel import Channel

from exposure_bus.broker import BrokerLink, ConfirmedPublisher, Consumer, properties_for
from exposure_bus.broker.topology import declare_follower
from exposure_bus.errors import DatabaseError, DatabaseUnreachable
from exposure_schemas import ExposureSummary, Heartbeat, ReplayRequest, Span, encode, follower_queue
from exposure_schemas.routing import REQUEST_QUEUE
from exposure_subscriber.alarms import AlarmOutbox
from exposure_subscriber.cache import CacheDatabase
from exposure_subscriber.cache.moments import now_micros
from exposure_subscriber.cache.version import OtherVersion
from exposure_subscriber.cache.writing import Batch, CacheWriter, Rejected
from exposure_subscriber.follower.delivery import read_delivery
from exposure_subscriber.follower.healing import STALLED, Healing

log = logging.getLogger(__name__)

PREFETCH: Final = 1000
"""Messages that the broker sends ahead: a quorum queue takes an ack only when its disk has it, and sends no more until
then. How many are in memory is limited by `FULL`: what has not been read yet waits in the socket."""

FULL: Final = 5000
"""Exposures that are written together at the most."""

SILENCE: Final = 15.0
"""Seconds without a heartbeat after which exchanges, queue and bindings are declared again."""

RETRY: Final = 1.0
"""Seconds after which a cache that would not take a batch is tried again."""


class Follower:
    """Keeps one cache as a copy of the exposureDB.

    Args:
        broker_url: RabbitMQ.
        subscriber: This follower's name; its queue is ``exposures.<subscriber>``.
        database: The cache.

    A cache that does not answer yet is waited for: both may have been started by the same boot.

    Raises:
        DatabaseRefused: The cache says no at the start.
    """

    def __init__(self, broker_url: str, subscriber: str, database: CacheDatabase) -> None:
        self._subscriber = subscriber
        self._database = database
        self._said: dict[str, str] = {}
        self._writer: CacheWriter
        self._opened = self._open_cache()
        self._outbox = AlarmOutbox(database)
        self._healing = Healing()
        self._link = BrokerLink(
            broker_url,
            f"exposure-bus follow {subscriber}",
            topology=declare_follower(subscriber),
            opened=self._on_opened,
            lost=self._on_lost,
        )
        self._channel: Channel | None = None
        self._consumer: Consumer | None = None
        self._publisher: ConfirmedPublisher[int] | None = None
        self._batch = Batch()
        self._heard = monotonic()
        self._last_tag = 0
        self._seen_tag = 0
        self._flushing = False

    def run(self) -> None:
        """Follow until `stop`.

        Raises:
            BrokerRefused: The broker refuses at the start.
            DatabaseRefused: The cache does, once it answers.
        """
        self._link.loop.call_later(SILENCE, self._mind_silence)
        self._link.loop.call_later(0, self._begin)
        try:
            self._link.go_on()
        finally:
            self._link.close()

    def stop(self) -> None:
        """End `run` soon; safe in a signal handler."""
        self._link.stop()

    def _open_cache(self) -> bool:
        try:
            self._writer = CacheWriter(self._database)
        except DatabaseUnreachable as error:
            self._say_once("cache", f"{error}; trying again until it does")
            return False
        return True

    def _begin(self) -> None:
        self._opened = self._opened or self._open_cache()
        if self._opened:
            self._link.connect()
        else:
            self._link.loop.call_later(RETRY, self._begin)

    def _on_opened(self, channel: Channel) -> None:
        self._channel = channel
        self._writer.listen_anew()
        self._batch, self._last_tag, self._seen_tag = Batch(), 0, 0
        self._publisher = ConfirmedPublisher(channel, confirmed=self._on_alarms_sent, refused=self._on_refused)
        channel.basic_qos(prefetch_count=PREFETCH)
        self._consumer = self._link.consume(follower_queue(self._subscriber), self._on_message)
        self._send_alarms()

    def _mind_silence(self) -> None:
        """A publisher that is silent may be away, or the way to us may have been deleted or blocked: lay it again."""
        self._link.loop.call_later(SILENCE, self._mind_silence)
        if self._consumer is None or monotonic() - self._heard <= SILENCE:
            return
        self._link.declare()
        if self._consumer.silence > SILENCE and not self._last_tag:
            self._consumer.check(expected=True)

    def _on_lost(self) -> None:
        """Forget what was not written: the broker delivers it again."""
        self._channel = self._publisher = self._consumer = None
        self._batch = Batch()
        self._healing.forget()
        self._outbox.forget()

    def _on_message(self, channel: Channel, method: Any, properties: pika.BasicProperties, body: bytes) -> None:
        if channel is not self._channel:
            return  # of a connection that was dropped: it comes again
        received_at = now_micros()
        item = read_delivery(method, properties, body)
        if isinstance(item, Rejected):
            log.warning("set aside a message: %s: %s", item.reason, item.detail)
        self._batch.add(item, received_at)
        self._last_tag = method.delivery_tag
        if not self._flushing:
            self._flushing = True
            self._link.loop.add_callback(self._flush_when_quiet)

    def _flush_when_quiet(self) -> None:
        """Write once a turn of the loop has brought nothing more, or the batch is full."""
        self._flushing = False
        if self._channel is None or not self._last_tag:
            return
        if self._last_tag != self._seen_tag and self._batch.exposures < FULL:
            self._seen_tag = self._last_tag
            self._flushing = True
            self._link.loop.add_callback(self._flush_when_quiet)
            return
        self._flush(self._channel)

    def _flush(self, channel: Channel) -> None:
        try:
            self._writer.write(self._batch)
        except OtherVersion:
            raise  # a newer follower has it now, and this one can write to it no more
        except DatabaseError as error:
            self._say_once("cache", f"{error}; trying again until it takes it")
            self._flushing = True
            self._link.loop.call_later(RETRY, self._flush_when_quiet)
            return
        if self._said.pop("cache", None):
            log.info("the cache takes messages again")
        batch, self._batch = self._batch, Batch()
        channel.basic_ack(self._last_tag, multiple=True)
        self._last_tag = self._seen_tag = 0
        self._after(batch)

    def _after(self, batch: Batch) -> None:
        """Do what follows from what is in the cache now."""
        if any(isinstance(message, Heartbeat) for message in batch.messages):
            self._heard = monotonic()
            self._heal()
            self._send_alarms()
            if self._publisher is not None:
                self._publisher.give_up_late()
        elif any(isinstance(message, ExposureSummary) and message.replayed for message in batch.messages):
            self._ask(self._healing.go_on(self._writer.missing()))

    def _heal(self) -> None:
        missing = self._writer.missing()
        asked = self._healing.at_heartbeat(self._writer.epoch, missing)
        if asked:
            count = sum(last - first + 1 for first, last in missing)
            log.info("%d of %d numbers are missing: asking for them", count, self._writer.newest)
        self._ask(asked)

    def _ask(self, missing: tuple[Span, ...]) -> None:
        if not missing or self._publisher is None:
            return
        request = ReplayRequest(
            subscriber=self._subscriber,
            epoch=self._writer.epoch,
            missing=missing,
            requested_at=datetime.now(UTC),
        )
        properties = properties_for(request, f"{self._subscriber}-{request.requested_at.timestamp()}")
        # Else, where many heal and each has to wait for long, the line would be full of what was asked before.
        properties.expiration = str(int(1000 * STALLED))
        self._publisher.publish(None, "", REQUEST_QUEUE, encode(request), properties)

    def _send_alarms(self) -> None:
        """Send what `alarm` could not deliver itself."""
        if self._publisher is not None:
            try:
                self._outbox.send(self._publisher)
            except DatabaseError as error:
                self._say_once("alarms", str(error))

    def _on_alarms_sent(self, numbers: list[int]) -> None:
        try:
            self._outbox.sent(numbers)
        except DatabaseError as error:
            self._on_refused(numbers, f"they have been sent, and will be again: {error}")
        else:
            self._said.pop("alarms", None)

    def _on_refused(self, numbers: list[int], reason: str) -> None:
        self._outbox.refused(numbers)
        self._say_once("alarms", f"alarms wait: {reason}")

    def _say_once(self, about: str, text: str) -> None:
        if text != self._said.get(about):
            self._said[about] = text
            log.warning("%s", text)
