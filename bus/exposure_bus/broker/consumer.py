"""A consumer that finds out whether the broker still knows it.

A broker may lose a consumer without a word: a quorum queue whose deletion fails half-way, while a node of its cluster
goes down, is gone, and nobody who consumed from it is told (seen with RabbitMQ 3.10.8).
"""

from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any, Final

from pika.adapters.select_connection import IOLoop
from pika.channel import Channel

ANSWER_TIMEOUT: Final = 10.0
"""Seconds that a queue may take to accept a consumer."""

OnMessage = Callable[..., None]


class Consumer:
    """Consumes from a queue on one channel.

    Args:
        loop: Where the channel lives.
        channel: The channel.
        queue: The queue.
        on_message: Called with each message, as by pika.
        unanswered: Called if the queue does not accept the consumer.
        lost: Called if the broker has lost it.
    """

    def __init__(
        self,
        loop: IOLoop,
        channel: Channel,
        queue: str,
        *,
        on_message: OnMessage,
        unanswered: Callable[[], None],
        lost: Callable[[], None],
    ) -> None:
        self._channel = channel
        self._queue = queue
        self._on_message = on_message
        self._lost = lost
        self._heard = monotonic()
        overdue = loop.call_later(ANSWER_TIMEOUT, unanswered)
        self._tag = channel.basic_consume(
            queue, self._on_delivery, callback=lambda _frame: loop.remove_timeout(overdue)
        )

    @property
    def silence(self) -> float:
        """Seconds since a message came, or since the consumer was made."""
        return monotonic() - self._heard

    def check(self) -> None:
        """Ask the broker whether anybody consumes from the queue; it answers later."""
        if self._channel.is_open:
            self._channel.queue_declare(self._queue, passive=True, callback=partial(self._on_declared, monotonic()))

    def cancel(self) -> None:
        """Consume no more."""
        if self._channel.is_open:
            self._channel.basic_cancel(self._tag)

    def _on_declared(self, asked: float, frame: Any) -> None:
        ours = self._tag in self._channel.consumer_tags and self._heard < asked
        if ours and frame.method.consumer_count == 0:
            self._lost()

    def _on_delivery(self, *delivery: Any) -> None:
        self._heard = monotonic()
        self._on_message(*delivery)
