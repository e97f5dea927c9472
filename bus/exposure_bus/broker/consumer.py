"""A consumer that finds out whether the broker still knows it, and serves it.

A broker may lose a consumer without a word: a quorum queue whose deletion fails half-way, while a node of its cluster
goes down, is gone, and nobody who consumed from it is told. Or it accepts a consumer and never sends it anything: a
node whose own replica of the queue did not start after a crash ("could not be restarted") is still trusted by the
queue's leader to deliver to whoever is connected there (both seen with RabbitMQ 3.10.8).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, Final

from pika.adapters.select_connection import IOLoop
from pika.channel import Channel

ANSWER_TIMEOUT: Final = 10.0
"""Seconds that a queue may take to accept a consumer, and the broker to say whether it has one."""

OnMessage = Callable[..., None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Starved:
    """What is known of a queue from which nothing comes, though the broker knows its consumer."""

    waiting: int
    """Messages that nobody has been sent."""
    alone: bool
    """Whether nobody else consumes from it, who would be served first."""
    served: bool
    """Whether anything has ever come on this channel."""


class Consumer:
    """Consumes from a queue on one channel.

    Args:
        loop: Where the channel lives.
        channel: The channel.
        queue: The queue.
        on_message: Called with each message, as by pika.
        accepted: Called when the queue accepts the consumer.
        unanswered: Called if the queue does not accept the consumer.
        lost: Called if the broker has lost it.
        starved: Called if the broker has it, and sends it nothing.
    """

    def __init__(
        self,
        loop: IOLoop,
        channel: Channel,
        queue: str,
        *,
        on_message: OnMessage,
        accepted: Callable[[], None],
        unanswered: Callable[[], None],
        lost: Callable[[], None],
        starved: Callable[[Starved], None],
    ) -> None:
        self._loop = loop
        self._channel = channel
        self._queue = queue
        self._on_message = on_message
        self._lost = lost
        self._starved = starved
        self._begun = self._heard = monotonic()
        self._accepted = accepted
        self._overdue: Any = None
        self._unanswered = loop.call_later(ANSWER_TIMEOUT, unanswered)
        self._tag = channel.basic_consume(queue, self._on_delivery, callback=self._on_accepted)

    @property
    def silence(self) -> float:
        """Seconds since a message came, or since the consumer was made."""
        return monotonic() - self._heard

    def check(self, *, expected: bool) -> None:
        """Ask the broker whether it serves this consumer; it answers later.

        Args:
            expected: Whether something should have come, even if the broker says that nothing waits: what it believes
                to have sent is not counted.
        """
        if not self._channel.is_open or self._overdue is not None:
            return
        self._overdue = self._loop.call_later(ANSWER_TIMEOUT, self._on_no_answer)
        answered = partial(self._on_declared, monotonic(), expected)
        self._channel.queue_declare(self._queue, passive=True, callback=answered)

    def cancel(self) -> None:
        """Consume no more."""
        if self._channel.is_open:
            self._channel.basic_cancel(self._tag)

    def _on_accepted(self, _frame: Any) -> None:
        self._loop.remove_timeout(self._unanswered)
        self._accepted()

    def _on_no_answer(self) -> None:
        self._overdue = None
        if self._channel.is_open:
            self._lost()

    def _on_declared(self, asked: float, expected: bool, frame: Any) -> None:
        self._loop.remove_timeout(self._overdue)
        self._overdue = None
        if self._tag not in self._channel.consumer_tags or self._heard >= asked:
            return
        waiting, consumers = frame.method.message_count, frame.method.consumer_count
        if consumers == 0:
            self._lost()
        elif waiting or (expected and consumers == 1):
            self._starved(Starved(waiting=waiting, alone=consumers == 1, served=self._heard > self._begun))

    def _on_delivery(self, *delivery: Any) -> None:
        self._heard = monotonic()
        self._on_message(*delivery)
