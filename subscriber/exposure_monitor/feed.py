"""What one channel brings: a queue of the tap's own, the log, or both."""

from collections.abc import Callable
from typing import Any, Final

import pika
from pika.channel import Channel
from pika.exceptions import ChannelClosedByBroker

from exposure_bus.broker.failures import translate
from exposure_bus.errors import BrokerError, BrokerRefused, BrokerUnreachable
from exposure_monitor.history import History
from exposure_monitor.selection import Selection
from exposure_monitor.tapped import Tapped, read_tapped
from exposure_schemas.routing import LOG_STREAM

PREFETCH: Final = 200
"""Messages that the broker sends ahead; a stream insists on a number."""

OWN_QUEUE: Final = {
    "x-queue-type": "classic",
    "x-max-length": 10_000,
    "x-max-length-bytes": 100 * 2**20,
    "x-overflow": "drop-head",
}
"""A tap whose reader is slow loses the oldest, and nobody else notices."""

PATIENCE: Final = 15.0
"""Seconds in which a broker sends the last message of the log once more, if it has it."""

_NOT_FOUND: Final = 404


class Feed:
    """Reads on a channel of its own, so that a refusal closes this one and not the connection.

    Args:
        selection: What is wanted.
        history: Where to read the log; None not to read it.
        arrived: Called with each message that is wanted.
        ready: Called when the broker has promised to send everything.
        broken: Called with the reason when the channel is closed, but not when the whole connection is.
    """

    def __init__(
        self,
        selection: Selection,
        history: History | None,
        *,
        arrived: Callable[[Tapped], None],
        ready: Callable[[], None],
        broken: Callable[[BrokerError], None],
    ) -> None:
        self._selection = selection
        self._history = history
        self._arrived = arrived
        self._ready = ready
        self._broken = broken
        self._channel: Channel | None = None
        self._awaited = 0
        self._reason = ""
        self.waiting = False
        """Whether the broker has yet to answer what was asked of it."""

    def open(self, connection: pika.SelectConnection) -> None:
        """Open a channel on a connection, and read."""
        self.waiting = True
        connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Channel) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._on_close)
        channel.add_on_cancel_callback(lambda _frame: self._close("a queue that was read is deleted"))
        if self._history is not None:
            self._awaited += 1
            self._read_log(channel, self._history)
        if self._selection.bindings:
            self._awaited += 1
            channel.queue_declare("", exclusive=True, auto_delete=True, arguments=OWN_QUEUE, callback=self._on_declared)

    def _read_log(self, channel: Channel, history: History) -> None:
        history.resume()
        if history.reminded:
            channel.connection.channel(on_open_callback=self._look_at_beginning)
        else:
            channel.connection.ioloop.call_later(PATIENCE, lambda: self._check_reminded(channel, history))
        channel.basic_qos(prefetch_count=PREFETCH)
        channel.basic_consume(
            LOG_STREAM, self._on_logged, arguments={"x-stream-offset": history.offset}, callback=self._on_consuming
        )

    def _look_at_beginning(self, channel: Channel) -> None:
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(LOG_STREAM, self._on_beginning, arguments={"x-stream-offset": "first"})

    def _on_declared(self, frame: Any) -> None:
        assert self._channel is not None, "an open channel has declared it"  # noqa: S101 (for the type checker)
        queue = frame.method.queue
        for exchange, key in self._selection.bindings:
            self._channel.queue_bind(queue, exchange, key)
        self._channel.basic_consume(queue, self._on_live, auto_ack=True, callback=self._on_consuming)

    def _on_consuming(self, _frame: Any) -> None:
        self._awaited -= 1
        if not self._awaited:
            self.waiting = False
            self._ready()

    def _on_live(self, _channel: Channel, method: Any, properties: pika.BasicProperties, body: bytes) -> None:
        self._pass_on(read_tapped(method, properties, body, logged=False))

    def _on_logged(self, channel: Channel, method: Any, properties: pika.BasicProperties, body: bytes) -> None:
        if self._reason or self._history is None:
            return  # what still comes while the channel closes
        channel.basic_ack(method.delivery_tag)  # takes nothing out of a stream, but asks for more
        tapped = read_tapped(method, properties, body, logged=True)
        if self._history.is_another_log(tapped):
            self._start_over(self._history)
        elif self._history.take(tapped):
            self._pass_on(tapped)

    def _on_beginning(self, channel: Channel, method: Any, properties: pika.BasicProperties, body: bytes) -> None:
        channel.close()  # cancelling would have pika reject what still comes, which a stream does not allow
        if self._history is not None:
            self._history.note_beginning(read_tapped(method, properties, body, logged=True))

    def _pass_on(self, tapped: Tapped) -> None:
        if self._selection.wants(tapped):
            self._arrived(tapped)

    def _check_reminded(self, channel: Channel, history: History) -> None:
        if channel.is_open and not history.reminded:
            self._start_over(history)

    def _start_over(self, history: History) -> None:
        history.restart()
        self._close("the log is another one than before, so reading goes on by the clock")

    def _close(self, reason: str) -> None:
        self._reason = reason
        if self._channel is not None and self._channel.is_open:
            self._channel.close()

    def _on_close(self, channel: Channel, error: Exception) -> None:
        self.waiting = False
        address = f"{channel.connection.params.host}:{channel.connection.params.port}"
        if self._reason:
            self._broken(BrokerUnreachable(f"at the broker {address} {self._reason}"))
        elif channel.connection.is_open:
            self._broken(self._explained(error, address))

    def _explained(self, error: Exception, address: str) -> BrokerError:
        if self._history is None or not isinstance(error, ChannelClosedByBroker) or error.reply_code != _NOT_FOUND:
            return translate(error, address)
        if "no queue" in error.reply_text:
            return BrokerRefused(
                f"the broker at {address} keeps no log of exposures ({LOG_STREAM}): `exposure-bus publish` declares it "
                "when it starts; without it a tap sees only what comes from now on"
            )
        return BrokerUnreachable(f"the broker at {address} has not recovered its log yet: {error.reply_text}")
